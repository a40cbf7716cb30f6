//! Everything that the editor draws, as plain data.

use soloist::model::card::Score;
use soloist::model::{Instrument, ModelFacts};
use soloist::streaming::{CaptureSummary, LatencyMode, MixMode};

use crate::theme::Theme;
use crate::trouble::Trouble;

/// Count of instruments.
pub const NUM_STEMS: usize = Instrument::ALL.len();

/// One continuous parameter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Value {
    /// 0 to 1.
    pub normalized: f32,
    /// Where a double click goes, 0 to 1.
    pub default: f32,
    /// In the parameter's own words, with the unit.
    pub text: String,
}

/// A stem in Remix.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Channel {
    /// Its gain.
    pub gain: Value,
    /// The same, linear.
    pub gain_linear: f32,
    /// Whether it is solo.
    pub solo: bool,
    /// Whether it is mute.
    pub mute: bool,
    /// The stem's peak before the gain since the last view, linear.
    pub peak: f32,
}

/// What is heard while results are late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Late {
    /// The delayed mix.
    #[default]
    DelayedMix,
    /// Nothing.
    Silence,
    /// Nothing is late: the host waits.
    Wait,
}

/// Where the stream stands, in host frames of its epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Clock {
    /// Host frames a second; 0 while the plugin is not active.
    pub sample_rate_hz: f64,
    /// Count of the epoch.
    pub epoch: u32,
    /// The frame that is heard now.
    pub play_frame: i64,
    /// Input has come this far.
    pub received_frame: i64,
    /// What the network sees at once, in seconds; 0 when that is not known.
    pub window_s: f64,
}

/// What the engine does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// The host has not activated the plugin.
    #[default]
    Inactive,
    /// The model is being opened.
    Loading,
    /// Results come.
    Running,
    /// It has given up, or cannot begin; the troubles say why.
    Stopped,
}

/// The engine in numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// What it does.
    pub engine: Engine,
    /// Name of the model that was asked for.
    pub model: String,
    /// Its version, where it is installed.
    pub version: Option<String>,
    /// Where it really runs.
    pub provider: Option<String>,
    /// What the host was told.
    pub latency_frames: usize,
    /// Host frames a second; 0 while not active.
    pub sample_rate_hz: f64,
    /// Seconds of work in a second of sound.
    pub load: Option<f32>,
    /// Median and 99th percentile of the network's time, in milliseconds.
    pub run_ms: Option<(f64, f64)>,
    /// Blocks in which a result was missing.
    pub late_blocks: u64,
    /// Seconds for which a result was missing.
    pub late_s: f64,
    /// Finished results that wait to be heard, in seconds.
    pub queued_s: f64,
    /// Bytes of the network's file.
    pub model_bytes: Option<u64>,
    /// Whether the workers run above ordinary threads; `None` before the first runs.
    pub is_raised: Option<bool>,
    /// Folders in which resources were found.
    pub resource_dirs: Vec<String>,
    /// What is wrong, the worst first.
    pub troubles: Vec<Trouble>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whether it did what was asked.
    pub is_good: bool,
    /// In words.
    pub text: String,
}

/// A model that is installed, usable or not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelRow {
    /// Name on the card.
    pub name: String,
    /// Version on the card.
    pub version: String,
    /// Licence of the weights.
    pub licence: String,
    /// Who made it.
    pub authors: String,
    /// What it tells apart.
    pub sources: Vec<Instrument>,
    /// Scores in dB with their sources.
    pub scores: Vec<(String, f64)>,
    /// What the scores were measured on, and how.
    pub scores_on: String,
    /// The rate it was made for, in Hz.
    pub sample_rate_hz: f64,
    /// Size of the network's file.
    pub bytes: u64,
    /// Where it lies.
    pub folder: String,
    /// Why it cannot be used.
    pub problem: Option<String>,
    /// Share of one core that it needs here, where that was measured.
    pub core_share: Option<f64>,
}

