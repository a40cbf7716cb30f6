//! A colour map for levels: dark violet over red and orange to pale yellow.

/// Colour of a level, 0 (floor) to 1 (ceiling), as sRGB bytes.
///
/// Lightness rises linearly in Oklab (Ottosson, "A perceptual color space for image processing",
/// 2020), so equal steps in dB look equal, in print and to colour-blind eyes too; the hue turns
/// from violet to yellow, and the chroma is highest in the middle.
pub(super) fn level_colour(level: f32) -> [u8; 3] {
    let level = if level.is_nan() { 0.0 } else { level.clamp(0.0, 1.0) };
    let lightness = 0.97 * level;
    let hue = (290.0 + 180.0 * level).to_radians();
    let chroma = 0.66 * level * (1.0 - level) + 0.05 * level;
    srgb_from_oklab(lightness, chroma * hue.cos(), chroma * hue.sin())
}

/// Ottosson's matrices, the values clipped to what a screen can show.
fn srgb_from_oklab(lightness: f32, a: f32, b: f32) -> [u8; 3] {
    let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ]
    .map(|linear| {
        let linear = linear.clamp(0.0, 1.0);
        let encoded = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (255.0 * encoded).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: [u8; 3]) -> f64 {
        let [r, g, b] = colour.map(|byte| (f64::from(byte) / 255.0).powf(2.2));
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn louder_is_lighter_at_every_step() {
        let steps: Vec<f64> =
            (0..=64).map(|step| luminance(level_colour(step as f32 / 64.0))).collect();
        // The first two steps are black to eight bits.
        assert!(steps[1..].windows(2).all(|pair| pair[1] > pair[0]), "{steps:?}");
        assert_eq!(level_colour(0.0), [0, 0, 0]);
        assert!(steps[64] > 0.85);
    }

    #[test]
    fn levels_outside_the_range_take_its_ends() {
        assert_eq!(level_colour(-3.0), level_colour(0.0));
        assert_eq!(level_colour(7.0), level_colour(1.0));
        assert_eq!(level_colour(f32::NAN), level_colour(0.0));
    }

    #[test]
    fn oklab_white_and_black_are_the_screens() {
        assert_eq!(srgb_from_oklab(1.0, 0.0, 0.0), [255, 255, 255]);
        assert_eq!(srgb_from_oklab(0.0, 0.0, 0.0), [0, 0, 0]);
    }
}
