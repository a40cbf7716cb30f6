//! The right column: mode, the mix dial, focus, output gain, late results, latency mode.

use egui::{Align2, Rect, Ui, pos2, vec2};
use soloist::streaming::{LatencyMode, MixMode};

use crate::action::{Action, Param};
use crate::draw::Draw;
use crate::theme;
use crate::view::Late;
use crate::widgets::{ROUND, dial, put, segmented, slider};

const MODES: [(&str, &str); 3] = [
    ("Isolate", "The instrument alone (I)"),
    ("Remove", "Everything but the instrument (R)"),
    ("Remix", "Every instrument at its own gain, with solo and mute (X)"),
];

const LATE: [(&str, &str); 3] = [
    ("Mix", "While results are late, the delayed mix is heard"),
    ("Silence", "While results are late, nothing is heard"),
    (
        "Wait",
        "Nothing is late: the host waits. For hosts that export fast without saying so; not for \
         live tracks",
    ),
];

const LATENCY: [(&str, &str); 2] = [
    ("Studio", "About 2 s of latency, the least work. The host restarts the plugin for a change"),
    ("Balanced", "About 0.75 s, more work. The host restarts the plugin for a change"),
];

/// Draws the column; its first row is `row` high, as the instruments' beside it.
pub(crate) fn controls(ui: &mut Ui, d: &mut Draw<'_>, rect: Rect, row: f32, gap: f32) {
    let (modes, rest) = rect.split_top_bottom_at_y(rect.top() + row);
    let chosen = match d.view.mode {
        MixMode::Isolate => 0,
        MixMode::Remove => 1,
        MixMode::Remix => 2,
    };
    let size = (0.066 * rect.width()).clamp(13.5, 16.0);
    if let Some(index) = segmented(ui, d, modes, ("", chosen), &MODES, size) {
        d.out.push(Action::Choose(Param::Mode, index));
    }
    let panel = rest.with_min_y(rest.top() + gap);
    ui.painter().rect_filled(panel, ROUND + 2.0, d.colours.panel);
    let inner = panel.shrink2(vec2(14.0, 10.0));
    // From the bottom: the dial takes what is left.
    let is_high = inner.height() > 380.0;
    let (slider_height, list_height) = if is_high { (48.0, 54.0) } else { (38.0, 43.0) };
    let between = if is_high { 12.0 } else { 6.0 };
    let mut bottom = inner.bottom();
    let mut place = |height: f32| {
        let cell =
            Rect::from_min_max(pos2(inner.left(), bottom - height), pos2(inner.right(), bottom));
        bottom -= height + between;
        cell
    };
    let (latency, late) = (place(list_height), place(list_height));
    let (output, focus) = (place(slider_height), place(slider_height));
    let top = inner.with_max_y(bottom);
    show_mix(ui, d, top);
    let view = d.view;
    let hint = "Left: softer, with fewer artefacts. Right: sharper, with less bleed. Heard one \
                latency later";
    slider(ui, d, focus, (Param::Focus, "Focus", &view.focus), hint);
    let hint = "After the mix; not in bypass";
    slider(ui, d, output, (Param::OutputGain, "Output", &view.output_gain), hint);
    let chosen = match view.late {
        Late::DelayedMix => 0,
        Late::Silence => 1,
        Late::Wait => 2,
    };
    labelled(ui, d, late, "When late", Param::Late, chosen, &LATE);
    let chosen = usize::from(view.latency_mode != LatencyMode::Studio);
    labelled(ui, d, latency, "Latency", Param::Latency, chosen, &LATENCY);
}

fn show_mix(ui: &mut Ui, d: &mut Draw<'_>, rect: Rect) {
    let colour = match d.view.mode {
        MixMode::Remix => d.colours.accent,
        _ => theme::stem_colour(d.view.instrument),
    };
    let side = rect.width().min(rect.height() * 1.12);
    let place = Rect::from_center_size(rect.center(), vec2(rect.width(), side.min(rect.height())));
    let view = d.view;
    let hint = "0 % is the mix as it was, 100 % the result alone. Drag, wheel or arrow keys; shift \
                is finer. Click the number to type, double-click to reset";
    dial(ui, d, place, (Param::Mix, "Mix", &view.mix), colour, hint);
}

fn labelled(
    ui: &Ui,
    d: &mut Draw<'_>,
    rect: Rect,
    name: &str,
    param: Param,
    chosen: usize,
    choices: &[(&str, &str)],
) {
    let (label, row) = rect.split_top_bottom_at_y(rect.top() + 18.0);
    put(ui.painter(), label, Align2::LEFT_TOP, name, theme::plain(13.0), d.colours.weak);
    if let Some(index) = segmented(ui, d, row, (name, chosen), choices, 13.0) {
        d.out.push(Action::Choose(param, index));
    }
}
