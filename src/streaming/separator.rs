//! The synchronous core: frames in, stems out, no thread, no clock.

use std::sync::Arc;

use super::MAX_CHANNELS;
use super::analysis::{Analysis, UnsupportedModel};
use super::focus::FocusTimeline;
use super::grid::Grid;
use super::history::{FeatureHistory, InputHistory};
use super::latency::{LatencyMode, Schedule};
use super::scope::{Scope, ScopeFeed};
use super::synthesis::{Synthesis, SynthesisShape};
use crate::dsp::crossfade::{fade_in_weight, linear};
use crate::dsp::focus;
use crate::dsp::mask_field::{BinInterpolation, MaskTimeline};
use crate::inference::{Estimator, InferenceError};
use crate::model::ModelCard;

/// One completed hop of every stem.
pub struct StemBlock<'a> {
    /// Host frame, since the start of the epoch, of the first frame.
    pub start: i64,
    /// Host frames.
    pub num_frames: usize,
    /// Channels of each stem.
    pub num_channels: usize,
    /// `source x channel x frame`.
    pub stems: &'a [f32],
    /// The same frames, or more, of each channel of the mix.
    pub(crate) mix: [&'a [f32]; MAX_CHANNELS],
}

impl<'a> StemBlock<'a> {
    /// The frames of one channel of one stem.
    #[must_use]
    pub fn stem(&self, source: usize, channel: usize) -> &'a [f32] {
        &self.stems[(source * self.num_channels + channel) * self.num_frames..][..self.num_frames]
    }

    /// The frames of one channel of the mix, as they were received.
    #[must_use]
    pub fn mix(&self, channel: usize) -> &'a [f32] {
        &self.mix[channel][..self.num_frames]
    }
}

/// Drives an estimator over a sliding window and turns its masks into stems.
///
/// Every result depends on the frames received since the epoch began and on nothing else: not on
/// how they were cut into blocks, nor on time.
pub struct Separator {
    grid: Grid,
    schedule: Schedule,
    window_multiple: usize,
    window_dynamic: bool,
    input: InputHistory,
    analysis: Analysis,
    features: FeatureHistory,
    synthesis: Synthesis,
    timeline: MaskTimeline,
    focus: FocusTimeline,
    mask_len: usize,
    num_channels: usize,
    num_sources: usize,
    /// Hop frames analysed so far.
    num_analysed: u64,
    /// Runs of the network so far, the skipped ones too.
    num_runs: u64,
    next_synthesis: i64,
    /// Masks of the last run past its emission, to be cross-faded with the next run's.
    tail: Option<Vec<f32>>,
    /// First hop frame of the network whose masks are what they would be without a skipped run.
    exact_from: u64,
    frame_features: Vec<f32>,
    network_input: Vec<f32>,
    run_masks: Vec<f32>,
    hop_masks: Vec<f32>,
    stems: Vec<f32>,
    scope: Option<Box<ScopeFeed>>,
}

impl Separator {
    /// A separator for `num_channels` (1 or 2) at `sample_rate_hz`.
    ///
    /// # Errors
    /// When the model's input is of a kind that the engine does not make.
    pub fn new(
        card: &ModelCard,
        sample_rate_hz: f64,
        num_channels: usize,
        mode: LatencyMode,
    ) -> Result<Self, UnsupportedModel> {
        let grid = Grid::new(card, sample_rate_hz);
        let analysis = Analysis::new(card, &grid, sample_rate_hz, num_channels)?;
        let num_sources = card.sources().len();
        let num_mask_channels = analysis.num_mask_channels(card);
        let centres_hz = analysis.mask_centres_hz();
        let shape = SynthesisShape {
            fft_size: grid.fft_size,
            hop: grid.hop(),
            num_channels,
            num_sources,
            num_mask_channels,
            num_bands: centres_hz.len(),
        };
        let interpolation = BinInterpolation::new(centres_hz, grid.fft_size, sample_rate_hz);
        let lead_in =
            (grid.analysis_size / 2).max(-grid.synthesis_start(grid.first_synthesis()) as usize);
        let mask_len = num_sources * num_mask_channels * centres_hz.len();
        let (num_rows, step) = (analysis.num_rows(), analysis.values_per_row());
        let schedule = Schedule::new(card, mode);
        Ok(Self {
            schedule,
            window_multiple: card.window.multiple,
            window_dynamic: card.window.dynamic,
            input: InputHistory::new(num_channels, lead_in),
            features: FeatureHistory::new(num_rows, step, schedule.window, analysis.silence()),
            synthesis: Synthesis::new(&shape, interpolation),
            timeline: MaskTimeline::new(mask_len),
            focus: FocusTimeline::default(),
            mask_len,
            num_channels,
            num_sources,
            num_analysed: 0,
            num_runs: 0,
            next_synthesis: grid.first_synthesis(),
            tail: None,
            exact_from: 0,
            frame_features: vec![0.0; num_rows * step],
            network_input: Vec::new(),
            run_masks: Vec::new(),
            hop_masks: vec![0.0; mask_len],
            stems: vec![0.0; num_sources * num_channels * grid.hop()],
            scope: None,
            analysis,
            grid,
        })
    }

