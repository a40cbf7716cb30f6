use super::*;

const LATENCY: usize = 300;
const FRAMES: usize = 6000;
const RATE_HZ: f64 = 8000.0;

/// A stretch whose plugin is late from frame 2000 on and on time again from 3000.
fn played(late_step: f32) -> Stretch {
    let wave = |frequency: f32| -> Vec<f32> {
        (0..FRAMES).map(|frame| (frame as f32 * frequency).sin()).collect()
    };
    let input = vec![wave(0.11), wave(0.13)];
    let stems: Vec<Planar> = (0..NUM_STEMS)
        .map(|stem| vec![wave(0.2 + stem as f32 * 0.1), wave(0.25 + stem as f32 * 0.1)])
        .collect();
    let mut output = vec![vec![0.0; FRAMES]; 2];
    let level = vec![0.5, -0.25];
    let mut weight: f32 = 1.0;
    for frame in 0..FRAMES {
        let is_late = (2000..3000).contains(&frame);
        weight = (weight + if is_late { -late_step } else { late_step }).clamp(0.0, 1.0);
        // The second instrument from 4000 on, in 80 frames.
        let second = (frame as f32 - 3999.0).clamp(0.0, 80.0) / 80.0;
        for channel in 0..2 {
            output[channel][frame] = if frame < LATENCY {
                level[channel] * raised_cosine(frame, 40)
            } else {
                let first = (1.0 - second) * stems[0][channel][frame];
                let wet = first + second * stems[1][channel][frame];
                weight * wet + (1.0 - weight) * input[channel][frame - LATENCY]
            };
        }
    }
    let choices = vec![(0, 0), (4000, 1)];
    let sample_rate_hz = RATE_HZ;
    Stretch { sample_rate_hz, latency_frames: LATENCY, input, output, stems, choices, level }
}

#[test]
fn each_part_is_what_it_is() {
    let counts = judge(&played(1.0 / 40.0));
    assert_eq!(counts.wrong, 0, "{counts}");
    assert_eq!(counts.total(), 2 * FRAMES as u64);
    assert_eq!(counts.silent, 2 * 260);
    assert!((1900..=1930).contains(&counts.delayed), "{counts}");
    // The late fades, the jump's, and the ramp of the choice.
    assert!((2 * 190..=2 * 205).contains(&counts.in_fades), "{counts}");
    assert!(counts.either < 20, "{counts}");
}

#[test]
fn a_single_wrong_sample_is_found_wherever_it_lies() {
    for frame in [10, 100, 299, 300, 1500, 2020, 2500, 3020, 4040, 5999] {
        for channel in 0..2 {
            let mut stretch = played(1.0 / 40.0);
            stretch.output[channel][frame] += 2e-4;
            assert_eq!(judge(&stretch).wrong, 2, "frame {frame}");
            stretch.output[channel][frame] = f32::NAN;
            assert_eq!(judge(&stretch).wrong, 2, "frame {frame}");
        }
    }
}

#[test]
fn other_faults_are_found() {
    for step in [1.0, 1.0 / 30.0, 1.0 / 50.0] {
        assert!(judge(&played(step)).wrong > 0, "a fade of {step} a frame");
    }
    let altered = |alter: fn(&mut Stretch)| {
        let mut stretch = played(1.0 / 40.0);
        alter(&mut stretch);
        judge(&stretch).wrong
    };
    assert!(altered(|stretch| stretch.latency_frames += 1) > 1000, "latency");
    assert!(altered(|stretch| stretch.choices[1].0 += 1) > 0, "a choice a frame late");
    assert!(altered(|stretch| stretch.choices[1].1 = 2) > 1000, "another instrument");
    assert!(altered(|stretch| stretch.level[0] = 0.0) > 0, "no fade at the jump");
    assert!(altered(|stretch| stretch.output.iter_mut().for_each(|c| c.rotate_right(1))) > 1000);
}
