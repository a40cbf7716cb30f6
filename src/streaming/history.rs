//! Two memories of the separator: recent input, and the features of one window.

/// Recent input, planar, addressed by host frame since the start of the epoch.
pub(crate) struct InputHistory {
    channels: Vec<Vec<f32>>,
    /// Host frame of the first sample kept.
    base: i64,
    lead_in: usize,
}

impl InputHistory {
    /// A history that begins with `lead_in` frames of silence before frame 0.
    pub fn new(num_channels: usize, lead_in: usize) -> Self {
        let channels = vec![vec![0.0; lead_in]; num_channels];
        Self { channels, base: -(lead_in as i64), lead_in }
    }

    pub fn reset(&mut self) {
        for channel in &mut self.channels {
            channel.clear();
            channel.resize(self.lead_in, 0.0);
        }
        self.base = -(self.lead_in as i64);
    }

    /// Host frame after the last one received.
    pub fn end(&self) -> i64 {
        self.base + self.channels.first().map_or(0, Vec::len) as i64
    }

    /// Frames that are kept.
    #[cfg(test)]
    pub fn num_frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Appends interleaved frames.
    pub fn push_interleaved(&mut self, samples: &[f32]) {
        let stride = self.channels.len();
        for (index, channel) in self.channels.iter_mut().enumerate() {
            channel.extend(samples[index..].iter().step_by(stride));
        }
    }

    /// `len` frames of one channel from host frame `start`; they must have been received and not
    /// yet let go of.
    pub fn window(&self, channel: usize, start: i64, len: usize) -> &[f32] {
        let offset = (start - self.base) as usize;
        &self.channels[channel][offset..offset + len]
    }

    /// Lets go of what lies before host frame `start`.
    pub fn forget_before(&mut self, start: i64) {
        let unused = (start - self.base).max(0) as usize;
        // Moving memory seldom, and never more than was let go of.
        if unused > self.channels.first().map_or(0, Vec::len) / 2 {
            for channel in &mut self.channels {
                channel.drain(..unused);
            }
            self.base += unused as i64;
        }
    }
}

/// The features of the last hop frames, one row a (channel, band) or a channel, ready to be copied
/// into the network's input.
pub(crate) struct FeatureHistory {
    rows: Vec<f32>,
    num_rows: usize,
    /// Values of a row in one hop frame.
    step: usize,
    /// Values of a row in one window.
    window: usize,
    /// Place in a row that the next hop frame goes to; rows are twice a window long.
    end: usize,
    silence: f32,
}

impl FeatureHistory {
    /// A history of `window` hop frames of `num_rows` rows that all hold `silence`, where a row has
    /// `step` values in a hop frame.
    pub fn new(num_rows: usize, step: usize, window: usize, silence: f32) -> Self {
        let window = window * step;
        let rows = vec![silence; num_rows * window * 2];
        Self { rows, num_rows, step, window, end: window, silence }
    }

    pub fn reset(&mut self) {
        self.rows.fill(self.silence);
        self.end = self.window;
    }

    /// Adds a hop frame: `row x value`.
    pub fn push(&mut self, frame: &[f32]) {
        let stride = self.window * 2;
        if self.end == stride {
            for row in self.rows.chunks_exact_mut(stride) {
                row.copy_within(self.window.., 0);
            }
            self.end = self.window;
        }
        let values = frame.chunks_exact(self.step);
        for (row, values) in self.rows.chunks_exact_mut(stride).zip(values) {
            row[self.end..self.end + self.step].copy_from_slice(values);
        }
        self.end += self.step;
    }

    /// Copies the last `num_frames` hop frames (at most a window) to `input`, row by row.
    pub fn copy_last(&self, num_frames: usize, input: &mut Vec<f32>) {
        let count = num_frames * self.step;
        input.clear();
        input.reserve(self.num_rows * count);
        for row in self.rows.chunks_exact(self.window * 2) {
            input.extend_from_slice(&row[self.end - count..self.end]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_addressed_from_the_lead_in_on() {
        let mut history = InputHistory::new(2, 4);
        let samples: Vec<f32> = (0..20).map(|n| n as f32).collect();
        history.push_interleaved(&samples);
        assert_eq!(history.end(), 10);
        assert_eq!(history.window(1, -2, 4), [0.0, 0.0, 1.0, 3.0]);
        history.forget_before(8);
        assert_eq!(history.window(0, 8, 2), [16.0, 18.0]);
        assert_eq!(history.end(), 10);
        history.reset();
        assert_eq!(history.end(), 0);
        assert_eq!(history.window(0, -4, 4), [0.0; 4]);
    }

    #[test]
    fn features_come_back_as_rows_with_silence_before_the_first() {
        let mut history = FeatureHistory::new(2, 1, 4, -1.0);
        let mut input = Vec::new();
        for n in 0..11 {
            history.push(&[n as f32, 100.0 + n as f32]);
            history.copy_last(3, &mut input);
            let want = |row: f32, back: i32| {
                let index = n - back;
                if index < 0 { -1.0 } else { row + index as f32 }
            };
            let expected: Vec<f32> =
                [0.0, 100.0].iter().flat_map(|&r| [want(r, 2), want(r, 1), want(r, 0)]).collect();
            assert_eq!(input, expected, "after frame {n}");
        }
    }

    #[test]
    fn rows_of_several_values_a_hop_frame_stay_in_order() {
        let mut history = FeatureHistory::new(2, 3, 2, 0.0);
        let mut input = Vec::new();
        for n in 0..7 {
            let base = 10.0 * n as f32;
            history.push(&[base, base + 1.0, base + 2.0, -base, -base - 1.0, -base - 2.0]);
        }
        history.copy_last(2, &mut input);
        let left = [50.0, 51.0, 52.0, 60.0, 61.0, 62.0];
        assert_eq!(input[..6], left);
        assert_eq!(input[6..], left.map(|value: f32| -value));
    }
}
