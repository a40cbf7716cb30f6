//! Text that ends in an ellipsis before it leaves its rectangle.

use std::sync::Arc;

use egui::text::LayoutJob;
use egui::{Align, Align2, Color32, FontId, Galley, Painter, Rect};

fn lay_out(
    painter: &Painter,
    text: &str,
    font: FontId,
    colour: Color32,
    width: f32,
    rows: usize,
) -> Arc<Galley> {
    let mut job = LayoutJob::simple(text.to_owned(), font, colour, width.max(0.0));
    job.wrap.max_rows = rows;
    job.wrap.break_anywhere = rows == 1;
    painter.layout_job(job)
}

/// One line inside `rect`, aligned in it.
pub(crate) fn put(
    painter: &Painter,
    rect: Rect,
    align: Align2,
    text: &str,
    font: FontId,
    colour: Color32,
) -> Rect {
    let galley = lay_out(painter, text, font, colour, rect.width(), 1);
    let place = align.align_size_within_rect(galley.size(), rect);
    painter.galley(place.min, galley, colour);
    place
}

/// Lines inside `rect` from its top, as many as fit; how high they are.
pub(crate) fn put_wrapped(
    painter: &Painter,
    rect: Rect,
    text: &str,
    font: FontId,
    colour: Color32,
) -> f32 {
    let row = font.size * 1.25;
    let rows = ((rect.height() + 0.5) / row).floor().max(1.0) as usize;
    let mut job = LayoutJob::simple(text.to_owned(), font, colour, rect.width());
    job.wrap.max_rows = rows;
    job.halign = Align::Min;
    let galley = painter.layout_job(job);
    let height = galley.size().y;
    painter.galley(rect.min, galley, colour);
    height
}

/// How wide a line would be.
pub(crate) fn width_of(painter: &Painter, text: &str, font: FontId) -> f32 {
    painter.layout_no_wrap(text.to_owned(), font, Color32::WHITE).size().x
}
