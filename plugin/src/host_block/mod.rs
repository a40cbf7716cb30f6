//! A host's block made whole before nice-plug sees it, the same in CLAP and VST3.
//!
//! nice-plug 0.4.2 skips processing without a word when any output bus is missing, reads past the
//! host's list of buses when it is short, and fails on a bus with too many channels. Hosts leave
//! auxiliary buses inactive as a matter of course. [`buses`] gives nice-plug every channel of every
//! bus, [`transport`] watches the timeline for jumps, [`try_cell`] holds what a block needs.

pub mod buses;
pub mod transport;
pub mod try_cell;
