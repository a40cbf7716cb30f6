//! The colour of a place: how loud it is there, and whose it is.

use egui::Color32;
use soloist::model::Instrument;
use soloist::streaming::MixMode;

use crate::theme::stem_colour;
use crate::view::{NUM_STEMS, View};

/// Where the picture is black, and where it is brightest, of 255.
const FLOOR: f32 = 60.0;
const CEILING: f32 = 202.0;

/// Brightness of what is not heard.
const UNHEARD: f32 = 0.30;

/// Sound that is nobody's, or of whom nobody asks.
const GREY: [f32; 3] = [0.66, 0.72, 0.82];

/// How columns are coloured: from choices of the user, so it changes seldom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    /// What a stem's share adds, red, green and blue, 0 to about 1.
    of_stem: [[f32; 3]; NUM_STEMS],
    /// What the share of no stem adds.
    of_rest: [f32; 3],
    /// Sound whose shares are not known yet.
    unknown: [f32; 3],
}

fn scaled(colour: [f32; 3], factor: f32) -> [f32; 3] {
    colour.map(|value| value * factor)
}

fn colour_of(instrument: Instrument) -> [f32; 3] {
    let colour = stem_colour(instrument);
    [colour.r(), colour.g(), colour.b()].map(|byte| f32::from(byte) / 255.0)
}

impl Look {
    /// By what is heard: the chosen stem lit in its colour, in Remix all by their gains, and all of
    /// it grey where the mix is heard.
    pub fn of(view: &View) -> Self {
        if view.bypass || view.is_dry {
            let grey = scaled(GREY, 0.9);
            return Self { of_stem: [grey; NUM_STEMS], of_rest: grey, unknown: grey };
        }
        let gains = view.stem_gains();
        // With less than the whole result, the mix behind it is heard, too.
        let behind = UNHEARD + (0.9 - UNHEARD) * (1.0 - view.mix.normalized);
        let of_stem = std::array::from_fn(|index| {
            let instrument = Instrument::ALL[index];
            let colour = colour_of(instrument);
            match view.mode {
                MixMode::Isolate if instrument == view.instrument => colour,
                MixMode::Isolate => scaled(GREY, behind),
                MixMode::Remove if instrument == view.instrument => scaled(colour, behind * 1.2),
                MixMode::Remove => scaled(GREY, 0.95),
                MixMode::Remix => {
                    // Steps in dB must show, below unity and above it.
                    let shown = gains[index].clamp(0.0, 4.0).powf(0.6);
                    scaled(colour, 0.10 + 0.90 * shown * view.mix.normalized.max(0.1))
                }
            }
        });
        Self { of_stem, of_rest: scaled(GREY, behind), unknown: scaled(GREY, 0.5) }
    }

    /// Colour of one place from its level and shares, as bytes of a `ScopeColumn`.
    pub fn colour(&self, level: u8, shares: [u8; NUM_STEMS]) -> Color32 {
        let loud = loudness(level);
        if loud == 0.0 {
            return Color32::BLACK;
        }
        let mut sum = [0.0_f32; 3];
        let mut rest = 255.0_f32;
        for (share, colour) in shares.iter().zip(&self.of_stem) {
            let share = f32::from(*share);
            rest -= share;
            for (sum, part) in sum.iter_mut().zip(colour) {
                *sum += share * part;
            }
        }
        let rest = rest.max(0.0);
        shown(std::array::from_fn(|index| loud * (sum[index] + rest * self.of_rest[index])))
    }

    /// Colour of one place whose shares are not known yet.
    pub fn unknown(&self, level: u8) -> Color32 {
        shown(scaled(self.unknown, 255.0 * loudness(level)))
    }
}

/// Brightness of a level, 0 to 1.
fn loudness(level: u8) -> f32 {
    let loud = ((f32::from(level) - FLOOR) / (CEILING - FLOOR)).clamp(0.0, 1.0);
    loud * (0.35 + 0.65 * loud)
}

fn shown(colour: [f32; 3]) -> Color32 {
    let [red, green, blue] = colour.map(|value| (1.12 * value).min(255.0) as u8);
    Color32::from_rgb(red, green, blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bright(colour: Color32) -> u32 {
        u32::from(colour.r()) + u32::from(colour.g()) + u32::from(colour.b())
    }

    fn whole(instrument: usize) -> [u8; NUM_STEMS] {
        std::array::from_fn(|index| if index == instrument { 255 } else { 0 })
    }

    fn view(mode: MixMode) -> View {
        let mut view = View { mode, instrument: Instrument::Drums, ..View::default() };
        view.mix.normalized = 1.0;
        view
    }

    #[test]
    fn what_is_heard_is_brighter_than_what_is_not() {
        let look = Look::of(&view(MixMode::Isolate));
        assert!(bright(look.colour(200, whole(1))) > 2 * bright(look.colour(200, whole(0))));
        let look = Look::of(&view(MixMode::Remove));
        assert!(2 * bright(look.colour(200, whole(1))) < bright(look.colour(200, whole(0))));
        assert!(bright(look.colour(210, whole(1))) > bright(look.colour(150, whole(1))));
        assert_eq!(look.colour(0, whole(1)), Color32::BLACK);
    }

    #[test]
    fn gains_weigh_the_colours_in_remix() {
        let mut view = view(MixMode::Remix);
        for channel in &mut view.channels {
            channel.gain_linear = 1.0;
        }
        let even = Look::of(&view).colour(200, whole(2));
        view.channels[2].gain_linear = 0.1;
        let soft = Look::of(&view).colour(200, whole(2));
        view.channels[2].mute = true;
        let mute = Look::of(&view).colour(200, whole(2));
        assert!(bright(even) > bright(soft) && bright(soft) > bright(mute));
    }

    #[test]
    fn the_mix_is_grey() {
        let look = Look::of(&View { is_dry: true, ..view(MixMode::Isolate) });
        assert_eq!(look.colour(200, whole(1)), look.colour(200, whole(4)));
    }
}
