//! What was done to one input: a line for people, an object for programs, warnings.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use soloist::files::{SampleFormat, WriteReport};
use soloist::inference::Provider;
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::{LatencyMode, latency_frames};

use super::args::Talk;
use super::failure::Failure;
use super::input::Input;
use super::terminal;

/// One written file.
pub struct Output {
    pub stem: Instrument,
    pub path: PathBuf,
    pub report: WriteReport,
}

/// One input and all that came of it.
pub struct Summary<'a> {
    pub command: &'static str,
    pub input: &'a Input,
    pub card: &'a ModelCard,
    pub mode: LatencyMode,
    pub provider: Provider,
    pub format: SampleFormat,
    pub elapsed: Duration,
    pub outputs: Vec<Output>,
}

impl Summary<'_> {
    /// Says all of it in the way that was asked for.
    pub fn tell(&self, talk: Talk) -> Result<(), Failure> {
        if !talk.quiet {
            self.warn();
        }
        if talk.json {
            terminal::print(&self.to_json())
        } else if !talk.quiet && terminal::is_interactive() {
            terminal::print(&self.line())
        } else {
            Ok(())
        }
    }

    fn warn(&self) {
        let bad = self.input.non_finite_samples;
        if bad > 0 {
            terminal::warn(
                &self.input.path,
                &format_args!("{bad} samples that were no numbers read as 0"),
            );
        }
        for Output { path, report, .. } in &self.outputs {
            let count = report.clipped_samples;
            match (count, self.format) {
                (0, _) => {}
                (_, SampleFormat::Float) => terminal::warn(
                    path,
                    &format_args!(
                        "{count} samples lie beyond full scale (kept: the file is float)"
                    ),
                ),
                _ => terminal::warn(
                    path,
                    &format_args!("{count} samples were clipped (--output-gain lowers the level)"),
                ),
            }
        }
    }

    fn line(&self) -> String {
        let paths: Vec<_> = self.outputs.iter().map(|out| out.path.display().to_string()).collect();
        format!(
            "{}: {:.1} s in {:.1} s ({:.1} x real time, {} on {}) -> {}",
            self.input.path.display(),
            self.input.duration_s(),
            self.elapsed.as_secs_f64(),
            self.realtime_factor(),
            self.card.name(),
            self.provider.name(),
            paths.join(", ")
        )
    }

    fn realtime_factor(&self) -> f64 {
        self.input.duration_s() / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// All of it as one JSON object.
    fn to_json(&self) -> Value {
        let input = self.input;
        let rate_hz = f64::from(input.sample_rate_hz);
        let latency = latency_frames(self.card, rate_hz, self.mode);
        let clipped: u64 = self.outputs.iter().map(|out| out.report.clipped_samples).sum();
        json!({
            "command": self.command,
            "input": input.path.to_string_lossy(),
            "sample_rate_hz": input.sample_rate_hz,
            "channels": input.num_channels,
            "frames": input.num_frames,
            "duration_s": input.duration_s(),
            "non_finite_samples": input.non_finite_samples,
            "model": self.card.name(),
            "model_version": self.card.version(),
            "provider": self.provider.name(),
            "latency_mode": self.mode.name(),
            "latency_frames": latency,
            "latency_s": latency as f64 / rate_hz,
            "seconds": self.elapsed.as_secs_f64(),
            "realtime_factor": self.realtime_factor(),
            "format": self.format.name(),
            "clipped_samples": clipped,
            "outputs": self.outputs.iter().map(|out| json!({
                "stem": out.stem.name(),
                "path": out.path.to_string_lossy(),
                "frames": out.report.num_frames,
                "clipped_samples": out.report.clipped_samples,
            })).collect::<Vec<_>>(),
        })
    }
}

/// The object of an input that failed.
pub fn failed_json(path: &Path, failure: &Failure) -> Value {
    json!({ "input": path.to_string_lossy(), "error": failure.sentence() })
}
