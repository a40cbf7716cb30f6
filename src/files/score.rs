//! How close an estimate is to the truth.

use super::Audio;
use crate::dsp::level;
use crate::units::db_from_power;

/// Why two recordings cannot be compared.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScoreError {
    /// Different shapes.
    #[error("cannot compare: expected {expected}, found {found}")]
    Shape {
        /// The reference's shape.
        expected: String,
        /// The estimate's shape.
        found: String,
    },
    /// A ratio to nothing.
    #[error("the reference is silent: a signal-to-distortion ratio to silence is not defined")]
    SilentReference,
}

/// Signal-to-distortion ratio over all channels and frames:
/// `10 log10(sum s^2 / sum (s - e)^2)` in dB, `+inf` for an exact estimate. No filter, no segments
/// (unlike museval's median over seconds).
///
/// # Errors
/// When the shapes differ or the reference is silent.
pub fn sdr_db(reference: &Audio, estimate: &Audio) -> Result<f64, ScoreError> {
    check_shapes(reference, estimate)?;
    let (mut signal, mut distortion) = (0.0, 0.0);
    for (truth, guess) in reference.channels.iter().zip(&estimate.channels) {
        for (&s, &e) in truth.iter().zip(guess) {
            let (s, e) = (f64::from(s), f64::from(e));
            signal += s * s;
            distortion += (s - e) * (s - e);
        }
    }
    if signal == 0.0 {
        return Err(ScoreError::SilentReference);
    }
    Ok(if distortion == 0.0 { f64::INFINITY } else { db_from_power(signal / distortion) })
}

/// Null test: the largest difference between two recordings in dBFS, `-inf` when they are equal.
///
/// # Errors
/// When the shapes differ.
pub fn residual_dbfs(reference: &Audio, estimate: &Audio) -> Result<f64, ScoreError> {
    check_shapes(reference, estimate)?;
    Ok(reference
        .channels
        .iter()
        .zip(&estimate.channels)
        .map(|(truth, guess)| level::residual_peak_dbfs(truth, guess))
        .fold(f64::NEG_INFINITY, f64::max))
}

fn check_shapes(reference: &Audio, estimate: &Audio) -> Result<(), ScoreError> {
    let (expected, found) = (shape(reference), shape(estimate));
    if expected == found { Ok(()) } else { Err(ScoreError::Shape { expected, found }) }
}

fn shape(audio: &Audio) -> String {
    let lengths: Vec<String> =
        audio.channels.iter().map(|channel| channel.len().to_string()).collect();
    format!(
        "{} channels of {} frames at {} Hz",
        audio.num_channels(),
        lengths.join(" and "),
        audio.sample_rate_hz
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mono(samples: &[f32]) -> Audio {
        Audio { sample_rate_hz: 44_100, channels: vec![samples.to_vec()] }
    }

    #[test]
    fn ratio_equals_its_definition() {
        let truth = mono(&[1.0, -1.0, 1.0, -1.0]);
        let sdr = sdr_db(&truth, &mono(&[0.9, -0.9, 0.9, -0.9])).unwrap();
        assert!((sdr - 20.0).abs() < 1e-5, "{sdr}");
        assert_eq!(sdr_db(&truth, &truth).unwrap(), f64::INFINITY);
        assert_eq!(sdr_db(&truth, &mono(&[0.0; 4])).unwrap(), 0.0);
    }

    #[test]
    fn residual_is_the_largest_difference() {
        let residual = residual_dbfs(&mono(&[0.5, 0.5]), &mono(&[0.5, 0.4])).unwrap();
        assert!((residual + 20.0).abs() < 1e-4, "{residual}");
        assert_eq!(residual_dbfs(&mono(&[0.5]), &mono(&[0.5])).unwrap(), f64::NEG_INFINITY);
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        assert_eq!(sdr_db(&mono(&[0.0]), &mono(&[1.0])), Err(ScoreError::SilentReference));
        let error = sdr_db(&mono(&[1.0]), &mono(&[1.0, 2.0])).unwrap_err().to_string();
        assert!(error.contains("1 channels of 1 frames") && error.contains("of 2 frames"));
    }
}
