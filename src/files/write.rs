//! Writing WAV files that appear whole or not at all.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hound::WavSpec;
use tempfile::NamedTempFile;

use super::Audio;
use super::dither::TriangularDither;
pub use super::output::WriteError;
use super::output::{MAX_DATA_BYTES, io_error, persist, target, temporary_beside};

/// How samples are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SampleFormat {
    /// 32 bit float: exact, never clips.
    #[default]
    Float,
    /// 24 bit integer, rounded; its steps are finer than a float's at full scale, so no dither.
    Int24,
    /// 16 bit integer with triangular dither.
    Int16,
}

impl SampleFormat {
    /// Bits of a stored sample.
    #[must_use]
    pub fn bits(self) -> u16 {
        match self {
            Self::Float => 32,
            Self::Int24 => 24,
            Self::Int16 => 16,
        }
    }

    /// The name on the command line: `float`, `24` or `16`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Int24 => "24",
            Self::Int16 => "16",
        }
    }
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SampleFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Float, Self::Int24, Self::Int16]
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| format!("expected float, 24 or 16, found {name:?}"))
    }
}

/// What to write and whether a file may be replaced.
#[derive(Clone, Copy, Debug)]
pub struct WavOptions {
    /// Frames a second.
    pub sample_rate_hz: u32,
    /// 1 or 2 (more are written as they come).
    pub num_channels: usize,
    /// How samples are stored.
    pub format: SampleFormat,
    /// Whether an existing file is replaced; otherwise it is an error.
    pub overwrite: bool,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteReport {
    /// Frames in the file.
    pub num_frames: u64,
    /// Samples held at full scale, for integers; for float, samples beyond full scale (kept).
    pub clipped_samples: u64,
}

/// A WAV file being written. Until [`WavWriter::finish`] it lives under a temporary name beside
/// the target; dropped earlier (an error, an interruption), it vanishes.
pub struct WavWriter {
    path: PathBuf,
    options: WavOptions,
    file: hound::WavWriter<BufWriter<File>>,
    temporary: NamedTempFile,
    dithers: Vec<TriangularDither>,
    report: WriteReport,
}

impl WavWriter {
    /// Opens a temporary file beside `path`. `expected_frames`, where known, refuses what would
    /// not fit before any work is done.
    ///
    /// # Errors
    /// When the target exists and may not be replaced, its folder cannot be written, or the audio
    /// cannot fit into a WAV file.
    pub fn create(
        path: &Path,
        options: WavOptions,
        expected_frames: Option<u64>,
    ) -> Result<Self, WriteError> {
        let path = &target(path, options.overwrite)?;
        check_size(path, options, expected_frames.unwrap_or(0))?;
        let temporary = temporary_beside(path).map_err(|error| io_error(path, error))?;
        let handle = temporary.as_file().try_clone().map_err(|error| io_error(path, error))?;
        let spec = WavSpec {
            channels: options.num_channels as u16,
            sample_rate: options.sample_rate_hz,
            bits_per_sample: options.format.bits(),
            sample_format: match options.format {
                SampleFormat::Float => hound::SampleFormat::Float,
                _ => hound::SampleFormat::Int,
            },
        };
        let file = hound::WavWriter::new(BufWriter::with_capacity(1 << 18, handle), spec)
            .map_err(|error| from_hound(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            options,
            file,
            temporary,
            dithers: (0..options.num_channels).map(TriangularDither::new).collect(),
            report: WriteReport { num_frames: 0, clipped_samples: 0 },
        })
    }

    /// Appends a block: one slice a channel, all of one length.
    ///
    /// # Errors
    /// When the shape is wrong, the file would grow beyond what WAV can say, or the disk refuses.
    pub fn write<C: AsRef<[f32]>>(&mut self, channels: &[C]) -> Result<(), WriteError> {
        let num_frames = channels.first().map_or(0, |channel| channel.as_ref().len());
        let expected = self.options.num_channels;
        if channels.len() != expected
            || channels.iter().any(|channel| channel.as_ref().len() != num_frames)
        {
            let lengths: Vec<_> = channels.iter().map(|channel| channel.as_ref().len()).collect();
            return Err(WriteError::Shape {
                path: self.path.clone(),
                expected,
                found: format!("lengths {lengths:?}"),
            });
        }
        check_size(&self.path, self.options, self.report.num_frames + num_frames as u64)?;
        for frame in 0..num_frames {
            for (index, channel) in channels.iter().enumerate() {
                self.write_sample(index, channel.as_ref()[frame])
                    .map_err(|error| from_hound(&self.path, error))?;
            }
        }
        self.report.num_frames += num_frames as u64;
        Ok(())
    }

    fn write_sample(&mut self, channel: usize, sample: f32) -> hound::Result<()> {
        let (peak, dither) = match self.options.format {
            SampleFormat::Float => {
                self.report.clipped_samples += u64::from(sample.abs() > 1.0);
                return self.file.write_sample(sample);
            }
            SampleFormat::Int24 => (f64::from(1 << 23), 0.0),
            SampleFormat::Int16 => (f64::from(1 << 15), self.dithers[channel].next_lsb()),
        };
        let exact = f64::from(sample) * peak;
        // Dither alone at full scale is no clipping worth a warning: the signal decides.
        self.report.clipped_samples += u64::from(exact.round() > peak - 1.0 || exact < -peak);
        let value = (exact + dither).round().clamp(-peak, peak - 1.0);
        self.file.write_sample(value as i32)
    }

    /// Completes the header and gives the file its name.
    ///
    /// # Errors
    /// When the disk refuses, or a file of that name has appeared and may not be replaced.
    pub fn finish(self) -> Result<WriteReport, WriteError> {
        let Self { path, options, file, temporary, report, .. } = self;
        file.finalize().map_err(|error| from_hound(&path, error))?;
        persist(temporary, &path, options.overwrite)?;
        Ok(report)
    }
}

/// Writes a whole recording.
///
/// # Errors
/// As [`WavWriter::create`], [`WavWriter::write`] and [`WavWriter::finish`].
pub fn write_wav(
    path: &Path,
    audio: &Audio,
    format: SampleFormat,
    overwrite: bool,
) -> Result<WriteReport, WriteError> {
    let options = WavOptions {
        sample_rate_hz: audio.sample_rate_hz,
        num_channels: audio.num_channels(),
        format,
        overwrite,
    };
    let mut writer = WavWriter::create(path, options, Some(audio.num_frames() as u64))?;
    writer.write(&audio.channels)?;
    writer.finish()
}

fn check_size(path: &Path, options: WavOptions, num_frames: u64) -> Result<(), WriteError> {
    let frame_bytes = options.num_channels as u64 * u64::from(options.format.bits() / 8);
    let found = num_frames.saturating_mul(frame_bytes);
    if found > MAX_DATA_BYTES {
        return Err(WriteError::TooLarge { path: path.to_owned(), found });
    }
    Ok(())
}

fn from_hound(path: &Path, error: hound::Error) -> WriteError {
    match error {
        hound::Error::IoError(source) => io_error(path, source),
        other => io_error(path, io::Error::other(other.to_string())),
    }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
