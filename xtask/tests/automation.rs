//! Parameters as hosts move them: at their frames, by modulators, as text.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bundles, load, load_product, turn};
use xtask::host::clap::ClapHost;
use xtask::host::{Format, HeadlessHost, ProcessConfig, Product};

/// Read-only numbers among the parameters.
const METERS: [&str; 2] = ["Load", "Late Blocks"];

const RATE_HZ: f64 = 8000.0;
const BLOCK_FRAMES: usize = 256;
const LEVEL: f32 = 0.5;

/// Activates at a low rate and plays a constant until it comes out of the delay, at mix 0.
fn settled(host: &mut dyn HeadlessHost) {
    host.set_parameter("Mix", "0 %").unwrap();
    host.activate(&ProcessConfig::realtime(RATE_HZ, BLOCK_FRAMES)).unwrap();
    for _ in 0..host.latency_frames() / BLOCK_FRAMES + 2 {
        next_block(host);
    }
    assert_eq!(next_block(host), vec![LEVEL; BLOCK_FRAMES]);
}

fn next_block(host: &mut dyn HeadlessHost) -> Vec<f32> {
    let mut channels = [vec![LEVEL; BLOCK_FRAMES], vec![LEVEL; BLOCK_FRAMES]];
    let [left, right] = &mut channels;
    host.process(&mut [left, right]).unwrap();
    let [left, _] = channels;
    left
}

#[test]
fn an_automation_point_acts_at_its_frame() {
    let _turn = turn();
    for format in Format::ALL {
        let mut host = load(format);
        settled(host.as_mut());
        for at_frame in [0, 1, 37, 128, 255] {
            host.set_parameter_at("Output Gain", "-6 dB", at_frame).unwrap();
            let block = next_block(host.as_mut());
            let first = block.iter().position(|sample| *sample != LEVEL);
            assert_eq!(first, Some(at_frame), "{format}");
            host.set_parameter("Output Gain", "0 dB").unwrap();
            next_block(host.as_mut());
            assert_eq!(next_block(host.as_mut())[0], LEVEL, "{format}: the gain is back");
        }
        // Two points in one block: away at 40, and back at 41 before it has gone far.
        host.set_parameter_at("Output Gain", "-24 dB", 40).unwrap();
        host.set_parameter_at("Output Gain", "0 dB", 41).unwrap();
        let block = next_block(host.as_mut());
        assert!(block[40] < LEVEL && block[40] > 0.9 * LEVEL, "{format}: {}", block[40]);
        assert!(block[41] > block[40], "{format}: the second point");
        assert_eq!(block[255], LEVEL, "{format}");
    }
}

#[test]
fn events_outside_of_the_block_do_no_harm() {
    let _turn = turn();
    for format in Format::ALL {
        let mut host = load(format);
        settled(host.as_mut());
        host.be_careless();
        for at_frame in [BLOCK_FRAMES, 100_000, 7] {
            host.set_parameter_at("Output Gain", "-6 dB", at_frame).unwrap();
        }
        let block = next_block(host.as_mut());
        let first = block.iter().position(|sample| *sample != LEVEL);
        assert_eq!(first, Some(7), "{format}: the one inside acts at its frame");
        host.set_parameter_at("Output Gain", "0 dB", 100_000).unwrap();
        let block = next_block(host.as_mut());
        assert!((block[254] / LEVEL - 0.501).abs() < 0.001, "{format}: not before the end");
        next_block(host.as_mut());
        assert_eq!(next_block(host.as_mut())[0], LEVEL, "{format}: but then");
    }
}

fn load_clap() -> ClapHost {
    ClapHost::load(&bundles().clap(), Product::Soloist).expect("run `cargo xtask bundle` first")
}

#[test]
fn a_modulator_offsets_the_sound_and_not_the_parameter() {
    let _turn = turn();
    let mut host = load_clap();
    settled(&mut host);
    let (state, text) = (host.save_state().unwrap(), host.parameter_text("Output Gain").unwrap());
    // An eighth of 48 dB down.
    host.modulate("Output Gain", -0.125, 100).unwrap();
    let block = next_block(&mut host);
    assert_eq!(block.iter().position(|sample| *sample != LEVEL), Some(100));
    next_block(&mut host);
    let gain = next_block(&mut host)[0] / LEVEL;
    assert!((20.0 * gain.log10() + 6.0).abs() < 0.05, "{gain}");
    assert_eq!(host.save_state().unwrap(), state, "the state holds no modulation");
    assert_eq!(host.parameter_text("Output Gain").unwrap(), text);
    host.modulate("Output Gain", 0.0, 0).unwrap();
    next_block(&mut host);
    assert_eq!(next_block(&mut host), vec![LEVEL; BLOCK_FRAMES]);
    assert!(host.modulate("Latency Mode", 0.5, 0).is_err());
}

