//! Passing an endpoint to the audio thread, and the replaced one back to be freed elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use soloist::streaming::AudioEndpoint;

/// A slot for one endpoint on its way.
#[derive(Default)]
pub struct Handoff {
    slot: Mutex<Slot>,
    /// Whether the slot holds one to be fetched: spares the audio thread the look at the slot.
    is_full: AtomicBool,
}

#[derive(Default)]
struct Slot {
    outgoing: Option<Box<AudioEndpoint>>,
    replaced: Option<Box<AudioEndpoint>>,
}

impl Handoff {
    /// Puts `endpoint` in the slot; one that was never fetched, and the one that was replaced
    /// before, are freed here. Not for the audio thread.
    pub fn send(&self, endpoint: Box<AudioEndpoint>) {
        let old = {
            let mut slot = self.lock();
            self.is_full.store(true, Ordering::Release);
            (slot.outgoing.replace(endpoint), slot.replaced.take())
        };
        drop(old);
    }

    /// Takes out what was not fetched. Not for the audio thread.
    pub fn take_back(&self) -> Option<Box<AudioEndpoint>> {
        let (unfetched, replaced) = {
            let mut slot = self.lock();
            self.is_full.store(false, Ordering::Release);
            (slot.outgoing.take(), slot.replaced.take())
        };
        drop(replaced);
        unfetched
    }

    /// Exchanges `current` for the endpoint in the slot, if there is one; says whether it did.
    ///
    /// # Realtime safety
    /// Never waits, allocates or frees: when the slot is in use, the next block tries again.
    pub fn fetch(&self, current: &mut Option<Box<AudioEndpoint>>) -> bool {
        if !self.is_full.load(Ordering::Acquire) {
            return false;
        }
        let Ok(mut slot) = self.slot.try_lock() else { return false };
        // Both places are empty or full such that nothing is dropped: `send` and `take_back` clear
        // `replaced` together with setting or clearing `outgoing`.
        let Some(newer) = slot.outgoing.take() else { return false };
        slot.replaced = current.replace(newer);
        self.is_full.store(false, Ordering::Release);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
