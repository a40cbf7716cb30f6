//! Keys, while the window has the keyboard and no text is edited.

use egui::{Event, Key, Modifiers, Ui};
use soloist::model::Instrument;

use crate::action::{Action, Param};
use crate::draw::Draw;

/// Keys that the window answers while something in it has the focus; all others are the host's.
pub const KEYS: [Key; 24] = [
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::Num4,
    Key::Num5,
    Key::Num6,
    Key::A,
    Key::B,
    Key::I,
    Key::R,
    Key::X,
    Key::Tab,
    Key::Enter,
    Key::Escape,
    Key::Backspace,
    Key::Delete,
    Key::ArrowUp,
    Key::ArrowDown,
    Key::ArrowLeft,
    Key::ArrowRight,
    Key::PageUp,
    Key::PageDown,
    Key::Home,
    Key::End,
];

/// Does what the keys say.
pub(crate) fn act(ui: &Ui, d: &mut Draw<'_>) {
    let context = ui.ctx();
    if d.state.typing.is_some() || context.text_edit_focused() {
        return;
    }
    // Space starts and stops the host; egui would press the focused button.
    context.input_mut(|input| {
        input.events.retain(|event| !matches!(event, Event::Key { key: Key::Space, .. }));
        input.keys_down.remove(&Key::Space);
    });
    if context.memory(|memory| memory.focused()).is_none() {
        return;
    }
    let pressed = |key| context.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    for (index, &key) in KEYS[..Instrument::ALL.len()].iter().enumerate() {
        if pressed(key) {
            d.out.push(Action::Choose(Param::Instrument, index));
        }
    }
    for (index, key) in [Key::I, Key::R, Key::X].into_iter().enumerate() {
        if pressed(key) {
            d.out.push(Action::Choose(Param::Mode, index));
        }
    }
    if pressed(Key::A) {
        d.out.push(Action::Dry(!d.view.is_dry));
    }
    if pressed(Key::B) {
        d.out.push(Action::Switch(Param::Bypass, !d.view.bypass));
    }
}
