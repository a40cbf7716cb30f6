//! What is captured is what was separated, in its place on the host's timeline, and never more than
//! was asked for.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{Gate, Noise, Pace, Uneven, config, music, noise, play, separate, spawn};
use soloist::inference::{Estimator, Identity};
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::{
    AudioEndpoint, Capture, CaptureError, CapturePart, Controls, HostPlace, Worker, split,
};

const RATE_HZ: f64 = 44_100.0;

/// A stream that writes to `capture`.
fn captured(
    card: &Arc<ModelCard>,
    num_channels: usize,
    capture: &Arc<Capture>,
    estimator: Box<dyn Estimator>,
) -> (AudioEndpoint, Worker) {
    let (audio, mut work) = split(&config(card, RATE_HZ, num_channels)).unwrap();
    work.capture_into(capture, card);
    (audio, spawn(work, estimator))
}

fn on(seconds: f64) -> Arc<Capture> {
    let capture = Arc::new(Capture::default());
    capture.set_length(Some(seconds));
    capture
}

fn all_parts() -> Vec<CapturePart> {
    [CapturePart::Mix].into_iter().chain(Instrument::ALL.map(CapturePart::Stem)).collect()
}

/// A saved file: samples as `[channel][frame]`, and the frame that its `bext` chunk names.
struct Saved {
    channels: Vec<Vec<f32>>,
    time_reference: u64,
    description: String,
}

fn read(path: &Path) -> Saved {
    let mut reader = hound::WavReader::open(path).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.sample_format, spec.bits_per_sample), (hound::SampleFormat::Float, 32));
    assert_eq!(spec.sample_rate, RATE_HZ as u32);
    let samples: Vec<f32> = reader.samples::<f32>().map(Result::unwrap).collect();
    let num_channels = usize::from(spec.channels);
    let channel = |index: usize| samples[index..].iter().step_by(num_channels).copied().collect();
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[12..16], b"bext");
    assert_eq!(u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize, bytes.len() - 8);
    let bext = &bytes[20..];
    let text = |range: std::ops::Range<usize>| {
        String::from_utf8(bext[range].to_vec()).unwrap().trim_end_matches('\0').to_owned()
    };
    assert_eq!(text(256..288), "Soloist");
    assert!(text(320..330).starts_with("20") && text(602..620).starts_with("A=PCM,F=44100"));
    Saved {
        channels: (0..num_channels).map(channel).collect(),
        time_reference: u64::from_le_bytes(bext[338..346].try_into().unwrap()),
        description: text(0..256),
    }
}

