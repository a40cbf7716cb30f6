//! The command-line tool's renders: what comes out, in which shape, and that nothing half-done is
//! left. Needs the resources that `cargo xtask setup` makes.

#![allow(clippy::unwrap_used)]

mod cli_common;

use std::fs;
use std::path::{Path, PathBuf};

use cli_common::{
    complaint, listing, music, put, repository_models, resources, run, soloist, succeed,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use soloist::files::{Audio, read_audio, residual_dbfs};
use tempfile::TempDir;

const STEMS: [&str; 6] = ["vocals", "drums", "bass", "guitar", "piano", "other"];

/// Runs `isolate` with options and returns what was written.
fn isolate(dir: &TempDir, input: &Path, options: &str) -> Audio {
    resources();
    let output = dir.path().join("isolated.wav");
    let mut command = soloist();
    command.arg("isolate").arg(input).arg("-o").arg(&output).arg("--force");
    succeed(&command.args(options.split_whitespace()).output().unwrap());
    read_audio(&output).unwrap()
}

/// Runs `separate` on one input and returns the stems in the model's order.
fn separate(dir: &TempDir, input: &Path) -> Vec<Audio> {
    resources();
    let folder = dir.path().join("stems");
    succeed(&run(&arguments!["separate", input, "-o", &folder, "--force"]));
    let folder = folder.join(input.file_stem().unwrap());
    STEMS.map(|stem| read_audio(&folder.join(format!("{stem}.wav"))).unwrap()).into()
}

fn sum<'a>(parts: impl IntoIterator<Item = &'a Audio>) -> Audio {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap().clone();
    for part in parts {
        for (sum, channel) in total.channels.iter_mut().zip(&part.channels) {
            sum.iter_mut().zip(channel).for_each(|(sum, sample)| *sum += sample);
        }
    }
    total
}

#[test]
fn stems_lie_on_the_mix_and_sum_to_it() {
    let dir = TempDir::new().unwrap();
    for (rate_hz, num_channels, num_frames) in
        [(44_100, 2, 100_000), (48_000, 1, 30_001), (96_000, 2, 50_000), (44_100, 2, 1)]
    {
        let mix = music(rate_hz, num_channels, num_frames);
        let input = put(&dir, "mix.wav", &mix);
        let stems = separate(&dir, &input);
        let residual = residual_dbfs(&mix, &sum(&stems)).unwrap();
        assert!(residual <= -110.0, "{rate_hz} Hz, {num_channels} channels: {residual} dBFS");
    }
}

#[test]
fn isolate_equals_the_stem_and_remove_is_the_rest() {
    let dir = TempDir::new().unwrap();
    let mix = music(44_100, 2, 60_000);
    let input = put(&dir, "mix.wav", &mix);
    let stems = separate(&dir, &input);
    let drums = isolate(&dir, &input, "-i drums");
    assert_eq!(drums, stems[1]);
    let rest = isolate(&dir, &input, "-i drums --mode remove");
    let residual = residual_dbfs(&mix, &sum([&drums, &rest])).unwrap();
    assert!(residual <= -110.0, "{residual} dBFS");
}

#[test]
fn mix_amount_goes_from_the_untouched_mix_to_the_result() {
    let dir = TempDir::new().unwrap();
    let mix = music(48_000, 2, 40_000);
    let input = put(&dir, "mix.wav", &mix);
    assert_eq!(isolate(&dir, &input, "-i bass --mix 0"), mix);
    let full = isolate(&dir, &input, "-i bass");
    let half = isolate(&dir, &input, "-i bass --mix 50");
    let mut expected = sum([&mix, &full]);
    expected.channels.iter_mut().flatten().for_each(|sample| *sample *= 0.5);
    assert!(residual_dbfs(&expected, &half).unwrap() <= -110.0);
    assert!(residual_dbfs(&mix, &full).unwrap() > -40.0);
}

#[test]
fn gain_and_formats_change_the_file_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let input = put(&dir, "mix.wav", &music(44_100, 2, 20_000));
    let float = isolate(&dir, &input, "-i other");
    for (format, bits, worst_dbfs) in [("24", 24, -138.0), ("16", 16, -86.0)] {
        let stored = isolate(&dir, &input, &format!("-i other --format {format}"));
        let residual = residual_dbfs(&float, &stored).unwrap();
        assert!(residual < worst_dbfs, "{format}: {residual} dBFS");
        let header = hound::WavReader::open(dir.path().join("isolated.wav")).unwrap().spec();
        assert_eq!(header.bits_per_sample, bits);
        assert_eq!(header.sample_format, hound::SampleFormat::Int);
    }
    let mut quieter = float.clone();
    quieter.channels.iter_mut().flatten().for_each(|sample| *sample *= 0.5);
    let gained = isolate(&dir, &input, "-i other --output-gain -6.0206");
    assert!(residual_dbfs(&quieter, &gained).unwrap() < -100.0);
}

