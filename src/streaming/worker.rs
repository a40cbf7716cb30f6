//! The worker's half of a stream, and the thread that drives it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ringbuf::traits::{Consumer, Observer, Producer};
use ringbuf::{HeapCons, HeapProd};

use super::focus::FocusReceiver;
use super::separator::{Separator, StemBlock};
use super::shared::{EpochMark, ResultHeader, Shared};
use super::status::StreamState;
use crate::inference::{Estimator, InferenceError, Provider};

/// Most frames taken from the ring before the separator is asked for results.
const MAX_TAKE_FRAMES: usize = 4096;

/// How long a worker sleeps that nobody wakes: a bound, not a rhythm.
const IDLE: Duration = Duration::from_millis(100);

/// How long it sleeps while the audio thread has no room for results.
const FULL: Duration = Duration::from_millis(1);

/// The worker's half: input frames in, stems out.
pub struct WorkerEndpoint {
    shared: Arc<Shared>,
    separator: Separator,
    input: HeapCons<f32>,
    marks: HeapCons<EpochMark>,
    focus: FocusReceiver,
    output: ResultSender,
    num_channels: usize,
    /// Frames taken from the input ring, ever.
    ring_frame: u64,
    /// Host frame at which the current epoch began.
    epoch_start: i64,
    taken: Vec<f32>,
}

/// Producer side of the results.
struct ResultSender {
    shared: Arc<Shared>,
    samples: HeapProd<f32>,
    headers: HeapProd<ResultHeader>,
    num_channels: usize,
    epoch: u32,
    interleaved: Vec<f32>,
}

impl WorkerEndpoint {
    pub(super) fn new(
        shared: Arc<Shared>,
        separator: Separator,
        input: HeapCons<f32>,
        (marks, focus): (HeapCons<EpochMark>, FocusReceiver),
        samples: HeapProd<f32>,
        headers: HeapProd<ResultHeader>,
        num_channels: usize,
    ) -> Self {
        let output = ResultSender {
            shared: Arc::clone(&shared),
            samples,
            headers,
            num_channels,
            epoch: 0,
            interleaved: Vec::new(),
        };
        let taken = Vec::with_capacity(MAX_TAKE_FRAMES * num_channels);
        Self {
            shared,
            separator,
            input,
            marks,
            focus,
            output,
            num_channels,
            ring_frame: 0,
            epoch_start: 0,
            taken,
        }
    }

    /// Handles all input that has arrived.
    ///
    /// # Errors
    /// When the network fails.
    pub(crate) fn work(&mut self, estimator: &mut dyn Estimator) -> Result<(), InferenceError> {
        let mut estimator = Measured { inner: estimator, shared: &self.shared };
        loop {
            if !take(
                &mut self.input,
                &mut self.marks,
                self.ring_frame,
                self.num_channels,
                &mut self.taken,
            )
            .apply(&mut self.separator, &mut self.output.epoch, &mut self.epoch_start)
            {
                return Ok(());
            }
            let num_frames = self.taken.len() / self.num_channels;
            self.focus.hand_over(self.ring_frame, num_frames, &mut self.separator);
            self.ring_frame += num_frames as u64;
            if self.output.is_stale() {
                continue;
            }
            self.separator.push_interleaved(&self.taken);
            let (shared, start) = (&self.shared, self.epoch_start);
            let horizon = || shared.play_position.load(Ordering::Acquire).saturating_sub(start);
            let output = &mut self.output;
            self.separator.advance(&mut estimator, &horizon, &mut |block| {
                output.send(start, &block);
            })?;
            if self.shared.is_stopping() {
                return Ok(());
            }
        }
    }

    /// The thread's body, after the estimator has been opened.
    fn run(&mut self, estimator: &mut dyn Estimator) -> Result<(), InferenceError> {
        while !self.shared.is_stopping() {
            self.work(estimator)?;
            self.shared.notify_progress();
            if self.input.is_empty() {
                std::thread::park_timeout(IDLE);
            }
        }
        Ok(())
    }
}

/// What was found in the input ring.
struct Taken {
    mark: Option<EpochMark>,
    any: bool,
}

impl Taken {
    fn apply(self, separator: &mut Separator, epoch: &mut u32, epoch_start: &mut i64) -> bool {
        if let Some(mark) = self.mark {
            separator.reset();
            *epoch = mark.epoch;
            *epoch_start = mark.start;
        }
        self.any
    }
}

