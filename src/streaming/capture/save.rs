//! From a take to files.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Take;
use super::segment::Segment;
use super::wave::WaveHeader;
use crate::model::Instrument;
use crate::model::drafts::create_unused;
use crate::streaming::timeline::HostPlace;

/// Most bytes of a name that files begin with: with the rest it must fit in the 255 of most systems.
const MAX_NAME_BYTES: usize = 120;

/// What can be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapturePart {
    /// What was received.
    Mix,
    /// One of the stems.
    Stem(Instrument),
}

impl CapturePart {
    /// As in file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Stem(instrument) => instrument.name(),
        }
    }
}

/// Why nothing was saved.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Nothing is held.
    #[error("nothing has been captured yet: switch the capture on and play")]
    Empty,
    /// What is held has none of what is wanted.
    #[error("the model has none of the chosen stems: found {found}")]
    NoSuchStem {
        /// What there is.
        found: String,
    },
    /// The folder cannot be made.
    #[error("cannot use the folder {folder}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written. What had been written of this take is removed.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Take {
    /// Writes `parts` of every segment into `folder`, a WAV file each with 32-bit float samples,
    /// called `NAME - PART - PLACE.wav`; `PLACE` is the time on the host's timeline at which it
    /// belongs, which the file's `bext` chunk holds to the frame. Makes the folder where there is
    /// none; never writes over a file. A part that a segment's model lacks is left out there.
    ///
    /// Returns the files, segment by segment in the order of `parts`. Takes as long as the disk.
    ///
    /// # Errors
    /// When there is nothing to save or it cannot be written; then no file is left behind.
    pub fn save(
        &self,
        parts: &[CapturePart],
        folder: &Path,
        name: &str,
    ) -> Result<Vec<PathBuf>, CaptureError> {
        self.save_with(parts, folder, name, create_new)
    }

    /// As [`Take::save`], into what `create` makes, which must refuse a path that is taken.
    pub(super) fn save_with<W: Write>(
        &self,
        parts: &[CapturePart],
        folder: &Path,
        name: &str,
        create: impl Fn(&Path) -> io::Result<W>,
    ) -> Result<Vec<PathBuf>, CaptureError> {
        if self.segments.is_empty() {
            return Err(CaptureError::Empty);
        }
        let pieces: Vec<Piece> = self.segments.iter().flat_map(Piece::of).collect();
        let wanted = || {
            pieces.iter().flat_map(|piece| {
                let parts = parts.iter().filter_map(|&part| Some((part, piece.index(part)?)));
                parts.map(move |(part, index)| (piece, part, index))
            })
        };
        if wanted().next().is_none() {
            return Err(CaptureError::NoSuchStem { found: self.part_names() });
        }
        fs::create_dir_all(folder)
            .map_err(|source| CaptureError::Folder { folder: folder.to_owned(), source })?;
        let name = file_name(name);
        let mut written = Written::default();
        for (piece, part, index) in wanted() {
            let stem = format!("{name} - {} - {}", part.name(), piece.place_words());
            let failed = |source| {
                let path = folder.join(format!("{stem}.wav"));
                CaptureError::Write { path, source }
            };
            let out = written.begin(folder, &stem, &create).map_err(failed)?;
            piece.write(part, index, out).map_err(failed)?;
            written.finish(folder, &stem).map_err(failed)?;
        }
        Ok(written.keep())
    }

    fn part_names(&self) -> String {
        let mut names = vec![CapturePart::Mix.name()];
        for source in self.segments.iter().flat_map(|segment| &segment.origin.sources) {
            if !names.contains(&source.name()) {
                names.push(source.name());
            }
        }
        names.join(", ")
    }
}

/// Files of a save that is under way: removed again unless all of them are written. Other instances
/// may save under the same names at the same time: only what was made here is ever touched.
#[derive(Default)]
struct Written {
    partial: Option<PathBuf>,
    files: Vec<PathBuf>,
    /// Files by the begin of their name: the passes of a loop are thousands of one name, which are
    /// not to be tried from the first each time.
    of_name: HashMap<String, usize>,
}

impl Written {
    /// Makes the file to write to before one called `stem` has its whole content.
    fn begin<W>(
        &mut self,
        folder: &Path,
        stem: &str,
        create: impl Fn(&Path) -> io::Result<W>,
    ) -> io::Result<W> {
        // A crash may have left one of that name, or another instance be writing it.
        let (partial, out) = create_unused(numbered(folder, stem, ".wav.part", 0), create)?;
        self.partial = Some(partial);
        Ok(out)
    }

