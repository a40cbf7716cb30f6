//! The shipped model through the real engine and the real onnxruntime.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use common::{Pace, RATES_HZ, config, music, play, repository, residual_dbfs, stream, studio};
use common::{runtime, studio_card};
use soloist::dsp::level::{peak_dbfs, residual_peak_dbfs};
use soloist::inference::{self, EngineUser, Estimator, Provider};
use soloist::model::{Instrument, ModelCard};
use soloist::render::{RenderError, Renderer};
use soloist::streaming::{Controls, LatencyMode, StreamConfig, recording_features};

/// All stems of `input` by the shipped model: `[source][channel][frame]`.
fn separate(input: &[Vec<f32>], rate: f64) -> Vec<Vec<Vec<f32>>> {
    common::separate(&studio_card(), studio(), input, rate)
}

fn isolate(input: &[Vec<f32>], rate: f64, controls: &Controls) -> Vec<Vec<f32>> {
    let mut renderer = Renderer::new(config(&studio_card(), rate, input.len()), studio());
    let mut output = vec![Vec::new(); input.len()];
    let mut sink = |block: &[&[f32]]| {
        for (out, channel) in output.iter_mut().zip(block) {
            out.extend_from_slice(channel);
        }
        Ok(())
    };
    renderer.isolate(input, controls, &AtomicBool::new(false), &mut sink).unwrap();
    output
}

#[test]
fn the_six_stems_sum_to_the_mix_at_every_rate() {
    let _user = EngineUser::join();
    for rate in RATES_HZ {
        for num_channels in [2, 1] {
            let mut input = music(rate, (rate * 2.3) as usize + 17);
            input.truncate(num_channels);
            let stems = separate(&input, rate);
            for (channel, mix) in input.iter().enumerate() {
                let mut sum = vec![0.0; mix.len()];
                for stem in &stems {
                    assert_eq!(stem[channel].len(), mix.len());
                    for (sum, sample) in sum.iter_mut().zip(&stem[channel]) {
                        *sum += sample;
                    }
                }
                let residual = residual_peak_dbfs(&sum, mix);
                assert!(residual <= -110.0, "{rate} Hz, channel {channel}: {residual} dBFS");
            }
            for stem in &stems {
                assert!(peak_dbfs(&stem[0]) > -120.0, "every stem holds something");
            }
        }
    }
}

#[test]
fn the_threaded_stream_plays_exactly_what_the_renderer_writes() {
    let _user = EngineUser::join();
    let rate = 48_000.0;
    let input = music(rate, (rate * 2.0) as usize);
    let controls = Controls {
        instrument: Instrument::Drums,
        mix: 0.8,
        output_gain: 0.7,
        ..Controls::default()
    };
    let rendered = isolate(&input, rate, &controls);
    let (mut audio, _worker) = stream(&config(&studio_card(), rate, 2), studio());
    let latency = audio.latency_frames();
    audio.reset(&controls);
    let padded: Vec<Vec<f32>> =
        input.iter().map(|c| [&c[..], &vec![0.0; latency][..]].concat()).collect();
    let played = play(&mut audio, &padded, 0, &controls, Pace::Offline);
    for (played, rendered) in played.iter().zip(&rendered) {
        assert!(played[latency..] == rendered[..]);
    }
    let full = Controls { mix: 1.0, output_gain: 1.0, ..controls };
    let stems = separate(&input, rate);
    assert!(isolate(&input, rate, &full) == stems[1], "isolate is one of the stems");
}

