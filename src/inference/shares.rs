//! From estimates of some sources to masks of all: what is claimed, and what is left over.

use super::InferenceError;

/// Completes the masks of one hop frame: `stem x point`, where all stems but the last hold the
/// share that each claims for itself, 0 to 1. Claims for more than there is are scaled down to one,
/// and the last stem gets what they leave, so that masks sum to one.
pub(super) fn complete(masks: &mut [f32], num_stems: usize) {
    let num_points = masks.len() / num_stems;
    let (claims, remainder) = masks.split_at_mut((num_stems - 1) * num_points);
    for (point, left) in remainder.iter_mut().enumerate() {
        let claimed: f32 = claims[point..].iter().step_by(num_points).sum();
        if claimed > 1.0 {
            for claim in claims[point..].iter_mut().step_by(num_points) {
                *claim /= claimed;
            }
        }
        *left = 1.0 - claimed.min(1.0);
    }
}

/// Refuses values that are not finite; `frame_of` names the hop frame of a value.
pub(super) fn check_finite(
    values: &[f32],
    num_frames: usize,
    frame_of: impl Fn(usize) -> usize,
) -> Result<(), InferenceError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(InferenceError::NotFinite { frame: frame_of(index), num_frames }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stem_gets_what_the_others_leave() {
        // Two sources and the remainder, at three points.
        let mut masks = [0.25, 1.0, 0.0, 0.5, 1.0, 0.0, 9.0, 9.0, 9.0];
        complete(&mut masks, 3);
        assert_eq!(masks, [0.25, 0.5, 0.0, 0.5, 0.5, 0.0, 0.25, 0.0, 1.0]);
        let mut alone = [0.75, 9.0];
        complete(&mut alone, 2);
        assert_eq!(alone, [0.75, 0.25]);
    }

    #[test]
    fn values_that_are_not_finite_are_named_by_their_hop_frame() {
        assert!(check_finite(&[0.0, 1.0], 2, |index| index).is_ok());
        let error = check_finite(&[0.0, 0.0, f32::NAN], 3, |index| index).unwrap_err();
        assert!(error.to_string().contains("in hop frame 2 of 3"), "{error}");
    }
}
