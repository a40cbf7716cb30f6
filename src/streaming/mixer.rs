//! From stems and the delayed mix to the output: selection, dry/wet, gain, and the fade to the
//! delayed mix when results are late. The same code in the plugin and in the command-line tool.

use super::{MAX_CHANNELS, MAX_SOURCES};
use crate::dsp::crossfade::dry_wet_gains;
use crate::dsp::ramp::Ramp;
use crate::model::{Instrument, ModelCard};
use crate::units::frames_from_seconds_ceil;

/// Time that a change of a control takes.
const CONTROL_RAMP_S: f64 = 0.010;

/// What is done with the chosen instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MixMode {
    /// It alone is heard.
    #[default]
    Isolate,
    /// All but it is heard.
    Remove,
}

/// What is heard where a result did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LatePolicy {
    /// The mix, at the same delay.
    #[default]
    DelayedMix,
    /// Silence.
    Silence,
}

/// What the listener has set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Controls {
    /// Chosen instrument.
    pub instrument: Instrument,
    /// What is done with it.
    pub mode: MixMode,
    /// 0 is the mix as it was, 1 is the result alone.
    pub mix: f32,
    /// Linear gain of the output, not applied in bypass.
    pub output_gain: f32,
    /// The delayed mix, untouched.
    pub bypass: bool,
    /// For late results.
    pub late_policy: LatePolicy,
}

impl Default for Controls {
    fn default() -> Self {
        Self {
            instrument: Instrument::Vocals,
            mode: MixMode::Isolate,
            mix: 1.0,
            output_gain: 1.0,
            bypass: false,
            late_policy: LatePolicy::DelayedMix,
        }
    }
}

/// Where each source of a model stands; copied, so that the audio thread holds no card.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceMap {
    sources: [Option<Instrument>; MAX_SOURCES],
    num_sources: usize,
}

impl SourceMap {
    pub fn new(card: &ModelCard) -> Self {
        let mut sources = [None; MAX_SOURCES];
        for (slot, &source) in sources.iter_mut().zip(card.sources()) {
            *slot = Some(source);
        }
        Self { sources, num_sources: card.sources().len().min(MAX_SOURCES) }
    }

    pub fn num_sources(&self) -> usize {
        self.num_sources
    }
}

/// Mixes stems with smoothed gains.
pub(crate) struct StemMixer {
    map: SourceMap,
    stems: [Ramp; MAX_SOURCES],
    dry: Ramp,
    fallback: Ramp,
}

/// Gains that the controls ask for.
struct Targets {
    stems: [f32; MAX_SOURCES],
    dry: f32,
    fallback: f32,
}

impl StemMixer {
    pub fn new(map: SourceMap, sample_rate_hz: f64, controls: &Controls) -> Self {
        let length = frames_from_seconds_ceil(CONTROL_RAMP_S, sample_rate_hz);
        let ramp = || Ramp::new(0.0, length);
        let mut mixer =
            Self { map, stems: std::array::from_fn(|_| ramp()), dry: ramp(), fallback: ramp() };
        mixer.snap_to(controls);
        mixer
    }

    pub fn num_sources(&self) -> usize {
        self.map.num_sources
    }

    /// Jumps to the controls' gains.
    pub fn snap_to(&mut self, controls: &Controls) {
        let targets = self.targets(controls);
        for (ramp, target) in self.stems.iter_mut().zip(targets.stems) {
            ramp.snap_to(target);
        }
        self.dry.snap_to(targets.dry);
        self.fallback.snap_to(targets.fallback);
    }

    /// Begins to move to the controls' gains.
    pub fn set(&mut self, controls: &Controls) {
        let targets = self.targets(controls);
        for (ramp, target) in self.stems.iter_mut().zip(targets.stems) {
            ramp.set_target(target);
        }
        self.dry.set_target(targets.dry);
        self.fallback.set_target(targets.fallback);
    }

