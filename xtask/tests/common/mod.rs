//! What the host tests share: the bundles, an excerpt of the demo mix, comparisons.

// Each test program uses its own part of this module.
#![allow(dead_code)]
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use soloist::files::{Audio, read_audio};
use tempfile::TempDir;
use xtask::bounce::Planar;
use xtask::host::{self, Format, HeadlessHost, Product, StemBus};
use xtask::paths::{Bundles, workspace_root};
use xtask::render::RenderOptions;
use xtask::setup::{copy_dir, copy_file};

/// The residual that counts as none, in dBFS.
pub const NULL_DBFS: f64 = -110.0;

/// The bundles under test: the release bundles, or those in the folder `SOLOIST_BUNDLES`.
pub fn bundles() -> Bundles {
    std::env::var_os("SOLOIST_BUNDLES")
        .map_or_else(Bundles::release, |dir| Bundles { dir: PathBuf::from(dir) })
}

/// A copy of both bundles, far from any other resources.
pub fn copy_of_bundles() -> (TempDir, Bundles) {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (bundles(), Bundles { dir: folder.path().join("bundled") });
    if from.clap().is_dir() {
        copy_dir(&from.clap(), &to.clap()).unwrap();
    } else {
        copy_file(&from.clap(), &to.clap()).unwrap();
        copy_dir(&from.clap_resources(), &to.clap_resources()).unwrap();
    }
    copy_dir(&from.vst3(), &to.vst3()).unwrap();
    (folder, to)
}

/// One test at a time has a plugin at work: two cores, and bounces that fill them.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn load(format: Format) -> Box<dyn HeadlessHost> {
    host::load(format, &bundles()).expect("run `cargo xtask bundle` first")
}

pub fn load_product(format: Format, product: Product) -> Box<dyn HeadlessHost> {
    host::load_product(format, &bundles(), product).expect("run `cargo xtask bundle` first")
}

/// Plays a recording and `tail_frames` of silence in blocks of `block_frames` with the stems' buses
/// of which `is_active` says so; the main output, and what comes out of each active bus. `before`
/// is called ahead of each block with its first frame and its length.
pub fn play_stems(
    host: &mut dyn HeadlessHost,
    input: &[Vec<f32>],
    (block_frames, tail_frames): (usize, usize),
    is_active: &[bool],
    mut before: impl FnMut(&mut dyn HeadlessHost, usize, usize),
) -> (Planar, Vec<Option<Planar>>) {
    let total = input[0].len() + tail_frames;
    let mut main: Planar = input.to_vec();
    main.iter_mut().for_each(|channel| channel.resize(total, 0.0));
    let mut stems: Vec<Option<Planar>> =
        is_active.iter().map(|active| active.then(|| vec![Vec::new(); 2])).collect();
    let mut begin = 0;
    while begin < total {
        let end = (begin + block_frames).min(total);
        before(host, begin, end - begin);
        // What a host leaves in its buffers must not come through.
        let mut buses: Vec<StemBus> = is_active
            .iter()
            .map(|active| active.then(|| vec![vec![9.0; end - begin]; 2]))
            .collect();
        let mut block: Vec<&mut [f32]> =
            main.iter_mut().map(|channel| &mut channel[begin..end]).collect();
        host.process_stems(&mut block, &mut buses).unwrap();
        for (stem, bus) in stems.iter_mut().zip(buses) {
            for (channel, frames) in stem.iter_mut().flatten().zip(bus.into_iter().flatten()) {
                channel.extend(frames);
            }
        }
        begin = end;
    }
    (main, stems)
}

/// A saved state of the plugin in which another model is chosen.
pub fn with_model(state: &[u8], model: &str) -> Vec<u8> {
    const STUDIO: &str = r#""model":"\"studio\"""#;
    // The CLAP wrapper writes the length before the text.
    let has_length = state.len() > 8 && state[..8] == (state.len() as u64 - 8).to_le_bytes();
    let text = String::from_utf8(state[if has_length { 8 } else { 0 }..].to_vec()).unwrap();
    assert!(text.contains(STUDIO), "no model in {text}");
    let changed = text.replace(STUDIO, &STUDIO.replace("studio", model));
    let length = (changed.len() as u64).to_le_bytes();
    [if has_length { &length[..] } else { &[] }, changed.as_bytes()].concat()
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
