//! What the benchmarks share: a signal, the network, percentiles, what the system says of the
//! process.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use soloist::inference::{self, Estimator, InferenceError, Provider};
use soloist::model::{Catalogue, ModelCard, resources};

/// The model and the runtime that `cargo xtask setup` laid out.
#[derive(Clone)]
pub struct Network {
    pub card: Arc<ModelCard>,
    runtime: PathBuf,
}

impl Network {
    /// Finds the model `name` in the resource folder.
    pub fn find(folder: &Path, name: &str) -> Result<Self, String> {
        let folders = [folder.to_owned()];
        let catalogue = Catalogue::scan(&resources::model_dirs(&folders));
        let card = catalogue.find(name).map_err(|error| error.to_string())?;
        let runtime = resources::runtime_library(&folders).map_err(|error| error.to_string())?;
        Ok(Self { card: Arc::clone(card), runtime })
    }

    /// Opens it, or the session that is open already.
    pub fn open(&self) -> Result<Box<dyn Estimator>, InferenceError> {
        inference::open(&self.card, &self.runtime, Provider::Cpu)
    }
}

/// Ten seconds of chords, a bass, a beat and hiss, planar, for a loop.
pub fn music(sample_rate_hz: f64) -> [Vec<f32>; 2] {
    let mut state = 1_u32;
    let mut hiss = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut channels = [Vec::new(), Vec::new()];
    for n in 0..(10.0 * sample_rate_hz) as usize {
        let t = n as f64 / sample_rate_hz;
        let sine = |hz: f64| (std::f64::consts::TAU * hz * t).sin() as f32;
        let beat = (t % 0.5) as f32;
        let chord = sine([220.0, 277.2, 329.6, 261.6][t as usize % 4]) * (-4.0 * beat).exp();
        let (bass, drum) = (0.25 * sine(55.0), 0.3 * (-60.0 * beat).exp() * hiss());
        channels[0].push(0.3 * chord + bass + drum);
        channels[1].push(0.2 * chord + bass + drum + 0.01 * hiss());
    }
    channels
}

/// The value that the share `quantile` of the sorted `values` do not exceed.
pub fn quantile(values: &[f64], quantile: f64) -> f64 {
    let index = (quantile * values.len() as f64).ceil() as usize;
    values.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// Bytes of memory in use now and at most so far; `None` where the system is not Linux.
pub fn memory_bytes() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let read = |key: &str| {
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    };
    Some((read("VmRSS:")?, read("VmHWM:")?))
}

/// Seconds of processor time that this process has used; `None` where the system is not Linux.
pub fn cpu_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name in parentheses, which may hold spaces; user and system time, in hundredths.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Processor time of the whole machine that others used, as a count of cores, over `span`.
pub fn other_load(span: Duration) -> Option<f64> {
    let busy = || {
        let text = std::fs::read_to_string("/proc/stat").ok()?;
        let values: Vec<f64> = text
            .lines()
            .next()?
            .split_whitespace()
            .skip(1)
            .filter_map(|v| v.parse().ok())
            .collect();
        // All but idle and waiting for disks; guests are counted in user time already.
        Some(values.iter().take(8).sum::<f64>() - values.get(3)? - values.get(4)?)
    };
    let before = busy()?;
    std::thread::sleep(span);
    Some((busy()? - before) / 100.0 / span.as_secs_f64())
}

/// Megabytes in words.
pub fn mb(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
