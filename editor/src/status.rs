//! The lowest row: the engine in one line.

use egui::{Align2, Color32, Id, Painter, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::draw::Draw;
use crate::state::Tab;
use crate::theme;
use crate::view::{Engine, Health};
use crate::widgets::{ROUND, focus_ring, put, take_focus, width_of};
use crate::words::count;

/// Draws the row; a click shows the whole.
pub(crate) fn status(ui: &Ui, d: &mut Draw<'_>, rect: Rect) {
    let health = &d.view.health;
    let response = ui.interact(rect, Id::unique("status"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Engine status"));
    take_focus(&response);
    let painter = ui.painter();
    let font = theme::plain(13.0);
    let dot = pos2(rect.left() + 7.0, rect.center().y);
    painter.circle_filled(dot, 4.5, state_colour(d, health));
    let mut left = rect.left() + 20.0;
    for (index, (text, colour)) in parts(d, health).iter().enumerate() {
        let width = width_of(painter, text, font.clone());
        if index > 0 {
            if left + width + 24.0 > rect.right() {
                break;
            }
            painter.vline(left, rect.y_range().shrink(9.0), egui::Stroke::new(1.0, d.colours.line));
            left += 12.0;
        }
        left = piece(painter, rect, left, text, *colour) + 12.0;
    }
    focus_ring(painter, d, &response, rect.shrink2(vec2(0.0, ROUND * 0.5)));
    if response.on_hover_text("Show the engine in numbers and words").clicked() {
        d.state.tab = Tab::Health;
    }
}

fn piece(painter: &Painter, rect: Rect, left: f32, text: &str, colour: Color32) -> f32 {
    let place = Rect::from_min_max(pos2(left, rect.top()), rect.max);
    put(painter, place, Align2::LEFT_CENTER, text, theme::plain(13.0), colour).right()
}

fn state_colour(d: &Draw<'_>, health: &Health) -> Color32 {
    match health.engine {
        Engine::Inactive => d.colours.weak,
        Engine::Loading => d.colours.warning,
        Engine::Running if health.troubles.is_empty() => d.colours.good,
        Engine::Running => d.colours.warning,
        Engine::Stopped => d.colours.error,
    }
}

/// What the engine does, in a few words.
pub(crate) fn engine_words(health: &Health) -> String {
    match (health.engine, &health.provider) {
        (Engine::Inactive, _) => "Not active".to_owned(),
        (Engine::Loading, _) => "Loading the model".to_owned(),
        (Engine::Running, Some(provider)) => format!("Running on {provider}"),
        (Engine::Running, None) => "Running".to_owned(),
        (Engine::Stopped, _) => "Not running: the delayed mix plays".to_owned(),
    }
}

/// Latency in both units.
pub(crate) fn latency_words(health: &Health) -> String {
    if health.sample_rate_hz <= 0.0 {
        return "not known yet".to_owned();
    }
    let milliseconds = 1000.0 * health.latency_frames as f64 / health.sample_rate_hz;
    let samples = count(health.latency_frames as u64);
    format!("{} ms ({samples} samples)", count(milliseconds.round() as u64))
}

fn parts(d: &Draw<'_>, health: &Health) -> Vec<(String, Color32)> {
    let weak = d.colours.weak;
    let model = match &health.version {
        Some(version) => format!("{} {version}", health.model),
        None => health.model.clone(),
    };
    let mut parts = vec![
        (engine_words(health), d.colours.text),
        (model, weak),
        (format!("Latency {}", latency_words(health)), weak),
    ];
    if let Some(load) = health.load {
        let colour = if load > 0.85 { d.colours.warning } else { weak };
        parts.push((format!("Load {:.0} %", 100.0 * load), colour));
    }
    let late = health.late_blocks;
    if late > 0 {
        parts.push((format!("{} late blocks", count(late)), d.colours.warning));
    } else {
        parts.push(("No late blocks".to_owned(), weak));
    }
    parts
}
