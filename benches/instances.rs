//! Many instances in one process, at the pace of a real-time host: late blocks, fairness, time and
//! memory. Run by `cargo xtask bench instances`.

mod common;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use common::{Network, cpu_s, mb, memory_bytes, music, other_load};
use soloist::inference::EngineUser;
use soloist::model::Instrument;
use soloist::streaming::{
    AudioEndpoint, Controls, LatencyMode, StreamConfig, StreamState, StreamStatus, Worker, split,
};

/// Plays many instances in real time.
#[derive(Debug, Parser)]
struct Options {
    /// Folder with `onnxruntime/` and `models/`.
    #[arg(long)]
    resources: PathBuf,
    /// The model.
    #[arg(long, default_value = "studio")]
    model: String,
    /// studio or balanced.
    #[arg(long, default_value = "studio")]
    mode: String,
    /// Instances.
    #[arg(long, default_value_t = 4)]
    instances: usize,
    /// Instances that stay when the others are removed.
    #[arg(long)]
    then: Option<usize>,
    /// Frames of a host block.
    #[arg(long, default_value_t = 64)]
    block: usize,
    /// Seconds of playing, and as many again after others were removed.
    #[arg(long, default_value_t = 120.0)]
    seconds: f64,
    /// Host sample rate in Hz.
    #[arg(long, default_value_t = 48_000.0)]
    rate: f64,
    /// Add the instances one after the other and tell the memory after each.
    #[arg(long)]
    memory: bool,
    /// Cargo's own.
    #[arg(long, hide = true)]
    bench: bool,
}

struct Instance {
    audio: AudioEndpoint,
    _worker: Worker,
    status: Arc<StreamStatus>,
    controls: Controls,
    position: usize,
    /// Counters at the end of the warm-up.
    blocks_before: u64,
    frames_before: u64,
}

impl Instance {
    fn new(network: &Network, options: &Options, index: usize) -> Result<Self, String> {
        let mode = LatencyMode::from_name(&options.mode)
            .ok_or_else(|| format!("there is no latency mode {:?}", options.mode))?;
        let config = StreamConfig {
            card: Arc::clone(&network.card),
            sample_rate_hz: options.rate,
            num_channels: 2,
            mode,
        };
        let (mut audio, work) = split(&config).map_err(|error| error.to_string())?;
        let opened = network.clone();
        let worker = Worker::spawn(work, move || opened.open()).map_err(|e| e.to_string())?;
        let instrument = Instrument::ALL[index % Instrument::ALL.len()];
        let controls = Controls { instrument, ..Controls::default() };
        let status = Arc::clone(audio.status());
        while status.state() == StreamState::Loading {
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(message) = status.message() {
            return Err(message);
        }
        audio.reset(&controls);
        // Instances hear different places of the song.
        let position = index * 77_777;
        let (blocks_before, frames_before) = (0, 0);
        Ok(Self {
            audio,
            _worker: worker,
            status,
            controls,
            position,
            blocks_before,
            frames_before,
        })
    }

    fn process(&mut self, song: &[Vec<f32>; 2], block: &mut [Vec<f32>; 2]) {
        for (out, channel) in block.iter_mut().zip(song) {
            for (n, sample) in out.iter_mut().enumerate() {
                *sample = channel[(self.position + n) % channel.len()];
            }
        }
        let [left, right] = block;
        self.position += left.len();
        self.audio.process(&mut [left, right], &self.controls);
    }

    fn end_warm_up(&mut self) {
        self.blocks_before = self.status.late_blocks();
        self.frames_before = self.status.late_frames();
    }

    fn late_blocks(&self) -> u64 {
        self.status.late_blocks() - self.blocks_before
    }

    fn late_frames(&self) -> u64 {
        self.status.late_frames() - self.frames_before
    }
}

/// A host's audio thread: a block of every instance, once a block's duration.
struct Host {
    song: [Vec<f32>; 2],
    block: [Vec<f32>; 2],
    period: Duration,
    /// Blocks that the host itself began late, by more than a block's duration.
    overruns: u64,
}

impl Host {
    fn new(options: &Options) -> Self {
        let block = || vec![0.0; options.block];
        Self {
            song: music(options.rate),
            block: [block(), block()],
            period: Duration::from_secs_f64(options.block as f64 / options.rate),
            overruns: 0,
        }
    }