/// Takes the next frames of one epoch out of the ring, and the mark that begins them.
fn take(
    input: &mut HeapCons<f32>,
    marks: &mut HeapCons<EpochMark>,
    ring_frame: u64,
    num_channels: usize,
    taken: &mut Vec<f32>,
) -> Taken {
    // The occupied length is read before the marks: a mark stands before the frames it begins.
    let mut num_frames = (input.occupied_len() / num_channels).min(MAX_TAKE_FRAMES);
    let mut mark = None;
    while let Some(next) = marks.try_peek() {
        if next.ring_frame > ring_frame {
            num_frames = num_frames.min((next.ring_frame - ring_frame) as usize);
            break;
        }
        mark = marks.try_pop();
    }
    taken.resize(num_frames * num_channels, 0.0);
    input.pop_slice(taken);
    Taken { mark, any: num_frames > 0 }
}

impl ResultSender {
    /// Sends one hop. Waits for room, unless the hop is stale or the stream ends.
    fn send(&mut self, epoch_start: i64, block: &StemBlock<'_>) {
        let num_stems = block.stems.len() / block.num_frames;
        debug_assert!(num_stems.is_multiple_of(self.num_channels));
        self.interleaved.clear();
        for frame in 0..block.num_frames {
            let of_frame = block.stems[frame..].iter().step_by(block.num_frames);
            self.interleaved.extend(of_frame.take(num_stems));
        }
        while self.samples.vacant_len() < self.interleaved.len() || self.headers.is_full() {
            if self.shared.is_stopping() || self.is_stale() {
                return;
            }
            self.shared.notify_progress();
            std::thread::park_timeout(FULL);
        }
        if self.is_stale() {
            return;
        }
        // Samples before their header: whoever sees the header finds the samples there.
        self.samples.push_slice(&self.interleaved);
        let header = ResultHeader {
            epoch: self.epoch,
            start: epoch_start + block.start,
            num_frames: block.num_frames as u32,
        };
        let _ = self.headers.try_push(header);
    }

    fn is_stale(&self) -> bool {
        self.shared.epoch.load(Ordering::Acquire) != self.epoch
    }
}

/// Counts and times the runs of an estimator.
struct Measured<'a> {
    inner: &'a mut dyn Estimator,
    shared: &'a Shared,
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
        let duration_us = begin.elapsed().as_micros().min(u128::from(u32::MAX)) as u32;
        self.shared.status.count_run(duration_us);
        outcome
    }
}

/// A running worker thread. Dropping it stops and joins the thread, after the run it is in.
pub struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread that opens the estimator with `opener` and then serves the stream. The
    /// state is `Loading` when this returns.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn<F>(endpoint: WorkerEndpoint, opener: F) -> std::io::Result<Self>
    where
        F: FnOnce() -> Result<Box<dyn Estimator>, InferenceError> + Send + 'static,
    {
        let shared = Arc::clone(&endpoint.shared);
        shared.status.set_message(None);
        shared.status.set_state(StreamState::Loading);
        let thread = std::thread::Builder::new()
            .name("soloist-worker".to_owned())
            .spawn(move || serve(endpoint, opener))
            .inspect_err(|_| shared.status.set_state(StreamState::Idle))?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic in the worker has been reported through the status.
            let _ = thread.join();
        }
        if self.shared.status.state() != StreamState::Failed {
            self.shared.status.set_state(StreamState::Idle);
        }
        self.shared.notify_progress();
    }
}

fn serve<F>(mut endpoint: WorkerEndpoint, opener: F)
where
    F: FnOnce() -> Result<Box<dyn Estimator>, InferenceError>,
{
    let shared = Arc::clone(&endpoint.shared);
    shared.register_worker();
    // Nothing of the stream is used after a panic but its status.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut estimator = opener()?;
        shared.status.set_provider(estimator.provider());
        shared.status.set_state(StreamState::Running);
        endpoint.run(estimator.as_mut())
    }));
    let message = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(crate::model::catalogue::with_causes(&error)),
        Err(_) => Some("the worker stopped by an internal error".to_owned()),
    };
    if let Some(message) = message {
        shared.status.set_message(Some(message));
        shared.status.set_state(StreamState::Failed);
    }
    shared.notify_progress();
}
