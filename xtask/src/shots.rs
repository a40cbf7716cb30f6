//! `cargo xtask shots`: pictures of the editor for the documentation, with the demo mix in it.
//!
//! The mix goes through the engine as in a host; what the engine tells of it, columns and numbers, is
//! written down and drawn by the editor's own code (`editor/examples/shots.rs`), which this program
//! does not link: it would make everyone who builds it build egui, too.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use soloist::files::read_audio;
use soloist::inference::{self, Provider};
use soloist::model::{Catalogue, DEFAULT_MODEL, ModelCard, resources};
use soloist::streaming::{
    Controls, LatencyMode, Player, ScopeColumn, StemOutputs, StreamConfig, StreamStatus, Worker,
    run_seconds, split,
};

use crate::paths::{target_dir, workspace_root};
use crate::process::{cargo, run};
use crate::setup::setup;

/// Sound before the picture is taken, in seconds: enough to fill it.
const PLAYED_S: f64 = 22.0;

const BLOCK_FRAMES: usize = 512;

const MODE: LatencyMode = LatencyMode::Studio;

/// Draws the pictures into `docs/images/`.
///
/// # Errors
/// When the resources cannot be made, the mix cannot be played, or the pictures cannot be drawn.
pub fn shots() -> Result<PathBuf> {
    let resources = setup()?;
    let folder = target_dir().join("shots");
    fs::create_dir_all(&folder)?;
    let recording = folder.join("demo.scope");
    record(&resources, &recording)?;
    let images = workspace_root().join("docs").join("images");
    fs::create_dir_all(&images)?;
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "soloist-editor", "--example", "shots", "--"]);
    run(command.arg(&recording).arg(&images).arg(resources.join("models")))?;
    Ok(images)
}

/// Plays the demo mix and writes what the engine tells of it.
fn record(resources: &Path, to: &Path) -> Result<()> {
    let mix = read_audio(&workspace_root().join("examples/demo/mix.ogg"))?;
    let sample_rate_hz = f64::from(mix.sample_rate_hz);
    let dirs = [resources.to_owned()];
    let catalogue = Catalogue::scan(&resources::model_dirs(&dirs));
    let card = Arc::clone(catalogue.find(DEFAULT_MODEL)?);
    let runtime = resources::runtime_library(&dirs)?;
    let num_channels = mix.channels.len();
    let config = StreamConfig { card: Arc::clone(&card), sample_rate_hz, num_channels, mode: MODE };
    let (audio, work) = split(&config)?;
    let status = Arc::clone(audio.status());
    let mut watch = status.scope().watch();
    let of_worker = Arc::clone(&card);
    let _worker =
        Worker::spawn(work, move || inference::open(&of_worker, &runtime, Provider::Cpu))?;
    let mut player = Player::new(Box::new(audio), sample_rate_hz);
    let mut columns = Vec::new();
    let num_frames = mix.channels[0].len();
    for block in 0..(PLAYED_S * sample_rate_hz) as usize / BLOCK_FRAMES {
        // The demo mix is shorter than the picture is wide: it goes round.
        let at = |frame: usize| (block * BLOCK_FRAMES + frame) % num_frames;
        let mut heard: Vec<Vec<f32>> = mix
            .channels
            .iter()
            .map(|channel| (0..BLOCK_FRAMES).map(|frame| channel[at(frame)]).collect())
            .collect();
        let mut heard: Vec<&mut [f32]> = heard.iter_mut().map(Vec::as_mut_slice).collect();
        let controls = Controls::default();
        player.process_stems_blocking(&mut heard, &mut StemOutputs::default(), &controls);
        watch.drain(|column| columns.push(*column));
    }
    let message = status.message();
    anyhow::ensure!(message.is_none(), "the engine failed: {message:?}");
    write(to, &card, &status, player.latency_frames(), sample_rate_hz, &columns)
}

/// A line of words, then the columns as they lie in memory, in the order of their fields.
fn write(
    to: &Path,
    card: &ModelCard,
    status: &StreamStatus,
    latency_frames: usize,
    sample_rate_hz: f64,
    columns: &[ScopeColumn],
) -> Result<()> {
    let file = fs::File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut file = std::io::BufWriter::new(file);
    let run_ms = |quantile| status.run_quantile_ms(quantile).unwrap_or(0.0);
    writeln!(
        file,
        "{sample_rate_hz} {} {} {} {} {latency_frames} {} {} {} {} {} {} {}",
        status.epoch(),
        status.play_frame(),
        status.received_frame(),
        run_seconds(card, MODE),
        status.load().unwrap_or(0.0),
        run_ms(0.5),
        run_ms(0.99),
        status.queued_frames(),
        status.model_bytes().unwrap_or(0),
        card.name(),
        card.version(),
    )?;
    for column in columns {
        file.write_all(&column.epoch.to_le_bytes())?;
        file.write_all(&column.frame.to_le_bytes())?;
        file.write_all(&column.num_frames.to_le_bytes())?;
        file.write_all(&[u8::from(column.has_shares)])?;
        file.write_all(&column.mix)?;
        for share in &column.shares {
            file.write_all(share)?;
        }
    }
    Ok(file.flush()?)
}
