//! Fills the editor's view.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nice_plug::prelude::{FloatParam, Param};
use soloist::model::Instrument;
use soloist::streaming::{
    Capture, MixMode, ScopeWatch, StreamState, StreamStatus, WorkerPriority, worker_priority,
};
use soloist_editor::{CaptureView, Channel, Clock, EditorState, Engine, Health, Late, Value, View};

use super::EditorLinks;
use super::folders::{home_folder, music_folder};
use super::jobs::{Jobs, SpeedConditions};
use super::late::LateWatch;
use super::troubles::troubles;
use crate::choices::LateChoice;
use crate::params::SoloistParams;
use crate::report::Report;

/// Sound has stopped when no block came for so long, in seconds.
const STILL_S: f64 = 0.5;

/// Makes views, and watches what they need.
pub struct Viewer {
    title: &'static str,
    params: Arc<SoloistParams>,
    links: EditorLinks,
    jobs: Arc<Jobs>,
    watch: Option<(Arc<StreamStatus>, ScopeWatch)>,
    late: LateWatch,
    received_frame: i64,
    moved_at: f64,
    default_folder: String,
    home_folder: String,
}

impl Viewer {
    /// Of an instance under the plugin's name.
    pub fn new(
        title: &'static str,
        params: Arc<SoloistParams>,
        links: EditorLinks,
        jobs: Arc<Jobs>,
    ) -> Self {
        Self {
            title,
            params,
            links,
            jobs,
            watch: None,
            late: LateWatch::default(),
            received_frame: 0,
            moved_at: f64::NEG_INFINITY,
            default_folder: music_folder().display().to_string(),
            home_folder: home_folder().display().to_string(),
        }
    }

    /// Whether sound has come in lately, as of the last view.
    pub fn is_moving(&self, now: f64) -> bool {
        now - self.moved_at < STILL_S
    }

    /// What there is to draw at `now`, in seconds of the window. New columns go to the spectrogram.
    pub fn view(&mut self, state: &mut EditorState, now: f64) -> View {
        let report = (self.links.reports)();
        self.follow(&report, state);
        let params = &*self.params;
        let controls = params.controls();
        let (instrument, mode) = (controls.instrument, controls.mode);
        let clock = clock(&report);
        if clock.received_frame != self.received_frame {
            (self.received_frame, self.moved_at) = (clock.received_frame, now);
        }
        let latency_mode = params.latency_mode();
        let mut health = health(&report);
        health.troubles = troubles(&report, instrument, latency_mode, &mut self.late, now);
        let peaks = match report.stream.as_ref().filter(|_| mode == MixMode::Remix) {
            Some(stream) => stream.stem_peaks(),
            None => [0.0; Instrument::ALL.len()],
        };
        let (models, capture) = self.jobs.tell(SpeedConditions::of(&report, latency_mode));
        View {
            title: self.title.to_owned(),
            home_folder: self.home_folder.clone(),
            theme: params.editor_theme.get(),
            instrument,
            mode,
            mix: value(&params.mix),
            focus: value(&params.focus),
            output_gain: value(&params.output_gain),
            late: match params.late_policy.value() {
                LateChoice::DelayedMix => Late::DelayedMix,
                LateChoice::Silence => Late::Silence,
                LateChoice::Wait => Late::Wait,
            },
            latency_mode,
            bypass: params.bypass.value(),
            is_dry: params.dry_latch.load(Ordering::Relaxed),
            channels: std::array::from_fn(|index| {
                let (stem, control) = (params.stems()[index], controls.stems[index]);
                let (solo, mute) = (control.solo, control.mute);
                let (gain, gain_linear) = (value(&stem.gain), control.gain);
                Channel { gain, gain_linear, solo, mute, peak: peaks[index] }
            }),
            sources: report.sources.clone(),
            clock,
            health,
            models: soloist_editor::ModelsView { chosen: params.model.name(), ..models },
            capture: CaptureView {
                held: report.capture.summary(),
                bytes_per_second: bytes_per_second(&report),
                default_folder: self.default_folder.clone(),
                ..capture
            },
        }
    }

    /// Watches the report's stream, and no other.
    fn follow(&mut self, report: &Report, state: &mut EditorState) {
        let is_same = match (&self.watch, &report.stream) {
            (Some((watched, _)), Some(stream)) => Arc::ptr_eq(watched, stream),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            state.spectrogram.begin_stream();
            self.watch =
                report.stream.as_ref().map(|stream| (Arc::clone(stream), stream.scope().watch()));
        }
        if let Some((_, watch)) = &mut self.watch {
            watch.drain(|column| state.spectrogram.push(column));
        }
    }
}

fn value(param: &FloatParam) -> Value {
    let normalized = param.unmodulated_normalized_value();
    Value {
        normalized,
        default: param.default_normalized_value(),
        text: param.normalized_value_to_string(normalized, true),
    }
}

fn clock(report: &Report) -> Clock {
    let Some(stream) = &report.stream else { return Clock::default() };
    Clock {
        sample_rate_hz: report.sample_rate_hz,
        epoch: stream.epoch(),
        play_frame: stream.play_frame(),
        received_frame: stream.received_frame(),
        window_s: report.run_s,
    }
}

fn bytes_per_second(report: &Report) -> f64 {
    Capture::limit_bytes_for(1.0, report.sample_rate_hz, report.num_channels) as f64
}

fn health(report: &Report) -> Health {
    let stream = report.stream.as_ref();
    let engine = match (&report.problem, stream.map(|stream| stream.state())) {
        (Some(_), _) | (None, Some(StreamState::Idle | StreamState::Failed)) => Engine::Stopped,
        (None, None) => Engine::Inactive,
        (None, Some(StreamState::Loading)) => Engine::Loading,
        (None, Some(StreamState::Running)) => Engine::Running,
    };
    let seconds = |frames: f64| {
        if report.sample_rate_hz > 0.0 { frames / report.sample_rate_hz } else { 0.0 }
    };
    let run = |quantile| stream.and_then(|stream| stream.run_quantile_ms(quantile));
    let dirs = report.resource_dirs.iter().map(|dir| dir.display().to_string());
    Health {
        engine,
        model: report.model.clone(),
        version: report.model_version.clone(),
        provider: stream.and_then(|s| s.provider()).map(|provider| provider.name().to_owned()),
        latency_frames: report.latency_frames,
        sample_rate_hz: report.sample_rate_hz,
        load: stream.and_then(|stream| stream.load()),
        run_ms: run(0.5).zip(run(0.99)),
        late_blocks: stream.map_or(0, |stream| stream.late_blocks()),
        late_s: seconds(stream.map_or(0, |stream| stream.late_frames()) as f64),
        queued_s: seconds(f64::from(stream.map_or(0, |stream| stream.queued_frames()))),
        model_bytes: stream.and_then(|stream| stream.model_bytes()),
        is_raised: worker_priority().map(|priority| priority == WorkerPriority::Raised),
        resource_dirs: dirs.collect(),
        troubles: Vec::new(),
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
