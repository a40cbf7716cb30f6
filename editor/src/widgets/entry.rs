//! A value as text, which becomes a text field when it is clicked.

use egui::{Align2, CursorIcon, FontId, Id, Key, Rect, Role, Sense, TextEdit, Ui, WidgetInfo};

use super::{ROUND, focus_ring, put, width_of};
use crate::action::{Action, Param};
use crate::draw::Draw;
use crate::view::Value;

/// A second click within this time of the first is a double click: it resets, in seconds.
const DOUBLE_CLICK_S: f64 = 0.4;

/// Shows `value` inside `rect`, and takes another one in.
pub(crate) fn entry(
    ui: &mut Ui,
    d: &mut Draw<'_>,
    rect: Rect,
    (param, name, value): (Param, &str, &Value),
    (align, font): (Align2, FontId),
) {
    if d.state.typing.as_ref().is_some_and(|typing| typing.param == param) {
        type_here(ui, d, rect, param, name, font);
        return;
    }
    let response = ui.interact(rect, Id::unique(("value", param)), Sense::click());
    let words = format!("{name} value");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &words));
    if response.hovered() {
        ui.painter().rect_filled(rect, ROUND - 2.0, d.colours.hovered);
    }
    let inner = rect.shrink2(egui::vec2(3.0, 0.0));
    // Without the unit rather than without the last digits.
    let bare = value.text.rsplit_once(' ').map_or(value.text.as_str(), |(number, _)| number);
    let is_wide = width_of(ui.painter(), &value.text, font.clone()) > inner.width();
    let text = if is_wide { bare } else { &value.text };
    put(ui.painter(), inner, align, text, font, d.colours.text);
    focus_ring(ui.painter(), d, &response, rect);
    if response.on_hover_cursor(CursorIcon::Text).clicked() {
        d.state.type_in(param, &value.text, d.now);
    }
}

fn type_here(ui: &mut Ui, d: &mut Draw<'_>, rect: Rect, param: Param, name: &str, font: FontId) {
    let Some(mut typing) = d.state.typing.take() else { return };
    let id = Id::unique(("typing", param));
    let height = rect.height().min(font.size * 1.7);
    let field = Rect::from_center_size(rect.center(), egui::vec2(rect.width(), height));
    let edit = TextEdit::singleline(&mut typing.text)
        .id(id)
        .font(font)
        .desired_width(rect.width())
        .margin(egui::Margin::symmetric(4, 1))
        .align(Align2::CENTER_CENTER);
    let response = ui.put(field, edit).accessible_name(format!("{name} number"));
    if typing.is_new {
        typing.is_new = false;
        response.request_focus();
        select_all(ui, id, &typing.text);
    }
    if response.double_clicked() && d.now - typing.opened_at < DOUBLE_CLICK_S {
        d.state.gestures.close(&mut d.out);
        d.out.push(Action::Reset(param));
        return;
    }
    if ui.input(|input| input.key_pressed(Key::Escape)) {
        return;
    }
    if response.lost_focus() {
        // Enter and a click elsewhere both take the number, as in hosts.
        d.state.gestures.close(&mut d.out);
        d.out.push(Action::SetText(param, typing.text));
        return;
    }
    d.state.typing = Some(typing);
}

fn select_all(ui: &Ui, id: Id, text: &str) {
    let mut state = egui::text_edit::TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let all = egui::text::CCursorRange::two(
        egui::text::CCursor::default(),
        egui::text::CCursor::new(text.chars().count()),
    );
    state.cursor.set_char_range(Some(all));
    state.store(ui.ctx(), id);
}
