//! The `cargo xtask` command line.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::bench::{Bench, bench};
use xtask::bounce::BlockPlan;
use xtask::bundle::{BundleOptions, bundle};
use xtask::checks::{CheckOptions, check_all};
use xtask::demo::demo;
use xtask::host::Format;
use xtask::render::{RenderOptions, render};
use xtask::setup::setup;
use xtask::shots::shots;
use xtask::soak::soak;

/// Set-up, bundling, headless rendering, demo and tests of Soloist.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch onnxruntime for this platform (through pip, hash-checked) and lay out the resources.
    Setup,
    /// Build the plugin and bundle it as CLAP and VST3, with its model and runtime.
    Bundle {
        /// Build the development profile into `target/bundle-debug/bundled`.
        #[arg(long)]
        debug: bool,
        /// Keep these bundles apart, in `target/bundle-NAME/bundled`.
        #[arg(long)]
        name: Option<String>,
        /// More arguments for `cargo build`, after `--`.
        #[arg(last = true)]
        cargo_args: Vec<String>,
    },
    /// Bounce an audio file offline through the bundled plugin in a headless host.
    Render {
        /// The recording: WAV, FLAC, OGG, MP3 or AAC, mono or stereo.
        input: PathBuf,
        /// The WAV file to write, in 32-bit float.
        output: PathBuf,
        /// vocals, drums, bass, guitar, piano or other.
        #[arg(long, default_value = "vocals")]
        instrument: String,
        /// isolate or remove.
        #[arg(long, default_value = "isolate")]
        mode: String,
        /// Mix amount in percent, 0 to 100.
        #[arg(long, default_value_t = 100.0)]
        mix: f64,
        /// clap or vst3.
        #[arg(long, default_value = "clap")]
        format: Format,
        /// Host block in frames, or `random`.
        #[arg(long, default_value = "512")]
        block: BlockPlan,
        /// Rate of the host in Hz; a recording at another rate is resampled to it first.
        #[arg(long)]
        rate: Option<u32>,
    },
    /// Set up, bundle, and bounce the demo mix; prints scores, writes audio and pictures.
    Demo,
    /// Draw the documentation's pictures of the editor into `docs/images/`, the demo mix in them.
    Shots {
        /// Instead, the one of the real editor in a third-party host (DawDreamer, on a virtual
        /// display).
        #[cfg(target_os = "linux")]
        #[arg(long)]
        host: bool,
    },
    /// Measure: many instances at once, or the audio callback. Takes minutes.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// A host that jumps, loops, stops and restarts at random, judged sample by sample.
    Soak {
        /// clap or vst3.
        #[arg(long, default_value = "clap")]
        format: Format,
        /// Seconds of sound.
        #[arg(long, default_value_t = 600.0)]
        seconds: f64,
        /// Another seed is another script.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Open, resize and close the editor many times while audio plays, on the display of `DISPLAY`.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Drill {
        /// clap or vst3.
        #[arg(long, default_value = "clap")]
        format: Format,
        /// Times that the editor is opened.
        #[arg(long, default_value_t = 200)]
        cycles: usize,
        /// Instead, open the editors of two plugins at once.
        #[arg(long)]
        pair: bool,
        /// Instead, measure the time that drawing takes.
        #[arg(long)]
        cost: bool,
    },
    /// Run every test: format, lints, unit and host tests, Python hosts.
    Test {
        /// Leave out lints, the Python hosts and the slowest host tests.
        #[arg(long)]
        fast: bool,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Setup => {
            let resources = setup()?;
            println!("Resources ready: {}", resources.display());
        }
        Command::Bundle { debug, name, cargo_args } => {
            let bundles = bundle(&BundleOptions { debug, name, cargo_args })?;
            println!("Bundles ready: {}", bundles.dir.display());
        }
        Command::Render { input, output, instrument, mode, mix, format, block, rate } => {
            let options =
                RenderOptions { instrument, mode, mix_percent: mix, format, block, rate_hz: rate };
            render(&input, &output, &options)?;
        }
        Command::Demo => demo()?,
        #[cfg(target_os = "linux")]
        Command::Shots { host: true } => {
            println!("Picture ready: {}", xtask::editor::host_shot()?.display());
        }
        Command::Shots { .. } => println!("Pictures ready: {}", shots()?.display()),
        Command::Bench { what } => bench(&what)?,
        Command::Soak { format, seconds, seed } => soak(format, seconds, seed)?,
        #[cfg(target_os = "linux")]
        Command::Drill { pair: true, .. } => {
            xtask::editor::pair(&xtask::paths::Bundles::release())?;
        }
        #[cfg(target_os = "linux")]
        Command::Drill { cost: true, format, .. } => {
            let bundles = xtask::paths::Bundles::release();
            xtask::editor::print_cost(&xtask::editor::cost(format, &bundles)?);
        }
        #[cfg(target_os = "linux")]
        Command::Drill { format, cycles, .. } => {
            use xtask::editor::{DrillOptions, drill, print_drill};
            let options = DrillOptions { format, cycles };
            let report = drill(options, &xtask::paths::Bundles::release())?;
            print_drill(options, &report);
            report.check()?;
        }
        Command::Test { fast } => check_all(&CheckOptions { fast })?,
    }
    Ok(())
}
