//! Judges what a plugin gave: every sample the result, the delayed mix, or a declared fade.
//!
//! Fades are not excused but checked: the weight of the results against the delayed mix is not told
//! to the host, but it moves by one step a frame and no other way, so that each frame leaves a
//! few weights that explain it. A frame that none explains is wrong.

use std::fmt;

use soloist::units::frames_from_seconds_ceil;

use crate::bounce::Planar;

/// Largest error of a sample that counts as none.
const TOLERANCE: f32 = 1e-6;

/// The same inside fades, whose weights are sums of many steps.
const FADE_TOLERANCE: f32 = 1e-5;

const LATE_FADE_S: f64 = 0.005;
const DECLICK_S: f64 = 0.005;
const CONTROL_RAMP_S: f64 = 0.010;

/// Instruments of the plugin.
pub const NUM_STEMS: usize = 6;

/// What was played between an activation or a jump and the next, frame by frame. Recordings are of
/// one length: frame 0 is the first that went in, and came out, after the stream began anew.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// Frames a second.
    pub sample_rate_hz: f64,
    /// The latency that the plugin reports.
    pub latency_frames: usize,
    /// What went in.
    pub input: Planar,
    /// What came out.
    pub output: Planar,
    /// What an offline render of `input` gives for each instrument, latency and all.
    pub stems: Vec<Planar>,
    /// Where an instrument is chosen, by number. The first lies at frame 0.
    pub choices: Vec<(usize, usize)>,
    /// What was heard last before a jump, a value a channel; silence after an activation.
    pub level: Vec<f32>,
}

/// Samples by what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// The offline result.
    pub exact: u64,
    /// The delayed mix.
    pub delayed: u64,
    /// Where both are the same.
    pub either: u64,
    /// Silence of the first frames, as many as the latency.
    pub silent: u64,
    /// Inside fades and ramps, on their lines.
    pub in_fades: u64,
    /// None of these.
    pub wrong: u64,
}

impl Counts {
    /// Adds those of another stretch.
    pub fn add(&mut self, other: &Self) {
        self.exact += other.exact;
        self.delayed += other.delayed;
        self.either += other.either;
        self.silent += other.silent;
        self.in_fades += other.in_fades;
        self.wrong += other.wrong;
    }

    /// All samples.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.exact + self.delayed + self.either + self.silent + self.in_fades + self.wrong
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |count: u64| 100.0 * count as f64 / self.total().max(1) as f64;
        let Self { exact, delayed, either, silent, in_fades, wrong } = *self;
        write!(
            f,
            "{} samples: exact {exact} ({:.2} %), delayed mix {delayed} ({:.2} %), both the same \
             {either} ({:.2} %), first silence {silent} ({:.2} %), in fades {in_fades} ({:.2} %), \
             wrong {wrong}",
            self.total(),
            share(exact),
            share(delayed),
            share(either),
            share(silent),
            share(in_fades),
        )
    }
}

/// Judges every sample of a stretch.
#[must_use]
pub fn judge(stretch: &Stretch) -> Counts {
    let mut counts = Counts::default();
    let rate_hz = stretch.sample_rate_hz;
    let mut gains = Gains::new(frames_from_seconds_ceil(CONTROL_RAMP_S, rate_hz));
    let mut weights = Weights::any(frames_from_seconds_ceil(LATE_FADE_S, rate_hz));
    let declick_frames = frames_from_seconds_ceil(DECLICK_S, rate_hz);
    let num_channels = stretch.input.len();
    let mut choices = stretch.choices.iter().peekable();
    let (mut result, mut dry) = (vec![0.0; num_channels], vec![0.0; num_channels]);
    for frame in 0..stretch.input[0].len() {
        while let Some((_, stem)) = choices.next_if(|(at, _)| *at <= frame) {
            gains.choose(*stem, frame == 0);
        }
        let is_moving = gains.advance();
        let heard = |channel: usize| stretch.output[channel][frame];
        let place = if frame < stretch.latency_frames {
            let fade = raised_cosine(frame, declick_frames);
            let is_right = |channel: usize| {
                (heard(channel) - stretch.level[channel] * fade).abs() <= TOLERANCE
            };
            match (0..num_channels).all(is_right) {
                false => &mut counts.wrong,
                true if stretch.level.iter().any(|level| level * fade != 0.0) => {
                    &mut counts.in_fades
                }
                true => &mut counts.silent,
            }
        } else {
            for channel in 0..num_channels {
                result[channel] = gains.mix(&stretch.stems, channel, frame);
                dry[channel] = stretch.input[channel][frame - stretch.latency_frames];
            }
            weights.advance(|weight| {
                let is_rest = !is_moving && (weight == 0.0 || weight == 1.0);
                let tolerance = if is_rest { TOLERANCE } else { FADE_TOLERANCE };
                (0..num_channels).all(|channel| {
                    let expected = weight * result[channel] + (1.0 - weight) * dry[channel];
                    // Not a number is no explanation.
                    (heard(channel) - expected).abs() <= tolerance
                })
            });
            match (weights.none(), is_moving, weights.has(1.0), weights.has(0.0)) {
                (true, ..) => {
                    weights.forget();
                    &mut counts.wrong
                }
                (_, false, true, false) => &mut counts.exact,
                (_, false, false, true) => &mut counts.delayed,
                (_, false, true, true) => &mut counts.either,
                _ => &mut counts.in_fades,
            }
        };
        *place += num_channels as u64;
    }
    counts
}

