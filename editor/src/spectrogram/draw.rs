//! The picture with its axes, and where in it the ear is.

use std::ops::Range;

use egui::epaint::Mesh;
use egui::{Align2, Color32, Painter, Rect, Shape, Stroke, Ui, pos2, vec2};
use soloist::streaming::MixMode;
use soloist::streaming::scope::{SCOPE_HIGH_HZ, SCOPE_LOW_HZ};

use super::WIDTH_S;
use super::ring::CAPACITY;
use crate::draw::Draw;
use crate::theme;
use crate::view::{Clock, Engine};
use crate::widgets::{ROUND, put, put_wrapped, width_of};
use crate::words::capital;

/// The picture is dark in both themes: colours shine on black only.
const BACK: Color32 = Color32::from_rgb(0x08, 0x09, 0x0C);
const INK: Color32 = Color32::from_rgb(0xE8, 0xEB, 0xF0);
const FAINT: Color32 = Color32::from_rgba_unmultiplied_const(0xE8, 0xEB, 0xF0, 150);
const GRID: Color32 = Color32::from_rgba_unmultiplied_const(0xE8, 0xEB, 0xF0, 28);

const TICKS_HZ: [(f64, &str); 9] = [
    (50.0, "50"),
    (100.0, "100"),
    (200.0, "200"),
    (500.0, "500"),
    (1000.0, "1k"),
    (2000.0, "2k"),
    (5000.0, "5k"),
    (10_000.0, "10k"),
    (15_000.0, "15k"),
];

/// Seconds to points: 0 is what is heard now.
struct Axis {
    right: f32,
    per_s: f32,
    /// From what is heard to what has been received.
    latency_s: f64,
}

impl Axis {
    fn x(&self, seconds: f64) -> f32 {
        self.right + ((seconds - self.latency_s) as f32) * self.per_s
    }
}

/// Draws it into `rect`.
pub(crate) fn show(ui: &Ui, d: &mut Draw<'_>, rect: Rect) {
    let painter = ui.painter().with_clip_rect(rect);
    painter.rect_filled(rect, ROUND, BACK);
    let clock = d.view.clock;
    let plot = rect.with_max_y(rect.bottom() - 20.0);
    if clock.sample_rate_hz <= 0.0 || d.state.spectrogram.count() == 0 {
        nothing(d, &painter, rect);
        return;
    }
    let elapsed_s = f64::from(ui.input(|input| input.stable_dt));
    let received = d.state.spectrogram.walk.step(&clock, d.now, elapsed_s);
    let latency = (clock.received_frame - clock.play_frame).max(0) as f64;
    let axis = Axis {
        right: plot.right(),
        per_s: plot.width() / WIDTH_S as f32,
        latency_s: (latency / clock.sample_rate_hz).min(0.9 * WIDTH_S),
    };
    picture(ui, d, &painter, plot, received, &axis);
    frequencies(&painter, plot);
    times(&painter, rect, plot, &axis);
    let health = &d.view.health;
    let latency_s = health.latency_frames as f64 / health.sample_rate_hz.max(1.0);
    ear(&painter, plot, &axis, latency_s, clock);
    let legend = legend(d, &painter, plot);
    // Not over the picture: a tooltip would hide what is looked at.
    ui.interact(legend, egui::Id::unique("legend"), egui::Sense::hover()).on_hover_text(
        "The mix as it comes in, low notes below. Lit is what you hear of it. Right of the line is \
         what has been received and is being worked on",
    );
}

/// The texture's part that is seen, which may lie around the ring's end.
fn picture(ui: &Ui, d: &mut Draw<'_>, painter: &Painter, plot: Rect, received: f64, axis: &Axis) {
    let view = d.view;
    let ring = &mut d.state.spectrogram;
    let is_left = ring.awaits_stream();
    let (count, Some(last)) = (ring.count(), ring.last()) else { return };
    let hop = f64::from(last.num_frames.max(1));
    let per_column = axis.per_s * (hop / view.clock.sample_rate_hz) as f32;
    let ahead = received - (last.frame as f64 + hop);
    // After a reset, until its first column comes, what there is lies before its first frame; and so
    // does all sound of another stream.
    let is_reset = last.epoch != view.clock.epoch && ahead < 0.0;
    let ahead = if is_left || is_reset { received } else { ahead };
    let end_x = axis.right - axis.per_s * (ahead.max(0.0) / view.clock.sample_rate_hz) as f32;
    let seen = ((plot.width() / per_column).ceil() as usize + 2).min(CAPACITY - 2);
    let texture = ring.texture(ui.ctx(), view, seen);
    let first = count.saturating_sub(seen as u64);
    let mut mesh = Mesh::with_texture(texture.id());
    for part in [first..turn(first).min(count), turn(first).min(count)..count] {
        add_part(&mut mesh, &part, plot, |number| end_x - per_column * (count - number) as f32);
    }
    painter.with_clip_rect(plot).add(Shape::mesh(mesh));
}

