//! Names by which hosts know the plugins in sessions: none of them may ever change.

/// CLAP identifier of Soloist.
pub const CLAP_ID: &str = "audio.soloist.soloist";

/// VST3 class identifier of Soloist.
pub const VST3_CLASS_ID: [u8; 16] = *b"SoloistSeparator";

/// CLAP identifier of Soloist Multi.
pub const MULTI_CLAP_ID: &str = "audio.soloist.soloist-multi";

/// VST3 class identifier of Soloist Multi.
pub const MULTI_VST3_CLASS_ID: [u8; 16] = *b"SoloistMultiStem";
