//! What hosts do to plugins: layouts, blocks, activations, states, and the end in mid-run.

#![allow(clippy::unwrap_used)]

mod common;

use std::thread::sleep;
use std::time::Duration;

use common::{assert_identical, delayed, excerpt, load, load_product, play_stems, rate_hz, turn};
use xtask::bounce::{BlockPlan, Planar, bounce, play};
use xtask::host::{Format, HeadlessHost, ProcessConfig, Product, RenderMode};

const PLAN: BlockPlan = BlockPlan::Fixed(512);

#[test]
fn mono_to_stereo_is_the_mono_result_on_both_sides() {
    let _turn = turn();
    let mix = excerpt(4.0);
    for format in Format::ALL {
        let mut host = load(format);
        host.set_parameter("Instrument", "Drums").unwrap();
        let mono = bounce(host.as_mut(), &mix.channels[..1], rate_hz(&mix), PLAN).unwrap();
        let config = ProcessConfig::offline(rate_hz(&mix), PLAN.max_frames());
        host.activate(&ProcessConfig { num_inputs: Some(1), ..config }).unwrap();
        let latency = host.latency_frames();
        let mut stereo = play(host.as_mut(), &mix.channels, PLAN, latency).unwrap();
        stereo.iter_mut().for_each(|channel| drop(channel.drain(..latency)));
        for side in stereo {
            assert_identical(&[side], &mono, &format!("{format}: one side"));
        }
    }
}

#[test]
fn blocks_longer_than_announced_are_played_whole() {
    let _turn = turn();
    let mix = excerpt(3.0);
    for format in Format::ALL {
        for product in Product::ALL {
            let mut host = load_product(format, product);
            host.set_parameter("Bypass", "On").unwrap();
            host.activate(&ProcessConfig::realtime(rate_hz(&mix), 64)).unwrap();
            host.be_careless();
            let latency = host.latency_frames();
            let (main, _) =
                play_stems(host.as_mut(), &mix.channels, (5000, 0), &[false, true], |_, _, _| {});
            let what = format!("{format} {product:?}");
            assert_identical(&main, &delayed(&mix.channels, latency), &what);
        }
    }
}

#[test]
fn fifty_activations_at_all_rates_and_block_sizes_leave_a_plugin_that_works() {
    let _turn = turn();
    let mix = excerpt(3.0);
    for format in Format::ALL {
        for product in Product::ALL {
            let mut host = load_product(format, product);
            host.set_parameter("Bypass", "On").unwrap();
            for cycle in 0..50 {
                let rates = [44_100.0, 48_000.0, 88_200.0, 96_000.0, 176_400.0, 192_000.0];
                let max_block_frames = [1, 16, 64, 441, 1024, 8192][cycle * 5 % 6];
                let config = ProcessConfig {
                    mode: [RenderMode::Realtime, RenderMode::Offline][cycle % 2],
                    num_inputs: (cycle % 3 == 0).then_some(1),
                    ..ProcessConfig::offline(rates[cycle % 6], max_block_frames)
                };
                host.activate(&config).unwrap();
                // Some hosts activate without playing.
                if cycle % 4 != 0 {
                    let short: Planar =
                        mix.channels.iter().map(|channel| channel[..2048].to_vec()).collect();
                    let plan = BlockPlan::Fixed(max_block_frames);
                    play(host.as_mut(), &short, plan, 0).unwrap();
                }
                if cycle % 5 == 0 {
                    host.deactivate();
                    host.deactivate();
                }
            }
            host.activate(&ProcessConfig::realtime(rate_hz(&mix), PLAN.max_frames())).unwrap();
            let latency = host.latency_frames();
            let output = play(host.as_mut(), &mix.channels, PLAN, 0).unwrap();
            let what = format!("{format} {product:?}");
            assert_identical(&output, &delayed(&mix.channels, latency), &what);
        }
    }
}

#[test]
fn an_instance_may_end_while_its_network_runs() {
    let _turn = turn();
    let mix = excerpt(6.0);
    for format in Format::ALL {
        // Opens the model, so that runs begin at once in those that follow.
        let mut warm = load(format);
        bounce(warm.as_mut(), &excerpt(0.5).channels, rate_hz(&mix), PLAN).unwrap();
        for wait_ms in [0, 1, 5, 20, 50, 100] {
            let mut host = load(format);
            host.activate(&ProcessConfig::realtime(rate_hz(&mix), PLAN.max_frames())).unwrap();
            play(host.as_mut(), &mix.channels, PLAN, 0).unwrap();
            sleep(Duration::from_millis(wait_ms));
            if wait_ms % 2 == 0 {
                drop(host);
            } else {
                // Another activation while the run of this one is under way.
                host.activate(&ProcessConfig::realtime(96_000.0, PLAN.max_frames())).unwrap();
            }
        }
    }
}

