//! What clicks, keys and typed text ask for.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;

use common::{Window, open, states};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use soloist::model::Instrument;
use soloist::streaming::CaptureSummary;
use soloist_editor::{Action, CaptureAction, Engine, ModelAction, Param, Passes, Tab, Theme, View};

fn opened(view: View, tab: Tab) -> Harness<'static, Window> {
    let mut harness = open(view, common::USUAL);
    harness.state_mut().state.tab = tab;
    harness.run();
    harness
}

fn press(harness: &mut Harness<'_, Window>, label: &str) -> Vec<Action> {
    harness.get_by_label(label).click();
    harness.run();
    std::mem::take(&mut harness.state_mut().actions)
}

#[test]
fn buttons_say_what_they_say() {
    let mut harness = opened(states::remix(), Tab::Sound);
    let cases = [
        ("Piano", Action::Choose(Param::Instrument, 4)),
        ("Isolate", Action::Choose(Param::Mode, 0)),
        ("When late: Wait", Action::Choose(Param::Late, 2)),
        ("Latency: Balanced", Action::Choose(Param::Latency, 1)),
        ("A-B", Action::Dry(true)),
        ("Bypass", Action::Switch(Param::Bypass, true)),
        ("Theme: dark", Action::SetTheme(Theme::Light)),
        ("Guitar solo", Action::Switch(Param::Solo(Instrument::Guitar), true)),
        ("Piano mute", Action::Switch(Param::Mute(Instrument::Piano), false)),
    ];
    for (label, action) in cases {
        assert_eq!(press(&mut harness, label), [action], "{label}");
    }
}

#[test]
fn faders_follow_hand_and_keys_in_whole_gestures() {
    let mut harness = opened(states::remix(), Tab::Sound);
    let param = Param::Gain(Instrument::Bass);
    let place = harness.get_by_label("Bass gain").rect().center();
    harness.drag_at(place);
    harness.step();
    harness.hover_at(place - egui::vec2(0.0, 20.0));
    harness.step();
    harness.drop_at(place - egui::vec2(0.0, 20.0));
    harness.run();
    let actions = std::mem::take(&mut harness.state_mut().actions);
    assert!(
        matches!(&actions[..], [Action::Begin(a), .., Action::End(b)] if *a == param && *b == param)
    );
    let [_, Action::Set(_, value), _] = actions[..] else { panic!("{actions:?}") };
    assert!(value > 0.7 && value < 1.0, "{value}");

    harness.get_by_label("Bass gain").focus();
    harness.run();
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowUp);
    harness.run();
    let actions = std::mem::take(&mut harness.state_mut().actions);
    assert!(
        matches!(actions[..], [Action::Begin(_), Action::Set(_, value), Action::End(_)] if (value - 0.651).abs() < 1e-4),
        "{actions:?}"
    );
    harness.key_press(Key::Delete);
    harness.run();
    assert_eq!(harness.state().actions.last(), Some(&Action::Reset(param)));
}

#[test]
fn the_models_panel_chooses_measures_and_adds() {
    let mut harness = opened(states::normal(), Tab::Models);
    let actions = press(&mut harness, "Use wave-unet");
    let name = || "wave-unet".to_owned();
    let want = [ModelAction::Prefetch(name()), ModelAction::Choose(name())].map(Action::Model);
    assert_eq!(actions, want, "what the pointer rests on is opened ahead");
    let measured = press(&mut harness, "Measure wave-unet");
    assert_eq!(measured, [Action::Model(ModelAction::Measure(name()))]);
    assert_eq!(press(&mut harness, "Look again"), [Action::Model(ModelAction::Rescan)]);
    harness.get_by_label("Model folder").scroll_to_me();
    harness.run();
    assert_eq!(press(&mut harness, "Install"), [], "no folder is named");
    harness.get_by_label("Model folder").focus();
    harness.run();
    harness.event(egui::Event::Text("\"/models/my net\"".to_owned()));
    harness.run();
    let folder = PathBuf::from("/models/my net");
    let installed = press(&mut harness, "Install");
    assert_eq!(installed, [Action::Model(ModelAction::Install(folder.clone()))]);
    let added = press(&mut harness, "Search here");
    assert_eq!(added, [Action::Model(ModelAction::AddFolder(folder))]);
}

