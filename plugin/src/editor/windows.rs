//! Which threads have drawn windows, so that the plugin does not go before they have left its code.
//!
//! baseview 0.4.2 gives each window on X11 a thread, and does not join it when the window happens to
//! end before it is asked to: its code, or the OpenGL library's at the program's end, would go away
//! under it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The threads of one plugin's windows.
#[derive(Default)]
pub struct Windows {
    threads: Mutex<Vec<ThreadNumber>>,
}

#[cfg(target_os = "linux")]
type ThreadNumber = libc::pid_t;
/// Elsewhere windows are drawn by the host's own thread.
#[cfg(not(target_os = "linux"))]
type ThreadNumber = std::convert::Infallible;

impl Windows {
    /// A window opens on the calling thread.
    pub fn open_on_this_thread(&self) {
        #[cfg(target_os = "linux")]
        {
            let mut threads = self.lock();
            threads.retain(is_alive);
            // SAFETY: a plain call.
            threads.push(unsafe { libc::gettid() });
        }
    }

    /// Waits until the threads have ended, at most for `limit`; whether they have.
    pub fn wait_for_threads(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let mut threads = self.lock();
            threads.retain(is_alive);
            if threads.is_empty() {
                return true;
            }
            drop(threads);
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ThreadNumber>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By the system's own list, which a thread leaves when none of its code is left to run.
#[cfg(target_os = "linux")]
fn is_alive(thread: &ThreadNumber) -> bool {
    std::path::Path::new(&format!("/proc/self/task/{thread}")).exists()
}

#[cfg(not(target_os = "linux"))]
fn is_alive(thread: &ThreadNumber) -> bool {
    match *thread {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    #[test]
    fn the_last_thread_is_waited_for_and_not_for_ever() {
        let windows = Arc::new(Windows::default());
        assert!(windows.wait_for_threads(Duration::ZERO));
        let (end, until) = mpsc::channel::<()>();
        let (opened, is_open) = mpsc::channel();
        let on_thread = Arc::clone(&windows);
        let thread = std::thread::spawn(move || {
            on_thread.open_on_this_thread();
            opened.send(()).unwrap();
            let _ = until.recv();
        });
        is_open.recv().unwrap();
        assert!(!windows.wait_for_threads(Duration::from_millis(10)));
        drop(end);
        assert!(windows.wait_for_threads(Duration::from_secs(60)));
        thread.join().unwrap();
    }
}
