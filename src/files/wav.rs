//! Plain WAV: 8, 16, 24 and 32 bit integers and 32 bit float, through hound.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use hound::{SampleFormat, WavReader};

use super::read::{AudioSource, StreamInfo};
use super::read_error::SourceError;
use super::wav_header::WavHeader;

/// Frames decoded a call.
const BLOCK_FRAMES: usize = 4096;

/// A plain header, then the file's samples.
type Samples = io::Chain<Cursor<Vec<u8>>, BufReader<File>>;

pub(super) struct WavSource {
    reader: WavReader<Samples>,
}

impl WavSource {
    /// Reads the header.
    ///
    /// # Errors
    /// When there is no sound header, or the samples are of a kind not handled here.
    pub(super) fn open(mut file: File) -> Result<Self, SourceError> {
        let Some(header) = WavHeader::read(&mut file) else {
            return Err(SourceError::Unsupported("a WAV header with an error".into()));
        };
        let Some(plain) = header.plain() else {
            return Err(SourceError::TooLong);
        };
        file.seek(SeekFrom::Start(header.data_start)).map_err(SourceError::Io)?;
        let samples = Cursor::new(plain).chain(BufReader::with_capacity(1 << 16, file));
        let reader = WavReader::new(samples).map_err(from_hound)?;
        let spec = reader.spec();
        match (spec.sample_format, spec.bits_per_sample) {
            (SampleFormat::Int, 8 | 16 | 24 | 32) | (SampleFormat::Float, 32) => {
                Ok(Self { reader })
            }
            (format, bits) => {
                Err(SourceError::Unsupported(format!("WAV samples of {bits} bit {format:?}")))
            }
        }
    }

    /// The next sample as full scale 1.0; `None` at the end.
    fn next_sample(&mut self) -> Option<hound::Result<f32>> {
        let spec = self.reader.spec();
        match spec.sample_format {
            SampleFormat::Float => self.reader.samples::<f32>().next(),
            SampleFormat::Int => {
                let scale = 1.0 / f64::from(1_u32 << (spec.bits_per_sample - 1));
                let sample = self.reader.samples::<i32>().next()?;
                Some(sample.map(|value| (f64::from(value) * scale) as f32))
            }
        }
    }
}

impl AudioSource for WavSource {
    fn info(&self) -> StreamInfo {
        let spec = self.reader.spec();
        StreamInfo {
            sample_rate_hz: spec.sample_rate,
            num_channels: usize::from(spec.channels),
            stated_frames: Some(u64::from(self.reader.duration())),
            length_is_exact: true,
        }
    }

    fn append(&mut self, channels: &mut [Vec<f32>]) -> Result<bool, SourceError> {
        let complete = channels[0].len();
        for _ in 0..BLOCK_FRAMES {
            for index in 0..channels.len() {
                match self.next_sample() {
                    Some(Ok(sample)) => channels[index].push(sample),
                    Some(Err(error)) if !is_early_end(&error) => return Err(from_hound(error)),
                    // The reader compares the count with the header's.
                    _ => {
                        let whole = channels.iter().map(Vec::len).min().unwrap_or(complete);
                        channels.iter_mut().for_each(|channel| channel.truncate(whole));
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

/// hound reports the end of the file in the middle of the data as a failure without a kind.
fn is_early_end(error: &hound::Error) -> bool {
    matches!(error, hound::Error::IoError(io) if matches!(io.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::Other))
}

fn from_hound(error: hound::Error) -> SourceError {
    match error {
        hound::Error::IoError(error) => SourceError::Io(error),
        hound::Error::Unsupported => SourceError::Unsupported("an unusual kind of WAV".into()),
        other => SourceError::Damaged(other.to_string()),
    }
}
