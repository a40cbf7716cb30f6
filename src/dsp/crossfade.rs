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

/// Gains of the dry and the wet signal at `amount`, held within 0 (dry) and 1 (wet). They sum to one:
/// the wet signal is a part of the dry one, so equal power would swell in between.
#[inline]
#[must_use]
pub fn dry_wet_gains(amount: f32) -> (f32, f32) {
    let wet = amount.clamp(0.0, 1.0);
    (1.0 - wet, wet)
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
        assert_eq!(linear(2.0, 4.0, 0.5), 3.0);
    }

    #[test]
    fn dry_and_wet_gains_equal_the_definition_and_are_exact_at_the_ends() {
        for step in 0..=100 {
            let amount = f64::from(step) / 100.0;
            let (dry, wet) = dry_wet_gains(amount as f32);
            assert!((f64::from(dry) - (1.0 - amount)).abs() < 1e-7);
            assert!((f64::from(wet) - amount).abs() < 1e-7);
        }
        assert_eq!(dry_wet_gains(-3.0), (1.0, 0.0));
        assert_eq!(dry_wet_gains(7.0), (0.0, 1.0));
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
