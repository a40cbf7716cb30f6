//! Columns in the order of their arrival, and the texture that holds their colours.

use std::ops::Range;

use egui::{ColorImage, Context, TextureHandle, TextureOptions};
use soloist::streaming::scope::{SCOPE_BANDS, ScopeColumn};

use super::Walk;
use super::look::Look;
use crate::view::{NUM_STEMS, View};

/// Columns that are kept: more than fit into the picture at any hop in use.
pub(super) const CAPACITY: usize = 2048;

/// Dark columns between two stretches of sound.
const BREAK: usize = 3;

/// Columns by number, counted since the window opened; number `n` lies at `n % CAPACITY`.
pub struct Spectrogram {
    columns: Vec<ScopeColumn>,
    count: u64,
    /// Columns that the texture does not show as they are.
    stale: Range<u64>,
    look: Option<Look>,
    texture: Option<TextureHandle>,
    pub(super) walk: Walk,
    num_uploads: u64,
    /// Number of the first column of the stream in hand.
    stream_start: u64,
    /// No column of the stream in hand has come yet.
    awaits_stream: bool,
}

impl std::fmt::Debug for Spectrogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spectrogram").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Default for Spectrogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Spectrogram {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            columns: Vec::new(),
            count: 0,
            stale: 0..0,
            look: None,
            texture: None,
            walk: Walk::default(),
            num_uploads: 0,
            stream_start: 0,
            awaits_stream: false,
        }
    }

    /// What comes from now on is of another stream, whose epochs and frames count anew. What there is
    /// stays in the picture, to the left of a break.
    pub fn begin_stream(&mut self) {
        self.awaits_stream = true;
        self.walk = Walk::default();
    }

    /// Whether the newest column, if there is one, is of a stream that has been left.
    pub(super) fn awaits_stream(&self) -> bool {
        self.awaits_stream
    }

    /// Takes a column: the next one, or one that was there without shares and now has them. What is
    /// missing between columns stays dark.
    pub fn push(&mut self, column: &ScopeColumn) {
        if std::mem::take(&mut self.awaits_stream) {
            if self.count > 0 {
                self.push_dark(BREAK, *column);
            }
            self.stream_start = self.count;
        } else if let Some(last) = self.last() {
            let hop = i64::from(last.num_frames.max(1));
            let ahead = (column.frame - last.frame + hop / 2).div_euclid(hop) - 1;
            // Frames go on through epochs, and begin anew at a reset.
            let same_hop = column.num_frames == last.num_frames;
            match usize::try_from(ahead) {
                Ok(gap) if same_hop && column.epoch >= last.epoch => {
                    self.push_dark(gap.min(CAPACITY), *column);
                }
                Err(_) if same_hop && column.epoch == last.epoch => {
                    return self.replace(ahead.unsigned_abs(), column);
                }
                // Late results of the sound before a reset.
                _ if column.epoch < last.epoch => return,
                _ => self.push_dark(BREAK, *column),
            }
        }
        self.put(*column);
    }

    /// Puts `column` in place of the one that is the `back`th from the end, 1 for the newest.
    fn replace(&mut self, back: u64, column: &ScopeColumn) {
        let Some(number) = self.count.checked_sub(back) else { return };
        if number < self.stream_start {
            return;
        }
        let Some(old) = self.columns.get_mut((number % CAPACITY as u64) as usize) else { return };
        // The ring may hold something newer at that place, or sound of another stretch.
        if old.epoch == column.epoch && (old.frame - column.frame).abs() < i64::from(old.num_frames)
        {
            *old = *column;
            self.touch(number);
        }
    }

    fn touch(&mut self, number: u64) {
        self.stale = if self.stale.is_empty() {
            number..number + 1
        } else {
            self.stale.start.min(number)..self.stale.end.max(number + 1)
        };
    }

    /// Dark columns that end where `next` begins.
    fn push_dark(&mut self, count: usize, next: ScopeColumn) {
        for back in (1..=count as i64).rev() {
            let frame = next.frame - back * i64::from(next.num_frames);
            let shares = [[0; SCOPE_BANDS]; NUM_STEMS];
            self.put(ScopeColumn { frame, mix: [0; SCOPE_BANDS], shares, ..next });
        }
    }

    fn put(&mut self, column: ScopeColumn) {
        let at = (self.count % CAPACITY as u64) as usize;
        if at < self.columns.len() {
            self.columns[at] = column;
        } else {
            self.columns.push(column);
        }
        self.touch(self.count);
        self.count += 1;
    }

    /// The newest column.
    #[must_use]
    pub fn last(&self) -> Option<&ScopeColumn> {
        let last = self.count.checked_sub(1)?;
        self.columns.get((last % CAPACITY as u64) as usize)
    }

    /// Columns so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Columns that went to the texture so far, for the measurement of what a frame costs.
    #[must_use]
    pub fn num_uploads(&self) -> u64 {
        self.num_uploads
    }

    /// Brings the texture up to date: new columns alone, or the last `wanted` where the colours have
    /// changed.
    pub(super) fn texture(
        &mut self,
        context: &Context,
        view: &View,
        wanted: usize,
    ) -> &TextureHandle {
        let look = Look::of(view);
        if self.look.as_ref() != Some(&look) {
            self.stale = self.count.saturating_sub(wanted as u64)..self.count;
            self.look = Some(look.clone());
        }
        let oldest = self.count.saturating_sub(CAPACITY as u64 - 1);
        let stale = self.stale.start.max(oldest)..self.stale.end;
        self.stale = 0..0;
        let mut texture = self.texture.take().unwrap_or_else(|| {
            let dark = ColorImage::filled([CAPACITY, SCOPE_BANDS], egui::Color32::BLACK);
            context.load_texture("spectrogram", dark, TextureOptions::LINEAR)
        });
        let mut begin = stale.start;
        while begin < stale.end {
            let at = (begin % CAPACITY as u64) as usize;
            let length = ((stale.end - begin) as usize).min(CAPACITY - at);
            let image = self.image(&look, at, length);
            texture.set_partial([at, 0], image, TextureOptions::LINEAR);
            begin += length as u64;
        }
        if !stale.is_empty() {
            // The ring's oldest column would shine through at the newest one's edge.
            let after = (self.count % CAPACITY as u64) as usize;
            let dark = ColorImage::filled([1, SCOPE_BANDS], egui::Color32::BLACK);
            texture.set_partial([after, 0], dark, TextureOptions::LINEAR);
            self.num_uploads += stale.end - stale.start;
        }
        self.texture.insert(texture)
    }

    /// Colours of `length` columns from place `at` of the ring, the highest band in the first row.
    fn image(&self, look: &Look, at: usize, length: usize) -> ColorImage {
        let columns = &self.columns[at..at + length];
        let mut pixels = Vec::with_capacity(length * SCOPE_BANDS);
        for band in (0..SCOPE_BANDS).rev() {
            pixels.extend(columns.iter().map(|column| {
                if column.has_shares {
                    let shares = std::array::from_fn(|stem| column.shares[stem][band]);
                    look.colour(column.mix[band], shares)
                } else {
                    look.unknown(column.mix[band])
                }
            }));
        }
        ColorImage::new([length, SCOPE_BANDS], pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(epoch: u32, frame: i64) -> ScopeColumn {
        ScopeColumn {
            epoch,
            frame,
            num_frames: 1000,
            has_shares: true,
            mix: [200; SCOPE_BANDS],
            shares: [[40; SCOPE_BANDS]; NUM_STEMS],
        }
    }

    #[test]
    fn gaps_and_breaks_are_dark_columns() {
        let mut picture = Spectrogram::new();
        picture.push(&column(1, 0));
        picture.push(&column(1, 1000));
        assert_eq!(picture.count(), 2);
        picture.push(&column(1, 4000));
        assert_eq!(picture.count(), 5);
        picture.push(&column(2, 5000));
        assert_eq!(picture.count(), 6, "an epoch goes on");
        picture.push(&column(3, 0));
        assert_eq!(picture.count(), 7 + BREAK as u64);
        picture.push(&column(3, i64::MAX / 2));
        assert_eq!(picture.columns.len(), CAPACITY);
    }

    #[test]
    fn another_streams_columns_follow_a_break_whatever_their_epochs_and_frames() {
        // The first stream was reset more often than the second, as often, and less often.
        for (old, new) in [(5, 1), (1, 1), (1, 2)] {
            let mut picture = Spectrogram::new();
            picture.begin_stream();
            for frame in 0..10 {
                picture.push(&column(old, 1_000_000 + 1000 * frame));
            }
            assert_eq!(picture.count(), 10, "before the first sound there is no break");
            let before = picture.columns.clone();
            picture.begin_stream();
            assert!(picture.awaits_stream());
            picture.push(&column(new, 0));
            picture.push(&column(new, 1000));
            assert!(!picture.awaits_stream());
            assert_eq!(picture.count(), 12 + BREAK as u64, "{old} {new}");
            assert_eq!(picture.last(), Some(&column(new, 1000)));
            // What the second stream tells late of a place before its first column is not the first's.
            picture.push(&ScopeColumn { mix: [9; SCOPE_BANDS], ..column(new, -8000) });
            assert_eq!(picture.columns[..10], before, "{old} {new}");
        }
    }

    #[test]
    fn shares_that_come_later_take_their_columns_place() {
        let context = Context::default();
        let mut picture = Spectrogram::new();
        let preview = |frame| ScopeColumn { has_shares: false, ..column(1, frame) };
        for frame in 0..100 {
            picture.push(&preview(1000 * frame));
        }
        let _ = picture.texture(&context, &View::default(), 600);
        for frame in 40..50 {
            picture.push(&column(1, 1000 * frame));
        }
        assert_eq!((picture.count(), picture.stale.clone()), (100, 40..50));
        let known = picture.columns.iter().filter(|column| column.has_shares).count();
        assert_eq!(known, 10);
        // Of the sound before a break, or so old that the ring has forgotten it.
        picture.push(&preview(0).clone());
        picture.push(&column(2, 0));
        let count = picture.count();
        picture.push(&column(1, 99_000));
        assert_eq!(picture.count(), count);
        context.tex_manager().write().take_delta().clear();
    }

    #[test]
    fn a_frame_uploads_what_is_new_and_a_new_look_what_is_seen() {
        let context = Context::default();
        let mut picture = Spectrogram::new();
        let mut view = View::default();
        let upload = |picture: &mut Spectrogram, view: &View| {
            let before = picture.num_uploads();
            let _ = picture.texture(&context, view, 600);
            context.tex_manager().write().take_delta().clear();
            picture.num_uploads() - before
        };
        let mut frame = 0;
        let mut play = |picture: &mut Spectrogram, count: usize| {
            for _ in 0..count {
                picture.push(&column(1, frame));
                frame += 1000;
            }
        };
        play(&mut picture, 900);
        assert_eq!(upload(&mut picture, &view), 600, "no more than is seen");
        play(&mut picture, 1);
        assert_eq!(upload(&mut picture, &view), 1);
        assert_eq!(upload(&mut picture, &view), 0);
        view.is_dry = true;
        assert_eq!(upload(&mut picture, &view), 600);
        play(&mut picture, 3 * CAPACITY);
        assert_eq!(upload(&mut picture, &view), CAPACITY as u64 - 1, "across the ring's end");
    }
}
