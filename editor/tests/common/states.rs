//! The states that a window can be in.

use soloist::model::Instrument;
use soloist::streaming::{CaptureExtent, CaptureSummary, LatencyMode, MixMode};
use soloist_editor::{
    CaptureView, Clock, Engine, Health, Message, ModelRow, ModelsView, Trouble, Value, View,
};

fn value(normalized: f32, default: f32, text: &str) -> Value {
    Value { normalized, default, text: text.to_owned() }
}

/// All is well, something plays.
pub fn normal() -> View {
    let received_frame = 44_100 * 40 + 700;
    let mut view = View {
        home_folder: "/home/ana".to_owned(),
        mix: value(1.0, 1.0, "100.0 %"),
        focus: value(0.5, 0.5, "0.0 %"),
        output_gain: value(0.5, 0.5, "0.0 dB"),
        sources: Some(Instrument::ALL.to_vec()),
        clock: Clock {
            sample_rate_hz: 44_100.0,
            epoch: 1,
            play_frame: received_frame - 86_239,
            received_frame,
            window_s: 3.0,
        },
        health: Health {
            engine: Engine::Running,
            model: "studio".to_owned(),
            version: Some("0.3.0".to_owned()),
            provider: Some("CPU".to_owned()),
            latency_frames: 86_239,
            sample_rate_hz: 44_100.0,
            load: Some(0.09),
            run_ms: Some((62.0, 71.0)),
            queued_s: 0.61,
            model_bytes: Some(4_213_000),
            is_raised: Some(true),
            resource_dirs: vec!["/home/ana/.vst3/Soloist.vst3/Contents/Resources".to_owned()],
            ..Health::default()
        },
        ..View::default()
    };
    for channel in &mut view.channels {
        channel.gain = value(0.707, 0.707, "0.0 dB");
        channel.gain_linear = 1.0;
    }
    view.models = models();
    view.capture = CaptureView {
        bytes_per_second: 44_100.0 * 2.0 * 7.0 * 4.0,
        default_folder: "/home/ana/Music".to_owned(),
        ..CaptureView::default()
    };
    view
}

/// Every instrument at its own gain.
pub fn remix() -> View {
    let mut view = View { mode: MixMode::Remix, ..normal() };
    let gains = [
        (0.84, 1.995, "6.0 dB"),
        (0.707, 1.0, "0.0 dB"),
        (0.65, 0.71, "-3.0 dB"),
        (0.40, 0.1, "-20.0 dB"),
        (0.707, 1.0, "0.0 dB"),
        (0.0, 0.0, "-inf dB"),
    ];
    let peaks = [0.35, 0.62, 0.5, 0.22, 0.12, 0.05];
    for (channel, ((normalized, linear, text), peak)) in
        view.channels.iter_mut().zip(gains.into_iter().zip(peaks))
    {
        channel.gain = value(normalized, 0.707, text);
        channel.gain_linear = linear;
        channel.peak = peak;
    }
    view.channels[4].mute = true;
    view
}

/// With one solo.
pub fn solo() -> View {
    let mut view = remix();
    view.channels[1].solo = true;
    view
}

/// A few models, one of them broken.
pub fn models() -> ModelsView {
    let scores = |values: &[(&str, f64)]| {
        values.iter().map(|(source, value)| ((*source).to_owned(), *value)).collect()
    };
    let studio = ModelRow {
        name: "studio".to_owned(),
        version: "0.3.0".to_owned(),
        licence: "CC-BY-NC-SA-4.0".to_owned(),
        authors: "The Soloist authors".to_owned(),
        sources: Instrument::ALL.to_vec(),
        scores: scores(&[
            ("vocals", 5.5),
            ("drums", 5.6),
            ("bass", 4.7),
            ("other", 2.7),
            ("mean", 4.6),
        ]),
        scores_on: "MUSDB18, 14 validation clips, museval SDR".to_owned(),
        sample_rate_hz: 44_100.0,
        bytes: 4_213_000,
        folder: "/home/ana/.vst3/Soloist.vst3/Contents/Resources/models/studio".to_owned(),
        problem: None,
        core_share: Some(0.09),
    };
    let wave = ModelRow {
        name: "wave-unet".to_owned(),
        version: "0.2.0".to_owned(),
        sources: vec![Instrument::Vocals, Instrument::Other],
        scores: scores(&[("vocals", 3.2)]),
        bytes: 7_900_000,
        core_share: None,
        ..studio.clone()
    };
    let broken = ModelRow {
        name: "my-network".to_owned(),
        version: String::new(),
        problem: Some("model.onnx has another SHA-256 than its card says".to_owned()),
        folder: "/home/ana/.local/share/soloist/models/my-network".to_owned(),
        ..ModelRow::default()
    };
    ModelsView {
        rows: vec![studio, wave, broken],
        chosen: "studio".to_owned(),
        folders: vec!["/mnt/shared/networks".to_owned()],
        ..ModelsView::default()
    }
}

