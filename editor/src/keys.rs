//! Keys, while the window has the keyboard and no text is edited.

use egui::{Event, InputState, Key, Modifiers, Ui};
use soloist::model::Instrument;

use crate::action::{Action, Param};
use crate::draw::Draw;

/// Keys that the window answers while something in it has the focus and nothing but shift is held; all
/// others are the host's.
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

/// Whether the window answers `key` while something in it has the focus and no text is edited.
#[must_use]
pub fn is_answered(key: Key, modifiers: Modifiers) -> bool {
    !is_shortcut(modifiers) && KEYS.contains(&key)
}

/// Whether a key that is pressed with these is one of the host's or the system's shortcuts.
fn is_shortcut(modifiers: Modifiers) -> bool {
    modifiers.ctrl || modifiers.command || modifiers.mac_cmd || modifiers.alt
}

/// Forgets the keys that are not the window's before anything in it sees them.
pub(crate) fn leave_to_host(ui: &Ui, d: &Draw<'_>) {
    if d.state.typing.is_some() || ui.ctx().text_edit_focused() {
        return;
    }
    // Space starts and stops the host; egui would press the focused button.
    let is_hosts = |key: Key, modifiers: Modifiers| key == Key::Space || is_shortcut(modifiers);
    ui.ctx().input_mut(|input| {
        let InputState { events, keys_down, .. } = input;
        events.retain(|event| match *event {
            Event::Key { key, modifiers, pressed: true, .. } if is_hosts(key, modifiers) => {
                keys_down.remove(&key);
                false
            }
            _ => true,
        });
    });
}

/// Does what the keys say.
pub(crate) fn act(ui: &Ui, d: &mut Draw<'_>) {
    let context = ui.ctx();
    if d.state.typing.is_some() || context.text_edit_focused() {
        return;
    }
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
