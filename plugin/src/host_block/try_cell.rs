//! A value for whoever comes first, without waiting.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

/// A cell that gives its value to one caller at a time and turns the others away: the audio
/// thread's, in a host that may call from any thread but, by contract, from one at a time.
pub struct TryCell<T> {
    is_taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through `try_with` alone, by one thread at a time.
unsafe impl<T: Send> Sync for TryCell<T> {}

impl<T> TryCell<T> {
    /// A cell with `value`.
    pub fn new(value: T) -> Self {
        Self { is_taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// What `f` makes of the value; `None` when another call has it in hand.
    ///
    /// # Realtime safety
    /// Touches one atomic; never waits.
    pub fn try_with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.is_taken.swap(true, Ordering::Acquire) {
            return None;
        }
        // Given back on unwinding as well.
        let _release = Release(&self.is_taken);
        // SAFETY: the flag was free and is ours until `_release` is dropped.
        Some(f(unsafe { &mut *self.value.get() }))
    }
}

struct Release<'a>(&'a AtomicBool);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::TryCell;

    #[test]
    fn the_second_caller_is_turned_away_and_the_third_is_not() {
        let cell = TryCell::new(1);
        let inner = cell.try_with(|value| {
            *value += 1;
            cell.try_with(|_| ())
        });
        assert_eq!(inner, Some(None));
        assert_eq!(cell.try_with(|value| *value), Some(2));
    }
}
