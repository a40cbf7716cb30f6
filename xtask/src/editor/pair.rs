//! The editors of two plugins at once, in one process.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::window::HostWindow;
use crate::host::{Format, Product, load_product};
use crate::paths::Bundles;

/// Longest that something may take that has to come: a machine may be busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens the editors of both plugins, one in each format, side by side; lets both draw, resizes one
/// while the other draws on, and closes them in the order in which they were opened.
///
/// # Errors
/// When one does not draw, or does not bear the other.
pub fn pair(bundles: &Bundles) -> Result<()> {
    let mut first = load_product(Format::Clap, bundles, Product::Soloist)?;
    let mut second = load_product(Format::Vst3, bundles, Product::Multi)?;
    let windows =
        [HostWindow::open((1200, 1000), (0, 0))?, HostWindow::open((1200, 1000), (1250, 0))?];
    let size = first.editor().open_editor(windows[0].id())?;
    second.editor().open_editor(windows[1].id())?;
    let (begin, mut colours) = (Instant::now(), [0; 2]);
    while colours.iter().any(|&colours| colours < 4) {
        if begin.elapsed() > PATIENCE {
            bail!("the two editors show {colours:?} colours, expected more");
        }
        first.editor().idle();
        second.editor().idle();
        std::thread::sleep(Duration::from_millis(10));
        for (window, colours) in windows.iter().zip(&mut colours) {
            *colours = window.num_colours(size)?;
        }
    }
    let given = first.editor().resize_editor((900, 700))?;
    let Some(frames) = frames_within_patience(&windows[1])? else {
        bail!("the second editor stands still while the first is resized");
    };
    let begin = Instant::now();
    while windows[0].child_size()? != Some(given) {
        if begin.elapsed() > PATIENCE {
            bail!("the first editor did not take on its size");
        }
        first.editor().idle();
        std::thread::sleep(Duration::from_millis(10));
    }
    first.editor().close_editor();
    drop(first);
    let Some(frames_after) = frames_within_patience(&windows[1])? else {
        bail!("the second editor stands still since the first plugin is gone");
    };
    second.editor().close_editor();
    println!(
        "two editors at once: {colours:?} colours; the second drew {frames} frames a second while the \
         first was resized, {frames_after} after it had gone"
    );
    Ok(())
}

/// Frames that are drawn in a second: the first second in which there are some.
fn frames_within_patience(window: &HostWindow) -> Result<Option<usize>> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let frames = window.count_frames(Duration::from_secs(1))?;
        if frames > 0 {
            return Ok(Some(frames));
        }
    }
    Ok(None)
}
