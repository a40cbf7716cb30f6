//! Finds where a host jumps on its timeline.
//!
//! A jump while playing (a locate, a start at another place than the last stop) ends the sound
//! that is on its way through the plugin: what comes next has nothing to do with it. Three things
//! are no jumps: stopping, because what was played before the stop still has to come out; the
//! wrap of an active loop, because a host that compensates latency plays the end of the loop on
//! all its other tracks while ours comes out; and positions that a host rounds, never moves, or moves
//! at another speed than one, when it plays slower or faster.

use soloist::streaming::HostPlace;

/// How far a position may lie from the expected one, in seconds.
const TOLERANCE_S: f64 = 0.005;

/// What a tempo that changes during a block adds to that, in blocks, where only beats are known.
const TOLERANCE_BLOCKS_OF_BEATS: f64 = 0.25;

/// Speeds at which a timeline may be played.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.05..=8.0;

/// What a host says of one block. Positions are those of its first frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Place {
    /// Whether the timeline moves.
    pub is_playing: bool,
    /// Position in frames.
    pub frame: Option<f64>,
    /// Position in beats, and beats a minute.
    pub beat: Option<(f64, f64)>,
    /// Begin and end of the active loop in frames.
    pub loop_frames: Option<(f64, f64)>,
    /// Begin and end of the active loop in beats.
    pub loop_beats: Option<(f64, f64)>,
}

impl Place {
    /// As the engine takes it: in whole frames, where the host says frames.
    pub fn in_frames(self) -> HostPlace {
        match self.frame {
            _ if !self.is_playing => HostPlace::Stopped,
            // Within the numbers that stand for frames one by one.
            Some(frame) if frame.abs() < 9e15 => HostPlace::At(frame.round() as i64),
            _ => HostPlace::Unknown,
        }
    }
}

/// Compares each block's place with where the one before ended.
#[derive(Debug)]
pub struct TransportWatch {
    sample_rate_hz: f64,
    /// The last place that differed from the one before it, and the frames played since.
    last: Option<(Place, f64)>,
    /// Frames of the block before.
    last_frames: f64,
    /// Frames of the timeline a frame of sound, once two places are known.
    speed: Option<f64>,
    /// Whether the last block that had a place stood still.
    is_stopped: bool,
    /// Whether the timeline stood since the last place at which it moved.
    has_stopped: bool,
}

impl TransportWatch {
    /// A watch that has seen nothing: the first block is no jump.
    pub fn new(sample_rate_hz: f64) -> Self {
        Self {
            sample_rate_hz,
            last: None,
            last_frames: 0.0,
            speed: None,
            is_stopped: false,
            has_stopped: false,
        }
    }

    /// Takes note of whether the timeline moves at `place`; says whether it begins to.
    ///
    /// # Realtime safety
    /// Arithmetic only.
    pub fn is_start(&mut self, place: Option<Place>) -> bool {
        let Some(place) = place else { return false };
        std::mem::replace(&mut self.is_stopped, !place.is_playing) && place.is_playing
    }

    /// Takes note of a block of `num_frames` at `place`; says whether it begins with a jump.
    ///
    /// # Realtime safety
    /// Arithmetic only.
    pub fn is_jump(&mut self, place: Option<Place>, num_frames: usize) -> bool {
        let Some(place) = place.filter(|place| place.is_playing) else {
            self.has_stopped |= place.is_some();
            return false;
        };
        let has_stopped = std::mem::take(&mut self.has_stopped);
        let num_frames = num_frames as f64;
        let (jumped, frames_before) = match &self.last {
            None => (false, 0.0),
            // A position that stands still tells nothing: some hosts give the same one to all parts
            // of a block, or never move it.
            Some((last, since)) if place == *last => (false, *since),
            Some((last, since)) => {
                let (last, elapsed) = (*last, [*since, self.last_frames]);
                // A start elsewhere tells no speed.
                if has_stopped && self.speed.is_none() {
                    let follows = elapsed.into_iter().any(|it| self.leads_to(&last, &place, it));
                    (!follows, 0.0)
                } else {
                    let follows = elapsed.into_iter().any(|it| self.follows(&last, &place, it));
                    self.speed = self.speed_between(&last, &place, elapsed[0]).or(self.speed);
                    (!follows, 0.0)
                }
            }
        };
        self.last = Some((place, frames_before + num_frames));
        self.last_frames = num_frames;
        jumped
    }

