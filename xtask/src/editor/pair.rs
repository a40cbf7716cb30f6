//! The editors of two plugins at once, in one process.

use std::time::Duration;

use anyhow::{Result, bail};

use super::patience::{PATIENCE, look_until};
use super::playing::TURN;
use super::window::HostWindow;
use crate::host::{Format, Product, load_product};
use crate::paths::Bundles;

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
    let colours = || {
        first.editor().idle();
        second.editor().idle();
        std::thread::sleep(TURN);
        Ok([windows[0].num_colours(size)?, windows[1].num_colours(size)?])
    };
    let colours = look_until(PATIENCE, colours, |colours| colours.iter().all(|&some| some >= 4))?;
    if colours.iter().any(|&some| some < 4) {
        bail!("the two editors show {colours:?} colours, expected more");
    }
    let given = first.editor().resize_editor((900, 700))?;
    let frames = frames_of_a_second(&windows[1])?;
    if frames == 0 {
        bail!("the second editor stands still while the first is resized");
    }
    let found = || {
        first.editor().idle();
        std::thread::sleep(TURN);
        windows[0].child_size()
    };
    let found = look_until(PATIENCE, found, |found| *found == Some(given))?;
    if found != Some(given) {
        bail!("the first editor is {found:?} in size, expected {given:?}");
    }
    first.editor().close_editor();
    drop(first);
    let frames_after = frames_of_a_second(&windows[1])?;
    if frames_after == 0 {
        bail!("the second editor stands still since the first plugin is gone");
    }
    second.editor().close_editor();
    println!(
        "two editors at once: {colours:?} colours; the second drew {frames} frames a second while the \
         first was resized, {frames_after} after it had gone"
    );
    Ok(())
}

/// Frames that are drawn in a second: the first second in which there are some.
fn frames_of_a_second(window: &HostWindow) -> Result<usize> {
    look_until(PATIENCE, || window.count_frames(Duration::from_secs(1)), |&frames| frames > 0)
}
