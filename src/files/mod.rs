//! Audio files, pictures and scores, for the command-line tool and the tests.
//!
//! Reading is a stream of blocks ([`AudioReader`]) or one call ([`read_audio`]); writing goes to a
//! temporary file that takes its name only when it is whole ([`WavWriter`], [`write_wav`]).

pub mod audio;
mod codecs;
mod colour;
mod dither;
mod levels;
mod mp4_edit;
mod output;
mod picture;
pub mod read;
mod read_error;
pub mod score;
pub mod spectrogram;
mod wav;
mod wav_header;
pub mod write;

pub use audio::Audio;
pub use read::{AudioReader, ReadError, read_audio};
pub use score::{ScoreError, residual_dbfs, sdr_db};
pub use spectrogram::{Panel, SpectrogramError, SpectrogramOptions, write_spectrogram};
pub use write::{SampleFormat, WavOptions, WavWriter, WriteError, WriteReport, write_wav};
