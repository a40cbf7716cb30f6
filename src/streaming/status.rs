//! What a stream tells of itself: atomics for the editor, words for people.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::inference::Provider;

/// Whether results can be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamState {
    /// No worker: the delayed mix is heard.
    Idle,
    /// The model is being opened.
    Loading,
    /// The worker runs.
    Running,
    /// The worker gave up; [`StreamStatus::message`] says why.
    Failed,
}

/// Counters and state of one stream. Written by the audio thread and the worker, read by anyone.
#[derive(Debug, Default)]
pub struct StreamStatus {
    state: AtomicU8,
    provider: AtomicU8,
    late_blocks: AtomicU64,
    late_frames: AtomicU64,
    dropped_frames: AtomicU64,
    num_runs: AtomicU64,
    last_run_us: AtomicU32,
    message: Mutex<Option<String>>,
}

impl StreamStatus {
    /// Whether results can be expected.
    #[must_use]
    pub fn state(&self) -> StreamState {
        match self.state.load(Ordering::Acquire) {
            1 => StreamState::Loading,
            2 => StreamState::Running,
            3 => StreamState::Failed,
            _ => StreamState::Idle,
        }
    }

    /// Whether a worker serves the stream or is about to.
    pub(crate) fn expects_results(&self) -> bool {
        matches!(self.state(), StreamState::Loading | StreamState::Running)
    }

    /// Where the model really runs, once it does.
    #[must_use]
    pub fn provider(&self) -> Option<Provider> {
        match self.provider.load(Ordering::Relaxed) {
            1 => Some(Provider::Cpu),
            2 => Some(Provider::Cuda),
            3 => Some(Provider::CoreMl),
            _ => None,
        }
    }

    /// Host blocks in which a result was missing.
    #[must_use]
    pub fn late_blocks(&self) -> u64 {
        self.late_blocks.load(Ordering::Relaxed)
    }

    /// Host frames for which a result was missing.
    #[must_use]
    pub fn late_frames(&self) -> u64 {
        self.late_frames.load(Ordering::Relaxed)
    }

    /// Frames of results that came too late and were discarded.
    #[must_use]
    pub fn dropped_frames(&self) -> u64 {
        self.dropped_frames.load(Ordering::Relaxed)
    }

    /// Runs of the network since the worker began.
    #[must_use]
    pub fn num_runs(&self) -> u64 {
        self.num_runs.load(Ordering::Relaxed)
    }

    /// Duration of the last run in microseconds.
    #[must_use]
    pub fn last_run_us(&self) -> u32 {
        self.last_run_us.load(Ordering::Relaxed)
    }

    /// Why the stream failed. Locks: not for the audio thread.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        self.lock_message().clone()
    }

    pub(crate) fn lock_message(&self) -> MutexGuard<'_, Option<String>> {
        self.message.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_state(&self, state: StreamState) {
        let value = match state {
            StreamState::Idle => 0,
            StreamState::Loading => 1,
            StreamState::Running => 2,
            StreamState::Failed => 3,
        };
        self.state.store(value, Ordering::Release);
    }

    pub(crate) fn set_provider(&self, provider: Provider) {
        let value = match provider {
            Provider::Cpu => 1,
            Provider::Cuda => 2,
            Provider::CoreMl => 3,
        };
        self.provider.store(value, Ordering::Relaxed);
    }

    pub(crate) fn set_message(&self, message: Option<String>) {
        *self.lock_message() = message;
    }

    pub(crate) fn count_late(&self, num_frames: u64) {
        self.late_blocks.fetch_add(1, Ordering::Relaxed);
        self.late_frames.fetch_add(num_frames, Ordering::Relaxed);
    }

    pub(crate) fn count_dropped_if_any(&self, num_frames: usize) {
        if num_frames > 0 {
            self.dropped_frames.fetch_add(num_frames as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_run(&self, duration_us: u32) {
        self.num_runs.fetch_add(1, Ordering::Relaxed);
        self.last_run_us.store(duration_us, Ordering::Relaxed);
    }
}
