//! Dither for 16 bit files.

/// Noise of triangular density over (-1, 1) least significant bits, the sum of two uniform values:
/// it makes the rounding error's mean and power independent of the signal (Lipshitz, Wannamaker
/// and Vanderkooy, "Quantization and dither: a theoretical survey", 1992).
///
/// The sequence is the same in every run, so that equal input gives equal files.
pub(super) struct TriangularDither {
    state: u64,
}

impl TriangularDither {
    /// Starts the sequence of one channel.
    pub(super) fn new(channel: usize) -> Self {
        Self { state: 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(channel as u64 + 1) }
    }

    /// The next value, in least significant bits.
    pub(super) fn next_lsb(&mut self) -> f64 {
        self.uniform() - self.uniform()
    }

    /// xorshift64* (Vigna, 2016), its upper 53 bits as a value in [0, 1).
    fn uniform(&mut self) -> f64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let bits = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_triangular_and_repeats_in_every_run() {
        let values: Vec<f64> = {
            let mut dither = TriangularDither::new(0);
            (0..100_000).map(|_| dither.next_lsb()).collect()
        };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let power = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 5e-3, "mean {mean}");
        assert!((power - 1.0 / 6.0).abs() < 3e-3, "power {power}");
        assert!(values.iter().all(|value| value.abs() < 1.0));
        assert_eq!(TriangularDither::new(0).next_lsb(), values[0]);
        assert_ne!(TriangularDither::new(1).next_lsb(), values[0]);
    }
}
