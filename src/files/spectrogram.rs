//! Spectrograms as PNG: log frequency upwards, time to the right, level as colour.

use std::path::Path;

use super::Audio;
use super::colour::level_colour;
use super::levels::{LogScale, levels_db};
use super::output::{WriteError, write_whole};
use super::picture::{LINE_PX, Picture};

const BACKGROUND: [u8; 3] = [24, 24, 28];
const INK: [u8; 3] = [200, 200, 205];
const LEFT_PX: usize = 56;
const RIGHT_PX: usize = 64;
const TOP_PX: usize = 24;
const BOTTOM_PX: usize = 28;
/// Largest side of a picture.
const MAX_SIDE_PX: usize = 16_384;

/// Why no picture was made.
#[derive(Debug, thiserror::Error)]
pub enum SpectrogramError {
    /// Nothing to draw.
    #[error("a spectrogram needs at least one panel with one frame of audio")]
    NoAudio,
    /// Options that give no picture.
    #[error("a spectrogram cannot be drawn: expected {expected}, found {found}")]
    Options {
        /// What would do.
        expected: &'static str,
        /// What was asked.
        found: String,
    },
    /// The PNG encoder failed.
    #[error("the picture cannot be encoded")]
    Encode(#[from] png::EncodingError),
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// How a spectrogram is drawn.
#[derive(Clone, Copy, Debug)]
pub struct SpectrogramOptions {
    /// Columns of a panel.
    pub width_px: usize,
    /// Rows of a panel.
    pub height_px: usize,
    /// Lowest frequency.
    pub min_hz: f64,
    /// Highest frequency; held at half the sample rate.
    pub max_hz: f64,
    /// Level drawn black, in dB below a full-scale sine.
    pub floor_db: f64,
    /// Level drawn lightest.
    pub ceiling_db: f64,
    /// Whether an existing file is replaced.
    pub overwrite: bool,
}

impl Default for SpectrogramOptions {
    fn default() -> Self {
        Self {
            width_px: 1200,
            height_px: 360,
            min_hz: 30.0,
            max_hz: 20_000.0,
            floor_db: -100.0,
            ceiling_db: -10.0,
            overwrite: false,
        }
    }
}

/// One recording of a picture; panels stand below each other, each over its own whole length.
#[derive(Clone, Copy, Debug)]
pub struct Panel<'a> {
    /// Written above the panel in small capitals.
    pub title: &'a str,
    /// What is shown: the mean power of its channels.
    pub audio: &'a Audio,
}

/// Draws the panels into one PNG file, which appears whole or not at all.
///
/// # Errors
/// When there is nothing to draw, the options make no sense, or the file cannot be written.
pub fn write_spectrogram(
    path: &Path,
    panels: &[Panel<'_>],
    options: &SpectrogramOptions,
) -> Result<(), SpectrogramError> {
    let picture = draw(panels, options)?;
    write_whole(path, &picture.to_png()?, options.overwrite)?;
    Ok(())
}

fn draw(panels: &[Panel<'_>], options: &SpectrogramOptions) -> Result<Picture, SpectrogramError> {
    check(panels, options)?;
    let panel_px = options.height_px + TOP_PX + BOTTOM_PX;
    let width_px = LEFT_PX + options.width_px + RIGHT_PX;
    let mut picture = Picture::new(width_px, panel_px * panels.len(), BACKGROUND);
    for (index, panel) in panels.iter().enumerate() {
        let top = index * panel_px + TOP_PX;
        let max_hz = options.max_hz.min(f64::from(panel.audio.sample_rate_hz) / 2.0);
        let scale = LogScale { min_hz: options.min_hz.min(max_hz / 2.0), max_hz };
        let levels = levels_db(panel.audio, (options.width_px, options.height_px), &scale);
        for (row, line) in levels.chunks_exact(options.width_px).enumerate() {
            for (column, level_db) in line.iter().enumerate() {
                let span = options.ceiling_db - options.floor_db;
                let level = (level_db - options.floor_db) / span;
                picture.set(LEFT_PX + column, top + row, level_colour(level as f32));
            }
        }
        picture.text(panel.title, (LEFT_PX, top - LINE_PX - 6), INK);
        draw_frequency_axis(&mut picture, top, options, &scale);
        draw_time_axis(&mut picture, top, options, panel.audio.duration_s());
        draw_colour_bar(&mut picture, top, options);
    }
    Ok(picture)
}

fn check(panels: &[Panel<'_>], options: &SpectrogramOptions) -> Result<(), SpectrogramError> {
    if panels.is_empty() || panels.iter().any(|panel| panel.audio.num_frames() == 0) {
        return Err(SpectrogramError::NoAudio);
    }
    let fail = |expected, found| Err(SpectrogramError::Options { expected, found });
    let (width_px, height_px) = (options.width_px, options.height_px);
    if !(16..=MAX_SIDE_PX).contains(&width_px)
        || height_px < 16
        || height_px.saturating_mul(panels.len()) > MAX_SIDE_PX
    {
        let found = format!("{width_px} x {height_px} pixels for each of {}", panels.len());
        return fail("panels of 16 to 16384 pixels, all together", found);
    }
    if !(options.min_hz > 0.0 && options.max_hz > options.min_hz) {
        return fail("0 < lowest < highest Hz", format!("{} {}", options.min_hz, options.max_hz));
    }
    if options.ceiling_db.partial_cmp(&options.floor_db) != Some(std::cmp::Ordering::Greater) {
        let found = format!("{} and {} dB", options.floor_db, options.ceiling_db);
        return fail("a floor below the ceiling", found);
    }
    Ok(())
}

fn draw_frequency_axis(
    picture: &mut Picture,
    top: usize,
    options: &SpectrogramOptions,
    scale: &LogScale,
) {
    for (hz, label) in [
        (50.0, "50"),
        (100.0, "100"),
        (200.0, "200"),
        (500.0, "500"),
        (1000.0, "1K"),
        (2000.0, "2K"),
        (5000.0, "5K"),
        (10_000.0, "10K"),
        (20_000.0, "20K"),
        (40_000.0, "40K"),
    ] {
        let height = scale.height(hz);
        if (0.0..=1.0).contains(&height) {
            let y = top + ((1.0 - height) * (options.height_px - 1) as f64).round() as usize;
            picture.fill((LEFT_PX - 6, y), (6, 1), INK);
            let x = LEFT_PX - 10 - Picture::text_width_px(label);
            picture.text(label, (x, y.saturating_sub(LINE_PX / 2)), INK);
        }
    }
    picture.text("HZ", (4, top - LINE_PX - 6), INK);
}

fn draw_time_axis(
    picture: &mut Picture,
    top: usize,
    options: &SpectrogramOptions,
    duration_s: f64,
) {
    let step_s = tick_step(duration_s, 10.0);
    let decimals = usize::from(step_s < 1.0) * (-step_s.log10().floor()).max(0.0) as usize;
    let bottom = top + options.height_px;
    let mut tick = 0;
    while f64::from(tick) * step_s <= duration_s {
        let time_s = f64::from(tick) * step_s;
        let x = LEFT_PX + (time_s / duration_s * (options.width_px - 1) as f64).round() as usize;
        picture.fill((x, bottom), (1, 6), INK);
        let unit = if tick == 0 { " S" } else { "" };
        picture.text(&format!("{time_s:.decimals$}{unit}"), (x, bottom + 8), INK);
        tick += 1;
    }
}

/// A round step (1, 2 or 5 times a power of ten) that gives at most `max_ticks` ticks.
fn tick_step(span: f64, max_ticks: f64) -> f64 {
    let decade = 10.0_f64.powf((span / max_ticks).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * decade)
        .find(|step| span / step <= max_ticks)
        .unwrap_or(10.0 * decade)
}

fn draw_colour_bar(picture: &mut Picture, top: usize, options: &SpectrogramOptions) {
    let x = LEFT_PX + options.width_px + 8;
    let last = (options.height_px - 1) as f64;
    for row in 0..options.height_px {
        let level = 1.0 - row as f64 / last;
        picture.fill((x, top + row), (10, 1), level_colour(level as f32));
    }
    for (row, level_db) in
        [(0, options.ceiling_db), (options.height_px - LINE_PX, options.floor_db)]
    {
        picture.text(&format!("{level_db:.0}"), (x + 14, top + row), INK);
    }
    picture.text("DB", (x, top - LINE_PX - 6), INK);
}

#[cfg(test)]
#[path = "spectrogram_tests.rs"]
mod tests;
