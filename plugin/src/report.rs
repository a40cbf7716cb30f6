//! What an instance tells about itself to whoever looks: the editor, the log.

use std::path::PathBuf;
use std::sync::Arc;

use soloist::inference::Provider;
use soloist::model::Instrument;
use soloist::streaming::{Capture, StreamStatus};

use crate::selection::Fault;

/// A snapshot, replaced whole when something changes.
#[derive(Default)]
pub struct Report {
    /// Name of the model that was asked for.
    pub model: String,
    /// Version on the model's card; `None` when there is no usable card.
    pub model_version: Option<String>,
    /// Instruments that the model tells apart; `None` when there is no usable card.
    pub sources: Option<Vec<Instrument>>,
    /// Names of the models that are installed.
    pub installed: Vec<String>,
    /// Folders in which resources were found.
    pub resource_dirs: Vec<PathBuf>,
    /// Sample rate of the last activation; 0 before the first.
    pub sample_rate_hz: f64,
    /// Latency that the host was told, in frames.
    pub latency_frames: usize,
    /// Why the plugin plays the delayed mix, when it can do no more.
    pub problem: Option<String>,
    /// The running stream's own numbers and words.
    pub stream: Option<Arc<StreamStatus>>,
    /// What kind of obstacle `problem` is, where that is known.
    pub fault: Option<Fault>,
    /// Where the network was asked to run; `None` before the first activation.
    pub asked: Option<Provider>,
    /// Channels of the stream.
    pub num_channels: usize,
    /// Seconds of sound that a run of the network sees.
    pub run_s: f64,
    /// The last minutes of the stems, whichever stream made them; the same in every report.
    pub capture: Arc<Capture>,
}

impl Report {
    /// Everything that is wrong, each in a sentence.
    pub fn problems(&self) -> Vec<String> {
        let of_stream = self.stream.as_ref().and_then(|stream| stream.message());
        self.problem.clone().into_iter().chain(of_stream).collect()
    }
}
