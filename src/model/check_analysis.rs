//! Ranges of a card's analysis tables, each with the tensors that belong to it.

use super::card::{
    Axis, Bands, FeatureChannel, Mel, ModelCard, OutputKind, Representation, Waveform,
};
use super::check::{Checked, expect, finite_within, invalid, within};

/// Most values that one input or output tensor may hold (1 GiB of f32).
const MAX_TENSOR_VALUES: usize = 1 << 28;

/// Each representation has its own table and no other.
pub(super) fn analysis(card: &ModelCard) -> Checked {
    let analysis = &card.analysis;
    let kind = analysis.representation;
    table("analysis.bands", analysis.bands.is_some(), kind, Representation::Bands)?;
    table("analysis.mel", analysis.mel.is_some(), kind, Representation::LogMel)?;
    table("analysis.waveform", analysis.waveform.is_some(), kind, Representation::Waveform)?;
    if let Some(bands) = &analysis.bands {
        self::bands(card, bands)?;
    }
    if let Some(mel) = &analysis.mel {
        self::mel(card, mel)?;
    }
    if let Some(waveform) = &analysis.waveform {
        self::waveform(card, waveform)?;
    }
    Ok(())
}

fn table(
    key: &'static str,
    present: bool,
    kind: Representation,
    belongs_to: Representation,
) -> Checked {
    let name = belongs_to.name();
    match (present, kind == belongs_to) {
        (false, true) => {
            Err(invalid(key, format!("a table, as the representation is {name}"), "none"))
        }
        (true, false) => {
            Err(invalid(key, format!("none, as the representation is not {name}"), "a table"))
        }
        _ => Ok(()),
    }
}

fn bands(card: &ModelCard, bands: &Bands) -> Checked {
    within("analysis.bands.count", bands.count, 1..=card.analysis.fft_size / 2 + 1)?;
    within("analysis.bands.channels", bands.channels.len(), 1..=4)?;
    finite_within("analysis.bands.floor_db", bands.floor_db, -200.0, 0.0)?;
    finite_within("analysis.bands.mean_db", bands.mean_db, -200.0, 100.0)?;
    finite_within("analysis.bands.std_db", bands.std_db, 0.01, 1000.0)?;
    spectral_tensors(card, bands.count, bands.channels.len())
}

fn mel(card: &ModelCard, mel: &Mel) -> Checked {
    within("analysis.mel.count", mel.count, 1..=card.analysis.fft_size / 2 + 1)?;
    let nyquist_hz = card.audio.sample_rate as f32 / 2.0;
    finite_within("analysis.mel.high_hz", mel.high_hz, 1.0, nyquist_hz)?;
    finite_within("analysis.mel.low_hz", mel.low_hz, 0.0, mel.high_hz - 1.0)?;
    finite_within("analysis.mel.floor_db", mel.floor_db, -200.0, 0.0)?;
    finite_within("analysis.mel.mean_db", mel.mean_db, -200.0, 100.0)?;
    finite_within("analysis.mel.std_db", mel.std_db, 0.01, 1000.0)?;
    // An estimate is compared with the channel that its mask is for.
    let (wanted, words): (&[FeatureChannel], _) = match card.audio.channels {
        1 => (&[FeatureChannel::Mid], "mid, as audio.channels is 1"),
        _ => (
            &[FeatureChannel::Left, FeatureChannel::Right],
            "left and right, as audio.channels is 2",
        ),
    };
    expect("analysis.mel.channels", mel.channels == wanted, words, format!("{:?}", mel.channels))?;
    kind(card, OutputKind::Magnitude, "magnitude, as the representation is log-mel")?;
    spectral_tensors(card, mel.count, mel.channels.len())
}

fn waveform(card: &ModelCard, waveform: &Waveform) -> Checked {
    within("analysis.waveform.chunk", waveform.chunk, 16..=1 << 22)?;
    within("audio.channels", card.audio.channels, 1..=1)?;
    let samples = card.window.multiple * card.analysis.hop_size;
    expect(
        "window.multiple x analysis.hop_size",
        samples.is_multiple_of(waveform.chunk),
        "a multiple of analysis.waveform.chunk",
        samples,
    )?;
    kind(card, OutputKind::Waveform, "waveform, as the representation is waveform")?;
    // The channels of a track are stacked on the batch axis; two at most.
    let values = card.window.frames * card.analysis.hop_size * 2 * card.audio.sources.len();
    within("window.frames x hop_size x sources", values, 1..=MAX_TENSOR_VALUES)?;
    axes(card, [Axis::Batch, Axis::Channel, Axis::Sample], "batch, channel, sample")?;
    let wanted = [Axis::Batch, Axis::SourceChannel, Axis::Sample];
    output_axes(card, wanted, "batch, source-channel, sample")
}

fn spectral_tensors(card: &ModelCard, num_bands: usize, num_channels: usize) -> Checked {
    let masks = card.audio.sources.len() * card.audio.channels;
    let values = num_bands * card.window.frames * num_channels.max(masks);
    within("window.frames x bands x channels", values, 1..=MAX_TENSOR_VALUES)?;
    let wanted = [Axis::Batch, Axis::Channel, Axis::Band, Axis::Frame];
    axes(card, wanted, "batch, channel, band, frame")?;
    let wanted = [Axis::Batch, Axis::SourceChannel, Axis::Band, Axis::Frame];
    output_axes(card, wanted, "batch, source-channel, band, frame")
}

