//! Resampling of a stream by a fixed ratio, with sample 0 on sample 0.

use audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{
    Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters, WindowFunction,
};

/// Input frames that are resampled at once.
const CHUNK_FRAMES: usize = 256;

/// Length of the filter in frames of the lower of the two rates.
const FILTER_FRAMES: f64 = 128.0;

/// Most output frames that alignment may skip; the ratios of the common rates meet long before.
const MAX_SKIP: usize = 2000;

/// A stream resampler whose output frame `m` stands at input frame `m * from / to`, aligned within
/// 0.01 frames for all common rates. What it gives depends on the frames received since the start
/// alone, not on how they were cut into blocks.
pub struct Resampler {
    resampler: Async<f32>,
    pending: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
    num_channels: usize,
    delay_frames: usize,
    /// Silence fed before the first frame, and output frames to let go of: together they align.
    lead_in: usize,
    skip: usize,
    skipped: usize,
}

/// Rates between which cannot be resampled.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot resample from {from_hz} Hz to {to_hz} Hz: {reason}")]
pub struct ResampleError {
    from_hz: f64,
    to_hz: f64,
    reason: String,
}

impl Resampler {
    /// A resampler of `num_channels` channels. Allocates.
    ///
    /// # Errors
    /// When a rate is not positive and finite, or their ratio is beyond all bounds.
    pub fn new(from_hz: f64, to_hz: f64, num_channels: usize) -> Result<Self, ResampleError> {
        let failed = |reason: String| ResampleError { from_hz, to_hz, reason };
        let step = from_hz / to_hz;
        if !(1.0 / 256.0..=256.0).contains(&step) {
            return Err(failed("expected rates within a factor of 256".to_owned()));
        }
        let filter_frames = filter_frames(step);
        let parameters =
            SincInterpolationParameters::new(filter_frames, WindowFunction::BlackmanHarris2);
        let resampler = Async::<f32>::new_sinc(
            1.0 / step,
            1.0,
            &parameters,
            CHUNK_FRAMES,
            num_channels,
            FixedAsync::Input,
        )
        .map_err(|error| failed(error.to_string()))?;
        let (lead_in, skip) = alignment(step, filter_frames);
        let capacity = resampler.output_frames_max();
        let mut new = Self {
            output: vec![vec![0.0; capacity]; num_channels],
            pending: vec![Vec::new(); num_channels],
            delay_frames: delay_frames(step),
            resampler,
            num_channels,
            lead_in,
            skip,
            skipped: 0,
        };
        new.reset();
        Ok(new)
    }

    /// Input frames, at most, that must follow the place of an output frame before it is given.
    #[must_use]
    pub fn delay_frames(&self) -> usize {
        self.delay_frames
    }

    /// Begins again: the next frame is frame 0, after silence.
    pub fn reset(&mut self) {
        self.resampler.reset();
        self.skipped = 0;
        for channel in &mut self.pending {
            channel.clear();
            channel.resize(self.lead_in, 0.0);
        }
    }

    /// Takes planar frames and appends what they complete to `output`, a vector a channel.
    ///
    /// # Panics
    /// When a count of channels is not the resampler's.
    pub fn process(&mut self, input: &[&[f32]], output: &mut [Vec<f32>]) {
        assert_eq!((input.len(), output.len()), (self.num_channels, self.num_channels));
        for (pending, channel) in self.pending.iter_mut().zip(input) {
            pending.extend_from_slice(channel);
        }
        let chunk = self.resampler.input_frames_next();
        let mut done = 0;
        let available = self.pending.first().map_or(0, Vec::len);
        while available - done >= chunk {
            let written = self.process_chunk(done);
            done += chunk;
            let skipped = (self.skip - self.skipped).min(written);
            self.skipped += skipped;
            for (out, channel) in output.iter_mut().zip(&self.output) {
                out.extend_from_slice(&channel[skipped..written]);
            }
        }
        for pending in &mut self.pending {
            pending.drain(..done);
        }
    }
}

impl Resampler {
    /// Resamples one chunk of the pending frames from `offset` on; the count of frames written.
    fn process_chunk(&mut self, offset: usize) -> usize {
        let (available, capacity) = (self.pending[0].len(), self.output[0].len());
        let input = SequentialSliceOfVecs::new(&self.pending, self.num_channels, available)
            .expect("every channel holds the same frames");
        let mut output =
            SequentialSliceOfVecs::new_mut(&mut self.output, self.num_channels, capacity)
                .expect("every channel has the capacity");
        let at = Indexing::new().input_offset(offset);
        let (_, written) = self
            .resampler
            .process_into_buffer(&input, &mut output, Some(&at))
            .expect("the buffers have the resampler's own sizes");
        written
    }
}

