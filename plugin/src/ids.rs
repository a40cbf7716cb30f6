//! Names by which hosts know the plugin in sessions: none of them may ever change.

/// CLAP identifier.
pub const CLAP_ID: &str = "audio.soloist.soloist";

/// VST3 class identifier.
pub const VST3_CLASS_ID: [u8; 16] = *b"SoloistSeparator";
