//! The editors of two plugins at once, in one process.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

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
    let mut look = |span: Duration| {
        let begin = Instant::now();
        while begin.elapsed() < span {
            first.editor().idle();
            second.editor().idle();
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    look(Duration::from_secs(1));
    let mut colours = [0; 2];
    for (window, colours) in windows.iter().zip(&mut colours) {
        *colours = window.num_colours(size)?;
    }
    if colours.iter().any(|&colours| colours < 4) {
        bail!("the two editors show {colours:?} colours, expected more");
    }
    let given = first.editor().resize_editor((900, 700))?;
    let frames = windows[1].count_frames(Duration::from_secs(1))?;
    if frames == 0 {
        bail!("the second editor stands still while the first is resized");
    }
    if windows[0].child_size()? != Some(given) {
        bail!("the first editor did not take on its size");
    }
    first.editor().close_editor();
    drop(first);
    let frames_after = windows[1].count_frames(Duration::from_secs(1))?;
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
