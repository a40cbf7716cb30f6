//! What the tests and the pictures for the documentation have in common.

// Each test uses a part of it.
#![allow(dead_code)]

pub mod raster;
pub mod song;
pub mod states;

use egui_kittest::Harness;
use soloist_editor::{Action, EditorState, Theme, View, draw};

use raster::Raster;

/// A window without a host: a view, the window's state and what the user asked for so far.
pub struct Window {
    pub view: View,
    pub state: EditorState,
    pub actions: Vec<Action>,
}

/// How a window is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub width: f32,
    pub height: f32,
    pub scale: f32,
}

/// A window as it is when it opens first.
pub const USUAL: Shape = Shape { width: 960.0, height: 640.0, scale: 1.0 };

/// Opens `view` with a spectrogram of the song that has been playing.
pub fn open(view: View, shape: Shape) -> Harness<'static, Window> {
    let mut state = EditorState::default();
    song::play(&view, &mut state);
    open_with(view, state, shape)
}

/// Opens `view` with a state of the window.
pub fn open_with(view: View, state: EditorState, shape: Shape) -> Harness<'static, Window> {
    let theme = match view.theme {
        Theme::Dark => egui::Theme::Dark,
        Theme::Light => egui::Theme::Light,
    };
    let window = Window { view, state, actions: Vec::new() };
    Harness::builder()
        .with_size([shape.width, shape.height])
        .with_pixels_per_point(shape.scale)
        .with_theme(theme)
        .with_max_steps(8)
        .with_render_cursor(false)
        .with_context_setup(soloist_editor::theme::install_fonts)
        .renderer(Raster::default())
        .build_ui_state(
            |ui, window: &mut Window| {
                // The harness leaves a margin that a plugin's window does not have.
                let whole = ui.ctx().content_rect();
                ui.scope_builder(egui::UiBuilder::new().max_rect(whole), |ui| {
                    ui.set_clip_rect(whole);
                    let actions = draw(ui, &window.view, &mut window.state);
                    window.actions.extend(actions);
                });
            },
            window,
        )
}
