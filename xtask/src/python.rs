//! The user's Python: needed for pip downloads and for the Python hosts in the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::run_quietly;

/// Finds a Python 3 to run; honours `PYTHON`.
///
/// # Errors
/// When none of the usual names starts a Python 3.
pub fn find() -> Result<PathBuf> {
    let named = std::env::var_os("PYTHON").map(PathBuf::from);
    let usual = ["python3", "python", "py"].map(PathBuf::from);
    for candidate in named.into_iter().chain(usual) {
        let check = Command::new(&candidate)
            .args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"])
            .output();
        if check.is_ok_and(|output| output.status.success()) {
            return Ok(candidate);
        }
    }
    bail!(
        "no Python 3.9 or newer found (tried `python3`, `python` and `py`): install it, or name \
         one in the environment variable PYTHON"
    )
}

/// Finds a Python that has pip.
///
/// # Errors
/// When there is no Python, or it has no pip.
pub fn find_with_pip() -> Result<PathBuf> {
    let python = find()?;
    run_quietly(Command::new(&python).args(["-m", "pip", "--version"])).with_context(|| {
        format!(
            "`{}` has no pip, which fetches onnxruntime: install it (Debian and Ubuntu: \
             `apt install python3-pip python3-venv`)",
            python.display()
        )
    })?;
    Ok(python)
}

/// Makes (once) a virtual environment with exactly the packages in a requirements file.
///
/// Returns the environment's Python. A stamp holds the requirements that were installed, so a
/// second call costs nothing.
///
/// # Errors
/// When the environment cannot be made or a package cannot be installed.
pub fn environment(dir: &Path, requirements: &Path) -> Result<PathBuf> {
    let interpreter = interpreter(dir);
    let stamp = dir.join("requirements.installed");
    let wanted = std::fs::read_to_string(requirements)
        .with_context(|| format!("could not read {}", requirements.display()))?;
    let installed = std::fs::read_to_string(&stamp).unwrap_or_default();
    if interpreter.exists() && installed == wanted {
        return Ok(interpreter);
    }

    let python = find()?;
    run_quietly(Command::new(&python).args(["-m", "venv", "--clear"]).arg(dir)).with_context(
        || {
            format!(
                "could not make a virtual environment at {} (Debian and Ubuntu: `apt install \
                 python3-venv`)",
                dir.display()
            )
        },
    )?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run_quietly(Command::new(&interpreter).args(install).arg(requirements))
        .context("pip could not install the Python hosts; is the network there?")?;
    std::fs::write(&stamp, wanted)?;
    Ok(interpreter)
}

fn interpreter(environment: &Path) -> PathBuf {
    if cfg!(windows) {
        environment.join("Scripts").join("python.exe")
    } else {
        environment.join("bin").join("python")
    }
}
