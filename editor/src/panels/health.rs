//! The engine in numbers, and everything that is wrong in words.

use egui::{Grid, Rect, RichText, Ui};

use super::{card, heading, panel, weak};
use crate::banner::sign;
use crate::draw::Draw;
use crate::status::{engine_words, latency_words};
use crate::theme;
use crate::trouble::{Severity, Trouble};
use crate::words::{bytes, count};

/// Draws the panel.
pub(crate) fn health(ui: &mut Ui, d: &mut Draw<'_>, rect: Rect) {
    panel(ui, d, rect, |ui, d| {
        let view = d.view;
        heading(ui, "Health");
        if view.health.troubles.is_empty() {
            ui.label(RichText::new("Nothing is wrong.").color(d.colours.good));
        }
        for trouble in &view.health.troubles {
            show_trouble(ui, d, trouble);
        }
        ui.add_space(2.0);
        numbers(ui, d);
        if !view.health.resource_dirs.is_empty() {
            ui.add_space(2.0);
            weak(ui, d, format!("Resources: {}", view.health.resource_dirs.join(", ")));
        }
    });
}

fn show_trouble(ui: &mut Ui, d: &Draw<'_>, trouble: &Trouble) {
    let words = trouble.words();
    let colour = match trouble.severity() {
        Severity::Warning => d.colours.warning,
        Severity::Error => d.colours.error,
    };
    let response = card(ui, d.colours.raised, |ui| {
        ui.horizontal_top(|ui| {
            let (place, _) = ui.allocate_exact_size(egui::vec2(28.0, 26.0), egui::Sense::hover());
            sign(ui, place.center() + egui::vec2(-1.0, 1.0), colour, d);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 4.0;
                ui.label(RichText::new(&words.title).font(theme::strong(14.5)));
                ui.label(&words.remedy);
                if !words.detail.is_empty() {
                    weak(ui, d, &words.detail);
                }
            });
        });
    });
    let stroke = egui::Stroke::new(1.5, colour);
    let kind = egui::StrokeKind::Inside;
    ui.painter().rect_stroke(response.rect, crate::widgets::ROUND, stroke, kind);
}

fn numbers(ui: &mut Ui, d: &Draw<'_>) {
    let health = &d.view.health;
    let unknown = || "not known yet".to_owned();
    let model = match &health.version {
        Some(version) => format!("{} {version}", health.model),
        None => format!("{} (not usable)", health.model),
    };
    let load =
        health.load.map_or_else(unknown, |load| format!("{:.0} % of real time", 100.0 * load));
    let run = health.run_ms.map_or_else(unknown, |(median, p99)| {
        format!("{median:.0} ms in the middle, {p99:.0} ms at worst (99 %)")
    });
    let late = match health.late_blocks {
        0 => "none".to_owned(),
        blocks => format!("{} blocks, {:.1} s in all", count(blocks), health.late_s),
    };
    let rate = match health.sample_rate_hz {
        rate if rate > 0.0 => format!("{} Hz", count(rate.round() as u64)),
        _ => unknown(),
    };
    let queued = format!("{:.2} s", health.queued_s);
    let size = health.model_bytes.map_or_else(unknown, |size| bytes(size as f64));
    let priority = match health.is_raised {
        None => unknown(),
        Some(true) => "raised".to_owned(),
        Some(false) => "ordinary, the system refused a higher one".to_owned(),
    };
    let rows = [
        ("Engine", engine_words(health), "What runs the network, really"),
        ("Model", model, "The chosen one"),
        ("Latency", latency_words(health), "What the host was told and makes up for"),
        ("Load", load, "Seconds of work in a second of sound, of one core"),
        ("A run", run, "How long the network takes"),
        ("Late", late, "Results that were not there in time"),
        ("In reserve", queued, "Finished results that wait to be heard"),
        ("Sample rate", rate, "The host's; what you hear is never resampled"),
        ("Model file", size, "All instances share it"),
        ("Priority", priority, "Ordinary is harmless until the machine is busy with other work"),
    ];
    Grid::new("numbers").num_columns(2).spacing([18.0, 6.0]).show(ui, |ui| {
        for (name, value, hint) in rows {
            weak(ui, d, name).on_hover_text(hint);
            ui.label(RichText::new(value).size(14.0)).on_hover_text(hint);
            ui.end_row();
        }
    });
}
