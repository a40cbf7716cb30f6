//! Where the frames of a stream stand on the host's timeline.
//!
//! The audio thread is told the place of a block, and sends a mark to the worker where that is not
//! the continuation of the one before: at a start, a stop, the wrap of a loop, a jump. Nothing of
//! the sound depends on it; what is captured is saved with it.

use std::collections::VecDeque;

use ringbuf::traits::{Consumer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

/// Frames between two marks at least, so that no more are under way than there is room for.
const INTERVAL_FRAMES: i64 = 128;

/// How far a place may lie from where the one before it led, in seconds: hosts round.
const TOLERANCE_S: f64 = 0.005;

/// Where a frame stands on the host's timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostPlace {
    /// The host does not say.
    #[default]
    Unknown,
    /// The timeline stands still.
    Stopped,
    /// The timeline moves, and this is its frame, counted from the project's begin.
    At(i64),
}

impl HostPlace {
    /// Where a frame stands that comes so many frames later, while the timeline goes on.
    pub(super) fn plus(self, frames: i64) -> Self {
        match self {
            Self::At(place) => Self::At(place + frames),
            place => place,
        }
    }
}

/// The timeline from a frame of the stream on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimelineMark {
    pub epoch: u32,
    /// Host frame, in the stream's own count.
    pub frame: i64,
    /// Where that frame stands.
    pub place: HostPlace,
}

impl TimelineMark {
    /// Where `frame`, which is not before the mark, stands.
    fn place_at(&self, frame: i64) -> HostPlace {
        self.place.plus(frame - self.frame)
    }
}

/// The audio thread's and the worker's half, for as many frames and epochs as may be under way.
pub(super) fn channel(
    ring_frames: usize,
    max_epochs: usize,
    sample_rate_hz: f64,
) -> (TimelineSender, TimelineReceiver) {
    let capacity = ring_frames / INTERVAL_FRAMES as usize + max_epochs + 2;
    let (marks, marks_out) = HeapRb::new(capacity).split();
    let sender = TimelineSender {
        marks,
        tolerance_frames: (TOLERANCE_S * sample_rate_hz) as i64,
        told: None,
        last_told: HostPlace::Unknown,
        sent: None,
    };
    (sender, TimelineReceiver { marks: marks_out, known: VecDeque::new() })
}

/// The audio thread's half.
pub(super) struct TimelineSender {
    marks: HeapProd<TimelineMark>,
    tolerance_frames: i64,
    /// Place of the next frame that is pushed, where the host has just told it.
    told: Option<HostPlace>,
    /// What the host told the last time.
    last_told: HostPlace,
    /// The last mark of this epoch.
    sent: Option<TimelineMark>,
}

impl TimelineSender {
    /// The next frame stands at `place`.
    pub fn tell(&mut self, place: HostPlace) {
        // A place that does not change says nothing: some hosts give the same one to all parts of a
        // block, or never move it.
        if place == self.last_told && matches!(place, HostPlace::At(_)) && self.sent.is_some() {
            return;
        }
        self.last_told = place;
        self.told = Some(place);
    }

    /// Frames are counted from 0 again, and stand nowhere until a place is told.
    pub fn reset(&mut self) {
        self.told = None;
        self.last_told = HostPlace::Unknown;
        self.sent = None;
    }

    /// A new epoch begins with the frame `position` of the stream; the timeline goes on.
    pub fn begin_epoch(&mut self, position: i64) {
        let sent = self.sent.take();
        if self.told.is_none() {
            self.told = sent.map(|sent| sent.place_at(position));
        }
    }

    /// Sends what has changed, before the frame `position` of the stream is pushed.
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub fn send(&mut self, epoch: u32, position: i64) {
        let Some(place) = self.told else { return };
        if let Some(sent) = self.sent {
            if self.follows(&sent, position, place) {
                self.told = None;
                return;
            }
            if position - sent.frame < INTERVAL_FRAMES {
                // Too soon. Where it stands by then is known as well.
                return;
            }
        }
        let mark = TimelineMark { epoch, frame: position, place };
        if self.marks.try_push(mark).is_ok() {
            self.sent = Some(mark);
            self.told = None;
        }
    }

    /// Frames have passed that a place, which is still to be sent, was not told for.
    pub fn advance(&mut self, num_frames: usize) {
        if let Some(HostPlace::At(frame)) = &mut self.told {
            *frame += num_frames as i64;
        }
    }

    fn follows(&self, sent: &TimelineMark, position: i64, place: HostPlace) -> bool {
        match (sent.place, place) {
            (HostPlace::At(before), HostPlace::At(now)) => {
                (now - before - (position - sent.frame)).abs() <= self.tolerance_frames
            }
            (before, now) => before == now,
        }
    }
}

