//! Where hop frames stand in host frames: the network's grid and the resynthesis grid.
//!
//! The analysis copy is not resampled. The network's short-time transform is taken from the host's
//! own samples with a window of the same duration, so that its bins stand at the same frequencies;
//! its hop frames are centred on the nearest host frame. See `docs/adr/001-analysis-grid.md`. Networks
//! that hear samples are given a resampled copy; see `docs/adr/003-waveform-networks.md`.

use crate::dsp::resample;
use crate::model::ModelCard;

/// Time grids of one model at one host sample rate. All positions are host frames since the start
/// of an epoch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid {
    /// Transform length of the resynthesis in host frames, a multiple of the overlap.
    pub fft_size: usize,
    /// Resynthesis windows over each frame: 4, 8 or 16, as in the card's own transform where that
    /// is one of these, so that each of its masks is heard.
    pub overlap: usize,
    /// Transform length of the analysis in host frames.
    pub analysis_size: usize,
    /// Host frames past the centre of one of the network's hop frames that complete it.
    pub analysis_reach: usize,
    /// Host frames between two hop frames of the network; not whole in general.
    pub frames_per_mask: f64,
}

impl Grid {
    pub fn new(card: &ModelCard, sample_rate_hz: f64) -> Self {
        let ratio = sample_rate_hz / card.sample_rate_hz();
        let octave = ratio.log2().round() as i32;
        let doubled = card.analysis.fft_size as f64 * 2.0_f64.powi(octave);
        let hops = card.analysis.fft_size / card.analysis.hop_size;
        let overlap = if hops >= 16 {
            16
        } else if hops >= 8 {
            8
        } else {
            4
        };
        let analysis_size = ((card.analysis.fft_size as f64 * ratio).round() as usize).max(2);
        let frames_per_mask = card.analysis.hop_size as f64 * ratio;
        Self {
            // Near the network's own resolution in Hz; powers of two apart keep transforms fast.
            fft_size: ((doubled / overlap as f64).round() as usize).max(64 / overlap) * overlap,
            overlap,
            analysis_size,
            analysis_reach: if card.analysis.waveform.is_some() {
                // A hop frame's samples begin at its centre.
                let delay = if ratio == 1.0 { 0 } else { resample::delay_frames(ratio) };
                frames_per_mask.ceil() as usize + delay
            } else {
                analysis_size.div_ceil(2)
            },
            frames_per_mask,
        }
    }

    /// Hop of the resynthesis in host frames.
    pub fn hop(&self) -> usize {
        self.fft_size / self.overlap
    }

    /// The first hop frame of the resynthesis whose window reaches the signal.
    pub fn first_synthesis(&self) -> i64 {
        1 - (self.overlap / 2) as i64
    }

    /// First host frame under the analysis window of the network's hop frame `index`.
    pub fn analysis_start(&self, index: u64) -> i64 {
        self.mask_centre(index) - (self.analysis_size / 2) as i64
    }

    /// Host frame on which the network's hop frame `index` is centred.
    pub fn mask_centre(&self, index: u64) -> i64 {
        (index as f64 * self.frames_per_mask).round() as i64
    }

    /// First host frame under the resynthesis window of hop frame `index`.
    pub fn synthesis_start(&self, index: i64) -> i64 {
        index * self.hop() as i64 - (self.fft_size / 2) as i64
    }

    /// Position on the network's grid, in its hop frames, of resynthesis hop frame `index`.
    pub fn mask_position(&self, index: i64) -> f64 {
        ((index * self.hop() as i64) as f64 / self.frames_per_mask).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_networks_own_rate_both_grids_are_the_same() {
        let grid = Grid::new(&ModelCard::builtin(), 44_100.0);
        assert_eq!((grid.fft_size, grid.analysis_size), (4096, 4096));
        for index in 0..100 {
            assert_eq!(grid.mask_position(index), index as f64);
            assert_eq!(grid.analysis_start(index as u64), grid.synthesis_start(index));
        }
    }

    #[test]
    fn a_card_with_a_denser_hop_is_resynthesised_on_its_own_hop_frames() {
        let text = include_str!("../../tests/cards/log-mel.toml");
        let card = ModelCard::parse(text, std::path::Path::new("card.toml")).unwrap();
        let grid = Grid::new(&card, 22_050.0);
        assert_eq!((grid.fft_size, grid.hop(), grid.first_synthesis()), (4096, 512, -3));
        assert!((0..100).all(|index| grid.mask_position(index) == index as f64));
        let grid = Grid::new(&card, 48_000.0);
        assert_eq!((grid.fft_size, grid.hop(), grid.analysis_size), (8192, 1024, 8916));
    }

    #[test]
    fn other_rates_keep_the_duration_of_the_window() {
        let card = ModelCard::builtin();
        for (rate, fft_size, analysis_size) in [
            (22_050.0, 2048, 2048),
            (48_000.0, 4096, 4458),
            (88_200.0, 8192, 8192),
            (96_000.0, 8192, 8916),
            (192_000.0, 16_384, 17_833),
        ] {
            let grid = Grid::new(&card, rate);
            assert_eq!((grid.fft_size, grid.analysis_size), (fft_size, analysis_size), "{rate}");
        }
    }
}
