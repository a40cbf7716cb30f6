//! Forward and inverse short-time Fourier transform, one channel, hop by hop.
//!
//! Hop frame `t` is centred at input frame `t * hop`. Both directions use a periodic Hann window
//! with a hop of a quarter of the transform (or a whole fraction of that), so that analysis followed
//! by synthesis returns the input up to rounding, at any sample rate.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::window::hann_periodic;

/// Forward transform of one windowed frame: `X[k] = sum_n w[n] x[n] e^(-2 pi i k n / N)`, not
/// normalised, `N / 2 + 1` bins.
pub struct Stft {
    window: Vec<f32>,
    plan: Arc<dyn RealToComplex<f32>>,
    windowed: Vec<f32>,
    scratch: Vec<Complex32>,
}

impl Stft {
    /// Plans a transform of `fft_size` frames (even or odd, at least 2). Allocates.
    #[must_use]
    pub fn new(fft_size: usize) -> Self {
        let plan = RealFftPlanner::new().plan_fft_forward(fft_size);
        Self {
            window: hann_periodic(fft_size),
            windowed: plan.make_input_vec(),
            scratch: plan.make_scratch_vec(),
            plan,
        }
    }

    /// Transform length in frames.
    #[must_use]
    pub fn fft_size(&self) -> usize {
        self.window.len()
    }

    /// Bins of a spectrum: `fft_size / 2 + 1`.
    #[must_use]
    pub fn num_bins(&self) -> usize {
        self.window.len() / 2 + 1
    }

    /// Sum of the window: the spectrum's magnitude of a full-scale constant.
    #[must_use]
    pub fn window_sum(&self) -> f64 {
        self.window.len() as f64 / 2.0
    }

    /// Windows `input` (`fft_size` frames) and writes its spectrum (`num_bins` bins).
    ///
    /// # Realtime safety
    /// Does not allocate.
    ///
    /// # Panics
    /// When a length does not fit; callers size their buffers from this object.
    pub fn analyse(&mut self, input: &[f32], spectrum: &mut [Complex32]) {
        for ((out, &sample), &weight) in self.windowed.iter_mut().zip(input).zip(&self.window) {
            *out = sample * weight;
        }
        self.plan
            .process_with_scratch(&mut self.windowed, spectrum, &mut self.scratch)
            .expect("buffers have the plan's lengths");
    }
}

/// Inverse transform with weighted overlap-add.
///
/// Each [`Istft::synthesise`] adds one frame and completes `hop` output frames: those that no
/// later frame reaches.
pub struct Istft {
    window: Vec<f32>,
    plan: Arc<dyn ComplexToReal<f32>>,
    frame: Vec<f32>,
    bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
    accumulator: Vec<f32>,
    hop: usize,
}

impl Istft {
    /// Plans an inverse of `fft_size` frames, a multiple of 4, with a hop of a quarter. Allocates.
    ///
    /// # Panics
    /// When `fft_size` is not a positive multiple of 4.
    #[must_use]
    pub fn new(fft_size: usize) -> Self {
        Self::with_hop(fft_size, fft_size / 4)
    }

    /// Plans an inverse of `fft_size` frames with a hop that divides a quarter of it. Allocates.
    ///
    /// # Panics
    /// When `fft_size` is not a positive multiple of 4 or `hop` does not divide its quarter.
    #[must_use]
    pub fn with_hop(fft_size: usize, hop: usize) -> Self {
        assert!(fft_size > 0 && fft_size.is_multiple_of(4), "transform length {fft_size}");
        assert!(hop > 0 && (fft_size / 4).is_multiple_of(hop), "hop {hop} of {fft_size}");
        let plan = RealFftPlanner::new().plan_fft_inverse(fft_size);
        // The squares of the window, 3/8 in the mean, add up to a constant at this hop (1.5 at a
        // quarter); realfft's inverse is scaled by N.
        let overlap = 0.375 * (fft_size / hop) as f64;
        let scale = 1.0 / (overlap * fft_size as f64);
        let window = super::window::hann_periodic_f64(fft_size)
            .into_iter()
            .map(|weight| (weight * scale) as f32)
            .collect();
        Self {
            window,
            frame: plan.make_output_vec(),
            bins: plan.make_input_vec(),
            scratch: plan.make_scratch_vec(),
            accumulator: vec![0.0; fft_size],
            hop,
            plan,
        }
    }

