//! What is told of a segment before it is saved.

use super::segment::Segment;
use crate::model::Instrument;
use crate::streaming::timeline::HostPlace;

/// A stretch of one stream without a break.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentFacts {
    /// Name and version of the model that it was separated with.
    pub model: String,
    /// Host frames a second.
    pub sample_rate_hz: f64,
    /// 1 or 2.
    pub num_channels: usize,
    /// The stems.
    pub sources: Vec<Instrument>,
    /// Its length.
    pub seconds: f64,
    /// Where its first frame stands on the host's timeline.
    pub place: HostPlace,
    /// Host frames between the segment before and this one that were never separated, because there
    /// was no time; 0 where it begins for another reason.
    pub missing_frames: u64,
}

impl SegmentFacts {
    pub(super) fn of(segment: &Segment) -> Self {
        let origin = &segment.origin;
        Self {
            model: origin.model.clone(),
            sample_rate_hz: origin.sample_rate_hz,
            num_channels: origin.num_channels,
            sources: origin.sources.clone(),
            seconds: segment.seconds(),
            place: segment.place,
            missing_frames: segment.missing_frames,
        }
    }
}
