//! Levels in dB as a network sees them: with a floor, and standardised.

/// `feature = (10 log10(power + floor) - mean) / std`, and back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureScale {
    /// The power that stands for silence, linear.
    floor: f32,
    floor_db: f32,
    mean_db: f32,
    std_db: f32,
}

impl FeatureScale {
    /// A scale with a power floor in dB (added before the logarithm), and the mean and standard
    /// deviation in dB that are taken out.
    #[must_use]
    pub fn new(floor_db: f32, mean_db: f32, std_db: f32) -> Self {
        Self { floor: 10.0_f32.powf(floor_db / 10.0), floor_db, mean_db, std_db }
    }

    /// Feature of a power.
    #[inline]
    #[must_use]
    pub fn feature(&self, power: f32) -> f32 {
        (10.0 * (power + self.floor).log10() - self.mean_db) / self.std_db
    }

    /// Feature of silence.
    #[must_use]
    pub fn silence(&self) -> f32 {
        self.feature(0.0)
    }

    /// Level in dB of a feature, the floor in it.
    #[inline]
    #[must_use]
    pub fn level_db(&self, feature: f32) -> f32 {
        feature * self.std_db + self.mean_db
    }

    /// Power of a feature, without the floor; never negative.
    #[must_use]
    pub fn power(&self, feature: f32) -> f32 {
        (10.0_f32.powf(self.level_db(feature) / 10.0) - self.floor).max(0.0)
    }

    /// Share of a mix's amplitude that an estimate in the same scale claims, 0 to 1:
    /// `10^((estimate - mix) / 20)` in dB, and 0 for an estimate at the floor.
    #[inline]
    #[must_use]
    pub fn amplitude_ratio(&self, estimate: f32, mix: f32) -> f32 {
        let estimate_db = self.level_db(estimate);
        if estimate_db <= self.floor_db {
            return 0.0;
        }
        10.0_f32.powf((estimate_db - self.level_db(mix)) / 20.0).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: (f32, f32, f32) = (-100.0, -60.0, 20.0);

    #[test]
    fn power_is_the_inverse_of_the_feature_above_the_floor() {
        let scale = FeatureScale::new(SCALE.0, SCALE.1, SCALE.2);
        assert!((scale.silence() + 2.0).abs() < 1e-6);
        assert!((scale.feature(1e-4) - 1.0).abs() < 1e-6);
        for power in [1e-8_f32, 1e-3, 1.0] {
            assert!((scale.power(scale.feature(power)) / power - 1.0).abs() < 0.01);
        }
        assert_eq!(scale.power(-5.0), 0.0);
    }

    #[test]
    fn ratios_are_of_amplitudes_and_held_within_zero_and_one() {
        let scale = FeatureScale::new(SCALE.0, SCALE.1, SCALE.2);
        // 20 dB a unit: 6.02 dB below the mix is half its amplitude.
        assert!((scale.amplitude_ratio(-std::f32::consts::LOG10_2, 0.0) - 0.5).abs() < 1e-4);
        assert_eq!(scale.amplitude_ratio(0.5, 0.0), 1.0);
        assert_eq!(scale.amplitude_ratio(-2.0, -2.0), 0.0, "at the floor there is nothing");
    }
}