#[test]
fn a_chosen_model_is_in_use_only_while_it_runs() {
    for (engine, model, words) in [
        (Engine::Running, "studio", "in use"),
        (Engine::Loading, "studio", "opening"),
        (Engine::Running, "wave-unet", "opening"),
        (Engine::Stopped, "studio", "does not run"),
        (Engine::Inactive, "", "chosen"),
    ] {
        let mut view = states::normal();
        view.health.engine = engine;
        view.health.model = model.to_owned();
        let harness = opened(view, Tab::Models);
        for label in ["in use", "opening", "does not run", "chosen"] {
            let is_there = harness.query_by_label(label).is_some();
            assert_eq!(is_there, label == words, "{engine:?} {model}: {label}");
        }
    }
}

#[test]
fn a_folder_that_is_dropped_on_the_window_is_installed() {
    let mut harness = opened(states::normal(), Tab::Sound);
    harness.state_mut().state.hover_files(true);
    harness.run();
    let folder = PathBuf::from("/downloads/choir");
    harness.state_mut().state.drop_files(std::slice::from_ref(&folder));
    harness.run();
    let installed = [Action::Model(ModelAction::Install(folder))];
    assert_eq!(harness.state().actions, installed);
    assert_eq!(harness.state().state.tab, Tab::Models, "which says how it went");
}

#[test]
fn the_capture_panel_keeps_chooses_and_saves() {
    let mut harness = opened(states::captured(), Tab::Capture);
    let set = |length| [Action::Capture(CaptureAction::SetLength(length))];
    assert_eq!(press(&mut harness, "Keep: 5 min"), set(Some(300.0)));
    assert_eq!(press(&mut harness, "Keep: Off"), set(None));
    for label in ["Save Drums", "Save Other", "Save Mix"] {
        assert_eq!(press(&mut harness, label), []);
    }
    let want = |passes| {
        let stems =
            vec![Instrument::Vocals, Instrument::Bass, Instrument::Guitar, Instrument::Piano];
        let (folder, name) = ("/home/ana/Music".into(), "take".to_owned());
        [Action::Capture(CaptureAction::Save { stems, mix: false, passes, folder, name })]
    };
    assert_eq!(press(&mut harness, "Save 4 WAV files"), want(Passes::Last));
    // A loop: the button says how many files all of its passes are.
    assert_eq!(press(&mut harness, "Save: All"), []);
    assert_eq!(press(&mut harness, "Save 44 WAV files"), want(Passes::All));
    // Nothing is held: nothing to save.
    harness.state_mut().view.capture.held = CaptureSummary::default();
    harness.run();
    assert_eq!(press(&mut harness, "Save WAV files"), []);
}

fn saved_stems(actions: &[Action]) -> &[Instrument] {
    match actions {
        [Action::Capture(CaptureAction::Save { stems, .. })] => stems,
        other => panic!("{other:?}"),
    }
}

/// What is held was separated by the model of then: the one of now has no say in it.
#[test]
fn the_stems_that_are_held_can_be_saved_whatever_the_model_is_now() {
    let mut view = states::captured();
    view.sources = Some(vec![Instrument::Vocals, Instrument::Other]);
    view.capture.held.all.stem_files[Instrument::Piano as usize] = 0;
    let drums = Instrument::Drums as usize;
    view.capture.held.last_pass.stem_files = [0; 6];
    view.capture.held.last_pass.stem_files[drums] = 1;
    let mut harness = opened(view, Tab::Capture);
    press(&mut harness, "Save Mix");
    assert_eq!(saved_stems(&press(&mut harness, "Save 1 WAV file")), [Instrument::Drums]);
    press(&mut harness, "Save: All");
    let stems = Instrument::ALL.into_iter().filter(|stem| *stem != Instrument::Piano);
    let actions = press(&mut harness, "Save 55 WAV files");
    assert_eq!(saved_stems(&actions), stems.collect::<Vec<_>>());
}

