//! A mono stream between the host's rate and the network's.

use std::io;

use super::{CHUNK_FRAMES, RenderError};
use crate::dsp::resample::Resampler;
use crate::streaming::{StreamError, UnsupportedModel};

/// A mono stream from one rate to another; nothing is done where they are the same.
pub(super) struct RateChange(Option<Resampler>);

impl RateChange {
    pub fn new(from_hz: f64, to_hz: f64) -> Result<Self, RenderError> {
        if from_hz == to_hz {
            return Ok(Self(None));
        }
        let resampler = Resampler::new(from_hz, to_hz, 1)
            .map_err(|error| StreamError::from(UnsupportedModel::from(error)))?;
        Ok(Self(Some(resampler)))
    }

    pub fn process(&mut self, input: &[f32], output: &mut Vec<f32>) {
        match &mut self.0 {
            Some(resampler) => resampler.process(&[input], std::slice::from_mut(output)),
            None => output.extend_from_slice(input),
        }
    }

    /// Feeds silence until `output` has `length` frames, no more.
    pub fn finish(&mut self, length: usize, output: &mut Vec<f32>) {
        while self.0.is_some() && output.len() < length {
            self.process(&[0.0; 1024], output);
        }
        output.resize(length, 0.0);
    }
}

/// The result at the host's rate, in the host's channels.
pub(super) struct HostRate {
    change: RateChange,
    num_channels: usize,
    num_frames: usize,
    done: usize,
    pending: Vec<f32>,
}

impl HostRate {
    /// A result of `num_frames` frames.
    pub fn new(
        from_hz: f64,
        to_hz: f64,
        num_channels: usize,
        num_frames: usize,
    ) -> Result<Self, RenderError> {
        let change = RateChange::new(from_hz, to_hz)?;
        Ok(Self { change, num_channels, num_frames, done: 0, pending: Vec::new() })
    }

    pub fn write(
        &mut self,
        samples: &[f32],
        sink: &mut dyn FnMut(&[&[f32]]) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        self.change.process(samples, &mut self.pending);
        self.hand_over(sink)
    }

    pub fn finish(
        &mut self,
        sink: &mut dyn FnMut(&[&[f32]]) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        self.change.finish(self.num_frames - self.done, &mut self.pending);
        self.hand_over(sink)
    }

    fn hand_over(
        &mut self,
        sink: &mut dyn FnMut(&[&[f32]]) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        self.pending.truncate(self.num_frames - self.done);
        for block in self.pending.chunks(CHUNK_FRAMES) {
            sink(&vec![block; self.num_channels])?;
        }
        self.done += self.pending.len();
        self.pending.clear();
        Ok(())
    }
}
