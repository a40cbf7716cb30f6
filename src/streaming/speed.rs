//! How fast a model runs on this machine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::analysis::UnsupportedModel;
use super::latency::LatencyMode;
use super::separator::Separator;
use crate::inference::{self, EngineUser, Estimator, InferenceError, Provider};
use crate::model::ModelCard;

/// Runs of the network that are timed, after the first.
const NUM_RUNS: usize = 4;

/// After this time no further run is begun.
const PATIENCE: Duration = Duration::from_secs(10);

/// Frames pushed at once.
const BLOCK_FRAMES: usize = 1024;

/// Why a model's speed is not known.
#[derive(Debug, thiserror::Error)]
pub enum SpeedError {
    /// The engine does not run models of its kind.
    #[error(transparent)]
    Model(#[from] UnsupportedModel),
    /// It does not open, or fails.
    #[error(transparent)]
    Inference(#[from] InferenceError),
}

/// Share of one core that a stereo stream of the model of `card` needs at `sample_rate_hz` in
/// `mode`: 0.5 for half of it, above 1 for a model that is too slow here. All the work is counted,
/// not only the network's. The quickest of a few runs tells: what else runs on the machine only
/// makes them longer. Takes a second or several, and shares an open session with streams that play.
///
/// # Errors
/// When the model does not open with the onnxruntime library at `runtime`, or fails.
pub fn measure_speed(
    card: &Arc<ModelCard>,
    runtime: &Path,
    sample_rate_hz: f64,
    mode: LatencyMode,
) -> Result<f64, SpeedError> {
    let _user = EngineUser::join();
    let mut estimator = inference::open(card, runtime, Provider::Cpu)?;
    share_of_core(estimator.as_mut(), card, sample_rate_hz, mode)
}

fn share_of_core(
    estimator: &mut dyn Estimator,
    card: &ModelCard,
    sample_rate_hz: f64,
    mode: LatencyMode,
) -> Result<f64, SpeedError> {
    let mut separator = Separator::new(card, sample_rate_hz, 2, mode)?;
    let begin = Instant::now();
    let mut noise = 1_u32;
    let mut block = vec![0.0_f32; 2 * BLOCK_FRAMES];
    // From one run to the next: the work, and the frames received.
    let (mut work, mut num_frames) = (Duration::ZERO, 0);
    let (mut num_runs, mut best) = (0, f64::INFINITY);
    while num_runs <= NUM_RUNS && (begin.elapsed() < PATIENCE || num_runs < 2) {
        for sample in &mut block {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = (noise >> 8) as f32 / (1 << 25) as f32 - 0.25;
        }
        separator.push_interleaved(&block);
        num_frames += BLOCK_FRAMES;
        loop {
            let step = Instant::now();
            let has_run = separator.step(estimator, &|| i64::MIN, &mut |_| {})?;
            work += step.elapsed().saturating_sub(estimator.waited());
            if !has_run {
                break;
            }
            // The first run makes room, and the stretch before it is no whole emission.
            if num_runs > 0 {
                let sound_s = num_frames as f64 / sample_rate_hz;
                best = best.min(work.as_secs_f64() / sound_s);
            }
            num_runs += 1;
            (work, num_frames) = (Duration::ZERO, 0);
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    /// Takes its time.
    struct Slow(Duration);

    impl Estimator for Slow {
        fn provider(&self) -> Provider {
            Provider::Cpu
        }

        fn estimate(
            &mut self,
            _features: &[f32],
            _num_frames: usize,
            _wanted: Range<usize>,
            masks: &mut [f32],
        ) -> Result<(), InferenceError> {
            let begin = Instant::now();
            while begin.elapsed() < self.0 {}
            masks.fill(1.0 / 6.0);
            Ok(())
        }
    }

    #[test]
    fn the_share_is_that_of_the_network_and_what_is_around_it() {
        let card = ModelCard::builtin();
        // An emission of 32 hop frames lasts 743 ms at 44.1 kHz, one of 12 lasts 279 ms.
        for (mode, emission_s) in [(LatencyMode::Studio, 0.743), (LatencyMode::Balanced, 0.279)] {
            let mut slow = Slow(Duration::from_millis(60));
            let share = share_of_core(&mut slow, &card, 44_100.0, mode).unwrap();
            let least = 0.060 / emission_s;
            assert!((0.95 * least..least + 0.9).contains(&share), "{mode:?}: {share}");
        }
    }

    #[test]
    fn a_model_that_cannot_be_opened_has_no_speed() {
        let card = Arc::new(ModelCard::builtin());
        let runtime = Path::new("/no/such/library");
        assert!(measure_speed(&card, runtime, 48_000.0, LatencyMode::Studio).is_err());
    }
}
