//! Features in bands: one hop frame of the network at a time, from the host's own samples.

use super::grid::Grid;
use super::history::InputHistory;
use crate::dsp::Complex32;
use crate::dsp::bands::BandScale;
use crate::dsp::features::FeatureScale;
use crate::dsp::mel::MelFilterbank;
use crate::dsp::stft::Stft;
use crate::model::ModelCard;
use crate::model::card::FeatureChannel;

/// Band features of one hop frame at a time.
pub(crate) struct BandAnalysis {
    stft: Stft,
    bands: BandKind,
    channels: Vec<FeatureChannel>,
    scale: FeatureScale,
    spectra: Vec<Vec<Complex32>>,
    power: Vec<f32>,
    band_power: Vec<f32>,
}

/// What bins are gathered in.
enum BandKind {
    /// The mean over ranges of bins.
    Ranges(BandScale),
    /// The sum under triangles.
    Triangles(MelFilterbank),
}

impl BandKind {
    fn centres_hz(&self) -> &[f64] {
        match self {
            Self::Ranges(scale) => scale.centres_hz(),
            Self::Triangles(filters) => filters.centres_hz(),
        }
    }

    fn gather(&self, power: &[f32], band_power: &mut [f32]) {
        match self {
            Self::Ranges(scale) => scale.mean_power(power, band_power),
            Self::Triangles(filters) => filters.weighted_power(power, band_power),
        }
    }
}

impl BandAnalysis {
    /// The analysis that `card` asks for, of `num_channels` at `sample_rate_hz`; `None` when its
    /// input is not in bands.
    pub fn new(
        card: &ModelCard,
        analysis_size: usize,
        sample_rate_hz: f64,
        num_channels: usize,
    ) -> Option<Self> {
        let (bands, channels, scale) = if let Some((bands, scale)) = card.band_scale() {
            (BandKind::Ranges(scale), &bands.channels, bands.feature_scale())
        } else {
            let (mel, filters) = card.mel_filterbank(analysis_size, sample_rate_hz)?;
            (BandKind::Triangles(filters), &mel.channels, mel.feature_scale())
        };
        let stft = Stft::new(analysis_size);
        Some(Self {
            spectra: vec![vec![Complex32::default(); stft.num_bins()]; num_channels],
            power: vec![0.0; stft.num_bins()],
            band_power: vec![0.0; bands.centres_hz().len()],
            stft,
            bands,
            channels: channels.clone(),
            scale,
        })
    }

    /// Frequencies that the bands stand for.
    pub fn centres_hz(&self) -> &[f64] {
        self.bands.centres_hz()
    }

    /// Values of one hop frame: feature channels times bands.
    pub fn frame_len(&self) -> usize {
        self.channels.len() * self.band_power.len()
    }

    /// The feature of silence.
    pub fn silence(&self) -> f32 {
        self.scale.silence()
    }

    /// Features of the window of host frames that begins at `start`: `channel x band`.
    pub fn analyse(&mut self, input: &InputHistory, start: i64, features: &mut [f32]) {
        for (channel, spectrum) in self.spectra.iter_mut().enumerate() {
            self.stft.analyse(input.window(channel, start, self.stft.fft_size()), spectrum);
        }
        let scale = (1.0 / self.stft.window_sum()) as f32;
        let left = &self.spectra[0];
        // A mono track is one whose sides are equal.
        let right = self.spectra.last().unwrap_or(left);
        let num_bands = self.band_power.len();
        for (kind, out) in self.channels.iter().zip(features.chunks_exact_mut(num_bands)) {
            for ((power, &l), &r) in self.power.iter_mut().zip(left).zip(right) {
                let bin = match kind {
                    FeatureChannel::Left => l,
                    FeatureChannel::Right => r,
                    FeatureChannel::Side => (l - r) * 0.5,
                    FeatureChannel::Mid => (l + r) * 0.5,
                };
                *power = (bin * scale).norm_sqr();
            }
            self.bands.gather(&self.power, &mut self.band_power);
            for (out, &power) in out.iter_mut().zip(&self.band_power) {
                *out = self.scale.feature(power);
            }
        }
    }
}