#[test]
fn remote_control_pages_hold_every_parameter_once() {
    let _turn = turn();
    let mut host = load_clap();
    let pages = host.remote_pages().unwrap();
    let names: Vec<&str> = pages.iter().map(|page| page.name.1.as_str()).collect();
    assert_eq!(names, ["Main", "Gains", "Solos", "Mutes"]);
    assert_eq!(pages[0].parameters[..4], ["Instrument", "Mode", "Mix", "Focus"]);
    let mut on_pages: Vec<String> = pages.into_iter().flat_map(|page| page.parameters).collect();
    let mut all = host.parameter_names();
    all.retain(|name| !METERS.contains(&name.as_str()));
    on_pages.sort();
    all.sort();
    assert_eq!(on_pages, all);
}

#[test]
fn values_are_understood_as_users_type_them() {
    let _turn = turn();
    for format in Format::ALL {
        let mut host = load(format);
        for (name, typed, shown) in [
            ("Mix", "50%", "50.0"),
            ("Mix", "0.5", "0.5"),
            ("Focus", "-33 %", "-33.0"),
            ("Output Gain", "-6", "-6.0"),
            ("Output Gain", "-6 dB", "-6.0"),
            ("Vocals Gain", "-inf", "-inf"),
            ("Other Gain", "-6,5 db", "-6.5"),
            ("Piano Solo", "on", "On"),
            ("Mode", "Remix", "Remix"),
            ("Mode", "remove", "Remove"),
            ("Instrument", "PIANO", "Piano"),
            ("When Late", "Wait (Bounce)", "Wait (Bounce)"),
        ] {
            host.set_parameter(name, typed).unwrap();
            let text = host.parameter_text(name).unwrap();
            assert!(text.starts_with(shown), "{format}: {name} {typed} reads {text}");
        }
        for (name, typed) in [("Mix", "much"), ("Output Gain", "nan"), ("Bass Mute", "maybe")] {
            assert!(host.set_parameter(name, typed).is_err(), "{format}: {name} {typed}");
        }
    }
}

#[test]
fn another_latency_mode_asks_for_a_restart_and_then_holds() {
    let _turn = turn();
    for product in Product::ALL {
        for format in Format::ALL {
            let mut host = load_product(format, product);
            let config = ProcessConfig::realtime(48_000.0, BLOCK_FRAMES);
            host.activate(&config).unwrap();
            let studio = host.latency_frames();
            next_block(host.as_mut());
            let before = host.calls().restart_requests;
            host.set_parameter("Latency Mode", "Balanced").unwrap();
            for _ in 0..5 {
                next_block(host.as_mut());
            }
            assert_eq!(host.latency_frames(), studio, "{format}: moved while active");
            if format == Format::Clap {
                assert_eq!(host.calls().restart_requests, before + 1, "{format}: asked once");
            }
            host.activate(&config).unwrap();
            let balanced = host.latency_frames();
            assert!((0.6..0.8).contains(&(balanced as f64 / 48_000.0)), "{format}: {balanced}");
            assert_eq!(host.parameter_text("Latency Mode").unwrap(), "Balanced");
        }
    }
}

#[test]
fn meters_tell_of_late_results_and_are_neither_set_nor_saved_nor_automated() {
    let _turn = turn();
    for format in Format::ALL {
        let mut host = load(format);
        let state = host.save_state().unwrap();
        for meter in METERS {
            assert!(host.parameter_names().iter().any(|name| name == meter), "{format}: {meter}");
            assert!(!String::from_utf8_lossy(&state).contains(meter), "{format}");
        }
        assert_eq!(host.parameter_text("Late Blocks").unwrap(), "0", "{format}");
        // Offline, so that the model is there; then faster than any network can follow.
        host.activate(&ProcessConfig::offline(44_100.0, 4096)).unwrap();
        let play = |host: &mut dyn HeadlessHost, num_blocks: usize| {
            for _ in 0..num_blocks {
                host.process(&mut [&mut [0.1; 4096], &mut [0.1; 4096]]).unwrap();
            }
        };
        // A reading is told when the worker gets round to it, after the results that it is of.
        let is_loaded = |host: &mut dyn HeadlessHost| {
            play(host, 50);
            host.parameter_text("Load").unwrap() != "0.0 %"
        };
        assert!((0..10).any(|_| is_loaded(host.as_mut())), "{format}: no load in 46 s of sound");
        assert_eq!(host.parameter_text("Late Blocks").unwrap(), "0", "{format}");
        host.activate(&ProcessConfig::realtime(44_100.0, 4096)).unwrap();
        play(host.as_mut(), 100);
        let late = host.parameter_text("Late Blocks").unwrap();
        assert!(late.parse::<u32>().unwrap() > 0, "{format}: {late}");
        assert!(host.values_sent() > 0, "{format}: the host was not told");
        assert_eq!(host.save_state().unwrap(), state, "{format}: the state holds no meter");
        assert!(!host.is_automatable("Load").unwrap(), "{format}");
        assert!(host.is_automatable("Mix").unwrap(), "{format}");
        assert!(!host.is_automatable("Latency Mode").unwrap(), "{format}");
    }
}
