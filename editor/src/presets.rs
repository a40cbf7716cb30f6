//! Factory presets: parameters and what one would type for them.

use soloist::model::Instrument;

use crate::action::{Action, Param};

/// A named set of parameters. What it does not name stays as it is.
#[derive(Debug)]
pub struct Preset {
    /// What the menu shows.
    pub name: &'static str,
    /// What it is for.
    pub hint: &'static str,
    sets: &'static [(Param, &'static str)],
}

impl Preset {
    /// What to do for it: everything goes the way of typed values, so that hosts can undo it.
    #[must_use]
    pub fn actions(&self) -> Vec<Action> {
        let set = |&(param, text): &(Param, &str)| Action::SetText(param, text.to_owned());
        self.sets.iter().map(set).collect()
    }
}

use Param::{Focus, Gain, Instrument as Which, Mix, Mode};

/// All of them.
pub static PRESETS: [Preset; 6] = [
    Preset {
        name: "Vocals alone",
        hint: "Only the singing, at full strength.",
        sets: &[(Which, "Vocals"), (Mode, "Isolate"), (Mix, "100 %"), (Focus, "0 %")],
    },
    Preset {
        name: "Karaoke",
        hint: "Everything but the vocals.",
        sets: &[(Which, "Vocals"), (Mode, "Remove"), (Mix, "100 %"), (Focus, "0 %")],
    },
    Preset {
        name: "Drums out",
        hint: "Play along: everything but the drums.",
        sets: &[(Which, "Drums"), (Mode, "Remove"), (Mix, "100 %"), (Focus, "0 %")],
    },
    Preset {
        name: "Learn the bass line",
        hint: "The bass in front, the band quietly behind it.",
        sets: &[(Which, "Bass"), (Mode, "Isolate"), (Mix, "75 %"), (Focus, "20 %")],
    },
    Preset {
        name: "Vocals up 3 dB",
        hint: "The finished mix with the vocals 3 dB louder.",
        sets: &[
            (Mode, "Remix"),
            (Mix, "100 %"),
            (Focus, "0 %"),
            (Gain(Instrument::Vocals), "3 dB"),
            (Gain(Instrument::Drums), "0 dB"),
            (Gain(Instrument::Bass), "0 dB"),
            (Gain(Instrument::Guitar), "0 dB"),
            (Gain(Instrument::Piano), "0 dB"),
            (Gain(Instrument::Other), "0 dB"),
        ],
    },
    Preset {
        name: "Rhythm section",
        hint: "Drums and bass, the rest 18 dB down.",
        sets: &[
            (Mode, "Remix"),
            (Mix, "100 %"),
            (Focus, "0 %"),
            (Gain(Instrument::Vocals), "-18 dB"),
            (Gain(Instrument::Drums), "0 dB"),
            (Gain(Instrument::Bass), "0 dB"),
            (Gain(Instrument::Guitar), "-18 dB"),
            (Gain(Instrument::Piano), "-18 dB"),
            (Gain(Instrument::Other), "-18 dB"),
        ],
    },
];
