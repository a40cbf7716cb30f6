//! The big dial.

use std::f32::consts::TAU;

use egui::{Align2, Color32, Id, Pos2, Rect, Sense, Shape, Stroke, Ui, pos2, vec2};

use super::handle::{Travel, handle};
use super::{entry, focus_ring, put, width_of};
use crate::action::Param;
use crate::draw::Draw;
use crate::theme;
use crate::view::Value;

/// Angles from the top, clockwise, in turns.
const FIRST: f32 = -0.375;
const LAST: f32 = 0.375;

/// A dial that fills `rect`; all of it can be taken hold of. Its number in the middle can be typed.
pub(crate) fn dial(
    ui: &mut Ui,
    d: &mut Draw<'_>,
    rect: Rect,
    (param, name, value): (Param, &str, &Value),
    colour: Color32,
    hint: &str,
) {
    let response = ui.interact(rect, Id::unique(("dial", param)), Sense::click_and_drag());
    handle(ui, d, &response, (param, name, value), Travel::Relative);
    let size = rect.width().min(rect.height() * 1.12);
    let thick = (0.085 * size).clamp(6.0, 18.0);
    let radius = 0.5 * size - thick;
    let centre = pos2(rect.center().x, rect.top() + radius + thick);
    let painter = ui.painter().clone();
    let is_held = response.hovered() || d.state.gestures.is_open(param);
    let track = if is_held { d.colours.hovered } else { d.colours.raised };
    arc(&painter, centre, radius, (FIRST, LAST), Stroke::new(thick, track));
    let at = FIRST + (LAST - FIRST) * value.normalized;
    if at > FIRST {
        arc(&painter, centre, radius, (FIRST, at), Stroke::new(thick, colour));
    }
    let tip = on_circle(centre, radius, at);
    painter.circle_filled(tip, 0.78 * thick, d.colours.text);
    painter.circle_filled(tip, 0.36 * thick, d.colours.panel);

    let widest = 2.0 * (radius - 0.5 * thick) * 0.86;
    let usual = (0.19 * size).clamp(14.0, 44.0);
    let wide = width_of(&painter, &value.text, theme::strong(usual)) + 8.0;
    let number = usual * (widest / wide).min(1.0);
    let box_size = vec2(widest, number * 1.3);
    let value_rect = Rect::from_center_size(centre - vec2(0.0, 0.04 * size), box_size);
    let font = theme::strong(number);
    entry(ui, d, value_rect, (param, name, value), (Align2::CENTER_CENTER, font));
    let label = Rect::from_center_size(
        pos2(centre.x, value_rect.bottom() + 0.07 * size),
        vec2(radius, 18.0),
    );
    let font = theme::plain((0.1 * size).clamp(12.0, 16.0));
    put(&painter, label, Align2::CENTER_CENTER, name, font, d.colours.weak);
    focus_ring(&painter, d, &response, rect);
    response.on_hover_text(hint);
}

fn on_circle(centre: Pos2, radius: f32, turns: f32) -> Pos2 {
    let (sin, cos) = (TAU * turns).sin_cos();
    centre + vec2(radius * sin, -radius * cos)
}

fn arc(painter: &egui::Painter, centre: Pos2, radius: f32, (from, to): (f32, f32), stroke: Stroke) {
    let count = (64.0 * (to - from).abs()).ceil().max(1.0) as usize;
    let points: Vec<Pos2> = (0..=count)
        .map(|index| on_circle(centre, radius, from + (to - from) * index as f32 / count as f32))
        .collect();
    let ends = [points[0], points[count]];
    painter.add(Shape::line(points, stroke));
    for end in ends {
        painter.circle_filled(end, 0.5 * stroke.width, stroke.color);
    }
}
