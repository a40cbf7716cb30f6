//! The CLAP face of the plugin: nice-plug's wrapper with some of its calls corrected.
//!
//! nice-plug 0.4.2 takes a host's wish for offline or realtime rendering, says that it is granted,
//! and tells the plugin at the next activation only. A host that changes the mode of an active
//! plugin and goes on processing, as CLAP allows, would bounce without waiting for results, or worse,
//! wait for results on the live audio thread. It asks for a needless restart after each activation
//! that changes the latency, the first above all, and panics on events that lie outside the block or
//! are not sorted. [`class`] hands the wish on at once and tells the latency where CLAP wants it told;
//! [`block`] gives the wrapper whole blocks and [`events`] in order; [`params`] corrects its
//! answers about parameters and adds the meters.

mod block;
pub mod class;
pub mod entry;
mod events;
mod params;

// Two attributes each: clippy's leave for tests looks for `cfg(test)` by itself.
#[cfg(test)]
#[cfg(not(feature = "plain-wrapper"))]
mod block_tests;
#[cfg(test)]
#[cfg(not(feature = "plain-wrapper"))]
mod test_host;
#[cfg(test)]
#[cfg(not(feature = "plain-wrapper"))]
mod test_streams;
#[cfg(test)]
#[cfg(not(feature = "plain-wrapper"))]
mod tests;
