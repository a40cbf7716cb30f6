//! The band scale: integer ranges of DFT bins, about evenly spaced in mel, none empty.

use crate::units::{hz_from_mel, mel_from_hz};

/// A partition of the bins `0..num_bins` of one transform into bands of at least one bin each.
///
/// Band `b` holds the bins `edges[b]..edges[b + 1]`. The edges follow the mel scale wherever its
/// bands are wider than a bin and step by one bin below, so the lowest bands are single bins.
#[derive(Debug, Clone, PartialEq)]
pub struct BandScale {
    edges: Vec<usize>,
    centres_hz: Vec<f64>,
}

/// Why a band scale cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{num_bands} bands do not fit {num_bins} bins: expected 1 to {num_bins}")]
pub struct BandScaleError {
    num_bands: usize,
    num_bins: usize,
}

impl BandScale {
    /// Mel-spaced bands (HTK mel) over the bins of a transform of `fft_size` frames at
    /// `sample_rate_hz`: edge `i` is `max(edge[i-1] + 1, round(hz(i / B * mel(nyquist)) * N / rate))`.
    ///
    /// # Errors
    /// When there are no bands or more bands than bins.
    pub fn mel_htk(
        num_bands: usize,
        fft_size: usize,
        sample_rate_hz: f64,
    ) -> Result<Self, BandScaleError> {
        let num_bins = fft_size / 2 + 1;
        if num_bands == 0 || num_bands > num_bins {
            return Err(BandScaleError { num_bands, num_bins });
        }
        let top_mel = mel_from_hz(sample_rate_hz / 2.0);
        let mut edges = vec![0_usize; num_bands + 1];
        for i in 1..num_bands {
            let edge_hz = hz_from_mel(top_mel * i as f64 / num_bands as f64);
            let ideal = (edge_hz * fft_size as f64 / sample_rate_hz).round() as usize;
            // Leave one bin for each band above, so that the last edge can be the number of bins.
            edges[i] = ideal.max(edges[i - 1] + 1).min(num_bins - (num_bands - i));
        }
        edges[num_bands] = num_bins;
        let bin_hz = sample_rate_hz / fft_size as f64;
        let centres_hz =
            edges.windows(2).map(|edge| (edge[0] + edge[1] - 1) as f64 / 2.0 * bin_hz).collect();
        Ok(Self { edges, centres_hz })
    }

    /// Number of bands.
    #[must_use]
    pub fn num_bands(&self) -> usize {
        self.centres_hz.len()
    }

    /// First bin of each band, then the number of bins.
    #[must_use]
    pub fn edges(&self) -> &[usize] {
        &self.edges
    }

    /// Mean frequency of each band's bins.
    #[must_use]
    pub fn centres_hz(&self) -> &[f64] {
        &self.centres_hz
    }

    /// Mean of `power` over each band's bins. Bins beyond the end of `power` count as silent, so a
    /// spectrum from a lower sample rate may be shorter than the scale.
    ///
    /// # Realtime safety
    /// Does not allocate.
    pub fn mean_power(&self, power: &[f32], band_power: &mut [f32]) {
        for (edge, out) in self.edges.windows(2).zip(band_power) {
            let (low, high) = (edge[0].min(power.len()), edge[1].min(power.len()));
            let sum: f32 = power[low..high].iter().sum();
            *out = sum / (edge[1] - edge[0]) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn studio_scale_covers_every_bin_once_with_no_empty_band() {
        let scale = BandScale::mel_htk(512, 4096, 44_100.0).unwrap();
        assert_eq!(scale.num_bands(), 512);
        assert_eq!(scale.edges()[0], 0);
        assert_eq!(scale.edges()[512], 2049);
        assert!(scale.edges().windows(2).all(|edge| edge[1] > edge[0]));
        // Single bins at the bottom, wide bands at the top.
        assert_eq!(scale.edges()[100], 100);
        assert!(scale.edges()[512] - scale.edges()[511] > 8);
    }

    #[test]
    fn mean_power_equals_the_definition() {
        let scale = BandScale::mel_htk(16, 64, 8_000.0).unwrap();
        let power: Vec<f32> = (0..33).map(|bin| (bin * bin) as f32).collect();
        let mut got = vec![0.0; 16];
        scale.mean_power(&power, &mut got);
        for (band, value) in got.iter().enumerate() {
            let (low, high) = (scale.edges()[band], scale.edges()[band + 1]);
            let mut sum = 0.0_f64;
            for &bin_power in &power[low..high] {
                sum += f64::from(bin_power);
            }
            assert!((f64::from(*value) - sum / (high - low) as f64).abs() < 1e-3);
        }
    }

    #[test]
    fn more_bands_than_bins_are_refused_in_words() {
        let error = BandScale::mel_htk(100, 64, 44_100.0).unwrap_err();
        assert_eq!(error.to_string(), "100 bands do not fit 33 bins: expected 1 to 33");
        assert!(BandScale::mel_htk(0, 64, 44_100.0).is_err());
        // One band a bin is the tightest that fits.
        let tight = BandScale::mel_htk(33, 64, 44_100.0).unwrap();
        assert_eq!(tight.edges(), (0..=33).collect::<Vec<_>>());
    }
}
