//! From the system's events to egui's.

use baseview::{MouseButton, MouseEvent, ScrollDelta};
use egui::{
    Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase,
};
use keyboard_types::{Code, Key as SystemKey, KeyState, KeyboardEvent, Modifiers as Held};

/// What has happened since the last frame.
#[derive(Default)]
pub struct Input {
    /// In egui's terms.
    pub events: Vec<Event>,
    /// What is held.
    pub modifiers: Modifiers,
    pointer: Option<Pos2>,
}

impl Input {
    /// A mouse event other than those of dropped files; `scale` is pixels a point.
    pub fn mouse(&mut self, event: &MouseEvent, scale: f64) {
        match event {
            MouseEvent::CursorMoved { position, modifiers } => {
                self.hold(*modifiers);
                let place = position.to_logical::<f32>(scale);
                let place = egui::pos2(place.x, place.y);
                self.pointer = Some(place);
                self.events.push(Event::PointerMoved(place));
            }
            MouseEvent::ButtonPressed { button, modifiers } => {
                self.button(*button, *modifiers, true)
            }
            MouseEvent::ButtonReleased { button, modifiers } => {
                self.button(*button, *modifiers, false);
            }
            MouseEvent::WheelScrolled { delta, modifiers } => {
                self.hold(*modifiers);
                let (unit, x, y) = match *delta {
                    ScrollDelta::Lines { x, y } => (MouseWheelUnit::Line, x, y),
                    ScrollDelta::Pixels { x, y } => {
                        (MouseWheelUnit::Point, x / scale as f32, y / scale as f32)
                    }
                };
                self.events.push(Event::MouseWheel {
                    unit,
                    delta: egui::vec2(x, y),
                    modifiers: self.modifiers,
                    phase: TouchPhase::Move,
                    source: MouseWheelSource::Unknown,
                });
            }
            MouseEvent::CursorLeft => {
                self.pointer = None;
                self.events.push(Event::PointerGone);
            }
            _ => {}
        }
    }

    fn button(&mut self, button: MouseButton, modifiers: Held, pressed: bool) {
        self.hold(modifiers);
        let button = match button {
            MouseButton::Left => PointerButton::Primary,
            MouseButton::Right => PointerButton::Secondary,
            MouseButton::Middle => PointerButton::Middle,
            _ => return,
        };
        if let Some(pos) = self.pointer {
            let modifiers = self.modifiers;
            self.events.push(Event::PointerButton { pos, button, pressed, modifiers });
        }
    }

    /// A key; `paste` reads the clipboard where the key asks for it.
    pub fn key(&mut self, event: &KeyboardEvent, paste: impl FnOnce() -> Option<String>) {
        self.hold(event.modifiers);
        let pressed = event.state == KeyState::Down;
        let modifiers = self.modifiers;
        if let Some(key) = egui_key(&event.key) {
            let repeat = event.repeat;
            self.events.push(Event::Key { key, physical_key: None, pressed, repeat, modifiers });
        }
        if !pressed {
            return;
        }
        match event.code {
            Code::KeyX if modifiers.command => self.events.push(Event::Cut),
            Code::KeyC if modifiers.command => self.events.push(Event::Copy),
            Code::KeyV if modifiers.command => self.events.extend(paste().map(Event::Paste)),
            _ => {
                if let SystemKey::Character(text) = &event.key
                    && !modifiers.ctrl
                    && !modifiers.command
                {
                    self.events.push(Event::Text(text.clone()));
                }
            }
        }
    }

    fn hold(&mut self, held: Held) {
        let modifiers = egui_modifiers(held);
        if modifiers != self.modifiers {
            self.modifiers = modifiers;
            self.events.push(Event::ModifiersChanged(modifiers));
        }
    }
}

/// Whether the window answers this key while something in it has the focus and no text is edited.
pub fn is_answered(event: &KeyboardEvent) -> bool {
    let modifiers = egui_modifiers(event.modifiers);
    egui_key(&event.key).is_some_and(|key| soloist_editor::is_answered(key, modifiers))
}

fn egui_modifiers(held: Held) -> Modifiers {
    let is_mac = cfg!(target_os = "macos");
    Modifiers {
        alt: held.alt(),
        ctrl: held.ctrl(),
        shift: held.shift(),
        mac_cmd: is_mac && held.meta(),
        command: if is_mac { held.meta() } else { held.ctrl() },
    }
}

