//! What takes the place of the picture: models, capture, health.

mod capture;
mod health;
mod models;
mod path;

pub(crate) use capture::capture;
pub(crate) use health::health;
pub(crate) use models::models;

use egui::{
    Color32, CornerRadius, Frame, Margin, Rect, Response, RichText, ScrollArea, Ui, UiBuilder,
};

use crate::draw::Draw;
use crate::theme;
use crate::view::Message;
use crate::widgets::ROUND;

/// A panel over `rect` whose contents scroll when they are too high.
fn panel(ui: &mut Ui, d: &mut Draw<'_>, rect: Rect, contents: impl FnOnce(&mut Ui, &mut Draw<'_>)) {
    ui.painter().rect_filled(rect, ROUND + 2.0, d.colours.panel);
    let inner = rect.shrink2(egui::vec2(14.0, 10.0));
    ui.scope_builder(UiBuilder::new().max_rect(inner), |ui| {
        ui.set_clip_rect(inner.expand(3.0).intersect(ui.clip_rect()));
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            ui.set_max_width(inner.width() - 12.0);
            contents(ui, d);
        });
    });
}

/// A panel's or a section's name.
fn heading(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::strong(16.0)));
}

/// Text that steps back.
fn weak(ui: &mut Ui, d: &Draw<'_>, text: impl Into<String>) -> Response {
    ui.label(RichText::new(text).size(13.0).color(d.colours.weak))
}

/// A raised group.
fn card(ui: &mut Ui, fill: Color32, contents: impl FnOnce(&mut Ui)) -> Response {
    let frame = Frame::new()
        .fill(fill)
        .corner_radius(CornerRadius::same(ROUND as u8))
        .inner_margin(Margin::symmetric(12, 9));
    frame
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            contents(ui);
        })
        .response
}

/// What is being done, or how it ended.
fn outcome(ui: &mut Ui, d: &Draw<'_>, busy: Option<&str>, message: Option<&Message>) {
    if let Some(words) = busy {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(words);
        });
    } else if let Some(message) = message {
        let colour = if message.is_good { d.colours.good } else { d.colours.error };
        ui.label(RichText::new(&message.text).color(colour));
    }
}
