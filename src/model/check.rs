//! Ranges of a card's values. Checked once, at parsing; the rest of the code relies on them.

use std::ops::RangeInclusive;

use super::card::{Activation, ModelCard, OutputKind};
use super::check_analysis;

/// One value that is out of its range.
pub(super) struct Invalid {
    pub key: &'static str,
    pub expected: String,
    pub found: String,
}

pub(super) type Checked = Result<(), Invalid>;

pub(super) fn card(card: &ModelCard) -> Checked {
    within("schema", card.schema as usize, 1..=1)?;
    identity(card)?;
    within("audio.sample_rate", card.audio.sample_rate as usize, 4_000..=384_000)?;
    within("audio.channels", card.audio.channels, 1..=2)?;
    sources(card)?;
    within("analysis.fft_size", card.analysis.fft_size, 64..=65_536)?;
    expect(
        "analysis.fft_size",
        card.analysis.fft_size.is_multiple_of(4),
        "a multiple of 4",
        card.analysis.fft_size,
    )?;
    within("analysis.hop_size", card.analysis.hop_size, 16..=card.analysis.fft_size / 2)?;
    within("window.frames", card.window.frames, 1..=16_384)?;
    within("window.multiple", card.window.multiple, 1..=card.window.frames)?;
    expect(
        "window.frames",
        card.window.frames.is_multiple_of(card.window.multiple),
        "a multiple of window.multiple",
        card.window.frames,
    )?;
    if let Some(context) = card.window.context {
        within("window.context", context, 0..=card.window.frames)?;
        expect(
            "window.context",
            card.window.dynamic,
            "none, as the window is not dynamic",
            context,
        )?;
    }
    output(card)?;
    check_analysis::analysis(card)
}

fn identity(card: &ModelCard) -> Checked {
    let name = &card.model.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    expect(
        "model.name",
        (1..=64).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('.'),
        "1 to 64 letters, digits, '-', '_' or '.'",
        format!("{name:?}"),
    )?;
    // The file stands beside the card: a path that leads elsewhere is a stranger's trick.
    let file = &card.model.file;
    expect(
        "model.file",
        !file.is_empty() && !file.contains(['/', '\\', ':']) && file != "..",
        "a file name without folders",
        format!("{file:?}"),
    )?;
    let hash = &card.model.sha256;
    expect(
        "model.sha256",
        hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit()),
        "64 hexadecimal digits",
        format!("{hash:?}"),
    )
}

fn sources(card: &ModelCard) -> Checked {
    let sources = &card.audio.sources;
    within("audio.sources", sources.len(), 1..=6)?;
    let repeated = (1..sources.len()).find(|&i| sources[..i].contains(&sources[i]));
    match repeated {
        Some(i) => {
            Err(invalid("audio.sources", "each source once", format!("{} again", sources[i])))
        }
        None => Ok(()),
    }
}

/// What is left over belongs to one stem exactly where the network gives sources and not masks.
fn output(card: &ModelCard) -> Checked {
    let kind = card.output.kind;
    match (kind, card.output.activation) {
        (OutputKind::Mask, Activation::None) => {
            return Err(invalid("output.activation", "softmax, as the output is masks", "none"));
        }
        (OutputKind::Mask, Activation::Softmax) | (_, Activation::None) => {}
        (_, Activation::Softmax) => {
            return Err(invalid("output.activation", "none, as the output is no masks", "softmax"));
        }
    }
    match (kind, card.output.remainder) {
        (OutputKind::Mask, Some(remainder)) => Err(invalid(
            "output.remainder",
            "none, as masks sum to one by themselves",
            remainder.name(),
        )),
        (OutputKind::Mask, None) => Ok(()),
        (_, None) => {
            Err(invalid("output.remainder", "the stem that gets what the sources leave", "none"))
        }
        (_, Some(remainder)) if card.audio.sources.contains(&remainder) => Err(invalid(
            "output.remainder",
            "a stem that is not among audio.sources",
            remainder.name(),
        )),
        (_, Some(_)) => within("audio.sources", card.audio.sources.len(), 1..=5),
    }
}

