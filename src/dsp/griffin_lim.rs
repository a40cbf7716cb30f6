//! From magnitudes alone to a waveform: Griffin and Lim's iteration, accelerated.

use super::stft::{Istft, Stft};
use super::{Complex32, copy_padded};

/// Extrapolation of the accelerated iteration; the best of those that its authors tried.
const MOMENTUM: f32 = 0.99;

/// Below this share of the full overlap the ends of a signal are not scaled up.
const MIN_OVERLAP: f64 = 0.1;

/// The fast Griffin-Lim algorithm (Perraudin, Balazs and Sondergaard, "A fast Griffin-Lim
/// algorithm", WASPAA 2013, algorithm 2; Griffin and Lim, 1984, for the projections).
///
/// Phases start at random from a fixed seed: equal magnitudes give equal waveforms.
pub struct GriffinLim {
    stft: Stft,
    istft: Istft,
    hop: usize,
    num_iterations: usize,
    seed: u32,
}

impl GriffinLim {
    /// An iteration for transforms of `fft_size` frames (a multiple of 4) with a hop that divides a
    /// quarter of it. Allocates.
    ///
    /// # Panics
    /// When a size does not fit.
    #[must_use]
    pub fn new(fft_size: usize, hop: usize, num_iterations: usize, seed: u32) -> Self {
        let (stft, istft) = (Stft::new(fft_size), Istft::with_hop(fft_size, hop));
        Self { stft, istft, hop, num_iterations, seed }
    }

    /// The waveform of `magnitudes` (hop frame x bin, bins fastest, in the scale of [`Stft`]):
    /// `hop` frames for each hop frame but the last, from the first one's centre to the last one's.
    /// Outside of that the signal counts as silent.
    ///
    /// # Panics
    /// When `magnitudes` are not whole hop frames.
    #[must_use]
    pub fn reconstruct(&mut self, magnitudes: &[f32]) -> Vec<f32> {
        let num_bins = self.stft.num_bins();
        assert!(magnitudes.len().is_multiple_of(num_bins), "{} magnitudes", magnitudes.len());
        let num_hops = magnitudes.len() / num_bins;
        let num_frames = num_hops.saturating_sub(1) * self.hop;
        let gains = self.edge_gains(num_hops, num_frames);
        let mut signal = vec![0.0; num_frames];
        // c and the last t of the paper; s are the magnitudes.
        let mut current: Vec<Complex32> =
            magnitudes.iter().zip(Phases(self.seed)).map(|(&s, unit)| unit * s).collect();
        let mut last = vec![Complex32::default(); current.len()];
        for iteration in 0..self.num_iterations {
            self.inverse(&current, &gains, &mut signal);
            // The momentum has nothing to go on in the first step.
            let momentum = if iteration == 0 { 0.0 } else { MOMENTUM };
            self.step(&signal, magnitudes, momentum, &mut current, &mut last);
        }
        self.inverse(&current, &gains, &mut signal);
        signal
    }

    /// Projects on the consistent spectra, extrapolates, and puts the magnitudes back.
    fn step(
        &mut self,
        signal: &[f32],
        magnitudes: &[f32],
        momentum: f32,
        current: &mut [Complex32],
        last: &mut [Complex32],
    ) {
        let (fft_size, num_bins) = (self.stft.fft_size(), self.stft.num_bins());
        let mut window = vec![0.0; fft_size];
        let mut spectrum = vec![Complex32::default(); num_bins];
        let rows = current.chunks_exact_mut(num_bins).zip(last.chunks_exact_mut(num_bins));
        for (index, ((current, last), wanted)) in
            rows.zip(magnitudes.chunks_exact(num_bins)).enumerate()
        {
            copy_padded(signal, (index * self.hop) as i64 - (fft_size / 2) as i64, &mut window);
            self.stft.analyse(&window, &mut spectrum);
            for (((out, last), &consistent), &s) in
                current.iter_mut().zip(last).zip(&spectrum).zip(wanted)
            {
                let ahead = consistent + (consistent - *last) * momentum;
                *last = consistent;
                let norm = ahead.norm();
                *out = if norm > f32::MIN_POSITIVE {
                    ahead * (s / norm)
                } else {
                    Complex32::new(s, 0.0)
                };
            }
        }
    }

    /// Least-squares inverse of spectra: `signal` from the first hop frame's centre on.
    fn inverse(&mut self, spectra: &[Complex32], gains: &[f32], signal: &mut [f32]) {
        self.istft.reset();
        let num_bins = self.stft.num_bins();
        let silence = vec![Complex32::default(); num_bins];
        let mut block = vec![0.0; self.hop];
        // Completed blocks begin half a transform before the first centre.
        let lead_in = self.stft.fft_size() / 2 / self.hop;
        let num_blocks = signal.len() / self.hop;
        let rows = spectra.chunks_exact(num_bins).chain(std::iter::repeat(&silence[..]));
        for (index, row) in rows.take(lead_in + num_blocks).enumerate() {
            self.istft.synthesise(row, &mut block);
            if let Some(index) = index.checked_sub(lead_in) {
                signal[index * self.hop..][..self.hop].copy_from_slice(&block);
            }
        }
        for (sample, gain) in signal.iter_mut().zip(gains) {
            *sample *= gain;
        }
    }

