//! Offline rendering: the streaming engine on a deterministic schedule, without threads.
//!
//! Latency is trimmed and the tail flushed, so that the output lies on the input, frame by frame.

mod griffin_lim;
mod joint;
mod rate_change;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::dsp::focus::exponent;
use crate::inference::{Estimator, InferenceError};
use crate::streaming::{
    AudioEndpoint, Controls, MAX_CHANNELS, Separator, StemBlock, StreamConfig, StreamError,
    WorkerEndpoint, split,
};

pub use griffin_lim::{NotReconstructable, Reconstructor};

/// Frames handed over at once.
const CHUNK_FRAMES: usize = 4096;

/// Why a render ended early.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The stream could not be made.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The model gives nothing to make sound from without the mix.
    #[error(transparent)]
    NotReconstructable(#[from] NotReconstructable),
    /// The network failed.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The source of the input failed.
    #[error("cannot read the input")]
    Input(#[source] io::Error),
    /// The receiver of the output failed.
    #[error("cannot write the result")]
    Output(#[from] io::Error),
    /// The caller raised the cancel flag.
    #[error("cancelled")]
    Cancelled,
    /// Another count of channels than the renderer was made for.
    #[error("expected {expected} channels, found {found}")]
    Channels {
        /// The renderer's.
        expected: usize,
        /// The recording's.
        found: usize,
    },
    /// Channels of different lengths.
    #[error("expected channels of one length, found {0} and {1} frames")]
    Lengths(usize, usize),
}

/// Where a recording comes from, block by block, so that its length costs no memory.
pub trait FrameSource {
    /// Replaces the content of `channels` by the next frames, at most `max_frames`, the same count
    /// for each. Returns that count; 0 at the end.
    ///
    /// # Errors
    /// When the recording cannot be read; the render ends.
    fn read(&mut self, channels: &mut [Vec<f32>], max_frames: usize) -> io::Result<usize>;
}

/// Renders whole recordings with one model.
pub struct Renderer {
    config: StreamConfig,
    estimator: Box<dyn Estimator>,
    focus: f32,
}

impl Renderer {
    /// A renderer for recordings of the rate and channels that `config` says.
    #[must_use]
    pub fn new(config: StreamConfig, estimator: Box<dyn Estimator>) -> Self {
        Self { config, estimator, focus: 0.0 }
    }

    /// Sets the focus of [`Renderer::separate`], -1 to 1; [`Renderer::isolate`] takes that of its
    /// controls.
    #[must_use]
    pub fn with_focus(self, focus: f32) -> Self {
        Self { focus, ..self }
    }

    /// Renders what the plugin plays with `controls` held still. `input` is planar; `sink`
    /// receives consecutive planar blocks, in all as many frames as `input` has. What the sink
    /// returns as an error, or a raised `cancel`, ends the render.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn isolate(
        &mut self,
        input: &[Vec<f32>],
        controls: &Controls,
        cancel: &AtomicBool,
        sink: &mut dyn FnMut(&[&[f32]]) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        check_shape(input, self.config.num_channels)?;
        self.isolate_from(&mut MemorySource { input, position: 0 }, controls, cancel, sink)
    }

    /// As [`Renderer::isolate`], from a source of any length.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn isolate_from(
        &mut self,
        source: &mut dyn FrameSource,
        controls: &Controls,
        cancel: &AtomicBool,
        sink: &mut dyn FnMut(&[&[f32]]) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        // Refuses a wrong count of channels.
        let (mut audio, mut worker) = split(&self.config)?;
        audio.reset(controls);
        let latency = audio.latency_frames();
        let mut input = PaddedInput::new(source, self.config.num_channels);
        let mut begin = 0;
        while !input.ended || begin < input.num_frames + latency {
            check(cancel)?;
            let chunk = input.next_chunk()?;
            self.process(&mut audio, &mut worker, chunk, controls)?;
            let end = (begin + CHUNK_FRAMES).min(input.num_frames + latency);
            let kept = latency.saturating_sub(begin).min(CHUNK_FRAMES)..end - begin;
            if !kept.is_empty() {
                let views: Vec<&[f32]> = input.chunk.iter().map(|c| &c[kept.clone()]).collect();
                sink(&views)?;
            }
            begin += CHUNK_FRAMES;
        }
        Ok(())
    }

    fn process(
        &mut self,
        audio: &mut AudioEndpoint,
        worker: &mut WorkerEndpoint,
        chunk: &mut [Vec<f32>],
        controls: &Controls,
    ) -> Result<(), InferenceError> {
        let mut views: Vec<&mut [f32]> = chunk.iter_mut().map(Vec::as_mut_slice).collect();
        audio.process_with(&mut views, controls, || worker.work(self.estimator.as_mut()))
    }

    /// Renders every stem at once. `sink` receives consecutive blocks of all stems, in all as many
    /// frames as `input` has.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn separate(
        &mut self,
        input: &[Vec<f32>],
        cancel: &AtomicBool,
        sink: &mut dyn FnMut(StemBlock<'_>) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        check_shape(input, self.config.num_channels)?;
        self.separate_from(&mut MemorySource { input, position: 0 }, cancel, sink)
    }

    /// As [`Renderer::separate`], from a source of any length.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn separate_from(
        &mut self,
        source: &mut dyn FrameSource,
        cancel: &AtomicBool,
        sink: &mut dyn FnMut(StemBlock<'_>) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        let StreamConfig { card, sample_rate_hz, num_channels, mode } = &self.config;
        if !(1..=MAX_CHANNELS).contains(num_channels) {
            return Err(StreamError::Channels(*num_channels).into());
        }
        let mut separator = Separator::new(card, *sample_rate_hz, *num_channels, *mode)
            .map_err(StreamError::from)?;
        separator.set_mask_power(0, exponent(self.focus));
        let mut input = PaddedInput::new(source, *num_channels);
        let mut done = 0_usize;
        while !input.ended || done < input.num_frames {
            check(cancel)?;
            separator.push_interleaved(&interleaved(input.next_chunk()?));
            let num_frames = input.num_frames;
            let mut outcome = Ok(());
            separator.advance(self.estimator.as_mut(), &|| i64::MIN, &mut |block| {
                let kept = block.num_frames.min(num_frames - done);
                if outcome.is_ok() && kept > 0 {
                    outcome = sink_trimmed(&block, kept, sink);
                    done += kept;
                }
            })?;
            outcome?;
        }
        Ok(())
    }
}

