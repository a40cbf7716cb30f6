//! The command-line tool without a render: usage, refusals, models, pictures. Every way to fail
//! gives one sentence, a non-zero exit code, and no file.

#![allow(clippy::unwrap_used)]

mod cli_common;

use std::fs;
use std::path::{Path, PathBuf};

use cli_common::{complaint, listing, music, put, repository_models, run, soloist, succeed};
use serde_json::Value;
use soloist::files::Audio;
use tempfile::TempDir;

/// Runs `isolate` on `input` and returns its complaint; nothing may be left in the folder.
fn isolate_fails(dir: &TempDir, input: &Path, more: &[&str], code: i32) -> String {
    let before = listing(dir.path());
    let output = dir.path().join("out.wav");
    let mut command = soloist();
    command.arg("isolate").arg(input).arg("-o").arg(&output).args(["-i", "drums"]).args(more);
    command.arg("--models-dir").arg(repository_models());
    let text = complaint(&command.output().unwrap(), code);
    assert_eq!(listing(dir.path()), before, "{text}");
    text
}

/// A library that is no onnxruntime: one of the compiler's plug-ins that the build left.
fn foreign_library() -> PathBuf {
    let deps = Path::new(env!("CARGO_BIN_EXE_soloist")).with_file_name("deps");
    let is_library = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ending == std::env::consts::DLL_EXTENSION)
    };
    let files = fs::read_dir(deps).unwrap().map(|entry| entry.unwrap().path());
    files.filter(is_library).min().expect("the build has compiler plug-ins")
}

#[test]
fn wrong_usage_has_exit_code_two() {
    for line in [
        "",
        "bounce a.wav",
        "isolate a.wav -i drums",
        "isolate a.wav -o b.wav",
        "isolate a.wav -o b.wav -i kazoo",
        "isolate a.wav -o b.wav -i drums --mix 120",
        "isolate a.wav -o b.wav -i drums --format 12",
        "isolate a.wav -o b.mp3 -i drums",
        "separate -o out",
        "spectrogram a.wav -o b.jpg",
    ] {
        let output = run(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(!output.stderr.is_empty(), "{line}");
    }
}

#[test]
fn help_and_version_are_no_failures() {
    for line in ["--help", "--version", "isolate --help", "separate --help", "models --help"] {
        let text = succeed(&run(&line.split_whitespace().collect::<Vec<_>>()));
        assert!(text.to_lowercase().contains("soloist"), "{line}: {text}");
    }
}

#[test]
fn inputs_that_cannot_be_read_are_named_with_the_reason() {
    let dir = TempDir::new().unwrap();
    let text = isolate_fails(&dir, &dir.path().join("absent.wav"), &[], 1);
    assert!(text.contains("absent.wav") && text.contains("cannot read"), "{text}");
    for (name, bytes, expected) in [
        ("empty.wav", &b""[..], "is empty: expected an audio file, found 0 bytes"),
        ("words.mp3", &b"no sound in here"[..], "is not audio that can be read: expected WAV"),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let text = isolate_fails(&dir, &path, &[], 1);
        assert!(text.contains(expected) && text.contains(name), "{text}");
    }
    let silent = put(&dir, "none.wav", &Audio::silence(44_100, 2, 0));
    let text = isolate_fails(&dir, &silent, &[], 1);
    assert!(text.contains("holds no audio: expected at least 1 frame"), "{text}");
    let wide = put(&dir, "wide.wav", &Audio::silence(44_100, 6, 9));
    let text = isolate_fails(&dir, &wide, &[], 1);
    assert!(text.contains("has 6 channels: expected 1 or 2"), "{text}");
}

#[test]
fn damage_that_breaks_a_decoder_is_one_sentence_too() {
    let dir = TempDir::new().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/audio");
    let mut bytes = fs::read(fixtures.join("float64.wav")).unwrap();
    let format = bytes.windows(4).position(|window| window == b"fmt ").unwrap();
    // A channel mask that symphonia 0.6.1 overflows on, and a cut for builds that do not check.
    bytes[format + 28..format + 32].copy_from_slice(&[0, 0, 0, 0x80]);
    bytes.truncate(format + 60);
    let path = dir.path().join("mask.wav");
    fs::write(&path, bytes).unwrap();
    isolate_fails(&dir, &path, &[], 1);
}

#[test]
fn a_wrong_model_name_lists_the_right_ones() {
    let dir = TempDir::new().unwrap();
    let input = put(&dir, "in.wav", &music(44_100, 1, 100));
    let text = isolate_fails(&dir, &input, &["--model", "symphony"], 1);
    assert!(text.contains("no model named \"symphony\" is installed"), "{text}");
    assert!(text.contains("studio"), "{text}");
    let text = isolate_fails(&dir, &input, &["--models-dir", "absent"], 2);
    assert!(text.contains("--models-dir \"absent\" is not a folder"), "{text}");
}

#[test]
fn a_missing_or_foreign_runtime_is_told() {
    let dir = TempDir::new().unwrap();
    let input = put(&dir, "in.wav", &music(44_100, 1, 100));
    let text_file = put(&dir, "library.so", &music(44_100, 1, 10));
    for path in [dir.path().join("absent.so"), text_file, foreign_library()] {
        let text = isolate_fails(&dir, &input, &["--runtime", path.to_str().unwrap()], 1);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(text.contains("the onnxruntime library"), "{text}");
        assert!(text.contains(name) && text.contains("cannot be used"), "{text}");
    }
    let text = complaint(
        &soloist()
            .env("SOLOIST_ONNXRUNTIME", dir.path().join("from-environment.so"))
            .arg("isolate")
            .arg(&input)
            .arg("-o")
            .arg(dir.path().join("out.wav"))
            .args(["-i", "drums", "--models-dir"])
            .arg(repository_models())
            .output()
            .unwrap(),
        1,
    );
    assert!(text.contains("from-environment.so"), "{text}");
}

#[test]
fn a_tool_alone_says_where_it_looked_and_what_to_do() {
    let dir = TempDir::new().unwrap();
    let input = put(&dir, "in.wav", &music(44_100, 1, 100));
    let alone = dir.path().join("a/b/c/d").join(format!("soloist{}", std::env::consts::EXE_SUFFIX));
    fs::create_dir_all(alone.parent().unwrap()).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_soloist"), &alone).unwrap();
    let run_alone = |models: Option<PathBuf>| {
        let mut command = std::process::Command::new(&alone);
        command.env_remove("SOLOIST_ONNXRUNTIME");
        command.env("HOME", dir.path()).env("XDG_DATA_HOME", dir.path()).env("APPDATA", dir.path());
        command.arg("isolate").arg(&input).args(["-i", "drums", "-o"]).arg("out.wav");
        if let Some(models) = models {
            command.arg("--models-dir").arg(models);
        }
        // While the copy was written, another test may have forked: its child holds the file open
        // for a moment, and a file open for writing cannot be run.
        let output = loop {
            match command.output() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                done => break done.unwrap(),
            }
        };
        complaint(&output, 1)
    };
    assert!(run_alone(None).contains("no model named \"studio\" is installed: looked in "));
    let text = run_alone(Some(repository_models()));
    assert!(text.contains("the onnxruntime library was not found: looked for"), "{text}");
    assert!(text.contains("`cargo xtask setup` fetches it"), "{text}");
}

