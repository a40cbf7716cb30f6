//! From frames in to stems out: the synchronous separator, its latency, and the boundary between
//! the audio thread and the worker.

mod analysis;
mod band_analysis;
mod endpoint;
mod focus;
mod grid;
mod history;
pub mod latency;
mod mixer;
mod ring;
pub mod separator;
mod shared;
mod status;
mod stem_outputs;
mod synthesis;
mod waveform_analysis;
mod worker;

pub use analysis::UnsupportedModel;
pub use band_analysis::recording_features;
pub use endpoint::{AudioEndpoint, StreamConfig, StreamError, WorkerEndpoint, split};
pub use latency::{LatencyMode, latency_frames};
pub use mixer::{Controls, LatePolicy, MixMode, StemControl};
pub use separator::{Separator, StemBlock};
pub use status::{StreamState, StreamStatus};
pub use stem_outputs::StemOutputs;
pub use worker::Worker;

/// Most channels of a stream.
pub const MAX_CHANNELS: usize = 2;

/// Most sources of a model.
pub const MAX_SOURCES: usize = 6;
