//! The editor's contents: controls above, what the engine tells below.

use std::sync::Arc;
use std::time::Duration;

use egui::{CentralPanel, Color32, ComboBox, Context, Grid, RichText, ScrollArea, Ui};
use nice_plug::context::gui::{GuiContext, ParamSetter};
use nice_plug::prelude::Param;
use nice_plug_egui::baseview::{HandlerError, WindowSize};
use nice_plug_egui::{Frame, NiceEguiApp};

use super::widgets::{enum_box, float_slider, switch, toggle};
use super::{DisplayScale, ReportSource};
use crate::choices::ModeChoice;
use crate::params::SoloistParams;
use crate::report::Report;

/// How often the numbers are read anew.
const REFRESH_INTERVAL: Duration = Duration::from_millis(100);

const ERROR_COLOUR: Color32 = Color32::from_rgb(255, 140, 110);

/// One open window.
pub struct App {
    title: &'static str,
    params: Arc<SoloistParams>,
    reports: ReportSource,
    scale: Arc<DisplayScale>,
    host: Option<GuiContext>,
}

impl App {
    /// A window's contents, drawn from `params` and what `reports` gives; `scale` is kept.
    pub fn new(
        title: &'static str,
        params: Arc<SoloistParams>,
        reports: ReportSource,
        scale: Arc<DisplayScale>,
    ) -> Self {
        Self { title, params, reports, scale, host: None }
    }

    fn controls(&self, ui: &mut Ui, setter: &ParamSetter<'_>) {
        let params = &*self.params;
        Grid::new("controls").num_columns(2).spacing([16.0, 10.0]).show(ui, |ui| {
            row(ui, "Instrument", |ui| enum_box(ui, &params.instrument, setter));
            row(ui, "Mode", |ui| enum_box(ui, &params.mode, setter));
            row(ui, "Mix", |ui| float_slider(ui, &params.mix, setter));
            row(ui, "Focus", |ui| float_slider(ui, &params.focus, setter));
            row(ui, "Output gain", |ui| float_slider(ui, &params.output_gain, setter));
            row(ui, "When late", |ui| enum_box(ui, &params.late_policy, setter));
            row(ui, "Latency mode", |ui| enum_box(ui, &params.latency, setter));
            row(ui, "Bypass", |ui| switch(ui, &params.bypass, setter));
        });
    }

    /// Gain, solo and mute of each stem, for Remix.
    fn stems(&self, ui: &mut Ui, setter: &ParamSetter<'_>) {
        Grid::new("stems").num_columns(2).spacing([16.0, 6.0]).show(ui, |ui| {
            for stem in self.params.stems() {
                row(ui, stem.gain.name(), |ui| {
                    float_slider(ui, &stem.gain, setter);
                    toggle(ui, &stem.solo, "S", setter);
                    toggle(ui, &stem.mute, "M", setter);
                });
            }
        });
    }

    fn model_box(&self, ui: &mut Ui, report: &Report) {
        let current = self.params.model.name();
        ComboBox::from_id_salt("model").selected_text(&current).show_ui(ui, |ui| {
            for name in &report.installed {
                if ui.selectable_label(*name == current, name).clicked() {
                    self.params.model.choose(name);
                }
            }
        });
    }

    fn engine(&self, ui: &mut Ui, report: &Report) {
        Grid::new("engine").num_columns(2).spacing([16.0, 6.0]).show(ui, |ui| {
            row(ui, "Model", |ui| self.model_box(ui, report));
            row(ui, "Version", |ui| {
                ui.label(report.model_version.as_deref().unwrap_or("none"));
            });
            row(ui, "Engine", |ui| {
                ui.label(report.engine_words());
            });
            row(ui, "Latency", |ui| {
                ui.label(latency_words(report));
            });
            row(ui, "Late blocks", |ui| {
                let stream = report.stream.as_ref();
                ui.label(stream.map_or(0, |stream| stream.late_blocks()).to_string());
            });
            row(ui, "Load", |ui| {
                ui.label(load_words(report));
            });
        });
    }
}

impl NiceEguiApp for App {
    fn build(
        &mut self,
        context: Context,
        host: GuiContext,
        _frame: &mut Frame,
    ) -> Result<(), HandlerError> {
        context.set_theme(egui::Theme::Dark);
        context.all_styles_mut(|style| {
            style.visuals.override_text_color = Some(Color32::from_gray(225));
            style.spacing.slider_width = 200.0;
            style.spacing.combo_width = 160.0;
        });
        self.host = Some(host);
        Ok(())
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        let Some(host) = self.host.clone() else { return };
        let report = (self.reports)();
        ui.ctx().request_repaint_after(REFRESH_INTERVAL);
        CentralPanel::default().show(ui, |ui| {
            ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
                ui.heading(self.title);
                ui.add_space(6.0);
                self.controls(ui, &host.param_setter());
                if self.params.mode.value() == ModeChoice::Remix {
                    ui.separator();
                    self.stems(ui, &host.param_setter());
                }
                ui.separator();
                self.engine(ui, &report);
                let instrument = self.params.instrument.value().into();
                if let Some(words) = report.missing_instrument(instrument) {
                    ui.separator();
                    ui.label(RichText::new(words).color(ERROR_COLOUR));
                }
                problems(ui, &report);
            });
        });
    }

    fn resized(&mut self, size: WindowSize) {
        let (width, height) = (size.logical.width.round(), size.logical.height.round());
        self.scale.store(size.scale_factor);
        self.params.editor_size.store(width as u32, height as u32);
    }

    fn editor_closed(&mut self) {
        self.host = None;
    }
}

fn row(ui: &mut Ui, label: &str, contents: impl FnOnce(&mut Ui)) {
    ui.label(label);
    contents(ui);
    ui.end_row();
}

fn problems(ui: &mut Ui, report: &Report) {
    let problems = report.problems();
    if problems.is_empty() {
        return;
    }
    ui.separator();
    ui.label(RichText::new("The delayed mix plays, because:").color(ERROR_COLOUR));
    for problem in problems {
        ui.label(RichText::new(problem).color(ERROR_COLOUR));
    }
    if report.resource_dirs.is_empty() {
        ui.label("No resources folder was found beside the plugin.");
    }
    for dir in &report.resource_dirs {
        ui.label(RichText::new(format!("Resources: {}", dir.display())).weak());
    }
}

fn load_words(report: &Report) -> String {
    let stream = report.stream.as_ref();
    let load = stream.and_then(|stream| stream.load());
    let run = |quantile| stream.and_then(|stream| stream.run_quantile_ms(quantile));
    match (load, run(0.5), run(0.99)) {
        (Some(load), Some(median_ms), Some(p99_ms)) => {
            let percent = 100.0 * load;
            format!("{percent:.0} % of real time, {median_ms:.0} ms a run (99 %: {p99_ms:.0} ms)")
        }
        _ => "not known yet".to_owned(),
    }
}

fn latency_words(report: &Report) -> String {
    if report.sample_rate_hz > 0.0 {
        format!("{} samples ({:.0} ms)", report.latency_frames, report.latency_ms())
    } else {
        "not active".to_owned()
    }
}
