//! Text to the user: results to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;

use super::failure::Failure;

/// Prints a line of results. A reader that has gone away (`| head`) is no failure.
pub fn print(line: &dyn Display) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Prints a note about a file to standard error.
pub fn warn(path: &Path, note: &dyn Display) {
    // Nothing sensible can be done when standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "soloist: {}: {note}", path.display());
}

/// Whether a person reads the results as they come.
pub fn is_interactive() -> bool {
    std::io::stdout().is_terminal()
}
