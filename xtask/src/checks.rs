//! `cargo xtask test`: every check in one command, each counted, with a closing summary.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use soloist::files::{SampleFormat, read_audio, write_wav};

use crate::bundle::{BundleOptions, bundle};
use crate::paths::{resources_dir, target_dir, workspace_root};
use crate::process::{cargo, line, run};
use crate::python;
use crate::setup::runtime_library;

/// What to leave out.
#[derive(Debug, Clone, Copy, Default)]
pub struct CheckOptions {
    /// Leave out lints, the debug bundle and the Python hosts.
    pub fast: bool,
}

/// How one step ended.
struct Outcome {
    name: &'static str,
    passed: usize,
    failed: usize,
    ignored: usize,
    note: String,
    elapsed_s: f64,
}

/// Tests that passed, failed and were left out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

/// Runs every check and prints a summary.
///
/// # Errors
/// When a check failed. Those after it have been run all the same.
pub fn check_all(options: &CheckOptions) -> Result<()> {
    let mut outcomes = Vec::new();
    let mut step = |name, check: &dyn Fn() -> Result<Counts>| {
        println!("\n== {name}");
        outcomes.push(outcome(name, check));
    };
    if !options.fast {
        step("format", &|| component("rustfmt", &["fmt", "--all", "--check"]));
    }
    step("release bundle", &|| one(bundle(&BundleOptions::default()).map(drop)));
    step("command-line tool", &|| {
        one(run(cargo().args(["build", "--release", "--package", "soloist", "--bin", "soloist"])))
    });
    if !options.fast {
        step("debug bundle", &|| {
            one(bundle(&BundleOptions { debug: true, ..Default::default() }).map(drop))
        });
        step("lints", &|| {
            let lints = ["clippy", "--workspace", "--all-targets", "--quiet"];
            component("clippy", &[&lints[..], &["--", "-D", "warnings"]].concat())
        });
    }
    step("library and tool", &|| cargo_test("soloist", false));
    step("editor", &|| cargo_test("soloist-editor", false));
    step("plugin", &|| cargo_test("soloist-plugin", false));
    #[cfg(target_os = "linux")]
    crate::editor::install_server();
    // What cargo leaves out by itself needs the debug bundle.
    step("hosts", &|| cargo_test("xtask", !options.fast));
    if !options.fast {
        step("pedalboard", &|| python_host("test_pedalboard.py"));
        step("dawdreamer", &|| python_host("test_dawdreamer.py"));
        step("ardour", &ardour);
    }
    summarise(&outcomes)
}

fn outcome(name: &'static str, check: &dyn Fn() -> Result<Counts>) -> Outcome {
    let started = Instant::now();
    let (counts, note) = match check() {
        Ok(counts) if counts == Counts::default() => (counts, "left out: not installed".into()),
        Ok(counts) => (counts, String::new()),
        Err(error) => (Counts { failed: 1, ..Counts::default() }, format!("{error:#}")),
    };
    let Counts { passed, failed, ignored } = counts;
    Outcome { name, passed, failed, ignored, note, elapsed_s: started.elapsed().as_secs_f64() }
}

fn one(result: Result<()>) -> Result<Counts> {
    result.map(|()| Counts { passed: 1, ..Counts::default() })
}

