//! A bundle that lost or broke its runtime or model still plays: the delayed mix, at the same
//! latency, without a crash.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{
    NULL_DBFS, bundles, copy_of_bundles, delayed, excerpt, load, rate_hz, residual_dbfs, turn,
};
use tempfile::TempDir;
use xtask::bounce::{BlockPlan, play};
use xtask::host::{self, Format, ProcessConfig};
use xtask::paths::Bundles;
use xtask::setup::{copy_file, runtime_library};

/// What is done to a resource folder.
type Damage = fn(&Path);

/// A copy of both bundles, far from any other resources, with its resources damaged.
fn damaged_copy(damage: Damage) -> (TempDir, Bundles) {
    let (folder, to) = copy_of_bundles();
    damage(&to.clap_resources());
    damage(&to.vst3_resources());
    (folder, to)
}

fn plays_the_delayed_mix(damage: Damage) {
    let _turn = turn();
    let mix = excerpt(4.0);
    let plan = BlockPlan::Fixed(512);
    let config = ProcessConfig::offline(rate_hz(&mix), plan.max_frames());
    let (_folder, damaged) = damaged_copy(damage);
    for format in Format::ALL {
        let mut whole = load(format);
        whole.activate(&config).unwrap();
        let latency = whole.latency_frames();

        let mut host = host::load(format, &damaged).unwrap();
        host.set_parameter("Instrument", "Drums").unwrap();
        for config in [config, ProcessConfig::realtime(rate_hz(&mix), plan.max_frames())] {
            host.activate(&config).unwrap();
            assert_eq!(host.latency_frames(), latency, "{format}: latency");
            let output = play(host.as_mut(), &mix.channels, plan, 0).unwrap();
            let residual = residual_dbfs(&output, &delayed(&mix.channels, latency));
            assert!(residual <= NULL_DBFS, "{format}: not the delayed mix, {residual:.1} dBFS");
        }
    }
}

fn studio(resources: &Path) -> std::path::PathBuf {
    resources.join("models").join("studio")
}

/// Cuts a file to its first half.
fn halve(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn without_any_resources() {
    plays_the_delayed_mix(|resources| fs::remove_dir_all(resources).unwrap());
}

#[test]
fn without_the_runtime() {
    plays_the_delayed_mix(|resources| {
        fs::remove_file(runtime_library(resources).unwrap()).unwrap();
    });
}

#[test]
fn with_a_runtime_that_is_no_library() {
    plays_the_delayed_mix(|resources| {
        fs::write(runtime_library(resources).unwrap(), "not a library").unwrap();
    });
}

#[test]
fn with_a_runtime_that_was_cut_in_half() {
    plays_the_delayed_mix(|resources| halve(&runtime_library(resources).unwrap()));
}

#[test]
fn with_a_foreign_library_in_place_of_the_runtime() {
    plays_the_delayed_mix(|resources| {
        copy_file(&bundles().vst3_library(), &runtime_library(resources).unwrap()).unwrap();
    });
}

#[test]
fn without_the_model() {
    plays_the_delayed_mix(|resources| fs::remove_dir_all(resources.join("models")).unwrap());
}

#[test]
fn without_the_network_beside_the_card() {
    plays_the_delayed_mix(|resources| {
        fs::remove_file(studio(resources).join("model.onnx")).unwrap();
    });
}

#[test]
fn with_a_network_that_was_cut_in_half() {
    plays_the_delayed_mix(|resources| halve(&studio(resources).join("model.onnx")));
}

#[test]
fn with_a_network_of_which_one_byte_is_wrong() {
    plays_the_delayed_mix(|resources| {
        let path = studio(resources).join("model.onnx");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        fs::write(path, bytes).unwrap();
    });
}

#[test]
fn with_a_card_that_is_no_card() {
    plays_the_delayed_mix(|resources| {
        fs::write(studio(resources).join("card.toml"), "sample_rate = \"a lot\"\n").unwrap();
    });
}
