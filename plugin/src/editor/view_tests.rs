//! A window that stays open while streams come and go.

use std::sync::Mutex;

use soloist::inference::Identity;
use soloist::model::ModelCard;
use soloist::streaming::{
    AudioEndpoint, Controls, LatencyMode, StemOutputs, StreamConfig, Worker, split,
};

use super::*;

const RATE_HZ: f64 = 44_100.0;

/// A stream that separates without a network, and its report.
fn stream() -> (Box<AudioEndpoint>, Worker, Arc<Report>) {
    let card = Arc::new(ModelCard::builtin());
    let (sample_rate_hz, mode) = (RATE_HZ, LatencyMode::Studio);
    let config = StreamConfig { card: Arc::clone(&card), sample_rate_hz, num_channels: 1, mode };
    let (audio, work) = split(&config).unwrap();
    let estimator = Box::new(Identity::new(&card, Instrument::Vocals));
    let worker = Worker::spawn(work, move || Ok(estimator)).unwrap();
    let stream = Some(Arc::clone(audio.status()));
    let report = Report { sample_rate_hz, stream, ..Report::default() };
    (Box::new(audio), worker, Arc::new(report))
}

/// Plays a second, waiting for each result: so the worker has made all columns but the last ones.
fn play(audio: &mut AudioEndpoint, seconds: usize) {
    for _ in 0..seconds * 100 {
        let mut block = [0.5_f32; 441];
        let mut stems = StemOutputs::default();
        audio.process_stems_blocking(&mut [&mut block], &mut stems, &Controls::default());
    }
}

#[test]
fn the_picture_goes_on_with_another_stream() {
    let (mut old, _old_worker, first) = stream();
    let (mut new, _new_worker, second) = stream();
    let current = Arc::new(Mutex::new(first));
    let shown = Arc::clone(&current);
    let links = EditorLinks {
        reports: Arc::new(move || Arc::clone(&shown.lock().unwrap())),
        prefetch: Arc::new(|_| ()),
        look_again: Arc::new(|| ()),
        changed: Arc::new(|| ()),
    };
    let mut viewer = Viewer::new("Soloist", Arc::default(), links, Arc::default());
    let mut state = EditorState::default();
    viewer.view(&mut state, 0.0);
    // Three jumps, after which the old stream's epochs are further than the new one's.
    for _ in 0..3 {
        old.reset(&Controls::default());
        play(&mut old, 1);
    }
    for second in 1..8 {
        play(&mut old, 1);
        viewer.view(&mut state, f64::from(second));
    }
    let last = *state.spectrogram.last().unwrap();
    assert!((last.epoch, last.frame) > (2, 5 * 44_100), "{} {}", last.epoch, last.frame);
    // Another model was chosen.
    *current.lock().unwrap() = second;
    viewer.view(&mut state, 9.0);
    new.reset(&Controls::default());
    play(&mut new, 5);
    viewer.view(&mut state, 10.0);
    let last = *state.spectrogram.last().unwrap();
    assert_eq!(last.epoch, 1, "what is drawn is the new stream's");
    assert!((44_100..5 * 44_100).contains(&last.frame), "{}", last.frame);
}
