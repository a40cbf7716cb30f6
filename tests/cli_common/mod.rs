//! What the tests of the command-line tool share: the tool, inputs, and the built resources.

// Each test file uses its own part of this.
#![allow(dead_code)]

use std::f32::consts::TAU;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use soloist::files::{Audio, SampleFormat, write_wav};
use tempfile::TempDir;

/// The tool, away from any settings of the user.
pub fn soloist() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soloist"));
    command.env_remove("SOLOIST_ONNXRUNTIME").env("XDG_DATA_HOME", nowhere());
    command.env("HOME", nowhere()).env("APPDATA", nowhere());
    command
}

/// Runs the tool with these arguments.
pub fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    soloist().args(arguments).output().expect("the tool starts")
}

/// The tool's complaint, checked for its exit code and its form: one `soloist: ...` line.
pub fn complaint(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.starts_with("soloist: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// Fails with the tool's own words unless it succeeded.
pub fn succeed(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The built resources; made by `cargo xtask setup`.
pub fn resources() -> PathBuf {
    let tool = Path::new(env!("CARGO_BIN_EXE_soloist"));
    let resources = tool.ancestors().nth(2).expect("a build folder").join("soloist-resources");
    assert!(
        resources.join("onnxruntime").is_dir() && resources.join("models").is_dir(),
        "run `cargo xtask setup` first: this test needs {}",
        resources.display()
    );
    resources
}

/// The onnxruntime library of the resources.
pub fn runtime() -> PathBuf {
    let folder = resources().join("onnxruntime");
    let entries = std::fs::read_dir(&folder).expect("a readable folder");
    let mut files = entries.map(|entry| entry.expect("an entry").path());
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.contains("onnxruntime") && name.contains(std::env::consts::DLL_EXTENSION)
    };
    files.find(is_library).expect("`cargo xtask setup` puts the library there")
}

/// The folder of models of this repository.
pub fn repository_models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

/// A chord that swells over a click each half second: something for every stem.
pub fn music(sample_rate_hz: u32, num_channels: usize, num_frames: usize) -> Audio {
    let rate_hz = sample_rate_hz as f32;
    let channel = |offset_hz: f32| -> Vec<f32> {
        let sample = |frame: usize| {
            let time_s = frame as f32 / rate_hz;
            let chord: f32 = [55.0, 220.0, 277.2, 329.6, 880.0]
                .iter()
                .map(|pitch_hz| (TAU * (pitch_hz + offset_hz) * time_s).sin())
                .sum();
            let since_click_s = time_s % 0.5;
            let click = (-60.0 * since_click_s).exp() * (frame as f32 * 12.9898).sin();
            0.08 * chord * (0.6 + 0.4 * (TAU * 0.3 * time_s).sin()) + 0.3 * click
        };
        (0..num_frames).map(sample).collect()
    };
    let channels = (0..num_channels).map(|index| channel(index as f32)).collect();
    Audio { sample_rate_hz, channels }
}

/// Writes `audio` as a float WAV file into `dir`.
pub fn put(dir: &TempDir, name: &str, audio: &Audio) -> PathBuf {
    let path = dir.path().join(name);
    write_wav(&path, audio, SampleFormat::Float, true).expect("a writable folder");
    path
}

/// Names of everything below a folder, sorted, relative to it.
pub fn listing(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
            names.push(name.replace('\\', "/"));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    names.sort();
    names
}

/// Arguments as text, paths included.
#[macro_export]
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => {
        [$(std::ffi::OsString::from($argument.to_owned())),*]
    };
}

fn nowhere() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-home")
}