/// Types `text` in place of what stands in the field `label`.
fn retype(harness: &mut Harness<'_, Window>, label: &str, text: &str) {
    harness.get_by_label(label).focus();
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run();
    harness.event(egui::Event::Text(text.to_owned()));
    harness.run();
}

#[cfg(unix)]
#[test]
fn paths_are_whole_before_anything_is_done_with_them() {
    let mut harness = opened(states::captured(), Tab::Capture);
    for (text, want) in [
        ("~/takes", Some("/home/ana/takes")),
        ("takes", None),
        ("./takes", None),
        ("/mnt/takes", Some("/mnt/takes")),
    ] {
        retype(&mut harness, "Capture folder", text);
        let actions = press(&mut harness, "Save 7 WAV files");
        let folder = actions.iter().find_map(|action| match action {
            Action::Capture(CaptureAction::Save { folder, .. }) => Some(folder.clone()),
            _ => None,
        });
        assert_eq!(folder, want.map(PathBuf::from), "{text}");
        let is_told = harness.query_by_label_contains("Name a whole path").is_some();
        assert_eq!(is_told, want.is_none(), "{text}");
    }
    let mut harness = opened(states::normal(), Tab::Models);
    harness.get_by_label("Model folder").scroll_to_me();
    harness.run();
    retype(&mut harness, "Model folder", "models/choir");
    assert_eq!(press(&mut harness, "Install"), []);
    assert_eq!(press(&mut harness, "Search here"), []);
    retype(&mut harness, "Model folder", "~/choir");
    let folder = PathBuf::from("/home/ana/choir");
    assert_eq!(
        press(&mut harness, "Install"),
        [Action::Model(ModelAction::Install(folder.clone()))]
    );
    assert_eq!(press(&mut harness, "Search here"), [Action::Model(ModelAction::AddFolder(folder))]);
}

#[test]
fn of_thousands_of_saved_files_the_first_are_listed() {
    let mut view = states::captured();
    view.capture.num_saved = 1792;
    let harness = opened(view, Tab::Capture);
    harness.get_by_label("and 1,789 more in the same folder");
}

#[test]
fn an_added_folder_can_be_taken_off_the_list() {
    let mut harness = opened(states::normal(), Tab::Models);
    harness.get_by_label("Remove /mnt/shared/networks").scroll_to_me();
    harness.run();
    let removed = press(&mut harness, "Remove /mnt/shared/networks");
    assert_eq!(removed, [Action::Model(ModelAction::RemoveFolder("/mnt/shared/networks".into()))]);
}

#[test]
fn status_and_banner_lead_to_the_words() {
    let mut harness = opened(states::normal(), Tab::Sound);
    press(&mut harness, "Engine status");
    assert_eq!(harness.state().state.tab, Tab::Health);
    for (name, view) in states::troubles() {
        let title = view.health.troubles[0].words().title;
        let mut harness = opened(view, Tab::Sound);
        press(&mut harness, &title);
        assert_eq!(harness.state().state.tab, Tab::Health, "{name}");
    }
}

#[test]
fn every_control_is_reached_with_the_tab_key_at_the_smallest_size() {
    let shape = common::Shape { width: 640.0, height: 440.0, scale: 1.0 };
    let mut harness = open(states::remix(), shape);
    harness.run();
    let mut reached = Vec::new();
    for _ in 0..80 {
        harness.key_press(Key::Tab);
        harness.run();
        let focused = harness.ctx.memory(|memory| memory.focused());
        reached.extend(focused.filter(|id| !reached.contains(id)));
    }
    // The window's ground 1, tabs 4, right of them 4, instruments 6, modes 3, strips 6 x 4, mix, focus and output with
    // their numbers 6, late 3, latency 2, status 1.
    assert_eq!(reached.len(), 54);
}
