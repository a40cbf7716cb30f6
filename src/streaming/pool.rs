//! The process's workers: few threads that serve all streams.
//!
//! They start with the first stream and are joined when the last one leaves. The audio threads
//! reach them through the [`Bell`] alone; the lock in here is taken by workers and by whoever adds
//! or removes a stream.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::bell::Bell;
use super::priority;
use super::turns::{Claim, Demand, RecentLoss, choose};

/// Most workers. Runs of one network follow one another, since its session serves one at a time:
/// a second worker does one stream's transforms during another's run, two more serve a second
/// model. Beyond that the cores are the host's.
const MAX_WORKERS: usize = 4;

/// How long a worker sleeps that nobody wakes: a bound, not a rhythm.
const IDLE: Duration = Duration::from_millis(100);

/// What a turn has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The network has run.
    Ran,
    /// There was less to do than that.
    Idle,
    /// The task has failed and wants no more turns.
    Over,
}

/// What the workers serve, a turn at a time.
pub(crate) trait Task: Send {
    /// What it asks for; `None` when there is nothing to do.
    fn demand(&self) -> Option<Demand>;

    /// Does one run of the network at most.
    fn turn(&mut self) -> Turn;

    /// Its turn ended in a panic. Nothing else will be called.
    fn panicked(&mut self);
}

/// Where the workers of a process are found; one for all streams, others in tests.
pub(crate) struct Pool {
    num_workers: Option<usize>,
    staff: Mutex<Staff>,
}

struct Staff {
    crew: Option<Arc<Crew>>,
    threads: Vec<JoinHandle<()>>,
    num_members: usize,
}

/// The pool of the process.
pub(crate) static PROCESS: Pool = Pool::new(None);

impl Pool {
    const fn new(num_workers: Option<usize>) -> Self {
        let staff = Staff { crew: None, threads: Vec::new(), num_members: 0 };
        Self { num_workers, staff: Mutex::new(staff) }
    }

    /// Joins the users of the pool; the first one starts the workers.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn join(&'static self) -> std::io::Result<Member> {
        let mut staff = lock(&self.staff);
        let crew = match &staff.crew {
            Some(crew) => Arc::clone(crew),
            None => {
                let parallelism = || std::thread::available_parallelism().map_or(1, usize::from);
                let num_workers = self.num_workers.unwrap_or_else(parallelism).min(MAX_WORKERS);
                let (crew, threads) = Crew::start(num_workers)?;
                staff.threads = threads;
                Arc::clone(staff.crew.insert(crew))
            }
        };
        staff.num_members += 1;
        Ok(Member { pool: self, crew })
    }
}

/// A user of a pool. Dropping the last one joins the workers.
pub(crate) struct Member {
    pool: &'static Pool,
    crew: Arc<Crew>,
}

impl Member {
    /// What wakes the workers.
    pub fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.crew.bell)
    }

    /// Serves `task` until [`Member::remove`] is called with the number that is returned.
    pub fn add(&self, task: Box<dyn Task>) -> u64 {
        let number = {
            let mut state = lock(&self.crew.state);
            state.next_number += 1;
            let number = state.next_number;
            state.entries.push(Entry {
                number,
                added: Instant::now(),
                place: Place::Waiting(task),
                ready_since: None,
                loss: RecentLoss::default(),
                run_s: 0.0,
                last_run: 0,
            });
            number
        };
        self.crew.bell.ring();
        number
    }

    /// Calls `f` while every lock of the pool is held.
    #[cfg(test)]
    pub fn with_locks_held<T>(&self, f: impl FnOnce() -> T) -> T {
        let _locks = (lock(&self.pool.staff), lock(&self.crew.state));
        f()
    }

    /// Ends the service of a task and frees it, after the turn that it is in.
    pub fn remove(&self, number: u64) {
        let task = {
            let mut state = lock(&self.crew.state);
            loop {
                let Some(index) = state.index_of(number) else { return };
                if !matches!(state.entries[index].place, Place::InTurn) {
                    break state.entries.swap_remove(index).place;
                }
                state = self.crew.turn_over.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        };
        drop(task);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let threads = {
            let mut staff = lock(&self.pool.staff);
            staff.num_members -= 1;
            if staff.num_members > 0 {
                return;
            }
            staff.crew = None;
            std::mem::take(&mut staff.threads)
        };
        self.crew.close();
        for thread in threads {
            // Workers catch the panics of their tasks.
            let _ = thread.join();
        }
    }
}

/// What the workers share.
struct Crew {
    bell: Arc<Bell>,
    state: Mutex<State>,
    turn_over: Condvar,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    next_number: u64,
    num_runs: u64,
    is_closing: bool,
}