    /// Output frames that each call completes.
    #[must_use]
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// Adds one spectrum (`fft_size / 2 + 1` bins) and writes the `hop` frames that it completes.
    ///
    /// The first output frame of hop frame `t` stands at `t * hop - fft_size / 2`.
    ///
    /// # Realtime safety
    /// Does not allocate.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn synthesise(&mut self, spectrum: &[Complex32], output: &mut [f32]) {
        let hop = self.hop();
        self.bins.copy_from_slice(spectrum);
        // A real signal has no imaginary part there; masks cannot create one, rounding can.
        self.bins[0].im = 0.0;
        if let Some(nyquist) = self.bins.last_mut() {
            nyquist.im = 0.0;
        }
        self.plan
            .process_with_scratch(&mut self.bins, &mut self.frame, &mut self.scratch)
            .expect("buffers have the plan's lengths");
        for ((sum, &sample), &weight) in
            self.accumulator.iter_mut().zip(&self.frame).zip(&self.window)
        {
            *sum += sample * weight;
        }
        output.copy_from_slice(&self.accumulator[..hop]);
        self.accumulator.copy_within(hop.., 0);
        let kept = self.accumulator.len() - hop;
        self.accumulator[kept..].fill(0.0);
    }

    /// Forgets the frames that are not complete.
    pub fn reset(&mut self) {
        self.accumulator.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::noise;

    #[test]
    fn analysis_equals_the_definition_in_double_precision() {
        for size in [64, 90, 743] {
            let input = noise(size, 1);
            let mut stft = Stft::new(size);
            let mut spectrum = vec![Complex32::default(); stft.num_bins()];
            stft.analyse(&input, &mut spectrum);
            for (k, bin) in spectrum.iter().enumerate() {
                let (mut re, mut im) = (0.0, 0.0);
                for (n, &sample) in input.iter().enumerate() {
                    let turn = std::f64::consts::TAU * n as f64 / size as f64;
                    let value = f64::from(sample) * (0.5 - 0.5 * turn.cos());
                    re += value * (turn * k as f64).cos();
                    im -= value * (turn * k as f64).sin();
                }
                assert!((f64::from(bin.re) - re).abs() < 1e-4, "size {size}, bin {k}");
                assert!((f64::from(bin.im) - im).abs() < 1e-4, "size {size}, bin {k}");
            }
        }
    }

    #[test]
    fn synthesis_of_analysis_returns_the_input_below_minus_120_dbfs() {
        for (size, overlap) in [(256, 4), (4096, 4), (16384, 4), (4096, 8), (96, 12)] {
            let hop = size / overlap;
            let num_hops = 3 * overlap;
            let input = noise(num_hops * hop + size, 7);
            let (mut stft, mut istft) = (Stft::new(size), Istft::with_hop(size, hop));
            let mut spectrum = vec![Complex32::default(); stft.num_bins()];
            let mut output = vec![0.0; hop];
            let mut worst = 0.0_f32;
            for t in 0..num_hops {
                stft.analyse(&input[t * hop..t * hop + size], &mut spectrum);
                istft.synthesise(&spectrum, &mut output);
                if t >= overlap - 1 {
                    for (got, want) in output.iter().zip(&input[t * hop..]) {
                        worst = worst.max((got - want).abs());
                    }
                }
            }
            assert!(worst < 1e-6, "size {size}: residual {worst}");
        }
    }
}
