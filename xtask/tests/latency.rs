//! The latency that the plugin reports is the delay that its audio has, in every condition.

#![allow(clippy::unwrap_used)]

mod common;

use common::{NULL_DBFS, delayed, excerpt, load, rate_hz, residual_dbfs, turn};
use xtask::bounce::{BlockPlan, Planar, play};
use xtask::host::{Format, HeadlessHost, ProcessConfig};
use xtask::lag::lag_frames;
use xtask::resample::resample;

const PLAN: BlockPlan = BlockPlan::Fixed(512);

/// Plays through an activated host; the output, and the lag that is measured in it.
fn measure(host: &mut dyn HeadlessHost, input: &[Vec<f32>]) -> (Planar, usize) {
    let tail_frames = host.latency_frames();
    let output = play(host, input, PLAN, tail_frames).unwrap();
    let lag = lag_frames(input, &output).unwrap();
    (output, usize::try_from(lag).expect("the output does not lead"))
}

fn with_tail(input: &[Vec<f32>], tail_frames: usize) -> Planar {
    let silent_tail = |channel: &Vec<f32>| {
        channel.iter().copied().chain(std::iter::repeat_n(0.0, tail_frames)).collect()
    };
    input.iter().map(silent_tail).collect()
}

#[test]
fn reported_latency_is_measured_latency_at_every_mix_amount() {
    let _turn = turn();
    let mix = excerpt(6.0);
    for format in Format::ALL {
        let mut host = load(format);
        host.set_parameter("Instrument", "Drums").unwrap();
        host.activate(&ProcessConfig::offline(rate_hz(&mix), PLAN.max_frames())).unwrap();
        let latency = host.latency_frames();
        assert!(latency > 0, "{format}: no latency reported");
        for amount in ["0 %", "50 %", "100 %"] {
            host.set_parameter("Mix", amount).unwrap();
            host.activate(&ProcessConfig::offline(rate_hz(&mix), PLAN.max_frames())).unwrap();
            let (_, lag) = measure(host.as_mut(), &mix.channels);
            assert_eq!(lag, host.latency_frames(), "{format} at mix {amount}");
            assert_eq!(latency, host.latency_frames(), "{format}: latency moved with the mix");
        }
    }
}

#[test]
fn reported_latency_is_measured_latency_at_other_rates_and_in_mono() {
    let _turn = turn();
    for (format, rate, num_channels) in
        [(Format::Clap, 48_000, 1), (Format::Vst3, 96_000, 2), (Format::Vst3, 22_050, 1)]
    {
        let mut mix = resample(excerpt(4.0), rate).unwrap();
        mix.channels.truncate(num_channels);
        let mut host = load(format);
        let config = ProcessConfig::offline(rate_hz(&mix), PLAN.max_frames());
        host.activate(&ProcessConfig { num_channels, ..config }).unwrap();
        let (_, lag) = measure(host.as_mut(), &mix.channels);
        assert_eq!(lag, host.latency_frames(), "{format} at {rate} Hz, {num_channels} channels");
    }
}

#[test]
fn at_mix_zero_and_in_bypass_the_output_is_the_input_delayed_by_the_latency() {
    let _turn = turn();
    let mix = excerpt(5.0);
    for format in Format::ALL {
        for (name, value) in [("Mix", "0 %"), ("Bypass", "On")] {
            let mut host = load(format);
            host.set_parameter(name, value).unwrap();
            host.activate(&ProcessConfig::offline(rate_hz(&mix), PLAN.max_frames())).unwrap();
            let latency = host.latency_frames();
            let (output, lag) = measure(host.as_mut(), &mix.channels);
            assert_eq!(lag, latency, "{format} with {name} {value}");
            let expected = delayed(&with_tail(&mix.channels, latency), latency);
            let residual = residual_dbfs(&output, &expected);
            assert!(residual <= NULL_DBFS, "{format} with {name} {value}: {residual:.1} dBFS");
        }
    }
}

#[test]
fn latency_is_the_same_in_realtime_and_late_results_are_replaced_by_the_delayed_mix() {
    let _turn = turn();
    let mix = excerpt(6.0);
    for format in Format::ALL {
        let mut host = load(format);
        host.set_parameter("Instrument", "Drums").unwrap();
        host.activate(&ProcessConfig::offline(rate_hz(&mix), PLAN.max_frames())).unwrap();
        let offline = host.latency_frames();
        host.activate(&ProcessConfig::realtime(rate_hz(&mix), PLAN.max_frames())).unwrap();
        // Played as fast as the processor allows: every result comes too late.
        let (_, lag) = measure(host.as_mut(), &mix.channels);
        assert_eq!((lag, host.latency_frames()), (offline, offline), "{format}");
    }
}
