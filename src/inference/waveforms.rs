//! Masks from a network that gives its sources' samples, chunk by chunk.

use std::ops::Range;

use super::{InferenceError, shares};
use crate::dsp::Complex32;
use crate::dsp::stft::Stft;
use crate::model::ModelCard;

/// Cuts a window into the network's chunks, and compares what it gives with the mix.
pub(super) struct WaveformHead {
    /// Without the remainder.
    pub num_sources: usize,
    pub chunk: usize,
    pub hop: usize,
    stft: Stft,
    mix: Vec<Complex32>,
    estimate: Vec<Complex32>,
    samples: Vec<f32>,
}

/// A window's chunks that the network must see, and what it made of them.
pub(super) struct Batch {
    /// Index of each chunk among all of the window, channel after channel.
    pub chunks: Vec<usize>,
    /// Their samples, one chunk after the other.
    pub input: Vec<f32>,
}

impl WaveformHead {
    /// The head that `card` asks for; `None` when its input is no waveform.
    pub fn new(card: &ModelCard) -> Option<Self> {
        let waveform = card.analysis.waveform.as_ref()?;
        let stft = Stft::new(card.analysis.fft_size);
        Some(Self {
            num_sources: card.audio.sources.len(),
            chunk: waveform.chunk,
            hop: card.analysis.hop_size,
            mix: vec![Complex32::default(); stft.num_bins()],
            estimate: vec![Complex32::default(); stft.num_bins()],
            samples: vec![0.0; stft.fft_size()],
            stft,
        })
    }

    /// Values in the masks of one hop frame for `num_channels`, the remainder's among them.
    pub fn frame_len(&self, num_channels: usize) -> usize {
        (self.num_sources + 1) * num_channels * self.stft.num_bins()
    }

    /// The chunks of `window` (`channel x sample`, `num_samples` each) that the masks of the hop
    /// frames `wanted` depend on. Silent chunks are left out: silence holds no source.
    pub fn batch(&self, window: &[f32], num_samples: usize, wanted: Range<usize>) -> Batch {
        let reach = self.stft.fft_size() / 2;
        let first = (wanted.start * self.hop).saturating_sub(reach);
        let end = (wanted.end * self.hop + reach).min(num_samples);
        let per_channel = num_samples / self.chunk;
        let (mut chunks, mut input) = (Vec::new(), Vec::new());
        for (index, samples) in window.chunks_exact(self.chunk).enumerate() {
            let start = index % per_channel * self.chunk;
            let is_used = start < end && start + self.chunk > first;
            if is_used && samples.iter().any(|&sample| sample != 0.0) {
                chunks.push(index);
                input.extend_from_slice(samples);
            }
        }
        Batch { chunks, input }
    }

    /// Puts what the network gave for `batch` (`chunk x source x sample`) back to its places in a
    /// silent window: `source x channel x sample`.
    ///
    /// # Errors
    /// [`InferenceError::NotFinite`] when a sample is NaN or infinite.
    pub fn assemble(
        &self,
        batch: &Batch,
        output: &[f32],
        window_len: usize,
        num_frames: usize,
        estimate: &mut Vec<f32>,
    ) -> Result<(), InferenceError> {
        let num_samples = num_frames * self.hop;
        let frame_of = |index: usize| {
            let place = batch.chunks[index / (self.chunk * self.num_sources)] * self.chunk;
            (place + index % self.chunk) % num_samples / self.hop
        };
        shares::check_finite(output, num_frames, frame_of)?;
        estimate.clear();
        estimate.resize(self.num_sources * window_len, 0.0);
        for (index, samples) in output.chunks_exact(self.chunk).enumerate() {
            let chunk = batch.chunks[index / self.num_sources];
            let place = index % self.num_sources * window_len + chunk * self.chunk;
            estimate[place..][..self.chunk].copy_from_slice(samples);
        }
        Ok(())
    }

