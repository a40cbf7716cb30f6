//! What an editor draws of a stream: columns that are made while somebody watches, and show what is
//! there.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{Pace, Uneven, cards, config, music, noise, play, stream, wait_until};
use soloist::inference::Identity;
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::scope::{SCOPE_BANDS, SCOPE_FLOOR_DB, scope_band_hz};
use soloist::streaming::{AudioEndpoint, Controls, ScopeColumn, ScopeWatch};

/// Plays `input` offline and returns the columns that have come.
fn watched(
    audio: &mut AudioEndpoint,
    watch: &mut ScopeWatch,
    input: &[Vec<f32>],
) -> Vec<ScopeColumn> {
    play(audio, input, 512, &Controls::default(), Pace::Offline);
    drained(watch)
}

fn drained(watch: &mut ScopeWatch) -> Vec<ScopeColumn> {
    let mut columns = Vec::new();
    watch.drain(|column| columns.push(*column));
    columns
}

fn level_db(value: u8) -> f64 {
    SCOPE_FLOOR_DB * (1.0 - f64::from(value) / 255.0)
}

fn sine(hz: f64, amplitude: f64, rate: f64, seconds: f64) -> Vec<f32> {
    let turn = std::f64::consts::TAU * hz / rate;
    (0..(seconds * rate) as usize).map(|n| (amplitude * (turn * n as f64).sin()) as f32).collect()
}

#[test]
fn every_hop_comes_twice_in_order_first_without_and_then_with_shares() {
    for card in cards() {
        let estimator = Box::new(Identity::new(&card, card.sources()[0]));
        let (mut audio, _worker) = stream(&config(&card, 48_000.0, 2), estimator);
        let mut watch = audio.status().scope().watch();
        let columns = watched(&mut audio, &mut watch, &noise(2, 48_000 * 6));
        for has_shares in [false, true] {
            let chosen: Vec<_> =
                columns.iter().filter(|column| column.has_shares == has_shares).collect();
            let hop = i64::from(chosen[0].num_frames);
            assert_eq!(chosen[0].frame, -hop / 2, "the first hop frame stands on frame 0");
            for pair in chosen.windows(2) {
                assert_eq!(pair[1].frame, pair[0].frame + hop);
            }
            let end = chosen.last().unwrap().frame + hop;
            let play_frame = audio.status().play_frame();
            assert!(end > play_frame, "{end} does not reach what is played, {play_frame}");
            let begin_of_last_block = audio.status().received_frame() - 512;
            assert!(end <= begin_of_last_block, "{end} of {begin_of_last_block}");
        }
    }
}

#[test]
fn a_sine_stands_in_its_band_at_its_level_at_any_rate() {
    let card = Arc::new(ModelCard::builtin());
    for rate in [44_100.0, 48_000.0, 96_000.0] {
        for (hz, amplitude, level) in
            [(97.3, 1.0, 0.0), (1000.0, 0.5, -6.02), (7000.0, 0.01, -40.0)]
        {
            let (mut audio, _worker) =
                stream(&config(&card, rate, 2), Box::new(Identity::new(&card, Instrument::Drums)));
            let mut watch = audio.status().scope().watch();
            let tone = sine(hz, amplitude, rate, 4.0);
            let columns = watched(&mut audio, &mut watch, &[tone.clone(), tone]);
            // Away from the begin, which the window sees as a break.
            let column = columns.iter().filter(|column| column.has_shares).nth(20).unwrap();
            let loudest = (0..SCOPE_BANDS).max_by_key(|&band| column.mix[band]).unwrap();
            let (low_hz, high_hz) = scope_band_hz(loudest);
            assert!((low_hz / 1.07..high_hz * 1.07).contains(&hz), "{hz} in {low_hz}..{high_hz}");
            // A tone near an edge is shared with the neighbour: 3 dB at most.
            let found = level_db(column.mix[loudest]);
            assert!((level - 3.4..level + 0.4).contains(&found), "{hz} Hz at {rate}: {found} dB");
            for instrument in Instrument::ALL {
                let share = column.shares[instrument as usize][loudest];
                assert_eq!(share, if instrument == Instrument::Drums { 255 } else { 0 });
            }
            let far = (0..SCOPE_BANDS).filter(|band| band.abs_diff(loudest) > 20);
            for band in far {
                assert!(level_db(column.mix[band]) < level - 50.0, "band {band} of {hz} Hz");
            }
        }
    }
}

