//! Networks: from band features to masks.

mod engine;
mod error;
mod identity;
mod masks;
mod onnx;
mod whole_file;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

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
pub trait Estimator: Send {
    /// Where it really runs, which may not be where it was asked to.
    fn provider(&self) -> Provider;

    /// Estimates the masks of one window.
    ///
    /// `features` holds `channels x bands x num_frames` values, frames fastest. For each frame of
    /// `wanted` (a range within the window) `masks` receives `sources x channels x bands` values,
    /// bands fastest, in 0..=1 and summing to one over the sources; all frames in a row.
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
