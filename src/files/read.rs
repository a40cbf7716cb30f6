//! Reading audio files of every supported kind as planar `f32` blocks.
//!
//! Plain WAV goes through hound; everything else (MP3, FLAC, Ogg Vorbis, AAC in MP4 or ADTS, ALAC,
//! AIFF, unusual WAV) through symphonia. The kind is found from the content, not from the name.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::Audio;
use super::codecs::CodecSource;
pub use super::read_error::ReadError;
use super::read_error::{MAX_FRAMES, MAX_SAMPLE_RATE_HZ, SourceError};
use super::wav::WavSource;

/// Frames that one step of [`read_audio`] takes.
const BLOCK_FRAMES: usize = 1 << 16;
/// Space set aside ahead of decoding, whatever a header promises.
const MAX_RESERVED_FRAMES: u64 = 1 << 24;

/// What a source knows before it decodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamInfo {
    pub sample_rate_hz: u32,
    pub num_channels: usize,
    /// Length by the header, which may be wrong.
    pub stated_frames: Option<u64>,
    /// Whether fewer frames than stated mean a file cut short.
    pub length_is_exact: bool,
}

/// One kind of audio file, open.
pub(super) trait AudioSource: Send {
    fn info(&self) -> StreamInfo;
    /// Appends the next frames to `channels` (one vector a channel). Returns false at the end.
    fn append(&mut self, channels: &mut [Vec<f32>]) -> Result<bool, SourceError>;
}

/// An open audio file, read block by block: memory stays bounded for a file of any length.
pub struct AudioReader {
    path: PathBuf,
    source: Box<dyn AudioSource>,
    info: StreamInfo,
    /// Decoded frames that nobody has taken yet.
    pending: Vec<Vec<f32>>,
    source_ended: bool,
    frames_read: u64,
    non_finite_samples: u64,
}

impl AudioReader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be opened, is empty, is of no supported kind, or is
    /// neither mono nor stereo.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let io_error = |source| ReadError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io_error)?;
        if file.metadata().map_err(io_error)?.is_dir() {
            return Err(io_error(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let mut magic = Vec::with_capacity(12);
        file.by_ref().take(12).read_to_end(&mut magic).map_err(io_error)?;
        file.seek(SeekFrom::Start(0)).map_err(io_error)?;
        if magic.is_empty() {
            return Err(ReadError::Empty { path: path.to_owned() });
        }
        let source = open_source(path, file, &magic).map_err(|error| error.at(path, 0))?;
        let info = source.info();
        if !(1..=2).contains(&info.num_channels) {
            return Err(ReadError::Channels { path: path.to_owned(), found: info.num_channels });
        }
        if !(1..=MAX_SAMPLE_RATE_HZ).contains(&info.sample_rate_hz) {
            return Err(ReadError::SampleRate {
                path: path.to_owned(),
                found: info.sample_rate_hz,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            source,
            info,
            pending: vec![Vec::new(); info.num_channels],
            source_ended: false,
            frames_read: 0,
            non_finite_samples: 0,
        })
    }

    /// Frames a second.
    #[must_use]
    pub fn sample_rate_hz(&self) -> u32 {
        self.info.sample_rate_hz
    }

    /// 1 or 2.
    #[must_use]
    pub fn num_channels(&self) -> usize {
        self.info.num_channels
    }

    /// Length that the header states, if any: for progress and size checks, not a promise.
    #[must_use]
    pub fn stated_frames(&self) -> Option<u64> {
        self.info.stated_frames
    }

    /// Frames given out so far.
    #[must_use]
    pub fn frames_read(&self) -> u64 {
        self.frames_read
    }

    /// Samples that were NaN or infinite and came out as 0.
    #[must_use]
    pub fn non_finite_samples(&self) -> u64 {
        self.non_finite_samples
    }

    /// Replaces the content of `channels` (one vector a channel) by the next frames, at most
    /// `max_frames`. Returns how many; 0 at the end.
    ///
    /// # Errors
    /// [`ReadError`] when the data is damaged or cut short, or when the whole file holds no frame.
    pub fn read(
        &mut self,
        channels: &mut [Vec<f32>],
        max_frames: usize,
    ) -> Result<usize, ReadError> {
        while !self.source_ended && self.pending[0].len() < max_frames {
            let at_frame = self.frames_read + self.pending[0].len() as u64;
            let appended_from = self.pending[0].len();
            self.source_ended = !self
                .source
                .append(&mut self.pending)
                .map_err(|error| error.at(&self.path, at_frame))?;
            self.clean(appended_from);
        }
        let num_frames = self.pending[0].len().min(max_frames);
        for (out, pending) in channels.iter_mut().zip(&mut self.pending) {
            out.clear();
            out.extend(pending.drain(..num_frames));
        }
        self.frames_read += num_frames as u64;
        if self.source_ended && self.pending[0].is_empty() {
            self.check_length()?;
        }
        Ok(num_frames)
    }

    /// Zeroes what is not a number, so that no picture, score or file carries it further.
    fn clean(&mut self, from: usize) {
        for channel in &mut self.pending {
            for sample in channel.iter_mut().skip(from).filter(|sample| !sample.is_finite()) {
                *sample = 0.0;
                self.non_finite_samples += 1;
            }
        }
    }

    fn check_length(&self) -> Result<(), ReadError> {
        let path = self.path.clone();
        match self.info.stated_frames {
            Some(expected) if self.info.length_is_exact && self.frames_read < expected => {
                Err(ReadError::CutShort { path, expected, found: self.frames_read })
            }
            _ if self.frames_read == 0 => Err(ReadError::NoAudio { path }),
            _ => Ok(()),
        }
    }
}

/// Reads a whole file.
///
/// # Errors
/// As [`AudioReader::open`] and [`AudioReader::read`], and when it is too long for memory.
pub fn read_audio(path: &Path) -> Result<Audio, ReadError> {
    let mut reader = AudioReader::open(path)?;
    let reserved = reader.stated_frames().unwrap_or(0).min(MAX_RESERVED_FRAMES) as usize;
    let mut channels = vec![Vec::with_capacity(reserved); reader.num_channels()];
    let mut block = vec![Vec::new(); reader.num_channels()];
    while reader.read(&mut block, BLOCK_FRAMES)? > 0 {
        if reader.frames_read() > MAX_FRAMES as u64 {
            return Err(ReadError::TooLong { path: path.to_owned() });
        }
        for (whole, part) in channels.iter_mut().zip(&block) {
            whole.extend_from_slice(part);
        }
    }
    Ok(Audio { sample_rate_hz: reader.sample_rate_hz(), channels })
}

fn open_source(path: &Path, file: File, magic: &[u8]) -> Result<Box<dyn AudioSource>, SourceError> {
    if matches!(magic.get(..4), Some(b"RIFF" | b"RF64" | b"BW64")) && magic.ends_with(b"WAVE") {
        let mut again = file.try_clone().map_err(SourceError::Io)?;
        match WavSource::open(file) {
            Ok(source) => return Ok(Box::new(source)),
            Err(SourceError::TooLong) => return Err(SourceError::TooLong),
            // Other codings in a WAV file.
            Err(_) => again.seek(SeekFrom::Start(0)).map_err(SourceError::Io)?,
        };
        return Ok(Box::new(CodecSource::open(path, again)?));
    }
    Ok(Box::new(CodecSource::open(path, file)?))
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