/// The windows of the card's context against windows as long as any the card allows.
#[test]
fn windows_of_the_cards_context_give_the_stems_of_the_whole_window() {
    let _user = EngineUser::join();
    let mut card = ModelCard::clone(&studio_card());
    let context = card.window.context.unwrap();
    // Longer than the windows of both modes, so that their beginnings are cut off.
    let input = music(44_100.0, 44_100 * 7);
    let mut stems_with = |context, mode| {
        card.window.context = context;
        let config = StreamConfig { mode, ..config(&Arc::new(card.clone()), 44_100.0, 2) };
        common::separate_with(&config, studio(), &input)
    };
    for mode in LatencyMode::ALL {
        let whole = stems_with(None, mode);
        let mut largest_difference = |context| {
            let found = stems_with(Some(context), mode);
            let pairs = found.iter().flatten().flatten().zip(whole.iter().flatten().flatten());
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        let difference = largest_difference(context);
        assert!(difference <= 1e-5, "{mode:?}: {difference}");
        let control = largest_difference(0);
        assert!(control > 1e-3, "{mode:?}: a window that is too short must show: {control}");
    }
}

/// Takes ten times as long as the network in it.
struct TenTimesSlower(Box<dyn Estimator>);

impl Estimator for TenTimesSlower {
    fn provider(&self) -> Provider {
        self.0.provider()
    }

    fn estimate(
        &mut self,
        features: &[f32],
        num_frames: usize,
        wanted: std::ops::Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), inference::InferenceError> {
        let begin = std::time::Instant::now();
        let outcome = self.0.estimate(features, num_frames, wanted, masks);
        std::thread::sleep(9 * begin.elapsed());
        outcome
    }
}

#[test]
fn a_model_made_ten_times_slower_bounces_the_same() {
    let _user = EngineUser::join();
    let input = music(44_100.0, 44_100 * 3);
    let controls = Controls { instrument: Instrument::Bass, ..Controls::default() };
    let bounce = |estimator| {
        let (mut audio, _worker) = stream(&config(&studio_card(), 44_100.0, 2), estimator);
        audio.reset(&controls);
        let output = play(&mut audio, &input, 512, &controls, Pace::Offline);
        assert_eq!(audio.status().late_frames(), 0, "offline nothing is late");
        assert!(audio.status().num_runs() > 0, "the network must have run");
        output
    };
    assert!(bounce(studio()) == bounce(Box::new(TenTimesSlower(studio()))));
}

#[test]
fn mix_zero_renders_the_input_itself() {
    let input = music(44_100.0, 30_000);
    let dry = Controls { mix: 0.0, ..Controls::default() };
    let output = isolate(&input, 44_100.0, &dry);
    assert_eq!(residual_dbfs(&output, &input, 0), f64::NEG_INFINITY);
}

#[test]
fn short_empty_and_uneven_inputs_are_handled() {
    assert_eq!(isolate(&[vec![], vec![]], 44_100.0, &Controls::default()), [vec![], vec![]]);
    assert_eq!(separate(&[vec![0.5]], 44_100.0)[0][0].len(), 1);
    let mut renderer = Renderer::new(config(&studio_card(), 44_100.0, 2), studio());
    let uneven = [vec![0.0; 5], vec![0.0; 6]];
    let never = AtomicBool::new(false);
    let error =
        renderer.isolate(&uneven, &Controls::default(), &never, &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.to_string(), "expected channels of one length, found 5 and 6 frames");
    let cancelled = AtomicBool::new(true);
    let outcome = renderer.separate(&[vec![0.0; 5], vec![0.0; 5]], &cancelled, &mut |_| Ok(()));
    assert!(matches!(outcome, Err(RenderError::Cancelled)));
    let mono = renderer.separate(&[vec![0.0; 5]], &never, &mut |_| Ok(()));
    assert_eq!(mono.unwrap_err().to_string(), "expected 2 channels, found 1");
}

#[test]
fn features_and_masks_agree_with_the_trainers_within_a_ten_thousandth() {
    use ndarray::{Array1, Array3};
    use ndarray_npy::read_npy;

    let folder = repository().join("tests/fixtures/studio");
    let card = studio_card();
    let (_, scale) = card.band_scale().unwrap();
    let edges: Array1<i32> = read_npy(folder.join("band_edges.npy")).unwrap();
    let own: Vec<i32> = scale.edges().iter().map(|&edge| edge as i32).collect();
    assert_eq!(edges.to_vec(), own);

    let features: Array3<f32> = read_npy(folder.join("features.npy")).unwrap();
    let logits: Array3<f32> = read_npy(folder.join("logits.npy")).unwrap();
    let input = soloist::files::read_audio(&folder.join("input.wav")).unwrap();
    let own = recording_features(&card, 44_100.0, &input.channels, 64).unwrap();
    for (column, frame) in (0..64).step_by(8).enumerate() {
        for (channel, band) in (0..3).flat_map(|c| (0..512).map(move |b| (c, b))) {
            let want = features[[channel, band, column]];
            let got = own[(channel * 512 + band) * 64 + frame];
            assert!((got - want).abs() < 1e-4, "feature {channel}, {band}, {frame}: {got} {want}");
        }
    }
    let mut masks = vec![0.0; 64 * 12 * 512];
    studio().estimate(&own, 64, 0..64, &mut masks).unwrap();
    for (column, frame) in (0..64).step_by(8).enumerate() {
        for (channel, band) in (0..2).flat_map(|c| (0..512).map(move |b| (c, b))) {
            let logit = |s: usize| f64::from(logits[[s * 2 + channel, band, column]]);
            let total: f64 = (0..6).map(|s| logit(s).exp()).sum();
            for source in 0..6 {
                let want = logit(source).exp() / total;
                let got = f64::from(masks[((frame * 6 + source) * 2 + channel) * 512 + band]);
                assert!((got - want).abs() < 1e-4, "mask {source}, {channel}, {band}, {frame}");
            }
        }
    }
}

/// A copy of the shipped model in a folder of its own, to be damaged.
fn copied_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["card.toml", "model.onnx"] {
        std::fs::copy(repository().join("models/studio").join(file), folder.path().join(file))
            .unwrap();
    }
    folder
}

