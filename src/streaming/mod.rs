//! From frames in to stems out: the synchronous separator, its latency, and the boundary between
//! the audio thread and the worker.

mod analysis;
mod band_analysis;
mod bell;
mod endpoint;
mod focus;
mod grid;
mod history;
pub mod latency;
mod meters;
mod mixer;
mod pool;
mod priority;
mod ring;
mod sender;
pub mod separator;
mod service;
mod shared;
mod status;
mod stem_outputs;
mod swap;
mod synthesis;
mod turns;
mod waveform_analysis;
mod worker;

pub use analysis::UnsupportedModel;
pub use band_analysis::recording_features;
pub use endpoint::{AudioEndpoint, StreamConfig, StreamError, split};
pub use latency::{LatencyMode, latency_frames};
pub use mixer::{Controls, LatePolicy, MixMode, StemControl};
pub use priority::{WorkerPriority, worker_priority};
pub use separator::{Separator, StemBlock};
pub use service::Worker;
pub use status::{StreamFacts, StreamState, StreamStatus};
pub use stem_outputs::StemOutputs;
pub use swap::Player;
pub use worker::WorkerEndpoint;

/// Most channels of a stream.
pub const MAX_CHANNELS: usize = 2;

/// Most sources of a model.
pub const MAX_SOURCES: usize = 6;
