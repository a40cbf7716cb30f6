use super::segment::StreamOrigin;
use super::*;
use crate::model::Instrument;
use crate::streaming::timeline::HostPlace;

const RATE_HZ: f64 = 1000.0;

fn origin(sources: &[Instrument]) -> Arc<StreamOrigin> {
    Arc::new(StreamOrigin {
        model: "small 1".to_owned(),
        sample_rate_hz: RATE_HZ,
        num_channels: 1,
        sources: sources.to_vec(),
    })
}

/// `seconds` of a mono stream in chunks of 100 ms, from frame `start` and `place` on.
fn segment_of(origin: &Arc<StreamOrigin>, start: i64, place: HostPlace, seconds: usize) -> Segment {
    let mut segment = Segment::new(Arc::clone(origin), 0, start, place);
    for _ in 0..seconds * 10 {
        let samples = vec![0.25; 100 * (1 + origin.sources.len())];
        segment.push(Chunk { num_frames: 100, samples });
    }
    segment
}

/// `seconds` of a stream with one stem.
fn segment(place: HostPlace, seconds: usize) -> Segment {
    segment_of(&origin(&[Instrument::Vocals]), 0, place, seconds)
}

/// Stretches of one stream, one after the other: place in seconds, length in seconds, and seconds
/// before it that are missing.
fn played(stretches: &[(i64, usize, i64)]) -> Vec<Segment> {
    let origin = origin(&[Instrument::Vocals]);
    let mut start = 0;
    let one = |&(place_s, seconds, missing_s): &(i64, usize, i64)| {
        start += missing_s * RATE_HZ as i64;
        let place = HostPlace::At(place_s * RATE_HZ as i64);
        let mut segment = segment_of(&origin, start, place, seconds);
        segment.missing_frames = (missing_s * RATE_HZ as i64) as u64;
        start = segment.end();
        segment
    };
    stretches.iter().map(one).collect()
}

/// Places in seconds of the segments of the last pass.
fn last_pass(capture: &Capture) -> Vec<i64> {
    let segments = capture.take().last_pass().segments();
    let place_s = |place| match place {
        HostPlace::At(frame) => frame / RATE_HZ as i64,
        place => panic!("{place:?}"),
    };
    segments.iter().map(|segment| place_s(segment.place)).collect()
}

#[test]
fn the_last_pass_is_a_whole_one_of_a_loop_or_what_was_played_last() {
    for (stretches, num_passes, want) in [
        (&[][..], 0, &[][..]),
        (&[(7, 5, 0)], 1, &[7]),
        // The third pass is under way.
        (&[(7, 4, 0), (7, 4, 0), (7, 1, 0)], 3, &[7]),
        // It has come to its end.
        (&[(7, 3, 0), (7, 4, 0)], 2, &[7]),
        // Elsewhere, before and behind.
        (&[(7, 4, 0), (2, 1, 0)], 2, &[2]),
        (&[(7, 4, 0), (9, 3, 0)], 2, &[9]),
        // Results are missing in the whole pass and in the one that is under way.
        (&[(1, 4, 0), (7, 1, 0), (9, 2, 1), (7, 1, 0), (9, 1, 1)], 3, &[7, 9]),
        // They are missing where the loop begins anew.
        (&[(7, 4, 0), (8, 2, 1)], 2, &[7]),
    ] {
        let capture = holding(played(stretches));
        assert_eq!(last_pass(&capture), want, "{stretches:?}");
        assert_eq!(capture.summary().num_passes, num_passes, "{stretches:?}");
    }
    // The longer of two equal beginnings, where the last is not whole.
    let capture = holding(played(&[(7, 4, 0), (7, 2, 0)]));
    assert_eq!(capture.take().last_pass().seconds(), 4.0);
    assert_eq!(capture.summary().last_pass.seconds, 4.0);
    // Another model's pass is another thing.
    let mut segments = played(&[(7, 4, 0)]);
    segments.extend(played(&[(7, 2, 0)]));
    assert_eq!(holding(segments).take().last_pass().seconds(), 2.0);
}

#[test]
fn the_files_that_are_told_are_those_that_are_saved() {
    let wide = origin(&[Instrument::Vocals, Instrument::Drums, Instrument::Other]);
    let narrow = origin(&[Instrument::Vocals, Instrument::Other]);
    // The first begins two seconds before the project.
    let capture = holding([
        segment_of(&wide, 0, HostPlace::At(-2000), 3),
        segment_of(&wide, 3000, HostPlace::At(5000), 1),
        segment_of(&narrow, 0, HostPlace::At(6000), 1),
    ]);
    let summary = capture.summary();
    assert!(summary.all.has(Instrument::Drums) && !summary.last_pass.has(Instrument::Drums));
    assert!(!summary.all.has(Instrument::Piano));
    assert_eq!((summary.all.seconds, summary.bytes), (capture.held_seconds(), capture.bytes()));
    let parts = [CapturePart::Mix, CapturePart::Stem(Instrument::Drums)];
    let folder = tempfile::tempdir().unwrap();
    let save = |take: Take| take.save(&parts, folder.path(), "take").unwrap().len();
    assert_eq!(save(capture.take()), summary.all.num_files(&parts));
    assert_eq!(summary.all.num_files(&parts), 4 + 3);
    assert_eq!(save(capture.take().last_pass()), summary.last_pass.num_files(&parts));
    assert_eq!(summary.last_pass.num_files(&parts), 1);
}

#[test]
fn a_loop_of_two_seconds_is_kept_for_as_long_as_was_asked_for() {
    let capture = holding(played(&[(7, 2, 0); 400]));
    let _freed = capture.lock().trim();
    let summary = capture.summary();
    assert_eq!((summary.num_passes, summary.all.seconds, summary.is_cut), (300, 600.0, false));
}

#[test]
fn where_too_many_passes_are_let_go_of_it_is_told() {
    let origin = origin(&[]);
    let capture = holding((0..MAX_SEGMENTS as i64 + 10).map(|pass| {
        let mut segment = Segment::new(Arc::clone(&origin), 0, pass * 2, HostPlace::At(0));
        segment.push(Chunk { num_frames: 2, samples: vec![0.0; 2] });
        segment
    }));
    let _freed = capture.lock().trim();
    let summary = capture.summary();
    assert_eq!((summary.num_passes, summary.is_cut), (MAX_SEGMENTS, true));
    capture.set_length(Some(8.0));
    assert!(!capture.summary().is_cut, "all is held that was asked for");
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