    fn targets(&self, controls: &Controls) -> Targets {
        if controls.bypass {
            return Targets { stems: [0.0; MAX_SOURCES], dry: 1.0, fallback: 0.0 };
        }
        // A host or a file may hold anything.
        let clean = |value: f32, fallback: f32| if value.is_finite() { value } else { fallback };
        let (dry, wet) = dry_wet_gains(clean(controls.mix, 1.0));
        let gain = clean(controls.output_gain, 1.0);
        let wet = wet * gain;
        let stems = std::array::from_fn(|index| {
            let chosen = self.map.sources[index] == Some(controls.instrument);
            let heard = chosen == (controls.mode == MixMode::Isolate);
            if heard && index < self.map.num_sources { wet } else { 0.0 }
        });
        let fallback = match controls.late_policy {
            LatePolicy::DelayedMix => wet,
            LatePolicy::Silence => 0.0,
        };
        Targets { stems, dry: dry * gain, fallback }
    }

    /// Mixes one frame. `stems` holds `source x channel` samples, `dry` the delayed mix; `wet` is
    /// the weight of the results, 1 when they are on time. Writes a sample a channel.
    #[inline]
    pub fn mix_frame(&mut self, stems: &[f32], dry: &[f32], wet: f32, output: &mut [f32]) {
        let num_channels = dry.len();
        let mut sums = [0.0_f32; MAX_CHANNELS];
        for (ramp, stem) in self.stems.iter_mut().zip(stems.chunks_exact(num_channels)) {
            let gain = ramp.advance();
            for (sum, sample) in sums.iter_mut().zip(stem) {
                *sum += gain * sample;
            }
        }
        let dry_gain = self.dry.advance();
        let fallback = self.fallback.advance() * (1.0 - wet);
        for ((out, &dry), &sum) in output.iter_mut().zip(dry).zip(&sums) {
            *out = wet * sum + (dry_gain + fallback) * dry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEMS: [f32; 12] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1e3, 2e3];
    const DRY: [f32; 2] = [0.25, -0.5];

    fn mixed(controls: &Controls, wet: f32) -> [f32; 2] {
        let map = SourceMap::new(&ModelCard::builtin());
        let mut mixer = StemMixer::new(map, 48_000.0, controls);
        let mut output = [0.0; 2];
        mixer.mix_frame(&STEMS, &DRY, wet, &mut output);
        output
    }

    #[test]
    fn isolate_and_remove_are_exact_and_complementary() {
        let isolate = Controls { instrument: Instrument::Drums, ..Controls::default() };
        assert_eq!(mixed(&isolate, 1.0), [4.0, 8.0]);
        let remove = Controls { mode: MixMode::Remove, ..isolate };
        let all: f32 = STEMS.iter().step_by(2).sum();
        assert_eq!(mixed(&remove, 1.0)[0], all - 4.0);
    }

    #[test]
    fn mix_zero_and_bypass_are_the_dry_signal_exactly() {
        let dry = Controls { mix: 0.0, ..Controls::default() };
        assert_eq!(mixed(&dry, 1.0), DRY);
        assert_eq!(mixed(&dry, 0.0), DRY);
        let bypass = Controls { bypass: true, output_gain: 9.0, ..Controls::default() };
        assert_eq!(mixed(&bypass, 1.0), DRY);
        assert_eq!(mixed(&bypass, 0.3), DRY);
    }

    #[test]
    fn late_results_give_the_delayed_mix_or_silence_at_the_set_level() {
        let controls = Controls { mix: 0.5, output_gain: 2.0, ..Controls::default() };
        assert_eq!(mixed(&controls, 0.0), [0.5, -1.0]);
        let silent = Controls { late_policy: LatePolicy::Silence, ..controls };
        assert_eq!(mixed(&silent, 0.0), [0.25, -0.5]);
    }

    #[test]
    fn controls_that_are_no_numbers_do_no_harm() {
        let controls =
            Controls { mix: f32::NAN, output_gain: f32::INFINITY, ..Controls::default() };
        assert_eq!(mixed(&controls, 1.0), [1.0, 2.0]);
    }

    #[test]
    fn a_change_is_complete_after_ten_milliseconds() {
        let map = SourceMap::new(&ModelCard::builtin());
        let mut mixer = StemMixer::new(map, 48_000.0, &Controls::default());
        mixer.set(&Controls { instrument: Instrument::Other, ..Controls::default() });
        let mut output = [0.0; 2];
        for _ in 0..480 {
            mixer.mix_frame(&STEMS, &DRY, 1.0, &mut output);
        }
        assert_eq!(output, [1e3, 2e3]);
    }
}
