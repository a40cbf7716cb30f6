//! Pure signal processing: no thread, no file, no network runtime.

pub mod bands;
pub mod crossfade;
pub mod delay;
pub mod level;
pub mod mask_field;
pub mod ramp;
pub mod stft;
pub mod window;

pub use realfft::num_complex::Complex32;
