//! Every state of the window as a picture.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p soloist-editor --test snapshots` takes new ones. The pictures are
//! drawn on the CPU (`common/raster.rs`), so they need no driver and are the same everywhere but for
//! rounding, which the comparison's threshold forgives; no pixel may be further off.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Shape, USUAL, open, states};
use egui_kittest::kittest::Queryable;
use egui_kittest::{SnapshotOptions, SnapshotResults, try_image_snapshot_options};
use soloist::model::Instrument;
use soloist::streaming::{CaptureSummary, MixMode};
use soloist_editor::{CaptureView, Clock, Engine, Health, Message, Tab, Theme, View};

const SMALL: Shape = Shape { width: 640.0, height: 440.0, scale: 1.0 };
const LARGE: Shape = Shape { width: 1360.0, height: 850.0, scale: 1.0 };
const DOUBLE: Shape = Shape { width: 640.0, height: 440.0, scale: 2.0 };

fn check(results: &mut SnapshotResults, name: &str, view: View, tab: Tab, shape: Shape) {
    let mut harness = open(view, shape);
    harness.state_mut().state.tab = tab;
    harness.run();
    results.add(harness.try_snapshot(name));
}

#[test]
fn the_usual_window_dark_and_light() {
    let mut results = SnapshotResults::new();
    for theme in [Theme::Dark, Theme::Light] {
        let name = theme.name();
        let view = View { theme, ..states::normal() };
        check(&mut results, &format!("normal-{name}"), view, Tab::Sound, USUAL);
        let view = View { theme, ..states::remix() };
        check(&mut results, &format!("remix-{name}"), view, Tab::Sound, USUAL);
        let view = View { theme, ..states::normal() };
        check(&mut results, &format!("models-{name}"), view, Tab::Models, USUAL);
        let view = View { theme, ..states::captured() };
        check(&mut results, &format!("capture-{name}"), view, Tab::Capture, USUAL);
        let view = View { theme, ..states::normal() };
        check(&mut results, &format!("health-{name}"), view, Tab::Health, USUAL);
    }
}

#[test]
fn each_instrument_alone_and_removed() {
    let mut results = SnapshotResults::new();
    for instrument in Instrument::ALL {
        let view = View { instrument, ..states::normal() };
        check(&mut results, &format!("isolate-{instrument}"), view, Tab::Sound, SMALL);
    }
    let view = View { instrument: Instrument::Drums, mode: MixMode::Remove, ..states::normal() };
    check(&mut results, "remove-drums", view, Tab::Sound, SMALL);
}

#[test]
fn every_panel_at_three_sizes_and_at_twice_the_scale() {
    let mut results = SnapshotResults::new();
    for (name, shape) in [("small", SMALL), ("large", LARGE), ("double", DOUBLE)] {
        check(&mut results, &format!("remix-{name}"), states::solo(), Tab::Sound, shape);
    }
    for (name, tab) in [("models", Tab::Models), ("capture", Tab::Capture), ("health", Tab::Health)]
    {
        check(&mut results, &format!("{name}-small"), states::captured(), tab, SMALL);
    }
    // The whole of it, with the folders that were added.
    check(&mut results, "models-large", states::normal(), Tab::Models, LARGE);
}

#[test]
fn everything_that_can_be_wrong() {
    let mut results = SnapshotResults::new();
    for (name, view) in states::troubles() {
        // The picture has been seen elsewhere.
        let view = View { clock: Clock::default(), ..view };
        check(&mut results, &format!("trouble-{name}"), view.clone(), Tab::Sound, SMALL);
        check(&mut results, &format!("trouble-{name}-health"), view, Tab::Health, SMALL);
    }
    let mut view = View { theme: Theme::Light, clock: Clock::default(), ..states::normal() };
    let troubles = states::troubles().into_iter().flat_map(|(_, view)| view.health.troubles);
    view.health.troubles = troubles.collect();
    check(&mut results, "trouble-all-light", view, Tab::Sound, USUAL);
}

#[test]
fn bypass_comparison_and_what_has_not_begun() {
    let mut results = SnapshotResults::new();
    let view = View { bypass: true, ..states::normal() };
    check(&mut results, "bypass", view, Tab::Sound, SMALL);
    let view = View { is_dry: true, ..states::normal() };
    check(&mut results, "dry", view, Tab::Sound, SMALL);
    let inactive = View {
        clock: Clock::default(),
        health: Health { model: "studio".to_owned(), ..Health::default() },
        ..states::normal()
    };
    check(&mut results, "inactive", inactive, Tab::Sound, SMALL);
    let mut loading = View { clock: Clock::default(), ..states::normal() };
    loading.health.engine = Engine::Loading;
    check(&mut results, "loading", loading, Tab::Sound, SMALL);
}

#[test]
fn jobs_under_way_and_failed() {
    let mut results = SnapshotResults::new();
    let mut harness = open(View { clock: Clock::default(), ..states::normal() }, SMALL);
    harness.state_mut().state.hover_files(true);
    harness.run();
    results.add(harness.try_snapshot("drop"));
    // What the keyboard is at has a ring.
    let mut harness = open(View { clock: Clock::default(), ..states::normal() }, SMALL);
    harness.get_by_label("Guitar").focus();
    harness.run();
    harness.key_press(egui::Key::Tab);
    harness.run();
    results.add(harness.try_snapshot("focus"));
    let mut view = states::normal();
    let text = "not installed: model.onnx has another SHA-256 than its card says".to_owned();
    view.models.message = Some(Message { is_good: false, text });
    check(&mut results, "models-failed", view, Tab::Models, SMALL);
    let mut view = states::normal();
    let text = "cannot write /mnt/full/take - mix.wav: no space left on device".to_owned();
    view.capture = CaptureView {
        held: CaptureSummary { is_cut: true, num_passes: 4096, ..states::held(60.0, 49.0) },
        message: Some(Message { is_good: false, text }),
        ..view.capture
    };
    check(&mut results, "capture-failed", view, Tab::Capture, SMALL);
}

/// The comparison must forgive rounding and nothing else.
#[test]
fn a_small_change_is_found_and_rounding_is_not() {
    let folder = std::env::temp_dir().join(format!("soloist-snapshots-{}", std::process::id()));
    let options = SnapshotOptions::new().output_path(&folder);
    let render = |view: View| open(view, SMALL).render().unwrap();
    let compared = |image: &image::RgbaImage| try_image_snapshot_options(image, "usual", &options);
    let usual = render(states::normal());
    std::fs::create_dir_all(&folder).unwrap();
    usual.save(folder.join("usual.png")).unwrap();
    let mut rounded = usual.clone();
    for byte in rounded.iter_mut() {
        *byte = byte.saturating_add(1);
    }
    assert!(compared(&rounded).is_ok());
    let mut changed = states::normal();
    changed.output_gain.text = "0.1 dB".to_owned();
    let outcome = compared(&render(changed));
    std::fs::remove_dir_all(&folder).unwrap();
    // Whoever takes new pictures accepts what has changed.
    assert!(outcome.is_err() || std::env::var_os("UPDATE_SNAPSHOTS").is_some());
}
