//! What can go wrong with a network.

use std::path::PathBuf;

/// Why a network cannot be opened or run.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// The onnxruntime library cannot be used.
    #[error("the onnxruntime library {path} cannot be used: {reason}")]
    Runtime {
        /// The library.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The model file cannot be read.
    #[error("cannot read the model {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The model file is not the one that the card describes.
    #[error(
        "the model {path} is not the one its card describes: expected SHA-256 {expected}, found {found}"
    )]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// The card's.
        expected: String,
        /// The file's.
        found: String,
    },
    /// onnxruntime refuses the model.
    #[error("onnxruntime cannot open the model {path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The network's tensors are not those of the card.
    #[error("the model {path} does not fit its card: {what}: expected {expected}, found {found}")]
    CardMismatch {
        /// The file.
        path: PathBuf,
        /// Which tensor.
        what: &'static str,
        /// As the card says.
        expected: String,
        /// As the network says.
        found: String,
    },
    /// The card describes a kind of network that the engine does not run.
    #[error("the model {name:?} is of a kind that this version does not run: {what}")]
    Unsupported {
        /// The model.
        name: String,
        /// What is missing.
        what: String,
    },
    /// A network that gives masks was asked for its sources.
    #[error("the network gives masks: expected one that gives levels or waveforms of its sources")]
    NoSources,
    /// Running the network failed.
    #[error("running the network failed: {0}")]
    Run(String),
    /// The network gave values that are not finite.
    #[error("the network gave values that are not finite in hop frame {frame} of {num_frames}")]
    NotFinite {
        /// Hop frame in the window.
        frame: usize,
        /// Hop frames in the window.
        num_frames: usize,
    },
    /// A result has another size than asked for.
    #[error("the network gave {found} values: expected {expected}")]
    WrongSize {
        /// As the card says.
        expected: usize,
        /// As it was.
        found: usize,
    },
}
