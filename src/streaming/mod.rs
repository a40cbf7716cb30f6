//! From frames in to stems out: the synchronous separator, its latency, and the boundary between
//! the audio thread and the worker.

mod analysis;
mod band_analysis;
mod bell;
pub mod capture;
mod controls;
mod endpoint;
mod focus;
mod grid;
mod history;
pub mod latency;
mod meters;
mod mixer;
#[cfg(test)]
mod overload_tests;
mod pool;
mod priority;
mod ring;
pub mod scope;
mod sender;
pub mod separator;
mod service;
mod shared;
mod speed;
mod status;
mod stem_outputs;
mod stem_peaks;
mod swap;
mod synthesis;
mod timeline;
mod turns;
mod waveform_analysis;
mod worker;

pub use analysis::UnsupportedModel;
pub use band_analysis::recording_features;
pub use capture::{
    Capture, CaptureError, CaptureExtent, CapturePart, CaptureSummary, SegmentFacts, Take,
};
pub use controls::{Controls, LatePolicy, MixMode, StemControl};
pub use endpoint::{AudioEndpoint, StreamConfig, StreamError, split};
pub use latency::{LatencyMode, latency_frames, run_seconds};
pub use priority::{WorkerPriority, worker_priority};
pub use scope::{Scope, ScopeColumn, ScopeWatch};
pub use separator::{Separator, StemBlock};
pub use service::Worker;
pub use speed::{SpeedError, measure_speed};
pub use status::{StreamFacts, StreamState, StreamStatus};
pub use stem_outputs::StemOutputs;
pub use swap::Player;
pub use timeline::HostPlace;
pub use worker::WorkerEndpoint;

/// Most channels of a stream.
pub const MAX_CHANNELS: usize = 2;

/// Most sources of a model.
pub const MAX_SOURCES: usize = 6;
