//! The boundary: `split()` gives the audio thread's half and the worker's half of one stream.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringbuf::traits::{Observer, Producer, Split};
use ringbuf::{HeapProd, HeapRb};

use super::MAX_CHANNELS;
use super::analysis::UnsupportedModel;
use super::controls::Controls;
use super::focus::{self, FocusSender};
use super::latency::{LatencyMode, fade_frames, latency_frames};
use super::mixer::{SourceMap, StemMixer};
use super::ring::ResultQueue;
use super::separator::Separator;
use super::shared::{EpochMark, Shared};
use super::status::{StreamFacts, StreamState, StreamStatus};
use super::stem_outputs::StemOutputs;
use super::timeline::{self, HostPlace, TimelineSender};
use super::worker::{StreamShape, WorkerEndpoint};
use crate::dsp::delay::DelayLine;
use crate::dsp::level::sanitise;
use crate::model::ModelCard;

/// Longest stretch that is handled at once; longer blocks are cut, so that any length works.
pub(super) const MAX_CHUNK_FRAMES: usize = 512;

/// Epochs that may be under way at once before the audio thread has to wait with the next.
const MAX_EPOCH_MARKS: usize = 64;

/// What a stream is made for.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// The model.
    pub card: Arc<ModelCard>,
    /// Host sample rate in Hz.
    pub sample_rate_hz: f64,
    /// 1 or 2.
    pub num_channels: usize,
    /// How much future is waited for.
    pub mode: LatencyMode,
}

/// Why a stream cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StreamError {
    /// Neither mono nor stereo.
    #[error("expected 1 or 2 channels, found {0}")]
    Channels(usize),
    /// A sample rate that makes no sense.
    #[error("expected a sample rate of 1000 to 1536000 Hz, found {0}")]
    SampleRate(f64),
    /// A model of another kind.
    #[error(transparent)]
    Model(#[from] UnsupportedModel),
}

/// Makes the two halves of a stream. Allocates all that the audio thread will ever need.
///
/// # Errors
/// When the configuration is out of range.
pub fn split(config: &StreamConfig) -> Result<(AudioEndpoint, WorkerEndpoint), StreamError> {
    let StreamConfig { card, sample_rate_hz, num_channels, mode } = config;
    if !(1..=MAX_CHANNELS).contains(num_channels) {
        return Err(StreamError::Channels(*num_channels));
    }
    if !(1_000.0..=1_536_000.0).contains(sample_rate_hz) {
        return Err(StreamError::SampleRate(*sample_rate_hz));
    }
    let mut separator = Separator::new(card, *sample_rate_hz, *num_channels, *mode)?;
    let latency = latency_frames(card, *sample_rate_hz, *mode);
    let map = SourceMap::new(card);
    let stem_frame_len = map.num_sources() * num_channels;
    let hop = separator.hop_frames();
    // All that is under way lies between the frame that comes in and the frame that goes out.
    let ring_frames = latency + 2 * hop + MAX_CHUNK_FRAMES;
    let (input, input_out) = HeapRb::new(ring_frames * num_channels).split();
    let (marks, marks_out) = HeapRb::new(MAX_EPOCH_MARKS).split();
    let (focus, focus_out) = focus::channel(ring_frames, MAX_EPOCH_MARKS);
    let (timeline, timeline_out) = timeline::channel(ring_frames, MAX_EPOCH_MARKS, *sample_rate_hz);
    let (results_in, results) = HeapRb::new(ring_frames * stem_frame_len).split();
    let (headers_in, headers) = HeapRb::new(ring_frames / hop + 2).split();
    let shared = Arc::new(Shared::new());
    separator.show_in(Arc::clone(shared.status.scope()), card, *sample_rate_hz);
    let ring_samples = ring_frames * (num_channels + stem_frame_len) + latency * num_channels;
    shared.status.set_facts(StreamFacts {
        model: card.name().to_owned(),
        model_version: card.version().to_owned(),
        sample_rate_hz: *sample_rate_hz,
        ring_bytes: ring_samples * size_of::<f32>(),
    });
    let controls = Controls::default();
    let audio = AudioEndpoint {
        shared: Arc::clone(&shared),
        latency,
        num_channels: *num_channels,
        fade_frames: fade_frames(*sample_rate_hz),
        wake_frames: hop,
        input,
        marks,
        focus,
        timeline,
        results: ResultQueue::new(results, headers, stem_frame_len),
        mixer: StemMixer::new(map, *sample_rate_hz, &controls),
        delays: (0..*num_channels).map(|_| DelayLine::new(latency)).collect(),
        position: 0,
        ring_frame: 0,
        epoch: 0,
        epoch_start: 0,
        chunk_frames: 0,
        mark_due: true,
        fade: 1.0,
        is_late: false,
        unannounced: 0,
        clean: vec![0.0; MAX_CHUNK_FRAMES * num_channels],
        stems: vec![0.0; MAX_CHUNK_FRAMES * stem_frame_len],
        direct: vec![0.0; MAX_CHUNK_FRAMES],
    };
    let shape = StreamShape {
        num_channels: *num_channels,
        sample_rate_hz: *sample_rate_hz,
        latency_frames: latency,
        fade_frames: audio.fade_frames,
    };
    let (input, output) = ((input_out, marks_out, focus_out), (results_in, headers_in));
    Ok((audio, WorkerEndpoint::new(shared, separator, input, timeline_out, output, shape)))
}

