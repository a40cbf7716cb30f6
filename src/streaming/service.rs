//! A stream's place among the workers: opening its model, being served, leaving.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::pool::{self, Member, Task, Turn};
use super::shared::Shared;
use super::status::StreamState;
use super::turns::Demand;
use super::worker::WorkerEndpoint;
use crate::inference::{Estimator, InferenceError};

/// What is told of a stream whose work panicked.
const INTERNAL_ERROR: &str = "the worker stopped by an internal error";

/// The service of a stream by the process's workers. Dropping it ends the service, after the run
/// that the stream is in; other streams are not disturbed.
pub struct Worker {
    shared: Arc<Shared>,
    loader: Option<JoinHandle<()>>,
    seat: Arc<Seat>,
}

/// The stream's place in the pool, once its model is open.
struct Seat {
    member: Member,
    task: Mutex<Option<u64>>,
}

impl Worker {
    /// Opens the estimator with `opener`, on a thread of its own, and then has the stream served.
    /// The state is `Loading` when this returns.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn<F>(endpoint: WorkerEndpoint, opener: F) -> std::io::Result<Self>
    where
        F: FnOnce() -> Result<Box<dyn Estimator>, InferenceError> + Send + 'static,
    {
        let shared = Arc::clone(&endpoint.shared);
        let member = pool::PROCESS.join()?;
        shared.answer_to(member.bell());
        shared.status.set_message(None);
        shared.status.set_state(StreamState::Loading);
        let seat = Arc::new(Seat { member, task: Mutex::new(None) });
        let taken_by_loader = Arc::clone(&seat);
        // Opening reads files and takes a second or more: no worker has that time.
        let loader = std::thread::Builder::new()
            .name("soloist-loader".to_owned())
            .spawn(move || taken_by_loader.open(endpoint, opener))
            .inspect_err(|_| shared.status.set_state(StreamState::Idle))?;
        Ok(Self { shared, loader: Some(loader), seat })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(loader) = self.loader.take() {
            // A panic in there has been reported through the status.
            let _ = loader.join();
        }
        if let Some(task) = self.seat.lock_task().take() {
            self.seat.member.remove(task);
        }
        if self.shared.status.state() != StreamState::Failed {
            self.shared.status.set_state(StreamState::Idle);
        }
        self.shared.notify_progress();
    }
}

impl Seat {
    fn open<F>(&self, endpoint: WorkerEndpoint, opener: F)
    where
        F: FnOnce() -> Result<Box<dyn Estimator>, InferenceError>,
    {
        let shared = Arc::clone(&endpoint.shared);
        match catch_unwind(AssertUnwindSafe(opener)) {
            Ok(Ok(_)) if shared.is_stopping() => {}
            Ok(Ok(estimator)) => {
                shared.status.set_provider(estimator.provider());
                shared.status.set_model_bytes(estimator.model_bytes());
                shared.status.set_state(StreamState::Running);
                let task = Box::new(StreamTask { endpoint, estimator });
                *self.lock_task() = Some(self.member.add(task));
            }
            Ok(Err(error)) => shared.fail(crate::model::catalogue::with_causes(&error)),
            Err(_) => shared.fail(INTERNAL_ERROR.to_owned()),
        }
        shared.notify_progress();
    }

    fn lock_task(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream as the workers see it.
struct StreamTask {
    endpoint: WorkerEndpoint,
    estimator: Box<dyn Estimator>,
}

impl Task for StreamTask {
    fn demand(&self) -> Option<Demand> {
        self.endpoint.demand()
    }

    fn turn(&mut self) -> Turn {
        if self.endpoint.needs_room() {
            self.endpoint.make_room();
            self.endpoint.shared.notify_progress();
            return Turn::Idle;
        }
        let turn = match self.endpoint.turn(self.estimator.as_mut()) {
            Ok(true) => Turn::Ran,
            Ok(false) => Turn::Idle,
            Err(error) => {
                self.endpoint.shared.fail(crate::model::catalogue::with_causes(&error));
                Turn::Over
            }
        };
        self.endpoint.shared.notify_progress();
        turn
    }

    fn panicked(&mut self) {
        self.endpoint.shared.fail(INTERNAL_ERROR.to_owned());
        self.endpoint.shared.notify_progress();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::inference::Identity;
    use crate::model::{Instrument, ModelCard};
    use crate::streaming::{Controls, LatencyMode, StreamConfig, split};

    /// Every lock that the two sides have is held by somebody else, and the callback returns.
    #[test]
    fn the_audio_callback_takes_no_lock() {
        let card = Arc::new(ModelCard::builtin());
        let (sample_rate_hz, mode) = (44_100.0, LatencyMode::Studio);
        let config =
            StreamConfig { card: Arc::clone(&card), sample_rate_hz, num_channels: 2, mode };
        let (mut audio, work) = split(&config).unwrap();
        let shared = Arc::clone(&work.shared);
        let estimator = Box::new(Identity::new(&card, Instrument::Vocals));
        let worker = Worker::spawn(work, move || Ok(estimator)).unwrap();
        shared.wait_for_progress(|| shared.status.state() == StreamState::Running);

        let (done, is_done) = channel();
        let progress = shared.lock_progress();
        let message = shared.status.lock_message();
        let task = worker.seat.lock_task();
        let callback = worker.seat.member.with_locks_held(|| {
            let callback = std::thread::spawn(move || {
                let mut channels = [vec![0.1_f32; 512], vec![0.1; 512]];
                for index in 0..2_000 {
                    let controls = Controls { mix: (index % 3) as f32 / 2.0, ..Default::default() };
                    if index % 700 == 699 {
                        audio.reset(&controls);
                    }
                    let [left, right] = &mut channels;
                    audio.process(&mut [left, right], &controls);
                }
                done.send(()).unwrap();
            });
            let outcome = is_done.recv_timeout(Duration::from_secs(60));
            assert!(outcome.is_ok(), "the callback must not wait for any of the locks");
            callback
        });
        drop((progress, message, task));
        callback.join().unwrap();
    }
}
