//! Parameters and the other things that a session saves.
//!
//! The string identifiers are part of saved sessions and never change.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nice_plug::params::persist::PersistentField;
use nice_plug::prelude::*;
use soloist::model::Instrument;
use soloist::streaming::{Controls, LatePolicy, LatencyMode, MixMode, StemControl};
use soloist::units::gain_from_db;
use soloist_editor::{MIN_SIZE, Theme};

use crate::choices::{InstrumentChoice, LateChoice, LatencyChoice, ModeChoice, ModelChoice};
use crate::text;

/// Range of the output gain, both ways from 0 dB.
const MAX_GAIN_DB: f32 = 24.0;

/// The most that a stem can be raised.
const MAX_STEM_GAIN_DB: f32 = 12.0;

/// Bends the way of a stem's gain, which is linear from silence on: 0 dB at 71 % of it, -20 dB at
/// 40 %, -40 dB at 22 %.
const STEM_GAIN_SKEW: f32 = 0.25;

/// A stem's gain this near to 1 is 1: hosts keep values between 0 and 1, which are not exact.
const UNITY_TOLERANCE: f32 = 1e-5;

/// Size of a new editor in logical pixels, width and height.
pub const EDITOR_SIZE: (u32, u32) = (960, 640);

/// All that a session saves of an instance.
#[derive(Params)]
pub struct SoloistParams {
    /// Which stem.
    #[id = "instrument"]
    pub instrument: EnumParam<InstrumentChoice>,
    /// The stem alone, all but the stem, or all stems at their gains.
    #[id = "mode"]
    pub mode: EnumParam<ModeChoice>,
    /// 0 % is the delayed input, 100 % the result.
    #[id = "mix"]
    pub mix: FloatParam,
    /// After the mix.
    #[id = "gain"]
    pub output_gain: FloatParam,
    /// What sounds while results are late.
    #[id = "late"]
    pub late_policy: EnumParam<LateChoice>,
    /// The delayed input, whatever the other parameters say.
    #[id = "bypass"]
    pub bypass: BoolParam,
    /// -100 % is soft (fewer artefacts), 100 % sharp (less bleed).
    #[id = "focus"]
    pub focus: FloatParam,
    /// How much delay is accepted; takes effect at the next activation.
    #[id = "latency"]
    pub latency: EnumParam<LatencyChoice>,

    // For Remix.
    #[nested(id_prefix = "vocals", group = "Vocals")]
    vocals: StemParams,
    #[nested(id_prefix = "drums", group = "Drums")]
    drums: StemParams,
    #[nested(id_prefix = "bass", group = "Bass")]
    bass: StemParams,
    #[nested(id_prefix = "guitar", group = "Guitar")]
    guitar: StemParams,
    #[nested(id_prefix = "piano", group = "Piano")]
    piano: StemParams,
    #[nested(id_prefix = "other", group = "Other")]
    other: StemParams,

    /// Name of the model.
    #[persist = "model"]
    pub model: ModelChoice,
    /// Editor size.
    #[persist = "editor-size"]
    pub editor_size: EditorSize,
    /// Whether the editor is dark or light.
    #[persist = "editor-theme"]
    pub editor_theme: EditorTheme,

    /// The delayed input is heard for comparison while this is set, as in bypass. No parameter: hosts
    /// neither see nor save it.
    pub dry_latch: AtomicBool,
}

/// What Remix does with one stem.
#[derive(Params)]
pub struct StemParams {
    /// Linear gain, shown in decibels.
    #[id = "gain"]
    pub gain: FloatParam,
    /// Silences the stems that are not solo.
    #[id = "solo"]
    pub solo: BoolParam,
    /// Silences this stem.
    #[id = "mute"]
    pub mute: BoolParam,
}

impl StemParams {
    fn new(name: &str) -> Self {
        let range = FloatRange::Skewed {
            min: 0.0,
            max: gain_from_db(MAX_STEM_GAIN_DB),
            factor: STEM_GAIN_SKEW,
        };
        Self {
            gain: FloatParam::new(format!("{name} Gain"), 1.0, range)
                .with_unit(" dB")
                .with_value_to_string(Arc::new(text::words_for_gain))
                .with_string_to_value(Arc::new(text::gain)),
            solo: switch(format!("{name} Solo")),
            mute: switch(format!("{name} Mute")),
        }
    }

    fn control(&self) -> StemControl {
        let gain = self.gain.value();
        let gain = if (gain - 1.0).abs() < UNITY_TOLERANCE { 1.0 } else { gain };
        StemControl { gain, solo: self.solo.value(), mute: self.mute.value() }
    }
}

