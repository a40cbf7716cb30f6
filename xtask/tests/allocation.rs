//! The debug bundle aborts its host when the audio callback allocates: play it hard.
//!
//! Left out of a plain `cargo test`, because it needs `cargo xtask bundle --debug`;
//! `cargo xtask test` builds that bundle and includes this.

#![allow(clippy::unwrap_used)]

mod common;

use std::thread::sleep;
use std::time::Duration;

use common::{excerpt, rate_hz};
use soloist::files::Audio;
use xtask::bounce::{BlockPlan, bounce};
use xtask::host::{self, Format, ProcessConfig, Product, StemBus, Transport};
use xtask::paths::Bundles;

#[test]
#[ignore = "needs the debug bundle: cargo xtask bundle --debug"]
fn the_audio_callback_never_allocates_while_everything_changes() {
    let mix = excerpt(5.0);
    for format in Format::ALL {
        for product in Product::ALL {
            play_hard(format, product, &mix);
        }
    }
}

fn play_hard(format: Format, product: Product, mix: &Audio) {
    let bundles = Bundles::variant("debug");
    let mut host = host::load_product(format, &bundles, product).unwrap();
    let plan = BlockPlan::Random(3);
    // A short bounce opens the model, so that results are there to be mixed afterwards.
    bounce(host.as_mut(), &excerpt(0.5).channels, rate_hz(mix), plan).unwrap();
    host.activate(&ProcessConfig::realtime(rate_hz(mix), plan.max_frames())).unwrap();
    // Events out of order and blocks behind the end of them are mended on the audio thread too.
    host.be_careless();
    let mut start = 0;
    for (block, size) in plan.sizes().enumerate() {
        let end = (start + size).min(mix.num_frames());
        if start == end {
            break;
        }
        let instrument = ["Vocals", "Drums", "Bass", "Guitar", "Piano", "Other"][block % 6];
        host.set_parameter_at("Instrument", instrument, (end - start) / 2).unwrap();
        host.set_parameter("Mode", ["Isolate", "Remove", "Remix"][block % 3]).unwrap();
        host.set_parameter("Mix", &format!("{} %", block % 101)).unwrap();
        host.set_parameter_at("Bypass", ["Off", "On"][block / 3 % 2], 9999).unwrap();
        host.set_parameter("Focus", &format!("{} %", block % 101)).unwrap();
        host.set_parameter("Drums Gain", ["-inf", "-6", "12"][block % 3]).unwrap();
        // A locate every forty blocks.
        let frame = (start + block / 40 * 1_000_000) as i64;
        host.set_transport(Some(Transport { is_playing: true, frame, loop_frames: None }));
        let mut channels: Vec<Vec<f32>> =
            mix.channels.iter().map(|channel| channel[start..end].to_vec()).collect();
        let mut main: Vec<&mut [f32]> = channels.iter_mut().map(Vec::as_mut_slice).collect();
        // Now this bus is active, now that one.
        let bus = |index: usize| (block % 7 != index).then(|| vec![vec![0.0; end - start]; 2]);
        let mut stems: Vec<StemBus> = match product {
            Product::Soloist => Vec::new(),
            Product::Multi => (0..6).map(bus).collect(),
        };
        host.process_stems(&mut main, &mut stems).unwrap();
        // At the pace of a sound card: results come in time, as they do on a track.
        sleep(Duration::from_secs_f64((end - start) as f64 / rate_hz(mix)));
        start = end;
    }
}
