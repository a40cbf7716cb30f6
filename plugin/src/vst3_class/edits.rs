//! Values that a host has set on the controller and that have not reached the processor yet.
//!
//! While the host processes, nice-plug 0.4.2 leaves the controller's values to the next block, in
//! which they come along: a host that asks meanwhile for what it has just set is told the old value,
//! and takes the edit for refused. Steinberg's validator does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use vst3::Steinberg::Vst::{ParamID, ParamValue};

/// The controller's own view of its parameters, between two blocks.
#[derive(Default)]
pub struct Edits {
    num_blocks: AtomicU64,
    values: Mutex<Vec<Edit>>,
}

#[derive(Clone, Copy)]
struct Edit {
    id: ParamID,
    value: ParamValue,
    /// Blocks that had been processed when it was set.
    at_block: u64,
}

impl Edits {
    /// A block has been processed, and its values are the processor's now.
    ///
    /// # Realtime safety
    /// Touches one atomic.
    pub fn block_is_over(&self) {
        self.num_blocks.fetch_add(1, Ordering::Release);
    }

    /// The host has set a value.
    pub fn set(&self, id: ParamID, value: ParamValue) {
        let at_block = self.num_blocks.load(Ordering::Acquire);
        let mut values = self.lock();
        values.retain(|edit| edit.at_block == at_block && edit.id != id);
        values.push(Edit { id, value, at_block });
    }

    /// What the host has set since the last block.
    pub fn value(&self, id: ParamID) -> Option<ParamValue> {
        let at_block = self.num_blocks.load(Ordering::Acquire);
        let values = self.lock();
        let newest = values.iter().find(|edit| edit.id == id && edit.at_block == at_block);
        newest.map(|edit| edit.value)
    }

    /// A state has taken the place of all values.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Edit>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_known_until_the_next_block_or_state() {
        let edits = Edits::default();
        assert_eq!(edits.value(7), None);
        edits.set(7, 0.25);
        edits.set(8, 1.0);
        edits.set(7, 0.5);
        assert_eq!((edits.value(7), edits.value(8)), (Some(0.5), Some(1.0)));
        edits.block_is_over();
        assert_eq!((edits.value(7), edits.value(8)), (None, None));
        edits.set(9, 0.1);
        assert_eq!(edits.lock().len(), 1, "what is over is let go of");
        edits.clear();
        assert_eq!(edits.value(9), None);
    }
}
