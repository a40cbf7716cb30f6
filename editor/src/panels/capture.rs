//! The last minutes of all stems, and how they become files.

use egui::{Button, Rect, RichText, TextEdit, Ui};
use soloist::model::Instrument;
use soloist::streaming::CapturePart;

use super::path::path_of;
use super::{heading, outcome, panel, weak};
use crate::action::{Action, CaptureAction, Passes};
use crate::draw::Draw;
use crate::theme;
use crate::widgets::{Look, button, put, segmented, width_of};
use crate::words::{bytes, capital, clock, count};

/// Lengths to choose from, in seconds.
const LENGTHS: [(Option<f64>, &str, &str); 5] = [
    (None, "Off", "Keeps nothing and needs no memory"),
    (Some(60.0), "1 min", "Keeps the last minute"),
    (Some(180.0), "3 min", "Keeps the last three minutes"),
    (Some(300.0), "5 min", "Keeps the last five minutes"),
    (Some(600.0), "10 min", "Keeps the last ten minutes"),
];

/// Draws the panel.
pub(crate) fn capture(ui: &mut Ui, d: &mut Draw<'_>, rect: Rect) {
    panel(ui, d, rect, |ui, d| {
        heading(ui, "Capture");
        weak(
            ui,
            d,
            "Keeps the last minutes of all stems and of the mix, so that what went by can be saved.",
        );
        length(ui, d);
        memory(ui, d);
        ui.add_space(2.0);
        heading(ui, "Save");
        choices(ui, d);
        passes(ui, d);
        place(ui, d);
        save(ui, d);
        result(ui, d);
    });
}

fn length(ui: &mut Ui, d: &mut Draw<'_>) {
    let set = d.view.capture.held.length_s;
    let same = |length: Option<f64>| match (length, set) {
        (Some(a), Some(b)) => (a - b).abs() < 0.5,
        (a, b) => a.is_none() && b.is_none(),
    };
    // A length that is none of these was set elsewhere: no button is in.
    let chosen = LENGTHS.iter().position(|(length, ..)| same(*length)).unwrap_or(usize::MAX);
    let choices = LENGTHS.map(|(_, name, hint)| (name, hint));
    let size = egui::vec2(ui.available_width().min(420.0), 32.0);
    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
    if let Some(index) = segmented(ui, d, rect, ("Keep", chosen), &choices, 13.5) {
        d.out.push(Action::Capture(CaptureAction::SetLength(LENGTHS[index].0)));
    }
}

fn memory(ui: &mut Ui, d: &Draw<'_>) {
    let capture = &d.view.capture;
    let Some(length_s) = capture.held.length_s else {
        if capture.bytes_per_second > 0.0 {
            let minute = bytes(60.0 * capture.bytes_per_second);
            weak(ui, d, format!("A minute takes {minute} of memory."));
        }
        return;
    };
    let held_s = capture.held.all.seconds;
    let share = (held_s / length_s).clamp(0.0, 1.0) as f32;
    let size = egui::vec2(ui.available_width().min(420.0), 8.0);
    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
    ui.painter().rect_filled(rect, 4.0, d.colours.raised);
    let filled = rect.with_max_x(egui::lerp(rect.x_range(), share));
    ui.painter().rect_filled(filled, 4.0, d.colours.accent);
    let most = bytes(length_s * capture.bytes_per_second);
    let words = format!(
        "{} of {} held, {} of memory (at most {most})",
        clock(held_s),
        clock(length_s),
        bytes(capture.held.bytes as f64),
    );
    weak(ui, d, words);
    if capture.held.is_cut {
        let passes = count(capture.held.num_passes as u64);
        let words = format!("No more than the last {passes} passes are kept.");
        ui.label(RichText::new(words).size(13.0).color(d.colours.warning));
    }
}

fn choices(ui: &mut Ui, d: &mut Draw<'_>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(6.0, 6.0);
        for (index, instrument) in Instrument::ALL.into_iter().enumerate() {
            let is_there = d.state.capture.has(d.view, instrument);
            let is_chosen = is_there && d.state.capture.stems.contains(&index);
            let look = Look::of(is_chosen).colours(theme::stem_colour(instrument), theme::ON_STEM);
            let name = capital(instrument.name());
            ui.add_enabled_ui(is_there, |ui| {
                let hint = if d.state.capture.extent(d.view).mix_files > 0 {
                    "The model that played did not give this one"
                } else {
                    "The model does not give this one"
                };
                if part(ui, d, &name, look).on_disabled_hover_text(hint).clicked()
                    && !d.state.capture.stems.remove(&index)
                {
                    d.state.capture.stems.insert(index);
                }
            });
        }
        let look = Look::of(d.state.capture.mix);
        if part(ui, d, "Mix", look).clicked() {
            d.state.capture.mix = !d.state.capture.mix;
        }
    });
}

