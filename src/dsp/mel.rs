//! Triangular mel filters, evaluated in Hz on the bins of any transform, and their inverse.

use crate::units::{hz_from_bin, hz_from_slaney_mel, slaney_mel_from_hz};

/// Overlapping triangles of height one, evenly spaced on Slaney's mel scale.
///
/// Filter `b` rises from `f[b]` to one at `f[b + 1]` and falls to `f[b + 2]`, where the `f` stand
/// evenly in mel between the lowest and the highest frequency. A bin is under two filters at most.
#[derive(Debug, Clone, PartialEq)]
pub struct MelFilterbank {
    filters: Vec<Filter>,
    centres_hz: Vec<f64>,
    num_bins: usize,
}

/// One triangle: its weights on consecutive bins.
#[derive(Debug, Clone, PartialEq)]
struct Filter {
    first_bin: usize,
    weights: Vec<f32>,
}

impl Filter {
    fn end(&self) -> usize {
        self.first_bin + self.weights.len()
    }
}

impl MelFilterbank {
    /// `num_bands` filters between `low_hz` and `high_hz` on the bins of a transform of `fft_size`
    /// frames at `sample_rate_hz`. Where that rate ends below a filter, its missing bins count as
    /// silent. Allocates.
    #[must_use]
    pub fn slaney(
        num_bands: usize,
        low_hz: f64,
        high_hz: f64,
        fft_size: usize,
        sample_rate_hz: f64,
    ) -> Self {
        let (low, high) = (slaney_mel_from_hz(low_hz), slaney_mel_from_hz(high_hz));
        let step = (high - low) / (num_bands + 1) as f64;
        let edges_hz: Vec<f64> =
            (0..num_bands + 2).map(|i| hz_from_slaney_mel(low + step * i as f64)).collect();
        let num_bins = fft_size / 2 + 1;
        let bin_hz = hz_from_bin(1, fft_size, sample_rate_hz);
        let filters = edges_hz
            .windows(3)
            .map(|edge| {
                let first_bin = ((edge[0] / bin_hz).ceil() as usize).min(num_bins);
                let end = ((edge[2] / bin_hz).floor() as usize + 1).clamp(first_bin, num_bins);
                let weight = |bin: usize| {
                    let f = hz_from_bin(bin, fft_size, sample_rate_hz);
                    let rising = (f - edge[0]) / (edge[1] - edge[0]);
                    let falling = (edge[2] - f) / (edge[2] - edge[1]);
                    rising.min(falling).max(0.0) as f32
                };
                Filter { first_bin, weights: (first_bin..end).map(weight).collect() }
            })
            .collect();
        Self { filters, centres_hz: edges_hz[1..=num_bands].to_vec(), num_bins }
    }

    /// Number of bands.
    #[must_use]
    pub fn num_bands(&self) -> usize {
        self.filters.len()
    }

    /// Frequency of each triangle's peak.
    #[must_use]
    pub fn centres_hz(&self) -> &[f64] {
        &self.centres_hz
    }

    /// `band_power[b] = sum_k W[b][k] power[k]`.
    ///
    /// # Realtime safety
    /// Does not allocate.
    pub fn weighted_power(&self, power: &[f32], band_power: &mut [f32]) {
        for (filter, out) in self.filters.iter().zip(band_power) {
            let bins = &power[filter.first_bin..filter.end()];
            *out = filter.weights.iter().zip(bins).map(|(w, p)| w * p).sum();
        }
    }

    /// `power[k] = sum_b W[b][k] band[b]`: the transpose.
    fn spread(&self, bands: &[f32], power: &mut [f32]) {
        power.fill(0.0);
        for (filter, &band) in self.filters.iter().zip(bands) {
            for (out, &weight) in
                power[filter.first_bin..filter.end()].iter_mut().zip(&filter.weights)
            {
                *out += weight * band;
            }
        }
    }
}

/// Below this share of the loudest band's power, errors of a band count less than relatively.
const SOFTEST: f32 = 1e-12;

/// Non-negative least squares from mel bands back to bins: `min ||D (W x - p)||, x >= 0`, by the
/// multiplicative updates `x <- x * (W' D^2 p) / (W' D^2 W x)` (Lee and Seung, "Algorithms for
/// non-negative matrix factorization", 2001, theorem 1, with `W` held).
///
/// `D = 1 / p`: errors count in proportion to their band, as they are heard and drawn; unweighted,
/// the loud bands silence the soft ones beside them. Bins far outnumber bands, so many spectra fit;
/// the start, each band's power spread evenly under its triangle, picks a smooth one.
pub struct MelInverse {
    filters: MelFilterbank,
    num_updates: usize,
    /// Sum of each filter's weights.
    areas: Vec<f32>,
    /// Sum of the weights on each bin.
    cover: Vec<f32>,
    /// `D^2`, up to a factor.
    weights: Vec<f32>,
    bands: Vec<f32>,
    wanted: Vec<f32>,
    found: Vec<f32>,
}

impl MelInverse {
    /// An inverse of `filters` that makes `num_updates` updates. Allocates.
    #[must_use]
    pub fn new(filters: MelFilterbank, num_updates: usize) -> Self {
        let num_bands = filters.num_bands();
        let mut cover = vec![0.0; filters.num_bins];
        filters.spread(&vec![1.0; num_bands], &mut cover);
        Self {
            areas: filters.filters.iter().map(|filter| filter.weights.iter().sum()).collect(),
            weights: vec![0.0; num_bands],
            bands: vec![0.0; num_bands],
            wanted: vec![0.0; filters.num_bins],
            found: vec![0.0; filters.num_bins],
            cover,
            num_updates,
            filters,
        }
    }