    /// Masks of the hop frames `wanted`, `frame x stem x channel x bin`, from the mix in `window`
    /// (`channel x sample`) and the `estimate` of each source: the part of the mix's spectrum `X`
    /// that the source's spectrum `S` explains, `Re(S conj X) / |X|^2` held within 0 and 1. Outside
    /// the window both are silent.
    pub fn masks(
        &mut self,
        window: &[f32],
        estimate: &[f32],
        num_samples: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) {
        let num_bins = self.stft.num_bins();
        let num_channels = window.len() / num_samples;
        let frame_len = self.frame_len(num_channels);
        for (frame, out) in wanted.zip(masks.chunks_exact_mut(frame_len)) {
            let start = (frame * self.hop) as i64 - (self.stft.fft_size() / 2) as i64;
            for (channel, mix) in window.chunks_exact(num_samples).enumerate() {
                crate::dsp::copy_padded(mix, start, &mut self.samples);
                self.stft.analyse(&self.samples, &mut self.mix);
                for source in 0..self.num_sources {
                    let plane = source * num_channels + channel;
                    let estimate = &estimate[plane * num_samples..][..num_samples];
                    crate::dsp::copy_padded(estimate, start, &mut self.samples);
                    self.stft.analyse(&self.samples, &mut self.estimate);
                    let mask = &mut out[plane * num_bins..][..num_bins];
                    for ((out, s), x) in mask.iter_mut().zip(&self.estimate).zip(&self.mix) {
                        let power = x.norm_sqr();
                        let explained = s.re * x.re + s.im * x.im;
                        *out = if power > 0.0 { (explained / power).clamp(0.0, 1.0) } else { 0.0 };
                    }
                }
            }
            shares::complete(out, self.num_sources + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::dsp::noise;

    const CARD: &str = include_str!("../../tests/cards/waveform.toml");

    /// 64 hop frames of 64 samples in chunks of 256.
    fn head() -> WaveformHead {
        let text = CARD
            .replace("fft_size = 4096", "fft_size = 256")
            .replace("hop_size = 1024", "hop_size = 64")
            .replace("chunk = 16384", "chunk = 256");
        WaveformHead::new(&ModelCard::parse(&text, Path::new("card.toml")).unwrap()).unwrap()
    }

    #[test]
    fn only_chunks_that_masks_depend_on_are_run_and_come_back_to_their_places() {
        let head = head();
        let mut window = noise(2 * 4096, 5);
        // The second channel is silent in its chunk 9.
        window[4096 + 9 * 256..4096 + 10 * 256].fill(0.0);
        let batch = head.batch(&window, 4096, 34..44);
        // Samples 34 * 64 - 128 to 44 * 64 + 128 touch the chunks 8 to 11.
        assert_eq!(batch.chunks, [8, 9, 10, 11, 24, 26, 27]);
        let mut estimate = Vec::new();
        head.assemble(&batch, &batch.input, window.len(), 64, &mut estimate).unwrap();
        assert_eq!(estimate[8 * 256..12 * 256], window[8 * 256..12 * 256]);
        assert!(estimate[..8 * 256].iter().all(|&sample| sample == 0.0));
        assert_eq!(
            estimate[4096 + 8 * 256..4096 + 12 * 256],
            window[4096 + 8 * 256..4096 + 12 * 256]
        );
    }

    #[test]
    fn a_scaled_mix_claims_its_scale_and_an_inverted_one_nothing() {
        let mut head = head();
        let window = noise(4096, 5);
        for (gain, want) in [(1.0, 1.0), (0.25, 0.25), (3.0, 1.0), (-1.0, 0.0), (0.0, 0.0)] {
            let estimate: Vec<f32> = window.iter().map(|sample| sample * gain).collect();
            let mut masks = vec![9.0; 3 * 2 * 129];
            head.masks(&window, &estimate, 4096, 0..3, &mut masks);
            for frame in masks.chunks_exact(2 * 129) {
                for (claim, left) in frame[..129].iter().zip(&frame[129..]) {
                    assert!((claim - want).abs() < 1e-4, "{claim} for {want}");
                    assert_eq!(claim + left, 1.0);
                }
            }
        }
        let mut masks = vec![9.0; 2 * 129];
        head.masks(&[0.0; 4096], &window, 4096, 7..8, &mut masks);
        assert!(masks[..129].iter().all(|&mask| mask == 0.0), "of silence nobody has a part");
    }

    #[test]
    fn a_sample_that_is_not_finite_is_an_error_that_names_its_hop_frame() {
        let head = head();
        let window = noise(4096, 5);
        let batch = head.batch(&window, 4096, 34..44);
        let mut output = batch.input.clone();
        output[300] = f32::NAN;
        let error = head.assemble(&batch, &output, 4096, 64, &mut Vec::new()).unwrap_err();
        // The second chunk of the batch is chunk 9: sample 9 * 256 + 44 lies in hop frame 36.
        assert!(error.to_string().contains("in hop frame 36 of 64"), "{error}");
    }
}
