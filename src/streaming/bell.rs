//! How the audio threads wake the workers, without a lock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::Thread;
use std::time::Duration;

/// Wakes one sleeping worker at a time.
///
/// A worker [lies down](Bell::lie_down), looks for work once more, and only then
/// [sleeps](Bell::sleep); whoever has work for it makes the work visible first and then
/// [rings](Bell::ring). Whichever comes first, the worker finds the work or hears the bell.
#[derive(Debug)]
pub(crate) struct Bell {
    beds: Box<[Bed]>,
}

#[derive(Debug, Default)]
struct Bed {
    is_asleep: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Bell {
    pub fn new(num_workers: usize) -> Self {
        Self { beds: (0..num_workers).map(|_| Bed::default()).collect() }
    }

    /// Called once by each worker, on its own thread.
    pub fn register(&self, worker: usize) {
        // A place has one worker in its life; a second registration has nothing to add.
        let _ = self.beds[worker].thread.set(std::thread::current());
    }

    /// Wakes one of the workers that sleep, if any does.
    ///
    /// # Realtime safety
    /// Neither locks nor allocates nor waits; it is a system call only when a worker sleeps.
    pub fn ring(&self) {
        // Pairs with the fence of `lie_down`: either the worker sees the work that was made
        // visible before this, or the worker is seen here.
        fence(Ordering::SeqCst);
        for bed in &self.beds {
            if bed.is_asleep.load(Ordering::Relaxed)
                && bed.is_asleep.swap(false, Ordering::AcqRel)
                && let Some(thread) = bed.thread.get()
            {
                thread.unpark();
                return;
            }
        }
    }

    /// Wakes every worker.
    pub fn ring_all(&self) {
        for bed in &self.beds {
            bed.is_asleep.store(false, Ordering::Release);
            if let Some(thread) = bed.thread.get() {
                thread.unpark();
            }
        }
    }

    /// Announces that `worker` is about to sleep. It must look for work after this.
    pub fn lie_down(&self, worker: usize) {
        self.beds[worker].is_asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// `worker` has found work. Says whether a ring was meant for it meanwhile, which it must pass
    /// on, since it will not look for more before that work is done.
    pub fn get_up(&self, worker: usize) -> bool {
        !self.beds[worker].is_asleep.swap(false, Ordering::AcqRel)
    }

    /// Sleeps until the bell rings for the calling worker, at most for `limit`.
    pub fn sleep(&self, worker: usize, limit: Duration) {
        if self.beds[worker].is_asleep.load(Ordering::Acquire) {
            std::thread::park_timeout(limit);
        }
        self.beds[worker].is_asleep.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::{Arc, mpsc};
    use std::time::Instant;

    use super::*;

    /// Three ringers against two sleepers: whatever the order, no work is left lying.
    #[test]
    fn no_ring_is_lost() {
        const PIECES: u64 = 3 * 2_000;
        let bell = Arc::new(Bell::new(2));
        let (work, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (finished, all_done) = mpsc::channel();
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let (bell, work, done) = (Arc::clone(&bell), Arc::clone(&work), Arc::clone(&done));
                let finished = finished.clone();
                std::thread::spawn(move || {
                    bell.register(worker);
                    let take = || {
                        work.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1))
                            .is_ok()
                    };
                    while done.load(Ordering::Acquire) < PIECES {
                        bell.lie_down(worker);
                        if take() {
                            if bell.get_up(worker) {
                                bell.ring();
                            }
                            if done.fetch_add(1, Ordering::AcqRel) + 1 == PIECES {
                                bell.ring_all();
                                finished.send(()).unwrap();
                            }
                        } else {
                            // No bound: a lost ring would hang the test.
                            bell.sleep(worker, Duration::from_secs(3600));
                        }
                    }
                })
            })
            .collect();
        let ringers: Vec<_> = (0..3)
            .map(|_| {
                let (bell, work) = (Arc::clone(&bell), Arc::clone(&work));
                std::thread::spawn(move || {
                    for piece in 0..PIECES / 3 {
                        work.fetch_add(1, Ordering::AcqRel);
                        bell.ring();
                        if piece % 64 == 0 {
                            std::thread::sleep(Duration::from_micros(200));
                        }
                    }
                })
            })
            .collect();
        ringers.into_iter().for_each(|ringer| ringer.join().unwrap());
        let limit = Duration::from_secs(60);
        all_done.recv_timeout(limit).expect("every piece of work must be found");
        let begin = Instant::now();
        while !workers.iter().all(std::thread::JoinHandle::is_finished) {
            bell.ring_all();
            assert!(begin.elapsed() < limit, "the workers must end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_ring_for_nobody_does_nothing_and_one_for_a_worker_that_got_up_is_told() {
        let bell = Bell::new(1);
        bell.ring();
        bell.register(0);
        bell.lie_down(0);
        assert!(!bell.get_up(0));
        bell.lie_down(0);
        bell.ring();
        assert!(bell.get_up(0), "the ring was meant for this worker");
    }
}
