//! What a stream tells of itself: atomics for the editor, words for people.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::meters::{DurationHistogram, LoadMeter, Share};
use super::scope::Scope;
use super::stem_peaks::StemPeaks;
use crate::inference::Provider;
use crate::model::Instrument;

/// Whether results can be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamState {
    /// No worker: the delayed mix is heard.
    Idle,
    /// The model is being opened.
    Loading,
    /// The worker runs.
    Running,
    /// The worker gave up; [`StreamStatus::message`] says why.
    Failed,
}

/// What is known of a stream before it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamFacts {
    /// Name of the model.
    pub model: String,
    /// Its version.
    pub model_version: String,
    /// Host frames a second.
    pub sample_rate_hz: f64,
    /// Bytes of the rings and delay lines between the two sides, which no other stream shares.
    pub ring_bytes: usize,
}

/// Counters and state of one stream. Written by the audio thread and the worker, read by anyone.
#[derive(Debug, Default)]
pub struct StreamStatus {
    state: AtomicU8,
    provider: AtomicU8,
    late_blocks: AtomicU64,
    late_spells: AtomicU64,
    late_frames: AtomicU64,
    dropped_frames: AtomicU64,
    num_runs: AtomicU64,
    last_run_us: AtomicU32,
    runs: DurationHistogram,
    network_load: Share,
    load: Share,
    queued_frames: AtomicU32,
    num_epochs: AtomicU32,
    model_bytes: AtomicU64,
    play_frame: AtomicI64,
    received_frame: AtomicI64,
    epoch: AtomicU32,
    stem_peaks: StemPeaks,
    scope: Arc<Scope>,
    facts: OnceLock<StreamFacts>,
    message: Mutex<Option<String>>,
}

impl StreamStatus {
    /// Whether results can be expected.
    #[must_use]
    pub fn state(&self) -> StreamState {
        match self.state.load(Ordering::Acquire) {
            1 => StreamState::Loading,
            2 => StreamState::Running,
            3 => StreamState::Failed,
            _ => StreamState::Idle,
        }
    }

    /// Whether a worker serves the stream or is about to.
    pub(crate) fn expects_results(&self) -> bool {
        matches!(self.state(), StreamState::Loading | StreamState::Running)
    }

    /// Where the model really runs, once it does.
    #[must_use]
    pub fn provider(&self) -> Option<Provider> {
        match self.provider.load(Ordering::Relaxed) {
            1 => Some(Provider::Cpu),
            2 => Some(Provider::Cuda),
            3 => Some(Provider::CoreMl),
            _ => None,
        }
    }

    /// Host blocks (of longer ones, pieces of 512 frames) in which a result was missing.
    #[must_use]
    pub fn late_blocks(&self) -> u64 {
        self.late_blocks.load(Ordering::Relaxed)
    }

    /// Times that results became missing after they had been there, or from the start.
    #[must_use]
    pub fn late_spells(&self) -> u64 {
        self.late_spells.load(Ordering::Relaxed)
    }

    /// Host frames for which a result was missing.
    #[must_use]
    pub fn late_frames(&self) -> u64 {
        self.late_frames.load(Ordering::Relaxed)
    }

    /// Frames of results that came too late and were discarded.
    #[must_use]
    pub fn dropped_frames(&self) -> u64 {
        self.dropped_frames.load(Ordering::Relaxed)
    }

    /// Runs of the network since the worker began.
    #[must_use]
    pub fn num_runs(&self) -> u64 {
        self.num_runs.load(Ordering::Relaxed)
    }

    /// Duration of the last run in microseconds, without the time that it waited for other streams
    /// that share the network's session.
    #[must_use]
    pub fn last_run_us(&self) -> u32 {
        self.last_run_us.load(Ordering::Relaxed)
    }

    /// Duration in milliseconds that the share `quantile` of all runs so far did not exceed: 0.5
    /// for the median, 0.99. Exact within 4.5 % from 0.1 ms to 6.5 s. `None` before the first run.
    /// Reads 128 atomics and allocates: not for the audio thread.
    #[must_use]
    pub fn run_quantile_ms(&self, quantile: f64) -> Option<f64> {
        self.runs.quantile_us(quantile).map(|duration_us| duration_us / 1000.0)
    }

    /// Seconds of the network in a second of sound, over the last two seconds of sound.
    #[must_use]
    pub fn network_load(&self) -> Option<f32> {
        self.network_load.get()
    }

    /// Seconds of all the work (transforms, network, resynthesis) in a second of sound, over the
    /// last two seconds of sound. Near 1, a stream has a core for itself. Seconds are the clock's:
    /// time in which the system gave the core to others counts.
    #[must_use]
    pub fn load(&self) -> Option<f32> {
        self.load.get()
    }

    /// Frames of finished results that waited after the last block.
    #[must_use]
    pub fn queued_frames(&self) -> u32 {
        self.queued_frames.load(Ordering::Relaxed)
    }

