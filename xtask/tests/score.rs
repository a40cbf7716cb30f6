//! What the shipped model does to the demo mix, heard through the bundle.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bundles, drums, turn};
use soloist::files::{read_audio, sdr_db};
use xtask::host::Format;
use xtask::paths::workspace_root;
use xtask::render::render_audio;

#[test]
fn isolated_drums_of_the_demo_are_8_db_nearer_to_the_true_stem_than_the_mixture() {
    let _turn = turn();
    let demo = |name| read_audio(&workspace_root().join("examples/demo").join(name)).unwrap();
    let (mix, truth) = (demo("mix.ogg"), demo("drums.ogg"));
    let result = render_audio(&mix, &bundles(), &drums(Format::Clap)).unwrap();
    let (before, after) = (sdr_db(&truth, &mix).unwrap(), sdr_db(&truth, &result).unwrap());
    assert!(after - before >= 8.0, "mixture {before:.1} dB, isolated {after:.1} dB");
}
