//! Changing the stream that is heard, without a gap: the old one plays on until the new one has
//! results, then both are cross-faded.

use super::controls::Controls;
use super::endpoint::{AudioEndpoint, MAX_CHUNK_FRAMES};
use super::status::StreamStatus;
use super::stem_outputs::StemOutputs;
use super::timeline::HostPlace;
use super::{MAX_CHANNELS, MAX_SOURCES};
use crate::dsp::crossfade::{fade_in_weight, linear};
use crate::model::Instrument;
use crate::units::frames_from_seconds_ceil;
use std::sync::Arc;

/// Time of the cross-fade from one stream to the next. Linear: both are parts of one mix.
const FADE_S: f64 = 0.020;

/// How long after its latency a new stream may have no results before it is heard all the same.
const PATIENCE_S: f64 = 10.0;

/// What the audio thread plays: a stream, and at times the one that takes over.
pub struct Player {
    current: Box<AudioEndpoint>,
    next: Option<Next>,
    retired: Option<Box<AudioEndpoint>>,
    fade_frames: usize,
    patience_frames: usize,
    /// The next stream's block, planar: main channels, then stems.
    scratch: Vec<f32>,
}

/// The stream that takes over.
struct Next {
    endpoint: Box<AudioEndpoint>,
    /// Frames that it has been given.
    age: usize,
    /// Frames of the cross-fade that are over.
    faded: usize,
}

impl Player {
    /// A player of one stream, at its sample rate in Hz. Allocates.
    #[must_use]
    pub fn new(endpoint: Box<AudioEndpoint>, sample_rate_hz: f64) -> Self {
        let fade_frames = frames_from_seconds_ceil(FADE_S, sample_rate_hz).max(1);
        let patience = frames_from_seconds_ceil(PATIENCE_S, sample_rate_hz);
        Self {
            patience_frames: endpoint.latency_frames() + patience,
            current: endpoint,
            next: None,
            retired: None,
            fade_frames,
            scratch: vec![0.0; (1 + MAX_SOURCES) * MAX_CHANNELS * MAX_CHUNK_FRAMES],
        }
    }

    /// Frames by which the output lags the input, whichever stream is heard.
    #[must_use]
    pub fn latency_frames(&self) -> usize {
        self.current.latency_frames()
    }

    /// Counters and state of the stream that is heard.
    #[must_use]
    pub fn status(&self) -> &Arc<StreamStatus> {
        self.current.status()
    }

    /// Whether a stream waits to take over.
    #[must_use]
    pub fn is_switching(&self) -> bool {
        self.next.is_some()
    }

    /// Whether [`Player::switch_to`] has room for what it replaces.
    #[must_use]
    pub fn can_switch(&self) -> bool {
        self.retired.is_none()
    }

    /// Lets `endpoint` take over as soon as it has results. Both are given all input until then.
    /// A stream that was to take over and has not been heard is retired.
    ///
    /// # Errors
    /// Gives `endpoint` back when it lags by another latency, or when a retired stream has not been
    /// taken out yet.
    ///
    /// # Realtime safety
    /// Does not allocate, free, lock or wait.
    pub fn switch_to(
        &mut self,
        mut endpoint: Box<AudioEndpoint>,
        controls: &Controls,
    ) -> Result<(), Box<AudioEndpoint>> {
        if endpoint.latency_frames() != self.latency_frames() || !self.can_switch() {
            return Err(endpoint);
        }
        endpoint.reset(controls);
        let next = Next { endpoint, age: 0, faded: 0 };
        self.retired = self.next.replace(next).map(|unheard| unheard.endpoint);
        Ok(())
    }

    /// Takes out a stream that is not heard any more, to be freed elsewhere.
    ///
    /// # Realtime safety
    /// Does not allocate, free, lock or wait.
    pub fn take_retired(&mut self) -> Option<Box<AudioEndpoint>> {
        self.retired.take()
    }

    /// Ends a switch at once. Frees the old stream: not for the audio thread.
    pub fn finish_switch(&mut self) {
        self.retired = None;
        if let Some(next) = self.next.take() {
            self.current = next.endpoint;
        }
    }

    /// Forgets all sound and begins a new epoch.
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub fn reset(&mut self, controls: &Controls) {
        self.current.reset(controls);
        if let Some(next) = &mut self.next {
            next.endpoint.reset(controls);
            (next.age, next.faded) = (0, 0);
        }
    }

    /// As [`AudioEndpoint::tell_place`].
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub fn tell_place(&mut self, place: HostPlace) {
        self.current.tell_place(place);
        if let Some(next) = &mut self.next {
            next.endpoint.tell_place(place);
        }
    }

