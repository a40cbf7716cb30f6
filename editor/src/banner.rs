//! The worst of what is wrong, above everything.

use egui::{Align2, Id, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::draw::Draw;
use crate::state::Tab;
use crate::theme;
use crate::trouble::Severity;
use crate::widgets::{ROUND, focus_ring, put, put_wrapped, take_focus, width_of};

/// A title and two lines.
const HEIGHT: f32 = 64.0;

/// How high it is; `None` when all is well, or where the panel of the same content is open.
pub(crate) fn height(d: &Draw<'_>) -> Option<f32> {
    (!d.view.health.troubles.is_empty() && d.state.tab != Tab::Health).then_some(HEIGHT)
}

/// Draws it; a click shows the rest.
pub(crate) fn banner(ui: &Ui, d: &mut Draw<'_>, rect: Rect) {
    let Some(trouble) = d.view.health.troubles.first() else { return };
    let words = trouble.words();
    let colour = match trouble.severity() {
        Severity::Warning => d.colours.warning,
        Severity::Error => d.colours.error,
    };
    let response = ui.interact(rect, Id::unique("trouble"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &words.title));
    take_focus(&response);
    let painter = ui.painter();
    painter.rect_filled(rect, ROUND, d.colours.panel);
    painter.rect_stroke(rect, ROUND, Stroke::new(1.5, colour), StrokeKind::Inside);
    sign(ui, pos2(rect.left() + 26.0, rect.center().y), colour, d);
    let more = d.view.health.troubles.len() - 1;
    let right = if more > 0 { 76.0 } else { 12.0 };
    let mut text = Rect::from_min_max(
        pos2(rect.left() + 50.0, rect.top() + 7.0),
        pos2(rect.right() - right, rect.bottom() - 5.0),
    );
    if width_of(painter, &words.remedy, theme::plain(12.5)) < text.width() {
        text = text.translate(vec2(0.0, 8.0));
    }
    let title =
        put(painter, text, Align2::LEFT_TOP, &words.title, theme::strong(14.5), d.colours.text);
    let below = text.with_min_y(title.bottom() + 2.0);
    put_wrapped(painter, below, &words.remedy, theme::plain(12.5), d.colours.weak);
    if more > 0 {
        let place = rect.shrink2(vec2(12.0, 0.0));
        let count = format!("{more} more");
        put(painter, place, Align2::RIGHT_CENTER, &count, theme::plain(13.0), colour);
    }
    focus_ring(painter, d, &response, rect);
    let whole = [words.title.as_str(), &words.remedy, &words.detail].join("\n\n");
    if response.on_hover_text(whole.trim_end()).clicked() {
        d.state.tab = Tab::Health;
    }
}

/// A triangle with an exclamation mark: shape and colour say the same.
pub(crate) fn sign(ui: &Ui, centre: egui::Pos2, colour: egui::Color32, d: &Draw<'_>) {
    let painter = ui.painter();
    let corners = [vec2(0.0, -11.0), vec2(12.0, 9.0), vec2(-12.0, 9.0)];
    painter.add(egui::Shape::convex_polygon(
        corners.map(|corner| centre + corner).to_vec(),
        colour,
        Stroke::NONE,
    ));
    let ink = Stroke::new(2.2, d.colours.panel);
    painter.line_segment([centre + vec2(0.0, -4.0), centre + vec2(0.0, 2.5)], ink);
    painter.circle_filled(centre + vec2(0.0, 6.0), 1.4, d.colours.panel);
}
