//! A stream's way into the capture: on the worker, hop by hop.

use std::sync::Arc;

use super::Capture;
use super::segment::{Chunk, Segment, StreamOrigin};
use crate::streaming::separator::StemBlock;
use crate::streaming::timeline::{HostPlace, TimelineReceiver};

/// Peak below which a mix counts as silence, linear: -100 dBFS.
const SILENCE: f32 = 1e-5;

/// Writes what one stream separates.
pub(crate) struct CaptureWriter {
    capture: Arc<Capture>,
    origin: Arc<StreamOrigin>,
    stream: u64,
    epoch: u32,
    /// Host frame, in the stream's own count, of the epoch's first.
    epoch_start: i64,
    /// Host frame after the last block of this epoch, kept or not.
    seen_end: Option<i64>,
}

impl CaptureWriter {
    /// For a new stream: as soon as it writes, streams of before do not any more.
    pub fn new(capture: Arc<Capture>, origin: StreamOrigin) -> Self {
        let stream = {
            let mut held = capture.lock();
            held.num_streams += 1;
            held.num_streams
        };
        Self { capture, origin: Arc::new(origin), stream, epoch: 0, epoch_start: 0, seen_end: None }
    }

    /// What comes is of `epoch`, whose first frame is host frame `start` of the stream's own count.
    pub fn begin_epoch(&mut self, epoch: u32, start: i64) {
        self.epoch = epoch;
        self.epoch_start = start;
        self.seen_end = None;
    }

    /// Keeps a block, if that is wanted. What comes in silence while the timeline stands is not
    /// kept: it would only push out what was played.
    pub(in crate::streaming) fn write(
        &mut self,
        block: &StemBlock<'_>,
        timeline: &mut TimelineReceiver,
    ) {
        let first = self.epoch_start + block.start;
        let end = first + block.num_frames as i64;
        let mut missing = self.seen_end.replace(end).map_or(0, |seen| (first - seen).max(0) as u64);
        if !self.capture.is_on() {
            // What is past is of no use any more.
            timeline.stretch_at(self.epoch, first);
            return;
        }
        let mut begin = first;
        while begin < end {
            let (place, until) = timeline.stretch_at(self.epoch, begin);
            let until = until.min(end);
            let range = (begin - first) as usize..(until - first) as usize;
            if place != HostPlace::Stopped || is_heard(block, range.clone()) {
                self.append(begin, place, missing, self.chunk_of(block, range));
                missing = 0;
            }
            begin = until;
        }
    }

    /// The frames `range` of the block: the mix, then the stems.
    fn chunk_of(&self, block: &StemBlock<'_>, range: std::ops::Range<usize>) -> Chunk {
        let (num_frames, num_channels) = (range.len(), self.origin.num_channels);
        let num_sources = self.origin.sources.len();
        let mut samples = Vec::with_capacity((1 + num_sources) * num_channels * num_frames);
        for channel in 0..num_channels {
            samples.extend_from_slice(&block.mix(channel)[range.clone()]);
        }
        for source in 0..num_sources {
            for channel in 0..num_channels {
                samples.extend_from_slice(&block.stem(source, channel)[range.clone()]);
            }
        }
        Chunk { num_frames, samples }
    }

    /// Keeps a chunk before which `missing` frames have never come.
    fn append(&self, start: i64, place: HostPlace, missing: u64, chunk: Chunk) {
        let mut held = self.capture.lock();
        // It may have been switched off, or a newer stream may have taken over.
        if held.length_s <= 0.0 || held.stream > self.stream {
            return;
        }
        held.stream = self.stream;
        let last = held.segments.back();
        if !last.is_some_and(|last| last.leads_to(&self.origin, self.epoch, start, place)) {
            let mut segment = Segment::new(Arc::clone(&self.origin), self.epoch, start, place);
            segment.missing_frames = missing;
            held.segments.push_back(segment);
        }
        if let Some(segment) = held.segments.back_mut() {
            segment.push(chunk);
        }
        let freed = held.trim();
        drop(held);
        drop(freed);
    }
}

/// Whether the mix is no silence there.
fn is_heard(block: &StemBlock<'_>, range: std::ops::Range<usize>) -> bool {
    (0..block.num_channels)
        .any(|channel| block.mix(channel)[range.clone()].iter().any(|it| it.abs() > SILENCE))
}
