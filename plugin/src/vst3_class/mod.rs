//! The VST3 face of the plugin: nice-plug's wrapper behind a class of our own.
//!
//! nice-plug 0.4.2 stores the processing setup of a VST3 host with the process mode of the call
//! *before*, so that a host that asks for realtime, offline, realtime gets realtime, realtime,
//! offline. A plugin that waits for results when offline would then bounce wrongly and block the
//! live audio thread. [`class::Vst3Class`] delegates every call to `Wrapper<P>` and corrects this one;
//! [`factory::Factory`] and [`entry`] stand where nice-plug's export macro would stand.

pub mod class;
pub mod entry;
pub mod factory;

#[cfg(test)]
mod tests;
