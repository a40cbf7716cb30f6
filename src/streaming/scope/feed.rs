//! The worker's side: columns out of spectra and masks.

use std::sync::Arc;

use super::bands::{BandSums, level_byte, share_byte};
use super::{SCOPE_BANDS, Scope, ScopeColumn};
use crate::dsp::Complex32;
use crate::dsp::stft::Stft;
use crate::model::{Instrument, ModelCard};
use crate::streaming::MAX_SOURCES;
use crate::streaming::grid::Grid;
use crate::streaming::history::InputHistory;

/// Makes the columns of one stream.
pub(crate) struct ScopeFeed {
    scope: Arc<Scope>,
    bands: BandSums,
    stft: Stft,
    spectrum: Vec<Complex32>,
    /// What each source is.
    sources: Vec<Instrument>,
    num_channels: usize,
    hop: usize,
    epoch: u32,
    /// Host frame, in the stream's own count, of the epoch's first.
    epoch_start: i64,
    /// Hop frame of the resynthesis of which the next column without shares is made.
    next_preview: i64,
    is_watched: bool,
    /// Power of each bin of the channel in hand.
    power: Vec<f32>,
    masked: Vec<f32>,
    mix: [f32; SCOPE_BANDS],
    stems: [[f32; SCOPE_BANDS]; MAX_SOURCES],
}

impl ScopeFeed {
    /// For a stream on `grid` that separates into the sources of `card`. Allocates all that columns
    /// need.
    pub fn new(
        scope: Arc<Scope>,
        card: &ModelCard,
        grid: &Grid,
        sample_rate_hz: f64,
        num_channels: usize,
    ) -> Self {
        let stft = Stft::new(grid.fft_size);
        let num_bins = stft.num_bins();
        Self {
            scope,
            bands: BandSums::new(grid.fft_size, sample_rate_hz),
            stft,
            spectrum: vec![Complex32::default(); num_bins],
            sources: card.sources().iter().copied().take(MAX_SOURCES).collect(),
            num_channels,
            hop: grid.hop(),
            epoch: 0,
            epoch_start: 0,
            next_preview: 0,
            is_watched: false,
            power: vec![0.0; num_bins],
            masked: vec![0.0; num_bins],
            mix: [0.0; SCOPE_BANDS],
            stems: [[0.0; SCOPE_BANDS]; MAX_SOURCES],
        }
    }

    /// What comes is of `epoch`, whose first frame is host frame `start` of the stream's own count.
    pub fn begin_epoch(&mut self, epoch: u32, start: i64) {
        self.epoch = epoch;
        self.epoch_start = start;
        self.next_preview = 0;
    }

    /// Makes columns without shares of the hops that `input` completes, from hop frame `first` of the
    /// resynthesis on at the earliest.
    pub fn preview(&mut self, input: &InputHistory, grid: &Grid, first: i64) {
        self.is_watched = self.scope.is_watched();
        self.next_preview = self.next_preview.max(first);
        loop {
            let start = grid.synthesis_start(self.next_preview);
            if start + grid.fft_size as i64 > input.end() {
                return;
            }
            if self.is_watched {
                self.mix.fill(0.0);
                for channel in 0..self.num_channels {
                    let window = input.window(channel, start, grid.fft_size);
                    self.stft.analyse(window, &mut self.spectrum);
                    let spectrum = std::mem::take(&mut self.spectrum);
                    self.add_mix(&spectrum);
                    self.spectrum = spectrum;
                }
                self.send(self.next_preview, false);
            }
            self.next_preview += 1;
        }
    }

    /// Whether columns are wanted.
    pub fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Begins a column with shares.
    pub fn begin(&mut self) {
        self.mix.fill(0.0);
        self.stems.iter_mut().for_each(|stem| stem.fill(0.0));
    }

    /// Adds the spectrum of the next channel.
    pub fn add_mix(&mut self, spectrum: &[Complex32]) {
        // The peak bin of a sine at full scale is half of the window's sum.
        let scale = 2.0 / self.stft.window_sum();
        let scale = (scale * scale / self.num_channels as f64) as f32;
        for (power, bin) in self.power.iter_mut().zip(spectrum) {
            *power = scale * bin.norm_sqr();
        }
        self.bands.add(&self.power, &mut self.mix);
    }

    /// Adds the mask of one source on the spectrum added last.
    pub fn add_source(&mut self, source: usize, mask: &[f32]) {
        let Some(stem) = self.stems.get_mut(source) else { return };
        for ((masked, power), mask) in self.masked.iter_mut().zip(&self.power).zip(mask) {
            *masked = power * mask;
        }
        self.bands.add(&self.masked, stem);
    }

    /// Sends the column of hop frame `index` of the resynthesis.
    pub fn finish(&mut self, index: i64) {
        // What lies before frame 0 is silence that nobody sent.
        if index >= 0 {
            self.send(index, true);
        }
    }

    fn send(&self, index: i64, has_shares: bool) {
        let hop = self.hop as i64;
        let mut column = ScopeColumn {
            epoch: self.epoch,
            frame: self.epoch_start + index * hop - hop / 2,
            num_frames: self.hop as u32,
            has_shares,
            mix: self.mix.map(level_byte),
            shares: [[0; SCOPE_BANDS]; Instrument::ALL.len()],
        };
        if has_shares {
            for (&instrument, stem) in self.sources.iter().zip(&self.stems) {
                let shares = &mut column.shares[instrument as usize];
                for ((share, &part), &whole) in shares.iter_mut().zip(stem).zip(&self.mix) {
                    *share = if whole > 0.0 { share_byte(part / whole) } else { 0 };
                }
            }
        }
        self.scope.send(&column);
    }
}