    /// Plays for `seconds`; returns the instant, from the start on, of the last late block.
    fn play(&mut self, instances: &mut [Instance], seconds: f64) -> Option<Duration> {
        let begin = Instant::now();
        let mut next = begin;
        let mut last_late = None;
        while begin.elapsed().as_secs_f64() < seconds {
            for instance in instances.iter_mut() {
                let before = instance.status.late_blocks();
                instance.process(&self.song, &mut self.block);
                if instance.status.late_blocks() > before {
                    last_late = Some(begin.elapsed());
                }
            }
            next += self.period;
            match next.checked_duration_since(Instant::now()) {
                Some(pause) => std::thread::sleep(pause),
                // A sound card would have dropped a block; the pace stays.
                None if next + self.period < Instant::now() => {
                    self.overruns += 1;
                    next = Instant::now();
                }
                None => {}
            }
        }
        last_late
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let network = Network::find(&options.resources, &options.model)?;
    let _user = EngineUser::join();
    let mut host = Host::new(options);
    if options.memory {
        return measure_memory(&network, options, &mut host);
    }
    if let Some(load) = other_load(Duration::from_secs(3)) {
        println!("before the start, other programs use {load:.2} cores");
    }
    let mut instances = (0..options.instances)
        .map(|index| Instance::new(&network, options, index))
        .collect::<Result<Vec<_>, _>>()?;
    let latency = instances.first().map_or(0, |instance| instance.audio.latency_frames());
    let warm_up_s = latency as f64 / options.rate + 3.0;
    println!(
        "{} instances of {} in {} mode, blocks of {} at {} Hz, latency {:.3} s, {} s after {:.1} s of warm-up",
        instances.len(),
        options.model,
        options.mode,
        options.block,
        options.rate,
        latency as f64 / options.rate,
        options.seconds,
        warm_up_s,
    );
    host.play(&mut instances, warm_up_s);
    instances.iter_mut().for_each(Instance::end_warm_up);
    measure(&mut host, &mut instances, options);
    if let Some(staying) = options.then {
        instances.truncate(staying);
        instances.iter_mut().for_each(Instance::end_warm_up);
        println!("\n{staying} instances stay, the others were removed");
        measure(&mut host, &mut instances, options);
    }
    Ok(())
}

/// Plays, and prints what each instance has to tell.
fn measure(host: &mut Host, instances: &mut [Instance], options: &Options) {
    host.overruns = 0;
    let (cpu_before, begin) = (cpu_s(), Instant::now());
    let last_late = host.play(instances, options.seconds);
    let elapsed_s = begin.elapsed().as_secs_f64();
    println!(
        "  instance  late blocks  spells  on time  run median / p99  network  whole stream  queue"
    );
    let mut shares = Vec::new();
    for (index, instance) in instances.iter().enumerate() {
        let status = &instance.status;
        let share = 1.0 - instance.late_frames() as f64 / (elapsed_s * options.rate);
        shares.push(share);
        let run_ms = |quantile| status.run_quantile_ms(quantile).unwrap_or(f64::NAN);
        let percent = |load: Option<f32>| load.map_or(f32::NAN, |load| 100.0 * load);
        println!(
            "  {index:>8}  {:>11}  {:>6}  {:>6.2}%  {:>6.1} / {:>6.1} ms  {:>6.1}%  {:>11.1}%  {:>5.0} ms",
            instance.late_blocks(),
            status.late_spells(),
            100.0 * share,
            run_ms(0.5),
            run_ms(0.99),
            percent(status.network_load()),
            percent(status.load()),
            1e3 * f64::from(status.queued_frames()) / options.rate,
        );
    }
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let late: u64 = instances.iter().map(Instance::late_blocks).sum();
    println!("  late blocks in all: {late}; fairness, least to most on time: {:.3}", least / most);
    match last_late {
        Some(instant) => {
            println!("  the last late block came after {:.2} s", instant.as_secs_f64())
        }
        None => println!("  no block was late"),
    }
    if let (Some(before), Some(after)) = (cpu_before, cpu_s()) {
        let cpu = after - before;
        println!(
            "  processor: {cpu:.1} s in {elapsed_s:.1} s, {:.1}% of a core an instance",
            100.0 * cpu / elapsed_s / instances.len() as f64
        );
    }
    if let Some((now, most)) = memory_bytes() {
        println!("  memory: {} now, {} at most", mb(now), mb(most));
    }
    println!("  blocks that the host itself began late: {}", host.overruns);
}

/// Adds instances one by one; each plays until it has run its network several times.
fn measure_memory(network: &Network, options: &Options, host: &mut Host) -> Result<(), String> {
    let tell = |what: &str, before: u64| {
        let (now, _) = memory_bytes().ok_or("the memory is known on Linux only")?;
        println!("  {what:<22} {:>10}  (+{})", mb(now), mb(now.saturating_sub(before)));
        Ok::<u64, String>(now)
    };
    println!("memory of a process that holds instances of {} in one session", options.model);
    let mut memory = tell("without an instance", 0)?;
    let mut instances = Vec::new();
    for index in 0..options.instances {
        instances.push(Instance::new(network, options, index)?);
        host.play(&mut instances, options.seconds);
        memory = tell(&format!("{} playing", index + 1), memory)?;
    }
    instances.clear();
    tell("all removed", memory)?;
    Ok(())
}
