//! The workers' priority among the threads of the system: above those of the screen and of builds,
//! below those of the host's audio.
//!
//! Audio threads have a class of their own on every platform (SCHED_FIFO or SCHED_RR, time
//! constraints, MMCSS), which is before all ordinary threads whatever their priority. The workers
//! stay in the ordinary class, since a network that computes without end in the class of audio
//! would leave nothing to the rest, and take a high place in it.

use std::sync::atomic::{AtomicU8, Ordering};

use thread_priority::{Error, ThreadPriority, ThreadPriorityValue};

/// Place in the ordinary class, of 99: niceness -9 on Linux, `ABOVE_NORMAL` on Windows.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
const RAISED: u8 = 70;
/// Of 15 to 47, where 31 is the default.
#[cfg(any(target_os = "macos", target_os = "ios"))]
const RAISED: u8 = 40;

/// What the last worker that started was given.
static LAST: AtomicU8 = AtomicU8::new(0);

/// The priority that the workers run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerPriority {
    /// Above ordinary threads.
    Raised,
    /// That of ordinary threads: the system refused a higher one. On Linux it takes a limit for
    /// niceness (`nice` in `limits.conf`), as audio distributions grant it.
    Ordinary,
}

/// The priority of the process's workers; `None` before the first has started.
#[must_use]
pub fn worker_priority() -> Option<WorkerPriority> {
    noted(&LAST)
}

fn noted(last: &AtomicU8) -> Option<WorkerPriority> {
    match last.load(Ordering::Relaxed) {
        1 => Some(WorkerPriority::Raised),
        2 => Some(WorkerPriority::Ordinary),
        _ => None,
    }
}

/// Gives the calling thread a worker's priority, or leaves it an ordinary one.
pub(super) fn become_worker() {
    note(raise(), &LAST);
}

fn note(outcome: Result<(), Error>, last: &AtomicU8) {
    last.store(if outcome.is_ok() { 1 } else { 2 }, Ordering::Relaxed);
}

#[cfg(unix)]
fn raise() -> Result<(), Error> {
    use thread_priority::unix::{
        NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    // A thread has the class of the one that starts it, and hosts activate on any of theirs: the
    // class is set as well, first, and that is never refused.
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    set_thread_priority_and_policy(thread_native_id(), raised()?, policy)
}

#[cfg(not(unix))]
fn raise() -> Result<(), Error> {
    thread_priority::set_current_thread_priority(raised()?)
}

fn raised() -> Result<ThreadPriority, Error> {
    let value = ThreadPriorityValue::try_from(RAISED)
        .map_err(|_| Error::Priority("there is no such place in the class"))?;
    Ok(ThreadPriority::Crossplatform(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_leaves_an_ordinary_worker_and_is_told() {
        let last = AtomicU8::new(0);
        assert_eq!(noted(&last), None);
        note(Err(Error::OS(1)), &last);
        assert_eq!(noted(&last), Some(WorkerPriority::Ordinary));
        note(Ok(()), &last);
        assert_eq!(noted(&last), Some(WorkerPriority::Raised));
    }

    /// Niceness of the calling thread and its scheduling class, by the system's own account.
    #[cfg(target_os = "linux")]
    fn place_of_this_thread() -> (i32, u32) {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        // Fields 19 and 41 of proc(5), of which the first two stand before the bracket.
        (fields[16].parse().unwrap(), fields[38].parse().unwrap())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_shows_the_priority_that_is_told() {
        std::thread::spawn(|| {
            let (before, _) = place_of_this_thread();
            let is_raised = raise().is_ok();
            let (niceness, class) = place_of_this_thread();
            assert_eq!(class, 0, "an ordinary thread");
            assert_eq!(niceness, if is_raised { -9 } else { before });
        })
        .join()
        .unwrap();
    }
}
