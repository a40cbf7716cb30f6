//! A host may go from playing to bouncing and back; the plugin must follow at once.
//!
//! nice-plug's own VST3 wrapper is one call late here. To see these tests fail on it:
//!
//! ```sh
//! cargo xtask bundle --name plain -- --features plain-wrapper
//! SOLOIST_BUNDLES=target/bundle-plain/bundled cargo test -p xtask --test modes
//! ```

#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_identical, excerpt, load, rate_hz, residual_dbfs, turn};
use soloist::files::Audio;
use xtask::bounce::{BlockPlan, Planar, play};
use xtask::host::{Format, HeadlessHost, ProcessConfig};

const PLAN: BlockPlan = BlockPlan::Fixed(512);

fn play_as(host: &mut dyn HeadlessHost, config: &ProcessConfig, mix: &Audio) -> Planar {
    host.activate(config).unwrap();
    let tail_frames = host.latency_frames();
    play(host, &mix.channels, PLAN, tail_frames).unwrap()
}

/// Bouncing waits for every result; playing faster than any network can follow never does, and
/// gives the delayed mix. So the audio itself tells in which mode the plugin was.
fn realtime_offline_realtime(format: Format) {
    let _turn = turn();
    let mix = excerpt(8.0);
    let offline = ProcessConfig::offline(rate_hz(&mix), PLAN.max_frames());
    let realtime = ProcessConfig::realtime(rate_hz(&mix), PLAN.max_frames());

    let mut reference_host = load(format);
    reference_host.set_parameter("Instrument", "Drums").unwrap();
    // Asked twice: right even where a wrapper is one call late.
    reference_host.activate(&offline).unwrap();
    let reference = play_as(reference_host.as_mut(), &offline, &mix);

    let mut host = load(format);
    host.set_parameter("Instrument", "Drums").unwrap();
    for turn_number in 0..2 {
        let played = play_as(host.as_mut(), &realtime, &mix);
        let difference = residual_dbfs(&played, &reference);
        assert!(difference > -60.0, "realtime number {turn_number} waited for its results");
        let bounced = play_as(host.as_mut(), &offline, &mix);
        assert_identical(&bounced, &reference, &format!("offline number {turn_number}"));
    }
    let played = play_as(host.as_mut(), &realtime, &mix);
    assert!(residual_dbfs(&played, &reference) > -60.0, "the last realtime waited for results");
}

#[test]
fn a_vst3_host_that_asks_realtime_offline_realtime_gets_exactly_that() {
    realtime_offline_realtime(Format::Vst3);
}

#[test]
fn a_clap_host_that_asks_realtime_offline_realtime_gets_exactly_that() {
    realtime_offline_realtime(Format::Clap);
}
