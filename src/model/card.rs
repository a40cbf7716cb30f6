//! The model card, `card.toml`: everything the engine must know of a network and a user may want
//! to know. Cards come from strangers, so every size is bounded before anything is allocated and
//! unknown keys are refused.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Instrument, check};
use crate::dsp::bands::BandScale;
use crate::dsp::mel::MelFilterbank;

pub use super::representation::{
    Analysis, BandSpacing, Bands, FeatureChannel, Mel, MelSpacing, Representation, Waveform,
    WindowShape,
};

/// File name of a card inside its model's folder.
pub const CARD_FILE: &str = "card.toml";

const MAX_CARD_BYTES: u64 = 256 * 1024;

/// Largest network file that is read: far above any separation network of today.
pub(crate) const MAX_MODEL_BYTES: u64 = 2 << 30;

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
    /// The network's sources, then the remainder.
    #[serde(skip)]
    stems: Vec<Instrument>,
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
    /// Channels that the network sees at once: 1 or 2 (left, right). With spectra it is also the
    /// count of masks of a source: 1 for all channels, or one each. A waveform network of 1 is run
    /// on every channel by itself.
    pub channels: usize,
    /// Sources that the network gives, in output order; see [`ModelCard::sources`].
    pub sources: Vec<Instrument>,
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
    /// 1, or chunks of a waveform.
    Batch,
    /// Feature channel.
    Channel,
    /// Source times channel, source-major.
    SourceChannel,
    /// Band.
    Band,
    /// Hop frame.
    Frame,
    /// Sample.
    Sample,
}

/// What the network's output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// Masks.
    Mask,
    /// The sources' spectra in the scale of the input; levels, for logarithmic input.
    Magnitude,
    /// Complex spectra of the sources.
    Complex,
    /// Samples of the sources.
    Waveform,
}

/// What is applied to the output outside the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `exp(z_s) / sum exp(z)` over the sources.
    Softmax,
    /// Nothing.
    None,
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
    /// The stem that gets what the network's sources leave; present exactly when the output is of
    /// sources and not of masks, which sum to one by themselves.
    pub remainder: Option<Instrument>,
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
    /// The first hop frames of a window, whose masks an earlier beginning of the window could
    /// change; the masks after them are the same in any window that ends at the same place and
    /// begins a whole count of `multiple` earlier. 0 to `frames`, in dynamic windows only. The
    /// engine runs the network on the shortest window that gives the same masks; without the key
    /// that is the whole one.
    pub context: Option<usize>,
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
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
        let mut card: Self = toml::from_str(text).map_err(|error| CardError::Parse {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        check::card(&card).map_err(|invalid| CardError::Invalid {
            path: path.to_owned(),
            key: invalid.key,
            expected: invalid.expected,
            found: invalid.found,
        })?;
        card.stems = card.audio.sources.clone();
        card.stems.extend(card.output.remainder);
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

    /// The stems that the engine gives, in order: the network's sources, then the remainder.
    #[must_use]
    pub fn sources(&self) -> &[Instrument] {
        &self.stems
    }

    /// Position of an instrument among the stems, when the model separates it.
    #[must_use]
    pub fn source_index(&self, instrument: Instrument) -> Option<usize> {
        self.stems.iter().position(|&source| source == instrument)
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

    /// The mel features' description and filters on the bins of a transform of `fft_size` frames
    /// at `sample_rate_hz`, when the representation is `log-mel`.
    #[must_use]
    pub fn mel_filterbank(
        &self,
        fft_size: usize,
        sample_rate_hz: f64,
    ) -> Option<(&Mel, MelFilterbank)> {
        let mel = self.analysis.mel.as_ref()?;
        let MelSpacing::Slaney = mel.scale;
        let (low_hz, high_hz) = (f64::from(mel.low_hz), f64::from(mel.high_hz));
        let filters = MelFilterbank::slaney(mel.count, low_hz, high_hz, fft_size, sample_rate_hz);
        Some((mel, filters))
    }
}
