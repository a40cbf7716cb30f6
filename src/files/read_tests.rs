//! Tests of reading: every kind of file, its alignment, and every way in which a file can be bad.

use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::files::{SampleFormat, WavOptions, WavWriter, write_wav};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/audio").join(name)
}

/// The sweep that every `sweep.*` fixture holds: 200 Hz rising by 4 kHz a second, the right
/// channel at half the left's level.
fn sweep(frame: usize) -> f64 {
    let time_s = frame as f64 / 44_100.0;
    0.5 * (TAU * (200.0 * time_s + 2000.0 * time_s * time_s)).sin()
}

/// Error of a decoded sweep against the formula in dB, at a shift in frames.
fn sweep_error_db(left: &[f32], shift: isize) -> f64 {
    let (mut signal, mut error) = (0.0, 0.0);
    for (frame, &sample) in left.iter().enumerate().skip(200) {
        let truth = sweep(frame.saturating_add_signed(shift));
        signal += truth * truth;
        error += (truth - f64::from(sample)).powi(2);
    }
    10.0 * (error / signal).log10()
}

fn write(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn every_kind_is_read_with_its_delay_and_padding_trimmed() {
    for (name, num_frames, worst_db) in [
        ("sweep.flac", 1000, -80.0),
        ("sweep.aiff", 1000, -80.0),
        ("sweep_alac.m4a", 1000, -80.0),
        ("sweep.mp3", 13_230, -20.0),
        ("sweep.ogg", 13_230, -15.0),
        ("sweep.m4a", 13_230, -35.0),
    ] {
        let audio = read_audio(&fixture(name)).unwrap();
        assert_eq!((audio.sample_rate_hz, audio.num_channels()), (44_100, 2), "{name}");
        assert_eq!(audio.num_frames(), num_frames, "{name}");
        let error_db = sweep_error_db(&audio.channels[0], 0);
        assert!(error_db < worst_db, "{name}: {error_db} dB");
        for shift in [-1, 1] {
            assert!(sweep_error_db(&audio.channels[0], shift) > error_db, "{name} is shifted");
        }
    }
}

#[test]
fn raw_aac_is_read_with_its_delay() {
    let audio = read_audio(&fixture("sweep.aac")).unwrap();
    assert!(audio.num_frames() >= 13_230 + 1024);
    assert!(sweep_error_db(&audio.channels[0][1024..13_000], 0) < -35.0);
}

#[test]
fn unusual_wav_files_are_read() {
    let alaw = read_audio(&fixture("alaw.wav")).unwrap();
    assert_eq!((alaw.sample_rate_hz, alaw.num_channels(), alaw.num_frames()), (8000, 2, 2400));
    let double = read_audio(&fixture("float64.wav")).unwrap();
    assert!(sweep_error_db(&double.channels[0], 0) < -60.0);
}

#[test]
fn integers_of_every_width_have_full_scale_one() {
    let dir = TempDir::new().unwrap();
    for bits in [8, 16, 24, 32] {
        let path = dir.path().join(format!("{bits}.wav"));
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 96_000,
            bits_per_sample: bits,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        let peak = 1_i64 << (bits - 1);
        for value in [-peak, -peak / 2, 0, peak / 4, peak - 1] {
            writer.write_sample(value as i32).unwrap();
        }
        writer.finalize().unwrap();
        let audio = read_audio(&path).unwrap();
        let last = ((peak - 1) as f64 / peak as f64) as f32;
        assert_eq!(audio.channels, [[-1.0, -0.5, 0.0, 0.25, last]], "{bits} bits");
        assert_eq!(audio.sample_rate_hz, 96_000);
    }
}

#[test]
fn blocks_of_any_size_give_the_whole_file() {
    for name in ["sweep.mp3", "sweep.flac"] {
        let whole = read_audio(&fixture(name)).unwrap();
        for block_frames in [1, 17, 1000, 100_000] {
            let mut reader = AudioReader::open(&fixture(name)).unwrap();
            let mut block = vec![Vec::new(); 2];
            let mut left = Vec::new();
            while reader.read(&mut block, block_frames).unwrap() > 0 {
                assert!(block[0].len() <= block_frames);
                left.extend_from_slice(&block[0]);
            }
            assert_eq!(left, whole.channels[0], "{name}, blocks of {block_frames}");
            assert_eq!(reader.frames_read(), left.len() as u64);
        }
    }
}

#[test]
fn samples_that_are_no_numbers_become_zero_and_are_counted() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("nan.wav");
    let options = WavOptions {
        sample_rate_hz: 44_100,
        num_channels: 1,
        format: SampleFormat::Float,
        overwrite: false,
    };
    let mut writer = WavWriter::create(&path, options, None).unwrap();
    writer.write(&[[0.5, f32::NAN, f32::INFINITY, -2.0]]).unwrap();
    writer.finish().unwrap();
    let mut reader = AudioReader::open(&path).unwrap();
    let mut block = vec![Vec::new()];
    assert_eq!(reader.read(&mut block, 100).unwrap(), 4);
    assert_eq!(block[0], [0.5, 0.0, 0.0, -2.0]);
    assert_eq!(reader.non_finite_samples(), 2);
}