    /// Writes the power of every bin whose bands come near `band_power`. Bins under no filter are
    /// silent.
    ///
    /// # Realtime safety
    /// Does not allocate.
    pub fn invert(&mut self, band_power: &[f32], power: &mut [f32]) {
        let loudest = band_power.iter().fold(0.0_f32, |loudest, &p| loudest.max(p));
        if loudest <= 0.0 || loudest.is_nan() {
            power.fill(0.0);
            return;
        }
        self.start(band_power, power);
        // Relative to the loudest, so that no square leaves the range of floats.
        for ((weight, band), &p) in self.weights.iter_mut().zip(&mut self.bands).zip(band_power) {
            let relative = p / loudest;
            *weight = 1.0 / (relative + SOFTEST);
            *band = *weight * relative * *weight;
        }
        self.filters.spread(&self.bands, &mut self.wanted);
        for _ in 0..self.num_updates {
            self.filters.weighted_power(power, &mut self.bands);
            for (band, weight) in self.bands.iter_mut().zip(&self.weights) {
                *band = *band / loudest * weight * weight;
            }
            self.filters.spread(&self.bands, &mut self.found);
            for ((out, &wanted), &found) in power.iter_mut().zip(&self.wanted).zip(&self.found) {
                // Nothing found is nothing to scale.
                *out *= if found > f32::MIN_POSITIVE { wanted / found } else { 0.0 };
            }
        }
    }

    /// Each band's power spread evenly under its triangle; where two meet, their mean.
    fn start(&mut self, band_power: &[f32], power: &mut [f32]) {
        for ((out, &band), &area) in self.bands.iter_mut().zip(band_power).zip(&self.areas) {
            *out = if area > 0.0 { band / area } else { 0.0 };
        }
        self.filters.spread(&self.bands, power);
        for (out, &cover) in power.iter_mut().zip(&self.cover) {
            *out = if cover > 0.0 { *out / cover } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_equal_the_definition_at_any_rate() {
        for (fft_size, rate) in [(4096, 22_050.0), (8917, 48_000.0), (1486, 8_000.0)] {
            let bank = MelFilterbank::slaney(512, 0.0, 11_025.0, fft_size, rate);
            let high = 15.0 + 27.0 * 11.025_f64.ln() / 6.4_f64.ln();
            let edge = |i: usize| hz_from_slaney_mel(high * i as f64 / 513.0);
            for band in [0, 1, 150, 511] {
                let (a, b, c) = (edge(band), edge(band + 1), edge(band + 2));
                assert!((bank.centres_hz()[band] - b).abs() < 1e-9);
                let mut power = vec![0.0; fft_size / 2 + 1];
                for bin in 0..power.len() {
                    power[bin] = 1.0;
                    let mut got = vec![0.0; 512];
                    if bin % 37 == 0 || (bin as f64 * rate / fft_size as f64 - b).abs() < 100.0 {
                        bank.weighted_power(&power, &mut got);
                        let f = bin as f64 * rate / fft_size as f64;
                        let want = ((f - a) / (b - a)).min((c - f) / (c - b)).max(0.0);
                        assert!(
                            (f64::from(got[band]) - want).abs() < 1e-6,
                            "{rate}, {band}, {bin}"
                        );
                    }
                    power[bin] = 0.0;
                }
            }
        }
    }

    #[test]
    fn every_bin_between_the_first_and_the_last_centre_counts_once() {
        let bank = MelFilterbank::slaney(512, 0.0, 11_025.0, 4096, 22_050.0);
        let inverse = MelInverse::new(bank.clone(), 0);
        let centres = bank.centres_hz();
        for (bin, &cover) in inverse.cover.iter().enumerate() {
            let f = hz_from_bin(bin, 4096, 22_050.0);
            if (centres[0]..centres[511]).contains(&f) {
                assert!((cover - 1.0).abs() < 1e-5, "bin {bin}: {cover}");
            }
        }
        assert!(bank.filters.iter().all(|filter| !filter.weights.is_empty()));
    }

    #[test]
    fn the_inverse_gives_spectra_with_the_same_bands() {
        let bank = MelFilterbank::slaney(512, 0.0, 11_025.0, 4096, 22_050.0);
        // Partials of a tone over a falling floor: 90 dB between the loudest and the softest.
        let mut truth: Vec<f32> = (0..2049).map(|bin| 1e-6 / (1.0 + bin as f32)).collect();
        for partial in 1..40 {
            truth[partial * 41] = 1.0 / (partial * partial) as f32;
        }
        let mut bands = vec![0.0; 512];
        bank.weighted_power(&truth, &mut bands);
        let mut inverse = MelInverse::new(bank.clone(), 100);
        let mut power = vec![0.0; 2049];
        inverse.invert(&bands, &mut power);
        assert!(power.iter().all(|&p| p >= 0.0 && p.is_finite()));
        let mut again = vec![0.0; 512];
        bank.weighted_power(&power, &mut again);
        let squares: f64 =
            bands.iter().zip(&again).map(|(a, b)| f64::from(10.0 * (a / b).log10()).powi(2)).sum();
        let error_db = (squares / 512.0).sqrt();
        assert!(error_db < 0.5, "{error_db} dB");
        inverse.invert(&[0.0; 512], &mut power);
        assert!(power.iter().all(|&p| p == 0.0));
    }
}
