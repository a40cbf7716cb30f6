//! Masks as fields over seconds and Hz, read on any time-frequency grid.
//!
//! A network gives one mask value per (hop frame, band) of its own analysis. The mix is
//! resynthesised on the host's grid, whose hops and bins stand elsewhere when the host's sample
//! rate differs. Both axes are read by linear interpolation, so masks that sum to one on the
//! network's grid sum to one on the host's.

use std::collections::VecDeque;

use super::crossfade::linear;

/// Linear interpolation in Hz from band centres to the bins of one transform.
///
/// Below the first centre and above the last the outermost band carries on: a network of 22.05 kHz
/// still works on a 96 kHz track.
pub struct BinInterpolation {
    taps: Vec<(u32, f32)>,
}

impl BinInterpolation {
    /// Plans the reading of `centres_hz` (ascending, at least one) on the bins of a transform of
    /// `fft_size` frames at `sample_rate_hz`. Allocates.
    #[must_use]
    pub fn new(centres_hz: &[f64], fft_size: usize, sample_rate_hz: f64) -> Self {
        let last = centres_hz.len().saturating_sub(1);
        let taps = (0..=fft_size / 2)
            .map(|bin| {
                let frequency_hz = crate::units::hz_from_bin(bin, fft_size, sample_rate_hz);
                let above = centres_hz.partition_point(|&centre| centre <= frequency_hz);
                if above == 0 {
                    return (0, 0.0);
                }
                let low = above - 1;
                if low == last {
                    return (last as u32, 0.0);
                }
                let width_hz = centres_hz[low + 1] - centres_hz[low];
                (low as u32, ((frequency_hz - centres_hz[low]) / width_hz) as f32)
            })
            .collect();
        Self { taps }
    }

    /// Bins of the transform that is read on.
    #[must_use]
    pub fn num_bins(&self) -> usize {
        self.taps.len()
    }

    /// Reads one mask (a value per band) on every bin.
    ///
    /// # Realtime safety
    /// Does not allocate.
    pub fn expand(&self, bands: &[f32], bins: &mut [f32]) {
        let last = bands.len() - 1;
        for (out, &(low, weight)) in bins.iter_mut().zip(&self.taps) {
            let low = low as usize;
            let (a, b) = (bands[low], bands[(low + 1).min(last)]);
            *out = a + (b - a) * weight;
        }
    }
}

/// The masks of consecutive hop frames, kept as long as resynthesis may still read them.
///
/// One frame is a flat block of `frame_len` values (source, channel, band). Frames are addressed
/// by their index since the epoch began.
pub struct MaskTimeline {
    frame_len: usize,
    first: u64,
    frames: VecDeque<Vec<f32>>,
    spare: Vec<Vec<f32>>,
}

impl MaskTimeline {
    /// An empty timeline of frames of `frame_len` values.
    #[must_use]
    pub fn new(frame_len: usize) -> Self {
        Self { frame_len, first: 0, frames: VecDeque::new(), spare: Vec::new() }
    }

    /// Index after the last frame.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// Adds the next frame and lends it for writing; its content is unspecified.
    pub fn push(&mut self) -> &mut [f32] {
        let frame = self.spare.pop().unwrap_or_else(|| vec![0.0; self.frame_len]);
        self.frames.push_back(frame);
        self.frames.back_mut().map(Vec::as_mut_slice).unwrap_or_default()
    }