fn kind(card: &ModelCard, wanted: OutputKind, words: &str) -> Checked {
    expect("output.kind", card.output.kind == wanted, words, format!("{:?}", card.output.kind))
}

fn axes<const N: usize>(card: &ModelCard, wanted: [Axis; N], words: &str) -> Checked {
    expect("input.axes", card.input.axes == wanted, words, format!("{:?}", card.input.axes))
}

fn output_axes<const N: usize>(card: &ModelCard, wanted: [Axis; N], words: &str) -> Checked {
    expect("output.axes", card.output.axes == wanted, words, format!("{:?}", card.output.axes))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Instrument, ModelCard};

    const STUDIO: &str = include_str!("../../models/studio/card.toml");
    const MEL: &str = include_str!("../../tests/cards/log-mel.toml");
    const WAVE: &str = include_str!("../../tests/cards/waveform.toml");

    fn refused(good: &str, cases: &[(&str, &str, &str)]) {
        ModelCard::parse(good, Path::new("card.toml")).expect("the sample card is good");
        for (from, to, words) in cases {
            assert!(good.contains(from), "the sample card lacks {from:?}");
            let outcome = ModelCard::parse(&good.replacen(from, to, 1), Path::new("card.toml"));
            let message = outcome.err().map_or("no refusal".to_owned(), |error| error.to_string());
            assert!(message.contains(words), "{to}: {message}");
        }
    }

    #[test]
    fn good_cards_give_the_networks_sources_and_then_the_remainder() {
        for text in [MEL, WAVE] {
            let card = ModelCard::parse(text, Path::new("card.toml")).unwrap();
            assert_eq!(card.sources(), [Instrument::Vocals, Instrument::Other]);
            assert_eq!(card.source_index(Instrument::Other), Some(1));
            assert_eq!(card.audio.sources, [Instrument::Vocals]);
        }
        let card = ModelCard::parse(MEL, Path::new("card.toml")).unwrap();
        let (_, filters) = card.mel_filterbank(4096, 22_050.0).unwrap();
        assert_eq!(filters.num_bands(), 512);
        assert!((card.window_seconds() - 14.86).abs() < 0.01);
    }

    #[test]
    fn log_mel_cards_out_of_range_are_refused_in_words() {
        refused(
            MEL,
            &[
                ("count = 512", "count = 0", "analysis.mel.count: expected 1 to 2049, found 0"),
                ("count = 512", "count = 4000000000", "analysis.mel.count"),
                ("high_hz = 11025.0", "high_hz = 11026.0", "expected 1 to 11025, found 11026"),
                ("high_hz = 11025.0", "high_hz = inf", "analysis.mel.high_hz"),
                ("low_hz = 0.0", "low_hz = 11025.0", "analysis.mel.low_hz"),
                ("low_hz = 0.0", "low_hz = nan", "analysis.mel.low_hz"),
                ("floor_db = -100.0", "floor_db = 1.0", "analysis.mel.floor_db"),
                ("std_db = 20.0", "std_db = 0.0", "analysis.mel.std_db"),
                ("channels = [\"mid\"]", "channels = [\"side\"]", "expected mid"),
                ("channels = 1", "channels = 2", "left and right, as audio.channels is 2"),
                ("scale = \"slaney\"", "scale = \"bark\"", "bark"),
                ("kind = \"magnitude\"", "kind = \"waveform\"", "magnitude, as"),
                ("activation = \"none\"", "activation = \"softmax\"", "output.activation"),
                ("remainder = \"other\"", "", "output.remainder: expected the stem"),
                ("remainder = \"other\"", "remainder = \"vocals\"", "not among audio.sources"),
                ("\"band\", \"frame\"", "\"frame\", \"band\"", "input.axes"),
                (
                    "[analysis.mel]",
                    "[analysis.waveform]\nchunk = 64\n[analysis.mel]",
                    "is not wave",
                ),
                ("= \"log-mel\"\nfft", "= \"bands\"\nfft", "analysis.bands: expected a table"),
                ("frames = 640", "frames = 16416", "window.frames: expected 1 to 16384"),
            ],
        );
    }

    #[test]
    fn waveform_cards_out_of_range_are_refused_in_words() {
        refused(
            WAVE,
            &[
                ("chunk = 16384", "chunk = 0", "analysis.waveform.chunk: expected 16 to"),
                ("chunk = 16384", "chunk = 1000", "a multiple of analysis.waveform.chunk"),
                ("chunk = 16384", "chunk = 9000000000000000000", "analysis.waveform.chunk"),
                ("channels = 1", "channels = 2", "audio.channels: expected 1 to 1, found 2"),
                ("kind = \"waveform\"", "kind = \"magnitude\"", "waveform, as"),
                ("kind = \"waveform\"", "kind = \"mask\"", "output.activation"),
                ("remainder = \"other\"", "", "output.remainder"),
                ("\"sample\"]", "\"frame\"]", "input.axes"),
                (
                    "[analysis.waveform]\nchunk = 16384",
                    "",
                    "a table, as the representation is wave",
                ),
                ("hop_size = 1024", "hop_size = 4096", "analysis.hop_size"),
            ],
        );
    }

    #[test]
    fn masks_have_no_remainder_and_other_representations_no_table() {
        refused(
            STUDIO,
            &[
                (
                    "activation = \"softmax\"",
                    "activation = \"softmax\"\nremainder = \"other\"",
                    "masks sum to one",
                ),
                ("activation = \"softmax\"", "activation = \"none\"", "expected softmax"),
                ("\"bands\"", "\"complex\"", "the representation is not bands"),
            ],
        );
    }
}