impl From<ModelFacts> for ModelRow {
    /// With the scores of the card's first measure; the speed is not known yet.
    fn from(facts: ModelFacts) -> Self {
        let measure = facts.scores.first().map(|score| (&score.data, &score.metric));
        let of_measure = |score: &&Score| Some((&score.data, &score.metric)) == measure;
        let scores = facts.scores.iter().filter(of_measure);
        Self {
            scores: scores.map(|score| (score.source.clone(), score.value_db)).collect(),
            scores_on: measure
                .map_or_else(String::new, |(data, metric)| format!("{metric}: {data}")),
            name: facts.name,
            version: facts.version,
            licence: facts.licence,
            authors: facts.authors.join(", "),
            sources: facts.sources,
            sample_rate_hz: facts.sample_rate_hz,
            bytes: facts.bytes,
            folder: facts.dir.display().to_string(),
            problem: facts.problem,
            core_share: None,
        }
    }
}

/// The models and what is being done with them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelsView {
    /// All that were found.
    pub rows: Vec<ModelRow>,
    /// Name of the one that was chosen.
    pub chosen: String,
    /// Folders of models that the user has added.
    pub folders: Vec<String>,
    /// What is being done just now.
    pub busy: Option<String>,
    /// How the last job ended.
    pub message: Option<Message>,
}

/// The capture and what is being done with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CaptureView {
    /// How much is kept, and what is held now.
    pub held: CaptureSummary,
    /// What a second takes at the host's rate and channels; 0 while that is not known.
    pub bytes_per_second: f64,
    /// Where files go unless the user says otherwise.
    pub default_folder: String,
    /// What is being done just now.
    pub busy: Option<String>,
    /// How the last job ended.
    pub message: Option<Message>,
    /// The first files that it wrote.
    pub saved: Vec<String>,
    /// All that it wrote.
    pub num_saved: usize,
}

/// Everything that the editor draws.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The plugin's name.
    pub title: String,
    /// The user's own folder, which `~` stands for; empty where that is not known.
    pub home_folder: String,
    /// Dark or light.
    pub theme: Theme,
    /// The chosen stem.
    pub instrument: Instrument,
    /// What is done with it.
    pub mode: MixMode,
    /// Dry to wet.
    pub mix: Value,
    /// Softer or sharper masks.
    pub focus: Value,
    /// After the mix.
    pub output_gain: Value,
    /// What is heard while results are late.
    pub late: Late,
    /// How much delay is accepted.
    pub latency_mode: LatencyMode,
    /// Whether the plugin is bypassed.
    pub bypass: bool,
    /// Whether the delayed mix is heard for comparison.
    pub is_dry: bool,
    /// The stems in Remix, in the order of [`Instrument::ALL`].
    pub channels: [Channel; NUM_STEMS],
    /// What the model tells apart; `None` when there is no usable model.
    pub sources: Option<Vec<Instrument>>,
    /// Where the stream stands.
    pub clock: Clock,
    /// The engine in numbers.
    pub health: Health,
    /// Installed models.
    pub models: ModelsView,
    /// The capture.
    pub capture: CaptureView,
}

impl Default for View {
    fn default() -> Self {
        Self {
            title: "Soloist".to_owned(),
            home_folder: String::new(),
            theme: Theme::default(),
            instrument: Instrument::Vocals,
            mode: MixMode::Isolate,
            mix: Value::default(),
            focus: Value::default(),
            output_gain: Value::default(),
            late: Late::default(),
            latency_mode: LatencyMode::default(),
            bypass: false,
            is_dry: false,
            channels: Default::default(),
            sources: None,
            clock: Clock::default(),
            health: Health::default(),
            models: ModelsView::default(),
            capture: CaptureView::default(),
        }
    }
}

impl View {
    /// Whether the model gives this stem; all of them while no model is known.
    #[must_use]
    pub fn has(&self, instrument: Instrument) -> bool {
        self.sources.as_ref().is_none_or(|sources| sources.contains(&instrument))
    }

    /// How strongly each stem is heard with the present choices, linear, as the masks' weights.
    #[must_use]
    pub fn stem_gains(&self) -> [f32; NUM_STEMS] {
        let has_solo = self.channels.iter().any(|channel| channel.solo);
        std::array::from_fn(|index| match self.mode {
            MixMode::Isolate => f32::from(Instrument::ALL[index] == self.instrument),
            MixMode::Remove => f32::from(Instrument::ALL[index] != self.instrument),
            MixMode::Remix => {
                let channel = &self.channels[index];
                let is_silent = channel.mute || (has_solo && !channel.solo);
                if is_silent { 0.0 } else { channel.gain_linear }
            }
        })
    }
}
