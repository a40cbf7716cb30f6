//! `cargo xtask demo`: from a fresh clone to an isolated instrument, with its score.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use soloist::dsp::level;
use soloist::files::{
    Audio, Panel, SampleFormat, SpectrogramOptions, read_audio, residual_dbfs, sdr_db,
    write_spectrogram, write_wav,
};

use crate::bundle::{BundleOptions, bundle};
use crate::host::Format;
use crate::paths::{Bundles, target_dir, workspace_root};
use crate::render::{RenderOptions, render_audio};

const INSTRUMENTS: [&str; 6] = ["vocals", "drums", "bass", "guitar", "piano", "other"];
/// The instrument that is shown as a picture and compared between the formats.
const SHOWN: &str = "drums";
/// A true stem below this level is taken for silence: there is nothing to score against.
const SILENCE_DBFS: f64 = -60.0;

/// Sets up, bundles, and bounces the demo mix once an instrument through the CLAP plugin.
///
/// # Errors
/// When a step fails, or the two formats give different audio.
pub fn demo() -> Result<()> {
    let bundles = bundle(&BundleOptions::default())?;
    let out = target_dir().join("demo");
    fs::create_dir_all(&out)?;
    let mix = read_audio(&demo_file("mix"))?;
    let (rate_hz, length_s) = (mix.sample_rate_hz, mix.duration_s());
    println!("\nDemo mix: {length_s:.1} s at {rate_hz} Hz, through the bundled CLAP, offline");
    println!("{:<10} {:>9} {:>9} {:>12}", "stem", "mixture", "isolated", "improvement");

    let mut shown = None;
    for instrument in INSTRUMENTS {
        let truth = read_audio(&demo_file(instrument))?;
        if peak_dbfs(&truth) < SILENCE_DBFS {
            println!("{instrument:<10} not in this mix");
            continue;
        }
        let started = Instant::now();
        let result = bounce(&mix, &bundles, instrument, Format::Clap)?;
        let elapsed_s = started.elapsed().as_secs_f64();
        let (before_db, after_db) = (sdr_db(&truth, &mix)?, sdr_db(&truth, &result)?);
        println!(
            "{instrument:<10} {before_db:>6.1} dB {after_db:>6.1} dB {:>+9.1} dB   ({elapsed_s:.1} s)",
            after_db - before_db
        );
        write_wav(&out.join(format!("{instrument}.wav")), &result, SampleFormat::Float, true)?;
        if instrument == SHOWN {
            shown = Some((truth, result));
        }
    }
    let Some((truth, clap)) = shown else { bail!("the demo mix has no {SHOWN} to show") };

    let vst3 = bounce(&mix, &bundles, SHOWN, Format::Vst3)?;
    if clap != vst3 {
        let residual = residual_dbfs(&clap, &vst3)?;
        bail!("CLAP and VST3 differ in the {SHOWN}: residual {residual:.1} dBFS, expected none");
    }
    println!("CLAP and VST3 give the same {SHOWN}, bit for bit.");
    draw(&out, &mix, &clap, &truth)?;
    println!("Audio and pictures: {}", out.display());
    Ok(())
}

fn demo_file(name: &str) -> PathBuf {
    workspace_root().join("examples").join("demo").join(format!("{name}.ogg"))
}

fn bounce(mix: &Audio, bundles: &Bundles, instrument: &str, format: Format) -> Result<Audio> {
    let options = RenderOptions { instrument: instrument.into(), format, ..Default::default() };
    render_audio(mix, bundles, &options)
}

fn peak_dbfs(audio: &Audio) -> f64 {
    audio.channels.iter().map(|channel| level::peak_dbfs(channel)).fold(f64::NEG_INFINITY, f64::max)
}

/// One picture each for mix and result, and one of both with the true stem below.
fn draw(out: &Path, mix: &Audio, result: &Audio, truth: &Audio) -> Result<()> {
    let options = SpectrogramOptions { overwrite: true, ..Default::default() };
    let isolated = format!("{SHOWN} isolated");
    let true_stem = format!("{SHOWN} true stem");
    let panels = [
        Panel { title: "mix", audio: mix },
        Panel { title: &isolated, audio: result },
        Panel { title: &true_stem, audio: truth },
    ];
    write_spectrogram(&out.join("mix.png"), &panels[..1], &options)?;
    write_spectrogram(&out.join(format!("{SHOWN}.png")), &panels[1..2], &options)?;
    write_spectrogram(&out.join("comparison.png"), &panels, &options)?;
    Ok(())
}