/// Size of the shipped network's file.
fn studio_bytes() -> u64 {
    fs::metadata(repository_models().join("studio/model.onnx")).unwrap().len()
}

#[test]
fn models_are_listed_with_their_facts_and_broken_ones_with_their_reason() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("broken")).unwrap();
    fs::write(dir.path().join("broken/card.toml"), "schema = 99\n").unwrap();
    let output = soloist()
        .args(["models", "--models-dir"])
        .arg(repository_models())
        .arg("--models-dir")
        .arg(dir.path())
        .output()
        .unwrap();
    let text = succeed(&output);
    for expected in [
        "studio ",
        "drums",
        "44100 Hz",
        "licence",
        &format!("size      {:.1} MB", studio_bytes() as f64 / 1e6),
        "broken cannot be used: the model",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn models_as_json_are_one_object_a_line() {
    let output =
        soloist().args(["models", "--json", "--models-dir"]).arg(repository_models()).output();
    let text = succeed(&output.unwrap());
    let models: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let studio = models.iter().find(|model| model["name"] == "studio").unwrap();
    assert_eq!(studio["sources"].as_array().unwrap().len(), 6);
    assert!(studio["latency_s"].as_f64().unwrap() > 0.0);
    assert_eq!(studio["bytes"], studio_bytes());
}

#[test]
fn spectrograms_are_drawn_and_not_replaced_by_accident() {
    let dir = TempDir::new().unwrap();
    let (first, second) = (
        put(&dir, "mix.wav", &music(44_100, 2, 44_100)),
        put(&dir, "stem.wav", &music(96_000, 1, 5000)),
    );
    let picture = dir.path().join("picture.png");
    let draw = |force: bool| {
        let mut command = soloist();
        command.arg("spectrogram").args([&first, &second]).arg("-o").arg(&picture);
        command.args(["--width", "200", "--height", "100"]);
        command.args(force.then_some("--force")).output().unwrap()
    };
    succeed(&draw(false));
    let bytes = fs::read(&picture).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    let text = complaint(&draw(false), 1);
    assert!(text.contains("exists already (--force replaces it)"), "{text}");
    succeed(&draw(true));
    assert_eq!(fs::read(&picture).unwrap(), bytes);
    assert_eq!(listing(dir.path()).len(), 3);
}
