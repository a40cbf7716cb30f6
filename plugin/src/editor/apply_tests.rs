//! Clicks, drags and typing in the drawn window, through the real setter to the parameters.

use std::sync::{Arc, Mutex};

use egui::{Key, Modifiers, Pos2, pos2};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, Node};
use nice_plug::context::PluginApi;
use nice_plug::context::gui::{GuiContext, GuiContextInner};
use nice_plug::params::internals::ParamPtr;
use nice_plug::prelude::{Param, PluginState};
use soloist_editor::{EditorState, Tab, draw};

use super::*;
use crate::choices::{InstrumentChoice, LateChoice, LatencyChoice, ModeChoice};
use crate::editor::EditorLinks;
use crate::editor::jobs::Jobs;
use crate::editor::view::Viewer;
use crate::report::Report;

/// What a host hears of gestures, by the parameter's name.
#[derive(Debug, Clone, PartialEq)]
enum Heard {
    Begin(String),
    Set(String),
    End(String),
}

/// A host: it notes what it hears and sets the parameters as wrappers do.
#[derive(Default)]
struct Host(Mutex<Vec<Heard>>);

impl Host {
    fn note(&self, heard: Heard) {
        self.0.lock().unwrap().push(heard);
    }

    fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn name(param: ParamPtr) -> String {
    // SAFETY: the parameters live as long as the window.
    unsafe { param.name() }.to_owned()
}

impl GuiContextInner for Host {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }

    unsafe fn raw_begin_set_parameter(&self, param: ParamPtr) {
        self.note(Heard::Begin(name(param)));
    }

    unsafe fn raw_set_parameter_normalized(&self, param: ParamPtr, normalized: f32) {
        // SAFETY: as above.
        unsafe { param._internal_set_normalized_value(normalized) };
        self.note(Heard::Set(name(param)));
    }

    unsafe fn raw_end_set_parameter(&self, param: ParamPtr) {
        self.note(Heard::End(name(param)));
    }

    fn get_state(&self) -> PluginState {
        unreachable!("the editor asks for no state")
    }

    fn set_state(&self, _state: PluginState) {
        unreachable!("the editor sets no state")
    }

    fn request_restart(&self) {}
}

/// The window with parameters and host.
struct Rig {
    params: Arc<SoloistParams>,
    host: Arc<Host>,
    context: GuiContext,
    jobs: Arc<Jobs>,
    viewer: Viewer,
    state: EditorState,
}

fn open() -> Harness<'static, Rig> {
    let params = Arc::new(SoloistParams::default());
    let host = Arc::new(Host::default());
    let links = EditorLinks {
        reports: Arc::new(|| Arc::new(Report::default())),
        prefetch: Arc::new(|_| ()),
        look_again: Arc::new(|| ()),
        changed: Arc::new(|| ()),
    };
    let jobs = Arc::new(Jobs::default());
    let rig = Rig {
        viewer: Viewer::new("Soloist", Arc::clone(&params), links, Arc::clone(&jobs)),
        context: GuiContext::new(Arc::clone(&host) as Arc<dyn GuiContextInner>),
        params,
        host,
        jobs,
        state: EditorState::default(),
    };
    Harness::builder()
        .with_size([960.0, 640.0])
        .with_max_steps(40)
        .with_step_dt(0.05)
        .with_context_setup(soloist_editor::theme::install_fonts)
        .build_ui_state(
            |ui, rig: &mut Rig| {
                let now = ui.input(|input| input.time);
                let view = rig.viewer.view(&mut rig.state, now);
                let actions = draw(ui, &view, &mut rig.state);
                apply(&actions, &rig.params, &rig.context.param_setter(), &rig.jobs);
            },
            rig,
        )
}

fn press(harness: &mut Harness<'_, Rig>, label: &str) {
    harness.get_by_label(label).click();
    harness.run();
}

fn centre(node: &Node<'_>) -> Pos2 {
    node.rect().center()
}

/// Whether what was heard is one gesture of `param` with at least one value.
fn is_gesture(heard: &[Heard], param: &str) -> bool {
    let [first, values @ .., last] = heard else { return false };
    *first == Heard::Begin(param.to_owned())
        && *last == Heard::End(param.to_owned())
        && !values.is_empty()
        && values.iter().all(|value| *value == Heard::Set(param.to_owned()))
}