    /// Gives what was begun the first name that no file has.
    fn finish(&mut self, folder: &Path, stem: &str) -> io::Result<()> {
        let Some(partial) = &self.partial else { return Ok(()) };
        // To rename is to write over what is there: the name is taken first, by an empty file.
        let of_name = self.of_name.entry(stem.to_owned()).or_default();
        let (path, _) = create_unused(numbered(folder, stem, ".wav", *of_name), create_new)?;
        *of_name += 1;
        self.files.push(path.clone());
        fs::rename(partial, path)?;
        self.partial = None;
        Ok(())
    }

    fn keep(mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.files)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        for path in self.partial.iter().chain(&self.files) {
            // There is nobody left to tell: the error that led here is on its way.
            let _ = fs::remove_file(path);
        }
    }
}

fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// `STEM.wav`, `STEM (2).wav`, ... by number from 1 on, without the first `skipped`.
fn numbered(folder: &Path, stem: &str, ending: &str, skipped: usize) -> impl Fn(usize) -> PathBuf {
    move |number| match number + skipped {
        1 => folder.join(format!("{stem}{ending}")),
        number => folder.join(format!("{stem} ({number}){ending}")),
    }
}

/// A segment, or the part of it before or after the project's begin, which a `bext` chunk cannot
/// place.
pub(super) struct Piece<'a> {
    segment: &'a Segment,
    frames: std::ops::Range<usize>,
    place: HostPlace,
}

impl<'a> Piece<'a> {
    /// One or two: a file each of every part.
    pub(super) fn of(segment: &'a Segment) -> Vec<Self> {
        let whole = 0..segment.num_frames();
        let early = segment.num_early_frames();
        let piece = |frames, place| Self { segment, frames, place };
        if early == 0 {
            return vec![piece(whole, segment.place)];
        }
        let mut pieces = vec![piece(0..early, HostPlace::Unknown)];
        if early < whole.end {
            pieces.push(piece(early..whole.end, HostPlace::At(0)));
        }
        pieces
    }

    /// Where `part` stands in the segment's chunks.
    fn index(&self, part: CapturePart) -> Option<usize> {
        match part {
            CapturePart::Mix => Some(0),
            CapturePart::Stem(instrument) => {
                let sources = &self.segment.origin.sources;
                Some(1 + sources.iter().position(|&source| source == instrument)?)
            }
        }
    }

    fn place_words(&self) -> String {
        let HostPlace::At(frame) = self.place else { return "no position".to_owned() };
        let ms = (frame as f64 / self.segment.origin.sample_rate_hz * 1000.0).floor() as u64;
        let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        format!("{hours}h{minutes:02}m{seconds:02}.{:03}s", ms % 1000)
    }

    fn description(&self, part: CapturePart) -> String {
        let what = match part {
            CapturePart::Mix => "mix".to_owned(),
            CapturePart::Stem(stem) => format!("{stem}, by {}", self.segment.origin.model),
        };
        match self.segment.missing_frames {
            0 => what,
            missing => format!("{what}; {missing} frames before it are missing: too slow"),
        }
    }

    fn write(&self, part: CapturePart, index: usize, out: impl Write) -> io::Result<()> {
        let origin = &self.segment.origin;
        let mut out = BufWriter::with_capacity(1 << 18, out);
        let time_reference = match self.place {
            HostPlace::At(frame) => frame.max(0) as u64,
            _ => 0,
        };
        WaveHeader {
            sample_rate_hz: origin.sample_rate_hz.round() as u32,
            num_channels: origin.num_channels as u16,
            num_frames: self.frames.len() as u64,
            description: &self.description(part),
            time_reference,
            written: SystemTime::now(),
        }
        .write(&mut out)?;
        let mut bytes = Vec::new();
        let mut begin = 0;
        let right = origin.num_channels - 1;
        let channels = self.segment.channel(index, 0).zip(self.segment.channel(index, right));
        for (left, right) in channels {
            let first = self.frames.start.clamp(begin, begin + left.len()) - begin;
            let last = self.frames.end.clamp(begin, begin + left.len()) - begin;
            begin += left.len();
            bytes.clear();
            for (left, right) in left[first..last].iter().zip(&right[first..last]) {
                bytes.extend_from_slice(&left.to_le_bytes());
                if origin.num_channels > 1 {
                    bytes.extend_from_slice(&right.to_le_bytes());
                }
            }
            out.write_all(&bytes)?;
        }
        out.flush()
    }
}

/// `name` as the begin of a file name on any platform.
fn file_name(name: &str) -> String {
    let is_plain = |c: char| !c.is_control() && !"/\\:*?\"<>|".contains(c);
    let mut plain: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    while plain.len() > MAX_NAME_BYTES {
        plain.pop();
    }
    let plain = plain.trim().trim_start_matches('.').trim();
    if plain.is_empty() { "Soloist".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
#[path = "save_tests.rs"]
mod tests;
