//! Opens, resizes and closes the editor many times while audio plays at its pace, and says what that
//! costs: memory, files, threads, late blocks, a slower callback.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::patience::{PATIENCE, look_until};
use super::playing::{
    BLOCK_FRAMES, Player, Playing, RATE_HZ, late_blocks, look, turn, wait_for_results,
};
use super::usage::Usage;
use super::window::HostWindow;
use crate::host::editor::{Edits, Size};
use crate::host::{Format, HeadlessHost, ProcessConfig, load};
use crate::paths::Bundles;

/// Time that an editor is left to draw after each change.
const LOOK: Duration = Duration::from_millis(30);

/// Cycles after which memory is looked at for the first time: libraries are loaded, caches filled.
const WARM_UP_CYCLES: usize = 20;

/// Bytes that an opening may leave allocated. On X11 the window library never gives back a keymap
/// (51 kB) and Mesa keeps 10 kB, 84 kB in all as the heap counts; a font atlas, a context or a frame buffer that stayed would be a
/// megabyte and more. Memory in use says less: the heap has holes around what stays.
const MAX_LEFT_PER_OPENING: u64 = 130_000;

/// Time that a closed window's thread and files are given to be gone.
const SETTLING: Duration = Duration::from_secs(10);

/// Times that playing with and without an editor is compared, until one of them shows that the editor
/// cost nothing: a busy machine may make a block late in either.
const COMPARISONS: usize = 3;

/// Colours that an editor has at least, once it has drawn.
const MIN_COLOURS: usize = 4;

/// Where clicks begin, below the header, and how far lines of them are apart, in pixels.
const FIRST_CLICK: u32 = 100;
const CLICK_STEP: usize = 22;

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
    /// Openings between the two.
    pub openings_between: usize,
    /// Fewest colours that were seen in an open editor.
    pub fewest_colours: usize,
    /// Edits by a click.
    pub edits: Edits,
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
    let early = early.context("at least one cycle")?;
    let late = settled_usage(host.as_mut(), &early)?;
    let mut with = summed(&player, duration, late_blocks(host.as_mut())? - late_before);
    let mut without = played_without(host.as_mut(), &player, duration)?;
    for _ in 1..COMPARISONS {
        if with.late_blocks <= without.late_blocks {
            break;
        }
        let (begin, late_before) = (Instant::now(), late_blocks(host.as_mut())?);
        for cycle in 0..options.cycles {
            one_cycle(host.as_mut(), cycle)?;
        }
        let duration = begin.elapsed();
        with = summed(&player, duration, late_blocks(host.as_mut())? - late_before);
        without = played_without(host.as_mut(), &player, duration)?;
    }

    let edits = click_until_edited(host.as_mut())?;
    player.finish()?;
    let usage = (early, late);
    let openings_between = options.cycles.saturating_sub(WARM_UP_CYCLES);
    Ok(DrillReport { without, with, usage, openings_between, fewest_colours, edits })
}

