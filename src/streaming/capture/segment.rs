//! A stretch of one stream without a break, in chunks that are never changed once they are written.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::Instrument;
use crate::streaming::timeline::HostPlace;

/// What is the same for all segments of a stream.
#[derive(Debug, PartialEq)]
pub(crate) struct StreamOrigin {
    /// Name and version of the model.
    pub model: String,
    pub sample_rate_hz: f64,
    pub num_channels: usize,
    /// The stems, in the order of the chunks.
    pub sources: Vec<Instrument>,
}

/// A few frames of the mix and of every stem.
pub(super) struct Chunk {
    pub num_frames: usize,
    /// `part x channel x frame`; part 0 is the mix, then come the sources.
    pub samples: Vec<f32>,
}

/// A stretch of one stream without a break.
#[derive(Clone)]
pub(super) struct Segment {
    pub origin: Arc<StreamOrigin>,
    pub epoch: u32,
    /// Host frame, in the stream's own count, of the first frame held.
    pub start: i64,
    /// Where that frame stands on the host's timeline.
    pub place: HostPlace,
    /// Frames that are missing between the segment before and this one, where both are of one epoch:
    /// results that were left out for lack of time.
    pub missing_frames: u64,
    pub chunks: VecDeque<Arc<Chunk>>,
    num_frames: usize,
}

impl Segment {
    /// A segment that holds nothing yet.
    pub fn new(origin: Arc<StreamOrigin>, epoch: u32, start: i64, place: HostPlace) -> Self {
        let chunks = VecDeque::new();
        Self { origin, epoch, start, place, missing_frames: 0, chunks, num_frames: 0 }
    }

    /// Host frame after the last one.
    pub fn end(&self) -> i64 {
        self.start + self.num_frames as i64
    }

    /// Where the frame after the last one stands, if the timeline goes on.
    pub fn place_of_end(&self) -> HostPlace {
        self.place.plus(self.num_frames as i64)
    }

    /// Frames before the project's begin.
    pub fn num_early_frames(&self) -> usize {
        match self.place {
            HostPlace::At(first) => (-first).clamp(0, self.num_frames as i64) as usize,
            _ => 0,
        }
    }

    pub fn num_frames(&self) -> usize {
        self.num_frames
    }

    pub fn seconds(&self) -> f64 {
        self.num_frames as f64 / self.origin.sample_rate_hz
    }

    /// Bytes of its samples, without a look at the chunks: ten minutes are tens of thousands.
    pub fn bytes(&self) -> u64 {
        (self.num_frames * self.frame_len() * size_of::<f32>()) as u64
    }

    /// Samples of a frame: the mix and every stem, in every channel.
    fn frame_len(&self) -> usize {
        (1 + self.origin.sources.len()) * self.origin.num_channels
    }

    /// Whether a frame of `epoch`, `start` in the stream's own count, that stands at `place` goes on
    /// where this segment ends.
    pub fn leads_to(
        &self,
        origin: &Arc<StreamOrigin>,
        epoch: u32,
        start: i64,
        place: HostPlace,
    ) -> bool {
        Arc::ptr_eq(&self.origin, origin)
            && self.epoch == epoch
            && self.end() == start
            && self.place_of_end() == place
    }

    /// Appends a chunk.
    pub fn push(&mut self, chunk: Chunk) {
        debug_assert_eq!(chunk.samples.len(), chunk.num_frames * self.frame_len());
        self.num_frames += chunk.num_frames;
        self.chunks.push_back(Arc::new(chunk));
    }

    /// Moves whole chunks at the front that lie in its first `seconds` to `freed`; returns the seconds
    /// that it let go of.
    pub fn drop_front(&mut self, seconds: f64, freed: &mut Vec<Arc<Chunk>>) -> f64 {
        let excess = (seconds * self.origin.sample_rate_hz).ceil().max(0.0) as usize;
        let mut dropped = 0;
        while let Some(front) = self.chunks.front()
            // The last chunk may go over the line: no more is held than the length.
            && dropped < excess
        {
            dropped += front.num_frames;
            freed.extend(self.chunks.pop_front());
        }
        self.num_frames -= dropped;
        self.start += dropped as i64;
        self.place = self.place.plus(dropped as i64);
        if dropped > 0 {
            self.missing_frames = 0;
        }
        dropped as f64 / self.origin.sample_rate_hz
    }

    /// The samples of one channel of one part, chunk by chunk.
    pub fn channel(&self, part: usize, channel: usize) -> impl Iterator<Item = &[f32]> {
        let index = part * self.origin.num_channels + channel;
        self.chunks
            .iter()
            .map(move |chunk| &chunk.samples[index * chunk.num_frames..][..chunk.num_frames])
    }
}
