//! The seed systems in the command-line tool, and sound without the mix's phase. Needs the resources
//! that `cargo xtask setup` makes.

#![allow(clippy::unwrap_used)]

mod cli_common;

use std::path::Path;
use std::process::Output;

use cli_common::{complaint, listing, music, put, repository_models, resources, soloist, succeed};
use soloist::files::{Audio, read_audio, residual_dbfs};
use tempfile::TempDir;

/// Runs the tool on the models of this repository.
fn run_with(model: &str, command: &str, input: &Path, output: &Path, options: &str) -> Output {
    resources();
    let mut soloist = soloist();
    soloist.arg(command).arg(input).arg("-o").arg(output).args(["--model", model]);
    soloist.arg("--models-dir").arg(repository_models());
    soloist.args(options.split_whitespace()).output().unwrap()
}

#[test]
fn both_seed_systems_write_vocals_and_the_rest_which_sum_to_the_mix() {
    let dir = TempDir::new().unwrap();
    let mix = music(48_000, 2, 60_000);
    let input = put(&dir, "mix.wav", &mix);
    for model in ["mel-unet", "wave-unet"] {
        let folder = dir.path().join(model);
        succeed(&run_with(model, "separate", &input, &folder, ""));
        assert_eq!(listing(&folder), ["mix", "mix/other.wav", "mix/vocals.wav"]);
        let mut sum = read_audio(&folder.join("mix/vocals.wav")).unwrap();
        let rest = read_audio(&folder.join("mix/other.wav")).unwrap();
        for (sum, rest) in sum.channels.iter_mut().zip(&rest.channels) {
            sum.iter_mut().zip(rest).for_each(|(sum, sample)| *sum += sample);
        }
        let residual = residual_dbfs(&mix, &sum).unwrap();
        assert!(residual <= -110.0, "{model}: {residual} dBFS");

        let alone = dir.path().join("alone.wav");
        succeed(&run_with(model, "isolate", &input, &alone, "--instrument vocals --force"));
        let vocals = read_audio(&folder.join("mix/vocals.wav")).unwrap();
        assert!(read_audio(&alone).unwrap() == vocals, "{model}: isolate is one of the stems");
        let drums = dir.path().join("drums.wav");
        let words = complaint(&run_with(model, "isolate", &input, &drums, "-i drums"), 1);
        assert!(
            words.contains("does not separate drums: expected one of vocals, other"),
            "{words}"
        );
    }
}

#[test]
fn griffin_lim_gives_mono_sound_in_the_shape_of_the_input_again_and_again() {
    let dir = TempDir::new().unwrap();
    let input = put(&dir, "mix.wav", &music(44_100, 2, 50_001));
    let render = |name: &str, options: &str| -> Audio {
        let output = dir.path().join(name);
        let options = format!("-i vocals --reconstruct griffin-lim {options}");
        succeed(&run_with("mel-unet", "isolate", &input, &output, &options));
        read_audio(&output).unwrap()
    };
    let first = render("first.wav", "");
    assert_eq!((first.num_channels(), first.num_frames()), (2, 50_001));
    assert_eq!(first.channels[0], first.channels[1]);
    assert!(first.channels[0].iter().all(|sample| sample.is_finite()));
    assert!(first == render("second.wav", ""), "equal inputs give equal files");
    let mut quieter = render("quieter.wav", "--output-gain -6.0206");
    quieter.channels.iter_mut().flatten().for_each(|sample| *sample *= 2.0);
    assert!(residual_dbfs(&first, &quieter).unwrap() < -90.0, "the gain applies");
}

#[test]
fn griffin_lim_is_refused_in_words_where_it_makes_no_sense() {
    let dir = TempDir::new().unwrap();
    let input = put(&dir, "mix.wav", &music(44_100, 1, 2_000));
    let output = dir.path().join("out.wav");
    for (model, options, code, words) in [
        ("studio", "-i vocals", 1, "has bands input: Griffin-Lim needs a log-mel model"),
        ("wave-unet", "-i vocals", 1, "has waveform input: Griffin-Lim needs a log-mel model"),
        (
            "mel-unet",
            "-i other",
            1,
            "has no levels of other for Griffin-Lim: expected one of vocals",
        ),
        ("mel-unet", "-i vocals --mode remove", 2, "it goes with --mode isolate and --mix 100"),
        ("mel-unet", "-i vocals --mix 50", 2, "it goes with --mode isolate and --mix 100"),
    ] {
        let options = format!("{options} --reconstruct griffin-lim");
        let said = complaint(&run_with(model, "isolate", &input, &output, &options), code);
        assert!(said.contains(words), "{model} {options}: {said}");
        assert!(!output.exists(), "{model} {options}: a file is left");
    }
}