fn switch(name: String) -> BoolParam {
    BoolParam::new(name, false).with_string_to_value(Arc::new(text::switch))
}

fn percent(name: &str, default: f32, min: f32) -> FloatParam {
    FloatParam::new(name, default, FloatRange::Linear { min, max: 100.0 })
        .with_unit(" %")
        .with_step_size(0.1)
        .with_value_to_string(Arc::new(text::words_for_percent))
        .with_string_to_value(Arc::new(text::percent))
}

impl Default for SoloistParams {
    fn default() -> Self {
        let gain_range = FloatRange::Linear { min: -MAX_GAIN_DB, max: MAX_GAIN_DB };
        Self {
            instrument: EnumParam::new("Instrument", InstrumentChoice::Vocals),
            mode: EnumParam::new("Mode", ModeChoice::Isolate),
            mix: percent("Mix", 100.0, 0.0),
            output_gain: FloatParam::new("Output Gain", 0.0, gain_range)
                .with_unit(" dB")
                .with_step_size(0.1)
                .with_string_to_value(Arc::new(text::decibels)),
            late_policy: EnumParam::new("When Late", LateChoice::DelayedMix),
            bypass: switch("Bypass".to_owned()).make_bypass(),
            focus: percent("Focus", 0.0, -100.0),
            latency: EnumParam::new("Latency Mode", LatencyChoice::Studio).non_automatable(),
            vocals: StemParams::new("Vocals"),
            drums: StemParams::new("Drums"),
            bass: StemParams::new("Bass"),
            guitar: StemParams::new("Guitar"),
            piano: StemParams::new("Piano"),
            other: StemParams::new("Other"),
            model: ModelChoice::default(),
            editor_size: EditorSize::default(),
            editor_theme: EditorTheme::default(),
            dry_latch: AtomicBool::new(false),
        }
    }
}

impl SoloistParams {
    /// The parameters as the engine takes them.
    ///
    /// # Realtime safety
    /// Reads atomics only, as all that follows.
    pub fn controls(&self) -> Controls {
        Controls {
            instrument: Instrument::from(self.instrument.value()),
            mode: MixMode::from(self.mode.value()),
            mix: self.mix.value() / 100.0,
            output_gain: gain_from_db(self.output_gain.value()),
            bypass: self.bypass.value() || self.dry_latch.load(Ordering::Relaxed),
            late_policy: LatePolicy::from(self.late_policy.value()),
            focus: self.focus.value() / 100.0,
            stems: self.stems().map(StemParams::control),
        }
    }

    /// The stems' parameters in the order of [`Instrument::ALL`].
    pub fn stems(&self) -> [&StemParams; Instrument::ALL.len()] {
        [&self.vocals, &self.drums, &self.bass, &self.guitar, &self.piano, &self.other]
    }

    /// Whether the audio thread waits for results that are late.
    pub fn waits_for_results(&self) -> bool {
        self.late_policy.value() == LateChoice::Wait
    }

    /// The latency mode that is wanted.
    pub fn latency_mode(&self) -> LatencyMode {
        LatencyMode::from(self.latency.value())
    }
}

/// Size of the editor window in logical pixels, width and height.
pub struct EditorSize(Mutex<(u32, u32)>);

impl Default for EditorSize {
    fn default() -> Self {
        Self(Mutex::new(EDITOR_SIZE))
    }
}

impl EditorSize {
    /// Width and height, held within what a screen can show: a saved state may say anything.
    pub fn get(&self) -> (u32, u32) {
        let (width, height) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (width.clamp(MIN_SIZE.x as u32, 8192), height.clamp(MIN_SIZE.y as u32, 8192))
    }

    /// Remembers a size.
    pub fn store(&self, width: u32, height: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (width, height);
    }
}

impl PersistentField<'_, (u32, u32)> for EditorSize {
    fn set(&self, (width, height): (u32, u32)) {
        self.store(width, height);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&(u32, u32)) -> R,
    {
        f(&self.get())
    }
}

/// The editor's theme, by name.
#[derive(Default)]
pub struct EditorTheme(AtomicBool);

impl EditorTheme {
    /// The theme; one that a saved state names and nobody knows is the default.
    pub fn get(&self) -> Theme {
        if self.0.load(Ordering::Relaxed) { Theme::Light } else { Theme::Dark }
    }

    /// Remembers a theme.
    pub fn store(&self, theme: Theme) {
        self.0.store(theme == Theme::Light, Ordering::Relaxed);
    }
}