/// Runs a cargo component that may not be installed; no count when it is not.
fn component(name: &str, args: &[&str]) -> Result<Counts> {
    let installed = cargo().args([args[0], "--version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        println!("{name} is not installed (`rustup component add {name}`): left out");
        return Ok(Counts::default());
    }
    one(run(cargo().args(args)))
}

/// Runs one package's tests, and counts what the harness reports.
///
/// Packages run one by one: xtask's own program is running and must not be linked anew, and the
/// hosts must find the runtime as a user's plugin does, not through the environment.
fn cargo_test(package: &str, include_ignored: bool) -> Result<Counts> {
    let mut command = cargo();
    command.args(["test", "--no-fail-fast", "--package", package]);
    if include_ignored {
        command.args(["--", "--include-ignored"]);
    }
    // No model that this machine's user has installed may change a result.
    let empty = target_dir().join("empty-user-data");
    fs::create_dir_all(&empty)?;
    command.env("XDG_DATA_HOME", &empty);
    if package != "xtask" {
        command.env("SOLOIST_ONNXRUNTIME", runtime_library(&resources_dir())?);
    }
    counted(&mut command, rust_counts)
}

/// Runs one Python host's tests in the environment made for them.
fn python_host(script: &str) -> Result<Counts> {
    let mut command = python_command(script)?;
    counted(command.arg("--verbose"), python_counts)
}

/// A script in the environment made for the Python hosts, which is told of the bundle and of a mix.
pub(crate) fn python_command(script: &str) -> Result<Command> {
    let folder = workspace_root().join("xtask").join("python");
    let interpreter =
        python::environment(&target_dir().join("python-hosts"), &folder.join("requirements.txt"))?;
    // The hosts read plain WAV: an excerpt of the demo mix.
    let mut mix = read_audio(&workspace_root().join("examples/demo/mix.ogg"))?;
    for channel in &mut mix.channels {
        channel.truncate(12 * mix.sample_rate_hz as usize);
    }
    let excerpt = target_dir().join("python-hosts").join("mix.wav");
    write_wav(&excerpt, &mix, SampleFormat::Int16, true)?;
    let mut command = Command::new(interpreter);
    command.arg("-B").arg(folder.join(script));
    command.env("SOLOIST_VST3", crate::paths::Bundles::release().vst3());
    command.env("SOLOIST_MIX", excerpt);
    Ok(command)
}

/// Runs the tests in Ardour, which is installed first where apt-get may do so.
fn ardour() -> Result<Counts> {
    // Sessions and programs are version 7's (Debian 12).
    let is_installed = || Path::new("/usr/lib/ardour7/luasession").is_file();
    if !is_installed() {
        let install = ["-qq", "install", "-y", "--no-install-recommends", "ardour"];
        // Fails for users that may not install packages, and where there is no apt-get.
        let mut command = Command::new("apt-get");
        let outcome = command.args(install).env("DEBIAN_FRONTEND", "noninteractive").output();
        if !outcome.is_ok_and(|output| output.status.success()) || !is_installed() {
            println!("Ardour 7 is not installed (`apt install ardour`): left out");
            return Ok(Counts::default());
        }
    }
    python_host("test_ardour.py")
}

/// Runs a command, shows its output line by line and sums the counts found in it.
fn counted(command: &mut Command, counts_in: fn(&str) -> Counts) -> Result<Counts> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start `{}`", line(command)))?;
    let output = child.stdout.take().context("the output was piped")?;
    let mut sum = Counts::default();
    for text in BufReader::new(output).split(b'\n') {
        let text = String::from_utf8_lossy(&text?).into_owned();
        println!("{text}");
        let counts = counts_in(&text);
        sum.passed += counts.passed;
        sum.failed += counts.failed;
        sum.ignored += counts.ignored;
    }
    let status = child.wait()?;
    if !status.success() && sum.failed == 0 {
        // A crash or a failed build reports no failed test.
        bail!("`{}` ended with {status}", line(command));
    }
    if status.success() && sum == Counts::default() {
        bail!("`{}` ran no test", line(command));
    }
    Ok(sum)
}

/// Counts in a line like `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
fn rust_counts(line: &str) -> Counts {
    let Some((_, result)) = line.split_once("test result: ") else { return Counts::default() };
    let number = |what: &str| -> usize {
        let before = result.split_once(what).map_or("", |(before, _)| before.trim_end());
        before.rsplit(' ').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
    };
    Counts { passed: number("passed"), failed: number("failed"), ignored: number("ignored") }
}

/// Counts in the closing line of our Python hosts: `3 passed, 0 failed`.
fn python_counts(line: &str) -> Counts {
    let numbers: Vec<&str> = line.split(' ').collect();
    match numbers[..] {
        [passed, "passed,", failed, "failed"] => Counts {
            passed: passed.parse().unwrap_or(0),
            failed: failed.parse().unwrap_or(0),
            ignored: 0,
        },
        _ => Counts::default(),
    }
}

fn summarise(outcomes: &[Outcome]) -> Result<()> {
    println!("\n== summary");
    for Outcome { name, passed, failed, ignored, note, elapsed_s } in outcomes {
        let note = if note.is_empty() { String::new() } else { format!("  {note}") };
        println!(
            "{name:<20} {passed:>4} passed {failed:>3} failed {ignored:>3} ignored \
             {elapsed_s:>7.1} s{note}"
        );
    }
    let passed: usize = outcomes.iter().map(|outcome| outcome.passed).sum();
    let failed: usize = outcomes.iter().map(|outcome| outcome.failed).sum();
    fs::write(target_dir().join("test-counts.txt"), format!("{passed} {failed}\n"))?;
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        bail!("{failed} checks failed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_summary_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered";
        assert_eq!(rust_counts(line), Counts { passed: 12, failed: 3, ignored: 1 });
        assert_eq!(rust_counts("test a ... ok"), Counts::default());
    }

    #[test]
    fn the_python_summary_is_counted() {
        assert_eq!(
            python_counts("4 passed, 1 failed"),
            Counts { passed: 4, failed: 1, ignored: 0 }
        );
        assert_eq!(python_counts("4 passed"), Counts::default());
    }
}
