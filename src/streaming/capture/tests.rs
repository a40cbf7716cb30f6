use super::segment::StreamOrigin;
use super::*;
use crate::model::Instrument;
use crate::streaming::timeline::HostPlace;

const RATE_HZ: f64 = 1000.0;

/// `seconds` of a mono stream with one stem, in chunks of 100 ms, from `place` on.
fn segment(place: HostPlace, seconds: usize) -> Segment {
    let sources = vec![Instrument::Vocals];
    let origin = StreamOrigin {
        model: "solo 1".to_owned(),
        sample_rate_hz: RATE_HZ,
        num_channels: 1,
        sources,
    };
    let mut segment = Segment::new(Arc::new(origin), 0, 0, place);
    for _ in 0..seconds * 10 {
        segment.push(Chunk { num_frames: 100, samples: vec![0.25; 200] });
    }
    segment
}

/// A capture of ten minutes that holds these.
fn holding(segments: impl IntoIterator<Item = Segment>) -> Capture {
    let capture = Capture::default();
    capture.set_length(Some(600.0));
    capture.lock().segments.extend(segments);
    capture
}

#[test]
fn bytes_are_those_of_the_samples_whatever_comes_and_goes() {
    let capture = holding([segment(HostPlace::Unknown, 3), segment(HostPlace::At(0), 2)]);
    for length_s in [600.0, 4.0, 1.55, 0.05] {
        capture.set_length(Some(length_s));
        let held = capture.lock();
        let chunks = held.segments.iter().flat_map(|segment| &segment.chunks);
        let bytes: usize = chunks.map(|chunk| size_of_val(&chunk.samples[..])).sum();
        drop(held);
        assert_eq!(capture.bytes(), bytes as u64);
        assert!(capture.held_seconds() <= length_s && bytes <= (length_s * RATE_HZ) as usize * 8);
    }
    assert_eq!(capture.bytes(), 0);
}

/// What is trimmed is handed out, so that it need not be freed under the lock.
#[test]
fn trimming_frees_nothing_by_itself() {
    for length_s in [4.0, 0.5, 0.0] {
        let capture = holding([segment(HostPlace::Unknown, 3), segment(HostPlace::At(0), 2)]);
        let mut held = capture.lock();
        let first = Arc::downgrade(&held.segments[0].chunks[0]);
        let last = Arc::downgrade(&held.segments[1].chunks[0]);
        held.length_s = length_s;
        let freed = held.trim();
        assert!(first.upgrade().is_some() && last.upgrade().is_some(), "{length_s} s");
        drop(held);
        drop(freed);
        assert!(first.upgrade().is_none() && last.upgrade().is_some() == (length_s > 2.0));
    }
}
