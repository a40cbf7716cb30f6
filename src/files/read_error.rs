//! Why a file cannot be read, in sentences.

use std::io;
use std::path::{Path, PathBuf};

/// Longest recording that is taken into memory as a whole: over six hours at 44.1 kHz.
pub(super) const MAX_FRAMES: usize = 1_000_000_000;
/// Highest sample rate that is believed.
pub(super) const MAX_SAMPLE_RATE_HZ: u32 = 768_000;

/// Why a file could not be read. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("cannot read {path:?}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file has no bytes.
    #[error("{path:?} is empty: expected an audio file, found 0 bytes")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// No reader takes the content.
    #[error(
        "{path:?} is not audio that can be read: expected WAV, AIFF, FLAC, MP3, Ogg Vorbis, AAC or \
         ALAC, found {found}"
    )]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// Neither mono nor stereo.
    #[error("{path:?} has {found} channels: expected 1 or 2")]
    Channels {
        /// The file.
        path: PathBuf,
        /// Channels in the file.
        found: usize,
    },
    /// A sample rate that cannot be right.
    #[error("{path:?} states a sample rate of {found} Hz: expected 1 to {MAX_SAMPLE_RATE_HZ} Hz")]
    SampleRate {
        /// The file.
        path: PathBuf,
        /// Stated rate.
        found: u32,
    },
    /// A good header with nothing behind it.
    #[error("{path:?} holds no audio: expected at least 1 frame, found 0")]
    NoAudio {
        /// The file.
        path: PathBuf,
    },
    /// The data ends before the length that the header states.
    #[error("{path:?} is cut short: expected {expected} frames, found {found}")]
    CutShort {
        /// The file.
        path: PathBuf,
        /// Frames that the header states.
        expected: u64,
        /// Frames that are there.
        found: u64,
    },
    /// A part of the data does not decode.
    #[error("{path:?} is damaged after {at_frame} frames: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Frames read before the damage.
        at_frame: u64,
        /// What the decoder found.
        reason: String,
    },
    /// More samples than can be counted, or held in memory where that is asked for.
    #[error("{path:?} is too long: expected at most {MAX_FRAMES} frames and 4 GiB of samples")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

/// Why a source stopped; the reader adds the file's name and the position.
#[derive(Debug)]
pub(super) enum SourceError {
    Io(io::Error),
    Unsupported(String),
    Damaged(String),
    TooLong,
}

impl SourceError {
    /// Adds the file and the position.
    pub(super) fn at(self, path: &Path, at_frame: u64) -> ReadError {
        let path = path.to_owned();
        match self {
            Self::Io(source) => ReadError::Io { path, source },
            Self::Unsupported(found) => ReadError::Unsupported { path, found },
            Self::Damaged(reason) => ReadError::Damaged { path, at_frame, reason },
            Self::TooLong => ReadError::TooLong { path },
        }
    }
}
