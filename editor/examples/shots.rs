//! Draws the documentation's pictures of the editor from what the engine told of the demo mix. Run by
//! `cargo xtask shots`: RECORDING FOLDER MODELS.

#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::{Path, PathBuf};

use common::{USUAL, open_with, states};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use soloist::model::{Instrument, facts};
use soloist::streaming::MixMode;
use soloist::streaming::scope::{SCOPE_BANDS, ScopeColumn};
use soloist_editor::{EditorState, ModelRow, Tab, Theme, View};

/// Bytes of a column in the recording.
const COLUMN_BYTES: usize = 4 + 8 + 4 + 1 + 7 * SCOPE_BANDS;

fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [recording, folder, models] = &arguments[..] else {
        panic!("expected RECORDING FOLDER MODELS, found {arguments:?}");
    };
    let (normal, columns) = read(&std::fs::read(recording).unwrap(), models);
    let mut remix =
        View { mode: MixMode::Remix, channels: states::remix().channels, ..normal.clone() };
    remix.channels[4].mute = false;
    let removed = View {
        mode: MixMode::Remove,
        instrument: Instrument::Drums,
        theme: Theme::Light,
        ..normal.clone()
    };
    let missing = {
        let (_, of_trouble) = states::troubles().swap_remove(0);
        let mut view = View { instrument: Instrument::Piano, ..normal.clone() };
        view.sources = of_trouble.sources;
        view.health.troubles = of_trouble.health.troubles;
        view.health.model = of_trouble.health.model;
        view.health.version = of_trouble.health.version;
        view
    };
    let capture = View { capture: states::captured().capture, ..normal.clone() };
    for (name, view, tab) in [
        ("editor-isolate", normal.clone(), Tab::Sound),
        ("editor-remix", remix, Tab::Sound),
        ("editor-light", removed, Tab::Sound),
        ("editor-models", normal, Tab::Models),
        ("editor-capture", capture, Tab::Capture),
        ("editor-trouble", missing, Tab::Health),
    ] {
        let mut state = EditorState::default();
        state.tab = tab;
        columns.iter().for_each(|column| state.spectrogram.push(column));
        let mut harness = open_with(view, state, USUAL);
        harness.run();
        let path = folder.join(format!("{name}.png"));
        save(&harness.render().unwrap(), &path);
        println!("{}", path.display());
    }
}

/// The view and the columns of a recording; what its line means stands in `xtask/src/shots.rs`.
fn read(recording: &[u8], models: &Path) -> (View, Vec<ScopeColumn>) {
    let end = recording.iter().position(|byte| *byte == b'\n').unwrap();
    let line = std::str::from_utf8(&recording[..end]).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let number = |index: usize| words[index].parse::<f64>().unwrap();
    let mut view = states::normal();
    view.clock.sample_rate_hz = number(0);
    view.clock.epoch = number(1) as u32;
    view.clock.play_frame = number(2) as i64;
    view.clock.received_frame = number(3) as i64;
    view.clock.window_s = number(4);
    let health = &mut view.health;
    health.sample_rate_hz = number(0);
    health.latency_frames = number(5) as usize;
    health.load = Some(number(6) as f32);
    health.run_ms = Some((number(7), number(8)));
    health.queued_s = number(9) / number(0);
    health.model_bytes = Some(number(10) as u64);
    health.model = words[11].to_owned();
    health.version = Some(words[12].to_owned());
    view.models.rows = facts::facts(&[models.to_owned()]).into_iter().map(ModelRow::from).collect();
    let columns = recording[end + 1..].chunks_exact(COLUMN_BYTES).map(column).collect();
    (view, columns)
}

fn column(bytes: &[u8]) -> ScopeColumn {
    let (head, bands) = bytes.split_at(17);
    let (mix, shares) = bands.split_at(SCOPE_BANDS);
    ScopeColumn {
        epoch: u32::from_le_bytes(head[..4].try_into().unwrap()),
        frame: i64::from_le_bytes(head[4..12].try_into().unwrap()),
        num_frames: u32::from_le_bytes(head[12..16].try_into().unwrap()),
        has_shares: head[16] != 0,
        mix: mix.try_into().unwrap(),
        shares: std::array::from_fn(|stem| {
            shares[stem * SCOPE_BANDS..(stem + 1) * SCOPE_BANDS].try_into().unwrap()
        }),
    }
}

/// Without alpha and as small as the encoder makes it: the pictures lie in the repository.
fn save(image: &image::RgbaImage, path: &Path) {
    let pixels: Vec<u8> = image.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let file = std::fs::File::create(path).unwrap();
    PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::Adaptive)
        .write_image(&pixels, image.width(), image.height(), ExtendedColorType::Rgb8)
        .unwrap();
}