#[test]
fn saving_while_playing_changes_nothing_and_loading_acts_at_once() {
    let _turn = turn();
    let mix = excerpt(4.0);
    for format in Format::ALL {
        let played = |disturb: &mut dyn FnMut(&mut dyn HeadlessHost, usize)| {
            let mut host = load(format);
            host.set_parameter("Instrument", "Drums").unwrap();
            host.activate(&ProcessConfig::offline(rate_hz(&mix), 512)).unwrap();
            let frames = (512, host.latency_frames());
            let before = |host: &mut dyn HeadlessHost, begin: usize, _: usize| disturb(host, begin);
            play_stems(host.as_mut(), &mix.channels, frames, &[], before).0
        };
        let undisturbed = played(&mut |_, _| {});
        let saved = played(&mut |host, begin| {
            if begin / 512 % 10 == 0 {
                let state = host.save_state().unwrap();
                assert!(!state.is_empty());
                host.load_state(&state).unwrap();
            }
        });
        assert_identical(&saved, &undisturbed, &format!("{format}: saved and loaded"));

        // The same instrument, chosen by a state in the middle.
        let mut host = load(format);
        host.set_parameter("Instrument", "Bass").unwrap();
        let bass = host.save_state().unwrap();
        let middle = 2 * 44_100 / 512 * 512;
        let by_state = played(&mut |host, begin| {
            if begin == middle {
                host.load_state(&bass).unwrap();
            }
        });
        let by_parameter = played(&mut |host, begin| {
            if begin == middle {
                host.set_parameter("Instrument", "Bass").unwrap();
            }
        });
        assert_identical(&by_state, &by_parameter, &format!("{format}: chosen by a state"));
    }
}

#[test]
fn the_tail_is_as_long_as_the_latency_before_and_after_playing() {
    let _turn = turn();
    for format in Format::ALL {
        let mut host = load(format);
        host.activate(&ProcessConfig::realtime(48_000.0, 512)).unwrap();
        let latency = host.latency_frames();
        assert_eq!(host.tail_frames(), latency, "{format}");
        host.process(&mut [&mut [0.5; 512], &mut [0.5; 512]]).unwrap();
        assert_eq!(host.tail_frames(), latency, "{format}");
    }
}

#[test]
fn silent_outputs_are_told_and_sounding_ones_are_not() {
    let _turn = turn();
    for format in Format::ALL {
        let mut host = load_product(format, Product::Multi);
        host.set_parameter("Bypass", "On").unwrap();
        host.activate(&ProcessConfig::realtime(8000.0, 512)).unwrap();
        let latency = host.latency_frames();
        for begin in (0..latency + 1024).step_by(512) {
            let mut stems = [Some(vec![vec![9.0; 512]; 2]), None];
            let main: &mut [&mut [f32]] = &mut [&mut [0.5; 512], &mut [0.5; 512]];
            host.process_stems(main, &mut stems).unwrap();
            // The stems are silent in bypass; the second has no channel to be silent.
            let is_silent = begin + 512 <= latency;
            assert_eq!(host.silent_outputs()[..2], [is_silent, true], "{format} at {begin}");
        }
    }
}

/// A session that version 0.1.0 saved: piano, Remove, 37.5 %, -6 dB, Silence, bypassed.
#[test]
fn a_state_of_version_0_1_0_opens_in_every_format_and_plugin() {
    let _turn = turn();
    let old = include_bytes!("../../plugin/src/fixtures/state-0.1.0.clap");
    for format in Format::ALL {
        // The CLAP wrapper writes the length before the text.
        let state = if format == Format::Clap { &old[..] } else { &old[8..] };
        for product in Product::ALL {
            let mut host = load_product(format, product);
            host.set_parameter("Focus", "80").unwrap();
            host.load_state(state).unwrap();
            for (name, shown) in [
                ("Instrument", "Piano"),
                ("Mode", "Remove"),
                ("Mix", "37.5"),
                ("Output Gain", "-6.0"),
                ("When Late", "Silence"),
                ("Bypass", "On"),
                ("Latency Mode", "Studio"),
                ("Focus", "0.0"),
                ("Guitar Gain", "0.0"),
                ("Guitar Solo", "Off"),
            ] {
                let text = host.parameter_text(name).unwrap();
                assert!(text.starts_with(shown), "{format} {product:?}: {name} reads {text}");
            }
        }
    }
}

#[test]
fn a_host_that_renders_fast_in_secret_gets_the_bounce_when_the_plugin_waits() {
    let _turn = turn();
    let mix = excerpt(4.0);
    for format in Format::ALL {
        let played = |late: &str, config: ProcessConfig| {
            let mut host = load(format);
            host.set_parameter("Instrument", "Drums").unwrap();
            host.set_parameter("When Late", late).unwrap();
            host.activate(&config).unwrap();
            let latency = host.latency_frames();
            play(host.as_mut(), &mix.channels, PLAN, latency).unwrap()
        };
        let (offline, realtime) = (
            ProcessConfig::offline(rate_hz(&mix), 512),
            ProcessConfig::realtime(rate_hz(&mix), 512),
        );
        let bounced = played("Delayed Mix", offline);
        let waited = played("Wait (Bounce)", realtime);
        assert_identical(&waited, &bounced, &format!("{format}: waiting"));
    }
}
