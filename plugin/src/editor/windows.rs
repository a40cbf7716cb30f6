//! Which windows are open, so that the plugin does not go before their threads have left its code.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts the windows of one plugin.
#[derive(Default)]
pub struct Windows {
    num_open: Mutex<usize>,
    closed: Condvar,
}

/// One window, until it is dropped on its thread.
pub struct OpenWindow(Arc<Windows>);

impl Windows {
    /// A window opens.
    pub fn open(self: &Arc<Self>) -> OpenWindow {
        *self.lock() += 1;
        OpenWindow(Arc::clone(self))
    }

    /// Waits until no window is open, at most for `limit`; whether none is.
    pub fn wait_until_closed(&self, limit: Duration) -> bool {
        let open = |num_open: &mut usize| *num_open > 0;
        let waited = self.closed.wait_timeout_while(self.lock(), limit, open);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.num_open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenWindow {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.closed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_window_is_waited_for_and_not_for_ever() {
        let windows = Arc::new(Windows::default());
        assert!(windows.wait_until_closed(Duration::ZERO));
        let (first, second) = (windows.open(), windows.open());
        drop(first);
        assert!(!windows.wait_until_closed(Duration::from_millis(10)));
        let closing = std::thread::spawn(move || drop(second));
        assert!(windows.wait_until_closed(Duration::from_secs(60)));
        closing.join().unwrap();
    }
}