    /// As [`AudioEndpoint::process_stems`].
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub fn process_stems(
        &mut self,
        main: &mut [&mut [f32]],
        stems: &mut StemOutputs<'_>,
        controls: &Controls,
    ) {
        self.process_with(main, stems, |endpoint, main, stems| {
            endpoint.process_stems(main, stems, controls);
        });
    }

    /// As [`AudioEndpoint::process_stems_blocking`].
    pub fn process_stems_blocking(
        &mut self,
        main: &mut [&mut [f32]],
        stems: &mut StemOutputs<'_>,
        controls: &Controls,
    ) {
        self.process_with(main, stems, |endpoint, main, stems| {
            endpoint.process_stems_blocking(main, stems, controls);
        });
    }

    fn process_with(
        &mut self,
        main: &mut [&mut [f32]],
        stems: &mut StemOutputs<'_>,
        process: impl Fn(&mut AudioEndpoint, &mut [&mut [f32]], &mut StemOutputs<'_>),
    ) {
        let num_frames = main.iter().map(|channel| channel.len()).min().unwrap_or(0);
        let mut begin = 0;
        while begin < num_frames {
            let end = if self.next.is_some() {
                (begin + MAX_CHUNK_FRAMES).min(num_frames)
            } else {
                num_frames
            };
            let mut piece: [&mut [f32]; MAX_CHANNELS] = Default::default();
            let num_channels = main.len().min(MAX_CHANNELS);
            for (piece, channel) in piece.iter_mut().zip(main.iter_mut()) {
                *piece = &mut channel[begin..end];
            }
            let mut stems = stems.piece(begin..end);
            self.process_piece(&mut piece[..num_channels], &mut stems, &process);
            begin = end;
        }
    }

    /// Processes a piece of [`MAX_CHUNK_FRAMES`] at most, or of any length while nothing changes.
    fn process_piece(
        &mut self,
        main: &mut [&mut [f32]],
        stems: &mut StemOutputs<'_>,
        process: &impl Fn(&mut AudioEndpoint, &mut [&mut [f32]], &mut StemOutputs<'_>),
    ) {
        let Some(next) = &mut self.next else {
            process(&mut self.current, main, stems);
            return;
        };
        let num_frames = main.first().map_or(0, |channel| channel.len());
        let (main_scratch, stem_scratch) =
            self.scratch.split_at_mut(MAX_CHANNELS * MAX_CHUNK_FRAMES);
        let mut next_main: [&mut [f32]; MAX_CHANNELS] = Default::default();
        let places = main_scratch.chunks_exact_mut(MAX_CHUNK_FRAMES);
        for ((copy, place), channel) in next_main.iter_mut().zip(places).zip(main.iter()) {
            *copy = &mut place[..num_frames];
            copy.copy_from_slice(channel);
        }
        let next_main = &mut next_main[..main.len()];
        let mut next_stems = StemOutputs::default();
        let mut places = stem_scratch.chunks_exact_mut(MAX_CHUNK_FRAMES);
        for instrument in Instrument::ALL {
            for channel in 0..MAX_CHANNELS {
                let Some(place) = places.next() else { break };
                if stems.has(instrument, channel) {
                    next_stems.set(instrument, channel, &mut place[..num_frames]);
                }
            }
        }
        // Asked before this piece: what is faded in must be there from its first frame on.
        let is_heard =
            next.faded > 0 || next.endpoint.has_results() || next.age > self.patience_frames;
        process(&mut self.current, main, stems);
        process(&mut next.endpoint, next_main, &mut next_stems);
        next.age += num_frames;
        if !is_heard {
            return;
        }
        let (faded, length) = (next.faded, self.fade_frames);
        let cross_fade = |old: &mut [f32], new: &[f32]| {
            for (index, (old, &new)) in old.iter_mut().zip(new).enumerate() {
                *old = linear(*old, new, fade_in_weight(faded + index, length));
            }
        };
        for (old, new) in main.iter_mut().zip(next_main.iter()) {
            cross_fade(old, new);
        }
        stems.for_each_with(&next_stems, cross_fade);
        next.faded += num_frames;
        if next.faded >= self.fade_frames
            && self.retired.is_none()
            && let Some(next) = self.next.take()
        {
            self.retired = Some(std::mem::replace(&mut self.current, next.endpoint));
        }
    }
}

#[cfg(test)]
#[path = "swap_tests.rs"]
mod tests;