    /// Epochs so far: the first, and one for each reset, jump or overflow.
    #[must_use]
    pub fn num_epochs(&self) -> u32 {
        self.num_epochs.load(Ordering::Relaxed)
    }

    /// Host frame that comes out next; negative before the first that went in comes out. Frames are
    /// counted from 0 at each reset, and from there on through all epochs.
    #[must_use]
    pub fn play_frame(&self) -> i64 {
        self.play_frame.load(Ordering::Relaxed)
    }

    /// Host frame after the last that went in, in the count of [`StreamStatus::play_frame`].
    #[must_use]
    pub fn received_frame(&self) -> i64 {
        self.received_frame.load(Ordering::Relaxed)
    }

    /// The epoch that goes in now, as in [`super::ScopeColumn::epoch`].
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// The highest samples of each stem that have been played since the last call, linear, in the
    /// order of [`Instrument::ALL`]: before all gains, 0 where results were missing and for stems that
    /// the model lacks. Taken only while the [`StreamStatus::scope`] is watched; for one reader.
    pub fn stem_peaks(&self) -> [f32; Instrument::ALL.len()] {
        self.stem_peaks.take()
    }

    /// What an editor draws of the stream.
    #[must_use]
    pub fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// Bytes of the open network's file, which all streams of the model share; `None` where there
    /// is no file. What the runtime allocates for it beside is not known to the engine.
    #[must_use]
    pub fn model_bytes(&self) -> Option<u64> {
        Some(self.model_bytes.load(Ordering::Relaxed)).filter(|&bytes| bytes > 0)
    }

    /// Model, rate and memory of the stream's rings.
    #[must_use]
    pub fn facts(&self) -> Option<&StreamFacts> {
        self.facts.get()
    }

    /// Why the stream failed. Locks: not for the audio thread.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        self.lock_message().clone()
    }

    pub(crate) fn lock_message(&self) -> MutexGuard<'_, Option<String>> {
        self.message.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_state(&self, state: StreamState) {
        let value = match state {
            StreamState::Idle => 0,
            StreamState::Loading => 1,
            StreamState::Running => 2,
            StreamState::Failed => 3,
        };
        self.state.store(value, Ordering::Release);
    }

    pub(crate) fn set_provider(&self, provider: Provider) {
        let value = match provider {
            Provider::Cpu => 1,
            Provider::Cuda => 2,
            Provider::CoreMl => 3,
        };
        self.provider.store(value, Ordering::Relaxed);
    }

    pub(crate) fn set_message(&self, message: Option<String>) {
        *self.lock_message() = message;
    }

    /// Once, when the stream is made.
    pub(crate) fn set_facts(&self, facts: StreamFacts) {
        let is_first = self.facts.set(facts).is_ok();
        debug_assert!(is_first, "a stream is made once");
    }

    pub(crate) fn set_model_bytes(&self, bytes: Option<u64>) {
        self.model_bytes.store(bytes.unwrap_or(0), Ordering::Relaxed);
    }

    /// Where the audio thread is.
    ///
    /// # Realtime safety
    /// Touches atomics, as all that follows.
    pub(crate) fn set_place(&self, epoch: u32, play_frame: i64, received_frame: i64) {
        self.epoch.store(epoch, Ordering::Relaxed);
        self.play_frame.store(play_frame, Ordering::Relaxed);
        self.received_frame.store(received_frame, Ordering::Relaxed);
    }

    /// What the audio thread plays, as [`StemPeaks::note`].
    pub(crate) fn note_stems(
        &self,
        stems: &[f32],
        frame_len: usize,
        num_channels: usize,
        places: &[Option<usize>; Instrument::ALL.len()],
    ) {
        self.stem_peaks.note(stems, frame_len, num_channels, places);
    }

    pub(crate) fn count_epoch(&self) {
        self.num_epochs.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_queued_frames(&self, num_frames: usize) {
        self.queued_frames.store(num_frames as u32, Ordering::Relaxed);
    }

    /// A block with `num_frames` late ones, among which `num_spells` times a spell began.
    pub(crate) fn count_late(&self, num_frames: u64, num_spells: u64) {
        self.late_blocks.fetch_add(1, Ordering::Relaxed);
        self.late_spells.fetch_add(num_spells, Ordering::Relaxed);
        self.late_frames.fetch_add(num_frames, Ordering::Relaxed);
    }

    pub(crate) fn count_dropped_if_any(&self, num_frames: usize) {
        if num_frames > 0 {
            self.dropped_frames.fetch_add(num_frames as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_run(&self, duration_us: u32) {
        self.num_runs.fetch_add(1, Ordering::Relaxed);
        self.last_run_us.store(duration_us, Ordering::Relaxed);
        self.runs.count(duration_us);
    }

    pub(crate) fn publish_load(&self, meter: &mut LoadMeter, sample_rate_hz: f64) {
        meter.publish(sample_rate_hz, &self.network_load, &self.load);
    }
}
