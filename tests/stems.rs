//! Remix, and stems that go out by themselves, through a whole stream.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{Pace, Uneven, block_lengths, cards, config, noise, play, residual_dbfs, stream};
use soloist::dsp::level::peak_dbfs;
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::{
    AudioEndpoint, Controls, LatencyMode, MixMode, StemOutputs, StreamConfig, split,
};

/// Plays `input` with a bus for each instrument: the main output, and `[instrument][channel]`.
fn play_stems(
    audio: &mut AudioEndpoint,
    input: &[Vec<f32>],
    block: usize,
    controls: &Controls,
    pace: Pace,
) -> (Vec<Vec<f32>>, Vec<Vec<Vec<f32>>>) {
    let mut main = input.to_vec();
    // What was there before must not be heard.
    let mut buses = vec![vec![vec![7.0; input[0].len()]; input.len()]; Instrument::ALL.len()];
    let mut begin = 0;
    for length in block_lengths(block, input[0].len()) {
        let range = begin..begin + length;
        let mut stems = StemOutputs::default();
        for (instrument, bus) in Instrument::ALL.into_iter().zip(&mut buses) {
            for (channel, frames) in bus.iter_mut().enumerate() {
                stems.set(instrument, channel, &mut frames[range.clone()]);
            }
        }
        let mut views: Vec<&mut [f32]> =
            main.iter_mut().map(|channel| &mut channel[range.clone()]).collect();
        match pace {
            Pace::Offline => audio.process_stems_blocking(&mut views, &mut stems, controls),
            Pace::Realtime => audio.process_stems(&mut views, &mut stems, controls),
        }
        begin += length;
    }
    (main, buses)
}

fn summed(stems: &[Vec<Vec<f32>>]) -> Vec<Vec<f32>> {
    let mut sum = vec![vec![0.0; stems[0][0].len()]; stems[0].len()];
    for stem in stems {
        for (sum, channel) in sum.iter_mut().zip(stem) {
            sum.iter_mut().zip(channel).for_each(|(sum, sample)| *sum += sample);
        }
    }
    sum
}

#[test]
fn stems_by_themselves_sum_to_the_delayed_mix_and_are_what_isolate_gives() {
    for mode in LatencyMode::ALL {
        for card in cards() {
            let config = StreamConfig { mode, ..config(&card, 48_000.0, 2) };
            let input = noise(2, 48_000 * 3);
            let render = |block, controls: &Controls| {
                let (mut audio, _worker) = stream(&config, Uneven::boxed(&card, 0));
                audio.reset(controls);
                play_stems(&mut audio, &input, block, controls, Pace::Offline)
            };
            let remix = Controls { mode: MixMode::Remix, ..Controls::default() };
            let (main, stems) = render(512, &remix);
            let (name, latency) = (card.name(), split(&config).unwrap().0.latency_frames());
            for output in [&main, &summed(&stems)] {
                let residual = residual_dbfs(output, &input, latency);
                assert!(residual <= -110.0, "{name}: {residual} dBFS");
            }
            assert!(render(0, &remix) == (main, stems.clone()), "{name}: any block size");
            for instrument in Instrument::ALL {
                let isolate = Controls { instrument, mix: 1.0, ..Controls::default() };
                let (mut audio, _worker) = stream(&config, Uneven::boxed(&card, 0));
                audio.reset(&isolate);
                let alone = play(&mut audio, &input, 512, &isolate, Pace::Offline);
                assert!(alone == stems[instrument as usize], "{name}, {instrument}");
                let heard = peak_dbfs(&alone[0]) > -60.0;
                assert_eq!(heard, card.source_index(instrument).is_some(), "{name}, {instrument}");
            }
        }
    }
}

#[test]
fn without_results_the_stems_are_silent_and_the_main_bus_has_the_delayed_mix() {
    let card = Arc::new(ModelCard::builtin());
    let (mut audio, _no_worker) = split(&config(&card, 44_100.0, 1)).unwrap();
    let latency = audio.latency_frames();
    let input = noise(1, latency + 20_000);
    let controls = Controls { mode: MixMode::Remix, ..Controls::default() };
    let (main, stems) = play_stems(&mut audio, &input, 64, &controls, Pace::Realtime);
    assert_eq!(residual_dbfs(&main, &input, latency), f64::NEG_INFINITY);
    assert!(stems.iter().flatten().flatten().all(|&sample| sample == 0.0));
}
