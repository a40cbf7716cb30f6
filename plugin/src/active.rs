//! One running stream: what it was made from and the worker that feeds it.

use std::sync::Arc;

use nice_plug::prelude::nice_warn;
use soloist::inference::{self, Provider};
use soloist::model::ModelCard;
use soloist::model::catalogue::with_causes;
use soloist::streaming::{
    AudioEndpoint, Capture, LatencyMode, StreamConfig, StreamError, StreamState, StreamStatus,
    Worker, WorkerEndpoint, run_seconds, split,
};

use crate::report::Report;
use crate::selection::{Fault, Selection};

/// Where networks are asked to run.
pub const ASKED: Provider = Provider::Cpu;

/// What the host fixes at activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostSetup {
    /// Frames a second.
    pub sample_rate_hz: f64,
    /// 1 or 2.
    pub num_channels: usize,
    /// How much delay is accepted.
    pub mode: LatencyMode,
}

/// What stands behind the endpoint that the audio thread plays. Dropping it ends the worker.
pub struct Active {
    /// What the host fixed.
    pub setup: HostSetup,
    /// Latency of the stream.
    pub latency_frames: usize,
    selection: Selection,
    status: Arc<StreamStatus>,
    problem: Option<String>,
    _worker: Option<Worker>,
}

impl Active {
    /// Whether it can play on: made for the same, and not failed.
    pub fn is_good_for(&self, setup: HostSetup, selection: &Selection) -> bool {
        self.setup == setup
            && self.selection.runs_like(selection)
            && self.status.state() != StreamState::Failed
    }

    /// Whether it feeds this endpoint.
    pub fn is_behind(&self, endpoint: &AudioEndpoint) -> bool {
        Arc::ptr_eq(&self.status, endpoint.status())
    }

    /// What there is to tell of it as the model that was asked for by `name`.
    pub fn report(&self, name: &str) -> Report {
        let selection = &self.selection;
        Report {
            model: name.to_owned(),
            model_version: selection.is_own_card.then(|| selection.card.version().to_owned()),
            sources: selection.is_own_card.then(|| selection.card.sources().to_vec()),
            installed: selection.installed.clone(),
            resource_dirs: selection.resource_dirs.clone(),
            sample_rate_hz: self.setup.sample_rate_hz,
            latency_frames: self.latency_frames,
            problem: self.problem.clone(),
            stream: Some(Arc::clone(&self.status)),
            fault: selection.fault,
            asked: Some(ASKED),
            num_channels: self.setup.num_channels,
            run_s: run_seconds(&selection.card, self.setup.mode),
            ..Report::default()
        }
    }
}

/// A stream whose worker has not started.
pub struct Prepared {
    setup: HostSetup,
    selection: Selection,
    audio: Box<AudioEndpoint>,
    work: WorkerEndpoint,
}

impl Prepared {
    /// Splits a stream for the selected model; for one of a kind that the engine does not run,
    /// a stream with the built-in card's latency that will have no worker. What it separates goes to
    /// `capture` as well. Allocates.
    ///
    /// # Errors
    /// When the host's setup is out of range.
    pub fn new(
        setup: HostSetup,
        mut selection: Selection,
        capture: &Arc<Capture>,
    ) -> Result<Self, StreamError> {
        let (audio, mut work) = match split(&setup.stream_of(&selection.card)) {
            Err(StreamError::Model(error)) => {
                selection.runtime = Err(with_causes(&error));
                selection.fault = Some(Fault::ModelBroken);
                split(&setup.stream_of(&Arc::new(ModelCard::builtin())))?
            }
            outcome => outcome?,
        };
        work.capture_into(capture, &selection.card);
        Ok(Self { setup, selection, audio: Box::new(audio), work })
    }

    /// Latency of the stream.
    pub fn latency_frames(&self) -> usize {
        self.audio.latency_frames()
    }

    /// Starts the worker, where there is a model and a runtime for it.
    pub fn start(self) -> (Active, Box<AudioEndpoint>) {
        let Self { setup, selection, audio, work } = self;
        let started = start_worker(&selection, work);
        let active = Active {
            setup,
            latency_frames: audio.latency_frames(),
            selection,
            status: Arc::clone(audio.status()),
            problem: started.as_ref().err().cloned(),
            _worker: started.ok(),
        };
        (active, audio)
    }
}

impl HostSetup {
    fn stream_of(self, card: &Arc<ModelCard>) -> StreamConfig {
        StreamConfig {
            card: Arc::clone(card),
            sample_rate_hz: self.sample_rate_hz,
            num_channels: self.num_channels,
            mode: self.mode,
        }
    }
}

fn start_worker(selection: &Selection, work: WorkerEndpoint) -> Result<Worker, String> {
    let runtime = selection.runtime.clone()?;
    let card = Arc::clone(&selection.card);
    let open = move || {
        inference::open(&card, &runtime, ASKED).inspect_err(|error| {
            nice_warn!("Soloist plays the delayed mix: {}", with_causes(error));
        })
    };
    Worker::spawn(work, open)
        .map_err(|error| format!("the worker thread cannot be started: {error}"))
}

#[cfg(test)]
mod tests {
    use soloist::streaming::latency_frames;

    use super::*;

    fn setup(sample_rate_hz: f64) -> HostSetup {
        HostSetup { sample_rate_hz, num_channels: 2, mode: LatencyMode::Studio }
    }

    #[test]
    fn without_a_model_the_latency_is_the_built_in_cards_and_the_reason_is_told() {
        let selection = Selection::look_up("no such model", None);
        let (active, audio) =
            Prepared::new(setup(48_000.0), selection, &Arc::default()).unwrap().start();
        let expected = latency_frames(&ModelCard::builtin(), 48_000.0, LatencyMode::Studio);
        assert_eq!((active.latency_frames, audio.latency_frames()), (expected, expected));
        let report = active.report("no such model");
        assert_eq!(report.model_version, None);
        assert!(report.problems()[0].contains("no such model"), "{:?}", report.problems());
    }

    #[test]
    fn a_rate_out_of_range_is_an_error() {
        let selection = Selection::look_up("no such model", None);
        assert!(Prepared::new(setup(0.0), selection, &Arc::default()).is_err());
    }
}
