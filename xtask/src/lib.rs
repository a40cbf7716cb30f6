//! Set-up, bundling, headless rendering, demo and tests of Soloist.
//!
//! `cargo xtask` is the only command that a fresh clone needs. It is a library as well, so that
//! the integration tests in `xtask/tests/` load the bundled plugin through the same hosts as
//! `cargo xtask render`.
//!
//! | module | what |
//! |---|---|
//! | [`paths`] | where resources, bundles and results lie |
//! | [`setup`] | fetches onnxruntime, copies the models |
//! | [`bundle`] | builds the plugin and puts its resources into the bundles |
//! | [`host`] | a CLAP host and a VST3 host behind one trait |
//! | `editor` | the plugin's window on a virtual display (Linux) |
//! | [`bounce`] | drives a host over a whole recording |
//! | [`lag`] | measures a delay |
//! | [`render`], [`demo`], [`shots`], [`bench`], [`soak`], [`checks`] | the commands on top |

pub mod bench;
pub mod bounce;
pub mod bundle;
pub mod checks;
pub mod demo;
#[cfg(target_os = "linux")]
pub mod editor;
pub mod host;
pub mod lag;
pub mod paths;
pub mod process;
pub mod python;
pub mod render;
pub mod resample;
pub mod setup;
pub mod shots;
pub mod soak;
