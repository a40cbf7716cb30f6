//! The uppermost row: what the large area shows, presets, light, A-B, bypass.

use egui::{Align2, Id, Popup, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::action::{Action, Param};
use crate::draw::Draw;
use crate::presets::PRESETS;
use crate::state::Tab;
use crate::theme;
use crate::widgets::{Look, ROUND, button, fill, focus_ring, outline, put, segmented, take_focus};

const TABS: [(Tab, &str, &str); 4] = [
    (Tab::Sound, "Sound", "The sound as a picture; in Remix, the mixer"),
    (Tab::Models, "Models", "Installed models: choose, add, compare"),
    (Tab::Capture, "Capture", "Keep the last minutes of all stems and save them"),
    (Tab::Health, "Health", "What the engine does, and what is wrong"),
];

/// Draws the row.
pub(crate) fn header(ui: &mut Ui, d: &mut Draw<'_>, rect: Rect) {
    let mut left = rect.left();
    if rect.width() > 780.0 {
        let title = rect.with_max_x(left + 118.0);
        let font = theme::strong(20.0);
        let place =
            put(ui.painter(), title, Align2::LEFT_CENTER, &d.view.title, font, d.colours.text);
        left = place.right() + 20.0;
    }
    let right_width = 84.0 + 8.0 + 32.0 + 8.0 + 78.0 + 8.0 + 70.0;
    let tabs_right = (rect.right() - right_width - 10.0).min(left + 400.0);
    let tabs = Rect::from_min_max(pos2(left, rect.top()), pos2(tabs_right, rect.bottom()));
    let chosen = TABS.iter().position(|(tab, ..)| *tab == d.state.tab).unwrap_or(0);
    let choices = TABS.map(|(_, name, hint)| (name, hint));
    if let Some(index) = segmented(ui, d, tabs, ("", chosen), &choices, 13.5) {
        d.state.tab = TABS[index].0;
    }
    let mut right = rect.right();
    let mut place = |width: f32| {
        let cell = Rect::from_min_max(pos2(right - width, rect.top()), pos2(right, rect.bottom()));
        right -= width + 8.0;
        cell
    };
    let (bypass, dry, light, presets) = (place(70.0), place(78.0), place(32.0), place(84.0));
    show_bypass(ui, d, bypass);
    show_dry(ui, d, dry);
    show_theme(ui, d, light);
    show_presets(ui, d, presets);
}

fn show_bypass(ui: &Ui, d: &mut Draw<'_>, rect: Rect) {
    let is_on = d.view.bypass;
    let look = Look::of(is_on).colours(d.colours.warning, d.colours.on_accent);
    let response = button(ui, d, rect, ("Bypass", "Bypass"), look);
    let hint = "The mix as it was, at the same delay. A host parameter (B)";
    if response.on_hover_text(hint).clicked() {
        d.out.push(Action::Switch(Param::Bypass, !is_on));
    }
}

fn show_dry(ui: &Ui, d: &mut Draw<'_>, rect: Rect) {
    let is_dry = d.view.is_dry;
    let text = if is_dry { "A-B: mix" } else { "A-B" };
    let look = Look::of(is_dry).colours(d.colours.warning, d.colours.on_accent);
    let response = button(ui, d, rect, (text, "A-B"), look);
    let hint = "Compare: hear the mix in place of the result, at the same time and level, until \
                you press again. Neither saved nor automated (A)";
    if response.on_hover_text(hint).clicked() {
        d.out.push(Action::Dry(!is_dry));
    }
}

/// A disc, half of it dark.
fn show_theme(ui: &Ui, d: &mut Draw<'_>, rect: Rect) {
    let response = ui.interact(rect, Id::unique("theme"), Sense::click());
    let name = format!("Theme: {}", d.view.theme.name());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    take_focus(&response);
    let painter = ui.painter();
    painter.rect_filled(rect, ROUND, fill(ui, d, &response));
    outline(painter, d, rect);
    let (centre, radius) = (rect.center(), 8.0);
    painter.circle_stroke(centre, radius, egui::Stroke::new(1.5, d.colours.text));
    let half = (0..=24).map(|step| {
        let (sin, cos) = (std::f32::consts::PI * step as f32 / 24.0).sin_cos();
        centre + vec2(radius * sin, -radius * cos)
    });
    painter.add(egui::Shape::convex_polygon(half.collect(), d.colours.text, egui::Stroke::NONE));
    focus_ring(painter, d, &response, rect);
    let other = d.view.theme.other();
    let hint = format!("{} window", crate::words::capital(other.name()));
    if response.on_hover_text(hint).clicked() {
        d.out.push(Action::SetTheme(other));
    }
}

fn show_presets(ui: &Ui, d: &mut Draw<'_>, rect: Rect) {
    let response = button(ui, d, rect, ("Presets", "Presets"), Look::of(false));
    let mut chosen = None;
    Popup::menu(&response).width(220.0).show(|ui| {
        for preset in &PRESETS {
            if ui.button(preset.name).on_hover_text(preset.hint).clicked() {
                chosen = Some(preset);
            }
        }
    });
    if let Some(preset) = chosen {
        d.state.gestures.close(&mut d.out);
        d.out.extend(preset.actions());
    }
    response.on_hover_text("Settings to begin from; the host can undo them");
}
