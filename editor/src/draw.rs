//! The window: where everything stands.

use egui::{Id, Rect, Sense, Ui, Vec2, pos2, vec2};
use soloist::streaming::MixMode;

use crate::action::{Action, ModelAction};
use crate::state::{EditorState, Tab};
use crate::theme::{self, Palette};
use crate::view::View;
use crate::widgets::{put, take_focus};
use crate::{banner, controls, header, instruments, keys, mixer, panels, spectrogram, status};

/// The smallest window in which nothing is cut off, in points.
pub const MIN_SIZE: Vec2 = vec2(640.0, 440.0);

/// What every part draws from and writes to.
pub(crate) struct Draw<'a> {
    pub view: &'a View,
    pub state: &'a mut EditorState,
    pub out: Vec<Action>,
    pub colours: Palette,
    /// Seconds of the window's own clock.
    pub now: f64,
}

/// Draws the whole window into `ui` and returns what the user asked for, in order.
pub fn draw(ui: &mut Ui, view: &View, state: &mut EditorState) -> Vec<Action> {
    if state.styled != Some(view.theme) {
        theme::apply(ui.ctx(), view.theme);
        ui.reset_style();
        state.styled = Some(view.theme);
    }
    let (now, elapsed_s) = ui.input(|input| (input.time, input.stable_dt));
    state.update_peaks(view, elapsed_s);
    let colours = theme::palette(view.theme);
    let mut d = Draw { view, state, out: Vec::new(), colours, now };
    keys::leave_to_host(ui, &d);
    background(ui, &mut d);
    keys::act(ui, &mut d);
    take_dropped(&mut d);
    lay_out(ui, &mut d);
    show_target(ui, &d);
    if let Some(rest_s) = d.state.gestures.tick(now, &mut d.out) {
        ui.ctx().request_repaint_after_secs(rest_s as f32);
    }
    d.out
}

/// A press on bare ground gives the keyboard to the window.
fn background(ui: &Ui, d: &mut Draw<'_>) {
    let rect = ui.max_rect();
    ui.painter().rect_filled(rect, 0.0, d.colours.back);
    let ground = ui.interact(rect, Id::unique("ground"), Sense::click());
    let (keys, pressed) = ui.input(|input| {
        let moves = [egui::Key::Tab, egui::Key::ArrowUp, egui::Key::ArrowDown];
        let more = [egui::Key::ArrowLeft, egui::Key::ArrowRight];
        let keys = moves.iter().chain(&more).any(|&key| input.key_pressed(key));
        (keys, input.pointer.any_pressed())
    });
    if keys || pressed {
        d.state.uses_keys = keys;
    }
    take_focus(&ground);
}

/// What is dropped on the window is a model to install.
fn take_dropped(d: &mut Draw<'_>) {
    for path in std::mem::take(&mut d.state.dropped) {
        d.state.tab = Tab::Models;
        d.out.push(Action::Model(ModelAction::Install(path)));
    }
}

/// While files are held over the window, it says what it does with them.
fn show_target(ui: &Ui, d: &Draw<'_>) {
    if !d.state.hovers_files {
        return;
    }
    let whole = ui.max_rect();
    ui.painter().rect_filled(whole, 0.0, d.colours.back.gamma_multiply(0.85));
    let frame = whole.shrink(16.0);
    let stroke = egui::Stroke::new(2.5, d.colours.accent);
    ui.painter().rect_stroke(frame, 12.0, stroke, egui::StrokeKind::Inside);
    let words = "Drop a model\u{2019}s folder to install it";
    let align = egui::Align2::CENTER_CENTER;
    put(ui.painter(), frame, align, words, theme::strong(20.0), d.colours.text);
}

fn lay_out(ui: &mut Ui, d: &mut Draw<'_>) {
    let whole = ui.max_rect();
    let gap = if whole.height() > 560.0 { 12.0 } else { 8.0 };
    let inner = whole.shrink2(vec2(gap + 2.0, 0.0));
    let (top, rest) = inner.split_top_bottom_at_y(inner.top() + gap + 34.0);
    header::header(ui, d, top.with_min_y(top.bottom() - 34.0));
    let (body, bottom) = rest.split_top_bottom_at_y(rest.bottom() - 30.0);
    status::status(ui, d, bottom);
    let body = body.with_min_y(body.top() + gap);
    let side = (0.255 * whole.width()).clamp(190.0, 300.0);
    let (left, right) = body.split_left_right_at_x(body.right() - side);
    let left = left.with_max_x(left.right() - gap);
    let row = (0.105 * whole.height()).clamp(44.0, 84.0);
    let (buttons, stage) = left.split_top_bottom_at_y(left.top() + row);
    instruments::instruments(ui, d, buttons);
    controls::controls(ui, d, right, row, gap);
    let mut stage = stage.with_min_y(stage.top() + gap);
    if let Some(height) = banner::height(d) {
        let (place, below) = stage.split_top_bottom_at_y(stage.top() + height);
        banner::banner(ui, d, place);
        stage = below.with_min_y(below.top() + gap);
    }
    show_stage(ui, d, stage, gap);
}

fn show_stage(ui: &mut Ui, d: &mut Draw<'_>, stage: Rect, gap: f32) {
    match d.state.tab {
        Tab::Sound if d.view.mode == MixMode::Remix => {
            let height = (0.46 * stage.height()).clamp(150.0, 300.0);
            let split = stage.bottom() - height;
            let upper = Rect::from_min_max(stage.min, pos2(stage.right(), split - gap));
            spectrogram::show(ui, d, upper);
            mixer::mixer(ui, d, Rect::from_min_max(pos2(stage.left(), split), stage.max));
        }
        Tab::Sound => spectrogram::show(ui, d, stage),
        Tab::Models => panels::models(ui, d, stage),
        Tab::Capture => panels::capture(ui, d, stage),
        Tab::Health => panels::health(ui, d, stage),
    }
}
