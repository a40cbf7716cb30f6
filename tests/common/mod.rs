//! What several test programs share: signals, blocks, a driver for the two endpoints.

#![allow(dead_code)]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use soloist::inference::{self, Estimator, InferenceError, Provider};
use soloist::model::ModelCard;
use soloist::render::Renderer;
use soloist::streaming::{
    AudioEndpoint, Controls, LatencyMode, StemBlock, StreamConfig, Worker, WorkerEndpoint, split,
};

/// Every host sample rate that must work.
pub const RATES_HZ: [f64; 5] = [44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0];

/// Block sizes of hosts; 0 stands for sizes that change at random.
pub const BLOCKS: [usize; 7] = [1, 17, 64, 441, 512, 4096, 0];

/// Deterministic noise in -1..1.
pub struct Noise(pub u32);

impl Noise {
    pub fn next_u32(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    pub fn sample(&mut self) -> f32 {
        self.next_u32() as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Planar noise at half of full scale.
pub fn noise(num_channels: usize, num_frames: usize) -> Vec<Vec<f32>> {
    let mut noise = Noise(12_345);
    (0..num_channels).map(|_| (0..num_frames).map(|_| 0.5 * noise.sample()).collect()).collect()
}

/// A little music: plucked chords, a beat and hiss, so that the network has something to tell apart.
pub fn music(sample_rate_hz: f64, num_frames: usize) -> Vec<Vec<f32>> {
    let mut hiss = Noise(99);
    let mut left = Vec::with_capacity(num_frames);
    let mut right = Vec::with_capacity(num_frames);
    for n in 0..num_frames {
        let t = n as f64 / sample_rate_hz;
        let beat = t % 0.5;
        let chord = [220.0, 277.2, 329.6][(t as usize) % 3];
        let pluck = (-4.0 * beat).exp() * (std::f64::consts::TAU * chord * t).sin();
        let bass = 0.5 * (std::f64::consts::TAU * 55.0 * t).sin();
        let drum = (-60.0 * beat).exp() * f64::from(hiss.sample());
        left.push((0.3 * pluck + 0.3 * bass + 0.4 * drum) as f32);
        right.push((0.2 * pluck + 0.3 * bass + 0.3 * drum) as f32);
    }
    vec![left, right]
}

/// All stems of `input`: `[source][channel][frame]`.
pub fn separate(
    card: &Arc<ModelCard>,
    estimator: Box<dyn Estimator>,
    input: &[Vec<f32>],
    rate: f64,
) -> Vec<Vec<Vec<f32>>> {
    separate_with(&config(card, rate, input.len()), estimator, input)
}

/// All stems of `input`, in any latency mode.
pub fn separate_with(
    config: &StreamConfig,
    estimator: Box<dyn Estimator>,
    input: &[Vec<f32>],
) -> Vec<Vec<Vec<f32>>> {
    let mut renderer = Renderer::new(config.clone(), estimator);
    let mut stems = vec![vec![Vec::new(); input.len()]; config.card.sources().len()];
    let mut sink = |block: StemBlock<'_>| {
        for (source, stem) in stems.iter_mut().enumerate() {
            for (channel, out) in stem.iter_mut().enumerate() {
                out.extend_from_slice(block.stem(source, channel));
            }
        }
        Ok(())
    };
    renderer.separate(input, &AtomicBool::new(false), &mut sink).unwrap();
    stems
}

/// Lengths of consecutive blocks that add up to `total`; `size` 0 gives random ones, empty and
/// oversized blocks among them.
pub fn block_lengths(size: usize, total: usize) -> Vec<usize> {
    let mut random = Noise(7);
    let mut lengths = Vec::new();
    let mut done = 0;
    while done < total {
        let wanted = if size > 0 { size } else { random.next_u32() as usize % 1500 };
        let length = wanted.min(total - done);
        lengths.push(length);
        done += length;
    }
    lengths
}

pub fn config(card: &Arc<ModelCard>, sample_rate_hz: f64, num_channels: usize) -> StreamConfig {
    let mode = LatencyMode::Studio;
    StreamConfig { card: Arc::clone(card), sample_rate_hz, num_channels, mode }
}

/// A stream whose worker runs `estimator`.
pub fn stream(config: &StreamConfig, estimator: Box<dyn Estimator>) -> (AudioEndpoint, Worker) {
    let (audio, worker) = split(config).unwrap();
    (audio, spawn(worker, estimator))
}

pub fn spawn(worker: WorkerEndpoint, estimator: Box<dyn Estimator>) -> Worker {
    Worker::spawn(worker, move || Ok(estimator)).unwrap()
}

/// Gives every source a mask that depends on the features and on the place.
pub struct Uneven {
    num_sources: usize,
    pause: Duration,
}

impl Uneven {
    /// One that takes `pause_ms` for each run.
    pub fn boxed(card: &ModelCard, pause_ms: u64) -> Box<dyn Estimator> {
        Box::new(Self { num_sources: card.sources().len(), pause: Duration::from_millis(pause_ms) })
    }
}

impl Estimator for Uneven {
    fn provider(&self) -> Provider {
        Provider::Cpu
    }

    fn estimate(
        &mut self,
        features: &[f32],
        num_frames: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError> {
        std::thread::sleep(self.pause);
        let source_len = masks.len() / (wanted.len() * self.num_sources);
        let frames = masks.chunks_exact_mut(self.num_sources * source_len);
        for (frame, out) in wanted.zip(frames) {
            for point in 0..source_len {
                let level = features[(point % 512) * num_frames + frame].abs() + 0.01;
                let weight = |s: usize| level + (s * 31 + point) as f32 % 7.0;
                let sum: f32 = (0..self.num_sources).map(weight).sum();
                for source in 0..self.num_sources {
                    out[source * source_len + point] = weight(source) / sum;
                }
            }
        }
        Ok(())
    }
}

/// Does something of the test's before each run.
struct Hooked<F> {
    inner: Box<dyn Estimator>,
    before: F,
}

impl<F: FnMut() + Send> Estimator for Hooked<F> {
    fn provider(&self) -> Provider {
        self.inner.provider()
    }

    fn estimate(
        &mut self,
        features: &[f32],
        num_frames: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError> {
        (self.before)();
        self.inner.estimate(features, num_frames, wanted, masks)
    }
}

/// `inner`, with `before` called before each run.
pub fn hooked(
    inner: Box<dyn Estimator>,
    before: impl FnMut() + Send + 'static,
) -> Box<dyn Estimator> {
    Box::new(Hooked { inner, before })
}

/// What holds an estimator that can be made to stall.
pub struct Gate {
    is_shut: Arc<AtomicBool>,
    begun: Receiver<()>,
    release: Sender<()>,
}

impl Gate {
    /// `inner`, of which each run that begins while the gate is shut waits to be let go.
    pub fn before(inner: Box<dyn Estimator>) -> (Box<dyn Estimator>, Self) {
        let ((tell, begun), (release, held)) = (channel(), channel());
        let is_shut = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_shut);
        let gated = hooked(inner, move || {
            if seen.load(Ordering::Relaxed) {
                // Errors mean that the test is over.
                let _ = tell.send(());
                let _ = held.recv();
            }
        });
        (gated, Self { is_shut, begun, release })
    }

    pub fn shut(&self) {
        self.is_shut.store(true, Ordering::Relaxed);
    }

    /// Waits until a run stands at the gate.
    pub fn wait_for_run(&self) {
        self.begun.recv_timeout(Duration::from_secs(60)).unwrap();
    }

    /// Whether a run stands at the gate that nobody has waited for.
    pub fn has_run(&self) -> bool {
        self.begun.try_recv().is_ok()
    }

    /// Lets the run at the gate go, and leaves the gate shut.
    pub fn release(&self) {
        self.release.send(()).unwrap();
    }

    /// Lets the run at the gate go, and all that follow.
    pub fn open(&self) {
        self.is_shut.store(false, Ordering::Relaxed);
        self.release();
    }
}

/// Polls until `is_so`, for a minute at most: a machine may be slow, but not that slow.
pub fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(60), "waited for a minute, in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How blocks are processed.
#[derive(Clone, Copy, PartialEq)]
pub enum Pace {
    /// Waiting for every result.
    Offline,
    /// Never waiting.
    Realtime,
}

/// Sends `input` through the endpoint in blocks; the output has the input's length.
pub fn play(
    audio: &mut AudioEndpoint,
    input: &[Vec<f32>],
    block: usize,
    controls: &Controls,
    pace: Pace,
) -> Vec<Vec<f32>> {
    let mut output = input.to_vec();
    let mut begin = 0;
    for length in block_lengths(block, input[0].len()) {
        let mut views: Vec<&mut [f32]> =
            output.iter_mut().map(|channel| &mut channel[begin..begin + length]).collect();
        match pace {
            Pace::Offline => audio.process_blocking(&mut views, controls),
            Pace::Realtime => audio.process(&mut views, controls),
        }
        begin += length;
    }
    output
}

/// Largest difference between `output` and `input` delayed by `delay` frames, in dBFS.
pub fn residual_dbfs(output: &[Vec<f32>], input: &[Vec<f32>], delay: usize) -> f64 {
    output
        .iter()
        .zip(input)
        .map(|(out, input)| {
            let early = soloist::dsp::level::peak_dbfs(&out[..delay.min(out.len())]);
            let rest = soloist::dsp::level::residual_peak_dbfs(&out[delay.min(out.len())..], input);
            early.max(rest)
        })
        .fold(f64::NEG_INFINITY, f64::max)
}

/// The repository's folder.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The shipped default model.
pub fn studio_card() -> Arc<ModelCard> {
    Arc::new(ModelCard::load(&repository().join("models/studio")).unwrap())
}

/// The onnxruntime library that `cargo xtask setup` fetched.
pub fn runtime() -> PathBuf {
    let target = std::env::var_os("SOLOIST_TARGET_DIR")
        .map_or_else(|| repository().join("target"), PathBuf::from);
    let resources = [target.join("soloist-resources")];
    soloist::model::resources::runtime_library(&resources)
        .expect("run `cargo xtask setup` first: it fetches onnxruntime")
}

/// One card of each kind of input that the engine makes; all but the first have no network.
pub fn cards() -> Vec<Arc<ModelCard>> {
    let read = |name: &str| {
        let path = repository().join("tests/cards").join(name);
        Arc::new(ModelCard::parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap())
    };
    vec![Arc::new(ModelCard::builtin()), read("log-mel.toml"), read("waveform.toml")]
}

/// The shipped default model, opened.
pub fn studio() -> Box<dyn Estimator> {
    inference::open(&studio_card(), &runtime(), Provider::Cpu).unwrap()
}
