//! Tests of the spectrogram's levels, axes and files.

use std::f32::consts::TAU;

use super::*;

fn sine(frequency_hz: f32, sample_rate_hz: u32, num_frames: usize) -> Audio {
    let step = TAU * frequency_hz / sample_rate_hz as f32;
    let channel: Vec<f32> = (0..num_frames).map(|n| (step * n as f32).sin()).collect();
    // Out of phase: a mono sum would show nothing.
    let inverse = channel.iter().map(|sample| -sample).collect();
    Audio { sample_rate_hz, channels: vec![channel, inverse] }
}

#[test]
fn a_full_scale_sine_reads_zero_db_at_its_own_height() {
    let scale = LogScale { min_hz: 30.0, max_hz: 20_000.0 };
    for sample_rate_hz in [44_100, 96_000] {
        let audio = sine(1000.0, sample_rate_hz, sample_rate_hz as usize);
        let levels = levels_db(&audio, (20, 200), &scale);
        let column: Vec<f64> = (0..200).map(|row| levels[row * 20 + 10]).collect();
        let loudest = (0..200).max_by(|&a, &b| column[a].total_cmp(&column[b])).unwrap();
        assert!((-2.0..0.1).contains(&column[loudest]), "{} dB", column[loudest]);
        let height = 1.0 - (loudest as f64 + 0.5) / 200.0;
        assert!((scale.hz(height) / 1000.0 - 1.0).abs() < 0.05, "{} Hz", scale.hz(height));
        assert!(column[0] < -80.0);
    }
}

#[test]
fn sound_shows_in_its_own_half_of_the_picture() {
    let mut audio = sine(1000.0, 44_100, 88_200);
    audio.channels.iter_mut().for_each(|channel| channel[..44_100].fill(0.0));
    let levels = levels_db(&audio, (40, 100), &LogScale { min_hz: 30.0, max_hz: 20_000.0 });
    let loudest = |column: usize| {
        (0..100).map(|row| levels[row * 40 + column]).fold(f64::NEG_INFINITY, f64::max)
    };
    assert!(loudest(5) < -100.0 && loudest(35) > -2.0);
}

#[test]
fn pictures_of_any_length_and_rate_can_be_drawn() {
    for (sample_rate_hz, num_frames) in [(44_100, 1), (8000, 300), (192_000, 20_000)] {
        let audio = sine(440.0, sample_rate_hz, num_frames);
        let panels = [Panel { title: "Mix 1/2: 44.1", audio: &audio }; 2];
        let options = SpectrogramOptions { width_px: 64, height_px: 32, ..Default::default() };
        let picture = draw(&panels, &options).unwrap();
        assert!(picture.to_png().unwrap().starts_with(b"\x89PNG"));
    }
}

#[test]
fn files_appear_whole_and_are_not_replaced_by_accident() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("a.png");
    let audio = sine(440.0, 44_100, 4410);
    let panels = [Panel { title: "a", audio: &audio }];
    let options = SpectrogramOptions { width_px: 64, height_px: 32, ..Default::default() };
    write_spectrogram(&path, &panels, &options).unwrap();
    assert!(std::fs::read(&path).unwrap().starts_with(b"\x89PNG"));
    let error = write_spectrogram(&path, &panels, &options).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn senseless_options_are_errors() {
    let audio = sine(440.0, 44_100, 100);
    let panels = [Panel { title: "", audio: &audio }];
    let good = SpectrogramOptions::default();
    for bad in [
        SpectrogramOptions { width_px: 0, ..good },
        SpectrogramOptions { height_px: 1 << 40, ..good },
        SpectrogramOptions { min_hz: 0.0, ..good },
        SpectrogramOptions { max_hz: f64::NAN, ..good },
        SpectrogramOptions { floor_db: f64::NAN, ..good },
        SpectrogramOptions { ceiling_db: -200.0, ..good },
    ] {
        assert!(draw(&panels, &bad).is_err(), "{bad:?}");
    }
    assert!(draw(&[], &good).is_err());
    let silent = Audio::silence(44_100, 2, 0);
    assert!(draw(&[Panel { title: "", audio: &silent }], &good).is_err());
}

#[test]
fn time_ticks_are_round_and_few() {
    for (duration_s, step_s) in [(30.0, 5.0), (10.0, 1.0), (0.3, 0.05), (3600.0, 500.0)] {
        assert!((tick_step(duration_s, 10.0) / step_s - 1.0).abs() < 1e-9, "{duration_s} s");
    }
}
