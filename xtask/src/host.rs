//! Headless hosts: the bundled plugin, loaded as a workstation would, without a window.
//!
//! Both formats stand behind [`HeadlessHost`], so that every render and every test is written
//! once. Parameters are named and set as a user sees them ("Instrument" to "Drums"): the plugin's
//! own text conversion is part of what is tested.

pub mod clap;
#[cfg(target_os = "linux")]
mod clap_editor;
mod clap_events;
mod clap_handlers;
pub mod clap_pages;
pub mod editor;
pub mod vst3;
mod vst3_block;
#[cfg(target_os = "linux")]
mod vst3_editor;
mod vst3_module;
mod vst3_objects;

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

use crate::paths::Bundles;

/// A plugin format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// CLAP, through clack-host.
    Clap,
    /// VST3, through the vst3 crate.
    Vst3,
}

impl Format {
    /// Both formats.
    pub const ALL: [Self; 2] = [Self::Clap, Self::Vst3];
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clap => "clap",
            Self::Vst3 => "vst3",
        })
    }
}

impl FromStr for Format {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "clap" => Ok(Self::Clap),
            "vst3" => Ok(Self::Vst3),
            other => bail!("`{other}` is not a plugin format: expected clap or vst3"),
        }
    }
}

/// Which plugin of the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Product {
    /// One stereo output.
    #[default]
    Soloist,
    /// The main output and one a stem.
    Multi,
}

impl Product {
    /// Both plugins.
    pub const ALL: [Self; 2] = [Self::Soloist, Self::Multi];

    /// The name that the factories list.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Soloist => "Soloist",
            Self::Multi => "Soloist Multi",
        }
    }
}

/// Whether the host plays or bounces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderMode {
    /// The plugin must return at once, with or without a result.
    Realtime,
    /// The plugin may take its time, and must not drop anything.
    Offline,
}

/// What a host announces when it activates a plugin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessConfig {
    /// Sample rate of the host, in Hz.
    pub sample_rate_hz: f64,
    /// The most frames that any later block will have, at least 1.
    pub max_block_frames: usize,
    /// 1 or 2.
    pub num_channels: usize,
    /// Channels of the input where they are not as many as those of the main output.
    pub num_inputs: Option<usize>,
    /// Playing or bouncing.
    pub mode: RenderMode,
}

impl ProcessConfig {
    /// An offline bounce of stereo audio.
    #[must_use]
    pub fn offline(sample_rate_hz: f64, max_block_frames: usize) -> Self {
        Self {
            sample_rate_hz,
            max_block_frames,
            num_channels: 2,
            num_inputs: None,
            mode: RenderMode::Offline,
        }
    }

    /// Stereo playback.
    #[must_use]
    pub fn realtime(sample_rate_hz: f64, max_block_frames: usize) -> Self {
        Self { mode: RenderMode::Realtime, ..Self::offline(sample_rate_hz, max_block_frames) }
    }

    /// Channels of the main input.
    #[must_use]
    pub fn input_channels(&self) -> usize {
        self.num_inputs.unwrap_or(self.num_channels)
    }
}

/// Where the host's timeline stands at the first frame of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transport {
    /// Whether it moves.
    pub is_playing: bool,
    /// Position in frames.
    pub frame: i64,
    /// Begin and end of the active loop in frames.
    pub loop_frames: Option<(i64, i64)>,
}

/// Beats a minute of every host here.
pub const TEMPO_BPM: f64 = 120.0;

/// Channels of a stem's bus for one block, or `None` for a bus that the host has not activated.
pub type StemBus = Option<Vec<Vec<f32>>>;

/// What the plugin has asked of its host since it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostCalls {
    /// Requests to be deactivated and activated again.
    pub restart_requests: usize,
    /// Announcements of another latency.
    pub latency_changes: usize,
    /// Announcements at a time when the format forbids them (CLAP: outside `activate`).
    pub forbidden_latency_changes: usize,
}

/// A plugin in a host that has no window, no audio device and no clock.
///
/// Calls are made on the thread that loaded the plugin, which is its main thread; `process` is
/// called there too, as offline hosts do.
pub trait HeadlessHost {
    /// The format of the plugin that is loaded.
    fn format(&self) -> Format;

    /// The same host, with a window.
    #[cfg(target_os = "linux")]
    fn editor(&mut self) -> &mut dyn editor::EditorHost;

    /// Activates the plugin and starts processing; deactivates it first when it is active.
    ///
    /// # Errors
    /// When the plugin refuses the mode, the channels or the activation.
    fn activate(&mut self, config: &ProcessConfig) -> Result<()>;

    /// Stops processing and deactivates the plugin; nothing happens when it is not active.
    fn deactivate(&mut self);

    /// The latency that the plugin reports, in host frames.
    fn latency_frames(&mut self) -> usize;

    /// All parameters, in the plugin's order.
    fn parameters(&self) -> &[Parameter];

    /// The display names of all parameters, in the plugin's order.
    fn parameter_names(&self) -> Vec<String> {
        self.parameters().iter().map(|parameter| parameter.name.clone()).collect()
    }

    /// The current value of a parameter, in the plugin's own words.
    ///
    /// # Errors
    /// When there is no such parameter, or the plugin has no text for its value.
    fn parameter_text(&mut self, name: &str) -> Result<String>;

    /// Sets a parameter from the text that a user would type.
    ///
    /// Takes effect at frame `at_frame` of the next block, which must have that frame unless the
    /// host is [careless](Self::be_careless), or at once while inactive.
    ///
    /// # Errors
    /// When there is no such parameter or the plugin does not understand the text.
    fn set_parameter_at(&mut self, name: &str, text: &str, at_frame: usize) -> Result<()>;

