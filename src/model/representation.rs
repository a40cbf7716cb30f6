//! How audio becomes a network's input: the `analysis` tables of a card.

use serde::Deserialize;

use crate::dsp::features::FeatureScale;

/// What the network is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Representation {
    /// Samples.
    Waveform,
    /// Magnitude spectrogram.
    Magnitude,
    /// Logarithmic mel spectrogram.
    LogMel,
    /// Logarithmic power in bands of whole bins.
    Bands,
    /// Real and imaginary parts of the spectrogram.
    Complex,
}

impl Representation {
    /// Name, as in cards.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waveform => "waveform",
            Self::Magnitude => "magnitude",
            Self::LogMel => "log-mel",
            Self::Bands => "bands",
            Self::Complex => "complex",
        }
    }
}

/// Window of the short-time transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowShape {
    /// See [`crate::dsp::window::hann_periodic`].
    HannPeriodic,
}

/// How audio becomes the network's input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// Kind of input.
    pub representation: Representation,
    /// Transform length in frames at the card's sample rate.
    pub fft_size: usize,
    /// Hop in frames at the card's sample rate.
    pub hop_size: usize,
    /// Window of the transform.
    pub window: WindowShape,
    /// Band features; present exactly when the representation is `bands`.
    pub bands: Option<Bands>,
    /// Mel features; present exactly when the representation is `log-mel`.
    pub mel: Option<Mel>,
    /// Samples; present exactly when the representation is `waveform`. The transform above then
    /// compares the network's waveforms with the mix, for the masks.
    pub waveform: Option<Waveform>,
}

/// Spacing of the bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BandSpacing {
    /// See [`BandScale::mel_htk`].
    MelHtk,
}

/// One channel of the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureChannel {
    /// Left input.
    Left,
    /// Right input.
    Right,
    /// `(left - right) / 2`, taken in the complex spectrum.
    Side,
    /// `(left + right) / 2`, taken in the complex spectrum.
    Mid,
}

/// Band features: `(10 log10(p + floor) - mean) / std`, where `p` is the mean power of the band's
/// bins relative to the window's sum squared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    /// Spacing.
    pub scale: BandSpacing,
    /// How many.
    pub count: usize,
    /// Feature channels in input order.
    pub channels: Vec<FeatureChannel>,
    /// Power floor in dB, added before the logarithm.
    pub floor_db: f32,
    /// Subtracted, in dB.
    pub mean_db: f32,
    /// Divided by, in dB.
    pub std_db: f32,
}

impl Bands {
    /// From powers to features.
    #[must_use]
    pub fn feature_scale(&self) -> FeatureScale {
        FeatureScale::new(self.floor_db, self.mean_db, self.std_db)
    }
}

/// Spacing of mel filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MelSpacing {
    /// See [`crate::dsp::mel::MelFilterbank::slaney`].
    Slaney,
}

/// Mel features: `(10 log10(p + floor) - mean) / std`, where `p` is the power under a triangle of
/// height one, relative to the window's sum squared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mel {
    /// Spacing.
    pub scale: MelSpacing,
    /// How many filters.
    pub count: usize,
    /// Where the first filter begins to rise.
    pub low_hz: f32,
    /// Where the last filter has fallen.
    pub high_hz: f32,
    /// Feature channels in input order: `mid`, or `left` and `right`, as many as `audio.channels`.
    pub channels: Vec<FeatureChannel>,
    /// Power floor in dB, added before the logarithm.
    pub floor_db: f32,
    /// Subtracted, in dB.
    pub mean_db: f32,
    /// Divided by, in dB.
    pub std_db: f32,
}

impl Mel {
    /// From powers to features.
    #[must_use]
    pub fn feature_scale(&self) -> FeatureScale {
        FeatureScale::new(self.floor_db, self.mean_db, self.std_db)
    }
}

/// Samples as input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waveform {
    /// Samples in one example of the network; a window holds a whole number of them, which are
    /// stacked on the batch axis.
    pub chunk: usize,
}
