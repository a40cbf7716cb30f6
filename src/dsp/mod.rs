//! Pure signal processing: no thread, no file, no network runtime.

pub mod bands;
pub mod crossfade;
pub mod delay;
pub mod features;
pub mod focus;
pub mod griffin_lim;
pub mod level;
pub mod mask_field;
pub mod mel;
pub mod ramp;
pub mod resample;
pub mod stft;
pub mod window;

pub use realfft::num_complex::Complex32;

/// Copies `window.len()` frames of `signal` from `start` on; what lies outside is silent.
pub(crate) fn copy_padded(signal: &[f32], start: i64, window: &mut [f32]) {
    let end = start + window.len() as i64;
    let begin = start.clamp(0, signal.len() as i64);
    let stop = end.clamp(begin, signal.len() as i64);
    let (before, rest) = window.split_at_mut(((begin - start) as usize).min(window.len()));
    let (inside, after) = rest.split_at_mut((stop - begin) as usize);
    before.fill(0.0);
    inside.copy_from_slice(&signal[begin as usize..stop as usize]);
    after.fill(0.0);
}

/// Noise within -1 and 1 for unit tests, the same for the same `state`.
#[cfg(test)]
pub(crate) fn noise(len: usize, mut state: u32) -> Vec<f32> {
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}
