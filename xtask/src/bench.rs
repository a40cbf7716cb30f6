//! Measurements that are no tests: they take minutes, and depend on the machine and on what else
//! runs on it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::host::Format;
use crate::paths::resources_dir;
use crate::process::{cargo, run};
use crate::setup::setup;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Many instances in one process at the pace of a host: late blocks, fairness, time, memory.
    Instances(InstancesOptions),
    /// The editor: processor time of a frame at one and at two pixels a point, and of a closed editor.
    #[cfg(target_os = "linux")]
    Editor {
        /// clap or vst3.
        #[arg(long, default_value = "clap")]
        format: Format,
    },
    /// The audio callback: median and 99.9th percentile, with all results on time.
    Callback {
        /// Frames of a host block.
        #[arg(long, default_value_t = 64)]
        block: usize,
        /// Frames in all.
        #[arg(long, default_value_t = 8_000_000)]
        frames: usize,
        /// As with an open editor: the scope is watched, places on a timeline are told.
        #[arg(long)]
        watched: bool,
        /// With the last minute of the stems captured.
        #[arg(long)]
        captured: bool,
    },
}

/// How instances are measured.
#[derive(Debug, Args)]
pub struct InstancesOptions {
    /// Frames of a host block.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=8192))]
    block: u64,
    /// Seconds of playing for each count of instances.
    #[arg(long, default_value_t = 120.0)]
    seconds: f64,
    /// The model.
    #[arg(long, default_value = "studio")]
    model: String,
    /// studio or balanced.
    #[arg(long, default_value = "studio")]
    mode: String,
}

/// Builds the benchmark and runs it.
///
/// # Errors
/// When it cannot be built or fails; `callback` also when its limit is broken.
pub fn bench(what: &Bench) -> Result<()> {
    match what {
        Bench::Instances(options) => instances(options),
        #[cfg(target_os = "linux")]
        Bench::Editor { format } => editor(*format),
        Bench::Callback { block, frames, watched, captured } => {
            let mut command = built("callback")?;
            command.args(["--block", &block.to_string(), "--frames", &frames.to_string()]);
            command.args(watched.then_some("--watched")).args(captured.then_some("--captured"));
            run(&mut command)
        }
    }
}

/// Each scale on a display of its own: what is measured is a process of its own, too.
#[cfg(target_os = "linux")]
fn editor(format: Format) -> Result<()> {
    for scale in [1.0, 2.0] {
        println!("{scale} pixels a point:");
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["drill", "--cost", "--format", &format.to_string()]);
        crate::editor::run_on_display(&mut command, scale)?;
    }
    Ok(())
}

fn instances(options: &InstancesOptions) -> Result<()> {
    setup()?;
    // A process for each, so that memory at most is its own.
    let four = ["--instances", "4"];
    let sixteen = ["--instances", "16", "--then", "4"];
    let memory = ["--instances", "8", "--memory"];
    for arguments in [&four[..], &sixteen, &memory] {
        let is_memory = arguments.contains(&"--memory");
        let seconds = if is_memory { 4.0 } else { options.seconds };
        let mut command = built("instances")?;
        command.arg("--resources").arg(resources_dir()).args(arguments).args([
            "--block",
            &options.block.to_string(),
            "--seconds",
            &seconds.to_string(),
            "--model",
            &options.model,
            "--mode",
            &options.mode,
        ]);
        run(&mut command)?;
        println!();
    }
    Ok(())
}

/// The benchmark program `name`, built with optimisation.
fn built(name: &str) -> Result<Command> {
    let mut build = cargo();
    build.args(["bench", "--package", "soloist", "--bench", name, "--no-run"]);
    run(&mut build)?;
    let output = cargo()
        .args(["bench", "--package", "soloist", "--bench", name, "--no-run"])
        .args(["--message-format", "json"])
        .output()
        .context("could not ask cargo for the benchmark")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let path = text
        .lines()
        .filter(|line| line.contains("\"reason\":\"compiler-artifact\""))
        .find_map(|line| executable(line, name))
        .with_context(|| format!("cargo named no program for the benchmark {name}"))?;
    Ok(Command::new(path))
}

/// The program that a line of cargo's JSON messages names, if it is of the benchmark `name`.
fn executable(line: &str, name: &str) -> Option<PathBuf> {
    let message: cargo_metadata::Message =
        cargo_metadata::Message::parse_stream(line.as_bytes()).next()?.ok()?;
    match message {
        cargo_metadata::Message::CompilerArtifact(artifact) if artifact.target.name == name => {
            artifact.executable.map(|path| PathBuf::from(OsString::from(path.into_string())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::executable;

    #[test]
    fn lines_without_a_program_name_none() {
        assert_eq!(executable("", "callback"), None);
        assert_eq!(executable("{\"reason\":\"build-finished\",\"success\":true}", "a"), None);
    }
}