/// The audio thread's half: copies to a ring, copies from a ring, mixes.
///
/// Send, so that a host may move it between audio threads; every call takes `&mut self`.
pub struct AudioEndpoint {
    shared: Arc<Shared>,
    latency: usize,
    num_channels: usize,
    fade_frames: usize,
    wake_frames: usize,
    input: HeapProd<f32>,
    marks: HeapProd<EpochMark>,
    focus: FocusSender,
    timeline: TimelineSender,
    results: ResultQueue,
    mixer: StemMixer,
    delays: Vec<DelayLine>,
    /// Host frames received since the last reset.
    position: i64,
    /// Host frames pushed into the input ring, ever.
    ring_frame: u64,
    epoch: u32,
    /// Host frame at which the epoch began: no result comes for frames before it.
    epoch_start: i64,
    /// Frames of the chunk in hand.
    chunk_frames: usize,
    /// An epoch has begun that the worker has not been told of.
    mark_due: bool,
    /// Weight of the results against the delayed mix.
    fade: f32,
    /// A result was missing for the last frame.
    is_late: bool,
    /// Frames pushed since the worker was last woken.
    unannounced: usize,
    clean: Vec<f32>,
    stems: Vec<f32>,
    /// Gains of the stems that go out by themselves, one a frame.
    direct: Vec<f32>,
}

impl AudioEndpoint {
    /// Frames by which the output lags the input, always.
    #[must_use]
    pub fn latency_frames(&self) -> usize {
        self.latency
    }

    /// Counters and state.
    #[must_use]
    pub fn status(&self) -> &Arc<StreamStatus> {
        &self.shared.status
    }

    /// Forgets all sound and begins a new epoch; gains jump to `controls`.
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub fn reset(&mut self, controls: &Controls) {
        for delay in &mut self.delays {
            delay.reset();
        }
        self.mixer.snap_to(controls);
        self.focus.set(controls.focus);
        self.timeline.reset();
        self.position = 0;
        self.fade = if self.is_open() { 1.0 } else { 0.0 };
        self.begin_epoch();
    }

    /// Tells where the first frame of the next block stands on the host's timeline; once a block, or
    /// never. Nothing of the sound depends on it: see [`super::Capture`].
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub fn tell_place(&mut self, place: HostPlace) {
        self.timeline.tell(place);
    }

    /// Processes one block in place, planar, of any length. Where results are missing the delayed
    /// mix (or silence) fades in.
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub fn process(&mut self, channels: &mut [&mut [f32]], controls: &Controls) {
        self.process_stems(channels, &mut StemOutputs::default(), controls);
    }

    /// As [`AudioEndpoint::process`], and writes every stem as well, at the same latency. Stems are
    /// neither mixed nor scaled: where results are on time they sum to the delayed mix, with late
    /// results they fade out, and in bypass they are silent. A stem that the model lacks is
    /// silence.
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub fn process_stems(
        &mut self,
        main: &mut [&mut [f32]],
        stems: &mut StemOutputs<'_>,
        controls: &Controls,
    ) {
        self.shared.is_blocking.store(false, Ordering::Relaxed);
        self.process_chunks(main, stems, controls, |_| {}, |_| {});
    }

    /// As [`AudioEndpoint::process`], but waits for every result: for offline rendering. Falls
    /// back to the delayed mix only when there is no worker or it has failed.
    pub fn process_blocking(&mut self, channels: &mut [&mut [f32]], controls: &Controls) {
        self.process_stems_blocking(channels, &mut StemOutputs::default(), controls);
    }

