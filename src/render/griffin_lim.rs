//! The way of networks that never had a phase: levels to magnitudes to sound, by Griffin-Lim.
//!
//! Offline alone. The sound is made from the network's levels and from nothing else, at the
//! network's rate, in mono; no sample of the mix is in it. It shows what the masks spare.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::joint::Joint;
use super::rate_change::{HostRate, RateChange};
use super::{CHUNK_FRAMES, FrameSource, RenderError, check};
use crate::dsp::features::FeatureScale;
use crate::dsp::griffin_lim::GriffinLim;
use crate::dsp::level::sanitise;
use crate::dsp::mel::MelInverse;
use crate::inference::Estimator;
use crate::model::{Instrument, ModelCard};
use crate::streaming::recording_features;

/// Iterations of Griffin-Lim; later ones change the sound little.
const NUM_ITERATIONS: usize = 60;

/// Updates of the least squares from mel bands to bins.
const NUM_UPDATES: usize = 60;

/// Hop frames that consecutive windows share.
const OVERLAP_HOPS: usize = 16;

/// Seed of the first phases: equal inputs give equal files.
const SEED: u32 = 1;

/// Why a model's sound cannot be made by Griffin-Lim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReconstructable {
    /// It gives no levels.
    #[error(
        "the model {name:?} has {representation} input: Griffin-Lim needs a log-mel model with one \
         channel"
    )]
    Model {
        /// The model.
        name: String,
        /// What it has.
        representation: &'static str,
    },
    /// It gives no levels of that instrument.
    #[error(
        "the model {name:?} has no levels of {instrument} for Griffin-Lim: expected one of {known}"
    )]
    Source {
        /// The model.
        name: String,
        /// What was asked for.
        instrument: Instrument,
        /// What it has.
        known: String,
    },
}

/// Renders one source of a log-mel model from its levels alone.
pub struct Reconstructor {
    card: Arc<ModelCard>,
    estimator: Box<dyn Estimator>,
    source: usize,
    sample_rate_hz: f64,
    num_channels: usize,
    scale: FeatureScale,
    inverse: MelInverse,
    griffin_lim: GriffinLim,
}

impl Reconstructor {
    /// A reconstructor of `instrument` for recordings of `num_channels` at `sample_rate_hz`.
    ///
    /// # Errors
    /// When the model's features are not mono log-mel, or it has no levels of that instrument: of
    /// the remainder there are none.
    pub fn new(
        card: Arc<ModelCard>,
        estimator: Box<dyn Estimator>,
        instrument: Instrument,
        sample_rate_hz: f64,
        num_channels: usize,
    ) -> Result<Self, NotReconstructable> {
        let (fft_size, hop) = (card.analysis.fft_size, card.analysis.hop_size);
        let name = card.name().to_owned();
        let fits = card.audio.channels == 1 && (fft_size / 4).is_multiple_of(hop);
        let Some((mel, filters)) =
            card.mel_filterbank(fft_size, card.sample_rate_hz()).filter(|_| fits)
        else {
            let representation = card.analysis.representation.name();
            return Err(NotReconstructable::Model { name, representation });
        };
        let sources = &card.audio.sources;
        let Some(source) = sources.iter().position(|&source| source == instrument) else {
            let known: Vec<_> = sources.iter().map(|source| source.name()).collect();
            let known = known.join(", ");
            return Err(NotReconstructable::Source { name, instrument, known });
        };
        Ok(Self {
            scale: mel.feature_scale(),
            inverse: MelInverse::new(filters, NUM_UPDATES),
            griffin_lim: GriffinLim::new(fft_size, hop, NUM_ITERATIONS, SEED),
            card,
            estimator,
            source,
            sample_rate_hz,
            num_channels,
        })
    }

