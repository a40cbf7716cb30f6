//! Sliders that lie and faders that stand.

use egui::{Align2, Color32, Id, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::handle::{Travel, handle};
use super::{entry, focus_ring, put};
use crate::action::Param;
use crate::draw::Draw;
use crate::theme;
use crate::view::Value;

/// A name, a number that can be typed, and below them the slider, filled from its default on.
pub(crate) fn slider(
    ui: &mut Ui,
    d: &mut Draw<'_>,
    rect: Rect,
    (param, name, value): (Param, &str, &Value),
    hint: &str,
) {
    let (words, bar) = rect.split_top_bottom_at_y(rect.top() + 0.5 * rect.height());
    let name_rect = words.with_max_x(words.right() - 74.0);
    let font = theme::plain(13.5);
    put(ui.painter(), name_rect, Align2::LEFT_CENTER, name, font.clone(), d.colours.weak);
    let number = words.with_min_x(words.right() - 74.0);
    entry(ui, d, number, (param, name, value), (Align2::RIGHT_CENTER, theme::strong(13.5)));

    let response = ui.interact(bar, Id::unique(("slider", param)), Sense::click_and_drag());
    let track = bar.shrink2(vec2(7.0, 0.0));
    handle(ui, d, &response, (param, name, value), Travel::Right(track.width()));
    let painter = ui.painter();
    let line = Rect::from_center_size(track.center(), vec2(track.width() + 6.0, 5.0));
    let x = |place: f32| egui::lerp(track.x_range(), place);
    painter.rect_filled(line, 2.5, d.colours.line);
    let (from, to) = (x(value.default), x(value.normalized));
    let filled = Rect::from_x_y_ranges(from.min(to)..=from.max(to), line.y_range());
    painter.rect_filled(filled, 2.5, d.colours.accent);
    painter.vline(from, line.expand(2.5).y_range(), Stroke::new(1.5, d.colours.weak));
    let is_held = response.hovered() || d.state.gestures.is_open(param);
    let knob = pos2(to, track.center().y);
    painter.circle_filled(knob, if is_held { 8.0 } else { 7.0 }, d.colours.text);
    focus_ring(painter, d, &response, bar);
    response.on_hover_text(hint);
}

/// A standing fader with a meter beside it. `peak` is linear, after the gain.
pub(crate) fn fader(
    ui: &mut Ui,
    d: &mut Draw<'_>,
    rect: Rect,
    (param, name, value): (Param, &str, &Value),
    colour: Color32,
    peak: f32,
) {
    let response = ui.interact(rect, Id::unique(("fader", param)), Sense::click_and_drag());
    let way = rect.shrink2(vec2(0.0, 9.0));
    handle(ui, d, &response, (param, name, value), Travel::Up(way.height()));
    let painter = ui.painter();
    let x = rect.center().x - 6.0;
    let y = |place: f32| egui::lerp(way.bottom()..=way.top(), place);
    let track = Rect::from_center_size(pos2(x, way.center().y), vec2(4.0, way.height()));
    painter.rect_filled(track, 2.0, d.colours.line);
    // 0 dB, where a double click goes.
    painter.hline(x - 9.0..=x + 9.0, y(value.default), Stroke::new(1.5, d.colours.weak));
    meter(
        ui,
        d,
        Rect::from_min_max(pos2(x + 16.0, way.top()), pos2(x + 23.0, way.bottom())),
        colour,
        peak,
    );
    let painter = ui.painter();
    let cap = Rect::from_center_size(pos2(x, y(value.normalized)), vec2(26.0, 14.0));
    let is_held = response.hovered() || d.state.gestures.is_open(param);
    painter.rect_filled(cap, 4.0, if is_held { d.colours.text } else { d.colours.accent });
    painter.hline(cap.shrink(4.0).x_range(), cap.center().y, Stroke::new(2.0, d.colours.on_accent));
    focus_ring(painter, d, &response, rect);
    response.on_hover_text(format!(
        "{name}: drag, wheel or arrow keys; shift is finer, a double click is 0 dB"
    ));
}

/// -48 dBFS to 6 dBFS upwards.
fn meter(ui: &Ui, d: &Draw<'_>, rect: Rect, colour: Color32, peak: f32) {
    let painter = ui.painter();
    painter.rect_filled(rect, 2.0, d.colours.raised);
    let level_db = 20.0 * peak.max(1e-6).log10();
    let share = ((level_db + 48.0) / 54.0).clamp(0.0, 1.0);
    if share > 0.0 {
        let top = egui::lerp(rect.bottom()..=rect.top(), share);
        painter.rect_filled(rect.with_min_y(top), 2.0, colour);
    }
    let full = egui::lerp(rect.bottom()..=rect.top(), 48.0 / 54.0);
    painter.hline(rect.x_range(), full, Stroke::new(1.0, d.colours.weak));
    painter.rect_stroke(rect, 2.0, Stroke::new(1.0, d.colours.line), StrokeKind::Outside);
}
