//! One open window: a view in, actions out, once a frame.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use baseview::WindowSize;
use egui::Context;
use nice_plug::context::gui::GuiContext;
use soloist_editor::{EditorState, draw};

use super::apply::apply;
use super::jobs::Jobs;
use super::view::Viewer;
use super::windows::Windows;
use super::{DisplayScale, EditorLinks};
use crate::params::SoloistParams;

/// While sound moves: with the frame time that egui takes off, the screen's next refresh but not
/// more than about 70 a second.
const MOVING: Duration = Duration::from_millis(28);

/// While nothing moves.
const RESTING: Duration = Duration::from_millis(100);

/// One open window.
pub struct App {
    params: Arc<SoloistParams>,
    jobs: Arc<Jobs>,
    scale: Arc<DisplayScale>,
    viewer: Viewer,
    state: EditorState,
    host: Option<GuiContext>,
    windows: Arc<Windows>,
}

impl App {
    /// A window's contents; `scale` is kept.
    pub fn new(
        title: &'static str,
        params: Arc<SoloistParams>,
        links: EditorLinks,
        jobs: Arc<Jobs>,
        scale: Arc<DisplayScale>,
        windows: Arc<Windows>,
    ) -> Self {
        let viewer = Viewer::new(title, Arc::clone(&params), links.clone(), Arc::clone(&jobs));
        jobs.link(links);
        let state = EditorState::default();
        Self { params, jobs, scale, viewer, state, host: None, windows }
    }

    /// The window is there: what is drawn in `context` reaches `host`.
    pub fn begin(&mut self, context: &Context, host: GuiContext) {
        self.windows.open_on_this_thread();
        soloist_editor::theme::install_fonts(context);
        self.host = Some(host);
    }

    /// Draws a frame and does what it asks for.
    pub fn ui(&mut self, ui: &mut egui::Ui) {
        let Some(host) = &self.host else { return };
        let now = ui.input(|input| input.time);
        let view = self.viewer.view(&mut self.state, now);
        let actions = draw(ui, &view, &mut self.state);
        apply(&actions, &self.params, &host.param_setter(), &self.jobs);
        let wait = if self.viewer.is_moving(now) { MOVING } else { RESTING };
        ui.ctx().request_repaint_after(wait);
    }

    /// The window has another size, which the session keeps.
    pub fn resized(&self, size: WindowSize) {
        let (width, height) = (size.logical.width.round(), size.logical.height.round());
        self.scale.store(size.scale_factor);
        self.params.editor_size.store(width as u32, height as u32);
    }

    /// Files are held over the window, or no more.
    pub fn hover_files(&mut self, are_there: bool) {
        self.state.hover_files(are_there);
    }

    /// Files were dropped on the window.
    pub fn drop_files(&mut self, paths: &[PathBuf]) {
        self.state.drop_files(paths);
    }
}

impl Drop for App {
    /// A gesture that the window's end interrupts must not stay open in the host, nor a comparison
    /// that nobody could see any more.
    fn drop(&mut self) {
        self.params.dry_latch.store(false, Ordering::Relaxed);
        if let Some(host) = self.host.take() {
            apply(&self.state.close(), &self.params, &host.param_setter(), &self.jobs);
        }
    }
}
