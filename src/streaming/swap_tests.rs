//! Two streams whose every sample is known: what is heard while one takes over from the other.

use std::ops::Range;

use super::*;
use crate::inference::{Estimator, Identity, InferenceError, Provider};
use crate::model::ModelCard;
use crate::streaming::{LatencyMode, StreamConfig, StreamState, Worker, split};

const RATE_HZ: f64 = 44_100.0;

/// A stream that gives all to one instrument, opened at once.
fn stream(instrument: Instrument) -> (Box<AudioEndpoint>, Worker) {
    let card = Arc::new(ModelCard::builtin());
    let (sample_rate_hz, mode) = (RATE_HZ, LatencyMode::Balanced);
    let config = StreamConfig { card: Arc::clone(&card), sample_rate_hz, num_channels: 1, mode };
    let (audio, work) = split(&config).unwrap();
    let estimator = Box::new(Identity::new(&card, instrument));
    let worker = Worker::spawn(work, move || Ok(estimator)).unwrap();
    while audio.status().state() == StreamState::Loading {
        std::thread::yield_now();
    }
    (Box::new(audio), worker)
}

/// A slow sine: any jump shows.
fn input(range: Range<usize>) -> Vec<f32> {
    range.map(|n| (std::f64::consts::TAU * 50.0 * n as f64 / RATE_HZ).sin() as f32).collect()
}

struct Played {
    main: Vec<f32>,
    drums: Vec<f32>,
}

/// Plays with results awaited, main and the drums' own output.
fn play(player: &mut Player, from: usize, num_frames: usize, block: usize) -> Played {
    let mut played = Played { main: input(from..from + num_frames), drums: vec![9.0; num_frames] };
    let controls = Controls { instrument: Instrument::Drums, ..Controls::default() };
    for (main, drums) in played.main.chunks_mut(block).zip(played.drums.chunks_mut(block)) {
        let mut stems = StemOutputs::default();
        stems.set(Instrument::Drums, 0, drums);
        player.process_stems_blocking(&mut [main], &mut stems, &controls);
    }
    played
}

#[test]
fn the_old_stream_is_heard_until_the_new_one_has_results_and_nothing_clicks() {
    for block in [64, 441, 2000] {
        let controls = Controls { instrument: Instrument::Drums, ..Controls::default() };
        // With the drums isolated the old stream is the delayed input and the new one silence.
        let ((old, old_worker), (new, _new_worker)) =
            (stream(Instrument::Drums), stream(Instrument::Vocals));
        let mut player = Player::new(old, RATE_HZ);
        player.reset(&controls);
        let latency = player.latency_frames();
        let begin = 2 * latency;
        let before = play(&mut player, 0, begin, block);
        assert!(player.switch_to(new, &controls).is_ok());
        let after = play(&mut player, begin, 3 * latency, block);
        assert!(!player.is_switching());
        drop(player.take_retired().expect("the old stream comes out"));
        drop(old_worker);

        let all: Vec<f32> = before.main.iter().chain(&after.main).copied().collect();
        let delayed = input(0..all.len() - latency);
        // The new stream has had a whole latency of input when it is first heard.
        let switch = begin + latency;
        for n in latency..switch {
            assert!((all[n] - delayed[n - latency]).abs() < 3e-6, "blocks of {block}, frame {n}");
        }
        let fade = (FADE_S * RATE_HZ) as usize;
        let end = switch + fade + 2 * block.min(MAX_CHUNK_FRAMES) + 1;
        assert!(all[end..].iter().all(|sample| sample.abs() < 3e-6), "the new stream is silent");
        let steepest = std::f64::consts::TAU * 50.0 / RATE_HZ + 1.0 / (FADE_S * RATE_HZ);
        let jump = all[latency..].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0_f32, f32::max);
        assert!(f64::from(jump) < 1.05 * steepest, "a click of {jump}");
        // The drums' own bus goes the same way.
        let drums: Vec<f32> = before.drums.iter().chain(&after.drums).copied().collect();
        assert!(drums[latency..] == all[latency..], "stems fade with the mix");
    }
}

#[test]
fn equal_streams_sum_to_the_same_sound_throughout() {
    let controls = Controls { instrument: Instrument::Drums, ..Controls::default() };
    let ((old, _old), (new, _new)) = (stream(Instrument::Drums), stream(Instrument::Drums));
    let mut player = Player::new(old, RATE_HZ);
    player.reset(&controls);
    let latency = player.latency_frames();
    let before = play(&mut player, 0, latency + 1000, 512);
    player.switch_to(new, &controls).ok().unwrap();
    let after = play(&mut player, latency + 1000, 2 * latency, 512);
    assert!(player.take_retired().is_some());
    let all: Vec<f32> = before.main.iter().chain(&after.main).copied().collect();
    for (n, (got, want)) in all[latency..].iter().zip(input(0..all.len())).enumerate() {
        assert!((got - want).abs() < 3e-6, "frame {n}: {got} for {want}");
    }
}

#[test]
fn a_stream_of_another_latency_and_one_too_many_are_refused() {
    let controls = Controls::default();
    let (mut player, _worker) = {
        let (old, worker) = stream(Instrument::Drums);
        (Player::new(old, RATE_HZ), worker)
    };
    let card = Arc::new(ModelCard::builtin());
    let config =
        StreamConfig { card, sample_rate_hz: RATE_HZ, num_channels: 1, mode: LatencyMode::Studio };
    let longer = || Box::new(split(&config).unwrap().0);
    assert!(player.switch_to(longer(), &controls).is_err());
    let ((second, _b), (third, _c), (fourth, _d)) =
        (stream(Instrument::Bass), stream(Instrument::Piano), stream(Instrument::Other));
    assert!(player.switch_to(second, &controls).is_ok());
    assert!(player.switch_to(third, &controls).is_ok(), "the second was never heard");
    assert!(player.switch_to(fourth, &controls).is_err(), "the second must be taken out first");
    assert!(player.take_retired().is_some() && player.can_switch());
    player.finish_switch();
    assert!(!player.is_switching());
}

/// A network that breaks at its first run.
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
        Err(InferenceError::NotFinite { frame: 0, num_frames })
    }
}

#[test]
fn a_new_stream_that_fails_takes_over_with_the_delayed_mix() {
    let controls = Controls { instrument: Instrument::Drums, ..Controls::default() };
    let (old, _old) = stream(Instrument::Vocals);
    let mut player = Player::new(old, RATE_HZ);
    player.reset(&controls);
    let latency = player.latency_frames();
    play(&mut player, 0, latency, 512);
    let card = Arc::new(ModelCard::builtin());
    let (sample_rate_hz, mode) = (RATE_HZ, LatencyMode::Balanced);
    let config = StreamConfig { card, sample_rate_hz, num_channels: 1, mode };
    let (broken, work) = split(&config).unwrap();
    let _worker = Worker::spawn(work, || Ok(Box::new(Broken))).unwrap();
    player.switch_to(Box::new(broken), &controls).ok().unwrap();
    let after = play(&mut player, latency, 3 * latency, 512);
    assert!(player.take_retired().is_some());
    assert_eq!(player.status().state(), StreamState::Failed);
    assert_eq!(after.main[2 * latency..], input(2 * latency..3 * latency));
}