    /// Shows in `scope` what it does, while that is watched. `card` and `sample_rate_hz` are those it
    /// was made for.
    pub(super) fn show_in(&mut self, scope: Arc<Scope>, card: &ModelCard, sample_rate_hz: f64) {
        let feed = ScopeFeed::new(scope, card, &self.grid, sample_rate_hz, self.num_channels);
        self.scope = Some(Box::new(feed));
    }

    /// Where it shows what it does.
    pub(super) fn scope(&mut self) -> Option<&mut ScopeFeed> {
        self.scope.as_deref_mut()
    }

    /// Host frames in each completed block.
    #[must_use]
    pub fn hop_frames(&self) -> usize {
        self.grid.hop()
    }

    /// Begins a new epoch: the next frame received is frame 0, after silence.
    pub fn reset(&mut self) {
        self.input.reset();
        self.analysis.reset();
        self.features.reset();
        self.synthesis.reset();
        self.timeline.reset();
        self.focus.reset();
        self.num_analysed = 0;
        self.num_runs = 0;
        self.next_synthesis = self.grid.first_synthesis();
        self.tail = None;
        self.exact_from = 0;
    }

    /// Masks are raised to `power` (and their sum kept at one, see [`crate::dsp::focus`]) from the
    /// frame on that comes `offset` frames after those received. A new epoch begins with 1.
    pub fn set_mask_power(&mut self, offset: u64, power: f32) {
        self.focus.set(self.input.end().saturating_add_unsigned(offset), power);
    }

    /// Receives interleaved frames. Nothing is computed before [`Separator::advance`].
    pub fn push_interleaved(&mut self, samples: &[f32]) {
        self.input.push_interleaved(samples);
    }

