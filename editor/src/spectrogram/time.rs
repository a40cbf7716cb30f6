//! The received frame between two of the host's blocks: hosts hand over sound in lumps, the picture
//! moves evenly.

use crate::view::Clock;

/// Further off than this the picture jumps, in seconds.
const JUMP_S: f64 = 0.25;

/// Without a new block for so long the sound stands, in seconds.
const REST_S: f64 = 0.2;

/// Share of the distance to the host's frame that is made good in a second.
const PULL: f64 = 4.0;

/// A frame that walks.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    frame: f64,
    told: i64,
    told_at: f64,
}

impl Walk {
    /// The frame at `now` seconds, `elapsed_s` after the last call.
    pub fn step(&mut self, clock: &Clock, now: f64, elapsed_s: f64) -> f64 {
        let told = clock.received_frame;
        if told != self.told {
            self.told_at = now;
        }
        let rate = clock.sample_rate_hz.max(1.0);
        let is_jump = (told as f64 - self.frame).abs() > JUMP_S * rate;
        self.told = told;
        if is_jump || now - self.told_at > REST_S {
            self.frame = told as f64;
            return self.frame;
        }
        self.frame += elapsed_s * rate;
        self.frame += (told as f64 - self.frame) * (PULL * elapsed_s).min(1.0);
        self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_any_length_become_even_steps() {
        let mut walk = Walk::default();
        let frame_s = 1.0 / 60.0;
        let mut steps = Vec::new();
        let mut last = 0.0;
        for tick in 0..240 {
            let now = f64::from(tick) * frame_s;
            // Blocks of 2048 frames at 48 kHz.
            let received = ((now * 48_000.0) as i64 / 2048) * 2048;
            let clock =
                Clock { sample_rate_hz: 48_000.0, received_frame: received, ..Clock::default() };
            let frame = walk.step(&clock, now, frame_s);
            steps.push(frame - last);
            last = frame;
        }
        let even = 800.0;
        for step in &steps[60..] {
            assert!((step - even).abs() < 0.25 * even, "{step}");
        }
        // The sound stands.
        let clock = Clock { sample_rate_hz: 48_000.0, received_frame: 190_464, ..Clock::default() };
        walk.step(&clock, 4.0, frame_s);
        assert_eq!(walk.step(&clock, 5.0, frame_s), 190_464.0);
        // A jump.
        let clock = Clock { received_frame: 9_000_000, ..clock };
        assert_eq!(walk.step(&clock, 5.02, frame_s), 9_000_000.0);
    }
}
