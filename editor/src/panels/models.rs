//! Installed models: what they can do, and how to get more.

use egui::{Button, Color32, Rect, RichText, TextEdit, Ui};

use soloist::model::Instrument;

use super::path::path_of;
use super::{card, heading, outcome, panel, weak};
use crate::action::{Action, ModelAction};
use crate::draw::Draw;
use crate::theme;
use crate::view::{Engine, ModelRow};
use crate::widgets::{put, width_of};
use crate::words::{bytes, capital, count};

/// Draws the panel.
pub(crate) fn models(ui: &mut Ui, d: &mut Draw<'_>, rect: Rect) {
    panel(ui, d, rect, |ui, d| {
        ui.horizontal(|ui| {
            heading(ui, "Models");
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.button("Look again").clicked() {
                    d.out.push(Action::Model(ModelAction::Rescan));
                }
            });
        });
        let view = d.view;
        outcome(ui, d, view.models.busy.as_deref(), view.models.message.as_ref());
        if view.models.rows.is_empty() {
            weak(ui, d, "No model is installed.");
        }
        for row in &view.models.rows {
            show_model(ui, d, row);
        }
        ui.add_space(4.0);
        add(ui, d);
    });
}

fn show_model(ui: &mut Ui, d: &mut Draw<'_>, row: &ModelRow) {
    let is_chosen = row.name == d.view.models.chosen;
    let fill = if is_chosen { d.colours.hovered } else { d.colours.raised };
    card(ui, fill, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new(&row.name).font(theme::strong(16.0)));
            weak(ui, d, &row.version);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                choose(ui, d, row, is_chosen);
            });
        });
        if let Some(problem) = &row.problem {
            ui.label(RichText::new(format!("Cannot be used: {problem}")).color(d.colours.error));
            weak(ui, d, &row.folder);
            return;
        }
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            for &source in &row.sources {
                chip(ui, source);
            }
        });
        facts(ui, d, row);
        speed(ui, d, row);
    });
}

