//! Analysis and synthesis windows.

/// Periodic Hann window: `w[n] = 0.5 - 0.5 cos(2 pi n / N)`, `N` values.
///
/// Periodic, not symmetric: its squares then overlap-add to a constant at any hop that divides
/// `N / 4`, which is what makes the resynthesis exact (Griffin and Lim, "Signal estimation from
/// modified short-time Fourier transform", 1984, equation 6).
#[must_use]
pub fn hann_periodic(size: usize) -> Vec<f32> {
    hann_periodic_f64(size).into_iter().map(|value| value as f32).collect()
}

/// [`hann_periodic`] before rounding to single precision.
#[must_use]
pub fn hann_periodic_f64(size: usize) -> Vec<f64> {
    (0..size).map(|n| 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / size as f64).cos()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_overlap_add_to_one_and_a_half_at_quarter_hops() {
        for size in [64, 4096] {
            let window = hann_periodic_f64(size);
            let hop = size / 4;
            for offset in 0..hop {
                let sum: f64 = (0..4).map(|k| window[offset + k * hop].powi(2)).sum();
                assert!((sum - 1.5).abs() < 1e-12, "size {size}, offset {offset}: {sum}");
            }
        }
    }

    #[test]
    fn window_is_periodic_not_symmetric() {
        let window = hann_periodic(8);
        assert_eq!(window[0], 0.0);
        assert_eq!(window[4], 1.0);
        assert!(window[7] > 0.1);
    }
}
