//! The model card, `card.toml`: everything the engine must know of a network and a user may want
//! to know. Cards come from strangers, so every size is bounded before anything is allocated and
//! unknown keys are refused.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Instrument, check};
use crate::dsp::bands::BandScale;

/// File name of a card inside its model's folder.
pub const CARD_FILE: &str = "card.toml";

const MAX_CARD_BYTES: u64 = 256 * 1024;

/// A parsed and checked card.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Version of the card format; 1.
    pub schema: u32,
    /// What the model is and whose.
    pub model: Identity,
    /// The audio it was made for.
    pub audio: Audio,
    /// How audio becomes the network's input.
    pub analysis: Analysis,
    /// The input tensor.
    pub input: InputTensor,
    /// The output tensor.
    pub output: OutputTensor,
    /// How much of the past and future it sees at once.
    pub window: Window,
    /// What it learned from, with licences.
    #[serde(default)]
    pub training_data: Vec<TrainingData>,
    /// How well it separates, as its makers measured.
    #[serde(default)]
    pub scores: Vec<Score>,
    /// Folder that the card was read from; empty for the card that is compiled in.
    #[serde(skip)]
    folder: PathBuf,
}

/// Name, licence and origin.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Short name: letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// Version of the weights.
    pub version: String,
    /// One or two sentences for the user.
    pub description: String,
    /// Licence of the weights (SPDX expression).
    pub license: String,
    /// Who made it.
    pub authors: Vec<String>,
    /// The network's file, beside the card.
    pub file: String,
    /// SHA-256 of that file, 64 hexadecimal digits.
    pub sha256: String,
}

/// The audio that the network was made for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// Sample rate in Hz of the analysis.
    pub sample_rate: u32,
    /// Channels per mask: 1 (one mask for all) or 2 (left, right).
    pub channels: usize,
    /// Sources in output order.
    pub sources: Vec<Instrument>,
}

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

/// The input tensor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputTensor {
    /// Its name in the graph.
    pub name: String,
    /// Its axes.
    pub axes: Vec<Axis>,
}

/// Meaning of a tensor's axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Always 1.
    Batch,
    /// Feature channel.
    Channel,
    /// Source times channel, source-major.
    SourceChannel,
    /// Band.
    Band,
    /// Hop frame.
    Frame,
}

/// What the network's output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// Masks.
    Mask,
    /// Magnitudes of the sources.
    Magnitude,
    /// Complex spectra of the sources.
    Complex,
    /// Samples of the sources.
    Waveform,
}

/// What turns the output into masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `exp(z_s) / sum exp(z)` over the sources.
    Softmax,
}

/// The output tensor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputTensor {
    /// Its name in the graph.
    pub name: String,
    /// Its axes.
    pub axes: Vec<Axis>,
    /// What it holds.
    pub kind: OutputKind,
    /// What is applied to it outside the graph.
    pub activation: Activation,
}

/// How many hop frames the network sees at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Hop frames in a window.
    pub frames: usize,
    /// Whether shorter windows are allowed.
    pub dynamic: bool,
    /// Window lengths must be a multiple of this.
    pub multiple: usize,
}

/// One body of training data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingData {
    /// What it is.
    pub name: String,
    /// Its licence.
    pub license: String,
}

/// One measured score.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// On what.
    pub data: String,
    /// By which measure.
    pub metric: String,
    /// For which source, or `mean`.
    pub source: String,
    /// In dB.
    pub value_db: f64,
}

/// Why a card is not usable.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The file cannot be read.
    #[error("cannot read the model card {path}")]
    Read {
        /// The card.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is far larger than any card.
    #[error("{path} is no model card: expected at most {MAX_CARD_BYTES} bytes, found more")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not TOML, an unknown or a missing key, or a value of the wrong kind.
    #[error("the model card {path} does not parse: {reason}")]
    Parse {
        /// The card.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A value outside its range or at odds with another.
    #[error("the model card {path} is not valid: {key}: expected {expected}, found {found}")]
    Invalid {
        /// The card.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What would be valid.
        expected: String,
        /// What is there.
        found: String,
    },
}

impl ModelCard {
    /// Reads and checks `folder/card.toml`.
    ///
    /// # Errors
    /// When the card is missing, too large, not TOML, has unknown keys or values out of range.
    pub fn load(folder: &Path) -> Result<Self, CardError> {
        let path = folder.join(CARD_FILE);
        let read_error = |source| CardError::Read { path: path.clone(), source };
        let file = std::fs::File::open(&path).map_err(read_error)?;
        let mut bytes = Vec::new();
        file.take(MAX_CARD_BYTES + 1).read_to_end(&mut bytes).map_err(read_error)?;
        if bytes.len() as u64 > MAX_CARD_BYTES {
            return Err(CardError::TooLarge { path });
        }
        let text = String::from_utf8(bytes).map_err(|error| CardError::Parse {
            path: path.clone(),
            reason: format!("expected UTF-8 text: {error}"),
        })?;
        let mut card = Self::parse(&text, &path)?;
        card.folder = folder.to_owned();
        Ok(card)
    }

    /// Parses and checks a card's text; `path` is used in errors only.
    ///
    /// # Errors
    /// As [`ModelCard::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, CardError> {
        let card: Self = toml::from_str(text).map_err(|error| CardError::Parse {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        check::card(&card).map_err(|invalid| CardError::Invalid {
            path: path.to_owned(),
            key: invalid.key,
            expected: invalid.expected,
            found: invalid.found,
        })?;
        Ok(card)
    }

    /// The card of the shipped default model, compiled in: what the latency is computed from when
    /// no installed card can be read.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(include_str!("../../models/studio/card.toml"), Path::new("(built in)"))
            .expect("the card that is compiled in parses: a test checks it")
    }

    /// Folder that the card was read from; empty for the one that is compiled in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Path of the network's file.
    #[must_use]
    pub fn model_path(&self) -> PathBuf {
        self.folder.join(&self.model.file)
    }

    /// Short name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.model.name
    }

    /// Version of the weights.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.model.version
    }

    /// Sources in output order.
    #[must_use]
    pub fn sources(&self) -> &[Instrument] {
        &self.audio.sources
    }

    /// Output position of an instrument, when the model separates it.
    #[must_use]
    pub fn source_index(&self, instrument: Instrument) -> Option<usize> {
        self.audio.sources.iter().position(|&source| source == instrument)
    }

    /// Sample rate of the analysis in Hz.
    #[must_use]
    pub fn sample_rate_hz(&self) -> f64 {
        f64::from(self.audio.sample_rate)
    }

    /// Seconds that one window covers.
    #[must_use]
    pub fn window_seconds(&self) -> f64 {
        (self.window.frames * self.analysis.hop_size) as f64 / self.sample_rate_hz()
    }

    /// The band features' description and scale, when the representation is `bands`.
    #[must_use]
    pub fn band_scale(&self) -> Option<(&Bands, BandScale)> {
        let bands = self.analysis.bands.as_ref()?;
        let scale = match bands.scale {
            BandSpacing::MelHtk => {
                BandScale::mel_htk(bands.count, self.analysis.fft_size, self.sample_rate_hz())
            }
        };
        Some((bands, scale.ok()?))
    }
}
