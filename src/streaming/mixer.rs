//! From stems and the delayed mix to the output: selection, dry/wet, gain, and the fade to the
//! delayed mix when results are late. The same code in the plugin and in the command-line tool.

use super::controls::{Controls, LatePolicy, clean};
use super::{MAX_CHANNELS, MAX_SOURCES};
use crate::dsp::crossfade::dry_wet_gains;
use crate::dsp::ramp::Ramp;
use crate::model::{Instrument, ModelCard};
use crate::units::frames_from_seconds_ceil;

/// Time that a change of a control takes.
const CONTROL_RAMP_S: f64 = 0.010;

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

    /// Place of each instrument among the sources, where the model has it.
    pub fn places(&self) -> [Option<usize>; Instrument::ALL.len()] {
        Instrument::ALL.map(|instrument| {
            self.sources[..self.num_sources].iter().position(|&source| source == Some(instrument))
        })
    }
}

/// Mixes stems with smoothed gains.
pub(crate) struct StemMixer {
    map: SourceMap,
    stems: [Ramp; MAX_SOURCES],
    dry: Ramp,
    fallback: Ramp,
    /// Gain of the stems that go out by themselves.
    direct: Ramp,
}

/// Gains that the controls ask for.
struct Targets {
    stems: [f32; MAX_SOURCES],
    dry: f32,
    fallback: f32,
    direct: f32,
}

impl StemMixer {
    pub fn new(map: SourceMap, sample_rate_hz: f64, controls: &Controls) -> Self {
        let length = frames_from_seconds_ceil(CONTROL_RAMP_S, sample_rate_hz);
        let ramp = || Ramp::new(0.0, length);
        let stems = std::array::from_fn(|_| ramp());
        let mut mixer = Self { map, stems, dry: ramp(), fallback: ramp(), direct: ramp() };
        mixer.snap_to(controls);
        mixer
    }

    pub fn num_sources(&self) -> usize {
        self.map.num_sources
    }

    /// See [`SourceMap::places`].
    pub fn places(&self) -> [Option<usize>; Instrument::ALL.len()] {
        self.map.places()
    }

    /// Jumps to the controls' gains.
    pub fn snap_to(&mut self, controls: &Controls) {
        let targets = self.targets(controls);
        for (ramp, target) in self.stems.iter_mut().zip(targets.stems) {
            ramp.snap_to(target);
        }
        self.dry.snap_to(targets.dry);
        self.fallback.snap_to(targets.fallback);
        self.direct.snap_to(targets.direct);
    }

    /// Begins to move to the controls' gains.
    pub fn set(&mut self, controls: &Controls) {
        let targets = self.targets(controls);
        for (ramp, target) in self.stems.iter_mut().zip(targets.stems) {
            ramp.set_target(target);
        }
        self.dry.set_target(targets.dry);
        self.fallback.set_target(targets.fallback);
        self.direct.set_target(targets.direct);
    }

    fn targets(&self, controls: &Controls) -> Targets {
        if controls.bypass {
            return Targets { stems: [0.0; MAX_SOURCES], dry: 1.0, fallback: 0.0, direct: 0.0 };
        }
        let (dry, wet) = dry_wet_gains(clean(controls.mix, 1.0));
        let gain = clean(controls.output_gain, 1.0);
        let wet = wet * gain;
        let stems = self
            .map
            .sources
            .map(|source| source.map_or(0.0, |instrument| wet * controls.stem_gain(instrument)));
        let fallback = match controls.late_policy {
            LatePolicy::DelayedMix => wet,
            LatePolicy::Silence => 0.0,
        };
        Targets { stems, dry: dry * gain, fallback, direct: 1.0 }
    }

