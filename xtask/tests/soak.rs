//! A minute of random jumps, loops, stops and restarts in each format: every sample is the offline
//! result, the delayed mix or in a declared fade. `cargo xtask soak` plays longer.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bundles, turn};
use xtask::host::Format;
use xtask::soak::judge::{Stretch, judge};
use xtask::soak::run;

#[test]
fn whatever_the_transport_does_each_sample_is_exact_or_the_delayed_mix() {
    let _turn = turn();
    for format in Format::ALL {
        let mut longest: Option<Stretch> = None;
        let look = |stretch: &Stretch| {
            let num_frames = |stretch: &Stretch| stretch.input[0].len();
            if longest.as_ref().is_none_or(|last| num_frames(last) < num_frames(stretch)) {
                longest = Some(stretch.clone());
            }
        };
        let report = run(format, &bundles(), 60.0, 7, look).unwrap();
        println!("{format}\n{report}");
        report.check().unwrap();
        the_judge_would_have_found_faults(longest.unwrap());
    }
}

/// What was just found right is altered: a check that finds nothing then would prove nothing.
fn the_judge_would_have_found_faults(stretch: Stretch) {
    let mut altered = stretch;
    let (first, num_frames) = (altered.latency_frames, altered.input[0].len());
    for frame in (first..num_frames).step_by((num_frames - first) / 4) {
        let right = altered.output[1][frame];
        altered.output[1][frame] += 1e-3;
        assert_eq!(judge(&altered).wrong, 2, "one sample, at frame {frame}");
        altered.output[1][frame] = right;
    }
    altered.output.iter_mut().for_each(|channel| channel.rotate_right(1));
    assert!(judge(&altered).wrong > 10_000, "one frame late");
    altered.output.iter_mut().for_each(|channel| channel.rotate_left(1));
    altered.stems.rotate_left(1);
    assert!(judge(&altered).wrong > 10_000, "other instruments");
}
