//! Remix: a strip for each stem.

use egui::{Align2, Rect, Ui, pos2, vec2};
use soloist::model::Instrument;

use crate::action::{Action, Param};
use crate::draw::Draw;
use crate::theme;
use crate::widgets::{Look, ROUND, button, entry, fader, put};
use crate::words::capital;

/// Draws six strips, each below its instrument's button.
pub(crate) fn mixer(ui: &mut Ui, d: &mut Draw<'_>, rect: Rect) {
    let gap = 6.0;
    let count = Instrument::ALL.len() as f32;
    let width = (rect.width() - gap * (count - 1.0)) / count;
    let gains = d.view.stem_gains();
    for (index, instrument) in Instrument::ALL.into_iter().enumerate() {
        let left = rect.left() + (width + gap) * index as f32;
        let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
        strip(ui, d, cell, index, instrument, gains[index]);
    }
}

fn strip(
    ui: &mut Ui,
    d: &mut Draw<'_>,
    rect: Rect,
    index: usize,
    instrument: Instrument,
    gain: f32,
) {
    let view = d.view;
    let channel = &view.channels[index];
    let colour = theme::stem_colour(instrument);
    let name = capital(instrument.name());
    let is_heard = gain > 0.0 && view.has(instrument);
    ui.painter().rect_filled(rect, ROUND, d.colours.panel);
    let bar = Rect::from_min_size(rect.min, vec2(rect.width(), 5.0));
    let bar_colour = if is_heard { colour } else { d.colours.line };
    ui.painter().rect_filled(bar, egui::CornerRadius { nw: 6, ne: 6, sw: 0, se: 0 }, bar_colour);
    let inner = rect.shrink2(vec2(5.0, 6.0)).with_min_y(rect.top() + 9.0);

    let (label, rest) = inner.split_top_bottom_at_y(inner.top() + 17.0);
    let front = if is_heard { d.colours.text } else { d.colours.weak };
    put(ui.painter(), label, Align2::CENTER_CENTER, &name, theme::strong(13.0), front);
    let (middle, switches) = rest.split_top_bottom_at_y(rest.bottom() - 24.0);
    let (way, number) = middle.split_top_bottom_at_y(middle.bottom() - 22.0);
    let param = Param::Gain(instrument);
    let gain_name = format!("{name} gain");
    let peak = d.state.peaks[index] * gain;
    fader(ui, d, way, (param, &gain_name, &channel.gain), colour, peak);
    let font = theme::plain(13.0);
    entry(ui, d, number, (param, &gain_name, &channel.gain), (Align2::CENTER_CENTER, font));

    let half = 0.5 * (switches.width() - 4.0).min(80.0);
    let centre = switches.center();
    let solo = Rect::from_center_size(centre - vec2(0.5 * half + 2.0, 0.0), vec2(half, 24.0));
    let mute = Rect::from_center_size(centre + vec2(0.5 * half + 2.0, 0.0), vec2(half, 24.0));
    let solo_name = format!("{name} solo");
    let look = Look::of(channel.solo).colours(d.colours.good, d.colours.on_accent);
    if button(ui, d, solo, ("S", &solo_name), look).on_hover_text(&solo_name).clicked() {
        d.out.push(Action::Switch(Param::Solo(instrument), !channel.solo));
    }
    let mute_name = format!("{name} mute");
    let look = Look::of(channel.mute).colours(d.colours.error, d.colours.on_accent);
    if button(ui, d, mute, ("M", &mute_name), look).on_hover_text(&mute_name).clicked() {
        d.out.push(Action::Switch(Param::Mute(instrument), !channel.mute));
    }
}