/// Where the ring begins anew after column `number`.
fn turn(number: u64) -> u64 {
    (number / CAPACITY as u64 + 1) * CAPACITY as u64
}

fn add_part(mesh: &mut Mesh, part: &Range<u64>, plot: Rect, x: impl Fn(u64) -> f32) {
    if part.is_empty() {
        return;
    }
    let u = |number: u64| number as f32 / CAPACITY as f32;
    let from = (part.start % CAPACITY as u64) as f32 / CAPACITY as f32;
    let uv = Rect::from_min_max(pos2(from, 0.0), pos2(from + u(part.end) - u(part.start), 1.0));
    let place = Rect::from_x_y_ranges(x(part.start)..=x(part.end), plot.y_range());
    mesh.add_rect_with_uv(place, uv, Color32::WHITE);
}

fn frequencies(painter: &Painter, plot: Rect) {
    let height = |hz: f64| {
        let share = (hz / SCOPE_LOW_HZ).ln() / (SCOPE_HIGH_HZ / SCOPE_LOW_HZ).ln();
        egui::lerp(plot.bottom()..=plot.top(), share as f32)
    };
    let mut lowest = f32::INFINITY;
    for (hz, text) in TICKS_HZ {
        let y = height(hz);
        // Labels that would touch are left out.
        if lowest - y < 15.0 || y < plot.top() + 36.0 {
            continue;
        }
        lowest = y;
        painter.hline(plot.x_range(), y, Stroke::new(1.0, GRID));
        let place =
            Rect::from_min_max(pos2(plot.left() + 6.0, y - 15.0), pos2(plot.left() + 60.0, y));
        outlined(painter, place, Align2::LEFT_BOTTOM, text, INK);
    }
    let place = Rect::from_min_max(
        pos2(plot.left() + 6.0, plot.bottom() - 15.0),
        pos2(plot.left() + 60.0, plot.bottom()),
    );
    if lowest > plot.bottom() - 16.0 {
        return;
    }
    outlined(painter, place, Align2::LEFT_BOTTOM, "Hz", FAINT);
}

/// Text over the picture: a shadow keeps it readable on bright sound.
fn outlined(painter: &Painter, rect: Rect, align: Align2, text: &str, colour: Color32) {
    let font = theme::plain(12.0);
    let shadow = Color32::from_black_alpha(200);
    for offset in [vec2(1.0, 1.0), vec2(-1.0, 0.0), vec2(0.0, -1.0)] {
        put(painter, rect.translate(offset), align, text, font.clone(), shadow);
    }
    put(painter, rect, align, text, font, colour);
}

fn times(painter: &Painter, rect: Rect, plot: Rect, axis: &Axis) {
    let step = if axis.per_s > 32.0 { 1 } else { 2 };
    let row = Rect::from_min_max(pos2(rect.left(), plot.bottom()), rect.max);
    for seconds in (-(WIDTH_S as i32)..0).filter(|seconds| seconds % step == 0) {
        let x = axis.x(f64::from(seconds));
        if x < rect.left() + 24.0 || x > axis.x(0.0) - 56.0 {
            continue;
        }
        painter.vline(x, plot.bottom()..=plot.bottom() + 4.0, Stroke::new(1.0, FAINT));
        let place = Rect::from_center_size(pos2(x, row.center().y + 1.0), vec2(50.0, row.height()));
        let text = format!("\u{2212}{} s", -seconds);
        put(painter, place, Align2::CENTER_CENTER, &text, theme::plain(11.5), FAINT);
    }
}

