//! What the two sides of a stream share beside the rings.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use super::status::StreamStatus;

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
    pub stop: AtomicBool,
    worker: OnceLock<Thread>,
    progress: Mutex<()>,
    progressed: Condvar,
}

impl Shared {
    pub fn new() -> Self {
        Self {
            status: Arc::new(StreamStatus::default()),
            epoch: AtomicU32::new(0),
            play_position: AtomicI64::new(i64::MIN),
            stop: AtomicBool::new(false),
            worker: OnceLock::new(),
            progress: Mutex::new(()),
            progressed: Condvar::new(),
        }
    }

    /// Called once, on the worker's own thread.
    pub fn register_worker(&self) {
        // A stream has one worker in its life; a second registration has nothing to add.
        let _ = self.worker.set(std::thread::current());
    }

    /// # Realtime safety
    /// Unparking neither locks nor allocates; it is a system call only when the worker sleeps.
    pub fn wake_worker(&self) {
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Tells a waiting offline render that something has changed.
    pub fn notify_progress(&self) {
        let _guard = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        self.progressed.notify_all();
    }

    /// Waits until `ready` holds. Locks: offline renders only.
    pub fn wait_for_progress(&self, mut ready: impl FnMut() -> bool) {
        let mut guard = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
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
