//! Buttons and rows of buttons of which one is chosen.

use egui::{Align2, Color32, Id, Rect, Response, Role, Sense, Ui, WidgetInfo};

use super::{ROUND, fill, focus_ring, outline, put, take_focus};
use crate::draw::Draw;
use crate::theme;

/// How a button looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Whether it is in.
    pub is_on: bool,
    /// Back and front while it is in; the accent's, where there are none.
    pub colours: Option<(Color32, Color32)>,
    /// Size of its text.
    pub size: f32,
}

impl Look {
    /// A button with a text of usual size.
    pub fn of(is_on: bool) -> Self {
        Self { is_on, colours: None, size: 13.5 }
    }

    /// In another colour while it is in.
    pub fn colours(self, back: Color32, front: Color32) -> Self {
        Self { colours: Some((back, front)), ..self }
    }
}

/// A button with `text`, known to screen readers as `name`; whether it was pressed.
pub(crate) fn button(
    ui: &Ui,
    d: &mut Draw<'_>,
    rect: Rect,
    (text, name): (&str, &str),
    look: Look,
) -> Response {
    let response = ui.interact(rect, Id::unique(("button", name)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), look.is_on, name));
    take_focus(&response);
    let painter = ui.painter();
    let colours = d.colours;
    let (back, front) = match look.colours {
        Some(of_look) if look.is_on => of_look,
        _ if look.is_on => (colours.accent, colours.on_accent),
        _ => (fill(ui, d, &response), colours.text),
    };
    painter.rect_filled(rect, ROUND, back);
    if !look.is_on {
        outline(painter, d, rect);
    }
    let font = if look.is_on { theme::strong(look.size) } else { theme::plain(look.size) };
    put(painter, rect.shrink2(egui::vec2(4.0, 2.0)), Align2::CENTER_CENTER, text, font, front);
    focus_ring(painter, d, &response, rect);
    response
}

/// A row in which one choice is taken: texts with their tooltips. The index of a new choice.
///
/// Screen readers hear the row's `name` before each text, where it has one.
pub(crate) fn segmented(
    ui: &Ui,
    d: &mut Draw<'_>,
    rect: Rect,
    (name, chosen): (&str, usize),
    choices: &[(&str, &str)],
    size: f32,
) -> Option<usize> {
    let colours = d.colours;
    ui.painter().rect_filled(rect, ROUND, colours.raised);
    let width = rect.width() / choices.len() as f32;
    let mut pressed = None;
    for (index, (text, hint)) in choices.iter().enumerate() {
        let left = rect.left() + width * index as f32;
        let cell =
            Rect::from_min_size(egui::pos2(left, rect.top()), egui::vec2(width, rect.height()));
        let response =
            ui.interact(cell, Id::unique(("choice", text, choices[0].0)), Sense::click());
        let is_on = index == chosen;
        response.widget_info(|| {
            let label =
                if name.is_empty() { (*text).to_owned() } else { format!("{name}: {text}") };
            WidgetInfo::selected(Role::RadioButton, true, is_on, label)
        });
        take_focus(&response);
        let painter = ui.painter();
        let front = if is_on {
            painter.rect_filled(cell.shrink(2.0), ROUND - 1.0, colours.accent);
            colours.on_accent
        } else {
            if response.hovered() {
                painter.rect_filled(cell.shrink(2.0), ROUND - 1.0, colours.hovered);
            }
            colours.text
        };
        let font = if is_on { theme::strong(size) } else { theme::plain(size) };
        put(painter, cell.shrink2(egui::vec2(3.0, 0.0)), Align2::CENTER_CENTER, text, font, front);
        focus_ring(painter, d, &response, cell.shrink(2.0));
        if response.on_hover_text(*hint).clicked() && !is_on {
            pressed = Some(index);
        }
    }
    outline(ui.painter(), d, rect);
    pressed
}
