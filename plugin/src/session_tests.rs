//! Models chosen before, during and between activations.

use soloist::streaming::{Controls, LatencyMode, StemOutputs, StreamState};

use super::*;
use crate::selection::Fault;

const SETUP: HostSetup =
    HostSetup { sample_rate_hz: 48_000.0, num_channels: 2, mode: LatencyMode::Studio };

/// A session that has activated a model that is not installed.
fn without_model() -> (Session, Option<Box<Player>>, usize) {
    let session = Session::new();
    session.set_model("no such model");
    let mut endpoint = None;
    let latency_frames = session.activate(SETUP, &mut endpoint).unwrap();
    (session, endpoint, latency_frames)
}

#[test]
fn the_same_setup_keeps_the_stream_and_another_makes_one() {
    let (session, mut endpoint, latency_frames) = without_model();
    let stream = |session: &Session| Arc::as_ptr(session.report().stream.as_ref().unwrap());
    let first = stream(&session);
    assert_eq!(session.activate(SETUP, &mut endpoint).unwrap(), latency_frames);
    assert_eq!(stream(&session), first);
    let mono = HostSetup { num_channels: 1, ..SETUP };
    assert_eq!(session.activate(mono, &mut endpoint).unwrap(), latency_frames);
    assert_ne!(stream(&session), first);
}

/// Plays until the exchange with the handoff has nothing more to do; whether one came back.
fn play(session: &Session, player: &mut Player, num_frames: usize) -> bool {
    let controls = Controls::default();
    let mut has_returned = false;
    for _ in 0..num_frames / 512 {
        has_returned |= session.handoff().exchange(player, &controls);
        let mut channels = [vec![0.5_f32; 512], vec![0.5; 512]];
        let [left, right] = &mut channels;
        player.process_stems(&mut [left, right], &mut StemOutputs::default(), &controls);
    }
    has_returned
}

#[test]
fn a_model_chosen_while_active_takes_over_and_the_old_one_is_freed() {
    let (session, mut player, latency_frames) = without_model();
    let player = player.as_mut().unwrap();
    assert!(!play(&session, player, 2 * latency_frames));
    session.set_model("nor this one");
    assert!(session.report().problems()[0].contains("nor this one"));
    let current = session.report().stream.clone().unwrap();
    assert!(!play(&session, player, latency_frames / 2) && player.is_switching());
    assert!(!Arc::ptr_eq(player.status(), &current), "the old one plays on");
    assert!(play(&session, player, latency_frames), "the old one comes back");
    assert!(Arc::ptr_eq(player.status(), &current));
    assert_eq!(player.latency_frames(), latency_frames);
    assert!(!session.take_restart_request());
    assert_eq!(lock(&session.engine).retiring.len(), 1);
    session.tidy();
    assert_eq!(lock(&session.engine).retiring.len(), 0);
}

#[test]
fn a_choice_soon_is_the_choice_when_it_has_settled() {
    let (session, mut player, latency_frames) = without_model();
    let session = Arc::new(session);
    for name in ["one", "two", "three"] {
        session.set_model_soon(name);
    }
    session.settle();
    assert!(session.report().problems()[0].contains("three"));
    play(&session, player.as_mut().unwrap(), 3 * latency_frames);
    session.tidy();
    assert_eq!(lock(&session.engine).retiring.len(), 0);
    let inactive = Arc::new(Session::new());
    inactive.set_model_soon("four");
    assert!(inactive.choosers.lock().unwrap().is_empty(), "nothing plays yet");
    assert_eq!(lock(&inactive.wanted).model, "four");
}

#[test]
fn models_chosen_one_after_the_other_leave_only_the_last() {
    let (session, mut player, latency_frames) = without_model();
    for name in ["one", "two", "three", "four"] {
        session.set_model(name);
        play(&session, player.as_mut().unwrap(), 2048);
        session.tidy();
    }
    play(&session, player.as_mut().unwrap(), 3 * latency_frames);
    session.tidy();
    assert_eq!(lock(&session.engine).retiring.len(), 0);
    let current = session.report().stream.clone().unwrap();
    assert!(Arc::ptr_eq(player.as_ref().unwrap().status(), &current));
}

