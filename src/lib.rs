//! Soloist lifts one instrument out of a full mix: a streaming source separation engine.
//!
//! # Signal flow
//!
//! ```text
//! host block ─▶ AudioEndpoint ──ring──▶ WorkerEndpoint ─▶ Separator
//!                                          ├─ window of the network's duration ─▶ features or samples
//!                                          │     ─▶ last 3-15 s ─▶ Estimator ─▶ mask timeline ─┐
//!                                          └─ host-rate STFT of the untouched mix ────────────×
//!               ◀─ gains, dry/wet ◀─ring── all stems ◀─ inverse STFT, overlap-add ◀────────────┘
//! ```
//!
//! The audio that is heard is never resampled: masks are fields over seconds and Hz, read on the
//! host's own time-frequency grid. Masks sum to one, so all stems sum to the delayed mix.
//!
//! # Threads
//!
//! Streams are tasks of a process-wide pool, served in order of deadline; audio threads wake it
//! without a lock.
//!
//! | thread | owns | may |
//! |---|---|---|
//! | host audio | [`streaming::AudioEndpoint`] | copy to and from rings, mix; never allocate, lock or wait |
//! | workers, few a process | for a turn, a [`streaming::WorkerEndpoint`] and its [`inference::Estimator`] | allocate, run networks |
//! | loader, while a model is opened | what it opens | read files |
//! | host main, editor | [`streaming::StreamStatus`] by reference | read counters and words |
//!
//! # Glossary
//!
//! - **frame**: one sample instant over all channels. **Hop frame**: one column of a short-time
//!   spectrum; **hop**: the frames between two of them.
//! - **bin**: one frequency of a discrete Fourier transform. **Band**: a range of bins.
//! - **mask**: the share of the mix, 0 to 1, that belongs to one source at a time and frequency.
//! - **stem**: the sound of one source. **Mix**: all of them, as received.
//! - **window**: the stretch of hop frames that the network sees at once. **Context**: those at its
//!   beginning whose masks lack a past.
//! - **emission**: the hop frames that one run adds. **Lookahead**: those that it sees after them.
//! - **epoch**: a stretch of input without a break; resets and jumps begin a new one.
//! - **latency**: the frames by which the output lags the input; constant for a stream.

pub mod dsp;
#[cfg(feature = "cli")]
pub mod files;
pub mod inference;
pub mod model;
pub mod render;
pub mod streaming;
pub mod units;