/// egui has the same names for keys as the system's, but for characters.
pub fn egui_key(key: &SystemKey) -> Option<Key> {
    match key {
        SystemKey::Character(text) if text == " " => Some(Key::Space),
        SystemKey::Character(text) => Key::from_name(&text.to_uppercase()),
        named => Key::from_name(&named.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use keyboard_types::NamedKey;

    use super::*;

    fn character(text: &str) -> SystemKey {
        SystemKey::Character(text.to_owned())
    }

    #[test]
    fn every_key_that_the_window_answers_is_known() {
        for key in soloist_editor::KEYS {
            let name = format!("{key:?}");
            let written = name.strip_prefix("Num").unwrap_or(&name);
            let system = match written.len() {
                1 => character(&written.to_lowercase()),
                _ => written.parse().unwrap(),
            };
            assert_eq!(egui_key(&system), Some(key), "{name}");
        }
        assert_eq!(egui_key(&character(" ")), Some(Key::Space));
        assert_eq!(egui_key(&character("A")), Some(Key::A), "with shift");
        assert_eq!(egui_key(&"Shift".parse().unwrap()), None);
    }

    fn press(key: SystemKey, code: Code, modifiers: Held) -> Vec<Event> {
        let mut input = Input::default();
        let event =
            KeyboardEvent { state: KeyState::Down, key, code, modifiers, ..Default::default() };
        input.key(&event, || Some("pasted".to_owned()));
        input.events.retain(|event| !matches!(event, Event::ModifiersChanged(_)));
        input.events
    }

    #[test]
    fn characters_are_text_and_shortcuts_are_not() {
        let typed = press(character("a"), Code::KeyA, Held::empty());
        assert_eq!(typed.last(), Some(&Event::Text("a".to_owned())));
        let command = if cfg!(target_os = "macos") { Held::META } else { Held::CONTROL };
        let pasted = press(character("v"), Code::KeyV, command);
        assert_eq!(pasted.last(), Some(&Event::Paste("pasted".to_owned())));
        assert_eq!(press(character("c"), Code::KeyC, command).last(), Some(&Event::Copy));
        let other = press(character("s"), Code::KeyS, command);
        assert!(!other.iter().any(|event| matches!(event, Event::Text(_))), "{other:?}");
    }

    #[test]
    fn shortcuts_are_the_hosts_and_letters_the_windows() {
        let answered = |key: SystemKey, held| {
            let event = KeyboardEvent { key, modifiers: held, ..KeyboardEvent::default() };
            is_answered(&event)
        };
        let keys = || ["a", "x", "r", "b", "i", "1", "6"].map(character);
        let named = || [SystemKey::Named(NamedKey::Delete), SystemKey::Named(NamedKey::ArrowUp)];
        let system = if cfg!(target_os = "macos") { Held::META } else { Held::CONTROL };
        for key in keys().into_iter().chain(named()) {
            for held in [Held::empty(), Held::SHIFT] {
                assert!(answered(key.clone(), held), "{key:?} {held:?}");
            }
            for held in [system, Held::CONTROL, Held::ALT, system | Held::SHIFT] {
                assert!(!answered(key.clone(), held), "{key:?} {held:?}");
            }
        }
        assert!(!answered(character("s"), Held::empty()));
    }

    #[test]
    fn the_pointer_is_in_points_and_buttons_know_where_it_is() {
        let mut input = Input::default();
        let modifiers = Held::SHIFT;
        let press = MouseEvent::ButtonPressed { button: MouseButton::Left, modifiers };
        input.mouse(&press, 2.0);
        assert!(!input.events.iter().any(|event| matches!(event, Event::PointerButton { .. })));
        let position = baseview::dpi::PhysicalPosition::new(100.0, 60.0);
        input.mouse(&MouseEvent::CursorMoved { position, modifiers }, 2.0);
        input.mouse(&press, 2.0);
        let place = egui::pos2(50.0, 30.0);
        assert!(input.events.contains(&Event::PointerMoved(place)));
        assert!(matches!(input.events.last(), Some(Event::PointerButton { pos, modifiers, .. })
            if *pos == place && modifiers.shift));
    }
}
