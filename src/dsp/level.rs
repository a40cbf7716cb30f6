//! Level measurement.

use crate::units::db_from_power;

/// Root-mean-square level in dBFS (full scale is 1.0); `-inf` for silence or no samples.
#[must_use]
pub fn rms_dbfs(samples: &[f32]) -> f64 {
    if samples.is_empty() {
        return f64::NEG_INFINITY;
    }
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    db_from_power(energy / samples.len() as f64)
}

/// Largest magnitude in dBFS; `-inf` for silence.
#[must_use]
pub fn peak_dbfs(samples: &[f32]) -> f64 {
    let peak = samples.iter().fold(0.0_f64, |peak, &sample| peak.max(f64::from(sample).abs()));
    db_from_power(peak * peak)
}

/// Largest difference between two signals of one length, in dBFS; `-inf` when they are equal.
#[must_use]
pub fn residual_peak_dbfs(left: &[f32], right: &[f32]) -> f64 {
    let peak = left
        .iter()
        .zip(right)
        .fold(0.0_f64, |peak, (&a, &b)| peak.max((f64::from(a) - f64::from(b)).abs()));
    db_from_power(peak * peak)
}

/// A sample made safe for spectra that remember: not finite becomes 0, denormals become 0, and
/// magnitudes beyond +120 dBFS are held there, so that no later power overflows.
#[inline]
#[must_use]
pub fn sanitise(sample: f32) -> f32 {
    const LIMIT: f32 = 1e6;
    if sample.is_normal() { sample.clamp(-LIMIT, LIMIT) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_equal_their_definitions() {
        assert_eq!(rms_dbfs(&[]), f64::NEG_INFINITY);
        assert!((rms_dbfs(&[0.5, -0.5]) + 6.0206).abs() < 1e-3);
        assert!((peak_dbfs(&[0.1, -1.0]) - 0.0).abs() < 1e-9);
        assert_eq!(residual_peak_dbfs(&[0.25], &[0.25]), f64::NEG_INFINITY);
    }

    #[test]
    fn bad_samples_become_harmless_and_good_ones_stay() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, -0.0] {
            assert_eq!(sanitise(bad), 0.0);
        }
        assert_eq!(sanitise(0.123), 0.123);
        assert_eq!(sanitise(-1e30), -1e6);
    }
}
