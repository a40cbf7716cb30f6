//! The VST3 face of the plugin: nice-plug's wrapper behind a class of our own.
//!
//! nice-plug 0.4.2 stores the processing setup of a VST3 host with the process mode of the call
//! *before*, so that a host that asks for realtime, offline, realtime gets realtime, realtime,
//! offline. A plugin that waits for results when offline would then bounce wrongly and block the
//! live audio thread. It skips processing without a word when a host leaves any output bus inactive.
//! [`class::Vst3Class`] delegates every call to `Wrapper<P>` and corrects these; [`block`] gives the
//! wrapper whole blocks, `controller` adds the meters to its parameters, [`edits`] what has not reached them yet, `view` tidies up behind the
//! editor; [`factory::Factory`] and [`entry`] stand where nice-plug's export macro would stand.

mod block;
pub mod class;
mod controller;
mod delegate;
mod edits;
pub mod entry;
pub mod factory;
mod layout;
#[cfg(target_os = "linux")]
mod view;

#[cfg(test)]
mod tests;
