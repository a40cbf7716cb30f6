//! Soloist Multi: every stem on an output of its own, whichever of them a host wants.
//!
//! With inactive buses nice-plug's own wrappers do not process at all. To see these tests fail on
//! them:
//!
//! ```sh
//! cargo xtask bundle --name plain -- --features plain-wrapper
//! SOLOIST_BUNDLES=target/bundle-plain/bundled cargo test -p xtask --test multi
//! ```

#![allow(clippy::unwrap_used)]

mod common;

use common::{
    NULL_DBFS, assert_identical, delayed, excerpt, load_product, play_stems, rate_hz,
    residual_dbfs, turn,
};
use soloist::files::Audio;
use xtask::bounce::Planar;
use xtask::host::{Format, HeadlessHost, ProcessConfig, Product};

const BLOCK_FRAMES: usize = 512;

const STEMS: [&str; 6] = ["Vocals", "Drums", "Bass", "Guitar", "Piano", "Other"];

fn activated(
    format: Format,
    product: Product,
    instrument: &str,
    mix: &Audio,
) -> Box<dyn HeadlessHost> {
    let mut host = load_product(format, product);
    host.set_parameter("Instrument", instrument).unwrap();
    host.activate(&ProcessConfig::offline(rate_hz(mix), BLOCK_FRAMES)).unwrap();
    host
}

/// What Multi gives for `mix`, its tail included, with these buses active.
fn multi(format: Format, mix: &Audio, is_active: &[bool]) -> (Planar, Vec<Option<Planar>>) {
    let mut host = activated(format, Product::Multi, "Drums", mix);
    let frames = (BLOCK_FRAMES, host.latency_frames());
    play_stems(host.as_mut(), &mix.channels, frames, is_active, |_, _, _| {})
}

#[test]
fn stems_sum_to_the_delayed_mix_and_each_is_what_soloist_isolates() {
    let _turn = turn();
    let mix = excerpt(4.0);
    for format in Format::ALL {
        let mut soloist = activated(format, Product::Soloist, "Drums", &mix);
        let latency = soloist.latency_frames();
        let mut multi_host = activated(format, Product::Multi, "Drums", &mix);
        assert_eq!(multi_host.latency_frames(), latency, "{format}");
        assert_eq!(multi_host.stem_names(), STEMS, "{format}");
        let frames = (BLOCK_FRAMES, latency);
        let (main, stems) =
            play_stems(multi_host.as_mut(), &mix.channels, frames, &[true; 6], |_, _, _| {});

        let mut sum = vec![vec![0.0_f32; main[0].len()]; 2];
        for (name, stem) in STEMS.iter().zip(&stems) {
            let stem = stem.as_ref().unwrap();
            for (sum, channel) in sum.iter_mut().zip(stem) {
                sum.iter_mut().zip(channel).for_each(|(sum, sample)| *sum += sample);
            }
            soloist.set_parameter("Instrument", name).unwrap();
            soloist.activate(&ProcessConfig::offline(rate_hz(&mix), BLOCK_FRAMES)).unwrap();
            let (alone, _) = play_stems(soloist.as_mut(), &mix.channels, frames, &[], |_, _, _| {});
            assert_identical(stem, &alone, &format!("{format}: {name} against Soloist"));
            if *name == "Drums" {
                assert_identical(&main, &alone, &format!("{format}: the main bus"));
            }
        }
        let mut padded = mix.channels.clone();
        padded.iter_mut().for_each(|channel| channel.resize(channel.len() + latency, 0.0));
        let expected = delayed(&padded, latency);
        let residual = residual_dbfs(&sum, &expected);
        assert!(residual <= NULL_DBFS, "{format}: the stems miss the mix by {residual:.1} dBFS");
        assert!(residual_dbfs(&main, &expected) > -60.0, "{format}: nothing was separated");
    }
}

fn any_subset_gives_the_same_samples(format: Format) {
    let _turn = turn();
    let mix = excerpt(3.0);
    let (whole_main, whole) = multi(format, &mix, &[true; 6]);
    let subsets: [&[bool]; 5] = [
        &[],
        &[false; 6],
        &[false, true, false, false, false, true],
        &[true, true],
        &[false, false, false, false, false, true],
    ];
    for is_active in subsets {
        let what = format!("{format} with {is_active:?}");
        let (main, stems) = multi(format, &mix, is_active);
        assert_identical(&main, &whole_main, &what);
        for (stem, expected) in stems.iter().zip(&whole) {
            if let Some(stem) = stem {
                assert_identical(stem, expected.as_ref().unwrap(), &what);
            }
        }
    }
}

#[test]
fn any_subset_of_clap_ports_gives_the_same_samples() {
    any_subset_gives_the_same_samples(Format::Clap);
}

#[test]
fn any_subset_of_vst3_buses_gives_the_same_samples() {
    any_subset_gives_the_same_samples(Format::Vst3);
}

#[test]
fn a_mono_track_goes_into_stereo_stems() {
    let _turn = turn();
    let mut mix = excerpt(2.0);
    mix.channels[1] = mix.channels[0].clone();
    for format in Format::ALL {
        let mut host = load_product(format, Product::Multi);
        let config = ProcessConfig::offline(rate_hz(&mix), BLOCK_FRAMES);
        host.activate(&ProcessConfig { num_inputs: Some(1), ..config }).unwrap();
        let frames = (BLOCK_FRAMES, host.latency_frames());
        // The host sends the left channel only.
        let (main, stems) =
            play_stems(host.as_mut(), &mix.channels, frames, &[true; 6], |_, _, _| {});
        assert_identical(&main[..1], &main[1..], &format!("{format}: left and right"));
        for stem in stems.iter().flatten() {
            assert_identical(&stem[..1], &stem[1..], &format!("{format}: left and right"));
            assert!(stem[0].iter().all(|sample| sample.abs() < 2.0), "{format}");
        }
        let vocals = stems[0].as_ref().unwrap();
        assert_identical(vocals, &main, &format!("{format}: the vocals on both buses"));
    }
}
