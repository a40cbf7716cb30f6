//! Whose turn it is: the order in which the workers serve the streams. Pure: no clock, no thread.
//!
//! A turn is one run of the network at most and is not interrupted. While every stream can still be
//! served in time, the one whose finished results run out first comes first (earliest deadline
//! first, which misses no deadline that any order would keep: Liu and Layland 1973, up to the turn
//! that is under way). Once some cannot, deadlines say nothing any more: the order would follow
//! from who is latest, and everyone would be late. Then the late streams take turns, the one that
//! has waited longest since its last run first, so that each gets the same number of runs.
//!
//! Between the two, with a little more to do than there is time for, deadlines alone would let the
//! same streams be late in every round, those whose windows happen to be complete last. Hence a
//! stream's deadline moves forward by what it has lost of late: the loss goes round.

/// Longest time in seconds that an offline render waits while others play: longer than what a
/// playing stream that is on time has left, so that playing goes first; short enough that a
/// bounce moves on even beside more streams than the processor can carry.
pub(crate) const OFFLINE_PATIENCE_S: f64 = 1.0;

/// Time constant in seconds with which what a stream has lost is forgotten: many rounds, and soon
/// enough for it to stand in the order of deadlines alone after an overload.
const MEMORY_S: f64 = 10.0;

/// What a stream has lost of late.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RecentLoss {
    lost_s: f64,
    total_s: f64,
    now_s: f64,
}

impl RecentLoss {
    /// Seconds lost of late, when at `now_s` the stream has lost `total_s` ever.
    pub fn update(&mut self, total_s: f64, now_s: f64) -> f64 {
        let kept = (-(now_s - self.now_s).max(0.0) / MEMORY_S).exp();
        let lost_s = self.lost_s * kept + (total_s - self.total_s).max(0.0);
        *self = Self { lost_s, total_s, now_s };
        lost_s
    }
}

/// What a stream with work to do asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Demand {
    /// Its finished results will last for this many seconds; negative when they have run out.
    Playing {
        /// Seconds.
        slack_s: f64,
        /// Seconds of sound for which its results came too late, since it began.
        total_lost_s: f64,
    },
    /// It waits, as offline renders do, and no sound depends on when.
    Offline,
    /// Its input must be taken before there is no room for more: a copy, no run.
    Room,
}

/// A stream's claim to the next turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub demand: Demand,
    /// Seconds since the stream had work to do and was not served.
    pub waited_s: f64,
    /// Seconds of sound that came too late, of late: [`RecentLoss`].
    pub lost_s: f64,
    /// Seconds that a run of it takes.
    pub run_s: f64,
    /// Place of its last run in the order of all runs; 0 before the first.
    pub last_run: u64,
}

impl Claim {
    fn slack_s(&self) -> f64 {
        match self.demand {
            Demand::Playing { slack_s, .. } => slack_s,
            Demand::Offline => OFFLINE_PATIENCE_S - self.waited_s,
            Demand::Room => f64::NEG_INFINITY,
        }
    }

    fn is_late(&self) -> bool {
        self.slack_s() < self.run_s
    }

    /// Whether this claim goes before `other`.
    fn precedes(&self, other: &Self) -> bool {
        // Quickly done, and what is lost without it is a whole window.
        if (self.demand == Demand::Room) != (other.demand == Demand::Room) {
            return self.demand == Demand::Room;
        }
        match (self.is_late(), other.is_late()) {
            (true, false) => true,
            (false, true) => false,
            (true, true) => self.last_run < other.last_run,
            (false, false) => self.slack_s() - self.lost_s < other.slack_s() - other.lost_s,
        }
    }
}

/// The claim that is served next; the first among equals.
pub(crate) fn choose<T>(claims: impl Iterator<Item = (T, Claim)>) -> Option<T> {
    let first = claims.reduce(|best, next| if next.1.precedes(&best.1) { next } else { best });
    first.map(|(stream, _)| stream)
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