#[test]
fn every_button_is_one_gesture_of_its_parameter() {
    let mut harness = open();
    for (label, param) in [
        ("Guitar", "Instrument"),
        ("Remove", "Mode"),
        ("When late: Silence", "When Late"),
        ("Latency: Balanced", "Latency Mode"),
        ("Bypass", "Bypass"),
        ("Remix", "Mode"),
        ("Drums solo", "Drums Solo"),
        ("Other mute", "Other Mute"),
    ] {
        press(&mut harness, label);
        let heard = harness.state().host.take();
        assert!(is_gesture(&heard, param), "{label}: {heard:?}");
    }
    let params = &harness.state().params;
    assert_eq!(params.instrument.value(), InstrumentChoice::Guitar);
    assert_eq!(params.mode.value(), ModeChoice::Remix);
    assert_eq!(params.late_policy.value(), LateChoice::Silence);
    assert_eq!(params.latency.value(), LatencyChoice::Balanced);
    assert!(
        params.bypass.value() && params.stems()[1].solo.value() && params.stems()[5].mute.value()
    );
    // What is chosen already is no gesture.
    press(&mut harness, "Guitar");
    assert_eq!(harness.state().host.take(), []);
}

#[test]
fn a_drag_is_one_gesture_and_shift_makes_it_fine() {
    let mut harness = open();
    let dial = centre(&harness.get_by_label("Mix")) + egui::vec2(0.0, 90.0);
    let drag = |harness: &mut Harness<'_, Rig>, points: f32, modifiers| {
        harness.event(egui::Event::ModifiersChanged(modifiers));
        harness.drag_at(dial);
        harness.step();
        for step in 1..=5 {
            harness.hover_at(dial + egui::vec2(0.0, points * step as f32 / 5.0));
            harness.step();
        }
        harness.drop_at(dial + egui::vec2(0.0, points));
        harness.run();
        harness.event(egui::Event::ModifiersChanged(Modifiers::NONE));
    };
    drag(&mut harness, 110.0, Modifiers::NONE);
    let heard = harness.state().host.take();
    assert!(is_gesture(&heard, "Mix"), "{heard:?}");
    let coarse = 100.0 - harness.state().params.mix.value();
    assert!((30.0..60.0).contains(&coarse), "{coarse}");
    drag(&mut harness, 110.0, Modifiers::SHIFT);
    let fine = 100.0 - coarse - harness.state().params.mix.value();
    assert!(fine > 0.0 && fine < 0.2 * coarse, "{fine} {coarse}");
}

#[test]
fn a_double_click_resets() {
    let mut harness = open();
    harness.state().host.take();
    let params = Arc::clone(&harness.state().params);
    press_keys(&mut harness, "Focus", &[Key::Home]);
    assert_eq!(params.focus.value(), -100.0);
    let place = centre(&harness.get_by_label("Focus"));
    for _ in 0..2 {
        harness.drag_at(place);
        harness.drop_at(place);
    }
    harness.run();
    assert_eq!(params.focus.value(), 0.0);
}

/// Gives a control the keyboard and presses keys.
fn press_keys(harness: &mut Harness<'_, Rig>, label: &str, keys: &[Key]) {
    harness.get_by_label(label).focus();
    harness.run();
    for &key in keys {
        harness.key_press(key);
        harness.step();
    }
    // Until the gesture of the keys has ended.
    for _ in 0..16 {
        harness.step();
    }
}

#[test]
fn arrow_keys_and_wheel_are_one_gesture_that_ends() {
    let mut harness = open();
    press_keys(&mut harness, "Mix", &[Key::ArrowDown, Key::ArrowDown, Key::ArrowLeft]);
    let heard = harness.state().host.take();
    assert!(is_gesture(&heard, "Mix"), "{heard:?}");
    assert!((harness.state().params.mix.value() - 97.0).abs() < 0.11);

    let place = centre(&harness.get_by_label("Output"));
    harness.hover_at(place);
    harness.step();
    for _ in 0..3 {
        harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Line,
            delta: egui::vec2(0.0, 1.0),
            modifiers: Modifiers::NONE,
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
        });
        harness.step();
    }
    for _ in 0..16 {
        harness.step();
    }
    let heard = harness.state().host.take();
    assert!(is_gesture(&heard, "Output Gain"), "{heard:?}");
    assert!(harness.state().params.output_gain.value() > 1.0);
}

/// Begins, sets and ends in turn, of one parameter at a time: what hosts can record and undo.
fn are_gestures_in_turn(heard: &[Heard]) -> bool {
    let mut open: Option<&str> = None;
    heard.iter().all(|heard| match heard {
        Heard::Begin(name) => open.replace(name).is_none(),
        Heard::Set(name) => open == Some(name.as_str()),
        Heard::End(name) => open.take() == Some(name.as_str()),
    }) && open.is_none()
}

