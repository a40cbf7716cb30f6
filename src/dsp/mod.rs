//! Pure signal processing: no thread, no file, no network runtime.

pub mod bands;
pub mod crossfade;
pub mod delay;
pub mod features;
pub mod griffin_lim;
pub mod level;
pub mod mask_field;
pub mod mel;
pub mod ramp;
pub mod resample;
pub mod stft;
pub mod window;

pub use realfft::num_complex::Complex32;
