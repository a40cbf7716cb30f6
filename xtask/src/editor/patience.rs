//! Waiting for what has to come, on a machine that may be busy with other things.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Longest that something may take that has to come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until what is seen is wanted, or `patience` is at its end; returns what was
/// seen last. `look` gives the time of a turn to what is waited for.
///
/// # Errors
/// When there is nothing to see.
pub fn look_until<T>(
    patience: Duration,
    mut look: impl FnMut() -> Result<T>,
    is_wanted: impl Fn(&T) -> bool,
) -> Result<T> {
    let begin = Instant::now();
    loop {
        let seen = look()?;
        if is_wanted(&seen) || begin.elapsed() > patience {
            return Ok(seen);
        }
    }
}
