//! Ctrl-C and termination: the work in hand is dropped, and with it its temporary files.

use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::Failure;

static CANCELLED: AtomicBool = AtomicBool::new(false);

/// Takes over Ctrl-C, and on Unix the termination and hang-up signals.
pub fn listen() -> Result<(), Failure> {
    ctrlc::set_handler(|| CANCELLED.store(true, Ordering::Relaxed)).map_err(Failure::Signals)
}

/// The flag that long work looks at.
pub fn flag() -> &'static AtomicBool {
    &CANCELLED
}

/// Stops here when the user has asked for it.
pub fn check() -> Result<(), Failure> {
    if CANCELLED.load(Ordering::Relaxed) { Err(Failure::Interrupted) } else { Ok(()) }
}