/// An instrument's name on its colour.
fn chip(ui: &mut Ui, source: Instrument) {
    let name = capital(source.name());
    let font = theme::strong(12.5);
    let width = width_of(ui.painter(), &name, font.clone()) + 14.0;
    let (rect, _) = ui.allocate_exact_size(egui::vec2(width, 20.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, 4.0, theme::stem_colour(source));
    put(ui.painter(), rect, egui::Align2::CENTER_CENTER, &name, font, theme::ON_STEM);
}

fn choose(ui: &mut Ui, d: &mut Draw<'_>, row: &ModelRow, is_chosen: bool) {
    if is_chosen {
        let (words, colour) = chosen_words(d);
        ui.label(RichText::new(words).font(theme::strong(13.5)).color(colour));
        return;
    }
    let button = Button::new("Use").min_size(egui::vec2(64.0, 26.0));
    let response = ui.add_enabled(row.problem.is_none(), button);
    let response = response.accessible_name(format!("Use {}", row.name));
    if response.hovered() && d.state.prefetched != row.name {
        d.state.prefetched.clone_from(&row.name);
        d.out.push(Action::Model(ModelAction::Prefetch(row.name.clone())));
    }
    if response.clicked() {
        d.out.push(Action::Model(ModelAction::Choose(row.name.clone())));
    }
}

/// What the engine does with the chosen model.
fn chosen_words(d: &Draw<'_>) -> (&'static str, Color32) {
    let health = &d.view.health;
    match health.engine {
        Engine::Inactive => ("chosen", d.colours.weak),
        // Another one plays until this one can.
        _ if health.model != d.view.models.chosen => ("opening", d.colours.weak),
        Engine::Loading => ("opening", d.colours.weak),
        Engine::Running => ("in use", d.colours.good),
        Engine::Stopped => ("does not run", d.colours.error),
    }
}

fn facts(ui: &mut Ui, d: &Draw<'_>, row: &ModelRow) {
    if !row.scores.is_empty() {
        let scores: Vec<String> =
            row.scores.iter().map(|(source, value_db)| format!("{source} {value_db:.1}")).collect();
        let text = format!("Scores in dB: {}", scores.join(", "));
        ui.label(RichText::new(text).size(13.0)).on_hover_text(&row.scores_on);
    }
    let rate = format!("{} Hz", count(row.sample_rate_hz.round() as u64));
    let size = bytes(row.bytes as f64);
    weak(ui, d, format!("{} \u{2022} {rate} \u{2022} {size}", row.licence))
        .on_hover_text(format!("By {}\n{}", row.authors, row.folder));
}

fn speed(ui: &mut Ui, d: &mut Draw<'_>, row: &ModelRow) {
    ui.horizontal(|ui| {
        match row.core_share {
            Some(share) => {
                let percent = 100.0 * share;
                let colour = if share > 0.9 { d.colours.warning } else { d.colours.weak };
                let text = format!("Needs {percent:.0} % of one core here");
                ui.label(RichText::new(text).size(13.0).color(colour));
            }
            None => {
                weak(ui, d, "Speed here: not measured");
            }
        }
        let is_free = d.view.models.busy.is_none();
        let button =
            Button::new(RichText::new("Measure").size(13.0)).min_size(egui::vec2(74.0, 24.0));
        let name = format!("Measure {}", row.name);
        let response = ui.add_enabled(is_free, button).accessible_name(name);
        if response.on_hover_text("Times the network for a few seconds").clicked() {
            d.out.push(Action::Model(ModelAction::Measure(row.name.clone())));
        }
    });
}

fn add(ui: &mut Ui, d: &mut Draw<'_>) {
    heading(ui, "Add a model");
    weak(
        ui,
        d,
        "Drop a model's folder (with card.toml and model.onnx) into this window, or paste its path:",
    );
    ui.horizontal_wrapped(|ui| {
        let width = (ui.available_width() - 250.0).max(150.0);
        let edit =
            TextEdit::singleline(&mut d.state.folder_text).desired_width(width).hint_text("folder");
        ui.add(edit).accessible_name("Model folder");
        let path = path_of(&d.state.folder_text, &d.view.home_folder);
        let is_free = path.is_ok() && d.view.models.busy.is_none();
        let install = ui.add_enabled(is_free, Button::new("Install"));
        let hint = "Checks the model and copies it to your own models";
        if install.on_hover_text(hint).clicked()
            && let Ok(path) = path.clone()
        {
            d.out.push(Action::Model(ModelAction::Install(path)));
        }
        let search = ui.add_enabled(is_free, Button::new("Search here"));
        let hint =
            "The folder holds models, each in a folder of its own: look there, too, from now on";
        if search.on_hover_text(hint).clicked()
            && let Ok(path) = path.clone()
        {
            d.out.push(Action::Model(ModelAction::AddFolder(path)));
        }
        if let Err(hint) = path
            && !d.state.folder_text.trim().is_empty()
        {
            ui.label(RichText::new(hint).size(13.0).color(d.colours.warning));
        }
    });
    added(ui, d);
}

/// Folders that are searched because the user said so.
fn added(ui: &mut Ui, d: &mut Draw<'_>) {
    let view = d.view;
    if !view.models.folders.is_empty() {
        weak(ui, d, "Searched, too:");
    }
    for folder in &view.models.folders {
        ui.horizontal(|ui| {
            let is_free = view.models.busy.is_none();
            let button = Button::new(RichText::new("Remove").size(13.0));
            let response = ui
                .add_enabled(is_free, button)
                .on_hover_text("Look there no more; the folder and what is in it stay as they are");
            if response.accessible_name(format!("Remove {folder}")).clicked() {
                d.out.push(Action::Model(ModelAction::RemoveFolder(folder.into())));
            }
            ui.add(egui::Label::new(RichText::new(folder).size(13.0)).truncate());
        });
    }
}
