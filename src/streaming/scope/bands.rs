//! From the bins of a spectrum to the bands of a column.

use super::{SCOPE_BANDS, SCOPE_FLOOR_DB, SCOPE_HIGH_HZ, SCOPE_LOW_HZ};
use crate::units::hz_from_bin;

/// Bins that the energy of a sine spreads over under a periodic Hann window: narrower bands are read
/// as wide as that.
const LEAST_BINS: f64 = 3.0;

/// Power in all bins together of a sine whose peak bin has 1, under a periodic Hann window: its
/// equivalent noise bandwidth in bins (Harris, "On the use of windows", 1978, table 1).
const HANN_NOISE_BINS: f64 = 1.5;

/// Edges of a band in Hz. `band` counts from 0, the lowest; beyond the last they go on.
#[must_use]
pub fn scope_band_hz(band: usize) -> (f64, f64) {
    let ratio = SCOPE_HIGH_HZ / SCOPE_LOW_HZ;
    let edge = |band: usize| SCOPE_LOW_HZ * ratio.powf(band as f64 / SCOPE_BANDS as f64);
    (edge(band), edge(band + 1))
}

/// Weighted sums of bins, one a band.
pub(super) struct BandSums {
    bands: Vec<Band>,
}

/// A run of bins of which all but the outermost count in full.
struct Band {
    begin: usize,
    end: usize,
    first_weight: f32,
    last_weight: f32,
}

impl BandSums {
    /// For the spectra of a transform of `fft_size` frames at `sample_rate_hz`.
    pub fn new(fft_size: usize, sample_rate_hz: f64) -> Self {
        let num_bins = fft_size / 2 + 1;
        let bin_hz = hz_from_bin(1, fft_size, sample_rate_hz);
        let bands = (0..SCOPE_BANDS).map(|band| {
            let (low_hz, high_hz) = scope_band_hz(band);
            if low_hz >= 0.5 * sample_rate_hz {
                return Band::EMPTY;
            }
            let centre = 0.5 * (low_hz + high_hz) / bin_hz;
            let reach = (0.5 * (high_hz - low_hz) / bin_hz).max(0.5 * LEAST_BINS);
            Band::between(centre - reach, centre + reach, num_bins)
        });
        Self { bands: bands.collect() }
    }

    /// Adds to each band of `sums` what `bins` hold.
    pub fn add(&self, bins: &[f32], sums: &mut [f32; SCOPE_BANDS]) {
        for (sum, band) in sums.iter_mut().zip(&self.bands) {
            let Some((first, rest)) = bins[band.begin..band.end].split_first() else { continue };
            *sum += band.first_weight * first;
            if let Some((last, inner)) = rest.split_last() {
                *sum += inner.iter().sum::<f32>() + band.last_weight * last;
            }
        }
    }
}

impl Band {
    const EMPTY: Self = Self { begin: 0, end: 0, first_weight: 0.0, last_weight: 0.0 };

    /// From place `low` to place `high`, in bins; bin `n` reaches from `n - 0.5` to `n + 0.5`.
    fn between(low: f64, high: f64, num_bins: usize) -> Self {
        let low = low.max(-0.5);
        let high = high.min(num_bins as f64 - 0.5);
        let begin = (low + 0.5).floor() as usize;
        let end = (high + 0.5).ceil() as usize;
        let first_weight = (begin as f64 + 0.5).min(high) - low;
        let last_weight = high - (end as f64 - 1.5).max(low);
        Self { begin, end, first_weight: first_weight as f32, last_weight: last_weight as f32 }
    }
}

/// The byte for a band that holds `power`, where the peak bin of a sine at full scale has 1.
pub(super) fn level_byte(power: f32) -> u8 {
    let level_db = crate::units::db_from_power(f64::from(power) / HANN_NOISE_BINS);
    // A conversion to an integer stops at its ends.
    (255.0 * (1.0 - level_db / SCOPE_FLOOR_DB)).round() as u8
}

/// The byte for a share of 0 to 1.
pub(super) fn share_byte(share: f32) -> u8 {
    (255.0 * share).round() as u8
}
