//! Sharper and softer masks that still sum to one.

/// Power that masks are raised to at a focus of `focus`: `2^(2 focus)`, from 1/4 (softest, at -1)
/// over exactly 1 (at 0) to 4 (sharpest, at 1). Values beyond are held there; what is no number is 0.
#[must_use]
pub fn exponent(focus: f32) -> f32 {
    let focus = if focus.is_finite() { focus.clamp(-1.0, 1.0) } else { 0.0 };
    (2.0 * focus).exp2()
}

/// Maps masks `m_i` of `num_sources` sources to `m_i^p / sum_j m_j^p`, point by point. `masks` is
/// `source x point`. A power of 1 leaves every bit as it is.
///
/// A power above 1 gives each point more to the source that has most of it: less bleed, harder
/// edges. A power below 1 does the contrary. Ratio masks of spectra to another power are the family
/// of Liutkus and Badeau, "Generalized Wiener filtering with fractional power spectrograms" (2015).
///
/// # Realtime safety
/// Does not allocate.
pub fn apply(masks: &mut [f32], num_sources: usize, power: f32) {
    if power == 1.0 || num_sources == 0 {
        return;
    }
    let num_points = masks.len() / num_sources;
    for point in 0..num_points {
        let mut total = 0.0;
        for source in 0..num_sources {
            let mask = &mut masks[source * num_points + point];
            // Rounding may leave a mask a little below nothing.
            *mask = mask.max(0.0).powf(power);
            total += *mask;
        }
        // One of the masks is at least 1 / num_sources, so the sum is far from 0.
        let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
        for source in 0..num_sources {
            masks[source * num_points + point] *= scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Masks of 3 sources at 4 points, summing to one.
    const MASKS: [f32; 12] = [0.7, 0.5, 0.0, 1.0, 0.2, 0.5, 0.0, 0.0, 0.1, 0.0, 1.0, 0.0];

    #[test]
    fn powers_are_those_of_the_definition_and_one_at_zero() {
        for (focus, power) in [(-1.0, 0.25), (-0.5, 0.5), (0.0, 1.0), (0.5, 2.0), (1.0, 4.0)] {
            assert_eq!(exponent(focus), power);
        }
        assert_eq!(exponent(7.0), 4.0);
        assert_eq!(exponent(f32::NAN), 1.0);
        assert_eq!(exponent(f32::NEG_INFINITY), 1.0);
    }

    #[test]
    fn masks_follow_the_definition_and_still_sum_to_one() {
        for power in [0.25, 0.5, 1.7, 4.0] {
            let mut masks = MASKS;
            apply(&mut masks, 3, power);
            for point in 0..4 {
                let of = |source: usize| f64::from(MASKS[source * 4 + point]);
                let total: f64 = (0..3).map(|j| of(j).powf(f64::from(power))).sum();
                let mut sum = 0.0;
                for source in 0..3 {
                    let want = of(source).powf(f64::from(power)) / total;
                    let got = f64::from(masks[source * 4 + point]);
                    assert!((got - want).abs() < 1e-6, "power {power}: {got} for {want}");
                    sum += got;
                }
                assert!((sum - 1.0).abs() < 2e-7, "power {power}: a sum of {sum}");
            }
        }
    }

    #[test]
    fn a_power_of_one_changes_no_bit_and_nothing_makes_a_mask_that_is_no_number() {
        let mut masks = [0.1, 0.3, 0.900_000_04, 0.7];
        let before = masks;
        apply(&mut masks, 2, 1.0);
        assert_eq!(masks, before);
        let mut masks = [0.0, -1e-9, 0.0, 1.0];
        apply(&mut masks, 2, 0.25);
        assert_eq!(masks, [0.0, 0.0, 0.0, 1.0]);
    }
}