/// The line of what is heard, the stretch of the latency, the network's window.
fn ear(painter: &Painter, plot: Rect, axis: &Axis, latency_s: f64, clock: Clock) {
    let x = axis.x(0.0);
    let coming = Rect::from_min_max(pos2(x, plot.top()), plot.max);
    painter.rect_filled(coming, 0.0, Color32::from_white_alpha(10));
    painter.vline(x, plot.y_range(), Stroke::new(2.0, INK));
    let font = theme::plain(11.5);
    let below = plot.bottom() + 10.0;
    let latency = format!("+{latency_s:.2} s");
    let heard = "heard now";
    let room = axis.right - x;
    let heard_width = width_of(painter, heard, font.clone());
    let place = Rect::from_center_size(pos2(x, below), vec2(heard_width + 8.0, 18.0));
    let place = place.translate(vec2((axis.right - 4.0 - place.right()).min(0.0), 0.0));
    put(painter, place, Align2::CENTER_CENTER, heard, theme::strong(11.5), INK);
    let latency_width = width_of(painter, &latency, font.clone());
    if room > 0.5 * heard_width + latency_width + 14.0 {
        let place = Rect::from_min_max(pos2(x, below - 9.0), pos2(axis.right - 5.0, below + 9.0));
        put(painter, place, Align2::RIGHT_CENTER, &latency, font, FAINT);
    }
    window(painter, plot, axis, clock.window_s);
}

/// A bracket over what the network sees at once.
fn window(painter: &Painter, plot: Rect, axis: &Axis, window_s: f64) {
    if window_s <= 0.0 {
        return;
    }
    let y = plot.top() + 21.0;
    let left = axis.x(axis.latency_s - window_s).max(plot.left() + 2.0);
    let right = axis.right - 2.0;
    let stroke = Stroke::new(1.5, FAINT);
    painter.hline(left..=right, y, stroke);
    for x in [left, right] {
        painter.vline(x, y - 3.0..=y + 4.0, stroke);
    }
    let text = format!("the network sees {window_s:.1} s");
    let width = width_of(painter, &text, theme::plain(12.0));
    // Above the bracket, or left of it where it is short.
    let end = if right - left > width + 12.0 { (right - 6.0, y - 9.0) } else { (left - 6.0, y) };
    let place =
        Rect::from_min_max(pos2(end.0 - width - 4.0, end.1 - 8.0), pos2(end.0, end.1 + 8.0));
    if place.left() > plot.left() + 170.0 {
        outlined(painter, place, Align2::RIGHT_CENTER, &text, INK);
    }
}

/// What the colours stand for.
fn legend(d: &Draw<'_>, painter: &Painter, plot: Rect) -> Rect {
    let name = capital(d.view.instrument.name());
    let text = match d.view.mode {
        _ if d.view.bypass => "Bypassed: the mix".to_owned(),
        _ if d.view.is_dry => "A-B: the mix".to_owned(),
        MixMode::Isolate => format!("{name} lit"),
        MixMode::Remove => format!("{name} removed"),
        MixMode::Remix => "Remix: colours by gain".to_owned(),
    };
    let place = Rect::from_min_max(
        pos2(plot.left() + 8.0, plot.top() + 3.0),
        pos2(plot.left() + 200.0, plot.top() + 18.0),
    );
    let is_stem = d.view.mode != MixMode::Remix && !d.view.bypass && !d.view.is_dry;
    let mut text_place = place;
    if is_stem {
        let chip =
            Rect::from_center_size(pos2(place.left() + 5.0, place.center().y), vec2(10.0, 10.0));
        painter.rect_filled(chip, 3.0, theme::stem_colour(d.view.instrument));
        text_place = place.with_min_x(place.left() + 16.0);
    }
    outlined(painter, text_place, Align2::LEFT_CENTER, &text, INK);
    place
}

fn nothing(d: &Draw<'_>, painter: &Painter, rect: Rect) {
    let words = match d.view.health.engine {
        Engine::Loading => "Loading the model\u{2026}",
        Engine::Inactive => "The host has not switched the plugin on",
        Engine::Stopped => "No picture: the model does not run",
        Engine::Running => "Play something: the picture comes with the sound",
    };
    let width = (rect.width() - 40.0).min(360.0);
    let font = theme::plain(15.0);
    let wide = width_of(painter, words, font.clone());
    if wide <= width {
        put(painter, rect, Align2::CENTER_CENTER, words, font, FAINT);
    } else {
        let place = Rect::from_center_size(rect.center(), vec2(width, 44.0));
        put_wrapped(painter, place, words, font, FAINT);
    }
}