/// A button that stays in, as wide as its text.
fn part(ui: &mut Ui, d: &mut Draw<'_>, name: &str, look: Look) -> egui::Response {
    let width = width_of(ui.painter(), name, theme::strong(look.size)) + 22.0;
    let (rect, _) = ui.allocate_exact_size(egui::vec2(width, 28.0), egui::Sense::hover());
    button(ui, d, rect, (name, &format!("Save {name}")), look)
}

/// How much of what is held.
fn passes(ui: &mut Ui, d: &mut Draw<'_>) {
    const PASSES: [(Passes, &str, &str); 2] = [
        (Passes::Last, "Last pass", "What was played last; in a loop its last whole pass"),
        (Passes::All, "All", "All that is held: files of their own for each pass and jump"),
    ];
    let held = &d.view.capture.held;
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(egui::vec2(180.0, 28.0), egui::Sense::hover());
        let chosen = PASSES.iter().position(|(it, ..)| *it == d.state.capture.passes);
        let choices = PASSES.map(|(_, name, hint)| (name, hint));
        let row = ("Save", chosen.unwrap_or(usize::MAX));
        if let Some(index) = segmented(ui, d, rect, row, &choices, 13.5) {
            d.state.capture.passes = PASSES[index].0;
        }
        let length = clock(d.state.capture.extent(d.view).seconds);
        if held.num_passes > 0 {
            let words = match d.state.capture.passes {
                Passes::Last => length,
                Passes::All if held.num_passes == 1 => format!("{length}, one pass"),
                Passes::All => format!("{length}, {} passes", count(held.num_passes as u64)),
            };
            weak(ui, d, words);
        }
    });
}

fn place(ui: &mut Ui, d: &mut Draw<'_>) {
    let default = &d.view.capture.default_folder;
    let folder = d.state.capture.folder.get_or_insert_with(|| default.clone());
    let name = &mut d.state.capture.name;
    let weak = d.colours.weak;
    for (label, text, words) in
        [("Folder", folder, "Capture folder"), ("Name", name, "Capture name")]
    {
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(50.0, 28.0), egui::Sense::hover());
            put(ui.painter(), rect, egui::Align2::LEFT_CENTER, label, theme::plain(13.0), weak);
            let width = ui.available_width().min(420.0 - 58.0);
            ui.add(TextEdit::singleline(text).desired_width(width)).accessible_name(words);
        });
    }
}

fn save(ui: &mut Ui, d: &mut Draw<'_>) {
    let stems = d.state.capture.instruments(d.view);
    let mix = d.state.capture.mix;
    let folder = d.state.capture.folder.as_deref().unwrap_or_default();
    let folder = path_of(folder, &d.view.home_folder);
    let extent = d.state.capture.extent(d.view);
    let parts = stems.iter().map(|&stem| CapturePart::Stem(stem));
    let parts: Vec<CapturePart> = parts.chain(mix.then_some(CapturePart::Mix)).collect();
    let num_files = extent.num_files(&parts);
    let capture = &d.view.capture;
    let is_held = capture.held.all.seconds > 0.0;
    let is_ready = num_files > 0 && capture.busy.is_none() && folder.is_ok();
    ui.horizontal_wrapped(|ui| {
        let text = match num_files {
            0 => "Save WAV files".to_owned(),
            1 => "Save 1 WAV file".to_owned(),
            number => format!("Save {} WAV files", count(number as u64)),
        };
        let text = RichText::new(text).font(theme::strong(14.0));
        let button = Button::new(text).min_size(egui::vec2(140.0, 32.0));
        let response = ui.add_enabled(is_ready, button).on_disabled_hover_text(match &folder {
            _ if !is_held => "Nothing is held yet: switch the capture on and play",
            _ if num_files == 0 => "Choose what to save",
            Err(hint) => *hint,
            Ok(_) => "The last files are being written",
        });
        match folder {
            Ok(folder) => {
                if response.clicked() {
                    let (name, passes) = (d.state.capture.name.clone(), d.state.capture.passes);
                    let save = CaptureAction::Save { stems, mix, passes, folder, name };
                    d.out.push(Action::Capture(save));
                }
                weak(ui, d, "32-bit float, aligned to the project's timeline");
            }
            Err(hint) => {
                ui.label(RichText::new(hint).size(13.0).color(d.colours.warning));
            }
        }
    });
}

fn result(ui: &mut Ui, d: &mut Draw<'_>) {
    let capture = &d.view.capture;
    outcome(ui, d, capture.busy.as_deref(), capture.message.as_ref());
    for path in &capture.saved {
        ui.horizontal(|ui| {
            let copy = ui.button(RichText::new("Copy path").size(13.0)).on_hover_text(path);
            if copy.accessible_name(format!("Copy {path}")).clicked() {
                ui.ctx().copy_text(path.clone());
            }
            let name = std::path::Path::new(path).file_name();
            let name =
                name.map_or_else(|| path.clone(), |name| name.to_string_lossy().into_owned());
            ui.add(egui::Label::new(RichText::new(name).size(13.0)).truncate());
        });
    }
    let more = capture.num_saved.saturating_sub(capture.saved.len());
    if more > 0 {
        weak(ui, d, format!("and {} more in the same folder", count(more as u64)));
    }
}
