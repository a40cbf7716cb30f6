//! From masks and the untouched mix to stems: one hop at a time, on the host's grid.

use super::history::InputHistory;
use super::scope::ScopeFeed;
use crate::dsp::Complex32;
use crate::dsp::mask_field::BinInterpolation;
use crate::dsp::stft::{Istft, Stft};

/// Applies band masks to the mix's spectrum and overlap-adds one stem a (source, channel).
pub(crate) struct Synthesis {
    stft: Stft,
    interpolation: BinInterpolation,
    num_mask_channels: usize,
    num_bands: usize,
    spectrum: Vec<Complex32>,
    masked: Vec<Complex32>,
    bands: Vec<f32>,
    bins: Vec<f32>,
    /// `channel x source`.
    inverses: Vec<Istft>,
    num_channels: usize,
    num_sources: usize,
    hop: usize,
}

/// Sizes of a synthesis.
pub(crate) struct SynthesisShape {
    pub fft_size: usize,
    pub hop: usize,
    pub num_channels: usize,
    pub num_sources: usize,
    pub num_mask_channels: usize,
    pub num_bands: usize,
}

impl Synthesis {
    pub fn new(shape: &SynthesisShape, interpolation: BinInterpolation) -> Self {
        let stft = Stft::new(shape.fft_size);
        let num_bins = stft.num_bins();
        let num_stems = shape.num_channels * shape.num_sources;
        Self {
            spectrum: vec![Complex32::default(); num_bins],
            masked: vec![Complex32::default(); num_bins],
            bands: vec![0.0; shape.num_bands],
            bins: vec![0.0; num_bins],
            inverses: (0..num_stems).map(|_| Istft::with_hop(shape.fft_size, shape.hop)).collect(),
            stft,
            interpolation,
            num_mask_channels: shape.num_mask_channels,
            num_bands: shape.num_bands,
            num_channels: shape.num_channels,
            num_sources: shape.num_sources,
            hop: shape.hop,
        }
    }

    pub fn reset(&mut self) {
        for inverse in &mut self.inverses {
            inverse.reset();
        }
    }

    /// Adds the hop frame whose window begins at host frame `start`. `masks` holds `source x mask
    /// channel x band` values; `stems` receives the completed hop as `source x channel x frame`, and
    /// `scope` what there is to see of it.
    pub fn synthesise(
        &mut self,
        input: &InputHistory,
        start: i64,
        masks: &[f32],
        stems: &mut [f32],
        mut scope: Option<&mut ScopeFeed>,
    ) {
        let hop = self.hop;
        for channel in 0..self.num_channels {
            let window = input.window(channel, start, self.stft.fft_size());
            self.stft.analyse(window, &mut self.spectrum);
            if let Some(scope) = &mut scope {
                scope.add_mix(&self.spectrum);
            }
            for source in 0..self.num_sources {
                self.read_mask(masks, source, channel);
                if let Some(scope) = &mut scope {
                    scope.add_source(source, &self.bins);
                }
                for ((out, &bin), &mask) in
                    self.masked.iter_mut().zip(&self.spectrum).zip(&self.bins)
                {
                    *out = bin * mask;
                }
                let stem = source * self.num_channels + channel;
                let output = &mut stems[stem * hop..][..hop];
                self.inverses[stem].synthesise(&self.masked, output);
            }
        }
    }

    /// Expands the mask of one source for one host channel to bins. A mono track reads the mean of
    /// the network's two channels; a network with one mask gives it to both sides.
    fn read_mask(&mut self, masks: &[f32], source: usize, channel: usize) {
        let of_source = &masks[source * self.num_mask_channels * self.num_bands..];
        let of_channel = |index: usize| &of_source[index * self.num_bands..][..self.num_bands];
        let bands = if self.num_mask_channels == 2 && self.num_channels == 1 {
            for ((out, &l), &r) in self.bands.iter_mut().zip(of_channel(0)).zip(of_channel(1)) {
                *out = 0.5 * (l + r);
            }
            &self.bands
        } else {
            of_channel(channel.min(self.num_mask_channels - 1))
        };
        self.interpolation.expand(bands, &mut self.bins);
    }
}
