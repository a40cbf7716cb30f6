//! The debug bundle aborts its host when the audio callback allocates: play it hard.
//!
//! Left out of a plain `cargo test`, because it needs `cargo xtask bundle --debug`;
//! `cargo xtask test` builds that bundle and includes this.

mod common;

use common::{excerpt, rate_hz};
use xtask::bounce::BlockPlan;
use xtask::host::{self, Format, ProcessConfig};
use xtask::paths::Bundles;

#[test]
#[ignore = "needs the debug bundle: cargo xtask bundle --debug"]
fn the_audio_callback_never_allocates_while_everything_changes() {
    let mix = excerpt(4.0);
    for format in Format::ALL {
        let mut host = host::load(format, &Bundles::variant("debug")).unwrap();
        let plan = BlockPlan::Random(3);
        host.activate(&ProcessConfig::realtime(rate_hz(&mix), plan.max_frames())).unwrap();
        let mut start = 0;
        for (block, size) in plan.sizes().enumerate() {
            let end = (start + size).min(mix.num_frames());
            if start == end {
                break;
            }
            let instrument = ["Vocals", "Drums", "Bass", "Guitar", "Piano", "Other"][block % 6];
            host.set_parameter_at("Instrument", instrument, size / 2).unwrap();
            host.set_parameter("Mode", ["Isolate", "Remove"][block % 2]).unwrap();
            host.set_parameter("Mix", &format!("{} %", block % 101)).unwrap();
            host.set_parameter("Bypass", ["Off", "On"][block / 3 % 2]).unwrap();
            let mut channels: Vec<Vec<f32>> =
                mix.channels.iter().map(|channel| channel[start..end].to_vec()).collect();
            let mut block: Vec<&mut [f32]> = channels.iter_mut().map(Vec::as_mut_slice).collect();
            host.process(&mut block).unwrap();
            start = end;
        }
    }
}
