//! Controls that move while a stream plays: the focus goes with the sound that it was set at, gains
//! act at once, and neither clicks.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{Uneven, cards, config, noise, separate_with, stream};
use soloist::dsp::level::{peak_dbfs, residual_peak_dbfs};
use soloist::dsp::stft::Stft;
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::Controls;

const RATE_HZ: f64 = 44_100.0;

/// Plays `input` offline in blocks of at most `block` frames; a host cuts its blocks where a control
/// changes. `changes` has the controls from their frame on, the first from 0.
fn play_changing(
    card: &Arc<ModelCard>,
    input: &[Vec<f32>],
    block: usize,
    pause_ms: u64,
    changes: &[(usize, Controls)],
) -> Vec<Vec<f32>> {
    let (mut audio, _worker) =
        stream(&config(card, RATE_HZ, input.len()), Uneven::boxed(card, pause_ms));
    audio.reset(&changes[0].1);
    let mut output = input.to_vec();
    let num_frames = input[0].len();
    for (index, (begin, controls)) in changes.iter().enumerate() {
        let end = changes.get(index + 1).map_or(num_frames, |&(next, _)| next);
        let mut begin = *begin;
        while begin < end {
            let stop = end.min(begin + block);
            let mut views: Vec<&mut [f32]> =
                output.iter_mut().map(|channel| &mut channel[begin..stop]).collect();
            audio.process_blocking(&mut views, controls);
            begin = stop;
        }
    }
    output
}

fn focused(focus: f32) -> Controls {
    Controls { focus, instrument: Instrument::Other, ..Controls::default() }
}

#[test]
fn focus_goes_with_the_sound_it_was_set_at() {
    let input = noise(2, 44_100 * 4);
    let change = 50_001;
    for card in cards() {
        let play = |changes: &[(usize, Controls)]| play_changing(&card, &input, 512, 0, changes);
        let (soft, sharp) = (play(&[(0, focused(-1.0))]), play(&[(0, focused(1.0))]));
        let latency = play_latency(&card);
        let name = card.name();
        let apart = residual_peak_dbfs(&soft[0], &sharp[0]);
        assert!(apart > -60.0, "{name}: the focus must be heard: {apart} dBFS");
        let moved = play(&[(0, focused(-1.0)), (change, focused(1.0))]);
        // Resynthesis windows are 93 ms long; those over the change hold some of both.
        let (before, after) = (latency + change - 4_096, latency + change + 4_096);
        assert!(moved[0][..before] == soft[0][..before], "{name}: nothing changes before");
        assert!(moved[0][after..] == sharp[0][after..], "{name}: all has changed after");
        assert!(moved[0][before..after] != soft[0][before..after]);
    }
}

fn play_latency(card: &Arc<ModelCard>) -> usize {
    soloist::streaming::split(&config(card, RATE_HZ, 2)).unwrap().0.latency_frames()
}

#[test]
fn a_moving_focus_bounces_the_same_in_any_blocks_and_at_any_speed_of_the_model() {
    let card = Arc::new(ModelCard::builtin());
    let input = noise(2, 44_100 * 3);
    // A ramp in steps far closer than the marks that are sent, then jumps.
    let mut changes: Vec<(usize, Controls)> =
        (0..400).map(|step| (step * 37, focused(step as f32 / 200.0 - 1.0))).collect();
    changes.extend([(30_000, focused(0.0)), (70_000, focused(f32::NAN)), (80_000, focused(0.5))]);
    let reference = play_changing(&card, &input, 512, 0, &changes);
    for (block, pause_ms) in [(64, 0), (4096, 0), (13, 20), (512, 200)] {
        let same = reference == play_changing(&card, &input, block, pause_ms, &changes);
        assert!(same, "blocks of {block}, {pause_ms} ms a run");
    }
}

#[test]
fn stems_of_any_focus_sum_to_the_mix_and_zero_is_the_networks_own() {
    use soloist::render::Renderer;
    let input = noise(2, 44_100 * 2);
    for card in cards() {
        let config = config(&card, RATE_HZ, 2);
        let own = separate_with(&config, Uneven::boxed(&card, 0), &input);
        for focus in [-1.0, -0.4, 0.0, 1.0] {
            let mut renderer =
                Renderer::new(config.clone(), Uneven::boxed(&card, 0)).with_focus(focus);
            let mut stems = vec![vec![Vec::new(); 2]; card.sources().len()];
            let never = std::sync::atomic::AtomicBool::new(false);
            let mut sink = |block: soloist::streaming::StemBlock<'_>| {
                for (source, stem) in stems.iter_mut().enumerate() {
                    for (channel, out) in stem.iter_mut().enumerate() {
                        out.extend_from_slice(block.stem(source, channel));
                    }
                }
                Ok(())
            };
            renderer.separate(&input, &never, &mut sink).unwrap();
            let mut sum = vec![0.0; input[0].len()];
            for stem in &stems {
                sum.iter_mut().zip(&stem[0]).for_each(|(sum, sample)| *sum += sample);
            }
            let residual = residual_peak_dbfs(&sum, &input[0]);
            assert!(residual <= -110.0, "{}, focus {focus}: {residual} dBFS", card.name());
            assert_eq!(stems == own, focus == 0.0, "{}, focus {focus}", card.name());
        }
    }
}