#[test]
fn a_switch_that_has_not_ended_ends_at_the_next_activation() {
    for fetched in [false, true] {
        let (session, mut player, _) = without_model();
        session.set_model("nor this one");
        if fetched {
            play(&session, player.as_mut().unwrap(), 1024);
        }
        session.activate(SETUP, &mut player).unwrap();
        let current = session.report().stream.clone().unwrap();
        let player = player.as_mut().unwrap();
        assert!(Arc::ptr_eq(player.status(), &current) && !player.is_switching());
        assert_eq!(lock(&session.engine).retiring.len(), 0);
        assert!(!play(&session, player, 1024));
    }
}

#[test]
fn a_rate_out_of_range_leaves_a_session_that_can_be_activated() {
    let (session, mut endpoint, latency_frames) = without_model();
    let wrong = HostSetup { sample_rate_hz: 1.0, ..SETUP };
    assert!(session.activate(wrong, &mut endpoint).is_err());
    assert_eq!(session.activate(SETUP, &mut endpoint).unwrap(), latency_frames);
    play(&session, endpoint.as_mut().unwrap(), 1024);
}

#[test]
fn neither_the_window_nor_the_audio_thread_waits_for_a_change_that_takes_its_time() {
    let (session, mut player, _) = without_model();
    let session = Arc::new(session);
    {
        // As while a folder on a slow disk is looked through, or a loader is waited for.
        let _change = lock(&session.change);
        session.set_model_soon("another");
        session.tidy();
        assert!(session.report().problems()[0].contains("no such model"));
        play(&session, player.as_mut().unwrap(), 1024);
    }
    session.settle();
    assert!(session.report().problems()[0].contains("another"));
}

#[test]
fn streams_that_nobody_plays_are_freed_under_no_lock() {
    let (session, ..) = without_model();
    session.set_model("one");
    "two".clone_into(&mut lock(&session.wanted).model);
    // The audio thread has not fetched the first.
    let freed = session.change_to_wanted();
    assert_eq!((freed._services.len(), freed._slot.outgoing.is_some()), (1, true));
    assert!(session.change.try_lock().is_ok() && session.engine.try_lock().is_ok());
}

/// A folder of resources that is one's own, with a library that does not load.
fn with_resources() -> (Session, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let session = Session { own_path: Some(folder.path().join("plugin.so")), ..Session::new() };
    let library = if cfg!(windows) { "onnxruntime.dll" } else { "libonnxruntime.so" };
    std::fs::create_dir_all(folder.path().join("Soloist-resources/onnxruntime")).unwrap();
    std::fs::write(folder.path().join("Soloist-resources/onnxruntime").join(library), "no library")
        .unwrap();
    (session, folder)
}

#[test]
fn a_model_that_is_installed_later_plays_without_another_choice_and_one_that_failed_is_tried_again()
{
    let (session, folder) = with_resources();
    session.set_model("choir");
    let mut player = None;
    session.activate(SETUP, &mut player).unwrap();
    let stream = |session: &Session| session.report().stream.clone().unwrap();
    assert_eq!(session.report().fault, Some(Fault::ModelMissing));
    let missing = stream(&session);
    session.look_again();
    assert!(Arc::ptr_eq(&missing, &stream(&session)), "nothing has changed");

    let model = folder.path().join("Soloist-resources/models/choir");
    std::fs::create_dir_all(&model).unwrap();
    let card = include_str!("../../models/studio/card.toml");
    let card = card.replacen("name = \"studio\"", "name = \"choir\"", 1);
    std::fs::write(model.join("card.toml"), card).unwrap();
    session.look_again();
    let installed = stream(&session);
    assert!(!Arc::ptr_eq(&missing, &installed));
    assert!(session.report().model_version.is_some() && session.report().fault.is_none());

    while installed.state() != StreamState::Failed {
        std::thread::yield_now();
    }
    session.look_again();
    assert!(!Arc::ptr_eq(&installed, &stream(&session)), "it is tried again");
}
