//! Many streams on the process's workers: each stands for itself.

#![allow(clippy::unwrap_used)]

mod common;

use std::ops::Range;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{
    Gate, Pace, cards, config, hooked, noise, play, residual_dbfs, spawn, stream, wait_until,
};
use soloist::inference::{Estimator, Identity, InferenceError, Provider};
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::{
    AudioEndpoint, Controls, LatencyMode, Separator, StreamState, Worker, split,
};

const RATE_HZ: f64 = 44_100.0;

fn identity(card: &ModelCard) -> Box<dyn Estimator> {
    Box::new(Identity::new(card, Instrument::Vocals))
}

/// Plays enough for a run of the network.
fn feed(audio: &mut AudioEndpoint) {
    wait_until(|| audio.status().state() != StreamState::Loading);
    play(audio, &noise(1, 80_000), 512, &Controls::default(), Pace::Realtime);
}

/// Whether an identity stream that begins now gives its input back, bit for bit of its results.
fn assert_healthy(card: &Arc<ModelCard>) {
    let (mut audio, _worker) = stream(&config(card, RATE_HZ, 2), identity(card));
    let latency = audio.latency_frames();
    let input = noise(2, latency + 30_000);
    let output = play(&mut audio, &input, 512, &Controls::default(), Pace::Offline);
    let residual = residual_dbfs(&output, &input, latency);
    assert!(residual <= -110.0 && residual > -300.0, "{residual} dBFS");
}

