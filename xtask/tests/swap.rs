//! Another model is chosen while the plugin is active: it takes over without a gap.

#![allow(clippy::unwrap_used)]

mod common;

use std::ops::Range;
use std::time::Duration;

use common::{
    NULL_DBFS, delayed, excerpt, load_product, play_stems, rate_hz, residual_dbfs, turn, with_model,
};
use soloist::files::Audio;
use xtask::bounce::Planar;
use xtask::host::{Format, HeadlessHost, ProcessConfig, Product};

const BLOCK_FRAMES: usize = 512;

/// Drums out of `mix`, and the sum of all stems, by the first of two models and from halfway on by the
/// second, with every result waited for.
fn played(format: Format, mix: &Audio, models: [&str; 2]) -> (Planar, Planar) {
    let mut host = load_product(format, Product::Multi);
    host.set_parameter("Instrument", "Drums").unwrap();
    host.set_parameter("When Late", "Wait (Bounce)").unwrap();
    let state = host.save_state().unwrap();
    host.load_state(&with_model(&state, models[0])).unwrap();
    host.activate(&ProcessConfig::realtime(rate_hz(mix), BLOCK_FRAMES)).unwrap();
    let restarts = host.calls().restart_requests;
    let change = |host: &mut dyn HeadlessHost, begin: usize, _: usize| {
        if begin == halfway(mix) {
            host.load_state_while_active(&with_model(&state, models[1])).unwrap();
            // The model is looked up meanwhile, as on a track; here blocks come much faster.
            let is_another = models[0] != models[1];
            std::thread::sleep(Duration::from_secs(if is_another { 5 } else { 1 }));
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
    let mix = excerpt(12.0);
    for format in Format::ALL {
        let (changed, sum) = played(format, &mix, ["studio", "studio-lite"]);
        let latency = {
            let mut host = load_product(format, Product::Multi);
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

        let (studio, _) = played(format, &mix, ["studio", "studio"]);
        let (lite, _) = played(format, &mix, ["studio-lite", "studio-lite"]);
        let until = |audio: &Planar| part(audio, 0..halfway(&mix));
        let before = residual_dbfs(&until(&changed), &until(&studio));
        assert!(before <= NULL_DBFS, "{format}: {before:.1} dBFS before the change");
        // By then it is heard. Where its hop frames stand depends on when it came.
        let at_last = |audio: &Planar| part(audio, mix.num_frames() - 65_536..mix.num_frames());
        let distance = |other: &Planar| energy_of_difference(&at_last(&changed), &at_last(other));
        let (to_lite, to_studio) = (distance(&lite), distance(&studio));
        assert!(to_lite < to_studio / 4.0, "{format}: {to_lite} from it, {to_studio} from the old");
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
        // At the pace of a sound card: the model is looked up meanwhile.
        let asked = std::time::Instant::now();
        let is_asked = |host: &dyn HeadlessHost| host.calls().restart_requests > 0;
        while !is_asked(host.as_ref()) && asked.elapsed() < Duration::from_secs(60) {
            let mut block: Vec<Vec<f32>> =
                mix.channels.iter().map(|channel| channel[..BLOCK_FRAMES].to_vec()).collect();
            let mut block: Vec<&mut [f32]> = block.iter_mut().map(Vec::as_mut_slice).collect();
            host.process(&mut block).unwrap();
            std::thread::sleep(Duration::from_secs_f64(BLOCK_FRAMES as f64 / rate_hz(&mix)));
        }
        let restarts = host.calls().restart_requests;
        assert!(restarts > 0, "{format}: no restart was asked for");
        assert_eq!(host.latency_frames(), before, "{format}: until then the latency stays");
        host.activate(&ProcessConfig::realtime(rate_hz(&mix), BLOCK_FRAMES)).unwrap();
        assert_ne!(host.latency_frames(), before, "{format}: it is the other model's now");
    }
}

fn part(audio: &Planar, frames: Range<usize>) -> Planar {
    audio.iter().map(|channel| channel[frames.clone()].to_vec()).collect()
}

fn energy_of_difference(a: &Planar, b: &Planar) -> f64 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
}
