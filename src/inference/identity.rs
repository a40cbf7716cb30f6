//! A network that is none: the whole mix belongs to one source.

use std::ops::Range;

use super::{Estimator, InferenceError, Provider};
use crate::model::{Instrument, ModelCard};

/// Gives mask one to one source and zero to the others, whatever it hears. What comes out must be
/// the delayed input: the null test of everything around the network.
pub struct Identity {
    source: usize,
    num_sources: usize,
}

impl Identity {
    /// An identity in the shape of `card` that gives all to `instrument`, or to the first source
    /// where the card lacks that instrument.
    #[must_use]
    pub fn new(card: &ModelCard, instrument: Instrument) -> Self {
        Self {
            source: card.source_index(instrument).unwrap_or(0),
            num_sources: card.sources().len(),
        }
    }
}

impl Estimator for Identity {
    fn provider(&self) -> Provider {
        Provider::Cpu
    }

    fn estimate(
        &mut self,
        _features: &[f32],
        _num_frames: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError> {
        // A window's masks tell by themselves how many values a source has in a hop frame.
        let source_len = masks.len() / (wanted.len() * self.num_sources).max(1);
        let expected = wanted.len() * self.num_sources * source_len;
        if masks.len() != expected {
            return Err(InferenceError::WrongSize { expected, found: masks.len() });
        }
        for (index, masks) in masks.chunks_exact_mut(source_len.max(1)).enumerate() {
            masks.fill(if index % self.num_sources == self.source { 1.0 } else { 0.0 });
        }
        Ok(())
    }

    fn estimate_sources(
        &mut self,
        features: &[f32],
        _num_frames: usize,
        sources: &mut Vec<f32>,
    ) -> Result<(), InferenceError> {
        // The mix itself, for whichever source.
        sources.clear();
        sources.extend_from_slice(features);
        Ok(())
    }
}