/// Level in dB of what lies above 5 kHz in windows of 23 ms around `centre`, against full scale.
fn treble_db(signal: &[f32], centre: usize) -> f64 {
    let mut stft = Stft::new(1024);
    let mut spectrum = vec![Default::default(); stft.num_bins()];
    let lowest = (5_000.0 * 1024.0 / RATE_HZ) as usize;
    let begin = centre.saturating_sub(3 * 1024);
    let loudest = (begin..centre + 3 * 1024)
        .step_by(128)
        .map(|start| {
            stft.analyse(&signal[start..start + 1024], &mut spectrum);
            spectrum[lowest..].iter().map(|bin| f64::from(bin.norm_sqr())).sum::<f64>()
        })
        .fold(0.0, f64::max);
    10.0 * (loudest.max(1e-30) / (512.0 * 512.0)).log10()
}

/// Tones below 2 kHz.
fn tones(num_frames: usize) -> Vec<Vec<f32>> {
    let tone = |n: usize| {
        let t = n as f64 / RATE_HZ;
        [(110.0, 0.3), (523.0, 0.25), (1_760.0, 0.2)]
            .iter()
            .map(|(hz, level)| level * (std::f64::consts::TAU * hz * t).cos())
            .sum::<f64>() as f32
    };
    vec![(0..num_frames).map(tone).collect()]
}

#[test]
fn another_instrument_is_heard_in_full_within_20_ms_without_a_click() {
    let card = Arc::new(ModelCard::builtin());
    let latency = play_latency(&card);
    let input = tones(latency + 60_000);
    let set = |instrument| Controls { instrument, ..Controls::default() };
    let within = (0.020 * RATE_HZ) as usize;
    // At a crest of the waveform, where a jump is highest, and in the middle of nowhere.
    for change in [latency + 30_000, latency + 31_007] {
        for (from, to) in [
            (Instrument::Bass, Instrument::Other),
            (Instrument::Other, Instrument::Vocals),
            (Instrument::Piano, Instrument::Drums),
        ] {
            let play = |changes: &[(usize, Controls)]| {
                play_changing(&card, &input, 512, 0, changes).remove(0)
            };
            let (old, new) = (play(&[(0, set(from))]), play(&[(0, set(to))]));
            let moved = play(&[(0, set(from)), (change, set(to))]);
            assert!(peak_dbfs(&new[latency + 9_000..]) > -40.0, "{to} must sound");
            assert!(moved[..change] == old[..change], "nothing changes before the block");
            assert!(moved[change + within..] == new[change + within..], "{from} to {to}: in full");
            let stationary = treble_db(&old, change).max(treble_db(&new, change));
            let ramped = treble_db(&moved, change);
            let mut cut = old.clone();
            cut[change..].copy_from_slice(&new[change..]);
            let clicked = treble_db(&cut, change);
            // A ramp of 10 ms has corners, which lie 40 dB and more below a jump.
            assert!(ramped < stationary.max(-105.0), "{from} to {to}: {ramped} dB above 5 kHz");
            assert!(clicked > ramped + 30.0, "control: a click must show: {clicked} dB");
        }
    }
}

#[test]
fn a_jump_of_the_focus_does_not_click() {
    let card = Arc::new(ModelCard::builtin());
    let latency = play_latency(&card);
    let input = tones(latency + 60_000);
    let change = 30_000;
    let play =
        |changes: &[(usize, Controls)]| play_changing(&card, &input, 512, 0, changes).remove(0);
    let (old, new) = (play(&[(0, focused(-1.0))]), play(&[(0, focused(1.0))]));
    let moved = play(&[(0, focused(-1.0)), (change, focused(1.0))]);
    let heard = latency + change;
    let stationary = treble_db(&old, heard).max(treble_db(&new, heard));
    let found = treble_db(&moved, heard);
    assert!(found < stationary.max(-105.0) + 1.0, "{found} dB, {stationary} dB when at rest");
}

/// What A-B and the bypass do: the delayed mix comes in and goes along a line, at its place.
#[test]
fn the_dry_signal_comes_and_goes_within_20_ms_without_a_click() {
    let card = Arc::new(ModelCard::builtin());
    let latency = play_latency(&card);
    let input = tones(latency + 60_000);
    let wet = Controls { instrument: Instrument::Other, output_gain: 2.0, ..Controls::default() };
    let dry = Controls { bypass: true, ..wet };
    let (latched, let_go) = (latency + 30_000, latency + 40_003);
    let changes = [(0, wet), (latched, dry), (let_go, wet)];
    let moved = play_changing(&card, &input, 512, 0, &changes).remove(0);
    let result = play_changing(&card, &input, 512, 0, &[(0, wet)]).remove(0);
    let within = (0.020 * RATE_HZ) as usize;
    assert!(moved[..latched] == result[..latched]);
    let delayed = &input[0][latched + within - latency..let_go - latency];
    assert_eq!(moved[latched + within..let_go], *delayed, "the mix at its place, to the bit");
    assert!(moved[let_go + within..] == result[let_go + within..]);
    let mut cut = result.clone();
    let end = cut.len() - latency;
    cut[latched..].copy_from_slice(&input[0][latched - latency..end]);
    let clicked = treble_db(&cut, latched);
    for change in [latched, let_go] {
        let ramped = treble_db(&moved, change);
        assert!(ramped < clicked - 40.0, "{ramped} dB above 5 kHz, {clicked} dB for a click");
    }
}
