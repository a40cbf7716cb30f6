//! The host's timeline: what is played stays in time, and what a jump leaves behind is not heard.

#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_identical, delayed, excerpt, load, play_stems, rate_hz, turn};
use soloist::files::Audio;
use xtask::bounce::Planar;
use xtask::host::{Format, HeadlessHost, ProcessConfig, Transport};

const BLOCK_FRAMES: usize = 512;

/// Time in which the sound before a jump goes, in seconds.
const FADE_S: f64 = 0.005;

fn at(frame: i64) -> Transport {
    Transport { is_playing: true, frame, loop_frames: None }
}

/// Plays `mix` through a bypassed plugin, which is the delayed mix at once, with a transport a
/// block; also the latency.
fn played(
    format: Format,
    mix: &Audio,
    transport: impl Fn(usize) -> Option<Transport>,
) -> (Planar, usize) {
    let mut host = load(format);
    host.set_parameter("Bypass", "On").unwrap();
    host.activate(&ProcessConfig::realtime(rate_hz(mix), BLOCK_FRAMES)).unwrap();
    let latency = host.latency_frames();
    let before = |host: &mut dyn HeadlessHost, begin: usize, _: usize| {
        host.set_transport(transport(begin));
    };
    let (output, _) = play_stems(host.as_mut(), &mix.channels, (BLOCK_FRAMES, 0), &[], before);
    (output, latency)
}

#[test]
fn steady_play_is_never_interrupted_whatever_a_host_tells() {
    let _turn = turn();
    let mix = excerpt(6.0);
    // Rounded to whole milliseconds, as hosts do that count in seconds.
    let rounded = |frame: usize| ((frame as f64 / 44.1).round() * 44.1).round() as i64;
    let stopped = |frame: usize| Transport { is_playing: false, ..at(frame as i64 * 7) };
    type Told<'a> = &'a dyn Fn(usize) -> Option<Transport>;
    let cases: [(&str, Told<'_>); 8] = [
        ("nothing", &|_| None),
        ("the truth", &|begin| Some(at(begin as i64))),
        ("a pre-roll", &|begin| Some(at(begin as i64 - 100_000))),
        ("rounded positions", &|begin| Some(at(rounded(begin)))),
        ("half the speed", &|begin| Some(at(begin as i64 / 2))),
        ("one position for ever", &|_| Some(at(1234))),
        ("a stop in between", &|begin| {
            let is_stopped = (60_000..120_000).contains(&begin);
            let resumed = 60_000_usize.next_multiple_of(BLOCK_FRAMES) as i64;
            let since = begin as i64 - 120_000_i64 / 512 * 512 - 512;
            Some(match (is_stopped, begin < 60_000) {
                (true, _) => stopped(begin),
                (_, true) => at(begin as i64),
                _ => at(resumed + since),
            })
        }),
        ("a loop of one second", &|begin| {
            let frame = (begin % 44_100) as i64;
            Some(Transport { loop_frames: Some((0, 44_100)), ..at(frame) })
        }),
    ];
    for format in Format::ALL {
        for (what, transport) in &cases {
            let (output, latency) = played(format, &mix, transport);
            let expected = delayed(&mix.channels, latency);
            assert_identical(&output, &expected, &format!("{format}: {what}"));
        }
    }
}

#[test]
fn a_jump_ends_the_old_sound_with_a_fade_and_the_new_comes_in_time() {
    let _turn = turn();
    let mix = excerpt(8.0);
    let jump = 250 * BLOCK_FRAMES;
    type Told<'a> = &'a dyn Fn(usize) -> Option<Transport>;
    let cases: [(&str, Told<'_>); 3] = [
        ("a locate", &|begin| Some(at(if begin < jump { begin } else { begin + 9_000 } as i64))),
        ("a locate back without a loop", &|begin| {
            Some(at(if begin < jump { begin } else { begin - jump + 3000 } as i64))
        }),
        ("a start elsewhere than the stop", &|begin| {
            let is_stopped = (jump - 20 * BLOCK_FRAMES..jump).contains(&begin);
            let frame = if begin < jump { begin as i64 } else { 7_000_000 + begin as i64 };
            Some(Transport { is_playing: !is_stopped, ..at(frame) })
        }),
    ];
    let fade_frames = (FADE_S * rate_hz(&mix)).ceil() as usize;
    for format in Format::ALL {
        for (what, transport) in &cases {
            let (output, latency) = played(format, &mix, transport);
            let expected = delayed(&mix.channels, latency);
            for (heard, expected) in output.iter().zip(&expected) {
                let what = format!("{format}: {what}");
                assert!(heard[..jump] == expected[..jump], "{what}: before");
                let fade = &heard[jump..jump + fade_frames];
                let last = heard[jump - 1];
                let bound = last.abs() * 1.6 / fade_frames as f32 + f32::EPSILON;
                let steps = std::iter::once(&last).chain(fade).zip(fade);
                let largest = steps.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(largest <= bound, "{what}: a step of {largest} from {last}");
                let silent = &heard[jump + fade_frames..jump + latency];
                assert!(silent.iter().all(|sample| *sample == 0.0), "{what}: stale sound");
                assert!(heard[jump + latency..] == expected[jump + latency..], "{what}: after");
            }
        }
    }
}

/// Nothing of what was before a jump is in the results after it: they are those of a stream that
/// begins there.
#[test]
fn results_after_a_jump_are_those_of_a_fresh_start() {
    let _turn = turn();
    let mix = excerpt(7.0);
    let jump = 200 * BLOCK_FRAMES;
    for format in Format::ALL {
        let bounced = |input: &[Vec<f32>], jumps: bool| {
            let mut host = load(format);
            host.set_parameter("Instrument", "Drums").unwrap();
            host.activate(&ProcessConfig::offline(rate_hz(&mix), BLOCK_FRAMES)).unwrap();
            let latency = host.latency_frames();
            let before = |host: &mut dyn HeadlessHost, begin: usize, _: usize| {
                let moved = jumps && begin >= jump;
                let frame = if moved { begin + 1_000_000 } else { begin };
                host.set_transport(Some(at(frame as i64)));
            };
            let frames = (BLOCK_FRAMES, latency);
            (play_stems(host.as_mut(), input, frames, &[], before).0, latency)
        };
        let (output, latency) = bounced(&mix.channels, true);
        let tail: Planar = mix.channels.iter().map(|channel| channel[jump..].to_vec()).collect();
        let (fresh, _) = bounced(&tail, false);
        let after = |audio: &[Vec<f32>], begin: usize| -> Planar {
            audio.iter().map(|channel| channel[begin..].to_vec()).collect()
        };
        let what = format!("{format}: after the jump");
        assert_identical(&after(&output, jump + latency), &after(&fresh, latency), &what);
    }
}

#[test]
fn scrubbing_is_harmless() {
    let _turn = turn();
    let mix = excerpt(4.0);
    for format in Format::ALL {
        // A place of its own for every block of the first half.
        let half = mix.num_frames() / 2 / BLOCK_FRAMES * BLOCK_FRAMES;
        let (output, latency) = played(format, &mix, |begin| {
            let shift = if begin < half { (begin * 7919) % 1_000_003 } else { 0 };
            Some(at((begin + shift) as i64))
        });
        let expected = delayed(&mix.channels, latency);
        let sounding = half + latency;
        for (heard, expected) in output.iter().zip(&expected) {
            assert!(heard[..sounding.min(heard.len())].iter().all(|sample| *sample == 0.0));
            assert!(heard.get(sounding..) == expected.get(sounding..), "{format}");
        }
    }
}
