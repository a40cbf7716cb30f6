//! Tests of writing: what comes back, what is counted, and that no half file stays.

use tempfile::TempDir;

use super::*;
use crate::files::read_audio;

fn options(format: SampleFormat) -> WavOptions {
    WavOptions { sample_rate_hz: 48_000, num_channels: 2, format, overwrite: false }
}

fn files_in(dir: &TempDir) -> usize {
    std::fs::read_dir(dir.path()).unwrap().count()
}

fn ramp(num_frames: usize) -> Audio {
    let left: Vec<f32> =
        (0..num_frames).map(|n| (n as f32 / num_frames as f32).mul_add(1.8, -0.9)).collect();
    let right = left.iter().map(|sample| -0.3 * sample).collect();
    Audio { sample_rate_hz: 48_000, channels: vec![left, right] }
}

#[test]
fn float_files_return_every_bit() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.wav");
    let mut audio = ramp(1000);
    audio.channels[0][3] = 1.75;
    let report = write_wav(&path, &audio, SampleFormat::Float, false).unwrap();
    assert_eq!(read_audio(&path).unwrap(), audio);
    assert_eq!(report, WriteReport { num_frames: 1000, clipped_samples: 1 });
    assert_eq!(files_in(&dir), 1);
}

#[test]
fn integer_files_are_as_exact_as_their_width_allows() {
    let dir = TempDir::new().unwrap();
    let audio = ramp(5000);
    for (format, lsb, worst_lsb) in [
        (SampleFormat::Int24, 1.0 / 8_388_608.0, 0.51),
        (SampleFormat::Int16, 1.0 / 32_768.0, 1.51),
    ] {
        let path = dir.path().join(format!("{format}.wav"));
        let report = write_wav(&path, &audio, format, false).unwrap();
        let back = read_audio(&path).unwrap();
        let worst = (audio.channels.iter().flatten())
            .zip(back.channels.iter().flatten())
            .map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs() / lsb)
            .fold(0.0, f64::max);
        assert!(worst <= worst_lsb, "{format}: {worst} LSB");
        assert_eq!(report.clipped_samples, 0);
    }
}

#[test]
fn dithered_files_are_equal_in_every_run_and_their_error_is_noise() {
    let dir = TempDir::new().unwrap();
    let quiet = Audio { sample_rate_hz: 48_000, channels: vec![vec![0.25 / 32_768.0; 40_000]] };
    let bytes: Vec<Vec<u8>> = ["a.wav", "b.wav"]
        .map(|name| {
            let path = dir.path().join(name);
            write_wav(&path, &quiet, SampleFormat::Int16, false).unwrap();
            std::fs::read(path).unwrap()
        })
        .into();
    assert_eq!(bytes[0], bytes[1]);
    // A quarter of a step would vanish by rounding alone; dithered, it survives as the mean.
    let back = read_audio(&dir.path().join("a.wav")).unwrap();
    let mean = back.channels[0].iter().sum::<f32>() / 40_000.0 * 32_768.0;
    assert!((mean - 0.25).abs() < 0.02, "mean {mean} steps");
}

#[test]
fn samples_beyond_full_scale_are_held_and_counted() {
    let dir = TempDir::new().unwrap();
    let loud = Audio { sample_rate_hz: 8000, channels: vec![vec![1.5, -1.5, 0.5, -1.0, 1.0]] };
    for format in [SampleFormat::Int24, SampleFormat::Int16] {
        let path = dir.path().join(format!("{format}.wav"));
        let report = write_wav(&path, &loud, format, false).unwrap();
        assert_eq!(report.clipped_samples, 3, "{format}");
        let back = read_audio(&path).unwrap();
        assert!(back.channels[0][0] > 0.999 && back.channels[0][1] == -1.0);
    }
}

#[test]
fn a_writer_dropped_early_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("half.wav");
    let mut writer = WavWriter::create(&path, options(SampleFormat::Float), None).unwrap();
    writer.write(&[vec![0.1; 100_000], vec![0.2; 100_000]]).unwrap();
    assert_eq!(files_in(&dir), 1);
    drop(writer);
    assert_eq!(files_in(&dir), 0);
}

#[test]
fn an_existing_file_is_replaced_only_on_request() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.wav");
    std::fs::write(&path, "precious").unwrap();
    let error = write_wav(&path, &ramp(10), SampleFormat::Float, false).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    write_wav(&path, &ramp(10), SampleFormat::Float, true).unwrap();
    assert_eq!(read_audio(&path).unwrap(), ramp(10));
    assert_eq!(files_in(&dir), 1);
}

#[test]
fn what_wav_cannot_say_is_refused_before_writing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("long.wav");
    let seven_hours = 7 * 3600 * 48_000;
    let error = WavWriter::create(&path, options(SampleFormat::Float), Some(seven_hours));
    let message = error.err().unwrap().to_string();
    assert!(message.contains("9676800000 bytes"), "{message}");
    assert!(WavWriter::create(&path, options(SampleFormat::Int16), Some(3600 * 48_000)).is_ok());
    assert_eq!(files_in(&dir), 0);
}

#[test]
fn wrong_shapes_and_places_are_errors() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.wav");
    let mut writer = WavWriter::create(&path, options(SampleFormat::Float), None).unwrap();
    assert!(writer.write(&[vec![0.0; 3]]).is_err());
    assert!(writer.write(&[vec![0.0; 3], vec![0.0; 4]]).is_err());
    let nowhere = dir.path().join("absent/a.wav");
    assert!(write_wav(&nowhere, &ramp(1), SampleFormat::Float, true).is_err());
    assert!(write_wav(dir.path(), &ramp(1), SampleFormat::Float, true).is_err());
}

#[cfg(unix)]
#[test]
fn written_files_are_readable_like_any_other_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let (ours, plain) = (dir.path().join("a.wav"), dir.path().join("plain"));
    write_wav(&ours, &ramp(1), SampleFormat::Float, false).unwrap();
    std::fs::write(&plain, "").unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_devices_stay_devices() {
    let dir = TempDir::new().unwrap();
    let (file, link) = (dir.path().join("file.wav"), dir.path().join("link.wav"));
    std::fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    write_wav(&link, &ramp(5), SampleFormat::Float, true).unwrap();
    assert!(link.is_symlink());
    assert_eq!(read_audio(&file).unwrap(), ramp(5));
    let error = write_wav(Path::new("/dev/null"), &ramp(5), SampleFormat::Float, true);
    assert!(error.unwrap_err().to_string().contains("is not a file"));
}
