//! The levels of a spectrogram: what stands at each pixel.

use super::Audio;
use crate::dsp::Complex32;
use crate::dsp::stft::Stft;
use crate::units::{db_from_power, hz_from_bin};

/// Rows to frequencies: the top row is the highest, and each octave takes the same height.
pub(super) struct LogScale {
    pub min_hz: f64,
    pub max_hz: f64,
}

impl LogScale {
    /// Frequency at a height of 0 (bottom) to 1 (top).
    pub(super) fn hz(&self, height: f64) -> f64 {
        self.min_hz * (self.max_hz / self.min_hz).powf(height)
    }

    /// Inverse of [`LogScale::hz`].
    pub(super) fn height(&self, hz: f64) -> f64 {
        (hz / self.min_hz).ln() / (self.max_hz / self.min_hz).ln()
    }
}

/// Levels `[row][column]` in dB below a full-scale sine.
pub(super) fn levels_db(
    audio: &Audio,
    (width_px, height_px): (usize, usize),
    scale: &LogScale,
) -> Vec<f64> {
    let rate_hz = f64::from(audio.sample_rate_hz);
    // About 93 ms at any rate: the resolution of 4096 frames at 44.1 kHz.
    let fft_size = ((rate_hz * 4096.0 / 44_100.0) as usize).next_power_of_two().clamp(256, 65_536);
    let mut stft = Stft::new(fft_size);
    let mut power = vec![0.0; stft.num_bins()];
    let mut levels = vec![0.0; width_px * height_px];
    for column in 0..width_px {
        let num_frames = audio.num_frames() as f64;
        let from = (column as f64 * num_frames / width_px as f64) as usize;
        let to = ((column + 1) as f64 * num_frames / width_px as f64) as usize;
        column_power(audio, &mut stft, from, to.max(from + 1), &mut power);
        for row in 0..height_px {
            let at = |edge: usize| scale.hz(1.0 - edge as f64 / height_px as f64);
            let bin_hz = hz_from_bin(1, fft_size, rate_hz);
            let level = band_power(&power, at(row + 1) / bin_hz, at(row) / bin_hz);
            levels[row * width_px + column] = db_from_power(level);
        }
    }
    levels
}

/// Mean power of the transforms centred within a column, over time and channels; 1.0 is a
/// full-scale sine on a bin.
fn column_power(audio: &Audio, stft: &mut Stft, from: usize, to: usize, power: &mut [f64]) {
    let fft_size = stft.fft_size();
    let mut frame = vec![0.0; fft_size];
    let mut spectrum = vec![Complex32::default(); stft.num_bins()];
    power.fill(0.0);
    let num_centres = (to - from).div_ceil(fft_size / 4);
    for index in 0..num_centres {
        let centre = from + (2 * index + 1) * (to - from) / (2 * num_centres);
        for channel in &audio.channels {
            copy_centred(channel, centre, &mut frame);
            stft.analyse(&frame, &mut spectrum);
            for (sum, bin) in power.iter_mut().zip(&spectrum) {
                *sum += f64::from(bin.norm_sqr());
            }
        }
    }
    let sine = (stft.window_sum() / 2.0).powi(2);
    let scale = 1.0 / (sine * num_centres as f64 * audio.num_channels() as f64);
    power.iter_mut().for_each(|sum| *sum *= scale);
}

/// Takes the frames around `centre`, silence beyond the ends.
fn copy_centred(channel: &[f32], centre: usize, frame: &mut [f32]) {
    let half = frame.len() / 2;
    for (offset, out) in frame.iter_mut().enumerate() {
        let position = (centre + offset).checked_sub(half);
        *out = position.and_then(|position| channel.get(position)).copied().unwrap_or(0.0);
    }
}

/// The loudest bin between two positions, or the value between two bins where there is none.
fn band_power(power: &[f64], from_bin: f64, to_bin: f64) -> f64 {
    let last = power.len() - 1;
    let (first, end) = (from_bin.ceil() as usize, (to_bin.floor() as usize + 1).min(power.len()));
    if first < end {
        return power[first..end].iter().copied().fold(0.0, f64::max);
    }
    let middle = (0.5 * (from_bin + to_bin)).min(last as f64);
    let below = (middle as usize).min(last);
    let share = middle - below as f64;
    power[below] * (1.0 - share) + power[(below + 1).min(last)] * share
}
