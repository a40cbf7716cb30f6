//! From a network's output to masks that sum to one.

use std::ops::Range;

use super::InferenceError;

/// Sizes of a network's output.
#[derive(Debug, Clone, Copy)]
pub(super) struct MaskShape {
    pub num_sources: usize,
    pub num_channels: usize,
    pub num_bands: usize,
}

impl MaskShape {
    /// Values in the masks of one hop frame.
    pub fn frame_len(&self) -> usize {
        self.num_sources * self.num_channels * self.num_bands
    }
}

/// Softmax over the sources of `logits` (`source x channel x band x frame`, frames fastest) for the
/// frames `wanted`, written as `frame x source x channel x band`.
///
/// # Errors
/// [`InferenceError::NotFinite`] when a logit is NaN or infinite.
pub(super) fn softmax(
    shape: MaskShape,
    logits: &[f32],
    num_frames: usize,
    wanted: Range<usize>,
    masks: &mut [f32],
) -> Result<(), InferenceError> {
    let source_len = shape.num_channels * shape.num_bands;
    for (frame, out) in wanted.zip(masks.chunks_exact_mut(shape.frame_len())) {
        for (index, value) in out.iter_mut().enumerate() {
            *value = logits[index * num_frames + frame];
        }
        if !out.iter().all(|logit| logit.is_finite()) {
            return Err(InferenceError::NotFinite { frame, num_frames });
        }
        for point in 0..source_len {
            normalise(out, point, source_len);
        }
    }
    Ok(())
}

/// Softmax of the values at `point`, `point + stride`, ... in place.
fn normalise(values: &mut [f32], point: usize, stride: usize) {
    let mut largest = f32::NEG_INFINITY;
    for value in values[point..].iter().step_by(stride) {
        largest = largest.max(*value);
    }
    let mut sum = 0.0;
    for value in values[point..].iter_mut().step_by(stride) {
        // Against the largest, so that no exponential overflows.
        *value = (*value - largest).exp();
        sum += *value;
    }
    let scale = 1.0 / sum;
    for value in values[point..].iter_mut().step_by(stride) {
        *value *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: MaskShape = MaskShape { num_sources: 3, num_channels: 2, num_bands: 4 };

    #[test]
    fn masks_equal_the_definition_and_sum_to_one() {
        let num_frames = 5;
        let logits: Vec<f32> = (0..SHAPE.frame_len() * num_frames)
            .map(|i| ((i * 7919) % 1000) as f32 / 50.0 - 10.0)
            .collect();
        let mut masks = vec![0.0; SHAPE.frame_len() * 2];
        softmax(SHAPE, &logits, num_frames, 2..4, &mut masks).unwrap();
        let at = |s: usize, c: usize, b: usize, t: usize| {
            f64::from(logits[((s * 2 + c) * 4 + b) * num_frames + t])
        };
        for (n, frame) in (2..4).enumerate() {
            for (c, b) in (0..2).flat_map(|c| (0..4).map(move |b| (c, b))) {
                let total: f64 = (0..3).map(|s| at(s, c, b, frame).exp()).sum();
                for s in 0..3 {
                    let got = masks[n * SHAPE.frame_len() + (s * 2 + c) * 4 + b];
                    assert!((f64::from(got) - at(s, c, b, frame).exp() / total).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn huge_logits_do_not_overflow_and_bad_ones_are_named() {
        let mut logits = vec![0.0_f32; SHAPE.frame_len()];
        logits[0] = 3e38;
        let mut masks = vec![0.0; SHAPE.frame_len()];
        softmax(SHAPE, &logits, 1, 0..1, &mut masks).unwrap();
        assert_eq!(masks[0], 1.0);
        logits[5] = f32::NAN;
        let error = softmax(SHAPE, &logits, 1, 0..1, &mut masks).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the network gave values that are not finite in hop frame 0 of 1"
        );
    }
}