/// Features of a whole recording, as the network would be given them: `feature channel x band x
/// hop frame`, hop frames fastest, for `num_hops` hop frames. `None` when the model's input is not in
/// bands or the recording has neither one channel nor two.
#[must_use]
pub fn recording_features(
    card: &ModelCard,
    sample_rate_hz: f64,
    channels: &[Vec<f32>],
    num_hops: usize,
) -> Option<Vec<f32>> {
    if !(1..=super::MAX_CHANNELS).contains(&channels.len()) {
        return None;
    }
    let grid = Grid::new(card, sample_rate_hz);
    let mut analysis = BandAnalysis::new(card, grid.analysis_size, sample_rate_hz, channels.len())?;
    let mut history = InputHistory::new(channels.len(), grid.analysis_size);
    // Silence follows the recording, as it precedes it.
    let end = grid.analysis_start(num_hops as u64) + grid.analysis_size as i64;
    let interleaved: Vec<f32> = (0..end.max(0) as usize)
        .flat_map(|frame| channels.iter().map(move |c| c.get(frame).copied().unwrap_or(0.0)))
        .collect();
    history.push_interleaved(&interleaved);
    let mut frame = vec![0.0; analysis.frame_len()];
    let mut features = vec![0.0; frame.len() * num_hops];
    for hop in 0..num_hops {
        analysis.analyse(&history, grid.analysis_start(hop as u64), &mut frame);
        for (row, &value) in features.chunks_exact_mut(num_hops).zip(&frame) {
            row[hop] = value;
        }
    }
    Some(features)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chord of partials at fixed frequencies, the same signal at any sample rate.
    fn chord(sample_rate_hz: f64, num_frames: usize) -> Vec<f32> {
        (0..num_frames)
            .flat_map(|n| {
                let t = n as f64 / sample_rate_hz;
                let tone = |f: f64| 0.1 * (std::f64::consts::TAU * f * t).sin();
                let left = tone(110.0) + tone(987.0) + tone(5_123.0);
                let right = tone(220.0) + tone(987.0) + tone(12_345.0);
                [left as f32, right as f32]
            })
            .collect()
    }

    fn mel_card() -> ModelCard {
        let text = include_str!("../../tests/cards/log-mel.toml");
        ModelCard::parse(text, std::path::Path::new("card.toml")).unwrap()
    }

    fn features_at(card: &ModelCard, sample_rate_hz: f64) -> Vec<f32> {
        let grid = Grid::new(card, sample_rate_hz);
        let mut analysis = BandAnalysis::new(card, grid.analysis_size, sample_rate_hz, 2).unwrap();
        let mut history = InputHistory::new(2, grid.analysis_size);
        history.push_interleaved(&chord(sample_rate_hz, sample_rate_hz as usize));
        let mut features = vec![0.0; analysis.frame_len()];
        analysis.analyse(&history, grid.analysis_start(20), &mut features);
        features
    }

    #[test]
    fn features_do_not_depend_on_the_hosts_sample_rate() {
        for card in [ModelCard::builtin(), mel_card()] {
            let reference = features_at(&card, 44_100.0);
            for rate in [48_000.0, 88_200.0, 96_000.0, 192_000.0] {
                let got = features_at(&card, rate);
                let audible = reference.iter().zip(&got).filter(|(want, _)| **want > -0.25);
                let mut count = 0;
                for (want, got) in audible {
                    count += 1;
                    let difference_db = (want - got).abs() * 20.0;
                    // Windows are whole frames long, so bins stand up to 0.06 bins off: 0.41 dB on
                    // the flank of a pure tone at 12 kHz.
                    assert!(
                        difference_db < 0.5,
                        "{} at {rate} Hz: {difference_db} dB",
                        card.name()
                    );
                }
                assert!(count > 10, "the chord must be visible: {count} values");
            }
        }
    }

    #[test]
    fn silence_has_one_value_everywhere() {
        for (card, silence) in [(ModelCard::builtin(), -2.0), (mel_card(), -2.25)] {
            let mut analysis = BandAnalysis::new(&card, 4096, card.sample_rate_hz(), 1).unwrap();
            let history = InputHistory::new(1, 4096);
            let mut features = vec![0.0; analysis.frame_len()];
            analysis.analyse(&history, -4096, &mut features);
            assert!(features.iter().all(|&value| value == analysis.silence()));
            assert!((analysis.silence() - silence).abs() < 1e-6);
        }
    }
}
