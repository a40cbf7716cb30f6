//! Values that a host has set on the controller and that have not reached the processor yet.
//!
//! While the host processes, nice-plug 0.4.2 leaves the controller's values to the next block, in
//! which they come along. A host that asks meanwhile for what it has just set, or saves it, is given
//! the old value; one that processes but sends no blocks (a bypassed track, a test) never gets it
//! through. Steinberg's validator and pluginval notice.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vst3::Steinberg::Vst::{ParamID, ParamValue};

/// A host that has sent no block for this long sends none.
const STALLED: Duration = Duration::from_millis(200);

/// The controller's own view of its parameters, between two blocks.
pub struct Edits {
    created: Instant,
    num_blocks: AtomicU64,
    /// When the last block came, in microseconds since `created`.
    last_block_us: AtomicU64,
    values: Mutex<Vec<Edit>>,
}

#[derive(Clone, Copy)]
struct Edit {
    id: ParamID,
    value: ParamValue,
    /// Blocks that had been processed when it was set.
    at_block: u64,
}

impl Default for Edits {
    fn default() -> Self {
        Self {
            created: Instant::now(),
            num_blocks: AtomicU64::new(0),
            last_block_us: AtomicU64::new(0),
            values: Mutex::default(),
        }
    }
}

impl Edits {
    /// A block has been processed, and its values are the processor's now.
    ///
    /// # Realtime safety
    /// Reads the clock and touches two atomics.
    pub fn block_is_over(&self) {
        let elapsed_us = self.created.elapsed().as_micros() as u64;
        self.last_block_us.store(elapsed_us, Ordering::Relaxed);
        self.num_blocks.fetch_add(1, Ordering::Release);
    }

    /// Whether no block comes to bring values along.
    pub fn is_stalled(&self) -> bool {
        let last = Duration::from_micros(self.last_block_us.load(Ordering::Relaxed));
        self.created.elapsed().saturating_sub(last) > STALLED
    }

    /// The host has set a value.
    pub fn set(&self, id: ParamID, value: ParamValue) {
        let at_block = self.num_blocks.load(Ordering::Acquire);
        let mut values = self.lock();
        values.retain(|edit| edit.at_block == at_block && edit.id != id);
        values.push(Edit { id, value, at_block });
    }

    /// A value has reached the parameter by another way.
    pub fn forget(&self, id: ParamID) {
        self.lock().retain(|edit| edit.id != id);
    }

    /// What the host has set since the last block.
    pub fn value(&self, id: ParamID) -> Option<ParamValue> {
        let at_block = self.num_blocks.load(Ordering::Acquire);
        let values = self.lock();
        let newest = values.iter().find(|edit| edit.id == id && edit.at_block == at_block);
        newest.map(|edit| edit.value)
    }

    /// Takes out all that the host has set since the last block.
    pub fn take(&self) -> Vec<(ParamID, ParamValue)> {
        let at_block = self.num_blocks.load(Ordering::Acquire);
        let values = std::mem::take(&mut *self.lock());
        let waiting = values.into_iter().filter(|edit| edit.at_block == at_block);
        waiting.map(|edit| (edit.id, edit.value)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Edit>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_known_until_the_next_block() {
        let edits = Edits::default();
        assert_eq!(edits.value(7), None);
        edits.set(7, 0.25);
        edits.set(8, 1.0);
        edits.set(7, 0.5);
        assert_eq!((edits.value(7), edits.value(8)), (Some(0.5), Some(1.0)));
        edits.block_is_over();
        assert_eq!((edits.value(7), edits.value(8)), (None, None));
        edits.set(9, 0.1);
        edits.set(10, 0.2);
        edits.forget(10);
        assert_eq!(edits.take(), [(9, 0.1)], "what is over is let go of");
        assert_eq!(edits.value(9), None);
    }

    #[test]
    fn a_host_without_blocks_is_known_after_a_while() {
        let edits = Edits::default();
        edits.block_is_over();
        assert!(!edits.is_stalled());
        std::thread::sleep(STALLED + Duration::from_millis(20));
        assert!(edits.is_stalled());
    }
}