/// Hands the first `kept` frames of a block to `sink`.
fn sink_trimmed(
    block: &StemBlock<'_>,
    kept: usize,
    sink: &mut dyn FnMut(StemBlock<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let stems: Vec<f32> = block
        .stems
        .chunks_exact(block.num_frames)
        .flat_map(|channel| &channel[..kept])
        .copied()
        .collect();
    sink(StemBlock { num_frames: kept, stems: &stems, ..*block })
}

fn check(cancel: &AtomicBool) -> Result<(), RenderError> {
    if cancel.load(Ordering::Relaxed) { Err(RenderError::Cancelled) } else { Ok(()) }
}

fn check_shape(input: &[Vec<f32>], num_channels: usize) -> Result<(), RenderError> {
    if input.len() != num_channels {
        return Err(RenderError::Channels { expected: num_channels, found: input.len() });
    }
    let num_frames = input.first().map_or(0, Vec::len);
    match input.iter().find(|channel| channel.len() != num_frames) {
        Some(other) => Err(RenderError::Lengths(num_frames, other.len())),
        None => Ok(()),
    }
}

/// A recording in memory.
struct MemorySource<'a> {
    input: &'a [Vec<f32>],
    position: usize,
}

impl FrameSource for MemorySource<'_> {
    fn read(&mut self, channels: &mut [Vec<f32>], max_frames: usize) -> io::Result<usize> {
        let num_frames = self.input.first().map_or(0, Vec::len);
        let end = num_frames.min(self.position + max_frames);
        for (out, channel) in channels.iter_mut().zip(self.input) {
            out.clear();
            out.extend_from_slice(&channel[self.position..end]);
        }
        Ok(end - std::mem::replace(&mut self.position, end))
    }
}

/// A source cut into whole chunks, silence after its end.
struct PaddedInput<'a> {
    source: &'a mut dyn FrameSource,
    chunk: Vec<Vec<f32>>,
    block: Vec<Vec<f32>>,
    /// Frames of the source so far.
    num_frames: usize,
    ended: bool,
}

impl<'a> PaddedInput<'a> {
    fn new(source: &'a mut dyn FrameSource, num_channels: usize) -> Self {
        let empty = || vec![Vec::new(); num_channels];
        Self { source, chunk: empty(), block: empty(), num_frames: 0, ended: false }
    }

    /// The next [`CHUNK_FRAMES`] frames.
    fn next_chunk(&mut self) -> Result<&mut [Vec<f32>], RenderError> {
        self.chunk.iter_mut().for_each(Vec::clear);
        let mut filled = 0;
        while !self.ended && filled < CHUNK_FRAMES {
            let wanted = CHUNK_FRAMES - filled;
            let num_read = self.source.read(&mut self.block, wanted).map_err(RenderError::Input)?;
            self.ended = num_read == 0;
            for (chunk, block) in self.chunk.iter_mut().zip(&self.block) {
                chunk.extend_from_slice(&block[..num_read]);
            }
            filled += num_read;
        }
        self.num_frames += filled;
        self.chunk.iter_mut().for_each(|channel| channel.resize(CHUNK_FRAMES, 0.0));
        Ok(&mut self.chunk)
    }
}

fn interleaved(chunk: &[Vec<f32>]) -> Vec<f32> {
    (0..CHUNK_FRAMES)
        .flat_map(|frame| chunk.iter().map(move |channel| channel[frame]))
        // Made safe here as the audio endpoint does for a live signal.
        .map(crate::dsp::level::sanitise)
        .collect()
}