pub(super) fn invalid(
    key: &'static str,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> Invalid {
    Invalid { key, expected: expected.into(), found: found.into() }
}

pub(super) fn expect(key: &'static str, ok: bool, expected: &str, found: impl ToString) -> Checked {
    if ok { Ok(()) } else { Err(invalid(key, expected, found.to_string())) }
}

pub(super) fn within(key: &'static str, value: usize, range: RangeInclusive<usize>) -> Checked {
    let expected = format!("{} to {}", range.start(), range.end());
    expect(key, range.contains(&value), &expected, value)
}

pub(super) fn finite_within(key: &'static str, value: f32, low: f32, high: f32) -> Checked {
    expect(key, (low..=high).contains(&value), &format!("{low} to {high}"), value)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{CardError, ModelCard};

    const GOOD: &str = include_str!("../../models/studio/card.toml");

    fn error_of(text: &str) -> String {
        match ModelCard::parse(text, Path::new("card.toml")) {
            Err(error @ (CardError::Invalid { .. } | CardError::Parse { .. })) => error.to_string(),
            other => panic!("expected a refusal, found {other:?}"),
        }
    }

    #[test]
    fn the_compiled_in_card_is_valid() {
        let card = ModelCard::builtin();
        assert_eq!(card.name(), "studio");
        assert_eq!(card.sources().len(), 6);
        assert!((card.window_seconds() - 14.86).abs() < 0.01);
        let text = GOOD.replace("context = 63\n", "");
        let card = ModelCard::parse(&text, Path::new("card.toml")).unwrap();
        assert_eq!(card.window.context, None, "the key may be left out");
    }

    #[test]
    fn values_out_of_range_are_named_with_expected_and_found() {
        for (from, to, words) in [
            ("schema = 1", "schema = 2", "schema: expected 1 to 1, found 2"),
            ("fft_size = 4096", "fft_size = 1000000000000", "expected 64 to 65536"),
            ("fft_size = 4096", "fft_size = 4098", "expected a multiple of 4"),
            ("channels = 2", "channels = 9", "audio.channels: expected 1 to 2, found 9"),
            ("count = 512", "count = 0", "analysis.bands.count: expected 1 to 2049"),
            ("count = 512", "count = 2050", "found 2050"),
            ("frames = 640", "frames = 16385", "window.frames: expected 1 to 16384"),
            ("frames = 640", "frames = 641", "a multiple of window.multiple"),
            ("context = 63", "context = 641", "window.context: expected 0 to 640, found 641"),
            ("context = 63", "context = 9223372036854775807", "window.context: expected 0 to 640"),
            ("context = 63", "context = -1", "context"),
            ("context = 63", "context = 1.5", "context"),
            ("dynamic = true", "dynamic = false", "window.context: expected none, as the window"),
            ("std_db = 20.0", "std_db = nan", "std_db"),
            ("\"model.onnx\"", "\"../../../etc/passwd\"", "without folders"),
            ("name = \"studio\"", "name = \"a/b\"", "model.name"),
            ("[window]", "[window]\nsurprise = 1", "surprise"),
            ("\"drums\"", "\"vocals\"", "each source once"),
            ("\"drums\"", "\"cowbell\"", "cowbell"),
            ("representation = \"bands\"", "representation = \"waveform\"", "analysis.bands"),
        ] {
            assert!(GOOD.contains(from), "the sample card lacks {from:?}");
            let message = error_of(&GOOD.replacen(from, to, 1));
            assert!(message.contains(words), "{to}: {message}");
        }
    }

    #[test]
    fn text_that_is_no_card_is_refused() {
        assert!(error_of("").contains("missing field"));
        assert!(error_of("\u{0}\u{1}garbage [[[").contains("does not parse"));
    }

    #[test]
    fn a_missing_or_huge_card_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = ModelCard::load(folder.path()).unwrap_err();
        assert!(error.to_string().contains("card.toml"));
        std::fs::write(folder.path().join("card.toml"), vec![b'#'; 300 * 1024]).unwrap();
        assert!(ModelCard::load(folder.path()).unwrap_err().to_string().contains("at most 262144"));
    }
}
