//! The worker's half of a stream: input frames in, stems out, a turn at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ringbuf::traits::{Consumer, Observer};
use ringbuf::{HeapCons, HeapProd};

use super::capture::{Capture, CaptureWriter, StreamOrigin};
use super::focus::FocusReceiver;
use super::meters::LoadMeter;
use super::sender::ResultSender;
use super::separator::Separator;
use super::shared::{EpochMark, ResultHeader, Shared};
use super::timeline::TimelineReceiver;
use super::turns::Demand;
use crate::inference::{Estimator, InferenceError, Provider};
use crate::model::ModelCard;

/// Most frames taken from the ring at once.
const MAX_TAKE_FRAMES: usize = 4096;

/// The worker's half: input frames in, stems out.
pub struct WorkerEndpoint {
    pub(super) shared: Arc<Shared>,
    separator: Separator,
    input: HeapCons<f32>,
    marks: HeapCons<EpochMark>,
    focus: FocusReceiver,
    timeline: TimelineReceiver,
    capture: Option<CaptureWriter>,
    output: ResultSender,
    shape: StreamShape,
    /// Frames taken from the input ring, ever.
    ring_frame: u64,
    /// Host frame at which the current epoch began.
    epoch_start: i64,
    /// The network has run in the last turn: there may be more to do with what was taken.
    has_more: bool,
    load: LoadMeter,
    taken: Vec<f32>,
}

/// Numbers of a stream that never change.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamShape {
    pub num_channels: usize,
    pub sample_rate_hz: f64,
    pub latency_frames: usize,
    /// Results that must follow those that are heard.
    pub fade_frames: usize,
}

impl WorkerEndpoint {
    pub(super) fn new(
        shared: Arc<Shared>,
        separator: Separator,
        (input, marks, focus): (HeapCons<f32>, HeapCons<EpochMark>, FocusReceiver),
        timeline: TimelineReceiver,
        (samples, headers): (HeapProd<f32>, HeapProd<ResultHeader>),
        shape: StreamShape,
    ) -> Self {
        let output = ResultSender::new(Arc::clone(&shared), samples, headers, shape.num_channels);
        Self {
            shared,
            separator,
            input,
            marks,
            focus,
            timeline,
            capture: None,
            output,
            shape,
            ring_frame: 0,
            epoch_start: 0,
            has_more: false,
            load: LoadMeter::default(),
            taken: Vec::with_capacity(MAX_TAKE_FRAMES * shape.num_channels),
        }
    }

    /// Writes to `capture`, while that is on, all that is separated, by the model of `card`.
    pub fn capture_into(&mut self, capture: &Arc<Capture>, card: &ModelCard) {
        let origin = StreamOrigin {
            model: format!("{} {}", card.name(), card.version()),
            sample_rate_hz: self.shape.sample_rate_hz,
            num_channels: self.shape.num_channels,
            sources: card.sources().to_vec(),
        };
        self.capture = Some(CaptureWriter::new(Arc::clone(capture), origin));
    }

    /// Handles all input that has arrived.
    ///
    /// # Errors
    /// When the network fails.
    pub(crate) fn work(&mut self, estimator: &mut dyn Estimator) -> Result<(), InferenceError> {
        while self.turn(estimator)? {}
        Ok(())
    }

    /// Takes what has arrived and runs the network once at most; says whether it ran.
    ///
    /// # Errors
    /// When the network fails.
    pub(super) fn turn(&mut self, estimator: &mut dyn Estimator) -> Result<bool, InferenceError> {
        if !self.output.flush() {
            return Ok(false);
        }
        let (begin, first_frame) = (Instant::now(), self.ring_frame);
        self.take_all();
        let mut estimator = Measured::new(estimator, &self.shared);
        let (shared, start) = (&self.shared, self.epoch_start);
        let horizon = || shared.play_position.load(Ordering::Acquire).saturating_sub(start);
        let (output, timeline) = (&mut self.output, &mut self.timeline);
        let mut capture = self.capture.as_mut();
        self.has_more = self.separator.step(&mut estimator, &horizon, &mut |block| {
            if let Some(capture) = &mut capture {
                capture.write(&block, timeline);
            }
            output.send(start, &block);
        })?;
        let (network_s, waited_s) = (estimator.network_s, estimator.waited_s);
        let whole_s = begin.elapsed().as_secs_f64() - waited_s;
        self.load.add(self.ring_frame - first_frame, network_s, whole_s);
        self.shared.status.publish_load(&mut self.load, self.shape.sample_rate_hz);
        if !self.has_more && !self.output.has_waiting() {
            self.shared.settled.store(self.ring_frame, Ordering::Release);
        }
        Ok(self.has_more)
    }

