//! An integer delay line.

/// Delays a signal by a fixed whole number of frames, one channel, starting from silence.
pub struct DelayLine {
    ring: Vec<f32>,
    position: usize,
}

impl DelayLine {
    /// A line of `delay_frames` frames; 0 passes the signal. Allocates.
    #[must_use]
    pub fn new(delay_frames: usize) -> Self {
        Self { ring: vec![0.0; delay_frames], position: 0 }
    }

    /// Delay in frames.
    #[must_use]
    pub fn delay_frames(&self) -> usize {
        self.ring.len()
    }

    /// Takes one sample in and the delayed one out.
    ///
    /// # Realtime safety
    /// Does not allocate.
    #[inline]
    pub fn process(&mut self, input: f32) -> f32 {
        let Some(slot) = self.ring.get_mut(self.position) else { return input };
        let output = std::mem::replace(slot, input);
        self.position += 1;
        if self.position == self.ring.len() {
            self.position = 0;
        }
        output
    }

    /// Fills the line with silence.
    pub fn reset(&mut self) {
        self.ring.fill(0.0);
        self.position = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_the_input_that_many_frames_ago() {
        for delay in [0, 1, 7, 100] {
            let mut line = DelayLine::new(delay);
            for n in 0..300_usize {
                let want = if n >= delay { (n - delay + 1) as f32 } else { 0.0 };
                assert_eq!(line.process((n + 1) as f32), want, "delay {delay}, frame {n}");
            }
            line.reset();
            assert_eq!(line.process(5.0), if delay == 0 { 5.0 } else { 0.0 });
        }
    }
}
