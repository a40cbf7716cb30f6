//! `cargo xtask render`: a file through the bundled plugin, as a workstation would bounce it.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use soloist::files::{Audio, SampleFormat, read_audio, write_wav};

use crate::bounce::{BlockPlan, bounce};
use crate::host::{self, Format, HeadlessHost};
use crate::paths::Bundles;
use crate::resample::resample;

/// How to bounce.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// An instrument's name, in any case.
    pub instrument: String,
    /// `isolate` or `remove`, in any case.
    pub mode: String,
    /// Mix amount in percent, 0 to 100.
    pub mix_percent: f64,
    /// The plugin format to load.
    pub format: Format,
    /// The host's block sizes.
    pub block: BlockPlan,
    /// The host's rate in Hz; the recording's own when absent.
    pub rate_hz: Option<u32>,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            instrument: "vocals".into(),
            mode: "isolate".into(),
            mix_percent: 100.0,
            format: Format::Clap,
            block: BlockPlan::Fixed(512),
            rate_hz: None,
        }
    }
}

/// Bounces a file through the release bundle into a WAV file.
///
/// # Errors
/// When the file cannot be read, the plugin cannot be loaded, or the result cannot be written.
pub fn render(input: &Path, output: &Path, options: &RenderOptions) -> Result<()> {
    let mut audio = read_audio(input)?;
    if let Some(rate_hz) = options.rate_hz.filter(|rate_hz| *rate_hz != audio.sample_rate_hz) {
        println!("Resampling from {} to {rate_hz} Hz first", audio.sample_rate_hz);
        audio = resample(audio, rate_hz)?;
    }
    let started = Instant::now();
    let result = render_audio(&audio, &Bundles::release(), options)?;
    let elapsed_s = started.elapsed().as_secs_f64();
    write_wav(output, &result, SampleFormat::Float, true)?;
    println!(
        "{}: {:.1} s bounced in {elapsed_s:.1} s ({}, blocks of {})",
        output.display(),
        result.duration_s(),
        options.format,
        options.block
    );
    Ok(())
}

/// Bounces a recording through the plugin: latency trimmed, same length.
///
/// # Errors
/// When the plugin cannot be loaded, refuses a parameter, or fails.
pub fn render_audio(audio: &Audio, bundles: &Bundles, options: &RenderOptions) -> Result<Audio> {
    let mut host = host::load(options.format, bundles)?;
    set_controls(host.as_mut(), options)?;
    let rate_hz = f64::from(audio.sample_rate_hz);
    let channels = bounce(host.as_mut(), &audio.channels, rate_hz, options.block)?;
    Ok(Audio { sample_rate_hz: audio.sample_rate_hz, channels })
}

/// Sets instrument, mode and mix amount on a host.
///
/// # Errors
/// When a value makes no sense or the plugin refuses it.
pub fn set_controls(host: &mut dyn HeadlessHost, options: &RenderOptions) -> Result<()> {
    if !(0.0..=100.0).contains(&options.mix_percent) {
        bail!("a mix of {} % was asked for, expected 0 to 100", options.mix_percent);
    }
    host.set_parameter("Instrument", &capitalised(&options.instrument))
        .context("expected vocals, drums, bass, guitar, piano or other")?;
    host.set_parameter("Mode", &capitalised(&options.mode))
        .context("expected isolate or remove")?;
    host.set_parameter("Mix", &format!("{} %", options.mix_percent))
}

/// Choices are shown with a capital first letter, and typed in any case.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect()
    })
}
