//! Every conversion between units: dB and gain, seconds and frames, Hz and bins, Hz and mel.
//!
//! *Frame* here is one sample instant over all channels; a *hop frame* is one column of a
//! short-time spectrum.

/// Linear gain of a level in dB. `-inf` dB gives 0.
#[must_use]
pub fn gain_from_db(level_db: f32) -> f32 {
    10.0_f32.powf(level_db / 20.0)
}

/// Level in dB of a linear gain. A gain of zero or below gives `-inf`.
#[must_use]
pub fn db_from_gain(gain: f32) -> f32 {
    if gain > 0.0 { 20.0 * gain.log10() } else { f32::NEG_INFINITY }
}

/// Level in dB of a power ratio. Zero or below gives `-inf`.
#[must_use]
pub fn db_from_power(power: f64) -> f64 {
    if power > 0.0 { 10.0 * power.log10() } else { f64::NEG_INFINITY }
}

/// Whole frames in a duration, rounded up.
#[must_use]
pub fn frames_from_seconds_ceil(duration_s: f64, sample_rate_hz: f64) -> usize {
    (duration_s * sample_rate_hz).ceil().max(0.0) as usize
}

/// Duration of a count of frames.
#[must_use]
pub fn seconds_from_frames(num_frames: usize, sample_rate_hz: f64) -> f64 {
    num_frames as f64 / sample_rate_hz
}

/// Mel value of a frequency, HTK's form: `2595 log10(1 + f / 700)` (Young et al., "The HTK Book",
/// section 5.4).
#[must_use]
pub fn mel_from_hz(frequency_hz: f64) -> f64 {
    2595.0 * (1.0 + frequency_hz / 700.0).log10()
}

/// Inverse of [`mel_from_hz`].
#[must_use]
pub fn hz_from_mel(mel: f64) -> f64 {
    700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0)
}

/// Slaney's mel scale below this frequency is linear, 15 mels up to it.
const SLANEY_BREAK_HZ: f64 = 1000.0;
const SLANEY_BREAK_MEL: f64 = 15.0;

/// Mels in one e-fold of frequency above the break: 27 to a factor of 6.4.
fn slaney_mels_per_log() -> f64 {
    27.0 / 6.4_f64.ln()
}

/// Mel value of a frequency, Slaney's form: linear up to 1 kHz at 15 mels, then 27 mels for each
/// factor of 6.4 (Slaney, "Auditory Toolbox", Interval Research TR 1998-010).
#[must_use]
pub fn slaney_mel_from_hz(frequency_hz: f64) -> f64 {
    if frequency_hz < SLANEY_BREAK_HZ {
        return frequency_hz / SLANEY_BREAK_HZ * SLANEY_BREAK_MEL;
    }
    SLANEY_BREAK_MEL + slaney_mels_per_log() * (frequency_hz / SLANEY_BREAK_HZ).ln()
}

/// Inverse of [`slaney_mel_from_hz`].
#[must_use]
pub fn hz_from_slaney_mel(mel: f64) -> f64 {
    if mel < SLANEY_BREAK_MEL {
        return mel / SLANEY_BREAK_MEL * SLANEY_BREAK_HZ;
    }
    SLANEY_BREAK_HZ * ((mel - SLANEY_BREAK_MEL) / slaney_mels_per_log()).exp()
}

/// Centre frequency of a DFT bin.
#[must_use]
pub fn hz_from_bin(bin: usize, fft_size: usize, sample_rate_hz: f64) -> f64 {
    bin as f64 * sample_rate_hz / fft_size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_and_gains_are_inverse() {
        for level_db in [-120.0, -6.0, 0.0, 12.0] {
            assert!((db_from_gain(gain_from_db(level_db)) - level_db).abs() < 1e-4);
        }
        assert_eq!(gain_from_db(f32::NEG_INFINITY), 0.0);
        assert_eq!(db_from_gain(0.0), f32::NEG_INFINITY);
    }

    #[test]
    fn mel_scale_is_anchored_at_one_kilohertz() {
        assert!((mel_from_hz(1000.0) - 1000.0).abs() < 0.02);
        assert!((hz_from_mel(mel_from_hz(12_345.0)) - 12_345.0).abs() < 1e-6);
    }

    #[test]
    fn slaneys_mel_scale_is_linear_below_one_kilohertz_and_logarithmic_above() {
        for (frequency_hz, mel) in [(0.0, 0.0), (500.0, 7.5), (1000.0, 15.0), (6400.0, 42.0)] {
            assert!((slaney_mel_from_hz(frequency_hz) - mel).abs() < 1e-9);
            assert!((hz_from_slaney_mel(mel) - frequency_hz).abs() < 1e-9);
        }
    }

    #[test]
    fn durations_round_up_to_whole_frames() {
        assert_eq!(frames_from_seconds_ceil(0.005, 44_100.0), 221);
        assert_eq!(frames_from_seconds_ceil(-1.0, 44_100.0), 0);
        assert!((seconds_from_frames(44_100, 44_100.0) - 1.0).abs() < 1e-12);
    }
}
