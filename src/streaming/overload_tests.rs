//! Both halves of many streams in virtual time, with one worker that is too slow for them: the order
//! of turns, the rings and the epochs, whatever the machine does meanwhile.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::turns::{Claim, Demand, RecentLoss, choose};
use super::worker::WorkerEndpoint;
use super::{AudioEndpoint, Controls, LatencyMode, StreamConfig, StreamState, split};
use crate::inference::{Estimator, Identity, InferenceError, Provider};
use crate::model::{Instrument, ModelCard};

const RATE_HZ: f64 = 44_100.0;
/// Time moves on by one block.
const BLOCK_FRAMES: usize = 441;
const BLOCKS_PER_SECOND: u64 = 100;
const NUM_STREAMS: usize = 8;

/// The audio threads of all streams, and how long a run of the network takes.
struct Stage {
    audio: Mutex<Vec<AudioEndpoint>>,
    run_blocks: AtomicU64,
    blocks: AtomicU64,
}

impl Stage {
    /// Plays one block of every stream.
    fn tick(&self) {
        for audio in self.audio.lock().unwrap().iter_mut() {
            let mut samples = [0.1_f32; BLOCK_FRAMES];
            audio.process(&mut [&mut samples], &Controls::default());
        }
        self.blocks.fetch_add(1, Ordering::Relaxed);
    }

    fn now_s(&self) -> f64 {
        self.blocks.load(Ordering::Relaxed) as f64 / BLOCKS_PER_SECOND as f64
    }

    fn late_frames(&self) -> Vec<u64> {
        self.audio.lock().unwrap().iter().map(|audio| audio.status().late_frames()).collect()
    }
}

/// While it runs, the audio goes on.
struct Slow {
    inner: Identity,
    stage: Arc<Stage>,
}

impl Estimator for Slow {
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
        for _ in 0..self.stage.run_blocks.load(Ordering::Relaxed) {
            self.stage.tick();
        }
        self.inner.estimate(features, num_frames, wanted, masks)
    }
}

/// A stream as the worker sees it; as in the pool.
struct Served {
    work: WorkerEndpoint,
    estimator: Slow,
    loss: RecentLoss,
    ready_since_s: Option<f64>,
    last_run: u64,
    num_runs: u64,
}

impl Served {
    fn claim(&mut self, now_s: f64, run_s: f64) -> Option<Claim> {
        let Some(demand) = self.work.demand() else {
            self.ready_since_s = None;
            return None;
        };
        let lost_s = match demand {
            Demand::Playing { total_lost_s, .. } => self.loss.update(total_lost_s, now_s),
            Demand::Offline | Demand::Room => 0.0,
        };
        let waited_s = now_s - *self.ready_since_s.get_or_insert(now_s);
        Some(Claim { demand, waited_s, lost_s, run_s, last_run: self.last_run })
    }

    fn serve(&mut self, num_turns: u64) {
        if self.work.needs_room() {
            self.work.make_room();
        } else if self.work.turn(&mut self.estimator).unwrap() {
            self.last_run = num_turns;
            self.num_runs += 1;
        }
        self.ready_since_s = None;
    }
}

/// Plays for a time, the worker being at it whenever there is something to do.
fn play_for(stage: &Stage, streams: &mut [Served], seconds: u64, num_turns: &mut u64) {
    let end = stage.blocks.load(Ordering::Relaxed) + seconds * BLOCKS_PER_SECOND;
    while stage.blocks.load(Ordering::Relaxed) < end {
        stage.tick();
        while stage.blocks.load(Ordering::Relaxed) < end {
            let run_s = stage.run_blocks.load(Ordering::Relaxed) as f64 / BLOCKS_PER_SECOND as f64;
            let now_s = stage.now_s();
            let claims: Vec<_> = streams
                .iter_mut()
                .enumerate()
                .filter_map(|(index, stream)| Some((index, stream.claim(now_s, run_s)?)))
                .collect();
            let Some(chosen) = choose(claims.into_iter()) else { break };
            *num_turns += 1;
            streams[chosen].serve(*num_turns);
        }
    }
}

/// More streams than there is time for, for longer than their rings last: none loses its place,
/// and all are on time again when the network is quick again.
#[test]
fn streams_that_were_all_late_for_long_are_on_time_again_afterwards() {
    let card = Arc::new(ModelCard::builtin());
    let mode = LatencyMode::Balanced;
    let config =
        StreamConfig { card: Arc::clone(&card), sample_rate_hz: RATE_HZ, num_channels: 1, mode };
    // Eight runs of 150 ms in every 0.186 s.
    let stage = Arc::new(Stage {
        audio: Mutex::new(Vec::new()),
        run_blocks: AtomicU64::new(15),
        blocks: AtomicU64::new(0),
    });
    let mut streams: Vec<Served> = (0..NUM_STREAMS)
        .map(|_| {
            let (audio, work) = split(&config).unwrap();
            work.shared.status.set_state(StreamState::Running);
            stage.audio.lock().unwrap().push(audio);
            let inner = Identity::new(&card, Instrument::Vocals);
            let estimator = Slow { inner, stage: Arc::clone(&stage) };
            let (loss, ready_since_s) = (RecentLoss::default(), None);
            Served { work, estimator, loss, ready_since_s, last_run: 0, num_runs: 0 }
        })
        .collect();
    let mut num_turns = 0;
    play_for(&stage, &mut streams, 6, &mut num_turns);
    let runs: Vec<u64> = streams.iter().map(|stream| stream.num_runs).collect();
    let (fewest, most) = (runs.iter().min().unwrap(), runs.iter().max().unwrap());
    assert!(*fewest > 0 && most - fewest <= 1, "each gets its share: {runs:?}");
    let late = stage.late_frames();
    assert!(late.iter().all(|&frames| frames > 2 * RATE_HZ as u64), "too much for one: {late:?}");
    for audio in stage.audio.lock().unwrap().iter() {
        assert_eq!(audio.status().num_epochs(), 0, "no input is lost");
    }

    stage.run_blocks.store(0, Ordering::Relaxed);
    play_for(&stage, &mut streams, 2, &mut num_turns);
    let before = stage.late_frames();
    play_for(&stage, &mut streams, 2, &mut num_turns);
    assert_eq!(stage.late_frames(), before, "all are on time again");
}