    /// Renders a recording. `sink` receives consecutive planar blocks, in all as many frames as
    /// `source` has, the same signal in every channel. Holds the recording in memory, at the
    /// network's rate.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn render_from(
        &mut self,
        source: &mut dyn FrameSource,
        cancel: &AtomicBool,
        sink: &mut dyn FnMut(&[&[f32]]) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        let (mix, num_frames) = self.mono_copy(source, cancel)?;
        let mut output = HostRate::new(
            self.card.sample_rate_hz(),
            self.sample_rate_hz,
            self.num_channels,
            num_frames,
        )?;
        let hop = self.card.analysis.hop_size;
        let num_hops = mix.len().div_ceil(hop) + 1;
        let window = self.card.window.frames;
        // Windows too short to share more than their edges follow each other without an overlap.
        let overlap = if window >= 3 * OVERLAP_HOPS { OVERLAP_HOPS } else { 1 };
        let mut joint = Joint::new(overlap, self.card.analysis.fft_size, hop);
        let mut begin = 0;
        loop {
            check(cancel)?;
            let is_last = begin + window >= num_hops;
            let count = if is_last { num_hops - begin } else { window };
            let magnitudes = self.window_magnitudes(&mix, begin, count)?;
            let signal = self.griffin_lim.reconstruct(&magnitudes);
            joint.append(signal, is_last, &mut |samples| output.write(samples, sink))?;
            if is_last {
                return output.finish(sink);
            }
            begin += window - overlap;
        }
    }

    /// The mean of the channels at the network's rate, and the count of host frames.
    fn mono_copy(
        &self,
        source: &mut dyn FrameSource,
        cancel: &AtomicBool,
    ) -> Result<(Vec<f32>, usize), RenderError> {
        let mut channels = vec![Vec::new(); self.num_channels];
        let mut copy = RateChange::new(self.sample_rate_hz, self.card.sample_rate_hz())?;
        let (mut mix, mut num_frames) = (Vec::new(), 0);
        loop {
            check(cancel)?;
            let read = source.read(&mut channels, CHUNK_FRAMES).map_err(RenderError::Input)?;
            let mid = |frame: usize| {
                let sum: f32 = channels.iter().map(|channel| sanitise(channel[frame])).sum();
                sum / channels.len() as f32
            };
            copy.process(&(0..read).map(mid).collect::<Vec<_>>(), &mut mix);
            num_frames += read;
            if read == 0 {
                let ratio = self.card.sample_rate_hz() / self.sample_rate_hz;
                copy.finish((num_frames as f64 * ratio).ceil() as usize, &mut mix);
                return Ok((mix, num_frames));
            }
        }
    }

    /// Magnitudes (`hop frame x bin`) that the network gives the source in `count` hop frames from
    /// `begin` on.
    fn window_magnitudes(
        &mut self,
        mix: &[f32],
        begin: usize,
        count: usize,
    ) -> Result<Vec<f32>, RenderError> {
        let (window, hop) = (self.card.window.frames, self.card.analysis.hop_size);
        let fft_size = self.card.analysis.fft_size;
        // The first windows of the transform reach back by half their length.
        let before = (fft_size / 2).div_ceil(hop).min(begin);
        let start = ((begin - before) * hop).min(mix.len());
        let end = (start + (before + window) * hop + fft_size).min(mix.len());
        let stretch = [mix[start..end].to_vec()];
        let all =
            recording_features(&self.card, self.card.sample_rate_hz(), &stretch, before + window)
                .unwrap_or_default();
        let features: Vec<f32> =
            all.chunks_exact(before + window).flat_map(|row| &row[before..]).copied().collect();
        let mut levels = Vec::new();
        self.estimator.estimate_sources(&features, window, &mut levels)?;
        let num_bands = features.len() / window;
        let levels = &levels[self.source * features.len()..][..features.len()];

        let num_bins = fft_size / 2 + 1;
        let mut magnitudes = vec![0.0; count * num_bins];
        let mut band_power = vec![0.0; num_bands];
        let window_sum = (fft_size / 2) as f32;
        for (frame, out) in magnitudes.chunks_exact_mut(num_bins).enumerate() {
            for (band, power) in band_power.iter_mut().enumerate() {
                *power = self.scale.power(levels[band * window + frame]);
            }
            self.inverse.invert(&band_power, out);
            for value in out {
                *value = value.sqrt() * window_sum;
            }
        }
        Ok(magnitudes)
    }
}

#[cfg(test)]
#[path = "griffin_lim_tests.rs"]
mod tests;