    /// Computes all that the frames received allow and hands each completed hop to `sink`.
    ///
    /// `horizon` gives the host frame (since the start of the epoch) before which results are of
    /// no use any more; runs that serve nothing later are left out, and so are runs that serve
    /// little while a fresher one could be done instead. What a skipped run would have changed is
    /// never handed out: hops that come are what they would be without a horizon. `i64::MIN`
    /// leaves out none.
    ///
    /// # Errors
    /// When the network fails. The separator then stays at the failed run.
    pub fn advance(
        &mut self,
        estimator: &mut dyn Estimator,
        horizon: &dyn Fn() -> i64,
        sink: &mut dyn FnMut(StemBlock<'_>),
    ) -> Result<(), InferenceError> {
        while self.step(estimator, horizon, sink)? {}
        Ok(())
    }

    /// As [`Separator::advance`], but returns after the first run of the network. Says whether
    /// there was one, after which there may be more to do.
    ///
    /// # Errors
    /// As [`Separator::advance`].
    pub fn step(
        &mut self,
        estimator: &mut dyn Estimator,
        horizon: &dyn Fn() -> i64,
        sink: &mut dyn FnMut(StemBlock<'_>),
    ) -> Result<bool, InferenceError> {
        if let Some(scope) = &mut self.scope {
            scope.preview(&self.input, &self.grid, self.next_synthesis);
        }
        loop {
            if self.num_analysed == self.next_run_end() {
                let has_run = self.run(estimator, horizon())?;
                self.synthesise(sink);
                if has_run {
                    // Under overload there is always a next run: input must go all the same.
                    self.forget();
                    return Ok(true);
                }
            } else if !self.analyse_next() {
                self.synthesise(sink);
                self.forget();
                return Ok(false);
            }
        }
    }

    /// Hop frames that must be analysed before the next run.
    fn next_run_end(&self) -> u64 {
        (self.num_runs + 1) * self.schedule.emission as u64 + self.schedule.lookahead as u64
    }

    /// Analyses the next hop frame, if its input is complete.
    fn analyse_next(&mut self) -> bool {
        let Self { analysis, input, grid, num_analysed, frame_features, .. } = self;
        if !analysis.advance(input, grid, *num_analysed, frame_features) {
            return false;
        }
        self.features.push(&self.frame_features);
        self.num_analysed += 1;
        true
    }

    /// Runs the network on the window that has just been completed and appends its masks; false
    /// when the run was skipped.
    fn run(&mut self, estimator: &mut dyn Estimator, horizon: i64) -> Result<bool, InferenceError> {
        let Schedule { emission, lookahead, crossfade, .. } = self.schedule;
        if self.is_skippable(horizon) {
            self.skip_run();
            return Ok(false);
        }
        let end = self.num_analysed as usize;
        let num_frames = if self.window_dynamic {
            end.next_multiple_of(self.window_multiple).min(self.schedule.window)
        } else {
            self.schedule.window
        };
        self.features.copy_last(num_frames, &mut self.network_input);
        let first = num_frames - lookahead - emission;
        let wanted = first..first + emission + crossfade;
        self.run_masks.resize(wanted.len() * self.mask_len, 0.0);
        estimator.estimate(&self.network_input, num_frames, wanted, &mut self.run_masks)?;
        self.append_masks();
        self.num_runs += 1;
        Ok(true)
    }

    /// Joins the masks of the last run to the timeline, cross-faded with the run before.
    fn append_masks(&mut self) {
        let Schedule { emission, crossfade, .. } = self.schedule;
        let tail = self.tail.take();
        let emitted = emission * self.mask_len;
        for (index, new) in self.run_masks[..emitted].chunks_exact(self.mask_len).enumerate() {
            let frame = self.timeline.push();
            let old = tail.as_ref().and_then(|tail| tail.chunks_exact(self.mask_len).nth(index));
            let Some(old) = old else {
                frame.copy_from_slice(new);
                continue;
            };
            let weight = fade_in_weight(index, crossfade);
            for ((out, &old), &new) in frame.iter_mut().zip(old).zip(new) {
                *out = linear(old, new, weight);
            }
        }
        let mut tail = tail.unwrap_or_default();
        tail.clear();
        tail.extend_from_slice(&self.run_masks[emitted..]);
        self.tail = Some(tail);
    }

    /// Whether the next run is not worth its time: nothing of it will be heard, or less than of
    /// the run after it, whose window is complete as well and of which a skip costs only what
    /// would have been cross-faded. A stream that lacks the time for all its runs thus spends what
    /// it has on those that are heard whole.
    fn is_skippable(&self, horizon: i64) -> bool {
        // Nothing is heard of what completes before frame 0.
        let next_block = self.grid.synthesis_start(self.next_synthesis).max(0);
        let late = horizon.saturating_sub(next_block);
        let cost_of_skip = self.schedule.crossfade as f64 * self.grid.frames_per_mask;
        self.last_use_of_run() <= horizon
            || (late > cost_of_skip as i64 && self.has_fresher_window())
    }

    /// Whether all input has been received for the run after the next.
    fn has_fresher_window(&self) -> bool {
        let last_frame = self.next_run_end() + self.schedule.emission as u64 - 1;
        let complete = self.grid.mask_centre(last_frame) + self.grid.analysis_reach as i64;
        complete <= self.input.end()
    }

    /// Host frame after the last one that the masks of the next run touch.
    fn last_use_of_run(&self) -> i64 {
        let end = (self.num_runs + 1) * self.schedule.emission as u64;
        self.grid.mask_centre(end) + (self.grid.fft_size / 2 + self.grid.hop()) as i64
    }

    /// Fills the place of a run that is not done.
    fn skip_run(&mut self) {
        let Schedule { emission, crossfade, .. } = self.schedule;
        for _ in 0..emission {
            self.timeline.push().fill(0.0);
        }
        self.tail = None;
        self.num_runs += 1;
        // The next run has nothing to be cross-faded with, as it would have had.
        self.exact_from = self.num_runs * emission as u64 + crossfade as u64;
    }

    /// Whether the masks of resynthesis hop frame `index` have been touched by no skipped run.
    fn is_exact(&self, index: i64) -> bool {
        self.grid.mask_position(index).floor() as u64 >= self.exact_from
    }

    /// Resynthesises every hop whose masks and input are complete.
    fn synthesise(&mut self, sink: &mut dyn FnMut(StemBlock<'_>)) {
        let num_frames = self.grid.hop();
        loop {
            let start = self.grid.synthesis_start(self.next_synthesis);
            let position = self.grid.mask_position(self.next_synthesis);
            let has_masks = (position.ceil() as u64) < self.timeline.end();
            let has_input = start + self.grid.fft_size as i64 <= self.input.end();
            if !has_masks || !has_input {
                return;
            }
            self.timeline.forget_before(position.floor() as u64);
            let power = self.focus.advance_to(start + (self.grid.fft_size / 2) as i64);
            let first_of_block = self.next_synthesis + 1 - self.grid.overlap as i64;
            if self.is_exact(self.next_synthesis) {
                self.timeline.read(position, &mut self.hop_masks);
                focus::apply(&mut self.hop_masks, self.num_sources, power);
                let mut scope = self.scope.as_deref_mut().filter(|scope| scope.is_watched());
                if let Some(scope) = &mut scope {
                    scope.begin();
                }
                let (masks, stems) = (&self.hop_masks[..], &mut self.stems[..]);
                self.synthesis.synthesise(&self.input, start, masks, stems, scope.as_deref_mut());
                if let Some(scope) = scope {
                    scope.finish(self.next_synthesis);
                }
            } else {
                // No block that it is part of will be handed out.
                self.synthesis.reset();
            }
            self.next_synthesis += 1;
            // What lies before frame 0 completes with the silence before the signal.
            if start >= 0 && self.is_exact(first_of_block) {
                let (num_channels, stems) = (self.num_channels, &self.stems[..]);
                let mix = std::array::from_fn(|channel| {
                    let channel = channel.min(num_channels - 1);
                    self.input.window(channel, start, num_frames)
                });
                sink(StemBlock { start, num_frames, num_channels, stems, mix });
            }
        }
    }

    fn forget(&mut self) {
        let analysis = self.analysis.first_needed(&self.grid, self.num_analysed);
        let synthesis = self.grid.synthesis_start(self.next_synthesis);
        self.input.forget_before(analysis.min(synthesis));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Identity;
    use crate::model::Instrument;

    #[test]
    fn a_stream_that_is_always_behind_does_not_grow() {
        let card = ModelCard::builtin();
        let mut separator = Separator::new(&card, 48_000.0, 2, LatencyMode::Studio).unwrap();
        let mut estimator = Identity::new(&card, Instrument::Vocals);
        // Seven seconds behind, and as much new in each round as a run serves.
        separator.push_interleaved(&vec![0.1; 2 * 7 * 48_000]);
        let emitted = separator.schedule.emission as f64 * separator.grid.frames_per_mask;
        let round = vec![0.1; 2 * emitted as usize];
        for _ in 0..80 {
            assert!(separator.step(&mut estimator, &|| i64::MIN, &mut |_| {}).unwrap());
            separator.push_interleaved(&round);
            // Twice what is needed at most, since memory is moved seldom.
            let kept_s = separator.input.num_frames() as f64 / 48_000.0;
            assert!(kept_s < 2.0 * (7.0 + 3.0), "{kept_s} s of input");
        }
    }
}
