//! What the two sides of a stream share beside the rings.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::bell::Bell;
use super::status::{StreamState, StreamStatus};

/// Where an epoch begins in the input ring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EpochMark {
    pub epoch: u32,
    /// Frames pushed into the ring before the epoch.
    pub ring_frame: u64,
    /// Host frame, in the stream's own count, of the epoch's first frame.
    pub start: i64,
}

/// What a run of frames in the result ring is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResultHeader {
    pub epoch: u32,
    /// Host frame in the stream's own count.
    pub start: i64,
    pub num_frames: u32,
}

/// Signals between the audio thread and the worker.
#[derive(Debug)]
pub(crate) struct Shared {
    pub status: Arc<StreamStatus>,
    /// The audio thread's epoch: results of another are stale.
    pub epoch: AtomicU32,
    /// Host frame that the audio thread plays next.
    pub play_position: AtomicI64,
    /// Frames of the input ring, counted from its first, that the workers are to see to.
    pub announced: AtomicU64,
    /// Frames of the input ring, counted from its first, that nothing more will come of without
    /// further input.
    pub settled: AtomicU64,
    /// Whether the audio thread waits for results, as offline renders do.
    pub is_blocking: AtomicBool,
    pub stop: AtomicBool,
    bell: OnceLock<Arc<Bell>>,
    progress: Mutex<()>,
    progressed: Condvar,
}

impl Shared {
    pub fn new() -> Self {
        Self {
            status: Arc::new(StreamStatus::default()),
            epoch: AtomicU32::new(0),
            play_position: AtomicI64::new(i64::MIN),
            announced: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            is_blocking: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            bell: OnceLock::new(),
            progress: Mutex::new(()),
            progressed: Condvar::new(),
        }
    }

    /// The stream is served by the workers that `bell` wakes.
    pub fn answer_to(&self, bell: Arc<Bell>) {
        // A stream is served once in its life; a second bell has nothing to add.
        let _ = self.bell.set(bell);
    }

    /// Tells the workers of all input up to `ring_frame`.
    ///
    /// # Realtime safety
    /// As [`Bell::ring`].
    pub fn announce(&self, ring_frame: u64) {
        self.announced.store(ring_frame, Ordering::Release);
        if let Some(bell) = self.bell.get() {
            bell.ring();
        }
    }

    /// The stream plays the delayed mix from now on, for this reason.
    pub fn fail(&self, message: String) {
        self.status.set_message(Some(message));
        self.status.set_state(StreamState::Failed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub fn lock_progress(&self) -> MutexGuard<'_, ()> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a waiting offline render that something has changed.
    pub fn notify_progress(&self) {
        let _guard = self.lock_progress();
        self.progressed.notify_all();
    }

    /// Waits until `ready` holds. Locks: offline renders only.
    pub fn wait_for_progress(&self, mut ready: impl FnMut() -> bool) {
        let mut guard = self.lock_progress();
        while !ready() {
            // The limit only bounds the harm of a worker that died without a word.
            let limit = Duration::from_millis(100);
            guard = match self.progressed.wait_timeout(guard, limit) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}
