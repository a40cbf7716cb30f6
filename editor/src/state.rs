//! What belongs to one open window.

use std::collections::BTreeSet;
use std::path::PathBuf;

use soloist::model::Instrument;
use soloist::streaming::CaptureExtent;

use crate::action::{Action, Param, Passes};
use crate::gesture::Gestures;
use crate::spectrogram::Spectrogram;
use crate::view::{NUM_STEMS, View};

/// What the large area shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tab {
    /// The spectrogram, and the mixer in Remix.
    #[default]
    Sound,
    /// Installed models.
    Models,
    /// The last minutes of all stems.
    Capture,
    /// The engine in numbers and words.
    Health,
}

/// A number that is being typed.
#[derive(Debug)]
pub(crate) struct Typing {
    pub param: Param,
    pub text: String,
    pub opened_at: f64,
    pub is_new: bool,
}

/// State of the window that no host knows of.
#[derive(Debug)]
pub struct EditorState {
    /// What the large area shows.
    pub tab: Tab,
    /// The picture of the sound.
    pub spectrogram: Spectrogram,
    pub(crate) gestures: Gestures,
    pub(crate) typing: Option<Typing>,
    /// The keyboard moves the focus, which is shown; a hand at the mouse knows where it is.
    pub(crate) uses_keys: bool,
    pub(crate) peaks: [f32; NUM_STEMS],
    pub(crate) folder_text: String,
    /// Files are held over the window.
    pub(crate) hovers_files: bool,
    pub(crate) dropped: Vec<PathBuf>,
    /// The model that was asked for ahead of its choice.
    pub(crate) prefetched: String,
    pub(crate) capture: CaptureChoice,
    /// The theme that egui's own widgets have.
    pub(crate) styled: Option<crate::theme::Theme>,
}

/// What is to be saved of the capture, and where.
#[derive(Debug)]
pub(crate) struct CaptureChoice {
    pub stems: BTreeSet<usize>,
    pub mix: bool,
    pub passes: Passes,
    pub folder: Option<String>,
    pub name: String,
}

impl Default for CaptureChoice {
    fn default() -> Self {
        Self {
            stems: (0..NUM_STEMS).collect(),
            mix: true,
            passes: Passes::default(),
            folder: None,
            name: "take".to_owned(),
        }
    }
}

impl CaptureChoice {
    /// What is to be saved.
    pub fn extent<'a>(&self, view: &'a View) -> &'a CaptureExtent {
        match self.passes {
            Passes::Last => &view.capture.held.last_pass,
            Passes::All => &view.capture.held.all,
        }
    }

    /// Whether this stem can be saved: what is held tells, not the model of now. While nothing is
    /// held, what the model will give.
    pub fn has(&self, view: &View, instrument: Instrument) -> bool {
        let extent = self.extent(view);
        if extent.mix_files > 0 { extent.has(instrument) } else { view.has(instrument) }
    }

    /// The chosen stems that there are.
    pub fn instruments(&self, view: &View) -> Vec<Instrument> {
        let chosen = self.stems.iter().map(|&index| Instrument::ALL[index]);
        chosen.filter(|&instrument| self.has(view, instrument)).collect()
    }
}

impl Default for EditorState {
    fn default() -> Self {
        Self {
            tab: Tab::default(),
            spectrogram: Spectrogram::new(),
            gestures: Gestures::default(),
            typing: None,
            uses_keys: false,
            peaks: [0.0; NUM_STEMS],
            folder_text: String::new(),
            hovers_files: false,
            dropped: Vec::new(),
            prefetched: String::new(),
            capture: CaptureChoice::default(),
            styled: None,
        }
    }
}

impl EditorState {
    /// Ends what is under way as the window closes.
    pub fn close(&mut self) -> Vec<Action> {
        let mut out = Vec::new();
        self.gestures.close(&mut out);
        self.typing = None;
        out
    }

    /// Files are held over the window, or no more.
    pub fn hover_files(&mut self, are_there: bool) {
        self.hovers_files = are_there;
    }

    /// Files or folders were dropped on the window: the next frame asks for their installation.
    pub fn drop_files(&mut self, paths: &[PathBuf]) {
        self.hovers_files = false;
        self.dropped.extend_from_slice(paths);
    }

    /// Lets the meters fall by 20 dB a second, or rise to the view's peaks.
    pub(crate) fn update_peaks(&mut self, view: &View, elapsed_s: f32) {
        let decay = 10.0_f32.powf(-elapsed_s);
        for (peak, channel) in self.peaks.iter_mut().zip(&view.channels) {
            *peak = (*peak * decay).max(channel.peak);
        }
    }
}

impl EditorState {
    /// Opens the text field of `param`.
    pub(crate) fn type_in(&mut self, param: Param, text: &str, now: f64) {
        self.typing = Some(Typing { param, text: text.to_owned(), opened_at: now, is_new: true });
    }
}
