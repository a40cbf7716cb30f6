//! A whole recording in memory.

use crate::units::seconds_from_frames;

/// Planar audio: `channels[channel][frame]`, full scale is 1.0.
#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    /// Frames a second.
    pub sample_rate_hz: u32,
    /// One vector a channel, all of one length.
    pub channels: Vec<Vec<f32>>,
}

impl Audio {
    /// Silence of a given shape.
    #[must_use]
    pub fn silence(sample_rate_hz: u32, num_channels: usize, num_frames: usize) -> Self {
        Self { sample_rate_hz, channels: vec![vec![0.0; num_frames]; num_channels] }
    }

    /// Count of channels.
    #[must_use]
    pub fn num_channels(&self) -> usize {
        self.channels.len()
    }

    /// Frames of the shortest channel; 0 without channels.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.channels.iter().map(Vec::len).min().unwrap_or(0)
    }

    /// Length in seconds; 0 when the rate is 0.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        match self.sample_rate_hz {
            0 => 0.0,
            rate_hz => seconds_from_frames(self.num_frames(), f64::from(rate_hz)),
        }
    }

    /// The mean of the channels, one value a frame.
    #[must_use]
    pub fn mono(&self) -> Vec<f32> {
        let scale = 1.0 / self.num_channels().max(1) as f32;
        let mut sum = vec![0.0; self.num_frames()];
        for channel in &self.channels {
            for (total, &sample) in sum.iter_mut().zip(channel) {
                *total += sample * scale;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_and_duration_follow_from_the_channels() {
        let audio = Audio::silence(48_000, 2, 24_000);
        assert_eq!((audio.num_channels(), audio.num_frames()), (2, 24_000));
        assert!((audio.duration_s() - 0.5).abs() < 1e-12);
        assert_eq!(Audio { sample_rate_hz: 0, channels: vec![] }.duration_s(), 0.0);
    }

    #[test]
    fn mono_is_the_mean_of_the_channels() {
        let audio = Audio { sample_rate_hz: 8000, channels: vec![vec![1.0, 0.5], vec![0.0, -0.5]] };
        assert_eq!(audio.mono(), [0.5, 0.0]);
    }
}
