//! One open window: a view in, actions out, once a frame.

use std::sync::Arc;
use std::time::Duration;

use egui::Context;
use nice_plug::context::gui::GuiContext;
use nice_plug_egui::baseview::{HandlerError, WindowSize};
use nice_plug_egui::{Frame, Key, KeyCapture, NiceEguiApp};
use soloist_editor::{EditorState, draw};

use super::apply::apply;
use super::jobs::Jobs;
use super::view::Viewer;
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
    captures_all: Option<bool>,
}

impl App {
    /// A window's contents; `scale` is kept.
    pub fn new(
        title: &'static str,
        params: Arc<SoloistParams>,
        links: EditorLinks,
        jobs: Arc<Jobs>,
        scale: Arc<DisplayScale>,
    ) -> Self {
        let viewer = Viewer::new(title, Arc::clone(&params), links.clone(), Arc::clone(&jobs));
        jobs.link(links);
        let state = EditorState::default();
        Self { params, jobs, scale, viewer, state, host: None, captures_all: None }
    }

    /// Keys that the window does not answer are the host's, but while text is edited all are the
    /// window's.
    fn share_keys(&mut self, context: &Context, frame: &mut Frame) {
        let edits_text = context.text_edit_focused();
        if self.captures_all != Some(edits_text) {
            self.captures_all = Some(edits_text);
            frame.set_key_capture(if edits_text {
                KeyCapture::CaptureAll
            } else {
                KeyCapture::CaptureKeys(own_keys())
            });
        }
    }
}

/// The window's own keys under the names that its events have.
fn own_keys() -> Vec<Key> {
    let of_key = |key: &egui::Key| {
        let name = format!("{key:?}");
        let written = name.strip_prefix("Num").unwrap_or(&name);
        if written.len() == 1 {
            Some(Key::Character(written.to_ascii_lowercase()))
        } else {
            written.parse().ok()
        }
    };
    soloist_editor::KEYS.iter().filter_map(of_key).collect()
}

impl NiceEguiApp for App {
    fn build(
        &mut self,
        context: Context,
        host: GuiContext,
        _frame: &mut Frame,
    ) -> Result<(), HandlerError> {
        soloist_editor::theme::install_fonts(&context);
        self.host = Some(host);
        self.captures_all = None;
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut Frame) {
        let Some(host) = self.host.clone() else { return };
        let now = ui.input(|input| input.time);
        let view = self.viewer.view(&mut self.state, now);
        let actions = draw(ui, &view, &mut self.state);
        apply(&actions, &self.params, &host.param_setter(), &self.jobs);
        self.share_keys(ui.ctx(), frame);
        let wait = if self.viewer.is_moving(now) { MOVING } else { RESTING };
        ui.ctx().request_repaint_after(wait);
    }

    fn resized(&mut self, size: WindowSize) {
        let (width, height) = (size.logical.width.round(), size.logical.height.round());
        self.scale.store(size.scale_factor);
        self.params.editor_size.store(width as u32, height as u32);
    }
}

impl Drop for App {
    /// A gesture that the window's end interrupts must not stay open in the host.
    fn drop(&mut self) {
        if let Some(host) = self.host.take() {
            apply(&self.state.close(), &self.params, &host.param_setter(), &self.jobs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_window_has_a_name_among_the_events() {
        let keys = own_keys();
        assert_eq!(keys.len(), soloist_editor::KEYS.len(), "{keys:?}");
        assert!(keys.contains(&Key::Character("1".to_owned())));
        assert!(keys.contains(&Key::Character("a".to_owned())));
        assert!(keys.contains(&"ArrowUp".parse().unwrap()));
        assert!(!keys.contains(&Key::Character(" ".to_owned())), "space is the host's");
    }
}
