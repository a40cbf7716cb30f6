//! What hosts may rely on: CLAP's latency rule, states, parameters, odd blocks, bad input.

#![allow(clippy::unwrap_used)]

mod common;

use common::{excerpt, load, rate_hz, turn};
use xtask::bounce::{BlockPlan, play};
use xtask::host::{Format, ProcessConfig};

/// CLAP: the latency may change inside `activate` only, and is told there. nice-plug's own wrapper
/// changes it untold and asks for a restart to tell of it.
#[test]
fn a_clap_latency_changes_during_activate_only() {
    let _turn = turn();
    let mix = excerpt(1.0);
    let mut host = load(Format::Clap);
    let state = host.save_state().unwrap();
    let mut known = host.latency_frames();
    for rate_hz in [44_100.0, 96_000.0, 96_000.0, 48_000.0] {
        let before = host.calls();
        host.activate(&ProcessConfig::offline(rate_hz, 512)).unwrap();
        let latency = host.latency_frames();
        let told = host.calls().latency_changes - before.latency_changes;
        assert_eq!(told, usize::from(latency != known), "at {rate_hz} Hz, {known} to {latency}");
        assert_eq!(host.calls().restart_requests, before.restart_requests, "at {rate_hz} Hz");
        known = latency;
        play(host.as_mut(), &mix.channels, BlockPlan::Fixed(512), 0).unwrap();
        host.set_parameter("Instrument", "Bass").unwrap();
        host.set_parameter("Bypass", "On").unwrap();
        play(host.as_mut(), &mix.channels, BlockPlan::Fixed(77), 0).unwrap();
        host.load_state(&state).unwrap();
        play(host.as_mut(), &mix.channels, BlockPlan::Fixed(511), 0).unwrap();
        assert_eq!(host.latency_frames(), latency, "latency moved while active");
        host.deactivate();
        host.load_state(&state).unwrap();
    }
    let calls = host.calls();
    assert_eq!(calls.forbidden_latency_changes, 0, "{calls:?}");
}

#[test]
fn latency_follows_the_rate_at_activation_in_both_formats_alike() {
    let _turn = turn();
    let (mut clap, mut vst3) = (load(Format::Clap), load(Format::Vst3));
    let mut last = 0;
    for rate_hz in [44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0] {
        for host in [&mut clap, &mut vst3] {
            host.activate(&ProcessConfig::offline(rate_hz, 64)).unwrap();
        }
        let latency = clap.latency_frames();
        assert_eq!(latency, vst3.latency_frames(), "formats differ at {rate_hz} Hz");
        assert!(latency > last, "{latency} frames at {rate_hz} Hz, {last} at a lower rate");
        last = latency;
    }
}

#[test]
fn a_saved_state_restores_every_parameter() {
    let _turn = turn();
    let set = [
        ("Instrument", "Piano"),
        ("Mode", "Remove"),
        ("Mix", "37.5"),
        ("Output Gain", "-6"),
        ("Bypass", "On"),
    ];
    for format in Format::ALL {
        let mut host = load(format);
        for (name, text) in set {
            host.set_parameter(name, text).unwrap();
        }
        let texts = |host: &mut dyn xtask::host::HeadlessHost| -> Vec<String> {
            let names = host.parameter_names();
            names.iter().map(|name| host.parameter_text(name).unwrap()).collect()
        };
        let before = texts(host.as_mut());
        assert!(before.contains(&"Piano".to_owned()), "{format}: {before:?}");
        let state = host.save_state().unwrap();

        let mut other = load(format);
        assert_ne!(texts(other.as_mut()), before, "{format}: the defaults are what was set");
        other.load_state(&state).unwrap();
        assert_eq!(texts(other.as_mut()), before, "{format}");
    }
}

#[test]
fn a_state_of_nonsense_is_refused_and_changes_nothing() {
    let _turn = turn();
    for format in Format::ALL {
        let mut host = load(format);
        host.set_parameter("Instrument", "Guitar").unwrap();
        let before = host.save_state().unwrap();
        for nonsense in [&b""[..], b"\0\0\0\0\0\0\0\0", b"{\"params\": [", &[0xff; 64]] {
            // Refused or ignored: what counts is that nothing changes.
            let _ = host.load_state(nonsense);
            assert_eq!(host.parameter_text("Instrument").unwrap(), "Guitar", "{format}");
        }
        assert_eq!(host.save_state().unwrap(), before, "{format}");
    }
}

#[test]
fn an_instrument_is_chosen_by_its_name_and_no_other() {
    let _turn = turn();
    for format in Format::ALL {
        let mut host = load(format);
        for name in ["Vocals", "Drums", "Bass", "Guitar", "Piano", "Other"] {
            host.set_parameter("Instrument", name).unwrap();
            assert_eq!(host.parameter_text("Instrument").unwrap(), name, "{format}");
        }
        assert!(host.set_parameter("Instrument", "Tuba").is_err(), "{format}");
        assert!(host.set_parameter("Volume", "1").is_err(), "{format}");
    }
}

#[test]
fn empty_blocks_are_harmless() {
    let _turn = turn();
    for format in Format::ALL {
        let mut host = load(format);
        host.activate(&ProcessConfig::realtime(44_100.0, 64)).unwrap();
        for _ in 0..3 {
            host.process(&mut [&mut [], &mut []]).unwrap();
            host.process(&mut [&mut [0.25], &mut [0.5]]).unwrap();
        }
    }
}

#[test]
fn bad_samples_at_the_input_do_not_stay() {
    let _turn = turn();
    let mut mix = excerpt(6.0);
    for (frame, bad) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-42].iter().enumerate() {
        mix.channels[0][1000 + frame] = *bad;
    }
    for format in Format::ALL {
        let mut host = load(format);
        host.activate(&ProcessConfig::offline(rate_hz(&mix), 512)).unwrap();
        let output = play(host.as_mut(), &mix.channels, BlockPlan::Fixed(512), 0).unwrap();
        let finite = output.iter().flatten().all(|sample| sample.is_finite());
        assert!(finite, "{format}: the output is not finite everywhere");
        let sounding = output.iter().flatten().any(|sample| sample.abs() > 1e-3);
        assert!(sounding, "{format}: nothing came out");
    }
}
