//! The controls, each over a rectangle that its panel chose.

mod button;
mod dial;
mod entry;
mod fader;
mod handle;
mod text;

pub(crate) use button::{Look, button, segmented};
pub(crate) use dial::dial;
pub(crate) use entry::entry;
pub(crate) use fader::{fader, slider};
pub(crate) use text::{put, put_wrapped, width_of};

use egui::{Color32, Painter, Rect, Response, Stroke, StrokeKind, Ui};

use crate::draw::Draw;

/// Corners of everything that can be pressed.
pub(crate) const ROUND: f32 = 6.0;

/// A ring around what the keyboard is at.
pub(crate) fn focus_ring(painter: &Painter, d: &Draw<'_>, response: &Response, rect: Rect) {
    if d.state.uses_keys && response.has_focus() {
        let stroke = Stroke::new(2.0, d.colours.text);
        painter.rect_stroke(rect.expand(2.0), ROUND + 2.0, stroke, StrokeKind::Middle);
    }
}

/// Whoever is pressed gets the keyboard, so that keys do what the user looks at.
pub(crate) fn take_focus(response: &Response) {
    // A quick click begins and ends within a frame.
    let is_pressed = response.is_pointer_button_down_on() || response.clicked();
    if is_pressed && !response.has_focus() {
        response.request_focus();
    }
}

/// The fill of something that can be pressed.
pub(crate) fn fill(ui: &Ui, d: &Draw<'_>, response: &Response) -> Color32 {
    if ui.is_enabled() && (response.hovered() || response.is_pointer_button_down_on()) {
        d.colours.hovered
    } else {
        d.colours.raised
    }
}

/// The edge of something that can be pressed.
pub(crate) fn outline(painter: &Painter, d: &Draw<'_>, rect: Rect) {
    painter.rect_stroke(rect, ROUND, Stroke::new(1.0, d.colours.line), StrokeKind::Inside);
}
