//! Opens, resizes and closes the editor many times while audio plays at its pace, and says what that
//! costs: memory, files, threads, late blocks, a slower callback.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::usage::Usage;
use super::window::HostWindow;
use crate::host::editor::{AudioSide, Edits, Size};
use crate::host::{Format, HeadlessHost, ProcessConfig, load};
use crate::paths::Bundles;

const RATE_HZ: f64 = 48_000.0;

/// Frames of a block.
const BLOCK_FRAMES: usize = 256;

/// Time from one turn of the host's event loop to the next.
const TURN: Duration = Duration::from_millis(10);

/// Time that an editor is left to draw after each change.
const LOOK: Duration = Duration::from_millis(50);

/// Cycles after which memory is looked at for the first time: libraries are loaded, caches filled.
const WARM_UP_CYCLES: usize = 20;

/// Memory that may come between then and the end, in bytes.
const MAX_GROWTH: u64 = 24 << 20;

/// Sizes that the editor is given, in turn.
const SIZES: [Size; 4] = [(1200, 900), (700, 560), (1000, 640), (760, 1000)];

/// What is done.
#[derive(Debug, Clone, Copy)]
pub struct DrillOptions {
    /// How the plugin is loaded.
    pub format: Format,
    /// Times that the editor is opened.
    pub cycles: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct DrillReport {
    /// As many seconds of playing without an editor as with.
    pub without: Playing,
    /// While the editor was opened, resized and closed.
    pub with: Playing,
    /// After the warm-up, and at the end, with no editor open.
    pub usage: (Usage, Usage),
    /// Fewest colours that were seen in an open editor.
    pub fewest_colours: usize,
    /// Edits by a click.
    pub edits: Edits,
}

/// What the audio thread saw in a stretch of time.
#[derive(Debug, Default, Clone)]
pub struct Playing {
    /// Seconds of it.
    pub seconds: f64,
    /// Time of each callback in microseconds, sorted.
    pub callbacks_us: Vec<f64>,
    /// Callbacks that took longer than their block lasts.
    pub overruns: usize,
    /// Blocks for which a result was missing, as the plugin counts them.
    pub late_blocks: u64,
}

impl Playing {
    /// The time in microseconds that the share `quantile` of the callbacks did not exceed.
    #[must_use]
    pub fn quantile_us(&self, quantile: f64) -> f64 {
        let index = (quantile * self.callbacks_us.len() as f64).ceil() as usize;
        self.callbacks_us.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

/// An audio thread that plays at the pace of a sound card.
struct Player {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Playing>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Player {
    fn start(mut side: Box<dyn AudioSide>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Playing::default()));
        let (stopped, sees) = (Arc::clone(&stop), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            let block = Duration::from_secs_f64(BLOCK_FRAMES as f64 / RATE_HZ);
            let mut channels = [vec![0.0_f32; BLOCK_FRAMES], vec![0.0; BLOCK_FRAMES]];
            let mut due = Instant::now();
            let mut frame = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                for index in 0..BLOCK_FRAMES {
                    let t = (frame + index as u64) as f64 / RATE_HZ;
                    let sine = |hz: f64| (std::f64::consts::TAU * hz * t).sin() as f32;
                    let beat = (-8.0 * (t % 0.5)).exp() as f32;
                    channels[0][index] = 0.3 * beat * sine(220.0) + 0.2 * sine(55.0);
                    channels[1][index] = 0.3 * beat * sine(330.0) + 0.2 * sine(55.0);
                }
                frame += BLOCK_FRAMES as u64;
                let duration = side.process(&mut channels)?;
                {
                    let mut seen = sees.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.callbacks_us.push(duration.as_secs_f64() * 1e6);
                    seen.overruns += usize::from(duration > block);
                }
                due += block;
                match due.checked_duration_since(Instant::now()) {
                    Some(rest) => std::thread::sleep(rest),
                    // A sound card drops what it missed.
                    None => due = Instant::now(),
                }
            }
            Ok(())
        });
        Self { stop, seen, thread: Some(thread) }
    }

