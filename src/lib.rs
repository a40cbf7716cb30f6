//! Soloist lifts one instrument out of a full mix.

pub mod dsp;
#[cfg(feature = "cli")]
pub mod files;
pub mod inference;
pub mod model;
pub mod render;
pub mod streaming;
pub mod units;
