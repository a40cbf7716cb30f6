//! The random host: what it does block by block, the same for one seed.

use super::judge::NUM_STEMS;
use crate::bounce::split_mix;
use crate::host::Transport;

/// The most frames of a block.
pub const MAX_BLOCK_FRAMES: usize = 8192;

/// How far a locate leads at least, in seconds: never to where the timeline goes by itself.
const MIN_LOCATE_S: f64 = 3.0;

/// How a stretch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The host deactivates the plugin and activates it again.
    Activation,
    /// The timeline jumps while it is played.
    Locate,
    /// The timeline is stopped, and started at another place.
    StartElsewhere,
}

/// One block.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its frames, 1 to [`MAX_BLOCK_FRAMES`].
    pub num_frames: usize,
    /// What the host tells. Stopped, it gives silence to the plugin.
    pub transport: Transport,
    /// An instrument that is chosen, by number, and at which frame.
    pub choice: Option<(usize, usize)>,
    /// Whether the plugin may wait for its results in this block.
    pub waits: bool,
}

/// The blocks between two beginnings of the plugin's stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How it begins.
    pub start: Start,
    /// In order.
    pub blocks: Vec<Block>,
}

impl Plan {
    /// Frames of all blocks.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.blocks.iter().map(|block| block.num_frames).sum()
    }
}

/// Makes plans without end.
pub struct Script {
    random: Random,
    sample_rate_hz: f64,
    place: Transport,
    /// Instruments are chosen so far apart that one change is over before the next.
    frames_to_choice: usize,
    /// Frames until the plugin may wait again.
    frames_to_wait: usize,
    next_start: Start,
}

impl Script {
    /// A script for a host at that rate.
    #[must_use]
    pub fn new(seed: u64, sample_rate_hz: f64) -> Self {
        let place = Transport { is_playing: true, frame: 0, loop_frames: None };
        Self {
            random: Random { state: seed },
            sample_rate_hz,
            place,
            frames_to_choice: 0,
            frames_to_wait: 0,
            next_start: Start::Activation,
        }
    }

    /// The next stretch.
    pub fn next_plan(&mut self) -> Plan {
        let start = self.next_start;
        self.locate();
        self.frames_to_wait = 0;
        // Now and then somebody scrubs.
        let duration_s = match (self.random.below(5), self.random.uniform()) {
            (0, uniform) => 2.5 * uniform,
            (_, uniform) => 6.0 + 20.0 * uniform,
        };
        let wanted = self.frames(duration_s).max(1);
        let mut blocks = Vec::new();
        let mut so_far = 0;
        while so_far < wanted {
            if self.random.below(500) == 0 && self.place.is_playing && so_far > 0 {
                // Stopped for a while; it goes on where it was.
                let until = so_far + self.up_to_s(0.1, 2.0);
                self.place.is_playing = false;
                while so_far < until {
                    so_far += self.push_block(&mut blocks);
                }
                self.place.is_playing = true;
                // Started in a block that waits, the plugin would take it for a bounce's beginning.
                self.frames_to_wait = self.frames_to_wait.max(1);
            }
            self.change_loop();
            so_far += self.push_block(&mut blocks);
        }
        self.next_start = match self.random.below(4) {
            0 => Start::Activation,
            1 => Start::StartElsewhere,
            _ => Start::Locate,
        };
        if self.next_start == Start::StartElsewhere {
            // What comes out while the timeline stands belongs to what was played before.
            self.place.is_playing = false;
            for _ in 0..1 + self.random.below(20) {
                self.push_block(&mut blocks);
            }
        }
        Plan { start, blocks }
    }

    fn frames(&self, duration_s: f64) -> usize {
        (duration_s * self.sample_rate_hz) as usize
    }

    /// Frames of a random time from `shortest_s` to `more_s` more.
    fn up_to_s(&mut self, shortest_s: f64, more_s: f64) -> usize {
        let uniform = self.random.uniform();
        self.frames(shortest_s + more_s * uniform)
    }

    fn locate(&mut self) {
        let shortest = self.frames(MIN_LOCATE_S) as i64;
        let away = shortest + self.random.below(100 * shortest as u64) as i64;
        let back = self.place.frame - away;
        let is_back = back >= 0 && self.random.below(2) == 0;
        let frame = if is_back { back } else { self.place.frame + away };
        self.place = Transport { is_playing: true, frame, loop_frames: None };
    }