struct Entry {
    number: u64,
    added: Instant,
    place: Place,
    /// When it was first seen to have work that is still not done.
    ready_since: Option<Instant>,
    loss: RecentLoss,
    /// Seconds that its last run took.
    run_s: f64,
    /// Place of its last run in the order of all runs.
    last_run: u64,
}

enum Place {
    Waiting(Box<dyn Task>),
    InTurn,
    Over,
}

impl State {
    fn index_of(&self, number: u64) -> Option<usize> {
        self.entries.iter().position(|entry| entry.number == number)
    }

    /// Takes out the task whose turn it is; says whether others wait as well.
    fn take_next(&mut self) -> Option<(u64, Box<dyn Task>, bool)> {
        let now = Instant::now();
        let mut num_claims = 0;
        let claims = self.entries.iter_mut().enumerate().filter_map(|(index, entry)| {
            let claim = entry.claim(now)?;
            num_claims += 1;
            Some((index, claim))
        });
        let entry = choose(claims).map(|index| &mut self.entries[index])?;
        entry.ready_since = None;
        match std::mem::replace(&mut entry.place, Place::InTurn) {
            Place::Waiting(task) => Some((entry.number, task, num_claims > 1)),
            // Only waiting tasks have claims.
            Place::InTurn | Place::Over => None,
        }
    }
}

impl Entry {
    fn claim(&mut self, now: Instant) -> Option<Claim> {
        let Place::Waiting(task) = &self.place else { return None };
        let Some(demand) = task.demand() else {
            self.ready_since = None;
            return None;
        };
        let since = *self.ready_since.get_or_insert(now);
        let waited_s = now.saturating_duration_since(since).as_secs_f64();
        let lost_s = match demand {
            Demand::Playing { total_lost_s, .. } => {
                let now_s = now.saturating_duration_since(self.added).as_secs_f64();
                self.loss.update(total_lost_s, now_s)
            }
            Demand::Offline | Demand::Room => 0.0,
        };
        Some(Claim { demand, waited_s, lost_s, run_s: self.run_s, last_run: self.last_run })
    }
}

impl Crew {
    fn start(num_workers: usize) -> std::io::Result<(Arc<Self>, Vec<JoinHandle<()>>)> {
        let crew = Arc::new(Self {
            bell: Arc::new(Bell::new(num_workers)),
            state: Mutex::default(),
            turn_over: Condvar::new(),
        });
        let mut threads = Vec::new();
        for worker in 0..num_workers {
            let shared = Arc::clone(&crew);
            let started = std::thread::Builder::new()
                .name(format!("soloist-{worker}"))
                .spawn(move || shared.work(worker));
            match started {
                Ok(thread) => threads.push(thread),
                // Fewer workers are slower, none is an error.
                Err(error) if threads.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok((crew, threads))
    }

    fn close(&self) {
        lock(&self.state).is_closing = true;
        self.bell.ring_all();
    }

    /// The body of a worker.
    fn work(&self, worker: usize) {
        self.bell.register(worker);
        priority::become_worker();
        while let Some((number, mut task)) = self.next(worker) {
            let begin = Instant::now();
            let turn = catch_unwind(AssertUnwindSafe(|| task.turn())).unwrap_or_else(|_| {
                task.panicked();
                Turn::Over
            });
            self.end_turn(number, task, turn, begin.elapsed().as_secs_f64());
        }
    }

    /// Waits for the next turn; `None` when the pool closes.
    fn next(&self, worker: usize) -> Option<(u64, Box<dyn Task>)> {
        loop {
            self.bell.lie_down(worker);
            let next = {
                let mut state = lock(&self.state);
                if state.is_closing {
                    return None;
                }
                state.take_next()
            };
            if let Some((number, task, others_wait)) = next {
                let was_meant = self.bell.get_up(worker);
                if was_meant || others_wait {
                    self.bell.ring();
                }
                return Some((number, task));
            }
            self.bell.sleep(worker, IDLE);
        }
    }

    fn end_turn(&self, number: u64, task: Box<dyn Task>, turn: Turn, duration_s: f64) {
        let finished = {
            let mut state = lock(&self.state);
            state.num_runs += u64::from(turn == Turn::Ran);
            let num_runs = state.num_runs;
            let Some(index) = state.index_of(number) else { return };
            let entry = &mut state.entries[index];
            if turn == Turn::Ran {
                entry.last_run = num_runs;
                entry.run_s = duration_s;
            }
            if turn == Turn::Over {
                entry.place = Place::Over;
                Some(task)
            } else {
                entry.place = Place::Waiting(task);
                None
            }
        };
        self.turn_over.notify_all();
        // What has failed may fail once more when it is freed.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(finished)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that may panic is called under these locks but a task's own demand.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
