//! The streaming engine as a whole, with networks whose answer is known.

#![allow(clippy::unwrap_used)]

mod common;

use std::ops::Range;
use std::sync::Arc;

use common::{
    BLOCKS, Gate, Pace, RATES_HZ, Uneven, cards, config, noise, play, residual_dbfs, stream,
    wait_until,
};
use soloist::inference::{Estimator, Identity, InferenceError, Provider};
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::{
    AudioEndpoint, Controls, LatePolicy, LatencyMode, MixMode, Separator, StreamState, Worker,
    latency_frames, split,
};

fn identity(card: &ModelCard) -> Box<dyn Estimator> {
    Box::new(Identity::new(card, Instrument::Vocals))
}

fn identity_plays_the_delayed_input(card: &Arc<ModelCard>, rate: f64, block: usize) {
    let latency = latency_frames(card, rate, LatencyMode::Studio);
    let num_channels = if block == 441 { 1 } else { 2 };
    let config = config(card, rate, num_channels);
    let (mut audio, _worker) = stream(&config, identity(card));
    assert_eq!(audio.latency_frames(), latency);
    let input = noise(num_channels, latency + rate as usize / 2);
    let output = play(&mut audio, &input, block, &Controls::default(), Pace::Offline);
    let residual = residual_dbfs(&output, &input, latency);
    let name = card.name();
    assert!(residual <= -110.0, "{name}, {rate} Hz, blocks of {block}: {residual} dBFS");
    assert!(residual > -300.0, "{name}, {rate} Hz: the results must have come from the network");
}

#[test]
fn identity_gives_the_input_delayed_by_exactly_the_reported_latency() {
    for (index, card) in cards().iter().enumerate() {
        for rate in RATES_HZ {
            // All block sizes with one card; the kinds of cards differ behind the boundary.
            let blocks = if index == 0 { &BLOCKS[..] } else { &BLOCKS[4..] };
            for &block in blocks {
                identity_plays_the_delayed_input(card, rate, block);
            }
        }
    }
}

/// Hosts and their validators ask for rates that no sound card has.
#[test]
fn rates_far_from_any_networks_own_are_played_too() {
    for card in cards() {
        for rate in [1_000.0, 1_234.57, 11_025.0, 45_678.901, 1_234_567.75] {
            identity_plays_the_delayed_input(&card, rate, 509);
        }
    }
}

/// The algorithmic delay must leave the whole time to compute: results exist by then.
#[test]
fn results_exist_one_compute_time_before_they_are_due() {
    for (card, mode) in cards().iter().flat_map(|card| LatencyMode::ALL.map(|mode| (card, mode))) {
        // The runs of a short window come as fast as its schedule says.
        let compute_s = match mode {
            LatencyMode::Studio if card.window.frames < 100 => 0.365,
            LatencyMode::Studio => 0.55,
            LatencyMode::Balanced => 0.18,
        };
        for rate in RATES_HZ {
            let latency = latency_frames(card, rate, mode);
            let compute = (compute_s * rate) as usize;
            let mut separator = Separator::new(card, rate, 1, mode).unwrap();
            let mut estimator = identity(card);
            let mut done = 0_usize;
            for received in (1..).map(|n| n * 97).take_while(|&n| n < 4 * rate as usize) {
                separator.push_interleaved(&[0.1; 97]);
                let mut sink = |block: soloist::streaming::StemBlock<'_>| {
                    assert_eq!(block.start, done as i64, "hops come in order");
                    done += block.num_frames;
                };
                separator.advance(estimator.as_mut(), &|| i64::MIN, &mut sink).unwrap();
                let due = (received + compute).saturating_sub(latency);
                let what = format!("{}, {rate} Hz, {}", card.name(), mode.name());
                assert!(done >= due, "{what}: {done} of {due} frames, {received} in");
            }
            assert!(done > 0);
        }
    }
}

#[test]
fn latency_by_kind_of_network_at_its_own_rate() {
    let latencies: Vec<usize> =
        cards().iter().map(|card| latency_frames(card, 44_100.0, LatencyMode::Studio)).collect();
    // 1.956 s, 2.049 s and 1.189 s.
    assert_eq!(latencies, [86_239, 90_335, 52_447]);
}