/// What is left of the sound before a jump: half a cosine from 1 to 0 over `length` frames.
fn raised_cosine(frame: usize, length: usize) -> f32 {
    let phase = length.saturating_sub(frame) as f32 / (length + 1) as f32;
    0.5 - 0.5 * (std::f32::consts::PI * phase).cos()
}

/// Gains of the instruments; a choice moves them in straight lines.
struct Gains {
    values: [f32; NUM_STEMS],
    steps: [f32; NUM_STEMS],
    chosen: usize,
    remaining: usize,
    length: usize,
}

impl Gains {
    fn new(length: usize) -> Self {
        let zeros = [0.0; NUM_STEMS];
        Self { values: zeros, steps: zeros, chosen: usize::MAX, remaining: 0, length }
    }

    fn choose(&mut self, stem: usize, at_once: bool) {
        if at_once {
            self.values = std::array::from_fn(|index| if index == stem { 1.0 } else { 0.0 });
            self.remaining = 0;
        } else if stem != self.chosen {
            let target = |index| if index == stem { 1.0 } else { 0.0 };
            let length = self.length as f32;
            self.steps = std::array::from_fn(|index| (target(index) - self.values[index]) / length);
            self.remaining = self.length;
        }
        self.chosen = stem;
    }

    /// Moves on by a frame; says whether a gain is on its way in it.
    fn advance(&mut self) -> bool {
        if self.remaining == 0 {
            return false;
        }
        self.remaining -= 1;
        if self.remaining == 0 {
            self.choose(self.chosen, true);
        } else {
            self.values.iter_mut().zip(self.steps).for_each(|(value, step)| *value += step);
        }
        true
    }

    fn mix(&self, stems: &[Planar], channel: usize, frame: usize) -> f32 {
        let of_stems = self.values.iter().zip(stems);
        let heard = of_stems.filter(|(gain, _)| **gain != 0.0);
        heard.map(|(gain, stem)| gain * stem[channel][frame]).sum()
    }
}

/// The weights of the results that all frames so far allow.
struct Weights {
    length: usize,
    possible: Vec<f32>,
    next: Vec<f32>,
    /// For each step of the fade, whether `next` has a weight there.
    is_taken: Vec<bool>,
}

impl Weights {
    fn any(length: usize) -> Self {
        let (possible, next) = (Vec::new(), Vec::new());
        let mut weights = Self { length, possible, next, is_taken: vec![false; length + 1] };
        weights.forget();
        weights
    }

    fn forget(&mut self) {
        let length = self.length;
        self.possible.clear();
        self.possible.extend((0..=length).map(|step| step as f32 / length as f32));
    }

    /// One frame on: up or down by a step, where `fits` agrees.
    fn advance(&mut self, fits: impl Fn(f32) -> bool) {
        let step = 1.0 / self.length as f32;
        self.next.clear();
        for weight in &self.possible {
            for moved in [(weight + step).min(1.0), (weight - step).max(0.0)] {
                // Many steps do not add up to one exactly; the rest is one more step.
                let place = (moved * self.length as f32).round() as usize;
                if !self.is_taken[place] && fits(moved) {
                    self.is_taken[place] = true;
                    self.next.push(moved);
                }
            }
        }
        for weight in &self.next {
            self.is_taken[(weight * self.length as f32).round() as usize] = false;
        }
        std::mem::swap(&mut self.possible, &mut self.next);
    }

    fn none(&self) -> bool {
        self.possible.is_empty()
    }

    fn has(&self, weight: f32) -> bool {
        self.possible.iter().any(|possible| (possible - weight).abs() < 1e-4)
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