#[test]
fn eight_bounces_at_once_are_what_each_is_alone() {
    let card = Arc::new(ModelCard::builtin());
    let render = |seed: usize| {
        let input: Vec<Vec<f32>> =
            noise(1, 150_000 + seed).iter().map(|channel| channel[seed..].to_vec()).collect();
        let (mut audio, _worker) = stream(&config(&card, RATE_HZ, 1), identity(&card));
        play(&mut audio, &input, 300 + seed, &Controls::default(), Pace::Offline)
    };
    let alone: Vec<_> = (0..8).map(render).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|seed| scope.spawn(move || render(seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(alone == together);
}

#[test]
fn a_panic_in_one_streams_network_fails_that_stream_alone() {
    let card = Arc::new(ModelCard::builtin());
    let estimator = hooked(identity(&card), || panic!("a network that breaks"));
    let (mut audio, _broken) = stream(&config(&card, RATE_HZ, 1), estimator);
    let latency = audio.latency_frames();
    let input = noise(1, latency + 44_100);
    let output = play(&mut audio, &input, 512, &Controls::default(), Pace::Offline);
    assert_eq!(audio.status().state(), StreamState::Failed);
    assert!(audio.status().message().unwrap().contains("internal error"));
    assert_eq!(output[0][latency + 300..], input[0][300..44_100], "the delayed mix is heard");
    assert_healthy(&card);
}

#[test]
fn a_stream_dropped_inside_its_run_waits_for_that_run_only() {
    let card = Arc::new(ModelCard::builtin());
    let (estimator, gate) = Gate::before(identity(&card));
    gate.shut();
    let (mut audio, worker) = stream(&config(&card, RATE_HZ, 1), estimator);
    feed(&mut audio);
    gate.wait_for_run();
    let removal = std::thread::spawn(move || drop(worker));
    if std::thread::available_parallelism().is_ok_and(|count| count.get() > 1) {
        // Another worker serves the others meanwhile.
        assert_healthy(&card);
    }
    assert!(!removal.is_finished(), "the run is not over");
    gate.release();
    removal.join().unwrap();
    assert!(!gate.has_run(), "no run follows, though there was input for one");
    assert_eq!(audio.status().state(), StreamState::Idle);
}

#[test]
fn opening_a_model_holds_up_nobody() {
    let card = Arc::new(ModelCard::builtin());
    let (release, gate) = channel::<()>();
    let opening: Vec<Worker> = (0..6)
        .scan(Arc::new(Mutex::new(gate)), |gate, _| {
            let (gate, card) = (Arc::clone(gate), Arc::clone(&card));
            let (_, work) = split(&config(&card, RATE_HZ, 1)).unwrap();
            Some(Worker::spawn(work, move || {
                let _ = gate.lock().unwrap().recv();
                Ok(identity(&card))
            }))
        })
        .collect::<Result<_, _>>()
        .unwrap();
    assert_healthy(&card);
    drop(release);
    drop(opening);
}

/// Results of a separator that is late again and again, against those of one that never is.
#[test]
fn what_comes_after_skipped_runs_is_what_would_have_come_without() {
    for card in cards() {
        let rate = 48_000.0;
        let input = noise(1, rate as usize * 8).remove(0);
        let separate = |horizon_at: &dyn Fn(usize, usize) -> i64| {
            let mut separator = Separator::new(&card, rate, 1, LatencyMode::Studio).unwrap();
            let mut estimator = Wavering { num_sources: card.sources().len() };
            let mut blocks: Vec<(i64, Vec<f32>)> = Vec::new();
            for (index, chunk) in input.chunks(30_000).enumerate() {
                separator.push_interleaved(chunk);
                let received = (index + 1) * 30_000;
                let horizon = horizon_at(index, received);
                let sink = &mut |block: soloist::streaming::StemBlock<'_>| {
                    blocks.push((block.start, block.stems.to_vec()));
                };
                separator.advance(&mut estimator, &|| horizon, sink).unwrap();
            }
            blocks
        };
        let all = separate(&|_, _| i64::MIN);
        // Late by all that there is, then by nothing.
        let some = separate(&|index, received| {
            if index % 5 == 3 { received as i64 } else { i64::MIN }
        });
        let name = card.name();
        assert!(some.len() < all.len(), "{name}: runs must have been skipped");
        assert!(some.len() > all.len() / 4, "{name}: {} of {} blocks", some.len(), all.len());
        for (start, stems) in &some {
            let same = all.iter().find(|(other, _)| other == start).unwrap();
            assert!(stems == &same.1, "{name}: another result for frame {start}");
        }
    }
}

/// Masks that depend on the features, so that each run's are others.
struct Wavering {
    num_sources: usize,
}

impl Estimator for Wavering {
    fn provider(&self) -> Provider {
        Provider::Cpu
    }

    fn estimate(
        &mut self,
        features: &[f32],
        num_frames: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError> {
        let frame_len = masks.len() / wanted.len();
        let source_len = frame_len / self.num_sources;
        // The last hop frame too, so that two runs differ about a hop frame that both see.
        let last = features[num_frames - 1].abs();
        for (frame, out) in wanted.zip(masks.chunks_exact_mut(frame_len)) {
            let first = (features[frame].abs() + last).fract();
            for (index, mask) in out.iter_mut().enumerate() {
                let rest = (1.0 - first) / (self.num_sources - 1) as f32;
                *mask = if index / source_len == 0 { first } else { rest };
            }
        }
        Ok(())
    }
}

/// A render that begins to wait after results were left out must not wait for those.
#[test]
fn a_host_that_bounces_on_without_a_reset_is_not_kept_waiting() {
    let card = Arc::new(ModelCard::builtin());
    let (mut audio, _worker) = stream(&config(&card, RATE_HZ, 1), identity(&card));
    let latency = audio.latency_frames();
    let controls = Controls::default();
    // As fast as it goes: nearly all comes late and runs are skipped.
    play(&mut audio, &noise(1, 5 * latency), 512, &controls, Pace::Realtime);
    let input = noise(1, 3 * latency);
    let output = play(&mut audio, &input, 512, &controls, Pace::Offline);
    // An identity: what is late and what is not are the same but for rounding.
    let end = output[0].len() - latency;
    let residual = residual_dbfs(&[output[0][latency..].to_vec()], &[input[0][..end].to_vec()], 0);
    assert!(residual <= -110.0, "{residual} dBFS");
}

#[test]
fn a_stream_tells_of_its_work() {
    let card = Arc::new(ModelCard::builtin());
    let pause = Duration::from_millis(20);
    let estimator = hooked(identity(&card), move || std::thread::sleep(pause));
    let (mut audio, _worker) = stream(&config(&card, RATE_HZ, 2), estimator);
    let status = Arc::clone(audio.status());
    let facts = status.facts().unwrap();
    assert_eq!((facts.model.as_str(), facts.sample_rate_hz), (card.name(), RATE_HZ));
    // Two channels in, twelve out, two delayed, each at least a latency long.
    let least = audio.latency_frames() * (2 + 12 + 2) * 4;
    assert!((least..least + least / 4).contains(&facts.ring_bytes), "{}", facts.ring_bytes);
    assert_eq!((status.run_quantile_ms(0.5), status.load()), (None, None));
    assert_eq!(status.model_bytes(), None, "an identity has no file");

    audio.reset(&Controls::default());
    play(&mut audio, &noise(2, 5 * 44_100), 512, &Controls::default(), Pace::Offline);
    assert_eq!(status.num_epochs(), 1);
    let (median, worst) =
        (status.run_quantile_ms(0.5).unwrap(), status.run_quantile_ms(0.99).unwrap());
    assert!(status.num_runs() >= 4 && median >= 19.0 && worst >= median, "{median}, {worst} ms");
    // 20 ms in every 0.743 s; a reading spans 2 to 3 s, into which one to four runs fall.
    let (network, whole) = (status.network_load().unwrap(), status.load().unwrap());
    assert!(network > 0.02 / 3.0 && whole > network, "{network} of {whole}");
    assert!(status.queued_frames() > 0, "results wait for their time");
    assert_eq!((status.late_frames(), status.late_spells()), (0, 0));

    // Faster than the network can follow, twice, with all results awaited in between.
    for spells in 1..=2 {
        play(&mut audio, &noise(2, 150_000), 512, &Controls::default(), Pace::Realtime);
        assert!(status.late_blocks() > 0 && status.late_frames() > status.late_blocks());
        let told = status.late_spells();
        assert!(told >= spells, "{told}");
        assert!(told < status.late_blocks(), "a spell lasts: {told}");
        play(&mut audio, &noise(2, 150_000), 512, &Controls::default(), Pace::Offline);
    }
    // Overflows began epochs too.
    let num_epochs = status.num_epochs();
    audio.reset(&Controls::default());
    assert_eq!(status.num_epochs(), num_epochs + 1);
}

#[test]
fn a_worker_that_was_never_needed_goes_quietly() {
    let card = Arc::new(ModelCard::builtin());
    let (audio, work) = split(&config(&card, RATE_HZ, 2)).unwrap();
    let worker = spawn(work, identity(&card));
    drop(audio);
    drop(worker);
}
