//! The seed systems, `mel-unet` and `wave-unet`, through the real engine and the real onnxruntime.

#![allow(clippy::unwrap_used)]

mod common;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use common::{BLOCKS, Pace, RATES_HZ, config, music, play, repository, runtime, separate, stream};
use ndarray::{Array2, Array3};
use ndarray_npy::read_npy;
use soloist::dsp::level::{peak_dbfs, residual_peak_dbfs};
use soloist::inference::{self, EngineUser, Estimator, InferenceError, Provider};
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::{Controls, LatencyMode, latency_frames, recording_features};

const SEEDS: [&str; 2] = ["mel-unet", "wave-unet"];

/// How far the trainer's numbers may be from the engine's.
const PARITY: f32 = 1e-4;

fn card(name: &str) -> Arc<ModelCard> {
    Arc::new(ModelCard::load(&repository().join("models").join(name)).unwrap())
}

fn network(name: &str) -> Box<dyn Estimator> {
    inference::open(&card(name), &runtime(), Provider::Cpu).unwrap()
}

fn fixture(name: &str, file: &str) -> PathBuf {
    repository().join("tests/fixtures").join(name).join(file)
}

#[test]
fn stems_sum_to_the_mix_at_every_rate() {
    let _user = EngineUser::join();
    for name in SEEDS {
        let card = card(name);
        assert_eq!(card.sources(), [Instrument::Vocals, Instrument::Other]);
        for (rate, num_channels) in RATES_HZ.map(|rate| (rate, 2)).into_iter().chain([
            (44_100.0, 1),
            (22_050.0, 2),
            (48_000.0, 1),
        ]) {
            let mut input = music(rate, (rate * 2.1) as usize + 17);
            input.truncate(num_channels);
            let stems = separate(&card, network(name), &input, rate);
            for (channel, mix) in input.iter().enumerate() {
                let (vocals, other) = (&stems[0][channel], &stems[1][channel]);
                let sum: Vec<f32> = vocals.iter().zip(other).map(|(a, b)| a + b).collect();
                let residual = residual_peak_dbfs(&sum, mix);
                assert!(residual <= -110.0, "{name}, {rate} Hz, {channel}: {residual} dBFS");
                assert!(sum.len() == mix.len(), "as long as the mix");
            }
            for stem in &stems {
                let peak = peak_dbfs(&stem[0]);
                assert!(peak > -80.0, "{name}, {rate} Hz: a stem is empty, {peak} dBFS");
            }
        }
    }
}

#[test]
fn the_threaded_stream_plays_what_the_renderer_writes_for_any_block_size() {
    let _user = EngineUser::join();
    let rate = 48_000.0;
    let input = music(rate, (rate * 1.5) as usize);
    for name in SEEDS {
        let card = card(name);
        let stems = separate(&card, network(name), &input, rate);
        for block in [BLOCKS[1], 4096, 0] {
            let (mut audio, _worker) = stream(&config(&card, rate, 2), network(name));
            let controls = Controls { instrument: Instrument::Vocals, ..Controls::default() };
            let latency = audio.latency_frames();
            assert_eq!(latency, latency_frames(&card, rate, LatencyMode::Studio));
            audio.reset(&controls);
            let padded: Vec<Vec<f32>> =
                input.iter().map(|c| [&c[..], &vec![0.0; latency][..]].concat()).collect();
            let played = play(&mut audio, &padded, block, &controls, Pace::Offline);
            assert_eq!(audio.status().late_frames(), 0);
            for (played, vocals) in played.iter().zip(&stems[0]) {
                assert!(played[latency..] == vocals[..], "{name}, blocks of {block}");
            }
        }
    }
}

#[test]
fn mel_unets_features_estimate_and_mask_agree_with_the_trainers() {
    let name = "mel-unet";
    let features: Array3<f32> = read_npy(fixture(name, "features.npy")).unwrap();
    let estimate: Array3<f32> = read_npy(fixture(name, "estimate.npy")).unwrap();
    let mask: Array2<f32> = read_npy(fixture(name, "mask.npy")).unwrap();
    let num_hops = features.dim().2;
    let input = soloist::files::read_audio(&fixture(name, "input.wav")).unwrap();
    let rate = f64::from(input.sample_rate_hz);
    let own = recording_features(&card(name), rate, &input.channels, num_hops).unwrap();
    assert_close("feature", own.iter().copied(), features.iter().copied());

    let mut sources = Vec::new();
    let mut network = network(name);
    network.estimate_sources(&own, num_hops, &mut sources).unwrap();
    assert_close("estimate", sources.iter().copied(), estimate.iter().copied());

    let mut masks = vec![0.0; num_hops * 2 * 512];
    network.estimate(&own, num_hops, 0..num_hops, &mut masks).unwrap();
    let by_band = (0..512).flat_map(|band| (0..num_hops).map(move |hop| (band, hop)));
    let of_vocals: Vec<f32> = by_band.map(|(band, hop)| masks[hop * 1024 + band]).collect();
    assert_close("mask", of_vocals.into_iter(), mask.iter().copied());
}