    /// What was seen since the last call.
    fn take(&self) -> Playing {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn finish(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("the thread runs")?;
        thread.join().map_err(|_| anyhow!("the audio thread panicked"))?
    }
}

/// Runs the drill on the bundle, on the display that there is.
///
/// # Errors
/// When something does not work, or costs more than it may.
pub fn drill(options: DrillOptions, bundles: &Bundles) -> Result<DrillReport> {
    let mut host = load(options.format, bundles)?;
    host.activate(&ProcessConfig::realtime(RATE_HZ, BLOCK_FRAMES))?;
    let player = Player::start(host.editor().take_audio()?);
    wait_for_results(host.as_mut())?;
    player.take();

    let mut fewest_colours = usize::MAX;
    let mut early = None;
    let (begin, late_before) = (Instant::now(), late_blocks(host.as_mut())?);
    for cycle in 0..options.cycles {
        fewest_colours = fewest_colours.min(one_cycle(host.as_mut(), cycle)?);
        if cycle + 1 == WARM_UP_CYCLES.min(options.cycles) {
            early = Some(Usage::now()?);
        }
    }
    let duration = begin.elapsed();
    let late = Usage::now()?;
    let with = summed(&player, duration, late_blocks(host.as_mut())? - late_before);

    let (begin, late_before) = (Instant::now(), late_blocks(host.as_mut())?);
    while begin.elapsed() < duration {
        turn(host.as_mut());
    }
    let without = summed(&player, duration, late_blocks(host.as_mut())? - late_before);

    let edits = click_until_edited(host.as_mut())?;
    player.finish()?;
    let usage = (early.context("at least one cycle")?, late);
    Ok(DrillReport { without, with, usage, fewest_colours, edits })
}

impl DrillReport {
    /// Says what is not as it must be.
    ///
    /// # Errors
    /// When the editor leaks, drew nothing, did not answer a click, or cost late blocks.
    pub fn check(&self) -> Result<()> {
        let (early, late) = &self.usage;
        let growth = late.resident_bytes.saturating_sub(early.resident_bytes);
        if growth > MAX_GROWTH {
            bail!("memory grew by {growth} bytes, expected at most {MAX_GROWTH}");
        }
        if late.num_threads > early.num_threads || late.num_files > early.num_files + 4 {
            bail!(
                "threads went from {} to {}, files from {} to {}: expected no more of them",
                early.num_threads,
                late.num_threads,
                early.num_files,
                late.num_files
            );
        }
        if self.fewest_colours < 4 {
            bail!("an editor showed {} colours, expected more", self.fewest_colours);
        }
        let Edits { begun, performed, ended } = self.edits;
        if begun == 0 || performed == 0 || ended != begun {
            bail!("clicks led to {:?}, expected whole gestures", self.edits);
        }
        if self.with.late_blocks > self.without.late_blocks {
            bail!(
                "{} late blocks with an editor, {} without",
                self.with.late_blocks,
                self.without.late_blocks
            );
        }
        Ok(())
    }
}

/// Prints a report for people.
pub fn print_drill(options: DrillOptions, report: &DrillReport) {
    let (early, late) = &report.usage;
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "{}: {} times opened, resized {} times each and closed, in {:.0} s of playing",
        options.format,
        options.cycles,
        SIZES.len(),
        report.with.seconds
    );
    println!(
        "  memory {:.1} MB after {}, {:.1} MB at the end; threads {} and {}; files {} and {}",
        mb(early.resident_bytes),
        WARM_UP_CYCLES.min(options.cycles),
        mb(late.resident_bytes),
        early.num_threads,
        late.num_threads,
        early.num_files,
        late.num_files
    );
    for (name, playing) in [("without", &report.without), ("with", &report.with)] {
        println!(
            "  {name:<7} an editor: {} late blocks; {} of {} callbacks over their time; median \
             {:.1} us, p99.9 {:.1} us",
            playing.late_blocks,
            playing.overruns,
            playing.callbacks_us.len(),
            playing.quantile_us(0.5),
            playing.quantile_us(0.999)
        );
    }
    println!("  fewest colours {}; a click: {:?}", report.fewest_colours, report.edits);
}

