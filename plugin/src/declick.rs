//! Hides the break where a stream begins anew in the middle of sound.

use soloist::model::Instrument;
use soloist::streaming::MAX_CHANNELS;

/// Most output channels: the main bus and one bus an instrument.
const MAX_OUTPUTS: usize = MAX_CHANNELS * (1 + Instrument::ALL.len());

/// Time in which the sound before the break goes, in seconds.
const FADE_S: f64 = 0.005;

/// After a break every output goes on from its last sample to nothing, along a raised cosine, on top
/// of the new sound. That begins with silence as long as the latency, so that the sum is continuous.
pub struct Declick {
    last: [f32; MAX_OUTPUTS],
    /// Where each output stood at the break.
    level: [f32; MAX_OUTPUTS],
    frames: usize,
    /// Frames of the fade that are still to come.
    remaining: usize,
}

impl Declick {
    /// Nothing to hide yet.
    pub fn new(sample_rate_hz: f64) -> Self {
        let frames = soloist::units::frames_from_seconds_ceil(FADE_S, sample_rate_hz);
        Self { last: [0.0; MAX_OUTPUTS], level: [0.0; MAX_OUTPUTS], frames, remaining: 0 }
    }

    /// The next block is not the continuation of the last.
    pub fn begin(&mut self) {
        self.level = self.last;
        self.remaining = self.frames;
    }

    /// Forgets all sound.
    pub fn clear(&mut self) {
        self.last = [0.0; MAX_OUTPUTS];
        self.remaining = 0;
    }

    /// Fades, and remembers where each of `outputs` ends; they come in the same order each time.
    ///
    /// # Realtime safety
    /// Does not allocate.
    pub fn process<'a>(&mut self, outputs: impl Iterator<Item = &'a mut [f32]>) {
        let mut num_frames = 0;
        let places = outputs.zip(self.level.iter().zip(&mut self.last));
        for (output, (level, last)) in places {
            num_frames = output.len();
            for (index, sample) in output.iter_mut().take(self.remaining).enumerate() {
                let phase = (self.remaining - index) as f32 / (self.frames + 1) as f32;
                *sample += level * (0.5 - 0.5 * (std::f32::consts::PI * phase).cos());
            }
            if let Some(end) = output.last() {
                *last = *end;
            }
        }
        self.remaining = self.remaining.saturating_sub(num_frames);
    }
}

#[cfg(test)]
mod tests {
    use super::Declick;

    /// Sound that stops at once in two outputs, in blocks of `size`.
    fn after_break(size: usize) -> Vec<f32> {
        let mut declick = Declick::new(48_000.0);
        let mut heard = Vec::new();
        let mut levels = (vec![0.8_f32; size], vec![-0.4; size]);
        for block in 0..600_usize.div_ceil(size) {
            if block == 1 {
                declick.begin();
            }
            if block >= 1 {
                levels.0.fill(0.0);
                levels.1.fill(0.0);
            }
            declick.process([&mut levels.0[..], &mut levels.1].into_iter());
            assert!(levels.0.iter().zip(&levels.1).all(|(a, b)| (a + 2.0 * b).abs() < 1e-6));
            if block >= 1 {
                heard.extend_from_slice(&levels.0);
            }
        }
        heard
    }

    #[test]
    fn the_break_is_smooth_and_over_after_five_milliseconds() {
        for size in [1, 64, 480] {
            let heard = after_break(size);
            let steps = std::iter::once(&0.8).chain(&heard).zip(&heard).map(|(a, b)| (a - b).abs());
            let largest = steps.fold(0.0_f32, f32::max);
            // A raised cosine over 240 frames: pi / 2 / 240 of its height at the steepest.
            assert!(largest < 0.8 * 1.6 / 240.0, "{largest} in blocks of {size}");
            assert!(heard[..240].iter().all(|sample| *sample > 0.0));
            assert!(heard[240..].iter().all(|sample| *sample == 0.0));
        }
    }

    #[test]
    fn without_a_break_nothing_is_added() {
        let mut declick = Declick::new(48_000.0);
        let mut block = [0.5, -0.25];
        declick.process(std::iter::once(&mut block[..]));
        assert_eq!(block, [0.5, -0.25]);
    }
}
