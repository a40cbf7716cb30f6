//! What the listener sets.

use crate::model::Instrument;

/// What is done with the chosen instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MixMode {
    /// It alone is heard.
    #[default]
    Isolate,
    /// All but it is heard.
    Remove,
    /// Every instrument is heard as its [`StemControl`] says.
    Remix,
}

/// What [`MixMode::Remix`] does with one instrument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StemControl {
    /// Linear gain, 0 or more.
    pub gain: f32,
    /// Silences every instrument that is not solo.
    pub solo: bool,
    /// Silences this instrument, solo or not.
    pub mute: bool,
}

impl Default for StemControl {
    fn default() -> Self {
        Self { gain: 1.0, solo: false, mute: false }
    }
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
    /// Chosen instrument, of Isolate and Remove.
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
    /// -1 (soft masks) to 1 (sharp masks); 0 leaves them as the network gives them.
    pub focus: f32,
    /// For Remix, in the order of [`Instrument::ALL`].
    pub stems: [StemControl; Instrument::ALL.len()],
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
            focus: 0.0,
            stems: [StemControl::default(); Instrument::ALL.len()],
        }
    }
}

impl Controls {
    /// Linear gain of one instrument in the result.
    pub(super) fn stem_gain(&self, instrument: Instrument) -> f32 {
        let gain_if = |heard: bool| if heard { 1.0 } else { 0.0 };
        match self.mode {
            MixMode::Isolate => gain_if(instrument == self.instrument),
            MixMode::Remove => gain_if(instrument != self.instrument),
            MixMode::Remix => {
                let stem = self.stems[instrument as usize];
                let others_solo = !stem.solo && self.stems.iter().any(|stem| stem.solo);
                gain_if(!stem.mute && !others_solo) * clean(stem.gain, 1.0).max(0.0)
            }
        }
    }
}

/// A host or a file may hold anything.
pub(super) fn clean(value: f32, fallback: f32) -> f32 {
    if value.is_finite() { value } else { fallback }
}
