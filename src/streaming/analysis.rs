//! From host frames to the network's input, whichever kind it is of.

use super::band_analysis::BandAnalysis;
use super::grid::Grid;
use super::history::InputHistory;
use super::waveform_analysis::WaveformAnalysis;
use crate::dsp::resample::ResampleError;
use crate::model::ModelCard;

/// A model that a [`super::Separator`] cannot drive.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UnsupportedModel {
    /// Its input is of a kind that the engine does not make.
    #[error("the model {name:?} has {representation} input: expected bands, log-mel or waveform")]
    Representation {
        /// The model.
        name: String,
        /// What it wants.
        representation: &'static str,
    },
    /// Its samples are at a rate that the host's cannot be brought to.
    #[error(transparent)]
    SampleRate(#[from] ResampleError),
}

/// The network's view of a track, one hop frame at a time.
pub(crate) enum Analysis {
    Bands(Box<BandAnalysis>),
    Waveform(Box<WaveformAnalysis>),
}

impl Analysis {
    /// The analysis that `card` asks for, of `num_channels` at `sample_rate_hz`.
    pub fn new(
        card: &ModelCard,
        grid: &Grid,
        sample_rate_hz: f64,
        num_channels: usize,
    ) -> Result<Self, UnsupportedModel> {
        if let Some(waveform) = WaveformAnalysis::new(card, sample_rate_hz, num_channels)? {
            return Ok(Self::Waveform(Box::new(waveform)));
        }
        BandAnalysis::new(card, grid.analysis_size, sample_rate_hz, num_channels)
            .map(|bands| Self::Bands(Box::new(bands)))
            .ok_or_else(|| UnsupportedModel::Representation {
                name: card.name().to_owned(),
                representation: card.analysis.representation.name(),
            })
    }

    /// Rows of a hop frame's features: (channel, band) or channel.
    pub fn num_rows(&self) -> usize {
        match self {
            Self::Bands(bands) => bands.frame_len(),
            Self::Waveform(waveform) => waveform.num_channels(),
        }
    }

    /// Values that a row has in one hop frame.
    pub fn values_per_row(&self) -> usize {
        match self {
            Self::Bands(_) => 1,
            Self::Waveform(waveform) => waveform.hop(),
        }
    }

    /// The feature of silence.
    pub fn silence(&self) -> f32 {
        match self {
            Self::Bands(bands) => bands.silence(),
            Self::Waveform(_) => 0.0,
        }
    }

    /// Frequencies that masks stand for.
    pub fn mask_centres_hz(&self) -> &[f64] {
        match self {
            Self::Bands(bands) => bands.centres_hz(),
            Self::Waveform(waveform) => waveform.bins_hz(),
        }
    }

    /// Masks of one source: those of the card, or one for each channel that goes through a
    /// waveform network by itself.
    pub fn num_mask_channels(&self, card: &ModelCard) -> usize {
        match self {
            Self::Bands(_) => card.audio.channels,
            Self::Waveform(waveform) => waveform.num_channels(),
        }
    }

    /// Writes the features (`row x value`) of the network's hop frame `index`, which follows the
    /// one before; false when the input for it is not complete.
    pub fn advance(
        &mut self,
        input: &InputHistory,
        grid: &Grid,
        index: u64,
        features: &mut [f32],
    ) -> bool {
        match self {
            Self::Bands(bands) => {
                let start = grid.analysis_start(index);
                let is_complete = start + grid.analysis_size as i64 <= input.end();
                if is_complete {
                    bands.analyse(input, start, features);
                }
                is_complete
            }
            Self::Waveform(waveform) => waveform.advance(input, index, features),
        }
    }

    /// First host frame that hop frame `index` and those after it still need.
    pub fn first_needed(&self, grid: &Grid, index: u64) -> i64 {
        match self {
            Self::Bands(_) => grid.analysis_start(index),
            Self::Waveform(waveform) => waveform.first_needed(index),
        }
    }

    pub fn reset(&mut self) {
        if let Self::Waveform(waveform) = self {
            waveform.reset();
        }
    }
}