fn assert_close(
    what: &str,
    got: impl ExactSizeIterator<Item = f32>,
    want: impl ExactSizeIterator<Item = f32>,
) {
    assert_eq!(got.len(), want.len(), "{what}");
    let worst = got.zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{what}: at most {worst:.2e} apart");
    assert!(worst < PARITY, "{what}: {worst:.2e} apart");
}

/// Plays the trainer's masks of `mel-unet` back, run by run: what is left is the resynthesis.
struct Replay {
    mask: Array2<f32>,
    next: usize,
}

impl Estimator for Replay {
    fn provider(&self) -> Provider {
        Provider::Cpu
    }

    fn estimate(
        &mut self,
        _: &[f32],
        _: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError> {
        // All but the last 4 hop frames of a run are new, see docs/adr/002.
        const CROSSFADE: usize = 4;
        let last = self.mask.dim().1 - 1;
        for (offset, out) in masks.chunks_exact_mut(2 * 512).enumerate() {
            for band in 0..512 {
                out[band] = self.mask[[band, (self.next + offset).min(last)]];
                out[512 + band] = 1.0 - out[band];
            }
        }
        self.next += wanted.len() - CROSSFADE;
        Ok(())
    }
}

#[test]
fn mel_unets_stem_agrees_with_the_trainers() {
    let name = "mel-unet";
    let mask: Array2<f32> = read_npy(fixture(name, "mask.npy")).unwrap();
    let want: Array2<f32> = read_npy(fixture(name, "stem.npy")).unwrap();
    let input = soloist::files::read_audio(&fixture(name, "input.wav")).unwrap();
    let rate = f64::from(input.sample_rate_hz);
    let replay = Box::new(Replay { mask, next: 0 });
    let stems = separate(&card(name), replay, &input.channels, rate);
    // At the ends the trainer has no hop frames outside of the recording.
    let inside = 2048..want.dim().1 - 4096;
    for (channel, got) in stems[0].iter().enumerate() {
        let got = inside.clone().map(|n| got[n]);
        assert_close("stem", got, inside.clone().map(|n| want[[channel, n]]));
    }
}

#[test]
fn wave_unets_estimate_mask_and_stem_agree_with_the_trainers() {
    let name = "wave-unet";
    let estimate: Array2<f32> = read_npy(fixture(name, "estimate.npy")).unwrap();
    let mask: Array3<f32> = read_npy(fixture(name, "mask.npy")).unwrap();
    let want: Array2<f32> = read_npy(fixture(name, "stem.npy")).unwrap();
    let input = soloist::files::read_audio(&fixture(name, "input.wav")).unwrap();
    let num_samples = input.channels[0].len();
    let (num_hops, stride) = (num_samples / 1024, num_samples / want.dim().1);
    let window: Vec<f32> = input.channels.concat();
    let mut network = network(name);
    let mut sources = Vec::new();
    network.estimate_sources(&window, num_hops, &mut sources).unwrap();
    let strided: Vec<f32> = sources.iter().copied().step_by(stride).collect();
    assert_close("estimate", strided.into_iter(), estimate.iter().copied());

    let (num_channels, num_bins, num_columns) = mask.dim();
    let mut masks = vec![0.0; num_hops * 2 * num_channels * num_bins];
    network.estimate(&window, num_hops, 0..num_hops, &mut masks).unwrap();
    let hop_stride = num_hops / num_columns;
    let mut apart = 0_usize;
    for ((channel, bin, column), want) in mask.indexed_iter() {
        let frame = column * hop_stride;
        let got = masks[(frame * 2 * num_channels + channel) * num_bins + bin];
        apart += usize::from((got - want).abs() >= PARITY);
    }
    // A ratio to nothing: where the mix is silent, rounding decides. The stem below has no such bin.
    println!("mask: {apart} of {} values apart", mask.len());
    assert!(apart * 100 < mask.len(), "mask: {apart} of {} values apart", mask.len());

    // Streamed, in windows that overlap: the network's chunks stand where the trainer's do.
    let stems = separate(&card(name), network, &input.channels, 44_100.0);
    let inside = 2048 / stride..(num_samples - 2048) / stride;
    for (channel, got) in stems[0].iter().enumerate() {
        let got = inside.clone().map(|n| got[n * stride]);
        assert_close("stem", got, inside.clone().map(|n| want[[channel, n]]));
    }
}

#[test]
fn a_network_that_does_not_fit_its_card_is_refused_in_words() {
    for (name, from, to, words) in [
        ("mel-unet", "count = 512", "count = 256", "f32 [1, 1, 256, "),
        ("wave-unet", "chunk = 16384", "chunk = 8192", "f32 [any, 1, 8192]"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let model = repository().join("models").join(name);
        std::fs::copy(model.join("model.onnx"), folder.path().join("model.onnx")).unwrap();
        let text = std::fs::read_to_string(model.join("card.toml")).unwrap();
        assert!(text.contains(from), "{name}'s card lacks {from:?}");
        std::fs::write(folder.path().join("card.toml"), text.replace(from, to)).unwrap();
        let card = Arc::new(ModelCard::load(folder.path()).unwrap());
        let Err(error) = inference::open(&card, &runtime(), Provider::Cpu) else {
            panic!("expected a refusal");
        };
        assert!(error.to_string().contains(words), "{error}");
    }
}
