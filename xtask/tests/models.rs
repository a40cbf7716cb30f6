//! Every bundled model plays in the plugin, at the latency that it reports, and its stems sum to
//! the mix.

#![allow(clippy::unwrap_used)]

mod common;

use common::{NULL_DBFS, delayed, excerpt, load, rate_hz, residual_dbfs, turn, with_model};
use soloist::files::Audio;
use soloist::model::ModelCard;
use soloist::streaming::{LatencyMode, latency_frames};
use xtask::bounce::{BlockPlan, Planar, play};
use xtask::host::{Format, HeadlessHost, ProcessConfig};
use xtask::lag::lag_frames;
use xtask::paths::workspace_root;
use xtask::resample::resample;

const PLAN: BlockPlan = BlockPlan::Fixed(512);

/// What the plugin plays of `mix`, its tail included, and the latency that it reports.
fn played(format: Format, model: &str, mode: &str, mix: &Audio) -> (Planar, usize) {
    let mut host: Box<dyn HeadlessHost> = load(format);
    let state = host.save_state().unwrap();
    host.load_state(&with_model(&state, model)).unwrap();
    host.set_parameter("Instrument", "Vocals").unwrap();
    host.set_parameter("Mode", mode).unwrap();
    let config = ProcessConfig::offline(rate_hz(mix), PLAN.max_frames());
    host.activate(&ProcessConfig { num_channels: mix.channels.len(), ..config }).unwrap();
    let latency = host.latency_frames();
    (play(host.as_mut(), &mix.channels, PLAN, latency).unwrap(), latency)
}

fn plays(model: &str) {
    let _turn = turn();
    let card = ModelCard::load(&workspace_root().join("models").join(model)).unwrap();
    for (format, rate, num_channels) in
        [(Format::Clap, 44_100, 2), (Format::Vst3, 48_000, 2), (Format::Clap, 96_000, 1)]
    {
        let mut mix = resample(excerpt(5.0), rate).unwrap();
        mix.channels.truncate(num_channels);
        let what = format!("{model} as {format} at {rate} Hz, {num_channels} channels");
        let (alone, latency) = played(format, model, "Isolate", &mix);
        assert_eq!(latency, latency_frames(&card, rate_hz(&mix), LatencyMode::Studio), "{what}");
        let lag = lag_frames(&mix.channels, &alone).unwrap();
        assert_eq!(usize::try_from(lag).unwrap(), latency, "{what}: measured");

        let (rest, _) = played(format, model, "Remove", &mix);
        let sum: Planar = (alone.iter().zip(&rest))
            .map(|(alone, rest)| alone.iter().zip(rest).map(|(a, b)| a + b).collect())
            .collect();
        let padded: Planar = (mix.channels.iter())
            .map(|channel| [&channel[..], &vec![0.0; latency]].concat())
            .collect();
        let residual = residual_dbfs(&sum, &delayed(&padded, latency));
        assert!(residual <= NULL_DBFS, "{what}: the stems miss the mix by {residual:.1} dBFS");
        let taken = residual_dbfs(&rest, &delayed(&padded, latency));
        assert!(taken > -60.0, "{what}: the plugin plays the mix, {taken:.1} dBFS");
    }
}

#[test]
fn mel_unet_plays_at_its_reported_latency_and_its_stems_sum_to_the_mix() {
    plays("mel-unet");
}

#[test]
fn wave_unet_plays_at_its_reported_latency_and_its_stems_sum_to_the_mix() {
    plays("wave-unet");
}

#[test]
fn studio_lite_plays_at_its_reported_latency_and_its_stems_sum_to_the_mix() {
    plays("studio-lite");
}

#[test]
fn studio_plays_at_its_reported_latency_and_its_stems_sum_to_the_mix() {
    plays("studio");
}
