//! Telling the host that what it saves has changed, where no parameter has: the model above all.
//!
//! Without it a host would close a project without asking, and the choice would be lost.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

type Teller = Box<dyn Fn() + Send + Sync>;

/// The way from the window to the host, which the class around the plugin opens and closes.
#[derive(Default)]
pub struct ProjectChanges {
    teller: Mutex<Option<Teller>>,
    is_pending: AtomicBool,
}

impl fmt::Debug for ProjectChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectChanges")
            .field("is_pending", &self.is_pending)
            .finish_non_exhaustive()
    }
}

impl ProjectChanges {
    /// Tells the host by `teller` from now on, called on the window's thread.
    pub fn tell_by(&self, teller: impl Fn() + Send + Sync + 'static) {
        *self.lock() = Some(Box::new(teller));
    }

    /// The host is not to be told any more: it may be gone when this returns.
    pub fn close(&self) {
        let teller = self.lock().take();
        drop(teller);
    }

    /// Something has changed that a session saves and that is no parameter. For the window's thread.
    pub fn tell(&self) {
        self.is_pending.store(true, Ordering::Release);
        // Under the lock, so that the host does not go meanwhile.
        if let Some(teller) = &*self.lock() {
            teller();
        }
    }

    /// Whether something has changed since the last call.
    pub fn take_pending(&self) -> bool {
        self.is_pending.swap(false, Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Teller>> {
        self.teller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
