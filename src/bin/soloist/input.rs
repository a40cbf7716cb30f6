//! Recordings, read twice: once to see that they are whole, once block by block for the render, so
//! that hours of audio take no more memory than seconds.

use std::io;
use std::path::{Path, PathBuf};

use soloist::files::{Audio, AudioReader, ReadError};
use soloist::render::FrameSource;

use super::cancel;
use super::failure::Failure;

/// Frames read at once.
const BLOCK_FRAMES: usize = 1 << 16;

/// A recording that has been read to its end: its facts.
pub struct Input {
    pub path: PathBuf,
    pub sample_rate_hz: u32,
    pub num_channels: usize,
    pub num_frames: usize,
    pub non_finite_samples: u64,
}

impl Input {
    /// Decodes the whole file and keeps its facts: damage shows before any work is done, and the
    /// length is exact.
    pub fn inspect(path: &Path) -> Result<Self, Failure> {
        let reader = read_through(path, &mut |_| {})?;
        Ok(Self {
            path: path.to_owned(),
            sample_rate_hz: reader.sample_rate_hz(),
            num_channels: reader.num_channels(),
            num_frames: reader.frames_read() as usize,
            non_finite_samples: reader.non_finite_samples(),
        })
    }

    /// Opens the recording once more, for a render.
    pub fn source(&self) -> Result<FileSource, Failure> {
        Ok(FileSource { reader: AudioReader::open(&self.path)?, error: None })
    }

    pub fn duration_s(&self) -> f64 {
        self.num_frames as f64 / f64::from(self.sample_rate_hz)
    }
}

/// Reads a whole recording into memory.
pub fn read_whole(path: &Path) -> Result<Audio, Failure> {
    let mut channels = Vec::new();
    let reader = read_through(path, &mut |block| {
        channels.resize_with(block.len(), Vec::new);
        for (whole, part) in channels.iter_mut().zip(block) {
            whole.extend_from_slice(part);
        }
    })?;
    Ok(Audio { sample_rate_hz: reader.sample_rate_hz(), channels })
}

/// Hands every block to `visit`, unless the user interrupts.
fn read_through(path: &Path, visit: &mut dyn FnMut(&[Vec<f32>])) -> Result<AudioReader, Failure> {
    let mut reader = AudioReader::open(path)?;
    let mut block = vec![Vec::new(); reader.num_channels()];
    while reader.read(&mut block, BLOCK_FRAMES)? > 0 {
        cancel::check()?;
        visit(&block);
    }
    Ok(reader)
}

/// A file inside a render: keeps the reader's own error, which the render cannot carry.
pub struct FileSource {
    reader: AudioReader,
    error: Option<ReadError>,
}

impl FileSource {
    /// The reader's error, if it had one.
    pub fn take_error(&mut self) -> Option<ReadError> {
        self.error.take()
    }
}

impl FrameSource for FileSource {
    fn read(&mut self, channels: &mut [Vec<f32>], max_frames: usize) -> io::Result<usize> {
        self.reader.read(channels, max_frames).map_err(|error| {
            self.error = Some(error);
            io::Error::other("see the reader's own error")
        })
    }
}