    /// What it asks of the workers; `None` when there is nothing to do.
    pub(super) fn demand(&self) -> Option<Demand> {
        let is_ready = if self.output.has_waiting() {
            !self.output.is_blocked()
        } else {
            self.has_more || self.shared.announced.load(Ordering::Acquire) > self.ring_frame
        };
        if self.needs_room() {
            return Some(Demand::Room);
        }
        is_ready.then(|| {
            if self.shared.is_blocking.load(Ordering::Relaxed) {
                Demand::Offline
            } else {
                let seconds = |frames: f64| frames / self.shape.sample_rate_hz;
                Demand::Playing {
                    slack_s: seconds(self.slack_frames() as f64),
                    total_lost_s: seconds(self.shared.status.late_frames() as f64),
                }
            }
        })
    }

    /// Frames that can still be played before a result is missing.
    fn slack_frames(&self) -> i64 {
        let play = self.shared.play_position.load(Ordering::Acquire);
        if play == i64::MIN {
            // Nothing has been played of what is to come.
            return self.shape.latency_frames as i64;
        }
        if self.output.is_stale() {
            // When the new epoch began is not known before its mark is taken: as if it were due.
            return 0;
        }
        self.output.end() - play - self.shape.fade_frames as i64
    }

    /// Whether the input ring is more than half full, and nothing has been taken for long.
    pub(super) fn needs_room(&self) -> bool {
        !self.output.has_waiting() && self.input.occupied_len() > self.input.vacant_len()
    }

    /// Takes the input and leaves the work on it for later turns.
    pub(super) fn make_room(&mut self) {
        self.take_all();
        self.has_more = true;
    }

    /// Takes all input out of the ring; what belongs to an epoch that is over goes nowhere.
    fn take_all(&mut self) {
        while self.take() {
            if !self.output.is_stale() {
                self.separator.push_interleaved(&self.taken);
            }
        }
    }

    /// Takes the next frames of one epoch, after the mark that begins them. False at the end.
    fn take(&mut self) -> bool {
        let num_channels = self.shape.num_channels;
        // The occupied length is read before the marks: a mark stands before the frames it begins.
        let mut num_frames = (self.input.occupied_len() / num_channels).min(MAX_TAKE_FRAMES);
        self.timeline.receive();
        while let Some(&next) = self.marks.try_peek() {
            if next.ring_frame > self.ring_frame {
                num_frames = num_frames.min((next.ring_frame - self.ring_frame) as usize);
                break;
            }
            let _ = self.marks.try_pop();
            self.separator.reset();
            if let Some(scope) = self.separator.scope() {
                scope.begin_epoch(next.epoch, next.start);
            }
            if let Some(capture) = &mut self.capture {
                capture.begin_epoch(next.epoch, next.start);
            }
            self.output.begin_epoch(next.epoch, next.start);
            self.epoch_start = next.start;
        }
        self.taken.resize(num_frames * num_channels, 0.0);
        self.input.pop_slice(&mut self.taken);
        self.focus.hand_over(self.ring_frame, num_frames, &mut self.separator);
        self.ring_frame += num_frames as u64;
        num_frames > 0
    }
}

/// Counts and times the runs of an estimator.
struct Measured<'a> {
    inner: &'a mut dyn Estimator,
    shared: &'a Shared,
    /// Seconds of the runs, without those spent waiting.
    network_s: f64,
    /// Seconds spent waiting for streams that share the network.
    waited_s: f64,
}

impl<'a> Measured<'a> {
    fn new(inner: &'a mut dyn Estimator, shared: &'a Shared) -> Self {
        Self { inner, shared, network_s: 0.0, waited_s: 0.0 }
    }
}

impl Estimator for Measured<'_> {
    fn provider(&self) -> Provider {
        self.inner.provider()
    }

    fn estimate(
        &mut self,
        features: &[f32],
        num_frames: usize,
        wanted: std::ops::Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError> {
        let begin = Instant::now();
        let outcome = self.inner.estimate(features, num_frames, wanted, masks);
        let waited = self.inner.waited();
        let duration = begin.elapsed().saturating_sub(waited);
        self.network_s += duration.as_secs_f64();
        self.waited_s += waited.as_secs_f64();
        let duration_us = duration.as_micros().min(u128::from(u32::MAX)) as u32;
        self.shared.status.count_run(duration_us);
        outcome
    }
}
