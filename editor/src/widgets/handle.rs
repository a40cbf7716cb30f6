//! What dial, slider and fader have in common: hand, wheel, keys and double click.

use egui::{EventFilter, Key, Modifiers, Response, Role, Ui, WidgetInfo};

use super::take_focus;
use crate::action::{Action, Param};
use crate::draw::Draw;
use crate::view::Value;

/// Points of the hand for the whole range of a dial.
pub(super) const DIAL_TRAVEL: f32 = 220.0;

/// How much slower everything is with the shift key.
const FINE: f32 = 0.1;

/// A step of the wheel, and of an arrow key.
const STEP: f32 = 0.02;
const KEY_STEP: f32 = 0.01;
const PAGE_STEP: f32 = 0.1;

/// How a hand moves the value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Travel {
    /// Up and to the right is more, by the way gone.
    Relative,
    /// So many points to the right are the whole range.
    Right(f32),
    /// So many points upwards are the whole range.
    Up(f32),
}

/// Turns what happens at `response` into actions.
pub(super) fn handle(
    ui: &Ui,
    d: &mut Draw<'_>,
    response: &Response,
    (param, name, value): (Param, &str, &Value),
    travel: Travel,
) {
    let normalized = f64::from(value.normalized);
    response.widget_info(|| {
        let mut info = WidgetInfo::slider(ui.is_enabled(), normalized, name);
        info.role = Role::Slider;
        info.current_text_value = Some(value.text.clone());
        info
    });
    take_focus(response);
    if response.double_clicked() {
        d.state.gestures.close(&mut d.out);
        d.out.push(Action::Reset(param));
        return;
    }
    let is_fine = ui.input(|input| input.modifiers.shift);
    let speed = if is_fine { FINE } else { 1.0 };
    if response.drag_started() {
        d.state.gestures.hold(param, value.normalized, &mut d.out);
    }
    if response.dragged() {
        let moved = response.drag_delta();
        let delta = match travel {
            Travel::Relative => (moved.x - moved.y) / DIAL_TRAVEL,
            Travel::Right(points) => moved.x / points.max(1.0),
            Travel::Up(points) => -moved.y / points.max(1.0),
        };
        d.state.gestures.drag(param, speed * delta, &mut d.out);
    }
    if response.drag_stopped() {
        d.state.gestures.release(param, &mut d.out);
    }
    let steps = speed * STEP * wheel_steps(ui, response) + key_steps(ui, response);
    if steps != 0.0 {
        d.state.gestures.step(param, value.normalized, steps, d.now, &mut d.out);
    }
    if response.has_focus() {
        let (enter, reset) = ui.input(|input| {
            let reset = input.key_pressed(Key::Backspace) || input.key_pressed(Key::Delete);
            (input.key_pressed(Key::Enter), reset)
        });
        if enter {
            d.state.type_in(param, &value.text, d.now);
        } else if reset {
            // The last step's gesture may still be open.
            d.state.gestures.close(&mut d.out);
            d.out.push(Action::Reset(param));
        }
    }
}

/// Notches of the wheel over the control. Panels do not scroll there.
fn wheel_steps(ui: &Ui, response: &Response) -> f32 {
    if !response.hovered() {
        return 0.0;
    }
    ui.input(|input| {
        input
            .events
            .iter()
            .map(|event| match event {
                egui::Event::MouseWheel { unit, delta, .. } => {
                    // A wheel with shift held scrolls sideways on some systems.
                    let delta = if delta.y == 0.0 { delta.x } else { delta.y };
                    match unit {
                        egui::MouseWheelUnit::Point => delta / 40.0,
                        egui::MouseWheelUnit::Line | egui::MouseWheelUnit::Page => delta,
                    }
                }
                _ => 0.0,
            })
            .sum()
    })
}

/// What the arrow and page keys ask for at the focused control.
fn key_steps(ui: &Ui, response: &Response) -> f32 {
    if !response.has_focus() {
        return 0.0;
    }
    let filter =
        EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    ui.input_mut(|input| {
        let mut count = |key| {
            // Without modifiers any will do, so that those with shift come first.
            let fine = input.count_and_consume_key(Modifiers::SHIFT, key) as f32;
            FINE * fine + input.count_and_consume_key(Modifiers::NONE, key) as f32
        };
        let ends = 2.0 * (count(Key::End) - count(Key::Home));
        let pages = count(Key::PageUp) - count(Key::PageDown);
        let arrows = count(Key::ArrowUp) + count(Key::ArrowRight)
            - count(Key::ArrowDown)
            - count(Key::ArrowLeft);
        ends + PAGE_STEP * pages + KEY_STEP * arrows
    })
}
