//! The picture of the sound: columns as they come, in a texture that is a ring.

mod draw;
mod look;
mod ring;
mod time;

pub(crate) use draw::show;
pub use ring::Spectrogram;
pub(crate) use time::Walk;

/// What the picture shows, in seconds.
pub(crate) const WIDTH_S: f64 = 15.0;
