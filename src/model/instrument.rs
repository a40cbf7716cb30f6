//! The instruments that Soloist can name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One source of a mix. The order is part of saved states and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Instrument {
    /// Lead and backing singers.
    Vocals,
    /// Drum kit and percussion.
    Drums,
    /// Bass guitar, double bass, synthesiser bass.
    Bass,
    /// Acoustic and electric guitars.
    Guitar,
    /// Acoustic and electric pianos.
    Piano,
    /// Everything else.
    Other,
}

impl Instrument {
    /// Every instrument, in the order of their values.
    pub const ALL: [Self; 6] =
        [Self::Vocals, Self::Drums, Self::Bass, Self::Guitar, Self::Piano, Self::Other];

    /// Lower-case name, as in cards, file names and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vocals => "vocals",
            Self::Drums => "drums",
            Self::Bass => "bass",
            Self::Guitar => "guitar",
            Self::Piano => "piano",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no [`Instrument`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of vocals, drums, bass, guitar, piano, other; found {0:?}")]
pub struct UnknownInstrument(pub String);

impl FromStr for Instrument {
    type Err = UnknownInstrument;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|instrument| instrument.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownInstrument(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_in_any_case() {
        for instrument in Instrument::ALL {
            assert_eq!(instrument.name().to_uppercase().parse(), Ok(instrument));
        }
        let error = "cowbell".parse::<Instrument>().unwrap_err();
        assert!(error.to_string().contains("found \"cowbell\""));
    }
}
