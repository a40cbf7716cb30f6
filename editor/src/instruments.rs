//! Six large buttons, one an instrument.

use egui::{Align2, Id, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};
use soloist::model::Instrument;
use soloist::streaming::MixMode;

use crate::action::{Action, Param};
use crate::draw::Draw;
use crate::theme;
use crate::widgets::{ROUND, fill, focus_ring, outline, put, take_focus};
use crate::words::{capital, list};

/// Draws the row.
pub(crate) fn instruments(ui: &Ui, d: &mut Draw<'_>, rect: Rect) {
    let gap = 6.0;
    let count = Instrument::ALL.len() as f32;
    let width = (rect.width() - gap * (count - 1.0)) / count;
    for (index, instrument) in Instrument::ALL.into_iter().enumerate() {
        let left = rect.left() + (width + gap) * index as f32;
        let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
        one(ui, d, cell, index, instrument);
    }
}

fn one(ui: &Ui, d: &mut Draw<'_>, rect: Rect, index: usize, instrument: Instrument) {
    let name = capital(instrument.name());
    let is_chosen = d.view.instrument == instrument;
    let is_there = d.view.has(instrument);
    let response = ui.interact(rect, Id::unique(("instrument", index)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, &name));
    take_focus(&response);

    let painter = ui.painter();
    let (colour, colours) = (theme::stem_colour(instrument), d.colours);
    // In Remix all stems are heard: the choice waits.
    let is_lit = is_chosen && d.view.mode != MixMode::Remix;
    let (back, front) = if is_lit && is_there {
        (colour, theme::ON_STEM)
    } else {
        (fill(ui, d, &response), if is_there { colours.text } else { colours.weak })
    };
    painter.rect_filled(rect, ROUND, back);
    if !(is_lit && is_there) {
        outline(painter, d, rect);
    }
    if is_chosen && (!is_lit || !is_there) {
        painter.rect_stroke(rect, ROUND, Stroke::new(2.0, colours.weak), StrokeKind::Inside);
    }
    if !(is_lit && is_there) {
        let bar = Rect::from_min_max(
            pos2(rect.left() + 10.0, rect.bottom() - 9.0),
            pos2(rect.right() - 10.0, rect.bottom() - 5.0),
        );
        let bar_colour = if is_there { colour } else { colours.line };
        painter.rect_filled(bar, 2.0, bar_colour);
    }
    let size = (0.17 * rect.width()).clamp(14.0, 19.0);
    let name_rect = rect.shrink2(vec2(3.0, 0.0)).translate(vec2(0.0, -1.0));
    let place = put(painter, name_rect, Align2::CENTER_CENTER, &name, theme::strong(size), front);
    if !is_there {
        painter.hline(place.x_range(), place.center().y + 1.0, Stroke::new(1.5, front));
    }
    if rect.width() > 84.0 && rect.height() > 50.0 {
        let corner = rect.shrink2(vec2(8.0, 5.0));
        let key = (index + 1).to_string();
        let colour = if is_lit && is_there { front } else { colours.weak };
        put(painter, corner, Align2::RIGHT_TOP, &key, theme::plain(11.0), colour);
    }
    focus_ring(painter, d, &response, rect);
    if response.on_hover_text(hint(d, instrument, index)).clicked() && !is_chosen {
        d.out.push(Action::Choose(Param::Instrument, index));
    }
}

fn hint(d: &Draw<'_>, instrument: Instrument, index: usize) -> String {
    let key = index + 1;
    if let Some(sources) = d.view.sources.as_ref().filter(|_| !d.view.has(instrument)) {
        let model = &d.view.health.model;
        return format!(
            "Silent: the model “{model}” tells apart {} only. Others are under Models. ({key})",
            list(sources)
        );
    }
    let what = match instrument {
        Instrument::Vocals => "Lead and backing singers",
        Instrument::Drums => "Drum kit and percussion",
        Instrument::Bass => "Bass guitar, double bass, synthesiser bass",
        Instrument::Guitar => "Acoustic and electric guitars",
        Instrument::Piano => "Acoustic and electric pianos",
        Instrument::Other => "All the rest",
    };
    match d.view.mode {
        MixMode::Remix => format!("{what}. In Remix all stems are heard, see the mixer ({key})"),
        _ => format!("{what} ({key})"),
    }
}