#[test]
fn bad_files_are_told_in_sentences() {
    let dir = TempDir::new().unwrap();
    let silence = |num_channels, num_frames| {
        let path = dir.path().join(format!("{num_channels}-{num_frames}.wav"));
        let audio = Audio::silence(44_100, num_channels, num_frames);
        write_wav(&path, &audio, SampleFormat::Int16, false).unwrap();
        path
    };
    let whole = fs::read(silence(2, 1000)).unwrap();
    let flac = fs::read(fixture("sweep.flac")).unwrap();
    let mut zero_rate = whole.clone();
    zero_rate[24..32].fill(0);
    for (path, expected) in [
        (dir.path().join("absent.wav"), "cannot read"),
        (dir.path().to_owned(), "cannot read"),
        (write(&dir, "empty.mp3", b""), "is empty"),
        (write(&dir, "text.wav", &b"These are words, not sound. ".repeat(99)), "is not audio"),
        (write(&dir, "riff.wav", b"RIFF\x10\0\0\0WAVEfmt "), "is not audio"),
        (silence(6, 10), "has 6 channels: expected 1 or 2"),
        (silence(1, 0), "holds no audio"),
        (write(&dir, "cut.wav", &whole[..2048]), "is cut short: expected 1000 frames, found 501"),
        (write(&dir, "cut.flac", &flac[..500]), "is "),
        (write(&dir, "zero.wav", &zero_rate), "sample rate of 0 Hz"),
        (fixture("opus.ogg"), "found Opus"),
    ] {
        let message = read_audio(&path).expect_err("a bad file").to_string();
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(message.contains(expected), "{name}: {message}");
        assert!(message.contains(&*name), "{name}: {message}");
    }
}

#[test]
fn a_decoder_that_panics_is_an_error() {
    // A channel mask of the highest bit alone makes symphonia 0.6.1 overflow in debug builds.
    let dir = TempDir::new().unwrap();
    let mut bytes = fs::read(fixture("float64.wav")).unwrap();
    let format = bytes.windows(4).position(|window| window == b"fmt ").unwrap();
    bytes[format + 28..format + 32].copy_from_slice(&[0, 0, 0, 0x80]);
    match read_audio(&write(&dir, "mask.wav", &bytes)) {
        Ok(audio) if cfg!(debug_assertions) => panic!("{} frames", audio.num_frames()),
        Ok(_) => {}
        Err(error) => assert!(error.to_string().contains("the decoder gave up"), "{error}"),
    }
}

#[test]
fn damaged_bytes_anywhere_give_an_error_or_audio_but_no_panic() {
    let dir = TempDir::new().unwrap();
    let mut state = 1_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for name in [
        "sweep.mp3",
        "sweep.flac",
        "sweep.ogg",
        "sweep.m4a",
        "sweep.aac",
        "sweep.aiff",
        "sweep_alac.m4a",
        "alaw.wav",
    ] {
        let good = fs::read(fixture(name)).unwrap();
        for round in 0..150 {
            let mut bad = good.clone();
            // Headers matter most: half of the rounds damage only the first bytes.
            let reach = if round % 2 == 0 { bad.len() } else { bad.len().min(200) };
            for _ in 0..1 + random(8) {
                bad[random(reach)] = random(256) as u8;
            }
            if round % 5 == 0 {
                bad.truncate(random(good.len()));
            }
            let _ = read_audio(&write(&dir, name, &bad));
        }
    }
}