    /// Whether `place` lies where `elapsed` frames from `last` lead, at the speed of before or at the
    /// usual one.
    fn follows(&self, last: &Place, place: &Place, elapsed: f64) -> bool {
        // Two places are needed for a speed: the first pair tells it.
        let speed = match self.speed {
            Some(speed) => speed,
            None => self.speed_between(last, place, elapsed).unwrap_or(1.0),
        };
        [1.0, speed].into_iter().any(|speed| self.leads_to(last, place, elapsed * speed))
    }

    fn leads_to(&self, last: &Place, place: &Place, moved: f64) -> bool {
        let tolerance = TOLERANCE_S * self.sample_rate_hz;
        let in_frames = last.frame.zip(place.frame).map(|(last_frame, frame)| {
            let expected = last_frame + moved;
            near(expected, frame, tolerance)
                || [last.loop_frames, place.loop_frames]
                    .into_iter()
                    .flatten()
                    .any(|range| near(wrapped(expected, range), frame, tolerance))
        });
        if in_frames == Some(true) {
            return true;
        }
        let in_beats = last.beat.zip(place.beat).and_then(|((last_beat, tempo), (beat, _))| {
            let beats_a_frame = self.beats_a_frame(tempo)?;
            let expected = last_beat + moved * beats_a_frame;
            let tolerance = (tolerance + TOLERANCE_BLOCKS_OF_BEATS * moved) * beats_a_frame;
            let wraps = [last.loop_beats, place.loop_beats]
                .into_iter()
                .flatten()
                .any(|range| near(wrapped(expected, range), beat, tolerance));
            // Frames tell better than beats, except in a loop that is known in beats alone.
            Some(wraps || in_frames.is_none() && near(expected, beat, tolerance))
        });
        // Nothing that can be compared is no jump.
        in_beats.or(in_frames).unwrap_or(true)
    }

    /// The speed that leads from one place to the other, if that is one at which hosts play.
    fn speed_between(&self, last: &Place, place: &Place, elapsed: f64) -> Option<f64> {
        let in_frames = last.frame.zip(place.frame).map(|(last, now)| now - last);
        let in_beats = last.beat.zip(place.beat).and_then(|((last, tempo), (now, _))| {
            self.beats_a_frame(tempo).map(|beats_a_frame| (now - last) / beats_a_frame)
        });
        let speed = in_frames.or(in_beats)? / elapsed;
        SPEEDS.contains(&speed).then_some(speed)
    }

    fn beats_a_frame(&self, tempo: f64) -> Option<f64> {
        let beats_a_frame = tempo / 60.0 / self.sample_rate_hz;
        (beats_a_frame > 0.0 && beats_a_frame.is_finite()).then_some(beats_a_frame)
    }
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}

