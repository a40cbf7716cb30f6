//! What is told of a capture to whoever shows it.

use super::MAX_SEGMENTS;
use super::passes::{last_pass, num_passes};
use super::save::{CapturePart, Piece};
use super::segment::Segment;
use crate::model::Instrument;

/// What is held may be so much shorter than the length by the blocks that it consists of, in seconds.
const CUT_S: f64 = 1.0;

/// What a [`super::Capture`] holds at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CaptureSummary {
    /// The length that is set, in seconds; `None` while it is off.
    pub length_s: Option<f64>,
    /// Bytes of the samples that are held.
    pub bytes: u64,
    /// What is held.
    pub all: CaptureExtent,
    /// Stretches that it was played in: a loop leaves one a pass, a jump begins another.
    pub num_passes: usize,
    /// As [`super::Take::last_pass`] takes it.
    pub last_pass: CaptureExtent,
    /// Older sound is let go of although the length would keep it: there are too many stretches.
    pub is_cut: bool,
}

/// How long a part of what is held is, and the files that it makes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CaptureExtent {
    /// Seconds of sound.
    pub seconds: f64,
    /// Files that the mix makes: one for each stretch without a break.
    pub mix_files: usize,
    /// Files that each stem makes, in the order of [`Instrument::ALL`]; 0 where it is not held, for
    /// the model of then did not give it.
    pub stem_files: [usize; Instrument::ALL.len()],
}

impl CaptureExtent {
    pub(super) fn of(segments: &[Segment]) -> Self {
        let mut extent = Self::default();
        for segment in segments {
            let num_files = Piece::of(segment).len();
            extent.seconds += segment.seconds();
            extent.mix_files += num_files;
            for &source in &segment.origin.sources {
                extent.stem_files[source as usize] += num_files;
            }
        }
        extent
    }

    /// Files that saving `parts` makes.
    #[must_use]
    pub fn num_files(&self, parts: &[CapturePart]) -> usize {
        let of_part = |part: &CapturePart| match part {
            CapturePart::Mix => self.mix_files,
            CapturePart::Stem(instrument) => self.stem_files[*instrument as usize],
        };
        parts.iter().map(of_part).sum()
    }

    /// Whether that stem is held.
    #[must_use]
    pub fn has(&self, instrument: Instrument) -> bool {
        self.stem_files[instrument as usize] > 0
    }
}

impl CaptureSummary {
    pub(super) fn of(segments: &[Segment], length_s: f64) -> Self {
        let all = CaptureExtent::of(segments);
        Self {
            length_s: Some(length_s).filter(|length_s| *length_s > 0.0),
            bytes: segments.iter().map(Segment::bytes).sum(),
            all,
            num_passes: num_passes(segments),
            last_pass: CaptureExtent::of(&segments[last_pass(segments)]),
            is_cut: segments.len() >= MAX_SEGMENTS && all.seconds < length_s - CUT_S,
        }
    }
}
