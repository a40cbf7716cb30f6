//! Two copies of the plugin in one process, as when two versions are installed: each has its own
//! library, its own runtime and its own models, and lives on when the other goes.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{assert_identical, bundles, copy_of_bundles, excerpt, rate_hz, turn};
use tempfile::TempDir;
use xtask::bounce::{BlockPlan, Planar, bounce};
use xtask::host::{self, Format, HeadlessHost};
use xtask::paths::Bundles;
use xtask::setup::runtime_library;

const PLAN: BlockPlan = BlockPlan::Fixed(512);
const DURATION_S: f64 = 3.0;

/// The other copy: the bundles in the folder `SOLOIST_OTHER_BUNDLES`, such as another version's, or
/// a copy of those under test.
fn other_bundles() -> (Option<TempDir>, Bundles) {
    match std::env::var_os("SOLOIST_OTHER_BUNDLES") {
        Some(dir) => (None, Bundles { dir: PathBuf::from(dir) }),
        None => {
            let (folder, copy) = copy_of_bundles();
            (Some(folder), copy)
        }
    }
}

fn load(format: Format, bundles: &Bundles) -> Box<dyn HeadlessHost> {
    let mut host = host::load(format, bundles).unwrap();
    host.set_parameter("Instrument", "Drums").unwrap();
    host
}

fn played(host: &mut dyn HeadlessHost) -> Planar {
    let mix = excerpt(DURATION_S);
    bounce(host, &mix.channels, rate_hz(&mix), PLAN).unwrap()
}

#[test]
fn two_copies_play_in_one_process_and_either_may_go_first() {
    let _turn = turn();
    let (_folder, other) = other_bundles();
    let alone = |bundles: &Bundles, format| played(load(format, bundles).as_mut());
    for format in Format::ALL {
        for other_format in Format::ALL {
            let expected = alone(&bundles(), format);
            let other_expected = alone(&other, other_format);
            let mix = excerpt(DURATION_S).channels;
            for result in [&expected, &other_expected] {
                assert!(result != &mix, "a copy without a model proves nothing");
            }
            for first_goes in [false, true] {
                let what = format!("{format} beside {other_format}, first goes: {first_goes}");
                let mut host = load(format, &bundles());
                let mut other_host = load(other_format, &other);
                let (a, b) = (played(host.as_mut()), played(other_host.as_mut()));
                assert_identical(&a, &expected, &format!("{what}: the first"));
                assert_identical(&b, &other_expected, &format!("{what}: the second"));
                if first_goes {
                    drop(host);
                    let after = played(other_host.as_mut());
                    assert_identical(&after, &other_expected, &format!("{what}: after"));
                } else {
                    drop(other_host);
                    let after = played(host.as_mut());
                    assert_identical(&after, &expected, &format!("{what}: after"));
                }
            }
        }
    }
}

/// A copy without a runtime does not help itself to the one that the other has loaded; a copy that
/// did would play with a runtime of another version than its own.
#[test]
fn each_copy_loads_its_own_runtime() {
    let _turn = turn();
    let (_folder, copy) = copy_of_bundles();
    for resources in [copy.clap_resources(), copy.vst3_resources()] {
        fs::remove_file(runtime_library(&resources).unwrap()).unwrap();
    }
    for format in Format::ALL {
        let mut whole = load(format, &bundles());
        let expected = played(whole.as_mut());
        let mut broken = load(format, &copy);
        let mix = excerpt(DURATION_S).channels;
        assert_identical(&played(broken.as_mut()), &mix, &format!("{format}: broken"));
        assert_identical(&played(whole.as_mut()), &expected, &format!("{format}: whole"));
    }
}