fn refusal(folder: &std::path::Path, runtime: &std::path::Path) -> String {
    let card = Arc::new(ModelCard::load(folder).unwrap());
    match inference::open(&card, runtime, Provider::Cpu) {
        Err(error) => soloist::model::catalogue::with_causes(&error),
        Ok(_) => panic!("expected a refusal"),
    }
}

#[test]
fn missing_corrupt_and_foreign_models_are_refused_in_words() {
    let folder = copied_model();
    let model = folder.path().join("model.onnx");
    std::fs::remove_file(&model).unwrap();
    assert!(refusal(folder.path(), &runtime()).contains("cannot read the model"));

    let mut bytes = std::fs::read(repository().join("models/studio/model.onnx")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&model, &bytes).unwrap();
    assert!(refusal(folder.path(), &runtime()).contains("expected SHA-256"));

    // A stranger's card may carry the right hash of the wrong thing.
    let with_hash_of = |bytes: &[u8], edit: &dyn Fn(String) -> String| {
        use sha2::{Digest, Sha256};
        let hash: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        let card = std::fs::read_to_string(repository().join("models/studio/card.toml")).unwrap();
        let own = studio_card().model.sha256.clone();
        std::fs::write(folder.path().join("card.toml"), edit(card.replace(&own, &hash))).unwrap();
        std::fs::write(&model, bytes).unwrap();
    };
    with_hash_of(b"not a network", &|card| card);
    assert!(refusal(folder.path(), &runtime()).contains("onnxruntime cannot open"));

    let good = std::fs::read(repository().join("models/studio/model.onnx")).unwrap();
    with_hash_of(&good, &|card| card.replace("count = 512", "count = 256"));
    let message = refusal(folder.path(), &runtime());
    assert!(message.contains("expected \"features\", f32 [1, 3, 256, any]"), "{message}");
    with_hash_of(&good, &|card| card.replace("\"mask_logits\"", "\"other\""));
    let message = refusal(folder.path(), &runtime());
    assert!(message.contains("the output: expected \"other\""), "{message}");
}

#[test]
fn a_card_that_was_edited_is_checked_against_the_session_that_is_open_already() {
    let _user = EngineUser::join();
    let folder = copied_model();
    let card = Arc::new(ModelCard::load(folder.path()).unwrap());
    let _playing = inference::open(&card, &runtime(), Provider::Cpu).unwrap();
    let path = folder.path().join("card.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("count = 512", "count = 256")).unwrap();
    let message = refusal(folder.path(), &runtime());
    assert!(message.contains("expected \"features\", f32 [1, 3, 256, any]"), "{message}");
}
