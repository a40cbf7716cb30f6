//! The invariants of ARCHITECTURE.md that can be read off the source: who may import whom.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// Modules of the library from the bottom up; each may use those before it.
const LAYERS: [&str; 7] = ["units", "dsp", "model", "inference", "streaming", "render", "files"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The code of a file, without comments: what comments speak of is not used.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Files below `folder` (relative to the repository) in which `wanted` holds of the code.
fn offenders(folder: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    sources(&root().join(folder))
        .into_iter()
        .filter(|path| wanted(&code(path)))
        .map(|path| path.strip_prefix(root()).unwrap().display().to_string().replace('\\', "/"))
        .collect()
}

fn layer_files(layer: &str) -> Vec<PathBuf> {
    let folder = root().join("src").join(layer);
    if folder.is_dir() { sources(&folder) } else { vec![folder.with_extension("rs")] }
}

#[test]
fn imports_point_downward_only() {
    for (height, layer) in LAYERS.iter().enumerate() {
        for path in layer_files(layer) {
            let code = code(&path);
            for above in &LAYERS[height + 1..] {
                let named = format!("crate::{above}");
                assert!(!code.contains(&named), "{} names {named}", path.display());
                let grouped =
                    code.contains("use crate::{") && code.contains(&format!(" {above}::"));
                assert!(!grouped, "{} imports {above} in a group", path.display());
            }
        }
    }
}

#[test]
fn every_module_has_a_layer() {
    let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for line in library.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        assert!(LAYERS.contains(&line.trim_end_matches(';')), "{line} stands in no layer");
    }
}

#[test]
fn one_file_alone_names_ort() {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    // A word that ends in "ort" is no crate.
    let names_ort = |code: &str| {
        code.match_indices("ort::").any(|(at, _)| !code[..at].ends_with(is_word))
            || code.contains("use ort;")
    };
    assert_eq!(offenders("src", names_ort), ["src/inference/onnx.rs"]);
    assert_eq!(offenders("plugin/src", names_ort), [""; 0]);
    assert_eq!(offenders("xtask/src", names_ort), [""; 0]);
}

#[test]
fn transforms_are_planned_in_the_dsp_layer_alone() {
    let plans = |code: &str| code.contains("FftPlanner") || code.contains("use realfft");
    let found = offenders("src", plans);
    assert!(found.iter().all(|path| path.starts_with("src/dsp/")), "{found:?}");
    assert!(!found.is_empty(), "the transforms must be somewhere");
    assert_eq!(offenders("plugin/src", |code| plans(code) || code.contains("realfft")), [""; 0]);
}

#[test]
fn the_dsp_layer_knows_no_thread_and_no_file() {
    let impure = ["std::thread", "std::fs", "std::io", "std::sync::Mutex", "std::time"];
    assert_eq!(offenders("src/dsp", |code| impure.iter().any(|name| code.contains(name))), [""; 0]);
}

#[test]
fn the_library_holds_no_unsafe_code() {
    assert_eq!(offenders("src", |code| code.contains("unsafe ")), [""; 0]);
}

/// The editor's looks are drawn from plain data: no host, no engine, no thread, no file.
#[test]
fn the_editor_draws_from_plain_data() {
    let foreign = ["nice_plug", "baseview", "std::thread", "std::fs", "Mutex", "inference"];
    let names = |code: &str| foreign.iter().any(|name| code.contains(name));
    assert_eq!(offenders("editor/src", names), [""; 0]);
    assert_eq!(offenders("editor/src", |code| code.contains("unsafe ")), [""; 0]);
}

#[test]
fn the_plugin_is_a_cdylib_alone() {
    let manifest = std::fs::read_to_string(root().join("plugin/Cargo.toml")).unwrap();
    assert!(manifest.contains("crate-type = [\"cdylib\"]"), "an rlib beside it would lose LTO");
}

/// Names of what a thread may wait in.
fn waits(code: &str) -> bool {
    let names =
        ["Mutex", "RwLock", "Condvar", "Barrier", "Once:", ".lock(", "::park(", "park_timeout("];
    let more = [".recv(", "sleep(", ".join()", "wait_timeout", "spin_loop"];
    names.iter().chain(&more).any(|name| code.contains(name))
}

/// The body of the function `name`, which stands inside an `impl` of the file.
fn body<'a>(code: &'a str, name: &str) -> &'a str {
    let begin = code.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("no function {name}"));
    let end = code[begin..].find("\n    }").map_or(code.len(), |end| begin + end);
    &code[begin..end]
}

/// Locks that nobody else holds cost no time and no test by the clock finds them: the source must
/// not name any where the audio callback comes by.
#[test]
fn the_audio_callback_names_no_lock() {
    // Files that name one, and what the callback calls in them.
    let calls: [(&str, &[&str]); 18] = [
        ("plugin/src/choices.rs", &[]),
        ("plugin/src/editor/jobs.rs", &[]),
        ("plugin/src/editor/mod.rs", &[]),
        ("plugin/src/editor/windows.rs", &[]),
        ("plugin/src/handoff.rs", &["exchange"]),
        ("plugin/src/params.rs", &["controls", "latency_mode", "waits_for_results"]),
        ("plugin/src/project_changes.rs", &[]),
        ("plugin/src/session.rs", &["handoff", "take_restart_request"]),
        ("plugin/src/vst3_class/edits.rs", &["block_is_over"]),
        ("src/streaming/bell.rs", &["ring"]),
        ("src/streaming/capture/mod.rs", &[]),
        ("src/streaming/capture/writer.rs", &[]),
        ("src/streaming/pool.rs", &[]),
        ("src/streaming/priority.rs", &[]),
        ("src/streaming/scope/mod.rs", &["is_watched"]),
        ("src/streaming/service.rs", &[]),
        ("src/streaming/shared.rs", &["announce"]),
        (
            "src/streaming/status.rs",
            &["state", "count_late", "count_epoch", "set_queued_frames", "set_place", "note_stems"],
        ),
    ];
    let mut found = offenders("plugin/src", waits);
    found.extend(offenders("src/streaming", waits));
    found.extend(offenders("src/dsp", waits));
    found.retain(|path| !path.ends_with("tests.rs"));
    found.sort();
    assert_eq!(found, calls.map(|(path, _)| path), "a new file names a lock");
    for (path, functions) in calls {
        let code = code(&root().join(path));
        assert!(waits(&code), "{path}");
        for name in functions {
            let body = body(&code, name).replace("try_lock()", "");
            assert!(!waits(&body), "{path}: {name} waits");
        }
    }
}