    /// Mixes one frame. `stems` holds `source x channel` samples, `dry` the delayed mix; `wet` is
    /// the weight of the results, 1 when they are on time. Writes a sample a channel, and returns
    /// the gain of stems that go out by themselves: they never carry the dry signal.
    #[inline]
    pub fn mix_frame(&mut self, stems: &[f32], dry: &[f32], wet: f32, output: &mut [f32]) -> f32 {
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
        wet * self.direct.advance()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streaming::controls::{MixMode, StemControl};

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

    /// Remix with the stems changed as `change` says.
    fn remixed(change: impl Fn(&mut [StemControl; 6])) -> f32 {
        let mut controls = Controls { mode: MixMode::Remix, ..Controls::default() };
        change(&mut controls.stems);
        mixed(&controls, 1.0)[0]
    }

    #[test]
    fn remix_at_unity_is_what_isolate_and_remove_sum_to() {
        let isolate = Controls { instrument: Instrument::Guitar, ..Controls::default() };
        let remove = Controls { mode: MixMode::Remove, ..isolate };
        assert_eq!(remixed(|_| {}), mixed(&isolate, 1.0)[0] + mixed(&remove, 1.0)[0]);
    }

    #[test]
    fn remix_follows_gains_solos_and_mutes() {
        let all: f32 = STEMS.iter().step_by(2).sum();
        // Drums are 4, guitar 64, the left of each.
        let (drums, guitar) = (Instrument::Drums as usize, Instrument::Guitar as usize);
        assert_eq!(remixed(|stems| stems[drums].gain = 0.5), all - 2.0);
        assert_eq!(remixed(|stems| stems[guitar].gain = 3.0), all + 128.0);
        assert_eq!(remixed(|stems| stems[drums].mute = true), all - 4.0);
        assert_eq!(remixed(|stems| stems[guitar].solo = true), 64.0);
        let two = |stems: &mut [StemControl; 6]| {
            stems[guitar].solo = true;
            stems[drums].solo = true;
            stems[drums].gain = 2.0;
        };
        assert_eq!(remixed(two), 72.0);
        let both = |stems: &mut [StemControl; 6]| {
            stems[guitar] = StemControl { solo: true, mute: true, ..StemControl::default() };
        };
        assert_eq!(remixed(both), 0.0, "a mute holds under a solo");
        assert_eq!(remixed(|stems| stems[drums].gain = f32::NAN), all);
        assert_eq!(remixed(|stems| stems[drums].gain = -1.0), all - 4.0);
    }

    #[test]
    fn instruments_that_the_model_lacks_contribute_nothing() {
        let text = include_str!("../../tests/cards/log-mel.toml");
        let card = ModelCard::parse(text, std::path::Path::new("card.toml")).unwrap();
        let mut controls = Controls { mode: MixMode::Remix, ..Controls::default() };
        let map = SourceMap::new(&card);
        assert_eq!(map.places(), [Some(0), None, None, None, None, Some(1)]);
        let mut output = [0.0; 2];
        controls.stems[Instrument::Piano as usize].gain = 8.0;
        StemMixer::new(map, 48_000.0, &controls).mix_frame(&STEMS[..4], &DRY, 1.0, &mut output);
        assert_eq!(output, [5.0, 10.0]);
        controls.stems[Instrument::Piano as usize].solo = true;
        StemMixer::new(map, 48_000.0, &controls).mix_frame(&STEMS[..4], &DRY, 1.0, &mut output);
        assert_eq!(output, [0.0; 2], "a solo of what is absent leaves nothing");
    }

    #[test]
    fn stems_by_themselves_follow_the_results_and_are_silent_in_bypass() {
        let map = SourceMap::new(&ModelCard::builtin());
        for (bypass, wet, gain) in [(false, 1.0, 1.0), (false, 0.25, 0.25), (true, 1.0, 0.0)] {
            let controls = Controls { bypass, mix: 0.3, output_gain: 5.0, ..Controls::default() };
            let mut mixer = StemMixer::new(map, 48_000.0, &controls);
            assert_eq!(mixer.mix_frame(&STEMS, &DRY, wet, &mut [0.0; 2]), gain);
        }
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
