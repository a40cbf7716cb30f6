//! Soloist.
