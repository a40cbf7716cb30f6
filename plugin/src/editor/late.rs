//! Whether the machine keeps up: how much of the last seconds came late.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use soloist::streaming::{StreamState, StreamStatus};

/// How far the watch looks back, in seconds.
const MEMORY_S: f64 = 6.0;

/// Sound that must have come within that time before anything is said, in seconds.
const LEAST_S: f64 = 2.0;

/// Steps of the memory, in seconds.
const STEP_S: f64 = 0.25;

/// The share of frames from which on results come late: more than a hitch when something starts.
const SLOW: f64 = 0.05;

/// Said once, it is said until the share is below this: a banner must not come and go.
const WELL: f64 = 0.01;

/// Runs of the network before late results mean anything.
const WARM_RUNS: u64 = 4;

/// What a stream has counted at one moment.
#[derive(Debug, Clone, Copy)]
struct Count {
    at: f64,
    /// Frames that came in since the watch began, through all jumps.
    received: i64,
    late: u64,
}

/// Watches late results from one frame of the window to the next.
#[derive(Debug, Default)]
pub struct LateWatch {
    stream: Weak<StreamStatus>,
    /// Where the stream stood last, counted from the last jump on.
    received_frame: i64,
    received: i64,
    counts: VecDeque<Count>,
    is_slow: bool,
}

impl LateWatch {
    /// The share of the last seconds' frames, 0 to 1, whose results came late, where that is more than
    /// a hitch. `now` is in seconds.
    ///
    /// The share and not the load decides: where many instances share a processor, each has a small
    /// load of its own and waits for the others.
    pub fn late_share(
        &mut self,
        stream: &Arc<StreamStatus>,
        sample_rate_hz: f64,
        now: f64,
    ) -> Option<f64> {
        if !std::ptr::eq(self.stream.as_ptr(), Arc::as_ptr(stream)) {
            *self = Self { stream: Arc::downgrade(stream), ..Self::default() };
        }
        if stream.num_runs() < WARM_RUNS || stream.state() != StreamState::Running {
            // A start is no trouble.
            self.counts.clear();
            return None;
        }
        self.count(stream.received_frame(), stream.late_frames(), now);
        self.share(sample_rate_hz)
    }

    fn count(&mut self, received_frame: i64, late: u64, now: f64) {
        let gone = received_frame - self.received_frame;
        // After a jump frames count from 0.
        self.received += if gone >= 0 { gone } else { received_frame.max(0) };
        self.received_frame = received_frame;
        let newest = Count { at: now, received: self.received, late };
        // The newest is replaced until it is a step from the one before.
        if let [.., before, _] = self.counts.make_contiguous()
            && now - before.at < STEP_S
        {
            self.counts.pop_back();
        }
        self.counts.push_back(newest);
        while self.counts.get(1).is_some_and(|second| now - second.at >= MEMORY_S) {
            self.counts.pop_front();
        }
    }

    fn share(&mut self, sample_rate_hz: f64) -> Option<f64> {
        let (first, last) = (self.counts.front()?, self.counts.back()?);
        let received = (last.received - first.received) as f64;
        if received < LEAST_S * sample_rate_hz {
            self.is_slow = false;
            return None;
        }
        let share = (last.late.saturating_sub(first.late) as f64 / received).min(1.0);
        self.is_slow = share > if self.is_slow { WELL } else { SLOW };
        self.is_slow.then_some(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: f64 = 48_000.0;

    /// Watches `seconds` of sound of which a share comes late, thirty times a second, and tells what is
    /// said at the end.
    struct Host {
        watch: LateWatch,
        now: f64,
        received_frame: i64,
        late: f64,
    }

    impl Host {
        fn new() -> Self {
            Self { watch: LateWatch::default(), now: 0.0, received_frame: 0, late: 0.0 }
        }

        fn play(&mut self, seconds: f64, share: f64) -> Option<f64> {
            let mut said = None;
            for _ in 0..(seconds * 30.0).round() as usize {
                self.now += 1.0 / 30.0;
                self.received_frame += 1600;
                self.late += 1600.0 * share;
                said = self.look();
            }
            said
        }

        fn look(&mut self) -> Option<f64> {
            self.watch.count(self.received_frame, self.late as u64, self.now);
            self.watch.share(RATE_HZ)
        }
    }

    #[test]
    fn a_fifth_that_comes_late_is_told_however_small_the_load_and_forgotten_when_it_is_over() {
        let mut host = Host::new();
        assert_eq!(host.play(1.5, 0.2), None, "too short to tell");
        let share = host.play(8.0, 0.2).unwrap();
        assert!((share - 0.2).abs() < 0.01, "{share}");
        assert!(host.play(4.0, 0.0).is_some(), "not at once");
        assert_eq!(host.play(3.0, 0.0), None);
    }

    #[test]
    fn a_hitch_is_not_told_and_a_jump_does_not_count_as_sound() {
        let mut host = Host::new();
        host.play(20.0, 0.0);
        host.play(0.2, 1.0);
        assert_eq!(host.play(2.0, 0.0), None);
        host.play(20.0, 0.0);
        host.play(3.0, 0.1);
        // The host goes back to its begin, again and again.
        for _ in 0..4 {
            host.received_frame = 0;
            assert!(host.play(1.0, 0.1).is_some());
        }
    }

    #[test]
    fn silence_ends_it_and_so_does_another_stream() {
        let mut host = Host::new();
        assert!(host.play(8.0, 0.5).is_some());
        host.now += 7.0;
        assert_eq!(host.look(), None, "nothing plays");
        assert!(host.play(8.0, 0.5).is_some());
        let stream = Arc::<StreamStatus>::default();
        assert_eq!(host.watch.late_share(&stream, RATE_HZ, host.now), None);
        assert!(!host.watch.is_slow && host.watch.counts.is_empty());
    }

    #[test]
    fn the_memory_is_bounded_at_any_rate_of_frames() {
        let mut watch = LateWatch::default();
        for frame in 0..100_000 {
            watch.count(480 * frame, 0, 0.001 * frame as f64);
            assert!(watch.counts.len() < 40);
        }
    }
}
