//! Measures how late one recording is against another.

use anyhow::{Context, Result, bail};
use realfft::RealFftPlanner;

/// By how many frames `late` lags behind `reference`: the peak of their cross-correlation.
///
/// Negative when it leads. Channels are summed. A filter of zero phase, such as a mask on the
/// mix, leaves the peak where it is.
///
/// # Errors
/// When a recording is empty or silent, so that there is nothing to measure.
pub fn lag_frames(reference: &[Vec<f32>], late: &[Vec<f32>]) -> Result<i64> {
    let (reference, late) = (sum(reference), sum(late));
    // Zero padding to both lengths together keeps positive and negative lags apart.
    let size = (reference.len() + late.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(size);
    let spectrum = |mut signal: Vec<f64>| -> Result<_> {
        signal.resize(size, 0.0);
        let mut bins = forward.make_output_vec();
        forward.process(&mut signal, &mut bins)?;
        Ok(bins)
    };
    let (reference, mut product) = (spectrum(reference)?, spectrum(late)?);
    for (bin, other) in product.iter_mut().zip(&reference) {
        *bin *= other.conj();
    }
    let inverse = planner.plan_fft_inverse(size);
    let mut correlation = inverse.make_output_vec();
    inverse.process(&mut product, &mut correlation)?;

    let (peak, value) = correlation
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
        .context("there is nothing to correlate")?;
    if *value == 0.0 {
        bail!("one of the recordings is silent: its lag cannot be measured");
    }
    let peak = peak as i64;
    Ok(if peak < size as i64 / 2 { peak } else { peak - size as i64 })
}

fn sum(channels: &[Vec<f32>]) -> Vec<f64> {
    let num_frames = channels.iter().map(Vec::len).max().unwrap_or(0);
    let mut sum = vec![0.0; num_frames];
    for channel in channels {
        for (total, sample) in sum.iter_mut().zip(channel) {
            *total += f64::from(*sample);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(num_frames: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..num_frames).map(|_| next()).collect()
    }

    #[test]
    fn a_delay_and_a_lead_are_measured_to_the_frame() {
        let signal = noise(5000);
        for lag in [0, 1, 777, 4000] {
            let mut late = vec![0.0; lag];
            late.extend_from_slice(&signal);
            let (signal, late) = ([signal.clone()], [late]);
            assert_eq!(lag_frames(&signal, &late).unwrap(), lag as i64);
            assert_eq!(lag_frames(&late, &signal).unwrap(), -(lag as i64));
        }
    }

    #[test]
    fn silence_has_no_lag() {
        assert!(lag_frames(&[noise(100)], &[vec![0.0; 100]]).is_err());
    }
}