/// Capture is on, and something has been saved.
pub fn captured() -> View {
    let mut view = normal();
    view.capture.held = held(180.0, 127.0);
    view.capture.message =
        Some(Message { is_good: true, text: "Saved 7 files in /home/ana/Music".to_owned() });
    view.capture.saved = ["mix", "vocals", "drums"]
        .map(|part| format!("/home/ana/Music/take - {part} - 1m02.wav"))
        .into();
    view.capture.num_saved = 7;
    view
}

/// A capture of `length_s` that holds `seconds` of a loop of 12 s: all stems.
pub fn held(length_s: f64, seconds: f64) -> CaptureSummary {
    let num_passes = (seconds / 12.0).ceil() as usize;
    let extent = |seconds, num_files| CaptureExtent {
        seconds,
        mix_files: num_files,
        stem_files: [num_files; Instrument::ALL.len()],
    };
    CaptureSummary {
        length_s: Some(length_s),
        bytes: (seconds * 44_100.0 * 2.0 * 7.0 * 4.0) as u64,
        all: extent(seconds, num_passes),
        num_passes,
        last_pass: extent(12.0, 1),
        is_cut: false,
    }
}

/// Each thing that can be wrong, by name.
pub fn troubles() -> Vec<(&'static str, View)> {
    let model = || "wave-unet".to_owned();
    let sources = vec![Instrument::Vocals, Instrument::Other];
    let mut missing =
        View { instrument: Instrument::Piano, sources: Some(sources.clone()), ..normal() };
    missing.health.model = model();
    missing.health.version = Some("0.2.0".to_owned());
    missing.health.troubles =
        vec![Trouble::InstrumentMissing { model: model(), instrument: Instrument::Piano, sources }];

    let mut slow = View { latency_mode: LatencyMode::Balanced, ..normal() };
    slow.health.load = Some(1.32);
    slow.health.late_blocks = 1243;
    slow.health.late_s = 14.2;
    slow.health.troubles =
        vec![Trouble::TooSlow { late_share: 0.31, load: Some(1.32), mode: LatencyMode::Balanced }];

    let mut gpu = normal();
    gpu.health.troubles =
        vec![Trouble::GpuNotRunning { asked: "CUDA".to_owned(), running: "the CPU".to_owned() }];

    let stopped = |trouble| {
        let mut view = View { sources: None, ..normal() };
        view.health = Health {
            engine: Engine::Stopped,
            version: None,
            provider: None,
            load: None,
            run_ms: None,
            model_bytes: None,
            queued_s: 0.0,
            troubles: vec![trouble],
            ..view.health
        };
        view
    };
    let library = stopped(Trouble::LibraryMissing {
        detail: "The onnxruntime library was not found: looked for libonnxruntime* in \
                 /home/ana/.vst3/Soloist.vst3/Contents/Resources/onnxruntime, \
                 /home/ana/.local/share/soloist/onnxruntime"
            .to_owned(),
    });
    let absent = stopped(Trouble::ModelMissing {
        model: "choir".to_owned(),
        detail: "Looked in /home/ana/.local/share/soloist/models, found studio, wave-unet"
            .to_owned(),
    });
    let failed = stopped(Trouble::ModelFailed {
        model: "studio".to_owned(),
        detail: "model.onnx: expected the input \u{201c}features\u{201d} with 4 axes, found 3"
            .to_owned(),
    });
    vec![
        ("instrument-missing", missing),
        ("too-slow", slow),
        ("gpu-not-running", gpu),
        ("library-missing", library),
        ("model-missing", absent),
        ("model-failed", failed),
    ]
}
