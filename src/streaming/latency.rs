//! Latency as arithmetic: a pure function of (card, sample rate, mode).

use super::grid::Grid;
use crate::model::ModelCard;
use crate::units::frames_from_seconds_ceil;

/// Fade between results and the delayed mix, in seconds.
pub(crate) const FADE_S: f64 = 0.005;

/// How much future is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum LatencyMode {
    /// All the future that helps the network, in long emissions: the best quality for the least work.
    #[default]
    Studio,
    /// About 0.75 s in all: less lookahead, shorter emissions.
    Balanced,
}

impl LatencyMode {
    /// Every mode, from the longest latency to the shortest.
    pub const ALL: [Self; 2] = [Self::Studio, Self::Balanced];

    /// Lower-case name, as in saved states and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Studio => "studio",
            Self::Balanced => "balanced",
        }
    }

    /// The mode of that name; `None` for one that this version does not know.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// How often the network runs and what it may see, in its hop frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// New hop frames in each run.
    pub emission: usize,
    /// Hop frames after the emitted ones that the network sees.
    pub lookahead: usize,
    /// Hop frames over which consecutive windows are cross-faded; part of the lookahead.
    pub crossfade: usize,
    /// Time that a run may take, counted in hop frames.
    pub compute: usize,
    /// Longest window that a run is given, a multiple of the card's: the shortest that gives the
    /// masks of the whole window. See `docs/adr/004-short-windows.md`.
    pub window: usize,
}

impl Schedule {
    pub fn new(card: &ModelCard, mode: LatencyMode) -> Self {
        let frames = |duration_s: f64| {
            let hops = duration_s * card.sample_rate_hz() / card.analysis.hop_size as f64;
            (hops.round() as usize).max(1)
        };
        // The measurements behind these are in `docs/adr/002-latency-modes.md`.
        let (emission_s, lookahead_s, compute_s) = match mode {
            LatencyMode::Studio => (0.743, 0.557, 0.557),
            LatencyMode::Balanced => (0.279, 0.186, 0.186),
        };
        // A short window cannot emit more than it holds.
        let quarter = (card.window.frames / 4).max(1);
        let lookahead = frames(lookahead_s).min(quarter);
        let emission = frames(emission_s).min(quarter);
        let window = match card.window.context {
            Some(context) => (context + emission + lookahead)
                .next_multiple_of(card.window.multiple)
                .min(card.window.frames),
            None => card.window.frames,
        };
        Self {
            window,
            emission,
            lookahead,
            crossfade: frames(0.093).min(lookahead),
            // More than between two runs, and they would pile up.
            compute: frames(compute_s).min(emission),
        }
    }
}

/// Latency in host frames of `card` at `sample_rate_hz` in `mode`.
///
/// Output frame `p` needs the input up to half a resynthesis window past it, the mask there, and
/// so the end of a run of the network: at most `emission + lookahead` hop frames and their reach
/// later. To that come the time to compute and the fade that hides late results.
///
/// ```text
/// (emission + lookahead + compute) * hop + fft / 2 + reach + fade + 2
/// ```
///
/// where `reach` is what completes a hop frame of the network: half an analysis window, or for
/// waveforms a hop and the resampler's delay.
///
/// The 2 covers the rounding of hop frames to host frames. Constant for a stream: the same in
/// bypass and while no model runs.
#[must_use]
pub fn latency_frames(card: &ModelCard, sample_rate_hz: f64, mode: LatencyMode) -> usize {
    let schedule = Schedule::new(card, mode);
    let delay = algorithmic_delay_frames(card, sample_rate_hz, mode);
    let compute = schedule.compute as f64 * Grid::new(card, sample_rate_hz).frames_per_mask;
    delay + compute.ceil() as usize + fade_frames(sample_rate_hz)
}

/// Seconds of sound that a run of the network of `card` sees at most in `mode`.
#[must_use]
pub fn run_seconds(card: &ModelCard, mode: LatencyMode) -> f64 {
    Schedule::new(card, mode).window as f64 * card.window_seconds() / card.window.frames as f64
}

/// The part of the latency that no faster computer removes.
pub(crate) fn algorithmic_delay_frames(
    card: &ModelCard,
    sample_rate_hz: f64,
    mode: LatencyMode,
) -> usize {
    let grid = Grid::new(card, sample_rate_hz);
    let schedule = Schedule::new(card, mode);
    let hops = (schedule.emission + schedule.lookahead) as f64;
    (hops * grid.frames_per_mask).ceil() as usize + grid.fft_size / 2 + grid.analysis_reach + 2
}

/// Length of the fade between results and the delayed mix.
pub(crate) fn fade_frames(sample_rate_hz: f64) -> usize {
    frames_from_seconds_ceil(FADE_S, sample_rate_hz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_by_sample_rate_and_mode() {
        let card = ModelCard::builtin();
        for (rate, studio, balanced) in [
            (44_100.0, 86_239, 32_991),
            (48_000.0, 93_685, 35_728),
            (88_200.0, 172_475, 65_979),
            (96_000.0, 187_366, 71_452),
            (192_000.0, 374_730, 142_902),
        ] {
            let got = LatencyMode::ALL.map(|mode| latency_frames(&card, rate, mode));
            assert_eq!(got, [studio, balanced], "at {rate} Hz");
        }
    }

    #[test]
    fn short_windows_bound_the_schedule() {
        let mut card = ModelCard::builtin();
        card.window.frames = 32;
        card.window.multiple = 32;
        for mode in LatencyMode::ALL {
            let schedule = Schedule::new(&card, mode);
            assert!(schedule.emission + schedule.lookahead <= 32);
            assert!(schedule.crossfade <= schedule.lookahead);
        }
    }

    #[test]
    fn windows_are_as_short_as_the_card_allows() {
        let mut card = ModelCard::builtin();
        let mut window = |context| {
            card.window.context = context;
            LatencyMode::ALL.map(|mode| {
                let Schedule { window, emission, lookahead, .. } = Schedule::new(&card, mode);
                assert!(window - emission - lookahead >= context.unwrap_or(0));
                window
            })
        };
        assert_eq!(window(None), [640, 640]);
        assert_eq!(window(Some(63)), [128, 96]);
        assert_eq!(window(Some(0)), [64, 32]);
        card.window.context = Some(640);
        assert_eq!(Schedule::new(&card, LatencyMode::Studio).window, 640);
    }

    #[test]
    fn modes_are_known_by_their_names() {
        for mode in LatencyMode::ALL {
            assert_eq!(LatencyMode::from_name(mode.name()), Some(mode));
        }
        assert_eq!(LatencyMode::from_name("live"), None);
    }
}