    /// Writes the masks at `position` (in hop frames, fractional) into `out`. Positions outside
    /// the timeline read its nearest frame; an empty timeline writes zeros.
    pub fn read(&self, position: f64, out: &mut [f32]) {
        if self.frames.is_empty() {
            out.fill(0.0);
            return;
        }
        let local = (position - self.first as f64).clamp(0.0, (self.frames.len() - 1) as f64);
        let low = local.floor() as usize;
        let weight = (local - low as f64) as f32;
        if weight == 0.0 {
            out.copy_from_slice(&self.frames[low]);
            return;
        }
        let (a, b) = (&self.frames[low], &self.frames[low + 1]);
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = linear(a, b, weight);
        }
    }

    /// Lets go of the frames before `index`, keeping the last one at least.
    pub fn forget_before(&mut self, index: u64) {
        while self.first < index && self.frames.len() > 1 {
            self.spare.extend(self.frames.pop_front());
            self.first += 1;
        }
    }

    /// Empties the timeline: the next frame has index 0.
    pub fn reset(&mut self) {
        self.first = 0;
        self.spare.extend(self.frames.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::bands::BandScale;

    #[test]
    fn bins_read_the_line_between_band_centres() {
        let centres_hz = [100.0, 300.0, 1000.0];
        let plan = BinInterpolation::new(&centres_hz, 64, 6_400.0); // 100 Hz a bin
        let mut bins = vec![0.0; plan.num_bins()];
        plan.expand(&[0.0, 1.0, 0.5], &mut bins);
        for (bin, &value) in bins.iter().enumerate() {
            let f = bin as f64 * 100.0;
            let want = if f <= 100.0 {
                0.0
            } else if f <= 300.0 {
                (f - 100.0) / 200.0
            } else if f <= 1000.0 {
                1.0 - 0.5 * (f - 300.0) / 700.0
            } else {
                0.5
            };
            assert!((f64::from(value) - want).abs() < 1e-6, "bin {bin}: {value} for {want}");
        }
    }

    #[test]
    fn masks_that_sum_to_one_still_do_on_another_grid() {
        let scale = BandScale::mel_htk(512, 4096, 44_100.0).unwrap();
        for (fft_size, rate) in [(4096, 44_100.0), (4096, 48_000.0), (16_384, 192_000.0)] {
            let plan = BinInterpolation::new(scale.centres_hz(), fft_size, rate);
            let low: Vec<f32> = (0..512).map(|b| (b as f32 * 0.37).sin().abs()).collect();
            let high: Vec<f32> = low.iter().map(|m| 1.0 - m).collect();
            let (mut x, mut y) = (vec![0.0; plan.num_bins()], vec![0.0; plan.num_bins()]);
            plan.expand(&low, &mut x);
            plan.expand(&high, &mut y);
            for (a, b) in x.iter().zip(&y) {
                assert!((a + b - 1.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn single_bin_bands_are_read_exactly_at_the_networks_own_rate() {
        let scale = BandScale::mel_htk(512, 4096, 44_100.0).unwrap();
        let plan = BinInterpolation::new(scale.centres_hz(), 4096, 44_100.0);
        let bands: Vec<f32> = (0..512).map(|b| b as f32).collect();
        let mut bins = vec![0.0; plan.num_bins()];
        plan.expand(&bands, &mut bins);
        for (bin, &value) in bins.iter().enumerate().take(200) {
            assert!((value - bin as f32).abs() < 1e-3, "bin {bin}: {value}");
        }
    }

    #[test]
    fn time_is_read_between_frames_and_held_at_the_ends() {
        let mut timeline = MaskTimeline::new(1);
        for value in [1.0, 2.0, 4.0] {
            timeline.push()[0] = value;
        }
        let read = |timeline: &MaskTimeline, position: f64| {
            let mut out = [0.0];
            timeline.read(position, &mut out);
            out[0]
        };
        assert_eq!(read(&timeline, -3.0), 1.0);
        assert_eq!(read(&timeline, 0.5), 1.5);
        assert_eq!(read(&timeline, 2.0), 4.0);
        assert_eq!(read(&timeline, 9.0), 4.0);
        timeline.forget_before(1);
        assert_eq!(read(&timeline, 1.5), 3.0);
        assert_eq!(timeline.end(), 3);
        timeline.forget_before(100);
        assert_eq!(read(&timeline, 0.0), 4.0, "the last frame stays");
        timeline.reset();
        assert_eq!(read(&timeline, 0.0), 0.0);
        assert_eq!(timeline.end(), 0);
    }
}
