//! Offline rendering: the streaming engine on a deterministic schedule, without threads.
//!
//! Latency is trimmed and the tail flushed, so that the output lies on the input, frame by frame.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::inference::{Estimator, InferenceError};
use crate::model::ModelCard;
use crate::streaming::{
    AudioEndpoint, Controls, LatencyMode, MAX_CHANNELS, Separator, StemBlock, StreamConfig,
    StreamError, WorkerEndpoint, split,
};

/// Frames handed over at once.
const CHUNK_FRAMES: usize = 4096;

/// Why a render ended early.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The stream could not be made.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The network failed.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The receiver of the output failed.
    #[error("cannot write the result")]
    Output(#[from] io::Error),
    /// The caller raised the cancel flag.
    #[error("cancelled")]
    Cancelled,
    /// Channels of different lengths.
    #[error("expected channels of one length, found {0} and {1} frames")]
    Lengths(usize, usize),
}

/// Renders whole recordings with one model.
pub struct Renderer {
    config: StreamConfig,
    estimator: Box<dyn Estimator>,
}

impl Renderer {
    /// A renderer for recordings of `num_channels` (1 or 2) at `sample_rate_hz`.
    #[must_use]
    pub fn new(
        card: Arc<ModelCard>,
        estimator: Box<dyn Estimator>,
        sample_rate_hz: f64,
        num_channels: usize,
    ) -> Self {
        let mode = LatencyMode::Studio;
        Self { config: StreamConfig { card, sample_rate_hz, num_channels, mode }, estimator }
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
        let num_frames = frames_of(input)?;
        let (mut audio, mut worker) = split(&self.config)?;
        audio.reset(controls);
        let latency = audio.latency_frames();
        let mut begin = 0;
        while begin < num_frames + latency {
            check(cancel)?;
            let end = (begin + CHUNK_FRAMES).min(num_frames + latency);
            let mut chunk = padded_chunk(input, begin, end);
            self.process(&mut audio, &mut worker, &mut chunk, controls)?;
            let skip = latency.saturating_sub(begin).min(end - begin);
            if skip < end - begin {
                let views: Vec<&[f32]> = chunk.iter().map(|channel| &channel[skip..]).collect();
                sink(&views)?;
            }
            begin = end;
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
        let num_frames = frames_of(input)?;
        let StreamConfig { card, sample_rate_hz, num_channels, mode } = &self.config;
        let mut separator = Separator::new(card, *sample_rate_hz, *num_channels, *mode)
            .map_err(StreamError::from)?;
        let mut done = 0_usize;
        let mut begin = 0;
        while done < num_frames {
            check(cancel)?;
            let end = begin + CHUNK_FRAMES;
            separator.push_interleaved(&interleaved_chunk(input, begin, end));
            begin = end;
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

fn frames_of(input: &[Vec<f32>]) -> Result<usize, RenderError> {
    if !(1..=MAX_CHANNELS).contains(&input.len()) {
        return Err(StreamError::Channels(input.len()).into());
    }
    let num_frames = input[0].len();
    match input.iter().find(|channel| channel.len() != num_frames) {
        Some(other) => Err(RenderError::Lengths(num_frames, other.len())),
        None => Ok(num_frames),
    }
}

/// Frames `begin..end` of a recording that silence follows.
fn padded_chunk(input: &[Vec<f32>], begin: usize, end: usize) -> Vec<Vec<f32>> {
    input
        .iter()
        .map(|channel| {
            let mut chunk = channel[begin.min(channel.len())..end.min(channel.len())].to_vec();
            chunk.resize(end - begin, 0.0);
            chunk
        })
        .collect()
}

fn interleaved_chunk(input: &[Vec<f32>], begin: usize, end: usize) -> Vec<f32> {
    (begin..end)
        .flat_map(|frame| input.iter().map(move |channel| channel.get(frame).copied()))
        // Made safe here as the audio endpoint does for a live signal.
        .map(|sample| crate::dsp::level::sanitise(sample.unwrap_or(0.0)))
        .collect()
}
