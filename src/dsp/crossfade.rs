//! Cross-fades between coherent signals.

/// Linear cross-fade: `from + (to - from) * position`, exact at both ends.
///
/// Linear, not equal-power: a stem and the mix that it is part of are coherent, so amplitudes add.
#[inline]
#[must_use]
pub fn linear(from: f32, to: f32, position: f32) -> f32 {
    if position >= 1.0 {
        to
    } else if position <= 0.0 {
        from
    } else {
        from + (to - from) * position
    }
}

/// Dry/wet balance of one sample: `amount` 0 is dry, 1 is wet, both exact.
#[inline]
#[must_use]
pub fn dry_wet(dry: f32, wet: f32, amount: f32) -> f32 {
    linear(dry, wet, amount)
}

/// Fade-in weight of step `index` of `length`: strictly between 0 and 1, symmetric, so that the
/// weights of a fade-in and of its mirrored fade-out sum to one.
#[inline]
#[must_use]
pub fn fade_in_weight(index: usize, length: usize) -> f32 {
    (index as f32 + 0.5) / length as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact_even_beside_non_finite_values() {
        assert_eq!(linear(0.3, f32::NAN, 0.0), 0.3);
        assert_eq!(linear(f32::NAN, 0.3, 1.0), 0.3);
        assert_eq!(dry_wet(2.0, 4.0, 0.5), 3.0);
    }

    #[test]
    fn mirrored_weights_sum_to_one() {
        for length in [1, 4, 5] {
            for index in 0..length {
                let sum =
                    fade_in_weight(index, length) + fade_in_weight(length - 1 - index, length);
                assert!((sum - 1.0).abs() < 1e-6);
            }
        }
    }
}
