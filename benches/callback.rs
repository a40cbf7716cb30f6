//! Time of the audio callback, with all results on time. Run by `cargo xtask bench callback`.

mod common;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use common::{music, other_load, quantile};
use soloist::inference::Identity;
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::{
    Capture, Controls, HostPlace, LatencyMode, MixMode, StreamConfig, Worker, split,
};

/// Times the audio callback.
#[derive(Debug, Parser)]
struct Options {
    /// Frames of a host block.
    #[arg(long, default_value_t = 64)]
    block: usize,
    /// Frames in all.
    #[arg(long, default_value_t = 8_000_000)]
    frames: usize,
    /// With an open editor's feed: the scope is watched, places on a timeline are told.
    #[arg(long)]
    watched: bool,
    /// With the last minute of the stems captured.
    #[arg(long)]
    captured: bool,
    /// Host sample rate in Hz.
    #[arg(long, default_value_t = 48_000.0)]
    rate: f64,
    /// Cargo's own.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Most of a block's duration that the callback may take, at its 99.9th percentile.
const LIMIT: f64 = 0.02;

/// Results are given up on after this.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(load) = other_load(Duration::from_secs(1)) {
        println!("before the start, other programs use {load:.2} cores");
    }
    let card = Arc::new(ModelCard::builtin());
    let config = StreamConfig {
        card: Arc::clone(&card),
        sample_rate_hz: options.rate,
        num_channels: 2,
        mode: LatencyMode::Studio,
    };
    let Ok((mut audio, mut work)) = split(&config) else {
        eprintln!("error: no stream at {} Hz", options.rate);
        return ExitCode::FAILURE;
    };
    let estimator = Box::new(Identity::new(&card, Instrument::Vocals));
    let capture = Arc::new(Capture::default());
    capture.set_length(options.captured.then_some(60.0));
    work.capture_into(&capture, &card);
    let _worker = Worker::spawn(work, move || Ok(estimator));
    let status = Arc::clone(audio.status());
    let mut watch = options.watched.then(|| status.scope().watch());
    let mut num_columns = 0;
    let [left_song, right_song] = music(options.rate);
    let (mut left, mut right) = (vec![0.0; options.block], vec![0.0; options.block]);
    let latency_blocks = audio.latency_frames() / options.block + 1;
    let mut durations_us = Vec::with_capacity(options.frames / options.block);
    for index in 0..latency_blocks + options.frames / options.block {
        let from = index * options.block % (left_song.len() - options.block);
        left.copy_from_slice(&left_song[from..from + options.block]);
        right.copy_from_slice(&right_song[from..from + options.block]);
        // A control moves every 100 blocks, as under automation.
        let turn = index / 100;
        let controls = Controls {
            instrument: Instrument::ALL[turn % 6],
            mode: if turn % 2 == 0 { MixMode::Isolate } else { MixMode::Remove },
            mix: 0.5 + (turn % 5) as f32 / 10.0,
            ..Controls::default()
        };
        // Results must be there, as they are on a track: their mixing is what is timed.
        if index < latency_blocks {
            audio.process_blocking(&mut [&mut left, &mut right], &controls);
            continue;
        }
        let asked = Instant::now();
        while (status.queued_frames() as usize) < 4 * options.block {
            if asked.elapsed() > PATIENCE {
                eprintln!("error: no results for {PATIENCE:?}, at block {index}: {status:?}");
                return ExitCode::FAILURE;
            }
            // An empty block takes note of results that have arrived since.
            audio.process(&mut [&mut [], &mut []], &controls);
            std::thread::yield_now();
        }
        if let Some(watch) = &mut watch {
            // As an editor does, sixty times a second of sound.
            if index % (options.rate as usize / 60 / options.block).max(1) == 0 {
                watch.drain(|_| num_columns += 1);
                std::hint::black_box(status.stem_peaks());
            }
            audio.tell_place(HostPlace::At((index * options.block) as i64));
        }
        let begin = Instant::now();
        audio.process(&mut [&mut left, &mut right], &controls);
        durations_us.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    durations_us.sort_by(f64::total_cmp);
    let block_us = options.block as f64 / options.rate * 1e6;
    println!(
        "{} callbacks of {} frames, stereo, {} Hz; late frames: {}",
        durations_us.len(),
        options.block,
        options.rate,
        status.late_frames()
    );
    for (name, share) in [("median", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("longest", 1.0)] {
        let us = quantile(&durations_us, share);
        println!("  {name:<8} {us:>8.2} us  {:>7.3}% of the block", 100.0 * us / block_us);
    }
    if let Some(load) = status.load() {
        println!("  worker   {:.3}% of a core, without a network", 100.0 * load);
    }
    if options.watched || options.captured {
        let mb = capture.bytes() as f64 / 1e6;
        println!("  {num_columns} columns seen; {mb:.1} MB captured");
    }
    let within = quantile(&durations_us, 0.999) <= LIMIT * block_us;
    println!(
        "  limit at p99.9: {}% of the block, {}",
        100.0 * LIMIT,
        if within { "kept" } else { "broken" }
    );
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