    /// Loops around the place are switched on, and off again.
    fn change_loop(&mut self) {
        if self.random.below(100) != 0 {
            return;
        }
        self.place.loop_frames = match self.place.loop_frames {
            Some(_) => None,
            None => {
                let begin = self.place.frame - self.up_to_s(0.0, 1.0) as i64;
                let length = MAX_BLOCK_FRAMES + self.up_to_s(0.2, 3.0);
                Some((begin, self.place.frame + length as i64))
            }
        };
    }

    fn push_block(&mut self, blocks: &mut Vec<Block>) -> usize {
        let waits = self.frames_to_wait == 0;
        // As many of each order of magnitude.
        let largest = if waits { 512.0 } else { MAX_BLOCK_FRAMES as f64 };
        let num_frames = (largest.powf(self.random.uniform()) as usize).clamp(1, MAX_BLOCK_FRAMES);
        let choice = (self.frames_to_choice == 0).then(|| {
            self.frames_to_choice = self.up_to_s(0.05, 4.0);
            let stem = self.random.below(NUM_STEMS as u64) as usize;
            (self.random.below(num_frames as u64) as usize, stem)
        });
        blocks.push(Block { num_frames, transport: self.place, choice, waits });
        self.frames_to_choice = self.frames_to_choice.saturating_sub(num_frames);
        if waits {
            // Mostly so soon that results are there; at times a hurry in which they are late.
            let hurry_s = if self.random.below(20) == 0 { 0.8 } else { 0.2 };
            self.frames_to_wait = self.up_to_s(0.0, hurry_s).max(1);
        } else {
            self.frames_to_wait = self.frames_to_wait.saturating_sub(num_frames);
        }
        if self.place.is_playing {
            self.place.frame = position(&self.place, num_frames);
        }
        num_frames
    }
}

/// Where the timeline is `num_frames` after `place`.
#[must_use]
pub fn position(place: &Transport, num_frames: usize) -> i64 {
    let frame = place.frame + num_frames as i64;
    match place.loop_frames {
        Some((begin, end)) if frame >= end && place.frame < end => {
            begin + (frame - end) % (end - begin)
        }
        _ => frame,
    }
}

struct Random {
    state: u64,
}

impl Random {
    /// From 0 to below 1.
    fn uniform(&mut self) -> f64 {
        split_mix(&mut self.state)
    }

    /// From 0 to below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        (self.uniform() * limit as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: f64 = 44_100.0;

    #[test]
    fn a_script_does_everything_and_the_same_for_one_seed() {
        let plans = |seed| {
            let mut script = Script::new(seed, RATE_HZ);
            (0..60).map(|_| script.next_plan()).collect::<Vec<_>>()
        };
        let made = plans(1);
        assert_eq!(made, plans(1));
        assert_ne!(made, plans(2));
        for start in [Start::Activation, Start::Locate, Start::StartElsewhere] {
            assert!(made.iter().any(|plan| plan.start == start), "{start:?}");
        }
        let blocks = || made.iter().flat_map(|plan| &plan.blocks);
        let sizes = || blocks().map(|block| block.num_frames);
        assert_eq!(sizes().min(), Some(1));
        assert!(sizes().max() > Some(7000));
        assert!(blocks().any(|block| !block.transport.is_playing));
        assert!(blocks().any(|block| block.waits) && blocks().any(|block| !block.waits));
        let wraps =
            |block: &Block| position(&block.transport, block.num_frames) < block.transport.frame;
        assert!(blocks().any(wraps));
    }

    #[test]
    fn only_a_locate_leaves_the_timeline() {
        let mut script = Script::new(3, RATE_HZ);
        let mut last: Option<Block> = None;
        for _ in 0..60 {
            let plan = script.next_plan();
            for (index, block) in plan.blocks.into_iter().enumerate() {
                if let Some(last) = &last {
                    let expected = match last.transport.is_playing {
                        true => position(&last.transport, last.num_frames),
                        false => last.transport.frame,
                    };
                    let away = (block.transport.frame - expected).abs();
                    assert!(if index == 0 { away >= 132_300 } else { away == 0 }, "{away}");
                }
                last = Some(block);
            }
        }
    }
}
