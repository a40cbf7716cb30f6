//! What the user asked for.

use std::path::PathBuf;

use soloist::model::Instrument;

use crate::theme::Theme;

/// A host parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Param {
    /// Which stem; choices in the order of [`Instrument::ALL`].
    Instrument,
    /// Isolate, Remove, Remix.
    Mode,
    /// Dry to wet.
    Mix,
    /// Softer or sharper masks.
    Focus,
    /// After the mix.
    OutputGain,
    /// Delayed mix, silence, wait.
    Late,
    /// Studio, Balanced.
    Latency,
    /// The delayed input.
    Bypass,
    /// Remix: gain of a stem.
    Gain(Instrument),
    /// Remix: a stem alone.
    Solo(Instrument),
    /// Remix: a stem silent.
    Mute(Instrument),
}

/// One wish. Values are normalised, 0 to 1.
///
/// Hosts record what lies between a `Begin` and its `End` as one gesture; the two always come in
/// pairs, and at most one gesture is open. The other wishes are whole gestures by themselves.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A parameter is about to move.
    Begin(Param),
    /// It moves. Always between its `Begin` and `End`.
    Set(Param, f32),
    /// It rests.
    End(Param),
    /// Back to the default.
    Reset(Param),
    /// What the user typed for a parameter, to be understood as the parameter does.
    SetText(Param, String),
    /// The choice of that index.
    Choose(Param, usize),
    /// On or off.
    Switch(Param, bool),
    /// Hear the delayed mix, or again the result.
    Dry(bool),
    /// Dark or light.
    SetTheme(Theme),
    /// About models.
    Model(ModelAction),
    /// About the capture.
    Capture(CaptureAction),
}

/// What to do with models.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelAction {
    /// Play this one.
    Choose(String),
    /// This one is likely to be chosen next.
    Prefetch(String),
    /// Search this folder of models, too, from now on.
    AddFolder(PathBuf),
    /// Search this added folder no more; nothing in it is touched.
    RemoveFolder(PathBuf),
    /// Copy this model's folder into the user's own models.
    Install(PathBuf),
    /// Look again at what is installed.
    Rescan,
    /// Time the network on this machine.
    Measure(String),
}

/// How much of what is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Passes {
    /// What was played last: in a loop its last whole pass.
    #[default]
    Last,
    /// All that is held.
    All,
}

/// What to do with the capture.
#[derive(Debug, Clone, PartialEq)]
pub enum CaptureAction {
    /// Keep so many seconds; `None` keeps nothing and frees the memory.
    SetLength(Option<f64>),
    /// Write the chosen stems, and the mix where wanted, into a folder.
    Save {
        /// Which stems.
        stems: Vec<Instrument>,
        /// Whether the mix is written, too.
        mix: bool,
        /// How much of them.
        passes: Passes,
        /// Where.
        folder: PathBuf,
        /// How the files' names begin.
        name: String,
    },
}
