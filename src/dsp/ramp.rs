//! A gain that moves to its target in a straight line, sample by sample.

/// A linear ramp. Independent of block sizes: only the number of samples between target changes
/// matters, so a bounce is the same for every block size.
#[derive(Debug, Clone)]
pub struct Ramp {
    value: f32,
    target: f32,
    step: f32,
    remaining: usize,
    length_frames: usize,
}

impl Ramp {
    /// A ramp at rest on `value` whose moves take `length_frames` frames (at least one).
    #[must_use]
    pub fn new(value: f32, length_frames: usize) -> Self {
        Self { value, target: value, step: 0.0, remaining: 0, length_frames: length_frames.max(1) }
    }

    /// Starts a move to `target` from where the ramp is. The same target again changes nothing.
    pub fn set_target(&mut self, target: f32) {
        if target != self.target {
            self.target = target;
            self.remaining = self.length_frames;
            self.step = (target - self.value) / self.length_frames as f32;
        }
    }

    /// Jumps to `value` and rests there.
    pub fn snap_to(&mut self, value: f32) {
        *self = Self::new(value, self.length_frames);
    }

    /// The next sample's value.
    #[inline]
    pub fn advance(&mut self) -> f32 {
        if self.remaining > 0 {
            self.remaining -= 1;
            // The last step lands on the target exactly: rounding must not leave a residue.
            self.value = if self.remaining == 0 { self.target } else { self.value + self.step };
        }
        self.value
    }

    /// Whether the ramp rests on its target.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.remaining == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_takes_its_length_and_ends_exactly_on_target() {
        let mut ramp = Ramp::new(0.0, 10);
        ramp.set_target(0.7);
        let values: Vec<f32> = (0..12).map(|_| ramp.advance()).collect();
        assert!(values.windows(2).all(|pair| pair[1] >= pair[0]));
        assert!(values[8] < 0.7);
        assert_eq!(&values[9..], &[0.7, 0.7, 0.7]);
        assert!(ramp.is_settled());
    }

    #[test]
    fn repeating_the_target_does_not_restart_the_move() {
        let mut ramp = Ramp::new(1.0, 4);
        for _ in 0..4 {
            ramp.set_target(0.0);
            ramp.advance();
        }
        assert_eq!(ramp.advance(), 0.0);
        ramp.snap_to(0.5);
        assert_eq!(ramp.advance(), 0.5);
    }
}
