//! Passing an endpoint to the audio thread, and the replaced one back to be freed elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use soloist::streaming::{AudioEndpoint, Controls, Player};

/// A slot for one endpoint on its way, each way.
#[derive(Default)]
pub struct Handoff {
    slot: Mutex<Slot>,
    /// Whether the slot holds one to be fetched: spares the audio thread the look at the slot.
    is_full: AtomicBool,
}

/// What the slot held.
#[derive(Default)]
pub struct Slot {
    /// On its way to the audio thread.
    pub outgoing: Option<Box<AudioEndpoint>>,
    /// Back from it.
    pub returned: Option<Box<AudioEndpoint>>,
}

impl Handoff {
    /// Puts `endpoint` in the slot, and gives out what is of no use any more: one that was never
    /// fetched, and one that came back. Not for the audio thread.
    pub fn send(&self, endpoint: Box<AudioEndpoint>) -> Slot {
        let mut slot = self.lock();
        self.is_full.store(true, Ordering::Release);
        Slot { outgoing: slot.outgoing.replace(endpoint), returned: slot.returned.take() }
    }

    /// Empties the slot. Not for the audio thread.
    pub fn take_back(&self) -> Slot {
        let mut slot = self.lock();
        self.is_full.store(false, Ordering::Release);
        std::mem::take(&mut slot)
    }

    /// Takes out what came back. Not for the audio thread.
    pub fn take_returned(&self) -> Option<Box<AudioEndpoint>> {
        self.lock().returned.take()
    }

    /// Lets the endpoint in the slot, if there is one, take over in `player`, and puts back what
    /// is not heard any more. Says whether something has come back just now, to be freed.
    ///
    /// # Realtime safety
    /// Never waits, allocates or frees: when the slot is in use, the next block tries again.
    pub fn exchange(&self, player: &mut Player, controls: &Controls) -> bool {
        let has_retired = !player.can_switch();
        if !has_retired && !self.is_full.load(Ordering::Acquire) {
            return false;
        }
        let Ok(mut slot) = self.slot.try_lock() else { return false };
        let comes_back = has_retired && slot.returned.is_none();
        if comes_back {
            slot.returned = player.take_retired();
        }
        if let Some(newer) = slot.outgoing.take() {
            match player.switch_to(newer, controls) {
                Ok(()) => self.is_full.store(false, Ordering::Release),
                Err(newer) => slot.outgoing = Some(newer),
            }
        }
        comes_back
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