#[test]
fn latency_modes_and_the_focus_change_what_is_heard_and_no_frame_of_where() {
    let dir = TempDir::new().unwrap();
    resources();
    let mix = music(44_100, 2, 50_000);
    let input = put(&dir, "mix.wav", &mix);
    let own = isolate(&dir, &input, "-i other");
    for options in ["--latency balanced", "--focus 1", "--focus -0.5"] {
        let alone = isolate(&dir, &input, &format!("-i other {options}"));
        let rest = isolate(&dir, &input, &format!("-i other --mode remove {options}"));
        assert!(residual_dbfs(&own, &alone).unwrap() > -80.0, "{options}: must be heard");
        let sum = Audio {
            channels: std::iter::zip(&alone.channels, &rest.channels)
                .map(|(a, b)| std::iter::zip(a, b).map(|(a, b)| a + b).collect())
                .collect(),
            ..alone
        };
        assert!(residual_dbfs(&mix, &sum).unwrap() < -110.0, "{options}: the sum stays the mix");
    }
}

#[test]
fn clipping_is_counted_and_told() {
    let dir = TempDir::new().unwrap();
    resources();
    let input = put(&dir, "mix.wav", &music(44_100, 1, 20_000));
    let output = dir.path().join("out.wav");
    let done = run(&arguments![
        "isolate",
        &input,
        "-o",
        &output,
        "-i",
        "drums",
        "--mix",
        "0",
        "--output-gain",
        "24",
        "--format",
        "16",
        "--json"
    ]);
    let summary: Value = serde_json::from_str(&succeed(&done)).unwrap();
    let clipped = summary["clipped_samples"].as_u64().unwrap();
    assert!(clipped > 100);
    let warning = String::from_utf8(done.stderr).unwrap();
    assert!(warning.contains(&format!("{clipped} samples were clipped")), "{warning}");
}

#[test]
fn summary_tells_what_was_done() {
    let dir = TempDir::new().unwrap();
    resources();
    let input = put(&dir, "mix.wav", &music(48_000, 2, 24_000));
    let output = dir.path().join("out.wav");
    let done = run(&arguments!["isolate", &input, "-o", &output, "-i", "piano", "--json"]);
    let summary: Value = serde_json::from_str(&succeed(&done)).unwrap();
    assert!(done.stderr.is_empty());
    for (key, expected) in [
        ("sample_rate_hz", 48_000),
        ("channels", 2),
        ("frames", 24_000),
        ("clipped_samples", 0),
        ("non_finite_samples", 0),
    ] {
        assert_eq!(summary[key], expected, "{key}");
    }
    assert_eq!(summary["latency_mode"], "studio");
    assert_eq!(summary["input"], input.to_str().unwrap());
    assert_eq!((&summary["model"], &summary["provider"]), (&"studio".into(), &"CPU".into()));
    for key in ["latency_frames", "seconds", "realtime_factor", "duration_s"] {
        assert!(summary[key].as_f64().unwrap() > 0.0, "{key}");
    }
    assert_eq!(summary["outputs"][0]["path"], output.to_str().unwrap());
    assert_eq!(summary["outputs"][0]["stem"], "piano");
}

#[test]
fn nothing_is_said_in_a_pipe_without_cause() {
    let dir = TempDir::new().unwrap();
    resources();
    let input = put(&dir, "mix.wav", &music(44_100, 1, 5000));
    let done = run(&arguments!["separate", &input, "-o", dir.path(), "--stems", "bass,vocals"]);
    assert_eq!(succeed(&done), "");
    assert!(done.stderr.is_empty());
    assert_eq!(listing(dir.path()), ["mix", "mix.wav", "mix/bass.wav", "mix/vocals.wav"]);
}

#[test]
fn every_readable_kind_of_file_is_separated() {
    let dir = TempDir::new().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/audio");
    for name in ["sweep.mp3", "sweep.ogg", "sweep.m4a", "sweep.flac", "sweep.aiff"] {
        let drums = isolate(&dir, &fixtures.join(name), "-i drums");
        let input = read_audio(&fixtures.join(name)).unwrap();
        assert_eq!(drums.num_frames(), input.num_frames(), "{name}");
    }
}

