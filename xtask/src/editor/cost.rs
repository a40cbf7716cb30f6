//! What an open editor costs in processor time, while audio plays.

use std::time::Duration;

use anyhow::{Context, Result};

use super::playing::{BLOCK_FRAMES, Player, RATE_HZ, look, wait_for_results};
use super::usage::Usage;
use super::window::HostWindow;
use crate::host::editor::Size;
use crate::host::{Format, HeadlessHost, ProcessConfig, load};
use crate::paths::Bundles;

/// Seconds of each measurement.
const SPAN: Duration = Duration::from_secs(10);

/// Cores that were busy, as a count.
#[derive(Debug, Clone, Copy)]
pub struct Busy {
    /// All threads of the process.
    pub all: f64,
    /// Without those of a software rasteriser, which stands in for a GPU.
    pub own: f64,
}

/// What was measured.
#[derive(Debug)]
pub struct Cost {
    /// Before the editor was opened, after it was closed.
    pub closed: [Busy; 2],
    /// While it was open.
    pub open: Busy,
    /// Frames a second that it drew.
    pub frames_per_s: f64,
    /// Its size in pixels.
    pub size: Size,
}

/// Plays with the editor closed, open and closed again, on the display that there is.
///
/// # Errors
/// When the plugin or its editor does not run.
pub fn cost(format: Format, bundles: &Bundles) -> Result<Cost> {
    let mut host = load(format, bundles)?;
    host.activate(&ProcessConfig::realtime(RATE_HZ, BLOCK_FRAMES))?;
    let player = Player::start(host.editor().take_audio()?);
    wait_for_results(host.as_mut())?;

    let before = busy_while_closed(host.as_mut())?;
    let window = HostWindow::open((2500, 1700), (0, 0))?;
    host.editor().open_editor(window.id())?;
    // Until the spectrogram is full.
    look(host.as_mut(), Duration::from_secs(16));
    let size = window.child_size()?.context("the editor has no window")?;
    let begin = Usage::now()?;
    let num_frames = window.count_frames(SPAN)?;
    let open = busy(&begin, &Usage::now()?);
    host.editor().close_editor();
    look(host.as_mut(), Duration::from_secs(1));
    let after = busy_while_closed(host.as_mut())?;
    player.finish()?;
    let frames_per_s = num_frames as f64 / SPAN.as_secs_f64();
    Ok(Cost { closed: [before, after], open, frames_per_s, size })
}

/// Prints it for people.
pub fn print_cost(cost: &Cost) {
    let Cost { closed: [before, after], open, frames_per_s, size } = cost;
    let percent = |busy: f64| 100.0 * busy;
    println!(
        "  closed: {:.1} % of a core before, {:.1} % after (the whole plugin, playing)",
        percent(before.own),
        percent(after.own)
    );
    let closed = 0.5 * (before.own + after.own);
    println!(
        "  open, {} x {} pixels, {frames_per_s:.1} frames a second: {:.1} % of a core, {:.1} % with the \
         software rasteriser's threads",
        size.0,
        size.1,
        percent(open.own),
        percent(open.all)
    );
    println!(
        "  a frame: {:.2} ms of processor time, {:.2} ms with the software rasteriser",
        1000.0 * (open.own - closed) / frames_per_s,
        1000.0 * (open.all - closed) / frames_per_s
    );
}

fn busy_while_closed(host: &mut dyn HeadlessHost) -> Result<Busy> {
    let begin = Usage::now()?;
    look(host, SPAN);
    Ok(busy(&begin, &Usage::now()?))
}

fn busy(begin: &Usage, end: &Usage) -> Busy {
    let span_s = (end.at - begin.at).as_secs_f64();
    Busy {
        all: (end.cpu_s - begin.cpu_s) / span_s,
        own: (end.own_cpu_s - begin.own_cpu_s) / span_s,
    }
}
