//! What a frame of the window costs before it goes to the graphics card: drawing, and tessellation.

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{song, states};
use egui::{Context, Pos2, RawInput, Rect, ViewportId, ViewportInfo};
use soloist::model::Instrument;
use soloist_editor::{EditorState, Tab, View, draw};

const NUM_FRAMES: u32 = 600;

/// Milliseconds a frame: the median and the 99th percentile, and bytes sent to textures a frame.
fn measure(view: &mut View, tab: Tab, scale: f32, changes: bool) -> (f64, f64, f64) {
    let context = Context::default();
    soloist_editor::theme::install_fonts(&context);
    let mut state = EditorState::default();
    state.tab = tab;
    song::play(view, &mut state);
    let mut times_ms = Vec::new();
    let mut bytes = 0_usize;
    for frame in 0..NUM_FRAMES {
        if tab == Tab::Sound {
            song::play_on(view, &mut state, 44_100 / 60);
        }
        if changes {
            view.instrument = Instrument::ALL[frame as usize % Instrument::ALL.len()];
        }
        let viewport = ViewportInfo { native_pixels_per_point: Some(scale), ..Default::default() };
        let input = RawInput {
            viewports: std::iter::once((ViewportId::ROOT, viewport)).collect(),
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, egui::vec2(960.0, 640.0))),
            time: Some(f64::from(frame) / 60.0),
            ..RawInput::default()
        };
        let begin = Instant::now();
        let mut output = context.run_ui(input, |ui| {
            std::hint::black_box(draw(ui, view, &mut state));
        });
        let shapes = std::mem::take(&mut output.shapes);
        std::hint::black_box(context.tessellate(shapes, output.pixels_per_point));
        // The first frames make fonts and the texture.
        if frame >= 30 {
            times_ms.push(1000.0 * begin.elapsed().as_secs_f64());
            let deltas = output.textures_delta.set.values().flatten();
            bytes +=
                deltas.map(|delta| 4 * delta.image.width() * delta.image.height()).sum::<usize>();
        }
        output.textures_delta.clear();
    }
    times_ms.sort_by(f64::total_cmp);
    let at = |share: f64| times_ms[(share * (times_ms.len() - 1) as f64) as usize];
    (at(0.5), at(0.99), bytes as f64 / times_ms.len() as f64)
}

fn main() {
    println!("960 x 640 points, milliseconds a frame without the graphics card");
    println!("{:<34} {:>5} {:>8} {:>8} {:>12}", "", "scale", "median", "99 %", "texture B");
    for scale in [1.0, 2.0] {
        for (name, mut view, tab, changes) in [
            ("Isolate, sound playing", states::normal(), Tab::Sound, false),
            ("Remix, sound playing", states::remix(), Tab::Sound, false),
            ("another instrument each frame", states::normal(), Tab::Sound, true),
            ("models", states::normal(), Tab::Models, false),
        ] {
            let (median, worst, bytes) = measure(&mut view, tab, scale, changes);
            println!("{name:<34} {scale:>5} {median:>8.2} {worst:>8.2} {bytes:>12.0}");
        }
    }
}
