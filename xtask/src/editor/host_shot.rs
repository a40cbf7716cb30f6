//! A picture of the editor in a host that others have made: DawDreamer, on a virtual display.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt, ImageFormat, Window};
use x11rb::rust_connection::RustConnection;

use super::display::Display;
use crate::checks::python_command;
use crate::paths::workspace_root;
use crate::setup::setup;

/// Title of the window that DawDreamer opens.
const TITLE: &str = "DawDreamer";

/// Time for the window to come, and for sound to fill what it shows.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(15);

/// A program that is ended with its guard.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself needs no end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the picture lies, from the workspace's root.
const PICTURE: &str = "docs/images/editor-dawdreamer.png";

/// Writes a picture (PNG) of the window that DawDreamer opens for the bundled VST3, with the frame of
/// a window manager (openbox) where that is installed. Returns its path.
///
/// # Errors
/// When a display, the Python hosts or the bundle are missing, or no window comes.
pub fn host_shot() -> Result<PathBuf> {
    setup()?;
    let display = Display::start()?;
    let mut manager = Command::new("openbox");
    manager.env("DISPLAY", display.name()).stderr(Stdio::null());
    let manager = manager.spawn().map(Running);
    if manager.is_err() {
        println!("openbox is not installed: the window has no frame");
    }
    let mut script = python_command("editor_in_dawdreamer.py")?;
    script.env("DISPLAY", display.name()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut host = Running(script.spawn().context("could not start Python")?);
    let mut words = String::new();
    let output = host.0.stdout.take().context("the output was piped")?;
    BufReader::new(output).read_line(&mut words)?;
    if words.trim() != "open" {
        bail!("DawDreamer did not load the plugin");
    }
    let (connection, screen) = x11rb::connect(Some(display.name()))?;
    let root = connection.setup().roots[screen].root;
    let begin = Instant::now();
    while titled(&connection, root)?.is_none() {
        if begin.elapsed() > PATIENCE {
            bail!("DawDreamer opened no window in {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(LOOK);
    let window = titled(&connection, root)?.context("DawDreamer's window is gone")?;
    let path = workspace_root().join(PICTURE);
    write_picture(&connection, root, frame_of(&connection, root, window)?, &path)?;
    Ok(path)
}

/// The window with the host's title, wherever it is.
fn titled(connection: &RustConnection, window: Window) -> Result<Option<Window>> {
    let name = connection
        .get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256)?
        .reply()
        .map(|name| name.value)
        .unwrap_or_default();
    if String::from_utf8_lossy(&name).starts_with(TITLE) {
        return Ok(Some(window));
    }
    let Ok(tree) = connection.query_tree(window)?.reply() else { return Ok(None) };
    for child in tree.children {
        if let Some(found) = titled(connection, child)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The outermost window around `window`.
fn frame_of(connection: &RustConnection, root: Window, window: Window) -> Result<Window> {
    let parent = connection.query_tree(window)?.reply()?.parent;
    if parent == root { Ok(window) } else { frame_of(connection, root, parent) }
}

/// Writes what the screen shows where `window` is.
fn write_picture(
    connection: &RustConnection,
    root: Window,
    window: Window,
    path: &Path,
) -> Result<()> {
    let place = connection.get_geometry(window)?.reply()?;
    let (x, y, width, height) = (place.x.max(0), place.y.max(0), place.width, place.height);
    let image = connection
        .get_image(ImageFormat::Z_PIXMAP, root, x, y, width, height, u32::MAX)?
        .reply()
        .context("the window is not whole on the screen")?;
    let pixels = image.data.chunks_exact(4);
    let rgb: Vec<u8> = pixels.flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width.into(), height.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.write_header()?.write_image_data(&rgb)?;
    Ok(())
}