#[test]
fn shares_sum_to_one_and_absent_instruments_have_none() {
    for card in cards() {
        let (mut audio, _worker) = stream(&config(&card, 44_100.0, 2), Uneven::boxed(&card, 0));
        let mut watch = audio.status().scope().watch();
        let columns = watched(&mut audio, &mut watch, &music(44_100.0, 44_100 * 5));
        let mut num_heard = 0;
        for column in columns.iter().filter(|column| column.has_shares) {
            for band in (0..SCOPE_BANDS).filter(|&band| column.mix[band] > 0) {
                let of =
                    |instrument: Instrument| i32::from(column.shares[instrument as usize][band]);
                let sum: i32 = Instrument::ALL.into_iter().map(of).sum();
                assert!((252..=258).contains(&sum), "a sum of {sum}");
                num_heard += 1;
                for absent in Instrument::ALL.into_iter().filter(|it| !card.sources().contains(it))
                {
                    assert_eq!(of(absent), 0);
                }
            }
        }
        assert!(num_heard > 1000, "{num_heard}");
    }
}

#[test]
fn bands_above_the_hosts_range_and_silence_are_empty() {
    let card = Arc::new(ModelCard::builtin());
    let estimator = Box::new(Identity::new(&card, Instrument::Vocals));
    let (mut audio, _worker) = stream(&config(&card, 22_050.0, 1), estimator);
    let mut watch = audio.status().scope().watch();
    let columns = watched(&mut audio, &mut watch, &noise(1, 22_050 * 4));
    let column = columns[columns.len() / 2];
    for band in 0..SCOPE_BANDS {
        let is_inside = scope_band_hz(band).0 < 0.5 * 22_050.0;
        assert_eq!(column.mix[band] > 0, is_inside, "band {band}");
    }
    let silence = watched(&mut audio, &mut watch, &[vec![0.0; 22_050 * 8]]);
    let last = silence.last().unwrap();
    assert_eq!((last.mix, last.shares), ([0; SCOPE_BANDS], [[0; SCOPE_BANDS]; 6]));
}

#[test]
fn nothing_is_made_for_nobody_and_who_comes_later_sees_what_comes_then() {
    let card = Arc::new(ModelCard::builtin());
    let estimator = Box::new(Identity::new(&card, Instrument::Vocals));
    let (mut audio, _worker) = stream(&config(&card, 44_100.0, 2), estimator);
    let scope = Arc::clone(audio.status().scope());
    let input = noise(2, 44_100 * 4);
    drop(scope.watch());
    assert!(!scope.is_watched());
    play(&mut audio, &input, 512, &Controls::default(), Pace::Offline);
    assert_eq!(audio.status().stem_peaks(), [0.0; 6]);
    let (mut first, mut second) = (scope.watch(), scope.watch());
    let before = audio.status().received_frame();
    let columns = watched(&mut audio, &mut first, &input);
    assert!(columns.iter().any(|column| column.has_shares && column.frame < before));
    let new = columns.iter().find(|column| !column.has_shares).unwrap().frame;
    // The worker may be behind by what has not come out yet, but by no more.
    let played = before - audio.latency_frames() as i64;
    assert!((played - 4096..before + 4096).contains(&new), "{new} for {before}");
    // The worker may still be sending the last ones, to one watcher after the other.
    let mut others = drained(&mut second);
    wait_until(|| {
        others.extend(drained(&mut second));
        others.len() >= columns.len()
    });
    assert_eq!(others[..columns.len()], columns, "each watcher has all of them");
    drop(first);
    assert!(scope.is_watched());
    let more = watched(&mut audio, &mut second, &input);
    assert!(!more.is_empty());
}

