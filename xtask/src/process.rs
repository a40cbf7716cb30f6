//! Child processes: run, and say in a sentence what went wrong.

use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

/// The command as a user would type it, for messages.
#[must_use]
pub fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a command with its output shown, and fails if it does.
///
/// # Errors
/// When the program cannot be started or ends with a non-zero status.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start `{}`; is it installed?", line(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", line(command));
    }
    Ok(())
}

/// Runs a command with its output kept, and fails with the end of its error output.
///
/// # Errors
/// When the program cannot be started or ends with a non-zero status.
pub fn run_quietly(command: &mut Command) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("could not start `{}`; is it installed?", line(command)))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = errors.lines().collect();
        let tail = lines[lines.len().saturating_sub(8)..].join("\n  ");
        bail!("`{}` ended with {}:\n  {tail}", line(command), output.status);
    }
    Ok(output)
}

/// Cargo, the one that runs this program.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::paths::workspace_root());
    command
}
