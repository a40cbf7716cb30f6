//! The focus on its way to the masks: attached to the frames that it was set with.
//!
//! The audio thread reads the control at fixed places of the stream and sends a mark where it has
//! changed; the worker hands the marks over with the frames; the separator reads, for each hop that
//! it resynthesises, the focus at the middle of its window. So a change is heard with the sound that
//! it was made at, the same for any block size and any speed of the network, and windows that overlap
//! fade from one focus to the next.

use std::collections::VecDeque;

use ringbuf::traits::{Consumer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

use super::separator::Separator;
use crate::dsp::focus::exponent;

/// Frames between the places at which the control is read: no more marks than that are under way,
/// however often it changes.
const INTERVAL_FRAMES: i64 = 128;

/// Masks are raised to `power` from a frame of the input ring on.
#[derive(Debug, Clone, Copy)]
struct FocusMark {
    ring_frame: u64,
    power: f32,
}

/// The audio thread's and the worker's half, for as many frames and epochs as may be under way.
pub(super) fn channel(ring_frames: usize, max_epochs: usize) -> (FocusSender, FocusReceiver) {
    let capacity = ring_frames / INTERVAL_FRAMES as usize + max_epochs + 2;
    let (marks, marks_out) = HeapRb::new(capacity).split();
    (FocusSender { marks, power: 1.0, sent: None }, FocusReceiver { marks: marks_out })
}

/// The audio thread's half.
pub(super) struct FocusSender {
    marks: HeapProd<FocusMark>,
    power: f32,
    /// What the worker has been told; `None` at the beginning of an epoch.
    sent: Option<f32>,
}

impl FocusSender {
    /// Takes the control's value for the frames to come.
    pub fn set(&mut self, focus: f32) {
        self.power = exponent(focus);
    }

    /// The worker forgets what it was told.
    pub fn begin_epoch(&mut self) {
        self.sent = None;
    }

    /// Sends a mark if one is due among the next `num_frames` frames. `position` is the host frame
    /// and `ring_frame` the frame of the input ring of their first.
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub fn send(&mut self, position: i64, ring_frame: u64, num_frames: usize) {
        let power = self.power;
        let offset = match self.sent {
            Some(sent) if sent == power => return,
            Some(_) => (-position).rem_euclid(INTERVAL_FRAMES) as usize,
            None => 0,
        };
        if offset >= num_frames {
            return;
        }
        // Without room, which there always is, the next place would do.
        let mark = FocusMark { ring_frame: ring_frame + offset as u64, power };
        if self.marks.try_push(mark).is_ok() {
            self.sent = Some(power);
        }
    }
}

/// The worker's half.
pub(super) struct FocusReceiver {
    marks: HeapCons<FocusMark>,
}

impl FocusReceiver {
    /// Hands `separator` the marks that belong to its next `num_frames` frames, the first of which
    /// was `ring_frame` in the input ring.
    pub fn hand_over(&mut self, ring_frame: u64, num_frames: usize, separator: &mut Separator) {
        while let Some(&mark) = self.marks.try_peek() {
            if mark.ring_frame >= ring_frame + num_frames as u64 {
                return;
            }
            separator.set_mask_power(mark.ring_frame.saturating_sub(ring_frame), mark.power);
            let _ = self.marks.try_pop();
        }
    }
}

/// Powers by the frame from which on they hold.
#[derive(Debug, Default)]
pub(super) struct FocusTimeline {
    changes: VecDeque<(i64, f32)>,
}

impl FocusTimeline {
    /// Masks are raised to `power` from `frame` on, which follows the frames set before.
    pub fn set(&mut self, frame: i64, power: f32) {
        self.changes.push_back((frame, power));
    }

    /// The power at `frame`, no earlier than the frames that were asked for before. Before the
    /// first change it is that change's own: what precedes an epoch is silence.
    pub fn advance_to(&mut self, frame: i64) -> f32 {
        while self.changes.get(1).is_some_and(|&(next, _)| next <= frame) {
            self.changes.pop_front();
        }
        self.changes.front().map_or(1.0, |&(_, power)| power)
    }

    pub fn reset(&mut self) {
        self.changes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_at_a_frame_is_that_of_the_last_change_before_it() {
        let mut timeline = FocusTimeline::default();
        assert_eq!(timeline.advance_to(-50), 1.0);
        timeline.set(0, 2.0);
        timeline.set(100, 4.0);
        timeline.set(101, 0.5);
        let read = [-1, 0, 99, 100, 101, 9999].map(|frame| timeline.advance_to(frame));
        assert_eq!(read, [2.0, 2.0, 2.0, 4.0, 0.5, 0.5]);
        timeline.reset();
        assert_eq!(timeline.advance_to(0), 1.0);
    }

    /// Ring frames and powers of the marks of 1000 frames, for a control that changes at frames 200,
    /// 300 and 310.
    fn marks_with(block: usize) -> Vec<(u64, f32)> {
        let (mut sender, mut receiver) = channel(2000, 4);
        sender.begin_epoch();
        let mut begin = 0;
        while begin < 1000 {
            // A host cuts its blocks where a control changes.
            let end = [200, 300, 310, 1000].into_iter().find(|&cut| cut > begin).unwrap();
            let end = end.min(begin + block);
            sender.set(match begin {
                0..200 => -1.0,
                200..300 => 0.5,
                300..310 => 1.0,
                _ => 0.0,
            });
            sender.send(begin as i64, 7000 + begin as u64, end - begin);
            begin = end;
        }
        std::iter::from_fn(|| receiver.marks.try_pop())
            .map(|mark| (mark.ring_frame, mark.power))
            .collect()
    }

    #[test]
    fn marks_do_not_depend_on_blocks() {
        let reference = marks_with(512);
        assert_eq!(reference, [(7000, 0.25), (7256, 2.0), (7384, 1.0)]);
        for block in [1, 64, 100] {
            assert_eq!(marks_with(block), reference, "blocks of {block}");
        }
    }
}
