//! The window itself: baseview's, with egui in it, drawn by OpenGL.
//!
//! nice-plug-egui would do but for one thing: it keeps files that are dropped on the window to itself,
//! and models are installed by dropping them.

mod gl;
mod handler;
mod host;
mod input;

use std::error::Error;

use baseview::dpi::{LogicalSize, Size};
use baseview::gl::GlConfig;
use baseview::{Window, WindowSettings};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::NativeSize;
use nice_plug::editor::{
    EditorHandle, HostMethods, Modifiers, ParentWindowHandle, ResizeHint, SpawnedEditor,
    VirtualKeyCode,
};
use soloist_editor::MIN_SIZE;

use super::app::App;
use handler::Handler;

/// How a window opens.
pub struct Opening {
    /// What the system may show of it.
    pub title: &'static str,
    /// Width and height in logical pixels.
    pub size: LogicalSize<f64>,
    /// What a host may do to the size.
    pub resize_hint: ResizeHint,
    /// The host's window.
    pub parent: Option<ParentWindowHandle>,
    /// Whether there will be one.
    pub wait_for_parent: bool,
    /// Where the system names no scale.
    pub fallback_scale_factor: Option<f64>,
}

/// Opens a window that shows `app`.
///
/// # Errors
/// When the system gives no window or no OpenGL.
pub fn open(
    opening: Opening,
    app: App,
    context: GuiContext,
    host: Option<HostMethods>,
) -> Result<SpawnedEditor<Handle>, Box<dyn Error>> {
    let min_size = LogicalSize::new(f64::from(MIN_SIZE.x), f64::from(MIN_SIZE.y));
    let mut settings = WindowSettings::new()
        .with_title(opening.title)
        .with_size(opening.size)
        .with_min_size::<Size>(Some(min_size.into()))
        .with_resizable(true)
        .with_wait_for_parent(opening.wait_for_parent)
        .with_fallback_scale_factor(opening.fallback_scale_factor)
        .with_gl_config(Some(GlConfig::default()));
    settings.parent = opening.parent.as_ref().map(baseview::ParentWindowHandle::from_window);
    let build = move |window| Handler::new(window, app, context);
    let window = Window::create_with_host(settings, build, host.map(host::adapt))?;
    Ok(SpawnedEditor { handle: Handle { resize_hint: opening.resize_hint }, window })
}

/// What the host moves the window by.
pub struct Handle {
    resize_hint: ResizeHint,
}

impl EditorHandle for Handle {
    type Window = Window;
    type Error = baseview::Error;

    fn run_until_closed(window: Window) -> Result<(), Self::Error> {
        window.run_until_closed()
    }

    fn set_parent(&self, parent: ParentWindowHandle, window: &Window) -> Result<(), Self::Error> {
        window.set_parent(baseview::ParentWindowHandle::from_window(&parent))
    }

    fn show(&self, window: &Window) -> Result<(), Self::Error> {
        let shown = window.show();
        // No event tells the window of it.
        window.waker().request_redraw();
        shown
    }

    fn hide(&self, window: &Window) -> Result<(), Self::Error> {
        window.hide()
    }

    fn set_size(&self, size: NativeSize<u32>, window: &Window) -> Result<(), Self::Error> {
        window.resize(size)
    }

    fn host_main_thread_callback(&self, window: &Window) {
        window.host_main_thread_callback();
    }

    fn adjust_size(&self, size: NativeSize<u32>, window: &Window) -> Option<NativeSize<u32>> {
        let now = window.size();
        let current = NativeSize::from_logical_or_physical(now.logical, now.physical);
        Some(self.resize_hint.adjust_size(size, current, now.scale_factor))
    }

    fn set_fallback_scale_factor(&self, scale: f64, window: &Window) -> Result<(), Self::Error> {
        window.suggest_fallback_scale_factor(scale)
    }

    fn on_virtual_key_from_host(&self, _: VirtualKeyCode, _: bool, _: Modifiers) -> bool {
        // The window's own keyboard events are enough where hosts hand them on.
        false
    }

    // The window reads all values anew ten times a second at least.

    fn param_value_changed(&self, _id: &str, _normalized_value: f32) {}

    fn param_modulation_changed(&self, _id: &str, _modulation_offset: f32) {}
}
