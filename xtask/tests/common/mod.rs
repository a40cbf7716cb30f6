//! What the host tests share: the bundles, an excerpt of the demo mix, comparisons.

// Each test program uses its own part of this module.
#![allow(dead_code)]

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use soloist::files::{Audio, read_audio};
use xtask::bounce::Planar;
use xtask::host::{self, Format, HeadlessHost};
use xtask::paths::{Bundles, workspace_root};
use xtask::render::RenderOptions;

/// The residual that counts as none, in dBFS.
pub const NULL_DBFS: f64 = -110.0;

/// The bundles under test: the release bundles, or those in the folder `SOLOIST_BUNDLES`.
pub fn bundles() -> Bundles {
    std::env::var_os("SOLOIST_BUNDLES")
        .map_or_else(Bundles::release, |dir| Bundles { dir: PathBuf::from(dir) })
}

/// One test at a time has a plugin at work: two cores, and bounces that fill them.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn load(format: Format) -> Box<dyn HeadlessHost> {
    host::load(format, &bundles()).expect("run `cargo xtask bundle` first")
}

/// The first seconds of the demo mix.
pub fn excerpt(duration_s: f64) -> Audio {
    static MIX: OnceLock<Audio> = OnceLock::new();
    let mix = MIX.get_or_init(|| {
        read_audio(&workspace_root().join("examples/demo/mix.ogg")).expect("the demo mix is there")
    });
    let num_frames = (duration_s * f64::from(mix.sample_rate_hz)) as usize;
    assert!(num_frames <= mix.num_frames(), "the demo mix is shorter than {duration_s} s");
    let channels = mix.channels.iter().map(|channel| channel[..num_frames].to_vec()).collect();
    Audio { sample_rate_hz: mix.sample_rate_hz, channels }
}

pub fn rate_hz(audio: &Audio) -> f64 {
    f64::from(audio.sample_rate_hz)
}

/// Isolated drums at full mix.
pub fn drums(format: Format) -> RenderOptions {
    RenderOptions { instrument: "drums".into(), format, ..Default::default() }
}

/// The largest difference between two recordings of one shape, in dBFS.
pub fn residual_dbfs(a: &[Vec<f32>], b: &[Vec<f32>]) -> f64 {
    assert_eq!(a.len(), b.len(), "channels");
    let mut peak = 0.0_f32;
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.len(), b.len(), "frames");
        for (a, b) in a.iter().zip(b) {
            // A NaN on either side must not pass for silence.
            let difference = (a - b).abs();
            peak = if difference.is_nan() { f32::INFINITY } else { peak.max(difference) };
        }
    }
    20.0 * f64::from(peak).log10()
}

/// Fails with the residual and the first differing frame when two recordings are not the same.
pub fn assert_identical(a: &[Vec<f32>], b: &[Vec<f32>], what: &str) {
    let first = a
        .iter()
        .zip(b)
        .filter_map(|(a, b)| a.iter().zip(b).position(|(a, b)| a.to_bits() != b.to_bits()));
    if let Some(frame) = first.min() {
        panic!("{what}: first difference at frame {frame}, {:.1} dBFS", residual_dbfs(a, b));
    }
    assert_eq!(a.iter().map(Vec::len).sum::<usize>(), b.iter().map(Vec::len).sum::<usize>());
}

/// A recording delayed by whole frames, its length kept.
pub fn delayed(audio: &[Vec<f32>], delay_frames: usize) -> Planar {
    audio
        .iter()
        .map(|channel| {
            let silence = std::iter::repeat_n(0.0, delay_frames);
            silence.chain(channel.iter().copied()).take(channel.len()).collect()
        })
        .collect()
}