#[test]
fn isolate_and_remove_of_one_instrument_null_against_the_delayed_mix() {
    for card in cards() {
        let instrument = *card.sources().last().unwrap();
        for rate in RATES_HZ {
            let config = config(&card, rate, 2);
            let latency = latency_frames(&card, rate, LatencyMode::Studio);
            let input = noise(2, latency + rate as usize);
            let render = |mode| {
                let (mut audio, _worker) = stream(&config, Uneven::boxed(&card, 0));
                let controls = Controls { mode, instrument, ..Controls::default() };
                audio.reset(&controls);
                play(&mut audio, &input, 1024, &controls, Pace::Offline)
            };
            let (alone, rest) = (render(MixMode::Isolate), render(MixMode::Remove));
            let sum: Vec<Vec<f32>> = alone
                .iter()
                .zip(&rest)
                .map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect())
                .collect();
            let name = card.name();
            let residual = residual_dbfs(&sum, &input, latency);
            assert!(residual <= -110.0, "{name}, {rate} Hz: {residual} dBFS");
            let alone_dbfs = soloist::dsp::level::rms_dbfs(&alone[0]);
            assert!(alone_dbfs > -60.0, "{name}, {rate} Hz: {alone_dbfs} dBFS, must be heard");
        }
    }
}

#[test]
fn offline_results_are_bit_identical_for_any_block_size_and_any_speed_of_the_model() {
    for card in cards() {
        let config = config(&card, 48_000.0, 2);
        let input = noise(2, 48_000 * 4);
        let instrument = *card.sources().last().unwrap();
        let controls = Controls { instrument, mix: 0.7, ..Controls::default() };
        let render = |block, pause_ms| {
            let (mut audio, _worker) = stream(&config, Uneven::boxed(&card, pause_ms));
            audio.reset(&controls);
            let output = play(&mut audio, &input, block, &controls, Pace::Offline);
            assert_eq!(audio.status().late_frames(), 0, "offline nothing is late");
            output
        };
        let reference = render(512, 0);
        for (block, pause_ms) in [(1, 0), (64, 0), (4096, 0), (0, 0), (512, 300), (0, 700)] {
            let name = card.name();
            let same = reference == render(block, pause_ms);
            assert!(same, "{name}: blocks of {block}, {pause_ms} ms a run");
        }
    }
}

#[test]
fn mix_zero_and_bypass_are_the_delayed_input_with_or_without_a_worker() {
    let card = Arc::new(ModelCard::builtin());
    let config = config(&card, 44_100.0, 2);
    let latency = latency_frames(&card, 44_100.0, LatencyMode::Studio);
    let input = noise(2, latency + 20_000);
    let dry = Controls { mix: 0.0, ..Controls::default() };
    let bypass = Controls { bypass: true, output_gain: 3.0, ..Controls::default() };
    for controls in [dry, bypass] {
        let (mut audio, worker) = split(&config).unwrap();
        audio.reset(&controls);
        let alone = play(&mut audio, &input, 333, &controls, Pace::Offline);
        assert_eq!(residual_dbfs(&alone, &input, latency), f64::NEG_INFINITY);
        drop(worker);
        let (mut audio, _worker) = stream(&config, Uneven::boxed(&card, 0));
        audio.reset(&controls);
        let with_worker = play(&mut audio, &input, 333, &controls, Pace::Offline);
        assert_eq!(residual_dbfs(&with_worker, &input, latency), f64::NEG_INFINITY);
    }
}