    /// As [`AudioEndpoint::process_stems`], but waits as [`AudioEndpoint::process_blocking`] does.
    pub fn process_stems_blocking(
        &mut self,
        main: &mut [&mut [f32]],
        stems: &mut StemOutputs<'_>,
        controls: &Controls,
    ) {
        self.shared.is_blocking.store(true, Ordering::Relaxed);
        let (before, between) = (Self::wait_for_room, Self::wait_for_results);
        self.process_chunks(main, stems, controls, before, between);
    }

    /// As [`AudioEndpoint::process_blocking`], with the worker's half driven by `work` on this
    /// thread: the same signal path on a deterministic schedule.
    pub(crate) fn process_with<E>(
        &mut self,
        channels: &mut [&mut [f32]],
        controls: &Controls,
        mut work: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        self.shared.status.set_state(StreamState::Running);
        let mut outcome = Ok(());
        let work = |_: &mut Self| {
            if outcome.is_ok() {
                outcome = work();
            }
        };
        let stems = &mut StemOutputs::default();
        self.process_chunks(channels, stems, controls, |_| {}, work);
        outcome
    }

    fn process_chunks(
        &mut self,
        channels: &mut [&mut [f32]],
        stems: &mut StemOutputs<'_>,
        controls: &Controls,
        before: impl Fn(&mut Self),
        mut between: impl FnMut(&mut Self),
    ) {
        self.mixer.set(controls);
        self.focus.set(controls.focus);
        let num_frames = channels.iter().map(|channel| channel.len()).min().unwrap_or(0);
        if num_frames == 0 {
            self.take_note();
        }
        let mut begin = 0;
        while begin < num_frames {
            let end = (begin + MAX_CHUNK_FRAMES).min(num_frames);
            self.chunk_frames = end - begin;
            before(self);
            self.push_input(channels, begin..end);
            between(self);
            self.mix_output(channels, begin..end);
            self.write_stems(stems, begin..end);
            self.position += (end - begin) as i64;
            self.timeline.advance(end - begin);
            begin = end;
        }
    }

    /// An empty block: tells of the results that have come since the last.
    fn take_note(&mut self) {
        self.results.refill();
        let play = self.position - self.latency as i64;
        self.shared.status.set_queued_frames(self.results.available_from(play.max(0)));
    }

    fn begin_epoch(&mut self) {
        // Before the epoch: the workers must not take the new frames for long past.
        let play = self.position - self.latency as i64;
        self.shared.play_position.store(play, Ordering::Release);
        self.shared.status.count_epoch();
        self.epoch = self.epoch.wrapping_add(1);
        self.shared.epoch.store(self.epoch, Ordering::Release);
        self.results.begin_epoch(self.epoch);
        self.mark_due = true;
    }

    /// Copies a chunk, made safe, to the worker and into `clean` for the delay.
    fn push_input(&mut self, channels: &[&mut [f32]], range: std::ops::Range<usize>) {
        let num_frames = range.len();
        for (index, frame) in range.enumerate() {
            for channel in 0..self.num_channels {
                // A host may give fewer channels than it promised: they repeat the last one.
                let source = &channels[channel.min(channels.len() - 1)];
                self.clean[index * self.num_channels + channel] = sanitise(source[frame]);
            }
        }
        let samples = &self.clean[..num_frames * self.num_channels];
        if self.input.vacant_len() < samples.len() {
            // The worker is gone or hopelessly behind: what follows is another stretch of time.
            if !self.mark_due {
                self.begin_epoch();
            }
            return;
        }
        if self.mark_due {
            let ring_frame = self.ring_frame;
            self.epoch_start = self.position;
            let mark = EpochMark { epoch: self.epoch, ring_frame, start: self.position };
            if self.marks.try_push(mark).is_err() {
                return;
            }
            self.mark_due = false;
            self.focus.begin_epoch();
            self.timeline.begin_epoch(self.position);
        }
        self.timeline.send(self.epoch, self.position);
        self.focus.send(self.position, self.ring_frame, num_frames);
        self.input.push_slice(samples);
        self.ring_frame += num_frames as u64;
        self.unannounced += num_frames;
        if self.unannounced >= self.wake_frames {
            self.unannounced = 0;
            self.shared.announce(self.ring_frame);
        }
    }

    /// Whether the last frame was a result that came in time, all faded in, or no result is to be
    /// expected.
    pub(super) fn has_results(&self) -> bool {
        let has_begun = self.position > self.latency as i64;
        let is_heard = self.fade >= 1.0 && !self.is_late;
        has_begun && (is_heard || !self.shared.status.expects_results())
    }

    fn is_open(&self) -> bool {
        self.shared.status.state() == StreamState::Running
    }

