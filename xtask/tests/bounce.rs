//! An offline bounce is one thing: the same bits for any block size, format and program.

#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::{
    NULL_DBFS, assert_identical, bundles, drums, excerpt, load, rate_hz, residual_dbfs, turn,
};
use soloist::files::{Audio, SampleFormat, read_audio, write_wav};
use xtask::bounce::{BlockPlan, bounce};
use xtask::host::Format;
use xtask::paths::target_dir;
use xtask::render::{RenderOptions, render_audio};

fn rendered(mix: &Audio, options: RenderOptions) -> Audio {
    render_audio(mix, &bundles(), &options).expect("the bundled plugin renders")
}

#[test]
fn the_bounce_is_bit_identical_for_every_block_size_and_in_both_formats() {
    let _turn = turn();
    let mix = excerpt(8.0);
    let reference = rendered(&mix, drums(Format::Clap));
    assert!(
        residual_dbfs(&reference.channels, &mix.channels) > -40.0,
        "the result is the mix: nothing was separated, so nothing is tested"
    );
    for (format, plan) in [
        (Format::Clap, BlockPlan::Fixed(64)),
        (Format::Clap, BlockPlan::Random(7)),
        (Format::Vst3, BlockPlan::Fixed(512)),
        (Format::Vst3, BlockPlan::Fixed(4096)),
        (Format::Vst3, BlockPlan::Random(11)),
    ] {
        let other = rendered(&mix, RenderOptions { block: plan, ..drums(format) });
        let what = format!("{format} in blocks of {plan} against clap in blocks of 512");
        assert_identical(&reference.channels, &other.channels, &what);
    }
}

#[test]
fn the_bounce_is_bit_identical_for_blocks_of_one_frame() {
    let _turn = turn();
    let mix = excerpt(1.5);
    let reference = rendered(&mix, drums(Format::Clap));
    for format in Format::ALL {
        let options = RenderOptions { block: BlockPlan::Fixed(1), ..drums(format) };
        let other = rendered(&mix, options);
        assert_identical(&reference.channels, &other.channels, &format!("{format}, one frame"));
    }
}

#[test]
fn the_bounce_equals_what_the_command_line_tool_writes() {
    let _turn = turn();
    let mix = excerpt(8.0);
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("mix.wav"), folder.path().join("drums.wav"));
    write_wav(&input, &mix, SampleFormat::Float, false).unwrap();
    let tool =
        target_dir().join("release").join(format!("soloist{}", std::env::consts::EXE_SUFFIX));
    for (mode, amount) in [("isolate", "100"), ("remove", "70")] {
        let run = Command::new(&tool)
            .arg("isolate")
            .arg(&input)
            .arg("-o")
            .arg(&output)
            .args(["--instrument", "drums", "--mix", amount, "--mode", mode])
            .output()
            .expect("run `cargo build --release --bin soloist` first");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let tool_result = read_audio(&output).unwrap();
        let options = RenderOptions {
            mode: mode.into(),
            mix_percent: amount.parse().unwrap(),
            ..drums(Format::Clap)
        };
        let plugin_result = rendered(&mix, options);
        let what = format!("tool against plugin, {mode} at {amount} %");
        assert_identical(&plugin_result.channels, &tool_result.channels, &what);
        std::fs::remove_file(&output).unwrap();
    }
}

#[test]
fn a_second_bounce_in_the_same_instance_repeats_the_first() {
    let _turn = turn();
    let mix = excerpt(5.0);
    for format in Format::ALL {
        let mut host = load(format);
        host.set_parameter("Instrument", "Drums").unwrap();
        let mut again =
            || bounce(host.as_mut(), &mix.channels, rate_hz(&mix), BlockPlan::Fixed(512)).unwrap();
        let (first, second) = (again(), again());
        assert_identical(&first, &second, &format!("{format}, second bounce"));
    }
}

#[test]
fn isolate_and_remove_of_one_instrument_sum_to_the_mix() {
    let _turn = turn();
    let mix = excerpt(5.0);
    let isolated = rendered(&mix, drums(Format::Clap));
    let removed = rendered(&mix, RenderOptions { mode: "remove".into(), ..drums(Format::Vst3) });
    let sum: Vec<Vec<f32>> = isolated
        .channels
        .iter()
        .zip(&removed.channels)
        .map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect())
        .collect();
    let residual = residual_dbfs(&sum, &mix.channels);
    assert!(residual <= NULL_DBFS, "residual {residual:.1} dBFS");
}

#[test]
fn a_recording_shorter_than_the_latency_keeps_its_length() {
    let _turn = turn();
    let mix = excerpt(0.1);
    for format in Format::ALL {
        let result = rendered(&mix, drums(format));
        assert_eq!(result.num_frames(), mix.num_frames(), "{format}");
    }
}
