//! Masks from a network that gives its sources' levels, in the scale of its input.

use std::ops::Range;

use super::{InferenceError, shares};
use crate::dsp::features::FeatureScale;
use crate::model::ModelCard;

/// Sizes and scale of the levels.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelHead {
    pub scale: FeatureScale,
    /// Without the remainder.
    pub num_sources: usize,
    pub num_channels: usize,
    pub num_bands: usize,
}

impl LevelHead {
    /// The head that `card` asks for; `None` when its features are no levels in mel bands.
    pub fn new(card: &ModelCard) -> Option<Self> {
        let mel = card.analysis.mel.as_ref()?;
        Some(Self {
            scale: mel.feature_scale(),
            num_sources: card.audio.sources.len(),
            num_channels: card.audio.channels,
            num_bands: mel.count,
        })
    }

    /// Values in the masks of one hop frame, the remainder's among them.
    pub fn frame_len(&self) -> usize {
        (self.num_sources + 1) * self.num_channels * self.num_bands
    }

    /// Masks of the frames `wanted`, `frame x stem x channel x band`, from the `mix` features
    /// (`channel x band x frame`) and the network's `estimate` (`source x channel x band x frame`):
    /// the ratio of amplitudes, held at one.
    ///
    /// # Errors
    /// [`InferenceError::NotFinite`] when an estimate in those frames is NaN or infinite.
    pub fn masks(
        &self,
        mix: &[f32],
        estimate: &[f32],
        num_frames: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError> {
        let num_points = self.num_channels * self.num_bands;
        for (frame, out) in wanted.zip(masks.chunks_exact_mut(self.frame_len())) {
            for (index, mask) in out[..self.num_sources * num_points].iter_mut().enumerate() {
                let value = estimate[index * num_frames + frame];
                if !value.is_finite() {
                    return Err(InferenceError::NotFinite { frame, num_frames });
                }
                let mix = mix[(index % num_points) * num_frames + frame];
                *mask = self.scale.amplitude_ratio(value, mix);
            }
            shares::complete(out, self.num_sources + 1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> LevelHead {
        // A tenth of a feature is one dB.
        let scale = FeatureScale::new(-100.0, -60.0, 10.0);
        LevelHead { scale, num_sources: 1, num_channels: 1, num_bands: 3 }
    }

    #[test]
    fn masks_are_ratios_of_amplitudes_and_their_complement() {
        // Three bands of two hop frames; the second frame is wanted.
        let mix = [9.0, 0.0, 9.0, 0.0, 9.0, -4.0];
        let estimate = [9.0, -2.0, 9.0, 1.0, 9.0, -4.0];
        let mut masks = [0.0; 6];
        head().masks(&mix, &estimate, 2, 1..2, &mut masks).unwrap();
        let expected = [0.1, 1.0, 0.0, 0.9, 0.0, 1.0];
        for (got, want) in masks.iter().zip(expected) {
            assert!((got - want).abs() < 1e-6, "{masks:?}");
        }
    }

    #[test]
    fn an_estimate_that_is_not_finite_is_an_error_that_names_its_frame() {
        let estimate = [0.0, 0.0, 0.0, f32::INFINITY, 0.0, 0.0];
        let mut masks = [0.0; 6];
        let error = head().masks(&[0.0; 6], &estimate, 2, 1..2, &mut masks).unwrap_err();
        assert!(error.to_string().contains("in hop frame 1 of 2"));
        assert!(head().masks(&[0.0; 6], &estimate, 2, 0..1, &mut masks).is_ok(), "not asked for");
    }
}
