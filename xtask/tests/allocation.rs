//! The debug bundle aborts its host when the audio callback allocates: play it hard.
//!
//! Left out of a plain `cargo test`, because it needs `cargo xtask bundle --debug`;
//! `cargo xtask test` builds that bundle and includes this.

#![allow(clippy::unwrap_used)]

mod common;

use std::thread::sleep;
use std::time::Duration;

use common::{excerpt, rate_hz};
use xtask::bounce::{BlockPlan, bounce};
use xtask::host::{self, Format, ProcessConfig};
use xtask::paths::Bundles;

#[test]
#[ignore = "needs the debug bundle: cargo xtask bundle --debug"]
fn the_audio_callback_never_allocates_while_everything_changes() {
    let mix = excerpt(5.0);
    for format in Format::ALL {
        let mut host = host::load(format, &Bundles::variant("debug")).unwrap();
        let plan = BlockPlan::Random(3);
        // A short bounce opens the model, so that results are there to be mixed afterwards.
        bounce(host.as_mut(), &excerpt(0.5).channels, rate_hz(&mix), plan).unwrap();
        host.activate(&ProcessConfig::realtime(rate_hz(&mix), plan.max_frames())).unwrap();
        let mut start = 0;
        for (block, size) in plan.sizes().enumerate() {
            let end = (start + size).min(mix.num_frames());
            if start == end {
                break;
            }
            let instrument = ["Vocals", "Drums", "Bass", "Guitar", "Piano", "Other"][block % 6];
            host.set_parameter_at("Instrument", instrument, (end - start) / 2).unwrap();
            host.set_parameter("Mode", ["Isolate", "Remove"][block % 2]).unwrap();
            host.set_parameter("Mix", &format!("{} %", block % 101)).unwrap();
            host.set_parameter("Bypass", ["Off", "On"][block / 3 % 2]).unwrap();
            let mut channels: Vec<Vec<f32>> =
                mix.channels.iter().map(|channel| channel[start..end].to_vec()).collect();
            let mut block: Vec<&mut [f32]> = channels.iter_mut().map(Vec::as_mut_slice).collect();
            host.process(&mut block).unwrap();
            // At the pace of a sound card: results come in time, as they do on a track.
            sleep(Duration::from_secs_f64((end - start) as f64 / rate_hz(&mix)));
            start = end;
        }
    }
}