#[test]
fn what_comes_right_after_a_step_is_a_gesture_of_its_own() {
    let mut harness = open();
    let params = Arc::clone(&harness.state().params);
    let step = |harness: &mut Harness<'_, Rig>, label: &str| {
        harness.get_by_label(label).focus();
        harness.run();
        harness.key_press(Key::ArrowDown);
        harness.step();
        harness.state().host.take()
    };
    let after = |harness: &mut Harness<'_, Rig>, before: Vec<Heard>| {
        for _ in 0..16 {
            harness.step();
        }
        let heard = [before, harness.state().host.take()].concat();
        assert!(are_gestures_in_turn(&heard), "{heard:?}");
    };
    // The delete key.
    let before = step(&mut harness, "Mix");
    assert!((params.mix.value() - 99.0).abs() < 0.11, "{}", params.mix.value());
    harness.key_press(Key::Delete);
    harness.step();
    assert_eq!(params.mix.value(), 100.0);
    // The next step begins where the reset ended.
    harness.key_press(Key::ArrowDown);
    harness.step();
    assert!((params.mix.value() - 99.0).abs() < 0.11, "{}", params.mix.value());
    after(&mut harness, before);
    // A typed number.
    let before = step(&mut harness, "Focus");
    harness.key_press(Key::Enter);
    harness.step();
    harness.event(egui::Event::Text("40".to_owned()));
    harness.step();
    harness.key_press(Key::Enter);
    harness.step();
    assert_eq!(params.focus.value(), 40.0);
    after(&mut harness, before);
    // A preset, whose menu is open.
    press(&mut harness, "Presets");
    harness.state().host.take();
    let before = step(&mut harness, "Mix");
    harness.get_by_label("Vocals alone").click();
    harness.step();
    after(&mut harness, before);
    assert_eq!(params.focus.value(), 0.0);
}

/// Clicks a number, types another and presses enter.
fn type_value(harness: &mut Harness<'_, Rig>, label: &str, text: &str) {
    press(harness, &format!("{label} value"));
    harness.event(egui::Event::Text(text.to_owned()));
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
}

#[test]
fn numbers_are_typed_as_the_parameters_read_them() {
    let mut harness = open();
    press(&mut harness, "Remix");
    harness.state().host.take();
    type_value(&mut harness, "Mix", "42,5 %");
    type_value(&mut harness, "Output", "-6");
    type_value(&mut harness, "Bass gain", "-inf");
    let heard = harness.state().host.take();
    assert!(is_gesture(&heard[..3], "Mix") && is_gesture(&heard[6..], "Bass Gain"), "{heard:?}");
    let params = Arc::clone(&harness.state().params);
    assert!((params.mix.value() - 42.5).abs() < 1e-3);
    assert!((params.output_gain.value() + 6.0).abs() < 1e-3);
    assert_eq!(params.stems()[2].gain.value(), 0.0);
    // A slip changes nothing.
    type_value(&mut harness, "Mix", "loud");
    assert!((params.mix.value() - 42.5).abs() < 1e-3);
    assert_eq!(harness.state().host.take(), []);
    // Nor does escape.
    press(&mut harness, "Mix value");
    harness.event(egui::Event::Text("7".to_owned()));
    harness.run();
    harness.key_press(Key::Escape);
    harness.run();
    assert!((params.mix.value() - 42.5).abs() < 1e-3);
    assert_eq!(harness.state().host.take(), []);
}

#[test]
fn keys_choose_while_the_window_has_the_keyboard_and_space_is_the_hosts() {
    let mut harness = open();
    let params = Arc::clone(&harness.state().params);
    // Nothing in the window has the focus: keys are the host's.
    harness.key_press(Key::Num3);
    harness.run();
    assert_eq!(params.instrument.value(), InstrumentChoice::Vocals);
    harness.get_by_label("Drums").focus();
    harness.run();
    for (key, instrument) in
        [(Key::Num3, InstrumentChoice::Bass), (Key::Num6, InstrumentChoice::Other)]
    {
        harness.key_press(key);
        harness.run();
        assert_eq!(params.instrument.value(), instrument);
    }
    // A click gives the window the keyboard, on a control as on bare ground.
    harness.key_press(Key::Escape);
    harness.run();
    for place in [centre(&harness.get_by_label("Remove")), pos2(300.0, 400.0)] {
        harness.drag_at(place);
        harness.step();
        harness.drop_at(place);
        harness.run();
        harness.key_press(Key::Num2);
        harness.run();
        assert_eq!(params.instrument.value(), InstrumentChoice::Drums, "{place}");
        harness.key_press(Key::Num6);
        harness.run();
        harness.key_press(Key::Escape);
        harness.run();
        harness.key_press(Key::Num2);
        harness.run();
        assert_eq!(params.instrument.value(), InstrumentChoice::Other, "the host has the keys");
    }
    harness.get_by_label("Drums").focus();
    harness.run();
    harness.key_press(Key::X);
    harness.key_press(Key::A);
    harness.run();
    assert_eq!(params.mode.value(), ModeChoice::Remix);
    assert!(params.controls().bypass && !params.bypass.value(), "the mix is heard for comparison");
    harness.key_press(Key::Space);
    harness.run();
    assert_eq!(params.instrument.value(), InstrumentChoice::Other, "no button is pressed");
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(params.instrument.value(), InstrumentChoice::Drums, "the focused one is");
}