/// `position` carried back into the loop when it lies behind its end.
fn wrapped(position: f64, (begin, end): (f64, f64)) -> f64 {
    let length = end - begin;
    if length > 0.0 && position >= end { begin + (position - begin) % length } else { position }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: f64 = 48_000.0;
    const BLOCK: usize = 512;

    fn at(frame: f64) -> Place {
        Place { is_playing: true, frame: Some(frame), ..Place::default() }
    }

    /// The blocks, by number, that begin with a jump.
    fn jumps(places: impl IntoIterator<Item = Option<Place>>) -> Vec<usize> {
        let mut watch = TransportWatch::new(RATE_HZ);
        let blocks = places.into_iter().enumerate();
        blocks.filter(|(_, place)| watch.is_jump(*place, BLOCK)).map(|(index, _)| index).collect()
    }

    #[test]
    fn places_are_whole_frames_or_unknown() {
        assert_eq!(at(47.9999).in_frames(), HostPlace::At(48));
        assert_eq!(at(-3.0).in_frames(), HostPlace::At(-3));
        assert_eq!(Place { is_playing: false, ..at(3.0) }.in_frames(), HostPlace::Stopped);
        for frame in [None, Some(f64::NAN), Some(f64::INFINITY), Some(1e300)] {
            assert_eq!(Place { frame, ..at(0.0) }.in_frames(), HostPlace::Unknown);
        }
    }

    #[test]
    fn a_start_elsewhere_after_a_single_block_is_a_jump_at_whatever_distance() {
        let mut watch = TransportWatch::new(RATE_HZ);
        assert!(!watch.is_jump(Some(at(0.0)), BLOCK));
        assert!(!watch.is_jump(Some(Place { frame: Some(512.0), ..Place::default() }), BLOCK));
        // As far as a host comes in a block at twice the speed.
        assert!(watch.is_jump(Some(at(1024.0)), BLOCK));
    }

    #[test]
    fn a_start_is_a_block_that_plays_after_one_that_stands() {
        let mut watch = TransportWatch::new(RATE_HZ);
        let stopped = Place::default();
        assert!(!watch.is_start(Some(at(0.0))), "nothing stood before the first block");
        assert!(!watch.is_start(Some(stopped)));
        assert!(!watch.is_start(None));
        assert!(watch.is_start(Some(at(0.0))));
        assert!(!watch.is_start(Some(at(512.0))));
    }

    #[test]
    fn steady_play_never_jumps_however_a_host_rounds() {
        let played = |round: fn(f64) -> f64| {
            jumps((0..2000).map(|block| Some(at(round((block * BLOCK) as f64)))))
        };
        let none: [usize; 0] = [];
        assert_eq!(played(|frame| frame), none);
        assert_eq!(played(|frame| (frame / 48.0).round() * 48.0), none, "whole milliseconds");
        assert_eq!(played(|frame| (frame / 2048.0).floor() * 2048.0), none, "every fourth block");
        assert_eq!(played(|_| 7.0), none, "a host that never moves");
        assert_eq!(played(|frame| frame - 96_000.0), none, "a pre-roll");
        assert_eq!(jumps((0..9).map(|_| None)), none, "a host that says nothing");
        let stopped = Place { is_playing: false, ..at(3.0) };
        assert_eq!(jumps((0..9).map(|_| Some(stopped))), none);
    }

    #[test]
    fn locates_forward_and_back_are_jumps_and_once() {
        let frames = [0.0, 512.0, 96_000.0, 96_512.0, 1000.0, 1512.0];
        assert_eq!(jumps(frames.map(|frame| Some(at(frame)))), [2, 4]);
    }

    #[test]
    fn a_start_is_a_jump_when_it_is_elsewhere_than_the_stop() {
        let stopped = |frame| Some(Place { is_playing: false, ..at(frame) });
        let resumed = [Some(at(0.0)), stopped(512.0), stopped(512.0), Some(at(512.0))];
        assert!(jumps(resumed).is_empty());
        let moved = [Some(at(0.0)), stopped(512.0), stopped(48_000.0), Some(at(48_000.0))];
        assert_eq!(jumps(moved), [3]);
    }

    #[test]
    fn the_wrap_of_an_active_loop_is_no_jump_and_without_the_loop_it_is() {
        let end = 10.0 * BLOCK as f64 - 100.0;
        let place = |block: usize, looped: bool| {
            let frame = (block * BLOCK) as f64 % end;
            Some(Place { loop_frames: looped.then_some((0.0, end)), ..at(frame) })
        };
        assert!(jumps((0..50).map(|block| place(block, true))).is_empty());
        assert_eq!(jumps((0..15).map(|block| place(block, false))), [10]);
        // Frames for the position, beats for the loop, as in VST3; 120 beats a minute.
        let in_beats = |block: usize| {
            let frame = (block * BLOCK) as f64 % end;
            let beats = |frame: f64| frame / RATE_HZ * 2.0;
            Some(Place {
                beat: Some((beats(frame), 120.0)),
                loop_beats: Some((0.0, beats(end))),
                ..at(frame)
            })
        };
        assert!(jumps((0..50).map(in_beats)).is_empty());
    }

    #[test]
    fn a_host_may_play_at_any_steady_speed() {
        for speed in [0.25, 0.5, 1.5, 4.0] {
            let at_speed = |block: usize| Some(at((block * BLOCK) as f64 * speed));
            assert!(jumps((0..100).map(at_speed)).is_empty(), "{speed}");
            // A locate by two seconds, and then on at the same speed.
            let located = |block: usize| {
                let shift = if block < 50 { 0.0 } else { 96_000.0 };
                Some(at((block * BLOCK) as f64 * speed + shift))
            };
            assert_eq!(jumps((0..100).map(located)), [50], "{speed}");
        }
    }

    #[test]
    fn beats_alone_follow_a_changing_tempo() {
        let mut beat = 0.0;
        let places = (0..2000).map(|block| {
            let tempo = 120.0 + 60.0 * (block as f64 / 50.0).sin();
            let place = Place { is_playing: true, beat: Some((beat, tempo)), ..Place::default() };
            beat += BLOCK as f64 / RATE_HZ * tempo / 60.0;
            // A locate by four bars.
            beat += if block == 999 { 16.0 } else { 0.0 };
            Some(place)
        });
        assert_eq!(jumps(places.collect::<Vec<_>>()), [1000]);
    }
}
