//! The result ring as the audio thread sees it: one contiguous run of frames at a time.

use ringbuf::HeapCons;
use ringbuf::traits::{Consumer, Observer};

use super::shared::ResultHeader;

/// Consumer of stems, with what is known of the frames at its front.
pub(crate) struct ResultQueue {
    samples: HeapCons<f32>,
    headers: HeapCons<ResultHeader>,
    frame_len: usize,
    epoch: u32,
    /// Host frame of the first frame of the run at the front.
    start: i64,
    num_frames: usize,
}

impl ResultQueue {
    pub fn new(samples: HeapCons<f32>, headers: HeapCons<ResultHeader>, frame_len: usize) -> Self {
        Self { samples, headers, frame_len, epoch: 0, start: 0, num_frames: 0 }
    }

    /// Drops the front run and takes only results of `epoch` from now on.
    pub fn begin_epoch(&mut self, epoch: u32) {
        self.skip(self.num_frames);
        self.epoch = epoch;
    }

    /// Takes note of results that have arrived and drops the stale ones.
    pub fn refill(&mut self) {
        while let Some(&header) = self.headers.try_peek() {
            let num_frames = header.num_frames as usize;
            if header.epoch != self.epoch {
                if self.num_frames > 0 {
                    return;
                }
                self.samples.skip(num_frames * self.frame_len);
            } else if self.num_frames == 0 {
                self.start = header.start;
                self.num_frames = num_frames;
            } else if self.start + self.num_frames as i64 == header.start {
                self.num_frames += num_frames;
            } else {
                return;
            }
            let _ = self.headers.try_pop();
        }
    }

    /// Drops frames before `position`; returns how many.
    pub fn drop_before(&mut self, position: i64) -> usize {
        let mut dropped = 0;
        while self.num_frames > 0 && self.start < position {
            let late = ((position - self.start) as usize).min(self.num_frames);
            self.skip(late);
            dropped += late;
            self.refill();
        }
        dropped
    }

    /// Frames that can be read from `position` on without a gap.
    pub fn available_from(&self, position: i64) -> usize {
        if self.num_frames > 0 && self.start == position { self.num_frames } else { 0 }
    }

    /// Reads whole frames into `frames`; there must be that many.
    pub fn read(&mut self, frames: &mut [f32]) {
        let num_frames = frames.len() / self.frame_len;
        debug_assert!(num_frames <= self.num_frames);
        self.samples.pop_slice(frames);
        self.start += num_frames as i64;
        self.num_frames -= num_frames;
    }

    fn skip(&mut self, num_frames: usize) {
        debug_assert!(self.samples.occupied_len() >= num_frames * self.frame_len);
        self.samples.skip(num_frames * self.frame_len);
        self.start += num_frames as i64;
        self.num_frames -= num_frames;
    }
}

#[cfg(test)]
mod tests {
    use ringbuf::HeapRb;
    use ringbuf::traits::{Producer, Split};

    use super::*;

    #[test]
    fn runs_join_gaps_wait_and_stale_results_vanish() {
        let (mut samples, samples_out) = HeapRb::<f32>::new(64).split();
        let (mut headers, headers_out) = HeapRb::<ResultHeader>::new(8).split();
        let mut queue = ResultQueue::new(samples_out, headers_out, 1);
        let mut send = |epoch: u32, start: i64, values: &[f32]| {
            samples.push_slice(values);
            let num_frames = values.len() as u32;
            headers.try_push(ResultHeader { epoch, start, num_frames }).unwrap();
        };
        send(0, 0, &[0.0, 1.0]);
        send(0, 2, &[2.0]);
        send(0, 10, &[10.0, 11.0]);
        send(1, 50, &[50.0]);
        queue.refill();
        assert_eq!(queue.available_from(0), 3);
        assert_eq!(queue.drop_before(1), 1);
        let mut out = [0.0; 2];
        queue.read(&mut out);
        assert_eq!(out, [1.0, 2.0]);
        queue.refill();
        assert_eq!(queue.available_from(3), 0, "a gap is no result");
        assert_eq!(queue.available_from(10), 2);
        queue.begin_epoch(1);
        queue.refill();
        assert_eq!(queue.available_from(50), 1);
        queue.begin_epoch(2);
        send(1, 51, &[51.0]);
        send(2, 0, &[7.0]);
        queue.refill();
        assert_eq!(queue.available_from(0), 1);
        assert_eq!(queue.drop_before(90), 1);
    }
}
