//! Soloist and Soloist Multi as CLAP and VST3 effects.
//!
//! [`plugin`] only wires: parameters ([`params`]) and what the host says go to the engine
//! ([`session`]), audio goes through the library's `AudioEndpoint`, words come back through the
//! [`report`] to the [`editor`]. The latency is set at activation and nowhere else, so that no host
//! hears of a change while the plugin is deactivated or from the audio thread. [`kind`] says what
//! tells the two plugins apart. [`vst3_class`] and [`clap_class`] stand between the hosts and
//! nice-plug's wrappers, correct these, and hand every block on whole ([`host_block`]).

mod active;
mod choices;
#[cfg_attr(feature = "plain-wrapper", allow(dead_code))]
mod clap_class;
mod declick;
mod editor;
mod handoff;
#[cfg_attr(feature = "plain-wrapper", allow(dead_code))]
mod host_block;
#[cfg_attr(feature = "plain-wrapper", allow(dead_code))]
mod host_link;
mod ids;
mod kind;
#[cfg_attr(feature = "plain-wrapper", allow(dead_code))]
mod meters;
mod own_path;
mod params;
mod plugin;
#[cfg_attr(feature = "plain-wrapper", allow(dead_code))]
mod project_changes;
mod remote_controls;
mod report;
mod selection;
mod session;
mod state;
#[cfg(test)]
mod test_probe;
mod text;
#[cfg_attr(feature = "plain-wrapper", allow(dead_code))]
mod vst3_class;

#[cfg(feature = "plain-wrapper")]
use nice_plug::prelude::{nice_export_clap, nice_export_vst3};

/// One instrument, or a mix of them, on the track's own channels.
pub type Soloist = plugin::Instance<kind::Single>;

/// The same, and every stem on a bus of its own.
pub type SoloistMulti = plugin::Instance<kind::Multi>;

#[cfg(feature = "plain-wrapper")]
nice_export_clap!(Soloist, SoloistMulti);

#[cfg(feature = "plain-wrapper")]
nice_export_vst3!(Soloist, SoloistMulti);
