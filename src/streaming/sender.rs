//! The producer's side of the results: what has no room yet is kept, so that no worker ever waits
//! for an audio thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringbuf::HeapProd;
use ringbuf::traits::{Observer, Producer};

use super::separator::StemBlock;
use super::shared::{ResultHeader, Shared};

/// Sends stems to the audio thread.
pub(super) struct ResultSender {
    shared: Arc<Shared>,
    samples: HeapProd<f32>,
    headers: HeapProd<ResultHeader>,
    num_channels: usize,
    epoch: u32,
    /// Host frame after the last one that was sent in this epoch.
    end: i64,
    /// Blocks without room: a turn's worth at most, since no turn begins before they are gone.
    waiting: VecDeque<(ResultHeader, Vec<f32>)>,
    interleaved: Vec<f32>,
}

impl ResultSender {
    pub fn new(
        shared: Arc<Shared>,
        samples: HeapProd<f32>,
        headers: HeapProd<ResultHeader>,
        num_channels: usize,
    ) -> Self {
        Self {
            shared,
            samples,
            headers,
            num_channels,
            epoch: 0,
            end: 0,
            waiting: VecDeque::new(),
            interleaved: Vec::new(),
        }
    }

    /// From now on results are of `epoch`, which begins at host frame `start`.
    pub fn begin_epoch(&mut self, epoch: u32, start: i64) {
        self.epoch = epoch;
        self.end = start;
        self.waiting.clear();
    }

    /// Host frame after the last one that was sent.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Whether the audio thread has begun another epoch.
    pub fn is_stale(&self) -> bool {
        self.shared.epoch.load(Ordering::Acquire) != self.epoch
    }

    /// Whether blocks wait for room and there is still none for the first of them.
    pub fn is_blocked(&self) -> bool {
        let has_room = |(_, samples): &(ResultHeader, Vec<f32>)| {
            self.samples.vacant_len() >= samples.len() && !self.headers.is_full()
        };
        !self.waiting.front().is_none_or(has_room) && !self.is_stale()
    }

    /// Whether blocks wait for room.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends the blocks that wait, as far as there is room; true when none is left.
    pub fn flush(&mut self) -> bool {
        if self.is_stale() {
            self.waiting.clear();
        }
        while let Some((header, samples)) = self.waiting.pop_front() {
            if !self.try_send(header, &samples) {
                self.waiting.push_front((header, samples));
                return false;
            }
        }
        true
    }

    /// Sends one hop, or keeps it until there is room.
    pub fn send(&mut self, epoch_start: i64, block: &StemBlock<'_>) {
        if self.is_stale() {
            return;
        }
        let num_stems = block.stems.len() / block.num_frames;
        debug_assert!(num_stems.is_multiple_of(self.num_channels));
        let mut interleaved = std::mem::take(&mut self.interleaved);
        interleaved.clear();
        for frame in 0..block.num_frames {
            let of_frame = block.stems[frame..].iter().step_by(block.num_frames);
            interleaved.extend(of_frame.take(num_stems));
        }
        let start = epoch_start + block.start;
        let header = ResultHeader { epoch: self.epoch, start, num_frames: block.num_frames as u32 };
        self.end = start + block.num_frames as i64;
        if self.flush() && self.try_send(header, &interleaved) {
            self.interleaved = interleaved;
        } else {
            self.waiting.push_back((header, interleaved));
        }
    }

    fn try_send(&mut self, header: ResultHeader, samples: &[f32]) -> bool {
        if self.samples.vacant_len() < samples.len() || self.headers.is_full() {
            return false;
        }
        // Samples before their header: whoever sees the header finds the samples there.
        self.samples.push_slice(samples);
        self.headers.try_push(header).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use ringbuf::traits::{Consumer, Split};
    use ringbuf::{HeapCons, HeapRb};

    use super::*;

    /// The audio thread's ends.
    type Rings = (HeapCons<f32>, HeapCons<ResultHeader>);

    fn sender(num_samples: usize) -> (ResultSender, Rings) {
        let (samples, samples_out) = HeapRb::new(num_samples).split();
        let (headers, headers_out) = HeapRb::new(8).split();
        let sender = ResultSender::new(Arc::new(Shared::new()), samples, headers, 1);
        (sender, (samples_out, headers_out))
    }

    fn send(sender: &mut ResultSender, start: i64) {
        let stems = [start as f32, start as f32 + 1.0, -1.0, -2.0];
        let block =
            StemBlock { start, num_frames: 2, num_channels: 1, stems: &stems, mix: [&stems; 2] };
        sender.send(100, &block);
    }

    #[test]
    fn what_finds_no_room_follows_in_order_when_there_is_some() {
        let (mut sender, (mut samples, mut headers)) = sender(6);
        for start in [0, 2, 4] {
            send(&mut sender, start);
        }
        assert_eq!(sender.end(), 106);
        assert!(sender.has_waiting() && sender.is_blocked());
        let mut got = [0.0; 4];
        assert_eq!(samples.pop_slice(&mut got), 4);
        assert_eq!(got, [0.0, -1.0, 1.0, -2.0]);
        assert!(!sender.is_blocked() && !sender.flush(), "one of two has room");
        samples.pop_slice(&mut got);
        assert!(sender.flush() && !sender.has_waiting());
        samples.pop_slice(&mut got);
        assert_eq!(got, [4.0, -1.0, 5.0, -2.0]);
        let starts: Vec<i64> = headers.pop_iter().map(|header| header.start).collect();
        assert_eq!(starts, [100, 102, 104]);
    }

    #[test]
    fn what_waits_vanishes_with_its_epoch() {
        let (mut sender, (_, mut headers)) = sender(4);
        send(&mut sender, 0);
        send(&mut sender, 2);
        assert!(sender.is_blocked());
        sender.shared.epoch.store(1, Ordering::Release);
        assert!(!sender.is_blocked(), "what is stale blocks nothing");
        assert!(sender.flush());
        sender.begin_epoch(1, 50);
        assert_eq!((sender.end(), headers.pop_iter().count()), (50, 1));
    }
}
