//! What Soloist's editor looks like.
//!
//! [`draw`] turns a [`View`], plain data, into a picture and into [`Action`]s: what the user asked for.
//! It knows no host, no parameter object and no thread, so that every state can be rendered and clicked
//! in a test. The plugin fills the view before each frame and carries the actions out after it. What
//! belongs to one open window and to nobody else, from a half-typed number to the spectrogram's
//! texture, is the [`EditorState`].

mod action;
mod banner;
mod controls;
mod draw;
mod gesture;
mod header;
mod instruments;
mod keys;
mod mixer;
mod panels;
mod presets;
mod spectrogram;
mod state;
mod status;
pub mod theme;
mod trouble;
mod view;
mod widgets;
pub mod words;

pub use action::{Action, CaptureAction, ModelAction, Param, Passes};
pub use draw::{MIN_SIZE, draw};
pub use keys::{KEYS, is_answered};
pub use presets::{PRESETS, Preset};
pub use spectrogram::Spectrogram;
pub use state::{EditorState, Tab};
pub use theme::Theme;
pub use trouble::{Severity, Trouble};
pub use view::{
    CaptureView, Channel, Clock, Engine, Health, Late, Message, ModelRow, ModelsView, Value, View,
};