    /// What makes up for the hop frames that are missing before the first and after the last.
    fn edge_gains(&self, num_hops: usize, num_frames: usize) -> Vec<f32> {
        let fft_size = self.stft.fft_size();
        let squares: Vec<f64> =
            super::window::hann_periodic_f64(fft_size).iter().map(|w| w * w).collect();
        let full = 0.375 * (fft_size / self.hop) as f64;
        let mut overlap = vec![0.0; num_frames];
        for hop in 0..num_hops {
            let start = (hop * self.hop) as i64 - (fft_size / 2) as i64;
            for (n, square) in (start..).zip(&squares) {
                if let Some(sum) = usize::try_from(n).ok().and_then(|n| overlap.get_mut(n)) {
                    *sum += square;
                }
            }
        }
        overlap.iter().map(|&sum| (full / sum.max(MIN_OVERLAP * full)) as f32).collect()
    }
}

/// Points on the unit circle from a linear congruential generator.
struct Phases(u32);

impl Iterator for Phases {
    type Item = Complex32;

    fn next(&mut self) -> Option<Complex32> {
        // Constants of Press et al., "Numerical Recipes", section 7.1.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let turn = f64::from(self.0 >> 8) / f64::from(1 << 24);
        let (sin, cos) = (std::f64::consts::TAU * turn).sin_cos();
        Some(Complex32::new(cos as f32, sin as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FFT_SIZE: usize = 512;
    const HOP: usize = 64;

    /// A gliding tone with a swell.
    fn tone(num_frames: usize) -> Vec<f32> {
        let mut phase = 0.0_f64;
        (0..num_frames)
            .map(|n| {
                let t = n as f64 / num_frames as f64;
                phase += 0.05 + 0.15 * t;
                (0.5 * (std::f64::consts::PI * t).sin() * phase.sin()) as f32
            })
            .collect()
    }

    fn magnitudes(signal: &[f32]) -> Vec<f32> {
        let mut stft = Stft::new(FFT_SIZE);
        let mut window = vec![0.0; FFT_SIZE];
        let mut spectrum = vec![Complex32::default(); stft.num_bins()];
        let mut all = Vec::new();
        for hop in 0..=signal.len() / HOP {
            copy_padded(signal, (hop * HOP) as i64 - (FFT_SIZE / 2) as i64, &mut window);
            stft.analyse(&window, &mut spectrum);
            all.extend(spectrum.iter().map(|bin| bin.norm()));
        }
        all
    }

    /// Distance of the magnitudes of `signal` from the wanted ones, in dB below these.
    fn convergence_db(signal: &[f32], wanted: &[f32]) -> f64 {
        let found = magnitudes(signal);
        assert_eq!(found.len(), wanted.len());
        let energy: f64 = wanted.iter().map(|&w| f64::from(w).powi(2)).sum();
        let error: f64 = wanted.iter().zip(&found).map(|(&w, &f)| f64::from(w - f).powi(2)).sum();
        10.0 * (energy / error).log10()
    }

    #[test]
    fn the_waveforms_magnitudes_approach_the_wanted_ones() {
        let wanted = magnitudes(&tone(64 * HOP));
        let after = |num_iterations| {
            let mut griffin_lim = GriffinLim::new(FFT_SIZE, HOP, num_iterations, 1);
            let signal = griffin_lim.reconstruct(&wanted);
            assert_eq!(signal.len(), 64 * HOP);
            convergence_db(&signal, &wanted)
        };
        let (none, some, many) = (after(0), after(10), after(100));
        assert!(none < 5.0 && some > none + 5.0 && many > some + 3.0, "{none} {some} {many} dB");
        assert!(many > 20.0, "{many} dB");
    }

    #[test]
    fn equal_magnitudes_give_equal_waveforms_and_silence_stays_silent() {
        let wanted = magnitudes(&tone(16 * HOP));
        let mut griffin_lim = GriffinLim::new(FFT_SIZE, HOP, 5, 1);
        let first = griffin_lim.reconstruct(&wanted);
        assert_eq!(first, griffin_lim.reconstruct(&wanted));
        assert_ne!(first, GriffinLim::new(FFT_SIZE, HOP, 5, 2).reconstruct(&wanted));
        let silence = vec![0.0; wanted.len()];
        assert!(griffin_lim.reconstruct(&silence).iter().all(|&sample| sample == 0.0));
        assert_eq!(griffin_lim.reconstruct(&[]), [0.0; 0]);
    }

    #[test]
    fn the_inverse_of_consistent_spectra_is_exact_to_the_very_ends() {
        let signal = tone(20 * HOP).iter().map(|s| s + 0.25).collect::<Vec<_>>();
        let mut griffin_lim = GriffinLim::new(FFT_SIZE, HOP, 0, 1);
        let mut spectra = Vec::new();
        let mut window = vec![0.0; FFT_SIZE];
        let mut spectrum = vec![Complex32::default(); FFT_SIZE / 2 + 1];
        for hop in 0..=20 {
            copy_padded(&signal, (hop * HOP) as i64 - (FFT_SIZE / 2) as i64, &mut window);
            griffin_lim.stft.analyse(&window, &mut spectrum);
            spectra.extend_from_slice(&spectrum);
        }
        let gains = griffin_lim.edge_gains(21, signal.len());
        let mut again = vec![0.0; signal.len()];
        griffin_lim.inverse(&spectra, &gains, &mut again);
        for (got, want) in again.iter().zip(&signal) {
            assert!((got - want).abs() < 1e-5, "{got} for {want}");
        }
    }
}
