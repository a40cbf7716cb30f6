//! Soloist as a CLAP and VST3 effect.