#[test]
fn without_a_worker_the_delayed_mix_is_heard_at_the_same_latency() {
    let card = Arc::new(ModelCard::builtin());
    let config = config(&card, 44_100.0, 1);
    let (mut audio, _worker) = split(&config).unwrap();
    let latency = audio.latency_frames();
    let input = noise(1, latency + 20_000);
    let output = play(&mut audio, &input, 512, &Controls::default(), Pace::Realtime);
    // The fade of the first 5 ms aside.
    let fade = 300;
    let late: Vec<f32> = output[0][latency + fade..].to_vec();
    assert_eq!(late, input[0][fade..fade + late.len()]);
    assert_eq!(audio.status().late_blocks(), 0, "nothing is late where nothing is expected");
    let silent = Controls { late_policy: LatePolicy::Silence, ..Controls::default() };
    audio.reset(&silent);
    let output = play(&mut audio, &input, 512, &silent, Pace::Realtime);
    assert!(output[0].iter().all(|&sample| sample == 0.0));
}

/// A slow sine, which shows any jump.
fn slow_sine(range: Range<usize>) -> Vec<f32> {
    range.map(|n| (std::f64::consts::TAU * 50.0 * n as f64 / 44_100.0).sin() as f32).collect()
}

/// Plays what follows on `output` of [`slow_sine`], `before` every block of 256 frames.
fn play_on(
    audio: &mut AudioEndpoint,
    controls: &Controls,
    output: &mut Vec<f32>,
    num_frames: usize,
    mut before: impl FnMut(&mut AudioEndpoint),
) {
    for _ in 0..num_frames / 256 {
        before(audio);
        let mut block = slow_sine(output.len()..output.len() + 256);
        audio.process(&mut [&mut block], controls);
        output.extend_from_slice(&block);
    }
}

#[test]
fn late_results_fade_to_the_delayed_mix_without_a_click_are_counted_and_come_back() {
    let rate = 44_100.0;
    let card = Arc::new(ModelCard::builtin());
    let (estimator, gate) = Gate::before(identity(&card));
    let (mut audio, _worker) = stream(&config(&card, rate, 1), estimator);
    let latency = audio.latency_frames();
    // The network gives all to the vocals and the piano is heard: silence when results are on
    // time, the mix when they are late.
    let controls = Controls { instrument: Instrument::Piano, ..Controls::default() };
    audio.reset(&controls);
    let fade = (0.005 * rate) as usize;
    // As a host in real time with a quick machine: a block comes when there are results for it.
    let when_ready = |audio: &mut AudioEndpoint| {
        wait_until(|| {
            audio.process(&mut [&mut []], &controls);
            audio.status().queued_frames() as usize > 256 + fade
        });
    };
    let start = vec![slow_sine(0..(latency + 3 * 44_100) / 256 * 256)];
    let mut output = play(&mut audio, &start, 256, &controls, Pace::Offline).remove(0);
    assert_eq!(audio.status().late_frames(), 0);

    // The next run does not end before it is let go: what was finished is heard, then the mix.
    gate.shut();
    play_on(&mut audio, &controls, &mut output, 33_000, |_| {});
    gate.wait_for_run();
    play_on(&mut audio, &controls, &mut output, 33_000, |_| {});
    let mixed = output.len() - 16_384..output.len();
    assert!(audio.status().late_frames() >= 16_384, "the stall must be heard of");
    let delayed = slow_sine(mixed.start - latency..mixed.end - latency);
    assert_eq!(output[mixed], delayed, "while late, the delayed mix is heard as it is");
    assert_eq!(audio.status().num_epochs(), 1, "no input was lost");
    gate.open();

    // Late results are discarded by the blocks that they come before.
    wait_until(|| {
        let mut frame = slow_sine(output.len()..output.len() + 1);
        audio.process(&mut [&mut frame], &controls);
        output.extend_from_slice(&frame);
        audio.status().queued_frames() as usize > 256 + fade
    });
    let late_after = audio.status().late_frames();
    play_on(&mut audio, &controls, &mut output, 2 * 44_100, when_ready);
    assert_eq!(audio.status().late_frames(), late_after, "results are on time again");
    assert!(audio.status().dropped_frames() > 0, "the late ones were discarded");

    let steepest = std::f64::consts::TAU * 50.0 / rate + 1.0 / (0.005 * rate);
    let jump = output.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0_f32, f32::max);
    assert!(f64::from(jump) < 1.05 * steepest, "a click of {jump}");
    let silent = output[latency..].iter().filter(|sample| sample.abs() < 1e-4).count();
    assert!(silent > 4 * 44_100, "while on time, the piano is silent");
}

