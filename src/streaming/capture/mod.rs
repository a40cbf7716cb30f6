//! The last minutes of all stems, kept on demand.
//!
//! A [`Capture`] belongs to a plugin instance and outlives its streams. Their workers write to it
//! what they separate, with the mix as it was received: all of it, also what came too late to be
//! heard. It is off until a length is set, and never holds more than that. What is held lies in
//! segments: stretches of one stream without a break, which also follow the host's timeline without
//! a break. The audio thread has no part in this.

mod facts;
mod passes;
mod save;
mod segment;
mod summary;
mod wave;
mod writer;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{MAX_CHANNELS, MAX_SOURCES};
use segment::{Chunk, Segment};

pub use facts::SegmentFacts;
pub use save::{CaptureError, CapturePart};
pub(crate) use segment::StreamOrigin;
pub use summary::{CaptureExtent, CaptureSummary};
pub(crate) use writer::CaptureWriter;

/// The longest length that can be set, in seconds.
pub const MAX_CAPTURE_S: f64 = 1800.0;

/// Most segments that are held: ten minutes of a loop of a sixth of a second. A host that never plays
/// steadily must not leave any number of them.
const MAX_SEGMENTS: usize = 4096;

/// What is kept of the streams of one plugin instance.
#[derive(Default)]
pub struct Capture {
    is_on: AtomicBool,
    held: Mutex<Held>,
}

/// What is held now.
#[derive(Default)]
struct Held {
    /// Seconds that are kept.
    length_s: f64,
    segments: VecDeque<Segment>,
    /// The stream that may write: the newest that has.
    stream: u64,
    /// Streams that have been given a writer.
    num_streams: u64,
}

impl Capture {
    /// Keeps the last `seconds` from now on, [`MAX_CAPTURE_S`] at most; what is held beyond that is
    /// freed. `None`, or what is no number above 0, switches it off and frees all. Allocates nothing
    /// yet: memory is taken as sound comes.
    pub fn set_length(&self, seconds: Option<f64>) {
        let length_s = seconds.filter(|seconds| *seconds > 0.0).unwrap_or(0.0).min(MAX_CAPTURE_S);
        let freed = {
            let mut held = self.lock();
            held.length_s = length_s;
            self.is_on.store(length_s > 0.0, Ordering::Relaxed);
            held.trim()
        };
        drop(freed);
    }

    /// The length that is set, in seconds; `None` while it is off.
    #[must_use]
    pub fn length_s(&self) -> Option<f64> {
        Some(self.lock().length_s).filter(|length_s| *length_s > 0.0)
    }

    /// Seconds of sound that are held.
    #[must_use]
    pub fn held_seconds(&self) -> f64 {
        self.lock().segments.iter().map(Segment::seconds).sum()
    }

    /// Bytes of the samples that are held. A [`Take`] keeps those that it was taken of until it is
    /// dropped, beside the newer ones that are held meanwhile.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.lock().segments.iter().map(Segment::bytes).sum()
    }

    /// Bytes that `seconds` of a stream of six stems and the mix take at most.
    #[must_use]
    pub fn limit_bytes_for(seconds: f64, sample_rate_hz: f64, num_channels: usize) -> u64 {
        let frames = (seconds.clamp(0.0, MAX_CAPTURE_S) * sample_rate_hz).ceil() as u64;
        let frame_len = (MAX_SOURCES + 1) * num_channels.min(MAX_CHANNELS);
        frames * (frame_len * size_of::<f32>()) as u64
    }

    /// What is held, in a few numbers: for each frame of a window, since it looks at no sound.
    #[must_use]
    pub fn summary(&self) -> CaptureSummary {
        let mut held = self.lock();
        let length_s = held.length_s;
        CaptureSummary::of(held.segments.make_contiguous(), length_s)
    }

    /// What is held now, to be looked at and saved while more comes. Copies no sound.
    #[must_use]
    pub fn take(&self) -> Take {
        Take { segments: self.lock().segments.iter().cloned().collect() }
    }

    /// Forgets what is held and goes on.
    pub fn clear(&self) {
        let freed = std::mem::take(&mut self.lock().segments);
        drop(freed);
    }

    /// Whether anything is to be kept.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a capture has let go of: to be dropped after its lock, for which a worker may wait. Freeing
/// minutes of sound takes long.
type Freed = (Vec<Segment>, Vec<Arc<Chunk>>);

impl Held {
    /// Lets go of the oldest sound beyond the length.
    #[must_use]
    fn trim(&mut self) -> Freed {
        let max_segments = if self.length_s > 0.0 { MAX_SEGMENTS } else { 0 };
        let too_many = self.segments.len().saturating_sub(max_segments);
        let mut segments: Vec<Segment> = self.segments.drain(..too_many).collect();
        let mut chunks = Vec::new();
        let held_s: f64 = self.segments.iter().map(Segment::seconds).sum();
        let mut excess_s = held_s - self.length_s;
        while excess_s > 0.0
            && let Some(oldest) = self.segments.front_mut()
        {
            if oldest.seconds() > excess_s {
                excess_s -= oldest.drop_front(excess_s, &mut chunks);
                if oldest.num_frames() > 0 {
                    break;
                }
            }
            if let Some(oldest) = self.segments.pop_front() {
                excess_s -= oldest.seconds();
                segments.push(oldest);
            }
        }
        (segments, chunks)
    }
}

/// What a [`Capture`] held at one moment.
pub struct Take {
    segments: Vec<Segment>,
}

impl Take {
    /// The stretches that it consists of, oldest first.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentFacts> {
        self.segments.iter().map(SegmentFacts::of).collect()
    }

    /// Seconds of all segments together.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.segments.iter().map(Segment::seconds).sum()
    }

    /// What was played last alone: the newest stretch, or, where that begins to repeat the one before
    /// and has not come to its end, as in a loop that plays, the one before. Results that are missing
    /// for lack of time break a file, but no stretch.
    #[must_use]
    pub fn last_pass(mut self) -> Self {
        let range = passes::last_pass(&self.segments);
        self.segments.truncate(range.end);
        self.segments.drain(..range.start);
        self
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
