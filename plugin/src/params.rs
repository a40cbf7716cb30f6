//! Parameters and the other things that a session saves.
//!
//! The string identifiers are part of saved sessions and never change.

use std::sync::{Mutex, PoisonError};

use nice_plug::params::persist::PersistentField;
use nice_plug::prelude::*;
use soloist::model::Instrument;
use soloist::streaming::{Controls, LatePolicy, MixMode};
use soloist::units::gain_from_db;

use crate::choices::{InstrumentChoice, LateChoice, LatencyChoice, ModeChoice, ModelChoice};

/// Range of the output gain, both ways from 0 dB.
const MAX_GAIN_DB: f32 = 24.0;

/// Size of a new editor in logical pixels, width and height.
pub const EDITOR_SIZE: (u32, u32) = (460, 560);

/// All that a session saves of an instance.
#[derive(Params)]
pub struct SoloistParams {
    /// Which stem.
    #[id = "instrument"]
    pub instrument: EnumParam<InstrumentChoice>,
    /// The stem alone or all but the stem.
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

    /// Name of the model.
    #[persist = "model"]
    pub model: ModelChoice,
    /// How much delay is accepted. It is no host parameter as long as there is one mode only: a
    /// list of one value has no normalised range, and it could not be automated anyway.
    #[persist = "latency-mode"]
    pub latency_mode: LatencyChoice,
    /// Editor size.
    #[persist = "editor-size"]
    pub editor_size: EditorSize,
}

impl Default for SoloistParams {
    fn default() -> Self {
        let mix_range = FloatRange::Linear { min: 0.0, max: 100.0 };
        let gain_range = FloatRange::Linear { min: -MAX_GAIN_DB, max: MAX_GAIN_DB };
        Self {
            instrument: EnumParam::new("Instrument", InstrumentChoice::Vocals),
            mode: EnumParam::new("Mode", ModeChoice::Isolate),
            mix: FloatParam::new("Mix", 100.0, mix_range).with_unit(" %").with_step_size(0.1),
            output_gain: FloatParam::new("Output Gain", 0.0, gain_range)
                .with_unit(" dB")
                .with_step_size(0.1),
            late_policy: EnumParam::new("When Late", LateChoice::DelayedMix),
            bypass: BoolParam::new("Bypass", false).make_bypass(),
            model: ModelChoice::default(),
            latency_mode: LatencyChoice,
            editor_size: EditorSize::default(),
        }
    }
}

impl SoloistParams {
    /// The parameters as the engine takes them.
    ///
    /// # Realtime safety
    /// Reads atomics only.
    pub fn controls(&self) -> Controls {
        Controls {
            instrument: Instrument::from(self.instrument.value()),
            mode: MixMode::from(self.mode.value()),
            mix: self.mix.value() / 100.0,
            output_gain: gain_from_db(self.output_gain.value()),
            bypass: self.bypass.value(),
            late_policy: LatePolicy::from(self.late_policy.value()),
            ..Controls::default()
        }
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
        (width.clamp(320, 4096), height.clamp(320, 4096))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_stand_as_released() {
        let ids: Vec<String> =
            SoloistParams::default().param_map().into_iter().map(|(id, _, _)| id).collect();
        assert_eq!(ids, ["instrument", "mode", "mix", "gain", "late", "bypass"]);
    }

    #[test]
    fn defaults_are_the_full_result_at_unity_gain() {
        let controls = SoloistParams::default().controls();
        assert_eq!((controls.mix, controls.output_gain), (1.0, 1.0));
        assert!(!controls.bypass);
    }

    #[test]
    fn fields_survive_a_round_trip() {
        let params = SoloistParams::default();
        params.model.choose("mel-unet");
        params.editor_size.store(900, 700);
        let saved = params.serialize_fields();

        let restored = SoloistParams::default();
        restored.deserialize_fields(&saved);
        assert_eq!(restored.model.name(), "mel-unet");
        assert_eq!(restored.editor_size.get(), (900, 700));
    }
}
