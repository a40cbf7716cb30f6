//! The highest samples of what is played, for a mixer's meters.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{MAX_CHANNELS, MAX_SOURCES};
use crate::model::Instrument;

/// Peaks of the instruments since they were last read. Written by the audio thread.
#[derive(Debug, Default)]
pub(crate) struct StemPeaks {
    /// Bits of numbers that are not negative, which are ordered as the numbers are.
    peaks: [AtomicU32; Instrument::ALL.len()],
}

impl StemPeaks {
    /// Takes note of a chunk: `frame x source x channel`, where `places` says which source an
    /// instrument is.
    ///
    /// # Realtime safety
    /// Arithmetic and atomics.
    pub fn note(
        &self,
        stems: &[f32],
        frame_len: usize,
        num_channels: usize,
        places: &[Option<usize>; Instrument::ALL.len()],
    ) {
        // Side by side, as they stand: one stem after the other takes six times as long.
        let mut highest = [0.0_f32; MAX_SOURCES * MAX_CHANNELS];
        for frame in stems.chunks_exact(frame_len) {
            for (highest, sample) in highest.iter_mut().zip(frame) {
                let level = sample.abs();
                *highest = if level > *highest { level } else { *highest };
            }
        }
        for (peak, place) in self.peaks.iter().zip(places) {
            let Some(place) = place else { continue };
            let of_stem = &highest[place * num_channels..(place + 1) * num_channels];
            let level = of_stem.iter().fold(0.0_f32, |a, &b| a.max(b));
            peak.fetch_max(level.to_bits(), Ordering::Relaxed);
        }
    }

    /// The peaks since the last call.
    pub fn take(&self) -> [f32; Instrument::ALL.len()] {
        self.peaks.each_ref().map(|peak| f32::from_bits(peak.swap(0, Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::StemPeaks;

    #[test]
    fn each_instrument_has_its_highest_sample_since_it_was_read() {
        let peaks = StemPeaks::default();
        let places = [Some(1), None, Some(0), None, None, None];
        // Two frames of two sources, stereo.
        peaks.note(&[0.1, -0.2, 0.3, 0.0, 0.0, 0.1, -0.5, 0.4], 4, 2, &places);
        peaks.note(&[0.0, 0.15, 0.0, 0.0], 4, 2, &places);
        assert_eq!(peaks.take(), [0.5, 0.0, 0.2, 0.0, 0.0, 0.0]);
        assert_eq!(peaks.take(), [0.0; 6]);
    }
}