#[test]
fn keys_with_control_or_command_do_nothing_in_the_window() {
    let mut harness = open();
    let params = Arc::clone(&harness.state().params);
    press_keys(&mut harness, "Focus", &[Key::Home]);
    harness.state().host.take();
    for held in [Modifiers::CTRL, Modifiers::COMMAND, Modifiers::ALT] {
        for key in soloist_editor::KEYS {
            // What moves the focus does so before the window is drawn, and not with these held.
            harness.key_press_modifiers(held, key);
            harness.step();
        }
    }
    harness.run();
    assert_eq!(harness.state().host.take(), []);
    assert_eq!(params.focus.value(), -100.0);
    assert!(!params.dry_latch.load(Ordering::Relaxed));
    harness.key_press(Key::Delete);
    harness.run();
    assert_eq!(params.focus.value(), 0.0, "the focus has stayed");
}

#[test]
fn presets_go_the_parameters_way() {
    let mut harness = open();
    press(&mut harness, "Presets");
    press(&mut harness, "Rhythm section");
    let params = Arc::clone(&harness.state().params);
    assert_eq!(params.mode.value(), ModeChoice::Remix);
    let gains = params.controls().stems.map(|stem| stem.gain);
    assert!(gains[0] < 0.13 && (gains[1] - 1.0).abs() < 1e-4 && gains[5] < 0.13, "{gains:?}");
    let heard = harness.state().host.take();
    assert!(
        heard
            .chunks(3)
            .all(|three| matches!(&three[0], Heard::Begin(name) if is_gesture(three, name)))
    );
    // Every preset is understood in all of its words.
    for preset in &soloist_editor::PRESETS {
        for action in preset.actions() {
            let Action::SetText(param, text) = &action else { panic!("{action:?}") };
            let understood = match host_param(&params, *param) {
                AnyParam::Float(param) => param.string_to_normalized_value(text),
                AnyParam::Instrument(param) => param.string_to_normalized_value(text),
                AnyParam::Mode(param) => param.string_to_normalized_value(text),
                _ => None,
            };
            assert!(understood.is_some(), "{}: {text}", preset.name);
        }
    }
}

#[test]
fn a_window_that_closes_in_mid_gesture_ends_it() {
    let mut harness = open();
    let place = centre(&harness.get_by_label("Output"));
    harness.drag_at(place);
    harness.step();
    harness.hover_at(pos2(place.x + 30.0, place.y));
    harness.step();
    let rig = harness.state_mut();
    let actions = rig.state.close();
    apply(&actions, &rig.params, &rig.context.param_setter(), &rig.jobs);
    let heard = rig.host.take();
    assert!(is_gesture(&heard, "Output Gain"), "{heard:?}");
    assert_eq!(rig.state.close(), []);
}

#[test]
fn what_is_saved_and_is_no_parameter_is_told_to_the_host() {
    use soloist_editor::{ModelAction, Theme};
    let (told, is_told) = std::sync::mpsc::channel();
    let jobs = Jobs::default();
    jobs.link(EditorLinks {
        reports: Arc::new(|| Arc::new(Report::default())),
        prefetch: Arc::new(|_| ()),
        look_again: Arc::new(|| ()),
        changed: Arc::new(move || told.send(()).unwrap()),
    });
    let params = SoloistParams::default();
    let context = GuiContext::new(Arc::new(Host::default()) as Arc<dyn GuiContextInner>);
    let choose = |name: &str| Action::Model(ModelAction::Choose(name.to_owned()));
    let actions = [choose("wave-unet"), choose("wave-unet"), Action::SetTheme(Theme::Light)];
    for (action, count) in actions.into_iter().zip([1, 0, 1]) {
        apply(std::slice::from_ref(&action), &params, &context.param_setter(), &jobs);
        assert_eq!(is_told.try_iter().count(), count, "{action:?}");
    }
}

#[test]
fn panels_open_and_the_theme_turns_without_any_gesture() {
    let mut harness = open();
    for (label, tab) in
        [("Models", Tab::Models), ("Capture", Tab::Capture), ("Health", Tab::Health)]
    {
        press(&mut harness, label);
        assert_eq!(harness.state().state.tab, tab);
    }
    press(&mut harness, "Theme: dark");
    assert_eq!(harness.state().params.editor_theme.get(), soloist_editor::Theme::Light);
    assert_eq!(harness.state().host.take(), []);
}
