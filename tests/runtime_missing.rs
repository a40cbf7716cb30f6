//! onnxruntime absent, corrupt or foreign. Alone in its program: a runtime is loaded once a
//! process, and here none ever is until the end.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Pace, config, noise, play, repository, runtime, studio_card};
use soloist::inference::{self, Provider};
use soloist::model::catalogue::with_causes;
use soloist::streaming::{Controls, StreamState, Worker, latency_frames, split};

fn refusal(path: &Path) -> String {
    match inference::open(&studio_card(), path, Provider::Cpu) {
        Err(error) => with_causes(&error),
        Ok(_) => panic!("expected a refusal of {}", path.display()),
    }
}

#[test]
fn every_kind_of_bad_library_is_an_error_in_words_and_a_good_one_works_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("libonnxruntime.so.9");
    assert!(refusal(&absent).contains("libonnxruntime.so.9 cannot be used"));

    let corrupt = folder.path().join("libonnxruntime.so.corrupt");
    let real = std::fs::read(runtime()).unwrap();
    std::fs::write(&corrupt, &real[..4096]).unwrap();
    assert!(refusal(&corrupt).contains("cannot be used"));
    std::fs::write(&corrupt, b"").unwrap();
    assert!(refusal(&corrupt).contains("cannot be used"));
    assert!(refusal(folder.path()).contains("found a folder"));

    // A library, but somebody else's.
    if let Some(foreign) = foreign_library() {
        let message = refusal(&foreign);
        assert!(message.contains("OrtGetApiBase"), "{message}");
    }

    a_stream_without_its_library_plays_the_delayed_mix(&absent);
    assert!(inference::open(&studio_card(), &runtime(), Provider::Cpu).is_ok());
}

fn foreign_library() -> Option<std::path::PathBuf> {
    let deps = std::env::current_exe().ok()?.parent()?.to_owned();
    let is_library = |path: &std::path::PathBuf| {
        path.extension().is_some_and(|e| e == std::env::consts::DLL_EXTENSION)
    };
    // The same at each run; a library that a build was broken off at is not among them for long.
    let libraries = std::fs::read_dir(deps).ok()?.flatten().map(|entry| entry.path());
    libraries.filter(is_library).min()
}

fn a_stream_without_its_library_plays_the_delayed_mix(library: &Path) {
    let card = studio_card();
    let config = config(&card, 44_100.0, 2);
    let (mut audio, endpoint) = split(&config).unwrap();
    let (own, path) = (Arc::clone(&card), library.to_owned());
    let _worker =
        Worker::spawn(endpoint, move || inference::open(&own, &path, Provider::Cpu)).unwrap();
    let latency = audio.latency_frames();
    assert_eq!(latency, latency_frames(&card, 44_100.0, config.mode));
    let input = noise(2, latency + 20_000);
    let output = play(&mut audio, &input, 512, &Controls::default(), Pace::Offline);
    assert_eq!(output[0][latency + 300..], input[0][300..20_000]);
    assert_eq!(audio.status().state(), StreamState::Failed);
    let message = audio.status().message().unwrap();
    assert!(message.contains("libonnxruntime.so.9"), "{message}");
    assert!(repository().join("models").is_dir());
}