#[test]
fn a_watcher_that_sleeps_loses_the_newest_columns_and_holds_up_nobody() {
    let card = Arc::new(ModelCard::builtin());
    let estimator = Box::new(Identity::new(&card, Instrument::Vocals));
    let (mut audio, _worker) = stream(&config(&card, 44_100.0, 1), estimator);
    let mut watch = audio.status().scope().watch();
    let input = noise(1, 44_100 * 20);
    let columns = watched(&mut audio, &mut watch, &input);
    // Who drains makes room: the worker's last columns may still come in meanwhile.
    assert!((1024..1200).contains(&columns.len()), "{}", columns.len());
    let (kept, hop) = (&columns[..1024], i64::from(columns[0].num_frames));
    assert_eq!(kept[0].frame, -512);
    for plain in kept.iter().filter(|column| !column.has_shares).collect::<Vec<_>>().windows(2) {
        assert_eq!(plain[1].frame, plain[0].frame + hop, "the oldest are kept without a gap");
    }
    // What comes out in a second may have been finished before: the worker is not waited for.
    let mut later = watched(&mut audio, &mut watch, &noise(1, 44_100));
    wait_until(|| {
        later.extend(drained(&mut watch));
        !later.is_empty()
    });
    assert!(later[0].frame > 44_100 * 17, "{}", later[0].frame);
}

#[test]
fn a_new_epoch_is_told_by_its_number() {
    let card = Arc::new(ModelCard::builtin());
    let estimator = Box::new(Identity::new(&card, Instrument::Vocals));
    let (mut audio, _worker) = stream(&config(&card, 44_100.0, 1), estimator);
    let mut watch = audio.status().scope().watch();
    let input = noise(1, 44_100 * 3);
    let first = watched(&mut audio, &mut watch, &input);
    let epoch = audio.status().epoch();
    assert!(first.iter().all(|column| column.epoch == epoch));
    audio.reset(&Controls::default());
    let mut second = watched(&mut audio, &mut watch, &input);
    // The last of the first epoch may have come since.
    second.retain(|column| column.epoch != epoch);
    assert_ne!(audio.status().epoch(), epoch);
    assert!(second.iter().all(|column| column.epoch == audio.status().epoch()));
    assert_eq!(second[0].frame, -512);
    // What comes first depends on when the worker looks; what comes does not.
    let picture = |columns: &[ScopeColumn]| -> Vec<_> {
        let with_shares = columns.iter().filter(|column| column.has_shares);
        with_shares.map(|column| (column.frame, column.mix, column.shares)).collect()
    };
    let pairs: Vec<_> = picture(&first).into_iter().zip(picture(&second)).collect();
    assert!(pairs.len() > 30, "{}", pairs.len());
    assert!(
        pairs.iter().all(|(first, second)| first == second),
        "the same sound, the same picture"
    );
}

#[test]
fn peaks_are_those_of_the_stems_that_are_played() {
    let card = Arc::new(ModelCard::builtin());
    let estimator = Box::new(Identity::new(&card, Instrument::Guitar));
    let (mut audio, _worker) = stream(&config(&card, 44_100.0, 2), estimator);
    let _watch = audio.status().scope().watch();
    let input = [sine(440.0, 0.5, 44_100.0, 4.0), sine(440.0, 0.8, 44_100.0, 4.0)];
    play(&mut audio, &input, 512, &Controls::default(), Pace::Offline);
    let peaks = audio.status().stem_peaks();
    for instrument in Instrument::ALL {
        let expected = if instrument == Instrument::Guitar { 0.8 } else { 0.0 };
        assert!((peaks[instrument as usize] - expected).abs() < 1e-3, "{instrument}: {peaks:?}");
    }
    assert_eq!(audio.status().stem_peaks(), [0.0; 6]);
}
