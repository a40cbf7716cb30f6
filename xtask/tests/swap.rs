//! Another model is chosen while the plugin is active: it takes over without a gap.

#![allow(clippy::unwrap_used)]

mod common;

use common::{
    NULL_DBFS, copy_of_bundles, delayed, excerpt, play_stems, rate_hz, residual_dbfs, turn,
    with_model,
};
use soloist::files::Audio;
use tempfile::TempDir;
use xtask::bounce::Planar;
use xtask::host::{self, Format, HeadlessHost, ProcessConfig, Product};
use xtask::paths::Bundles;
use xtask::setup::copy_dir;

const BLOCK_FRAMES: usize = 512;

/// A copy of the bundles in which `studio` is installed once more, under the name `twin`: the same
/// latency and the same network, so that what is heard can be told from nothing but the grid of
/// hop frames, which begins anew with a stream.
fn bundles_with_a_twin() -> (TempDir, Bundles) {
    let (folder, bundles) = copy_of_bundles();
    for resources in [bundles.clap_resources(), bundles.vst3_resources()] {
        let models = resources.join("models");
        copy_dir(&models.join("studio"), &models.join("twin")).unwrap();
        let card = models.join("twin").join("card.toml");
        let text = std::fs::read_to_string(&card).unwrap();
        let renamed = text.replacen("name = \"studio\"", "name = \"twin\"", 1);
        assert_ne!(renamed, text, "the card has a name");
        std::fs::write(&card, renamed).unwrap();
    }
    (folder, bundles)
}

/// Drums out of `mix`, and the sum of all stems, when `model` is chosen halfway and every result is
/// waited for.
fn played(format: Format, bundles: &Bundles, mix: &Audio, model: &str) -> (Planar, Planar) {
    let mut host = host::load_product(format, bundles, Product::Multi).unwrap();
    host.set_parameter("Instrument", "Drums").unwrap();
    host.set_parameter("When Late", "Wait (Bounce)").unwrap();
    host.activate(&ProcessConfig::realtime(rate_hz(mix), BLOCK_FRAMES)).unwrap();
    let restarts = host.calls().restart_requests;
    let change = |host: &mut dyn HeadlessHost, begin: usize, _: usize| {
        if begin == halfway(mix) {
            let state = host.save_state().unwrap();
            host.load_state_while_active(&with_model(&state, model)).unwrap();
            // The model is looked up meanwhile, as on a track; here blocks come much faster.
            std::thread::sleep(std::time::Duration::from_secs(2));
        }
    };
    let blocks = (BLOCK_FRAMES, 0);
    let (main, stems) = play_stems(host.as_mut(), &mix.channels, blocks, &[true; 6], change);
    assert_eq!(host.calls().restart_requests, restarts, "{format}: a restart for equal latency");
    let mut sum: Planar = vec![vec![0.0; mix.num_frames()]; 2];
    for stem in stems.into_iter().flatten() {
        for (sum, channel) in sum.iter_mut().zip(stem) {
            sum.iter_mut().zip(channel).for_each(|(sum, sample)| *sum += sample);
        }
    }
    (main, sum)
}

fn halfway(mix: &Audio) -> usize {
    mix.num_frames() / 2 / BLOCK_FRAMES * BLOCK_FRAMES
}

/// The other stream takes over in its own time, so that no two runs are alike then: what sums to the
/// mix are the stems of one run.
#[test]
fn a_model_of_the_same_latency_takes_over_and_the_stems_sum_to_the_mix_all_through() {
    let _turn = turn();
    let (_folder, bundles) = bundles_with_a_twin();
    let mix = excerpt(12.0);
    for format in Format::ALL {
        let (changed, sum) = played(format, &bundles, &mix, "twin");
        let latency = {
            let mut host = host::load_product(format, &bundles, Product::Multi).unwrap();
            host.activate(&ProcessConfig::realtime(rate_hz(&mix), BLOCK_FRAMES)).unwrap();
            host.latency_frames()
        };
        // The halves are begun anew, each after silence: a state that is loaded while processing
        // is stopped comes with a reset.
        let mut expected = delayed(&mix.channels, latency);
        for channel in &mut expected {
            channel[halfway(&mix)..halfway(&mix) + latency].fill(0.0);
        }
        let residual = residual_dbfs(&sum, &expected);
        assert!(residual <= NULL_DBFS, "{format}: the stems miss the mix by {residual:.1} dBFS");
        // The other stream is heard: its masks are the same network's on another grid.
        let (stayed, _) = played(format, &bundles, &mix, "studio");
        let before = residual_dbfs(&first(&changed, halfway(&mix)), &first(&stayed, halfway(&mix)));
        assert!(before <= NULL_DBFS, "{format}: {before:.1} dBFS before the change");
        let after = residual_dbfs(&changed, &stayed);
        assert!(after > -100.0, "{format}: the model has not changed ({after:.1} dBFS)");
        assert!(after < -15.0, "{format}: the models do not do the same ({after:.1} dBFS)");
    }
}

#[test]
fn a_model_of_another_latency_asks_for_a_restart_and_plays_after_it() {
    let _turn = turn();
    let mix = excerpt(2.0);
    for format in Format::ALL {
        let mut host = common::load(format);
        host.activate(&ProcessConfig::realtime(rate_hz(&mix), BLOCK_FRAMES)).unwrap();
        let before = host.latency_frames();
        let state = host.save_state().unwrap();
        host.load_state_while_active(&with_model(&state, "mel-unet")).unwrap();
        let mut restarts = 0;
        for begin in (0..mix.num_frames()).step_by(BLOCK_FRAMES) {
            let end = (begin + BLOCK_FRAMES).min(mix.num_frames());
            let mut block = mix.channels.clone();
            let mut block: Vec<&mut [f32]> =
                block.iter_mut().map(|channel| &mut channel[begin..end]).collect();
            host.process(&mut block).unwrap();
            // At the pace of a sound card: the model is looked up meanwhile.
            std::thread::sleep(std::time::Duration::from_secs_f64(
                (end - begin) as f64 / rate_hz(&mix),
            ));
            restarts = host.calls().restart_requests;
        }
        assert!(restarts > 0, "{format}: no restart was asked for");
        assert_eq!(host.latency_frames(), before, "{format}: until then the latency stays");
        host.activate(&ProcessConfig::realtime(rate_hz(&mix), BLOCK_FRAMES)).unwrap();
        assert_ne!(host.latency_frames(), before, "{format}: it is the other model's now");
    }
}

fn first(audio: &Planar, num_frames: usize) -> Planar {
    audio.iter().map(|channel| channel[..num_frames].to_vec()).collect()
}