/// One turn of the host's event loop.
fn turn(host: &mut dyn HeadlessHost) {
    host.editor().idle();
    std::thread::sleep(TURN);
}

fn look(host: &mut dyn HeadlessHost, span: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < span {
        turn(host);
    }
}

/// Opens an editor, resizes it and closes it; returns the colours that it showed.
fn one_cycle(host: &mut dyn HeadlessHost, cycle: usize) -> Result<usize> {
    let window = HostWindow::open((1300, 1100), (0, 0))?;
    let size = host.editor().open_editor(window.id())?;
    look(host, 2 * LOOK);
    for wanted in SIZES {
        let given = host.editor().resize_editor(wanted)?;
        look(host, LOOK);
        let found = wait_for_size(host, &window, given)?;
        if found != Some(given) {
            bail!("cycle {cycle}: the editor is {found:?} in size, expected {given:?}");
        }
    }
    let colours = window.num_colours(size)?;
    host.editor().close_editor();
    look(host, LOOK);
    if !window.children()?.is_empty() {
        bail!("cycle {cycle}: a closed editor left a window behind");
    }
    Ok(colours)
}

/// Waits a while for the editor to take on the size that it was given.
fn wait_for_size(
    host: &mut dyn HeadlessHost,
    window: &HostWindow,
    given: Size,
) -> Result<Option<Size>> {
    let begin = Instant::now();
    loop {
        let found = window.child_size()?;
        if found == Some(given) || begin.elapsed() > Duration::from_secs(2) {
            return Ok(found);
        }
        turn(host);
    }
}

/// Clicks here and there in the upper part of an open editor until a parameter has been edited.
fn click_until_edited(host: &mut dyn HeadlessHost) -> Result<Edits> {
    let window = HostWindow::open((1300, 1100), (0, 0))?;
    let (width, height) = host.editor().open_editor(window.id())?;
    look(host, 10 * LOOK);
    'clicks: for row in 1..12 {
        for column in 1..6 {
            let (x, y) = (width * column / 6, height * row / 20);
            window.click(x as i16, y as i16)?;
            look(host, LOOK);
            if host.editor().edits().performed > 0 {
                look(host, 2 * LOOK);
                break 'clicks;
            }
        }
    }
    host.editor().close_editor();
    Ok(host.editor().edits())
}

fn summed(player: &Player, duration: Duration, late_blocks: u64) -> Playing {
    let mut playing = player.take();
    playing.callbacks_us.sort_by(f64::total_cmp);
    Playing { seconds: duration.as_secs_f64(), late_blocks, ..playing }
}

fn late_blocks(host: &mut dyn HeadlessHost) -> Result<u64> {
    let words = host.parameter_text("Late Blocks")?;
    words.trim().parse().with_context(|| format!("`{words}` is no count of blocks"))
}

/// Waits until the plugin has opened its model and results are there: it measures its load by then.
fn wait_for_results(host: &mut dyn HeadlessHost) -> Result<()> {
    let begin = Instant::now();
    loop {
        look(host, 10 * TURN);
        let words = host.parameter_text("Load")?;
        let load: f64 = words.trim_end_matches([' ', '%']).parse().unwrap_or(0.0);
        // The latency over, all late blocks of the begin have been counted.
        if load > 0.0 && begin.elapsed() > Duration::from_secs(6) {
            return Ok(());
        }
        if begin.elapsed() > Duration::from_secs(60) {
            bail!("the model does not run after a minute");
        }
    }
}