/// Input frames, at most, that must follow the place of an output frame before it is given, where
/// `step` input frames make one output frame.
#[must_use]
pub fn delay_frames(step: f64) -> usize {
    filter_frames(step) / 2 + CHUNK_FRAMES + step.ceil() as usize + 2
}

/// Length of the filter in input frames, a multiple of 8 as the resampler wants it.
fn filter_frames(step: f64) -> usize {
    ((FILTER_FRAMES * step.max(1.0) / 8.0).ceil() as usize) * 8
}

/// The silence to feed and the output frames to skip so that output frame 0 stands on input frame
/// 0. Unaligned, output frame `n` stands at `(n + 1) * step - filter / 2`.
fn alignment(step: f64, filter_frames: usize) -> (usize, usize) {
    let first = step - filter_frames as f64 / 2.0;
    let begin = (-first / step).ceil().max(0.0) as usize;
    let off = |skip: usize| {
        let place = first + skip as f64 * step;
        (place - place.round()).abs()
    };
    // The first that is as good as exact, or else the best.
    let candidates = || begin..=begin + MAX_SKIP;
    let skip = candidates()
        .find(|&skip| off(skip) < 1e-6)
        .or_else(|| candidates().min_by(|&a, &b| off(a).total_cmp(&off(b))))
        .unwrap_or(begin);
    ((first + skip as f64 * step).round() as usize, skip)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES_HZ: [f64; 7] =
        [8_000.0, 22_050.0, 44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0];

    fn chord(rate_hz: f64, num_frames: usize) -> Vec<f32> {
        (0..num_frames)
            .map(|n| {
                let turn = std::f64::consts::TAU * n as f64 / rate_hz;
                (0.3 * (turn * 440.0).sin() + 0.2 * (turn * 1_234.5).cos()) as f32
            })
            .collect()
    }

    #[test]
    fn frames_stand_at_their_places_whatever_the_rates() {
        for from_hz in RATES_HZ {
            for to_hz in [22_050.0, 44_100.0] {
                let mut resampler = Resampler::new(from_hz, to_hz, 1).unwrap();
                let mut output = vec![Vec::new()];
                resampler.process(&[&chord(from_hz, from_hz as usize)], &mut output);
                let want = chord(to_hz, to_hz as usize);
                // Away from the start, where silence becomes sound.
                let middle = 2_000..output[0].len();
                assert!(middle.len() > to_hz as usize * 3 / 4, "{from_hz} to {to_hz} Hz");
                for n in middle {
                    let error = (output[0][n] - want[n]).abs();
                    assert!(error < 3e-3, "{from_hz} to {to_hz} Hz, frame {n}: {error}");
                }
            }
        }
    }

    #[test]
    fn frames_come_no_later_than_promised_and_equal_for_any_blocks() {
        for (from_hz, to_hz) in [(48_000.0, 44_100.0), (192_000.0, 44_100.0), (44_100.0, 22_050.0)]
        {
            let input = chord(from_hz, 30_000);
            let other: Vec<f32> = input.iter().map(|s| 1.0 - s).collect();
            let mut resampler = Resampler::new(from_hz, to_hz, 2).unwrap();
            let mut whole = vec![Vec::new(); 2];
            resampler.process(&[&input, &other], &mut whole);
            resampler.reset();
            let mut parts = vec![Vec::new(); 2];
            let mut received = 0;
            for length in (0..).map(|n| (n * 7919) % 613) {
                let end = (received + length).min(input.len());
                resampler.process(&[&input[received..end], &other[received..end]], &mut parts);
                received = end;
                let place = (received.saturating_sub(resampler.delay_frames())) as f64;
                assert!(parts[0].len() as f64 >= place * to_hz / from_hz, "{from_hz}, {received}");
                if received == input.len() {
                    break;
                }
            }
            assert!(whole == parts);
        }
    }

    #[test]
    fn impossible_rates_are_refused_in_words() {
        for (from_hz, to_hz) in [(0.0, 44_100.0), (f64::NAN, 1.0), (1e9, 1.0), (1.0, 0.0)] {
            let Err(error) = Resampler::new(from_hz, to_hz, 1) else {
                panic!("expected a refusal")
            };
            assert!(error.to_string().contains("cannot resample from"), "{error}");
        }
    }
}