impl DrillReport {
    /// Says what is not as it must be.
    ///
    /// # Errors
    /// When the editor leaks, drew nothing, did not answer a click, or cost late blocks.
    pub fn check(&self) -> Result<()> {
        let (early, late) = &self.usage;
        let allocated = early.allocated_bytes.zip(late.allocated_bytes);
        let left = allocated.map_or(0, |(early, late)| late.saturating_sub(early));
        let limit = MAX_LEFT_PER_OPENING * self.openings_between.max(10) as u64;
        if left > limit {
            bail!("{left} more bytes are allocated at the end, expected at most {limit}");
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
        if self.fewest_colours < MIN_COLOURS {
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
        "  after {} and at the end: allocated {:.1} and {:.1} MB; in memory {:.1} and {:.1} MB; threads \
         {} and {}; files {} and {}",
        WARM_UP_CYCLES.min(options.cycles),
        mb(early.allocated_bytes.unwrap_or(0)),
        mb(late.allocated_bytes.unwrap_or(0)),
        mb(early.resident_bytes),
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

/// Plays for a time with no editor open.
fn played_without(
    host: &mut dyn HeadlessHost,
    player: &Player,
    duration: Duration,
) -> Result<Playing> {
    let (begin, late_before) = (Instant::now(), late_blocks(host)?);
    while begin.elapsed() < duration {
        turn(host);
    }
    Ok(summed(player, duration, late_blocks(host)? - late_before))
}

/// What is used with no editor open, once it is no more than `early`; a window's thread may end a little
/// after the window. What is used after a while is what stays.
fn settled_usage(host: &mut dyn HeadlessHost, early: &Usage) -> Result<Usage> {
    let is_settled = |usage: &Usage| {
        usage.num_threads <= early.num_threads && usage.num_files <= early.num_files
    };
    watch(host, SETTLING, |_| Usage::now(), is_settled)
}

/// Opens an editor, resizes it and closes it; returns the colours that it showed.
fn one_cycle(host: &mut dyn HeadlessHost, cycle: usize) -> Result<usize> {
    let window = HostWindow::open((1300, 1100), (0, 0))?;
    let size = host.editor().open_editor(window.id())?;
    look(host, 2 * LOOK);
    for wanted in SIZES {
        let given = host.editor().resize_editor(wanted)?;
        look(host, LOOK);
        let has_it = |found: &Option<Size>| *found == Some(given);
        let found = watch(host, PATIENCE, |_| window.child_size(), has_it)?;
        if found != Some(given) {
            bail!("cycle {cycle}: the editor is {found:?} in size, expected {given:?}");
        }
    }
    let colours = wait_for_colours(host, &window, size)?;
    host.editor().close_editor();
    look(host, LOOK);
    let left = watch(host, PATIENCE, |_| window.children(), Vec::is_empty)?;
    if !left.is_empty() {
        bail!("cycle {cycle}: a closed editor left a window behind");
    }
    Ok(colours)
}

/// Waits a while for the editor to have drawn something; returns the colours in it.
fn wait_for_colours(host: &mut dyn HeadlessHost, window: &HostWindow, size: Size) -> Result<usize> {
    watch(host, PATIENCE, |_| window.num_colours(size), |&colours| colours >= MIN_COLOURS)
}

/// Clicks here and there below the header of an open editor until a parameter has been edited.
fn click_until_edited(host: &mut dyn HeadlessHost) -> Result<Edits> {
    let window = HostWindow::open((1300, 1100), (0, 0))?;
    let size = host.editor().open_editor(window.id())?;
    wait_for_colours(host, &window, size)?;
    let (width, height) = size;
    'clicks: for y in (FIRST_CLICK..height).step_by(CLICK_STEP) {
        for column in 1..6 {
            window.click((width * column / 6) as i16, y as i16)?;
            look(host, 2 * LOOK);
            if host.editor().edits().performed > 0 {
                break 'clicks;
            }
        }
    }
    // The last clicks, and the end of their gestures, may be under way.
    look(host, 10 * LOOK);
    edits_when_ended(host)?;
    host.editor().close_editor();
    edits_when_ended(host)
}

/// What was edited, once every gesture that has begun has ended.
fn edits_when_ended(host: &mut dyn HeadlessHost) -> Result<Edits> {
    watch(host, PATIENCE, |host| Ok(host.editor().edits()), |edits| edits.ended >= edits.begun)
}

/// `look_until` with a turn of the host's event loop before each look.
fn watch<T>(
    host: &mut dyn HeadlessHost,
    patience: Duration,
    mut look: impl FnMut(&mut dyn HeadlessHost) -> Result<T>,
    is_wanted: impl Fn(&T) -> bool,
) -> Result<T> {
    let turn_and_look = || {
        turn(host);
        look(host)
    };
    look_until(patience, turn_and_look, is_wanted)
}

fn summed(player: &Player, duration: Duration, late_blocks: u64) -> Playing {
    let mut playing = player.take();
    playing.callbacks_us.sort_by(f64::total_cmp);
    Playing { seconds: duration.as_secs_f64(), late_blocks, ..playing }
}
