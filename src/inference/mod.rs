//! Networks: from features or samples to masks.

mod engine;
mod error;
mod identity;
mod levels;
mod masks;
mod onnx;
mod shares;
mod tensors;
mod waveforms;
mod whole_file;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use engine::EngineUser;
pub use error::InferenceError;
pub use identity::Identity;

use crate::model::ModelCard;

/// Where a network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// Apple's CoreML.
    CoreMl,
}

impl Provider {
    /// Name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Cuda => "CUDA",
            Self::CoreMl => "CoreML",
        }
    }
}

/// Something that gives masks for a window of features.
///
/// Features hold `row x frame x value`, hop frames of a row side by side: for spectral input a row
/// is a (channel, band) and has one value a hop frame; for waveform input it is a channel of the
/// track and has the hop's samples.
pub trait Estimator: Send {
    /// Where it really runs, which may not be where it was asked to.
    fn provider(&self) -> Provider;

    /// Estimates the masks of one window of `num_frames` hop frames.
    ///
    /// For each frame of `wanted` (a range within the window) `masks` receives `stems x channels x
    /// bands` values, bands fastest, in 0..=1 and summing to one over the stems; all frames in a
    /// row. Waveform input gives a mask for each channel of the track and each bin of the card's
    /// transform.
    ///
    /// # Errors
    /// When the network fails or gives values that are not finite.
    fn estimate(
        &mut self,
        features: &[f32],
        num_frames: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError>;

    /// How long the last estimate waited for others that share the network; not a part of its work.
    fn waited(&self) -> Duration {
        Duration::ZERO
    }

    /// Bytes of the network's file, which all that run it share; `None` where there is none.
    fn model_bytes(&self) -> Option<u64> {
        None
    }

    /// What the network itself says of its sources in one window, in the form of its input:
    /// `source x row x frame x value`, without the remainder. For networks that give levels or
    /// waveforms; those that give masks have no such answer.
    ///
    /// # Errors
    /// When there is no such answer, and as [`Estimator::estimate`].
    fn estimate_sources(
        &mut self,
        _features: &[f32],
        _num_frames: usize,
        _sources: &mut Vec<f32>,
    ) -> Result<(), InferenceError> {
        Err(InferenceError::NoSources)
    }
}

/// Opens the network of `card` with the onnxruntime library at `runtime`, on `provider` where
/// that is to be had and on the CPU otherwise.
///
/// The runtime is initialised once a process, and one session is shared by all that open the same
/// model on the same provider. Call it off the audio thread: it reads files and takes a while.
///
/// # Errors
/// When the library cannot be loaded or is too old, when the model file is missing, differs from
/// the card's hash, is no network, or does not fit its card.
pub fn open(
    card: &Arc<ModelCard>,
    runtime: &Path,
    provider: Provider,
) -> Result<Box<dyn Estimator>, InferenceError> {
    engine::open(card, runtime, provider)
}

/// Opens the network of `card` in the background, so that [`open`] finds it ready, and holds it
/// until it has been opened, another is asked for, or the last [`EngineUser`] leaves. Without a
/// user nothing happens; what goes wrong is told by [`open`]. Not for the audio thread.
pub fn prefetch(card: &Arc<ModelCard>, runtime: &Path, provider: Provider) {
    engine::prefetch(card, runtime, provider);
}

/// Whether a session of the network of `card` is open already, so that [`open`] returns at once.
#[must_use]
pub fn is_open(card: &ModelCard, provider: Provider) -> bool {
    engine::is_open(card, provider)
}
