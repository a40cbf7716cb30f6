//! A network that is none: the whole mix belongs to one source.

use std::ops::Range;

use super::{Estimator, InferenceError, Provider};
use crate::model::{Instrument, ModelCard};

/// Gives mask one to one source and zero to the others, whatever it hears. What comes out must be
/// the delayed input: the null test of everything around the network.
pub struct Identity {
    source: usize,
    num_sources: usize,
    source_len: usize,
}

impl Identity {
    /// An identity in the shape of `card` that gives all to `instrument`, or to the first source
    /// where the card lacks that instrument.
    #[must_use]
    pub fn new(card: &ModelCard, instrument: Instrument) -> Self {
        let num_bands = card.analysis.bands.as_ref().map_or(1, |bands| bands.count);
        Self {
            source: card.source_index(instrument).unwrap_or(0),
            num_sources: card.sources().len(),
            source_len: card.audio.channels * num_bands,
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
        let frame_len = self.num_sources * self.source_len;
        let expected = wanted.len() * frame_len;
        if masks.len() != expected {
            return Err(InferenceError::WrongSize { expected, found: masks.len() });
        }
        masks.fill(0.0);
        for frame in masks.chunks_exact_mut(frame_len) {
            frame[self.source * self.source_len..][..self.source_len].fill(1.0);
        }
        Ok(())
    }
}