/// The worker's half.
pub(super) struct TimelineReceiver {
    marks: HeapCons<TimelineMark>,
    known: VecDeque<TimelineMark>,
}

impl TimelineReceiver {
    /// Takes note of what has come.
    pub fn receive(&mut self) {
        self.known.extend(self.marks.pop_iter());
    }

    /// The stretch of the timeline that begins at `frame` of `epoch`: where that frame stands, and
    /// the frame at which another stretch begins.
    pub fn stretch_at(&mut self, epoch: u32, frame: i64) -> (HostPlace, i64) {
        let is_past = |mark: &TimelineMark| {
            let is_older_epoch = mark.epoch.wrapping_sub(epoch) > u32::MAX / 2;
            is_older_epoch || (mark.epoch == epoch && mark.frame <= frame)
        };
        // The last of those that are past holds.
        while self.known.get(1).is_some_and(is_past) {
            self.known.pop_front();
        }
        let mut ahead = self.known.iter().filter(|mark| mark.epoch == epoch);
        let end = ahead.clone().find(|mark| mark.frame > frame).map_or(i64::MAX, |mark| mark.frame);
        let place = match ahead.next() {
            Some(mark) if mark.frame <= frame => mark.place_at(frame),
            _ => HostPlace::Unknown,
        };
        (place, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: i64 = 512;

    /// Sends the places of consecutive blocks, all of one epoch.
    fn sent(places: &[HostPlace]) -> TimelineReceiver {
        let (mut sender, mut receiver) = channel(96_000, 64, 48_000.0);
        for (index, &place) in places.iter().enumerate() {
            sender.tell(place);
            sender.send(7, index as i64 * BLOCK);
            sender.advance(BLOCK as usize);
        }
        receiver.receive();
        receiver
    }

    #[test]
    fn steady_play_is_one_stretch_however_a_host_rounds() {
        for round in [|frame: i64| frame, |frame| frame / 48 * 48, |frame| frame / 2048 * 2048] {
            let places: Vec<HostPlace> =
                (0..50).map(|block| HostPlace::At(round(983_040 + block * BLOCK))).collect();
            let mut receiver = sent(&places);
            assert_eq!(receiver.known.len(), 1);
            let HostPlace::At(frame) = receiver.stretch_at(7, 20_000).0 else { panic!() };
            assert!((frame - 1_003_040).abs() < 2048, "{frame}");
        }
    }

    #[test]
    fn loops_and_stops_begin_stretches_of_their_own() {
        let at = |block: i64| HostPlace::At(block * BLOCK);
        let places = [at(8), at(9), at(4), at(5), HostPlace::Stopped, HostPlace::Stopped, at(6)];
        let mut receiver = sent(&places);
        assert_eq!(receiver.stretch_at(7, 100), (HostPlace::At(8 * BLOCK + 100), 2 * BLOCK));
        assert_eq!(receiver.stretch_at(7, 2 * BLOCK), (at(4), 4 * BLOCK));
        assert_eq!(receiver.stretch_at(7, 2100), (HostPlace::Stopped, 6 * BLOCK));
        assert_eq!(receiver.stretch_at(7, 7 * BLOCK), (at(7), i64::MAX));
        assert_eq!(receiver.stretch_at(8, 0), (HostPlace::Unknown, i64::MAX), "another epoch");
    }

    #[test]
    fn an_epoch_goes_on_where_the_place_was_and_hosts_that_say_nothing_are_unknown() {
        let (mut sender, mut receiver) = channel(96_000, 64, 48_000.0);
        sender.begin_epoch(0);
        sender.send(1, 0);
        receiver.receive();
        assert_eq!(receiver.stretch_at(1, 0), (HostPlace::Unknown, i64::MAX));
        sender.tell(HostPlace::At(500));
        sender.send(1, 40);
        sender.begin_epoch(1_040);
        sender.send(2, 1_040);
        receiver.receive();
        assert_eq!(receiver.stretch_at(1, 50), (HostPlace::At(510), i64::MAX));
        assert_eq!(receiver.stretch_at(2, 1_050), (HostPlace::At(1_510), i64::MAX));
    }

    #[test]
    fn changes_in_haste_are_sent_late_and_right() {
        let (mut sender, mut receiver) = channel(96_000, 64, 48_000.0);
        for (index, place) in [0, 5_000, 90_000, 7_000, 50_000].into_iter().enumerate() {
            sender.tell(HostPlace::At(place));
            sender.send(0, index as i64 * 50);
            sender.advance(50);
        }
        receiver.receive();
        assert_eq!(receiver.stretch_at(0, 0), (HostPlace::At(0), 150));
        assert_eq!(receiver.stretch_at(0, 150), (HostPlace::At(7_000), i64::MAX));
    }
}