#[test]
fn a_failing_network_leaves_the_delayed_mix_and_a_reason() {
    struct Broken;
    impl Estimator for Broken {
        fn provider(&self) -> Provider {
            Provider::Cpu
        }
        fn estimate(
            &mut self,
            _: &[f32],
            num_frames: usize,
            _: Range<usize>,
            _: &mut [f32],
        ) -> Result<(), InferenceError> {
            Err(InferenceError::NotFinite { frame: 3, num_frames })
        }
    }
    let card = Arc::new(ModelCard::builtin());
    let (mut audio, _worker) = stream(&config(&card, 44_100.0, 2), Box::new(Broken));
    let latency = audio.latency_frames();
    let input = noise(2, latency + 44_100);
    let output = play(&mut audio, &input, 512, &Controls::default(), Pace::Offline);
    assert_eq!(output[0][latency + 300..], input[0][300..44_100]);
    assert_eq!(audio.status().state(), StreamState::Failed);
    assert!(audio.status().message().unwrap().contains("not finite in hop frame 3"));

    let (mut audio, worker) = split(&config(&card, 44_100.0, 2)).unwrap();
    let _worker = Worker::spawn(worker, || panic!("the opener breaks")).unwrap();
    play(&mut audio, &input, 512, &Controls::default(), Pace::Offline);
    assert!(audio.status().message().unwrap().contains("internal error"));
}

#[test]
fn a_reset_forgets_the_past_and_two_passes_are_the_same() {
    // At 48 kHz, where the waveform network's copy has a resampler with a memory of its own.
    let rate = 48_000.0;
    for card in cards() {
        let (mut audio, _worker) = stream(&config(&card, rate, 2), Uneven::boxed(&card, 0));
        let instrument = *card.sources().last().unwrap();
        let controls = Controls { instrument, ..Controls::default() };
        let input = noise(2, 48_000 * 3);
        audio.reset(&controls);
        let first = play(&mut audio, &input, 512, &controls, Pace::Offline);
        for _ in 0..5 {
            audio.reset(&controls);
            play(&mut audio, &noise(2, 30_000), 512, &controls, Pace::Realtime);
        }
        audio.reset(&controls);
        let second = play(&mut audio, &input, 100, &controls, Pace::Offline);
        assert!(first == second, "{}", card.name());
    }
}

#[test]
fn bad_samples_do_harm_only_where_they_are() {
    let card = Arc::new(ModelCard::builtin());
    let (mut audio, _worker) = stream(&config(&card, 44_100.0, 2), identity(&card));
    let latency = audio.latency_frames();
    let mut input = noise(2, latency + 60_000);
    let clean = input.clone();
    for (index, bad) in [f32::NAN, f32::INFINITY, 1e-40, f32::NEG_INFINITY].into_iter().enumerate()
    {
        input[index % 2][10_000 + index] = bad;
    }
    let output = play(&mut audio, &input, 512, &Controls::default(), Pace::Offline);
    assert!(output.iter().flatten().all(|sample| sample.is_finite()));
    let after = |signal: &[Vec<f32>], from: usize| -> Vec<Vec<f32>> {
        signal.iter().map(|channel| channel[from..].to_vec()).collect()
    };
    let residual = residual_dbfs(&after(&output, latency + 15_000), &after(&clean, 15_000), 0);
    assert!(residual <= -110.0, "{residual} dBFS");
}

#[test]
fn streams_out_of_range_are_refused_in_words() {
    let card = Arc::new(ModelCard::builtin());
    let refusal = |rate, channels| match split(&config(&card, rate, channels)) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("expected a refusal"),
    };
    assert_eq!(refusal(44_100.0, 3), "expected 1 or 2 channels, found 3");
    assert_eq!(refusal(44_100.0, 0), "expected 1 or 2 channels, found 0");
    assert!(refusal(f64::NAN, 2).contains("found NaN"));
    assert!(refusal(1e9, 2).contains("1536000"));
}