    /// Waits until it is known whether the model opens, and until the worker has taken enough
    /// input to make room for the chunk.
    fn wait_for_room(&mut self) {
        let shared = Arc::clone(&self.shared);
        let chunk_len = self.chunk_frames * self.num_channels;
        shared.wait_for_progress(|| {
            shared.announce(self.ring_frame);
            match shared.status.state() {
                StreamState::Loading => false,
                StreamState::Running => self.input.vacant_len() >= chunk_len,
                StreamState::Idle | StreamState::Failed => true,
            }
        });
    }

    /// Waits until the results of the chunk, and the fade after it, have come.
    fn wait_for_results(&mut self) {
        let play = self.position - self.latency as i64;
        let shared = Arc::clone(&self.shared);
        // Nothing is to come for frames before the epoch.
        let first = play.max(self.epoch_start);
        let missing = play + self.chunk_frames as i64 - first;
        shared.wait_for_progress(|| {
            // Read before the results: all that were sent until then are seen below. Where runs
            // were skipped, while nobody waited yet, some results never come.
            let is_settled = shared.settled.load(Ordering::Acquire) >= self.ring_frame;
            self.results.drop_before(first);
            self.results.refill();
            // After the results were taken: they may have made room for the next.
            shared.announce(self.ring_frame);
            missing <= 0
                || self.results.available_from(first) >= missing as usize + self.fade_frames
                || is_settled
                || !shared.status.expects_results()
        });
    }

    /// Mixes results and delayed input into the chunk.
    fn mix_output(&mut self, channels: &mut [&mut [f32]], range: std::ops::Range<usize>) {
        let num_frames = range.len();
        let play = self.position - self.latency as i64;
        self.shared.play_position.store(play, Ordering::Release);
        self.results.refill();
        self.shared.status.count_dropped_if_any(self.results.drop_before(play.max(0)));
        // Before frame 0 the stream is silent and no result is missing; where none will ever come,
        // the delayed mix is there from its first frame on.
        let is_open = self.is_open();
        let lead = ((-play).max(0) as usize).min(num_frames);
        let available = self.results.available_from(play + lead as i64);
        let ready = available.min(num_frames - lead);
        let stem_frame_len = self.mixer.num_sources() * self.num_channels;
        let stems = &mut self.stems[..num_frames * stem_frame_len];
        stems.fill(0.0);
        self.results.read(&mut stems[lead * stem_frame_len..(lead + ready) * stem_frame_len]);
        let status = &self.shared.status;
        status.set_place(self.epoch, play, self.position + num_frames as i64);
        if status.scope().is_watched() {
            status.note_stems(stems, stem_frame_len, self.num_channels, &self.mixer.places());
        }

        let step = 1.0 / self.fade_frames as f32;
        let mut dry = [0.0_f32; MAX_CHANNELS];
        let mut output = [0.0_f32; MAX_CHANNELS];
        let (mut late_frames, mut late_spells) = (0, 0);
        for (index, frame) in range.enumerate() {
            // Results are let in only while enough of them follow to fade out on.
            let on_time = if index < lead {
                is_open
            } else {
                available.saturating_sub(index - lead) > self.fade_frames
            };
            if on_time {
                self.fade = if self.fade + step >= 1.0 { 1.0 } else { self.fade + step };
            } else {
                self.fade = (self.fade - step).max(0.0);
                late_frames += u64::from(index >= lead);
            }
            late_spells += u64::from(!on_time && !self.is_late);
            self.is_late = !on_time;
            for (channel, delay) in self.delays.iter_mut().enumerate() {
                dry[channel] = delay.process(self.clean[index * self.num_channels + channel]);
            }
            self.direct[index] = self.mixer.mix_frame(
                &stems[index * stem_frame_len..][..stem_frame_len],
                &dry[..self.num_channels],
                self.fade,
                &mut output[..self.num_channels],
            );
            for (channel, out) in channels.iter_mut().zip(&output[..self.num_channels]) {
                channel[frame] = *out;
            }
        }
        if late_frames > 0 && self.shared.status.state() == StreamState::Running {
            self.shared.status.count_late(late_frames, late_spells);
        }
        self.shared.status.set_queued_frames(available - ready);
    }

    /// Writes the stems of the chunk that has just been mixed.
    fn write_stems(&self, outputs: &mut StemOutputs<'_>, range: std::ops::Range<usize>) {
        if !outputs.any() {
            return;
        }
        let num_frames = range.len();
        let stem_frame_len = self.mixer.num_sources() * self.num_channels;
        let stems = &self.stems[..num_frames * stem_frame_len];
        let direct = &self.direct[..num_frames];
        outputs.write(range, &self.mixer.places(), stems, self.num_channels, direct);
    }
}
