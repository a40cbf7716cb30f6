//! Samples at the network's rate, one hop frame at a time.

use super::history::InputHistory;
use crate::dsp::resample::{ResampleError, Resampler};
use crate::model::ModelCard;
use crate::units::hz_from_bin;

/// The network's copy of the input. It alone is resampled, and only where the host's rate differs.
/// Hop frame `t` holds the samples from `t * hop` to `(t + 1) * hop` of every channel.
pub(crate) struct WaveformAnalysis {
    hop: usize,
    num_channels: usize,
    bins_hz: Vec<f64>,
    /// `None` at the network's own rate.
    resampling: Option<Resampling>,
}

struct Resampling {
    resampler: Resampler,
    /// Host frames that the resampler has been given.
    taken: i64,
    /// Samples at the network's rate that no hop frame has had yet, a vector a channel.
    ready: Vec<Vec<f32>>,
}

impl WaveformAnalysis {
    /// The analysis that `card` asks for; `None` when its input is no waveform.
    pub fn new(
        card: &ModelCard,
        sample_rate_hz: f64,
        num_channels: usize,
    ) -> Result<Option<Self>, ResampleError> {
        if card.analysis.waveform.is_none() {
            return Ok(None);
        }
        let (fft_size, rate_hz) = (card.analysis.fft_size, card.sample_rate_hz());
        let resampling = if sample_rate_hz == rate_hz {
            None
        } else {
            let resampler = Resampler::new(sample_rate_hz, rate_hz, num_channels)?;
            Some(Resampling { resampler, taken: 0, ready: vec![Vec::new(); num_channels] })
        };
        Ok(Some(Self {
            hop: card.analysis.hop_size,
            num_channels,
            bins_hz: (0..=fft_size / 2).map(|bin| hz_from_bin(bin, fft_size, rate_hz)).collect(),
            resampling,
        }))
    }

    /// Samples of a hop frame.
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// Channels of the track.
    pub fn num_channels(&self) -> usize {
        self.num_channels
    }

    /// Frequencies of the bins that masks stand for.
    pub fn bins_hz(&self) -> &[f64] {
        &self.bins_hz
    }

    /// Writes hop frame `index` as `channel x sample`; false when it is not complete.
    pub fn advance(&mut self, input: &InputHistory, index: u64, features: &mut [f32]) -> bool {
        let hop = self.hop;
        let Some(resampling) = &mut self.resampling else {
            let start = (index as usize * hop) as i64;
            if start + hop as i64 > input.end() {
                return false;
            }
            for (channel, out) in features.chunks_exact_mut(hop).enumerate() {
                out.copy_from_slice(input.window(channel, start, hop));
            }
            return true;
        };
        resampling.take(input);
        if resampling.ready[0].len() < hop {
            return false;
        }
        for (ready, out) in resampling.ready.iter_mut().zip(features.chunks_exact_mut(hop)) {
            out.copy_from_slice(&ready[..hop]);
            ready.drain(..hop);
        }
        true
    }

    /// First host frame that hop frame `index` and those after it still need.
    pub fn first_needed(&self, index: u64) -> i64 {
        match &self.resampling {
            Some(resampling) => resampling.taken,
            None => (index as usize * self.hop) as i64,
        }
    }

    pub fn reset(&mut self) {
        if let Some(resampling) = &mut self.resampling {
            resampling.resampler.reset();
            resampling.taken = 0;
            resampling.ready.iter_mut().for_each(Vec::clear);
        }
    }
}

impl Resampling {
    /// Gives the resampler all that has been received.
    fn take(&mut self, input: &InputHistory) {
        let count = (input.end() - self.taken) as usize;
        let views: Vec<&[f32]> =
            (0..self.ready.len()).map(|channel| input.window(channel, self.taken, count)).collect();
        self.resampler.process(&views, &mut self.ready);
        self.taken = input.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> ModelCard {
        let text = include_str!("../../tests/cards/waveform.toml");
        ModelCard::parse(text, std::path::Path::new("card.toml")).unwrap()
    }

    /// The first hop frames of a tone at any rate.
    fn hop_frames(sample_rate_hz: f64) -> Vec<Vec<f32>> {
        let mut analysis = WaveformAnalysis::new(&card(), sample_rate_hz, 2).unwrap().unwrap();
        let mut input = InputHistory::new(2, 2048);
        let mut frames = Vec::new();
        let mut features = vec![0.0; 2 * 1024];
        let mut n = 0;
        while frames.len() < 8 {
            let samples: Vec<f32> = (n..n + 500)
                .flat_map(|n| {
                    let turn = std::f64::consts::TAU * f64::from(n) / sample_rate_hz;
                    [(0.5 * (turn * 500.0).sin()) as f32, (0.5 * (turn * 300.0).cos()) as f32]
                })
                .collect();
            n += 500;
            input.push_interleaved(&samples);
            while analysis.advance(&input, frames.len() as u64, &mut features) {
                frames.push(features.clone());
            }
            input.forget_before(analysis.first_needed(frames.len() as u64));
        }
        frames
    }

    #[test]
    fn the_network_hears_the_same_at_any_rate_of_the_host() {
        let reference = hop_frames(44_100.0);
        for rate in [22_050.0, 48_000.0, 96_000.0, 192_000.0] {
            // The first hop frame holds the onset, which a filter must blur.
            for (index, (want, got)) in reference.iter().zip(hop_frames(rate)).enumerate().skip(1) {
                for (want, got) in want.iter().zip(&got) {
                    assert!((want - got).abs() < 2e-3, "{rate} Hz, hop frame {index}");
                }
            }
        }
    }
}
