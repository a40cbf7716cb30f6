//! A host's window for an editor to live in, and a pointer to click with.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt, CreateWindowAux, EventMask,
    MOTION_NOTIFY_EVENT, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::host::editor::Size;

/// Time that a button is held.
const CLICK: Duration = Duration::from_millis(60);

/// A plain window, shown at a place of the screen.
pub struct HostWindow {
    connection: RustConnection,
    root: Window,
    window: Window,
    place: (i16, i16),
}

impl HostWindow {
    /// Opens one of `size` with its upper left corner at `place`.
    ///
    /// # Errors
    /// When there is no display, or it refuses.
    pub fn open(size: Size, place: (i16, i16)) -> Result<Self> {
        let (connection, screen) = x11rb::connect(None)
            .context("there is no X display (DISPLAY): the editor cannot be opened")?;
        let screen = &connection.setup().roots[screen];
        let (root, window) = (screen.root, connection.generate_id()?);
        let look = CreateWindowAux::new()
            .background_pixel(screen.black_pixel)
            .event_mask(EventMask::STRUCTURE_NOTIFY)
            .override_redirect(1);
        let (width, height) = (size.0 as u16, size.1 as u16);
        let (x, y) = place;
        connection
            .create_window(
                x11rb::COPY_DEPTH_FROM_PARENT,
                window,
                root,
                x,
                y,
                width,
                height,
                0,
                WindowClass::INPUT_OUTPUT,
                x11rb::COPY_FROM_PARENT,
                &look,
            )?
            .check()?;
        connection.map_window(window)?.check()?;
        Ok(Self { connection, root, window, place })
    }

    /// The number by which the plugin knows it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.window
    }

    /// Windows inside of it.
    ///
    /// # Errors
    /// When the display is gone.
    pub fn children(&self) -> Result<Vec<u32>> {
        Ok(self.connection.query_tree(self.window)?.reply()?.children)
    }

    /// Size of the first window inside of it; `None` where there is none.
    ///
    /// # Errors
    /// When the display is gone.
    pub fn child_size(&self) -> Result<Option<Size>> {
        let Some(&child) = self.children()?.first() else { return Ok(None) };
        let geometry = self.connection.get_geometry(child)?.reply()?;
        Ok(Some((geometry.width.into(), geometry.height.into())))
    }

    /// Clicks at a place inside the window, in pixels from its upper left corner.
    ///
    /// # Errors
    /// When the display has no XTEST extension or is gone.
    pub fn click(&self, x: i16, y: i16) -> Result<()> {
        let (x, y) = (self.place.0 + x, self.place.1 + y);
        self.fake(MOTION_NOTIFY_EVENT, 0, x, y)?;
        std::thread::sleep(CLICK);
        self.fake(BUTTON_PRESS_EVENT, 1, x, y)?;
        std::thread::sleep(CLICK);
        self.fake(BUTTON_RELEASE_EVENT, 1, x, y)
    }

    fn fake(&self, kind: u8, detail: u8, x: i16, y: i16) -> Result<()> {
        self.connection
            .xtest_fake_input(kind, detail, x11rb::CURRENT_TIME, self.root, x, y, 0)?
            .check()
            .context("the display takes no injected input")
    }

    /// Colours that the window's content has, as many as there are at places of a coarse grid.
    ///
    /// # Errors
    /// When the display is gone.
    pub fn num_colours(&self, (width, height): Size) -> Result<usize> {
        use x11rb::protocol::xproto::ImageFormat;
        let (width, height) = (width as u16, height as u16);
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, self.window, 0, 0, width, height, u32::MAX)?
            .reply()?;
        let mut colours: Vec<&[u8]> = image.data.chunks_exact(4).step_by(7).collect();
        colours.sort_unstable();
        colours.dedup();
        Ok(colours.len())
    }

    /// Frames that the editor draws in `span`.
    ///
    /// # Errors
    /// When the display has no DAMAGE extension or is gone.
    pub fn count_frames(&self, span: Duration) -> Result<usize> {
        let child = *self.children()?.first().context("no editor is open")?;
        self.connection.damage_query_version(1, 1)?.reply()?;
        let damage = self.connection.generate_id()?;
        let level = damage::ReportLevel::RAW_RECTANGLES;
        self.connection.damage_create(damage, child, level)?.check()?;
        let begin = Instant::now();
        // A frame may come in strips: what has one time stamp of the server is one.
        let (mut num_frames, mut last) = (0, None);
        while begin.elapsed() < span {
            while let Some(event) = self.connection.poll_for_event()? {
                if let Event::DamageNotify(event) = event
                    && last.replace(event.timestamp) != Some(event.timestamp)
                {
                    num_frames += 1;
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.connection.damage_destroy(damage)?.check()?;
        Ok(num_frames)
    }
}

impl Drop for HostWindow {
    fn drop(&mut self) {
        // Where the display is gone the window is, too.
        let _ = self.connection.destroy_window(self.window).map(|cookie| cookie.check());
    }
}
