//! Real-time safety of the audio thread's half: no allocation, whatever the stream goes through.
//!
//! Alone in its program, because it installs a global allocator.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use assert_no_alloc::{AllocDisabler, assert_no_alloc, reset_violation_count, violation_count};
use common::{block_lengths, config, noise, spawn};
use soloist::inference::Identity;
use soloist::model::{Instrument, ModelCard};
use soloist::streaming::{Capture, Controls, HostPlace, MixMode, StemControl, StemOutputs, split};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// One test, not two: the count of violations is the process's.
#[test]
fn the_audio_callback_never_allocates_and_the_detector_would_tell() {
    assert_no_alloc(|| drop(std::hint::black_box(vec![1_u8; 64])));
    assert!(violation_count() > 0, "control: the detector must fire on an allocation");
    reset_violation_count();

    let card = Arc::new(ModelCard::builtin());
    let estimator = Box::new(Identity::new(&card, Instrument::Vocals));
    let (mut audio, mut work) = split(&config(&card, 48_000.0, 2)).unwrap();
    let capture = Arc::new(Capture::default());
    capture.set_length(Some(2.0));
    work.capture_into(&capture, &card);
    let _watch = audio.status().scope().watch();
    let worker = spawn(work, estimator);
    let input = noise(2, 48_000 * 5);
    let mut left = input[0].clone();
    let mut right = input[1].clone();
    let mut worker = Some(worker);
    // The last instruments' buses are inactive, and not all are as long as a block.
    let mut buses = vec![[vec![0.0; 4096], vec![0.0; 700]]; 4];
    let mut begin = 0;
    for (index, length) in block_lengths(0, left.len()).into_iter().enumerate() {
        let controls = Controls {
            instrument: Instrument::ALL[index % 6],
            mode: [MixMode::Remove, MixMode::Isolate, MixMode::Remix][index % 3],
            mix: (index % 7) as f32 / 6.0,
            bypass: index % 11 == 0,
            focus: (index % 9) as f32 / 4.0 - 1.0,
            stems: Instrument::ALL.map(|instrument| StemControl {
                gain: index as f32 / 500.0,
                solo: (instrument as usize + index).is_multiple_of(13),
                mute: (instrument as usize + index).is_multiple_of(5),
            }),
            ..Controls::default()
        };
        let range = begin..begin + length;
        let (left, right) = (&mut left[range.clone()], &mut right[range]);
        assert_no_alloc(|| {
            if index % 97 == 96 {
                audio.reset(&controls);
            }
            audio.tell_place(match index % 5 {
                0 => HostPlace::Unknown,
                1 => HostPlace::Stopped,
                _ => HostPlace::At(index as i64 * 10_000),
            });
            if index % 2 == 0 {
                audio.process(&mut [left, right], &controls);
                return;
            }
            let mut stems = StemOutputs::default();
            for (instrument, channels) in Instrument::ALL.into_iter().zip(&mut buses) {
                for (channel, frames) in channels.iter_mut().enumerate() {
                    stems.set(instrument, channel, frames);
                }
            }
            audio.process_stems(&mut [left, right], &mut stems, &controls);
        });
        if index == 200 {
            // The input ring overflows and a new epoch begins.
            worker.take();
        }
        begin += length;
    }
    assert_eq!(violation_count(), 0, "the audio callback allocated or freed");
}