#[test]
fn one_bad_input_does_not_stop_the_others() {
    let dir = TempDir::new().unwrap();
    resources();
    for folder in ["a", "b"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let (first, second) = (
        put(&dir, "a/x.wav", &music(44_100, 1, 900)),
        put(&dir, "b/x.wav", &music(44_100, 1, 700)),
    );
    let bad = dir.path().join("bad.wav");
    fs::write(&bad, "RIFF").unwrap();
    let out = dir.path().join("out");
    let done = run(&arguments![
        "separate", &bad, &first, &second, "-o", &out, "--stems", "drums", "--json"
    ]);
    assert_eq!(done.status.code(), Some(1));
    let complaints = String::from_utf8(done.stderr.clone()).unwrap();
    assert!(complaints.contains("bad.wav") && complaints.contains("1 of 3 inputs failed"));
    let lines: Vec<Value> = String::from_utf8(done.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines[0]["error"].as_str().unwrap().contains("bad.wav"));
    assert_eq!((&lines[1]["frames"], &lines[2]["frames"]), (&900.into(), &700.into()));
    // Two inputs of one name: neither hides the other.
    assert_eq!(listing(&out), ["x", "x-2", "x-2/drums.wav", "x/drums.wav"]);
    assert_eq!(read_audio(&out.join("x-2/drums.wav")).unwrap().num_frames(), 700);
}

#[test]
fn existing_results_are_kept_unless_forced() {
    let dir = TempDir::new().unwrap();
    resources();
    let input = put(&dir, "mix.wav", &music(44_100, 1, 900));
    let output = dir.path().join("out.wav");
    fs::write(&output, "precious").unwrap();
    let text = complaint(&run(&arguments!["isolate", &input, "-o", &output, "-i", "bass"]), 1);
    assert!(text.contains("out.wav\" exists already (--force replaces it)"), "{text}");
    assert_eq!(fs::read(&output).unwrap(), b"precious");
    fs::create_dir(dir.path().join("mix")).unwrap();
    fs::write(dir.path().join("mix/bass.wav"), "precious").unwrap();
    let text = complaint(&run(&arguments!["separate", &input, "-o", dir.path()]), 1);
    assert!(text.contains("exists already"), "{text}");
    assert_eq!(listing(&dir.path().join("mix")), ["bass.wav"]);
    // A file may be replaced by its own result.
    succeed(&run(&arguments!["isolate", &input, "-o", &input, "-i", "bass", "--force"]));
    assert_eq!(read_audio(&input).unwrap().num_frames(), 900);
}

/// A models folder holding a copy of `studio`, its network replaced by `network`.
fn models_with(dir: &TempDir, network: &[u8], fix_hash: bool) -> PathBuf {
    let models = dir.path().join("models");
    let folder = models.join("studio");
    fs::create_dir_all(&folder).unwrap();
    let mut card = fs::read_to_string(repository_models().join("studio/card.toml")).unwrap();
    if fix_hash {
        let digest: String = Sha256::digest(network).iter().map(|b| format!("{b:02x}")).collect();
        let line = card.lines().find(|line| line.starts_with("sha256")).unwrap().to_owned();
        card = card.replace(&line, &format!("sha256 = \"{digest}\""));
    }
    fs::write(folder.join("card.toml"), card).unwrap();
    fs::write(folder.join("model.onnx"), network).unwrap();
    models
}

#[test]
fn corrupt_and_foreign_models_are_told() {
    resources();
    let good = fs::read(repository_models().join("studio/model.onnx")).unwrap();
    for (network, fix_hash, expected) in [
        (&good[..good.len() / 2], false, "is not the one its card describes: expected SHA-256"),
        (&good[..good.len() / 2], true, "onnxruntime cannot open the model"),
        (b"not a network", true, "onnxruntime cannot open the model"),
        (b"", true, "the model"),
    ] {
        let dir = TempDir::new().unwrap();
        let input = put(&dir, "mix.wav", &music(44_100, 1, 900));
        let models = models_with(&dir, network, fix_hash);
        let out = dir.path().join("out.wav");
        let done =
            run(&arguments!["isolate", &input, "-o", &out, "-i", "bass", "--models-dir", &models]);
        let text = complaint(&done, 1);
        assert!(text.contains(expected) && text.contains("model.onnx"), "{text}");
        assert_eq!(listing(dir.path()).len(), 5, "{:?}", listing(dir.path()));
    }
}

#[test]
fn folders_that_cannot_be_written_are_told() {
    let dir = TempDir::new().unwrap();
    resources();
    let input = put(&dir, "mix.wav", &music(44_100, 1, 900));
    // A file where a folder should be: refused for every user, root too.
    let out = input.join("below.wav");
    let text = complaint(&run(&arguments!["isolate", &input, "-o", &out, "-i", "bass"]), 1);
    assert!(text.contains("below.wav"), "{text}");
    let text = complaint(&run(&arguments!["separate", &input, "-o", &input]), 1);
    assert!(text.contains("cannot make the folder"), "{text}");
    assert_eq!(listing(dir.path()), ["mix.wav"]);
}