    /// Sets a parameter from the start of the next block.
    ///
    /// # Errors
    /// As [`set_parameter_at`](Self::set_parameter_at).
    fn set_parameter(&mut self, name: &str, text: &str) -> Result<()> {
        self.set_parameter_at(name, text, 0)
    }

    /// Processes one block in place: `channels[channel][frame]`, all of one length.
    ///
    /// # Errors
    /// When the plugin is not active, the block does not fit its activation, or it fails.
    fn process(&mut self, channels: &mut [&mut [f32]]) -> Result<()> {
        self.process_stems(channels, &mut [])
    }

    /// As [`process`](Self::process), with the stems' buses behind the main one. Those that are
    /// `None`, and those behind the end of `stems`, are not active.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    fn process_stems(&mut self, main: &mut [&mut [f32]], stems: &mut [StemBus]) -> Result<()>;

    /// Names of the output buses behind the main one.
    fn stem_names(&mut self) -> Vec<String>;

    /// Frames of sound that the plugin says to come after the input's end.
    fn tail_frames(&mut self) -> usize;

    /// What the host tells of its timeline with the next block; nothing when `None`.
    fn set_transport(&mut self, transport: Option<Transport>);

    /// From now on the host does what no host should: longer blocks than it announced, and
    /// parameter changes in the order of the calls and outside of the block.
    fn be_careless(&mut self);

    /// Values of parameters that the plugin has sent since it was loaded.
    fn values_sent(&self) -> usize;

    /// Whether the host may record and play automation of a parameter.
    ///
    /// # Errors
    /// When there is no such parameter.
    fn is_automatable(&self, name: &str) -> Result<bool> {
        Ok(find(self.parameters(), name)?.is_automatable)
    }

    /// For each output bus, whether the plugin said of the last block that all of it is silent.
    fn silent_outputs(&self) -> Vec<bool>;

    /// The plugin's state, as a project file would hold it.
    ///
    /// # Errors
    /// When the plugin cannot save.
    fn save_state(&mut self) -> Result<Vec<u8>>;

    /// Restores a state that [`save_state`](Self::save_state) gave.
    ///
    /// # Errors
    /// When the plugin refuses the bytes.
    fn load_state(&mut self, state: &[u8]) -> Result<()>;

    /// Stops processing, restores a state and starts again, without a deactivation: as hosts do
    /// that load a preset while nothing is played.
    ///
    /// # Errors
    /// When the plugin is not active, or refuses one of these.
    fn load_state_while_active(&mut self, state: &[u8]) -> Result<()>;

    /// What the plugin has asked for so far.
    fn calls(&self) -> HostCalls;
}

/// Loads Soloist in one format out of a folder of bundles.
///
/// # Errors
/// When the bundle is missing or the plugin in it cannot be created.
pub fn load(format: Format, bundles: &Bundles) -> Result<Box<dyn HeadlessHost>> {
    load_product(format, bundles, Product::Soloist)
}

/// Loads one plugin in one format out of a folder of bundles.
///
/// # Errors
/// When the bundle is missing or the plugin in it cannot be created.
pub fn load_product(
    format: Format,
    bundles: &Bundles,
    product: Product,
) -> Result<Box<dyn HeadlessHost>> {
    let path = match format {
        Format::Clap => bundles.clap(),
        Format::Vst3 => bundles.vst3(),
    };
    if !path.exists() {
        bail!("there is no plugin at {}: run `cargo xtask bundle` first", path.display());
    }
    Ok(match format {
        Format::Clap => Box::new(clap::ClapHost::load(&path, product)?),
        Format::Vst3 => Box::new(vst3::Vst3Host::load(bundles, product)?),
    })
}

/// A parameter as a host lists it.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The plugin's number for it.
    pub id: u32,
    /// What the host shows.
    pub name: String,
    /// Whether the host may automate it.
    pub is_automatable: bool,
}

/// Finds a parameter by its display name, ignoring case.
fn find<'a>(parameters: &'a [Parameter], name: &str) -> Result<&'a Parameter> {
    let found = parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name));
    match found {
        Some(parameter) => Ok(parameter),
        None => {
            let names: Vec<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
            bail!("the plugin has no parameter `{name}`, only {}", names.join(", "))
        }
    }
}

/// Checks a block against what the plugin was activated for and the latest parameter change in it.
fn check_block(
    config: &ProcessConfig,
    channels: &[&mut [f32]],
    stems: &[StemBus],
    last_change_frame: usize,
    is_careless: bool,
) -> Result<usize> {
    if channels.len() != config.num_channels {
        bail!("block has {} channels, expected {}", channels.len(), config.num_channels);
    }
    let num_frames = channels.first().map_or(0, |channel| channel.len());
    let stem_channels = stems.iter().flatten().flatten().map(Vec::len);
    if channels.iter().map(|channel| channel.len()).chain(stem_channels).any(|n| n != num_frames) {
        bail!("the channels of a block differ in length");
    }
    if is_careless {
        return Ok(num_frames);
    }
    if num_frames > config.max_block_frames {
        bail!("block has {num_frames} frames, expected at most {}", config.max_block_frames);
    }
    if last_change_frame > num_frames.saturating_sub(1) {
        bail!("a parameter changes at frame {last_change_frame} of a block of {num_frames}");
    }
    Ok(num_frames)
}
