//! Which segments were played in one go: a loop leaves one pass after the other.

use std::ops::Range;
use std::sync::Arc;

use super::segment::Segment;
use crate::streaming::timeline::HostPlace;

/// Hosts tell places block by block: passes of a loop may begin and end so much apart, in seconds.
const TOLERANCE_S: f64 = 0.1;

/// The passes of `segments`.
pub(super) fn num_passes(segments: &[Segment]) -> usize {
    let begins = |index: &usize| *index == 0 || !goes_on(&segments[index - 1], &segments[*index]);
    (0..segments.len()).filter(begins).count()
}

/// The last whole pass: the newest one, or, while that is under way in a loop, the one before.
pub(super) fn last_pass(segments: &[Segment]) -> Range<usize> {
    let newest = pass_before(segments, segments.len());
    let before = pass_before(segments, newest.start);
    if is_part_of(&segments[newest.clone()], &segments[before.clone()]) { before } else { newest }
}

/// The pass that ends before the segment `end`; empty where there is none.
fn pass_before(segments: &[Segment], end: usize) -> Range<usize> {
    let mut begin = end.saturating_sub(1);
    while begin > 0 && goes_on(&segments[begin - 1], &segments[begin]) {
        begin -= 1;
    }
    begin..end
}

/// Whether nothing but results that never came lies between the two.
fn goes_on(before: &Segment, after: &Segment) -> bool {
    let missing = after.missing_frames as i64;
    missing > 0
        && Arc::ptr_eq(&before.origin, &after.origin)
        && before.epoch == after.epoch
        && before.end() + missing == after.start
        && before.place_of_end().plus(missing) == after.place
}

/// Whether `pass` is a piece of what `whole` is, in place and by the same model.
fn is_part_of(pass: &[Segment], whole: &[Segment]) -> bool {
    let ([first, ..], [.., last]) = (pass, pass) else { return false };
    let ([whole_first, ..], [.., whole_last]) = (whole, whole) else { return false };
    let tolerance = (TOLERANCE_S * first.origin.sample_rate_hz) as i64;
    let (HostPlace::At(begin), HostPlace::At(end)) = (first.place, last.place_of_end()) else {
        return false;
    };
    let (HostPlace::At(whole_begin), HostPlace::At(whole_end)) =
        (whole_first.place, whole_last.place_of_end())
    else {
        return false;
    };
    Arc::ptr_eq(&first.origin, &whole_first.origin)
        && begin >= whole_begin - tolerance
        && end < whole_end - tolerance
}