fn names(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Plays `input` offline in blocks of 512, each told to stand where `place` says.
fn play_at(audio: &mut AudioEndpoint, input: &[Vec<f32>], place: impl Fn(usize) -> HostPlace) {
    let mut begin = 0;
    while begin < input[0].len() {
        let end = (begin + 512).min(input[0].len());
        let block: Vec<Vec<f32>> =
            input.iter().map(|channel| channel[begin..end].to_vec()).collect();
        audio.tell_place(place(begin));
        play(audio, &block, 512, &Controls::default(), Pace::Offline);
        begin = end;
    }
}

#[test]
fn files_hold_the_mix_bit_by_bit_and_stems_that_sum_to_it() {
    let card = Arc::new(ModelCard::builtin());
    for (num_channels, num_frames) in [(2, 44_100 * 5 + 77), (1, 44_100 * 4 + 1)] {
        let capture = on(60.0);
        let (mut audio, _worker) = captured(&card, num_channels, &capture, Uneven::boxed(&card, 0));
        let mut input = music(RATE_HZ, num_frames);
        input.truncate(num_channels);
        play(&mut audio, &input, 441, &Controls::default(), Pace::Offline);
        let folder = tempfile::tempdir().unwrap();
        let take = capture.take();
        let files = take.save(&all_parts(), &folder.path().join("new"), "My take").unwrap();
        assert_eq!(files.len(), 7);
        assert_eq!(names(&files)[1], "My take - vocals - no position.wav");
        let saved: Vec<Saved> = files.iter().map(|path| read(path)).collect();
        let length = saved[0].channels[0].len();
        assert!(length > num_frames - audio.latency_frames(), "{length} of {num_frames}");
        let reference = separate(&card, Uneven::boxed(&card, 0), &input, RATE_HZ);
        for channel in 0..num_channels {
            assert_eq!(saved[0].channels[channel], input[channel][..length]);
            let mut worst = 0.0_f32;
            for (frame, sample) in input[channel][..length].iter().enumerate() {
                let sum: f32 = saved[1..].iter().map(|stem| stem.channels[channel][frame]).sum();
                worst = worst.max((sum - sample).abs());
            }
            assert!(worst < 3.2e-6, "a residual of {worst}");
            for (stem, of_source) in saved[1..].iter().zip(&reference) {
                assert_eq!(stem.channels[channel], of_source[channel][..length]);
            }
        }
    }
}

#[test]
fn each_side_of_a_jump_lies_where_the_host_said() {
    let card = Arc::new(ModelCard::builtin());
    let capture = on(60.0);
    let (mut audio, _worker) =
        captured(&card, 1, &capture, Box::new(Identity::new(&card, Instrument::Bass)));
    let input = noise(1, 44_100 * 8);
    let (first, second) = (&input[0][..44_100 * 4], &input[0][44_100 * 4..]);
    play_at(&mut audio, &[first.to_vec()], |frame| HostPlace::At(1_000_000 + frame as i64));
    audio.reset(&Controls::default());
    play_at(&mut audio, &[second.to_vec()], |frame| HostPlace::At(77 + frame as i64));
    let folder = tempfile::tempdir().unwrap();
    let parts = [CapturePart::Stem(Instrument::Bass), CapturePart::Mix];
    let files = capture.take().save(&parts, folder.path(), "take").unwrap();
    assert_eq!(
        names(&files),
        [
            "take - bass - 0h00m22.675s.wav",
            "take - mix - 0h00m22.675s.wav",
            "take - bass - 0h00m00.001s.wav",
            "take - mix - 0h00m00.001s.wav",
        ]
    );
    for (index, sound, reference) in [(0, first, 1_000_000), (2, second, 77)] {
        let (bass, mix) = (read(&files[index]), read(&files[index + 1]));
        assert_eq!((bass.time_reference, mix.time_reference), (reference, reference));
        let length = mix.channels[0].len();
        assert!(length > sound.len() - audio.latency_frames());
        assert_eq!(mix.channels[0], sound[..length], "the first frame is the one of that place");
        for (bass, sound) in bass.channels[0].iter().zip(sound) {
            assert!((bass - sound).abs() < 1e-5);
        }
    }
}

#[test]
fn passes_of_a_loop_lie_over_each_other_and_a_stop_in_silence_is_not_kept() {
    let card = Arc::new(ModelCard::builtin());
    let capture = on(60.0);
    let (mut audio, _worker) =
        captured(&card, 1, &capture, Box::new(Identity::new(&card, Instrument::Bass)));
    let loop_frames = 512 * 100;
    let mut input = noise(1, 3 * loop_frames);
    let stop = 5 * 44_100 / 512 * 512;
    input[0].extend(std::iter::repeat_n(0.0, stop));
    input[0].extend(noise(1, 44_100 * 4).remove(0));
    play_at(&mut audio, &input, |frame| {
        if frame < 3 * loop_frames {
            HostPlace::At(48_000 + (frame % loop_frames) as i64)
        } else if frame < 3 * loop_frames + stop {
            HostPlace::Stopped
        } else {
            HostPlace::At(9_000 + (frame - 3 * loop_frames - stop) as i64)
        }
    });
    let take = capture.take();
    let segments = take.segments();
    let places: Vec<HostPlace> = segments.iter().map(|segment| segment.place).collect();
    assert_eq!(places[..3], [HostPlace::At(48_000); 3]);
    assert_eq!(places[3..], [HostPlace::At(9_000)]);
    assert!(segments.iter().all(|segment| segment.missing_frames == 0), "{segments:?}");
    let folder = tempfile::tempdir().unwrap();
    let files = take.save(&[CapturePart::Mix], folder.path(), "loop").unwrap();
    assert_eq!(names(&files)[2], "loop - mix - 0h00m01.088s (3).wav");
    for (pass, path) in files[..3].iter().enumerate() {
        let sound = &input[0][pass * loop_frames..(pass + 1) * loop_frames];
        assert_eq!(read(path).channels[0], sound);
    }
    let last = read(&files[3]).channels.remove(0);
    assert_eq!(last, input[0][3 * loop_frames + stop..][..last.len()]);
}

#[test]
fn what_is_heard_while_the_timeline_stands_is_kept_and_what_lies_before_it_has_no_place() {
    let card = Arc::new(ModelCard::builtin());
    let capture = on(60.0);
    let estimator = || Box::new(Identity::new(&card, Instrument::Bass));
    let (mut audio, _worker) = captured(&card, 1, &capture, estimator());
    let input = noise(1, 44_100 * 4);
    play_at(&mut audio, &input, |_| HostPlace::Stopped);
    audio.reset(&Controls::default());
    // A pre-roll.
    play_at(&mut audio, &input, |frame| HostPlace::At(frame as i64 - 20_000));
    let folder = tempfile::tempdir().unwrap();
    let files = capture.take().save(&[CapturePart::Mix], folder.path(), "a/b").unwrap();
    assert_eq!(
        names(&files),
        [
            "a-b - mix - no position.wav",
            "a-b - mix - no position (2).wav",
            "a-b - mix - 0h00m00.000s.wav"
        ]
    );
    assert_eq!(read(&files[1]).channels[0], input[0][..20_000]);
    let after = read(&files[2]);
    assert_eq!(after.time_reference, 0);
    assert_eq!(after.channels[0], input[0][20_000..20_000 + after.channels[0].len()]);
}

#[test]
fn no_more_is_held_than_was_asked_for() {
    let card = Arc::new(ModelCard::builtin());
    let capture = on(2.0);
    let (mut audio, _worker) =
        captured(&card, 2, &capture, Box::new(Identity::new(&card, Instrument::Bass)));
    let limit = Capture::limit_bytes_for(2.0, RATE_HZ, 2);
    let mut source = Noise(5);
    let mut input = [Vec::new(), Vec::new()];
    for second in 0..20 {
        let block: Vec<Vec<f32>> =
            (0..2).map(|_| (0..44_100).map(|_| source.sample()).collect()).collect();
        play_at(&mut audio, &block, |frame| HostPlace::At(second * 44_100 + frame as i64));
        input.iter_mut().zip(block).for_each(|(input, block)| input.extend(block));
        assert!(capture.bytes() <= limit && capture.held_seconds() <= 2.0, "second {second}");
    }
    assert!(capture.held_seconds() > 1.9, "{}", capture.held_seconds());
    let take = capture.take();
    let HostPlace::At(first) = take.segments()[0].place else { panic!("no place") };
    let folder = tempfile::tempdir().unwrap();
    let saved = read(&take.save(&[CapturePart::Mix], folder.path(), "end").unwrap()[0]);
    assert_eq!(saved.time_reference, first as u64);
    assert_eq!(saved.channels[1], input[1][first as usize..][..saved.channels[1].len()]);

    capture.set_length(Some(0.5));
    assert!(capture.held_seconds() <= 0.5 && capture.bytes() > 0);
    assert!(take.seconds() > 1.9, "a take keeps what it was taken of");
    capture.set_length(None);
    assert_eq!((capture.bytes(), capture.length_s()), (0, None));
    play_at(&mut audio, &noise(2, 44_100 * 3), |_| HostPlace::Unknown);
    assert_eq!(capture.bytes(), 0, "it is off");
    let error = capture.take().save(&all_parts(), folder.path(), "none").unwrap_err();
    assert!(matches!(error, CaptureError::Empty), "{error}");
}

/// The network stalls, so that results come too late or never: what is held is right all the same,
/// and what is missing is told.
#[test]
fn late_results_are_held_and_missing_ones_are_told() {
    let card = Arc::new(ModelCard::builtin());
    let capture = on(600.0);
    let (estimator, gate) = Gate::before(Uneven::boxed(&card, 0));
    let (mut audio, worker) = captured(&card, 1, &capture, estimator);
    let input = music(RATE_HZ, 44_100 * 30).remove(0);
    let mut begin = 0;
    let mut play_on = |audio: &mut AudioEndpoint, num_frames: usize, pace: Pace| {
        for block in input[begin..begin + num_frames].chunks(500) {
            audio.tell_place(HostPlace::At(begin as i64));
            begin += block.len();
            play(audio, &[block.to_vec()], 500, &Controls::default(), pace);
        }
    };
    play_on(&mut audio, 150_000, Pace::Offline);
    // A run ends so late that the next is left out: within an epoch something is missing.
    gate.shut();
    play_on(&mut audio, 35_000, Pace::Realtime);
    gate.wait_for_run();
    play_on(&mut audio, 45_000, Pace::Realtime);
    gate.release();
    gate.wait_for_run();
    gate.open();
    play_on(&mut audio, 150_000, Pace::Offline);
    assert_eq!(audio.status().num_epochs(), 0, "the ring was long enough");
    // A run ends so late that input is lost: an epoch ends.
    gate.shut();
    play_on(&mut audio, 35_000, Pace::Realtime);
    gate.wait_for_run();
    play_on(&mut audio, 120_000, Pace::Realtime);
    gate.open();
    play_on(&mut audio, 200_000, Pace::Offline);
    assert!(audio.status().num_epochs() > 0, "more came than the ring holds");
    assert!(audio.status().late_frames() > 44_100, "results came too late");
    drop(worker);
    let take = capture.take();
    let segments = take.segments();
    assert!(segments.len() > 1, "{segments:?}");
    let missing: u64 = segments.iter().map(|segment| segment.missing_frames).sum();
    assert!(missing > 0, "the test must make the worker leave out runs: {segments:?}");
    let folder = tempfile::tempdir().unwrap();
    let files = take.save(&[CapturePart::Mix], folder.path(), "late").unwrap();
    assert_eq!(files.len(), segments.len());
    let mut end = 0;
    for (path, segment) in files.iter().zip(&segments) {
        let saved = read(path);
        let place = saved.time_reference;
        let sound = &saved.channels[0];
        assert_eq!(sound[..], input[place as usize..place as usize + sound.len()]);
        // Within an epoch, what is missing is what lies between.
        let told = segment.missing_frames;
        assert!(told == 0 || told == place - end, "{told} are told, {} missing", place - end);
        assert_eq!(saved.description.contains("missing"), told > 0);
        end = place + sound.len() as u64;
    }
}

#[test]
fn a_stream_that_takes_over_begins_a_segment_of_its_own() {
    let card = Arc::new(ModelCard::builtin());
    let mut other = ModelCard::builtin();
    other.model.name = "other".to_owned();
    let other = Arc::new(other);
    let capture = on(60.0);
    let estimator = || Box::new(Identity::new(&card, Instrument::Bass));
    let (mut old, _old_worker) = captured(&card, 1, &capture, estimator());
    let (mut new, _new_worker) = captured(&other, 1, &capture, estimator());
    let input = noise(1, 44_100 * 4);
    play_at(&mut old, &input, |frame| HostPlace::At(frame as i64));
    play_at(&mut new, &input, |frame| HostPlace::At(frame as i64));
    // The old one plays on for a while.
    play_at(&mut old, &input, |frame| HostPlace::At(frame as i64));
    let segments = capture.take().segments();
    let models: Vec<&str> = segments.iter().map(|it| it.model.split(' ').next().unwrap()).collect();
    assert_eq!(models, ["studio", "other"]);
}

#[test]
fn what_cannot_be_saved_is_told_and_leaves_no_file() {
    let text = include_str!("cards/log-mel.toml");
    let card = Arc::new(ModelCard::parse(text, Path::new("card.toml")).unwrap());
    let capture = on(60.0);
    let estimator = Box::new(Identity::new(&card, Instrument::Vocals));
    let (mut audio, _worker) = captured(&card, 1, &capture, estimator);
    play_at(&mut audio, &noise(1, 44_100 * 4), |_| HostPlace::Unknown);
    let folder = tempfile::tempdir().unwrap();
    let take = capture.take();
    let piano = [CapturePart::Stem(Instrument::Piano)];
    let error = take.save(&piano, folder.path(), "take").unwrap_err();
    assert!(error.to_string().contains("mix, vocals, other"), "{error}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for nowhere in [&file, &file.join("below")] {
        let error = take.save(&all_parts(), nowhere, "take").unwrap_err();
        assert!(matches!(error, CaptureError::Folder { .. }), "{error}");
    }
    let left = std::fs::read_dir(folder.path()).unwrap().flatten();
    assert!(left.map(|it| it.path()).all(|path| path.extension().is_none_or(|it| it != "wav")));
    // A folder lies where the second file would be written first: another name is found.
    let blocked = folder.path().join("take - vocals - no position.wav.part");
    std::fs::create_dir(&blocked).unwrap();
    let files = take.save(&all_parts(), folder.path(), "take").unwrap();
    assert!(files.len() == 3 && blocked.is_dir(), "{files:?}");
}
