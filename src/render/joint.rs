//! Windows whose sounds were found separately, joined to one.

use super::RenderError;

/// Joins the signals of windows that overlap.
pub(super) struct Joint {
    /// Frames that consecutive signals share.
    shared: usize,
    /// Frames at the ends of a signal that are not used where another has them too: Griffin-Lim
    /// heard silence beyond.
    edge: usize,
    tail: Vec<f32>,
}

impl Joint {
    pub fn new(overlap_hops: usize, fft_size: usize, hop: usize) -> Self {
        let shared = (overlap_hops - 1) * hop;
        Self { shared, edge: (fft_size / 2).min(shared / 3), tail: Vec::new() }
    }

    /// Hands on what no later signal changes.
    pub fn append(
        &mut self,
        mut signal: Vec<f32>,
        is_last: bool,
        write: &mut dyn FnMut(&[f32]) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let length = self.tail.len().saturating_sub(2 * self.edge);
        for (n, (new, &old)) in signal.iter_mut().zip(&self.tail).enumerate() {
            let position = (n as f32 - self.edge as f32 + 0.5) / length as f32;
            // Equal power: the phases of the two have nothing in common.
            let (fade_in, fade_out) =
                (position.clamp(0.0, 1.0) * std::f32::consts::FRAC_PI_2).sin_cos();
            *new = *new * fade_in + old * fade_out;
        }
        let kept = if is_last { 0 } else { self.shared.min(signal.len()) };
        self.tail = signal.split_off(signal.len() - kept);
        write(&signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_each_other_without_a_gap_and_fade_at_equal_power() {
        // 16 hop frames of 4 shared: 60 frames, 20 of them at each end left to the other window.
        let mut joint = Joint::new(16, 64, 4);
        let mut output = Vec::new();
        for (value, length, is_last) in [(1.0, 200, false), (0.0, 200, false), (1.0, 100, true)] {
            let mut write = |samples: &[f32]| {
                output.extend_from_slice(samples);
                Ok(())
            };
            joint.append(vec![value; length], is_last, &mut write).unwrap();
        }
        assert_eq!(output.len(), 140 + 140 + 100);
        assert!(output[..160].iter().all(|&sample| sample == 1.0));
        assert!(output[180..300].iter().all(|&sample| sample.abs() < 1e-6));
        assert!(output[320..].iter().all(|&sample| sample == 1.0));
        for n in 160..180 {
            let power = output[n].powi(2) + output[n + 140].powi(2);
            assert!((power - 1.0).abs() < 1e-5, "frame {n}");
        }
    }
}