impl PersistentField<'_, String> for EditorTheme {
    fn set(&self, name: String) {
        self.store(Theme::from_name(&name));
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&String) -> R,
    {
        f(&self.get().name().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// nice-plug makes the hosts' numbers from these: none may ever change.
    #[test]
    fn identifiers_stand_as_released() {
        let ids: Vec<String> =
            SoloistParams::default().param_map().into_iter().map(|(id, _, _)| id).collect();
        let first = ["instrument", "mode", "mix", "gain", "late", "bypass", "focus", "latency"];
        assert_eq!(ids[..8], first);
        let stems = ["vocals", "drums", "bass", "guitar", "piano", "other"];
        let of_stems: Vec<String> = stems
            .iter()
            .flat_map(|stem| ["gain", "solo", "mute"].map(|what| format!("{stem}_{what}")))
            .collect();
        assert_eq!(ids[8..], of_stems);
    }

    #[test]
    fn stems_stand_in_the_library_order() {
        let params = SoloistParams::default();
        for (stem, instrument) in params.stems().iter().zip(Instrument::ALL) {
            let name = format!("{} gain", instrument.name());
            assert_eq!(stem.gain.name().to_lowercase(), name);
        }
    }

    #[test]
    fn texts_are_understood_as_they_are_written() {
        let params = SoloistParams::default();
        let vocals = params.stems()[0];
        let cases: [(&dyn Param<Plain = f32>, &str, f32, &str); 10] = [
            (&params.mix, "50%", 50.0, "50.0 %"),
            (&params.mix, "0.5", 0.5, "0.5 %"),
            (&params.mix, "300", 100.0, "100.0 %"),
            (&params.focus, "-33,3 %", -33.3, "-33.3 %"),
            (&params.focus, "0", 0.0, "0.0 %"),
            (&params.output_gain, "-6", -6.0, "-6.0 dB"),
            (&params.output_gain, "-6 dB", -6.0, "-6.0 dB"),
            (&vocals.gain, "-inf", 0.0, "-inf dB"),
            (&vocals.gain, "-6 dB", 0.501_187, "-6.0 dB"),
            (&vocals.gain, "99", 3.981_07, "12.0 dB"),
        ];
        for (param, text, plain, shown) in cases {
            let normalized = param.string_to_normalized_value(text).unwrap();
            assert!((param.preview_plain(normalized) - plain).abs() < 1e-4, "{text}");
            assert_eq!(param.normalized_value_to_string(normalized, true), shown);
            assert_eq!(param.string_to_normalized_value(shown), Some(normalized), "{shown}");
        }
        assert_eq!(params.output_gain.string_to_normalized_value("-inf"), None);
        assert_eq!(params.bypass.string_to_normalized_value("banana"), None);
    }

    #[test]
    fn a_stem_at_0_db_is_untouched_even_after_a_host_has_kept_it() {
        let params = SoloistParams::default();
        let gain = &params.stems()[3].gain;
        let kept = gain.preview_normalized(1.0) as f64 as f32;
        assert!((0.70..0.72).contains(&kept), "{kept}");
        assert!((gain.preview_plain(kept) - 1.0).abs() < UNITY_TOLERANCE);
        assert_eq!(params.controls(), Controls::default());
    }

    #[test]
    fn defaults_are_the_full_result_at_unity_gain() {
        let controls = SoloistParams::default().controls();
        assert_eq!((controls.mix, controls.output_gain), (1.0, 1.0));
        assert!(!controls.bypass);
    }

    #[test]
    fn the_latch_bypasses_and_neither_the_host_nor_the_state_sees_it() {
        let params = SoloistParams::default();
        let (saved, count) = (params.serialize_fields(), params.param_map().len());
        params.dry_latch.store(true, Ordering::Relaxed);
        assert!(params.controls().bypass && !params.bypass.value());
        assert_eq!((params.serialize_fields(), params.param_map().len()), (saved, count));
        params.dry_latch.store(false, Ordering::Relaxed);
        assert_eq!(params.controls(), Controls::default());
    }

    #[test]
    fn fields_survive_a_round_trip() {
        let params = SoloistParams::default();
        params.model.choose("mel-unet");
        params.editor_size.store(900, 700);
        params.editor_theme.store(Theme::Light);
        let saved = params.serialize_fields();

        let restored = SoloistParams::default();
        restored.deserialize_fields(&saved);
        assert_eq!(restored.model.name(), "mel-unet");
        assert_eq!(restored.editor_size.get(), (900, 700));
        assert_eq!(restored.editor_theme.get(), Theme::Light);
    }
}
