//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use soloist::files::SampleFormat;
use soloist::model::{DEFAULT_MODEL, Instrument};
use soloist::streaming::{LatencyMode, MixMode};

/// Lifts instruments out of mixed music.
#[derive(Debug, Parser)]
#[command(name = "soloist", version, about, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write one instrument alone, or the mix without it
    Isolate(Isolate),
    /// Write every stem of one or more files, to DIR/<input name>/<stem>.wav
    Separate(Separate),
    /// List the installed models
    Models(Models),
    /// Draw spectrograms of one or more files, one below the other
    Spectrogram(Spectrogram),
}

#[derive(Debug, Args)]
pub struct Isolate {
    /// Audio file: WAV, AIFF, FLAC, MP3, Ogg Vorbis, AAC, ALAC; mono or stereo, any rate
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// WAV file to write
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// vocals, drums, bass, guitar, piano or other
    #[arg(short, long)]
    pub instrument: Instrument,
    /// How much of the result is heard, in percent; the rest is the mix as it was
    #[arg(long, default_value = "100", value_name = "PERCENT", value_parser = percent)]
    pub mix: f32,
    /// What is done with the instrument
    #[arg(long, value_enum, default_value_t = Mode::Isolate)]
    pub mode: Mode,
    #[command(flatten)]
    pub hearing: Hearing,
    /// How the instrument's sound is made
    #[arg(long, value_enum, default_value_t = Reconstruct::Masks)]
    pub reconstruct: Reconstruct,
    #[command(flatten)]
    pub places: Places,
    #[command(flatten)]
    pub writing: Writing,
    #[command(flatten)]
    pub talk: Talk,
}

#[derive(Debug, Args)]
pub struct Separate {
    /// Audio files: WAV, AIFF, FLAC, MP3, Ogg Vorbis, AAC, ALAC; mono or stereo, any rate
    #[arg(value_name = "IN", required = true)]
    pub inputs: Vec<PathBuf>,
    /// Folder to write to; made if need be
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Stems to write, separated by commas [default: all of the model's]
    #[arg(long, value_name = "STEMS", value_delimiter = ',')]
    pub stems: Vec<Instrument>,
    #[command(flatten)]
    pub hearing: Hearing,
    #[command(flatten)]
    pub places: Places,
    #[command(flatten)]
    pub writing: Writing,
    #[command(flatten)]
    pub talk: Talk,
}

#[derive(Debug, Args)]
pub struct Models {
    #[command(flatten)]
    pub models_dirs: ModelsDirs,
    /// Print one JSON object a model
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Spectrogram {
    /// Audio files
    #[arg(value_name = "IN", required = true)]
    pub inputs: Vec<PathBuf>,
    /// PNG file to write
    #[arg(short, long, value_name = "PNG")]
    pub output: PathBuf,
    /// Columns
    #[arg(long, default_value_t = 1200, value_name = "PIXELS")]
    pub width: usize,
    /// Rows for each file
    #[arg(long, default_value_t = 360, value_name = "PIXELS")]
    pub height: usize,
    /// Replace an existing file
    #[arg(short, long, alias = "overwrite")]
    pub force: bool,
}

/// How the network listens.
#[derive(Clone, Copy, Debug, Args)]
pub struct Hearing {
    /// Latency mode whose quality is rendered: studio or balanced. The file has no delay in any
    #[arg(long, value_name = "MODE", default_value = "studio", value_parser = latency_mode)]
    pub latency: LatencyMode,
    /// Sharper masks (to 1: less bleed, more artefacts) or softer ones (to -1: the contrary)
    #[arg(long, default_value = "0", value_name = "FOCUS", value_parser = focus,
        allow_negative_numbers = true)]
    pub focus: f32,
}

/// Where the models and onnxruntime are.
#[derive(Debug, Args)]
pub struct Places {
    /// Model to use; `soloist models` lists them
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MODEL)]
    pub model: String,
    #[command(flatten)]
    pub models_dirs: ModelsDirs,
    /// The onnxruntime library [default: $SOLOIST_ONNXRUNTIME, then the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub runtime: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ModelsDirs {
    /// Folder of models, searched before the usual places; may be given several times
    #[arg(long = "models-dir", value_name = "DIR")]
    pub models_dirs: Vec<PathBuf>,
}

/// How files are written.
#[derive(Debug, Args)]
pub struct Writing {
    /// Samples of the WAV files: float (32 bit), 24 or 16 (bit integers; 16 with dither)
    #[arg(long, default_value_t = SampleFormat::Float, value_name = "FORMAT")]
    pub format: SampleFormat,
    /// Gain of what is written, in dB
    #[arg(long, default_value = "0", value_name = "DB", value_parser = gain_db,
        allow_negative_numbers = true)]
    pub output_gain: f32,
    /// Replace existing files
    #[arg(short, long, alias = "overwrite")]
    pub force: bool,
}

/// What is said, and how.
#[derive(Clone, Copy, Debug, Args)]
pub struct Talk {
    /// Print one JSON object for each input
    #[arg(long)]
    pub json: bool,
    /// No progress, no warnings; errors only
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// The instrument alone
    Isolate,
    /// The mix without it
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reconstruct {
    /// As a part of the mix, with the mix's phase
    Masks,
    /// From the network's levels alone, mono, with phases found by iteration; log-mel models only
    GriffinLim,
}

impl From<Mode> for MixMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Isolate => Self::Isolate,
            Mode::Remove => Self::Remove,
        }
    }
}

fn latency_mode(text: &str) -> Result<LatencyMode, String> {
    LatencyMode::from_name(text).ok_or_else(|| {
        let names: Vec<_> = LatencyMode::ALL.iter().map(|mode| mode.name()).collect();
        format!("expected {}", names.join(" or "))
    })
}

fn percent(text: &str) -> Result<f32, String> {
    in_range(text.trim_end_matches('%'), 0.0, 100.0)
}

fn focus(text: &str) -> Result<f32, String> {
    in_range(text, -1.0, 1.0)
}

fn gain_db(text: &str) -> Result<f32, String> {
    in_range(text, -60.0, 24.0)
}

fn in_range(text: &str, lowest: f32, highest: f32) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|value| (lowest..=highest).contains(value))
        .ok_or_else(|| format!("expected a number from {lowest} to {highest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_are_read_with_their_units_and_ranges() {
        let line = "soloist isolate a.mp3 -o b.wav -i Drums --mix 50% --output-gain -3.5 \
                    --mode remove --format 24 --latency balanced --focus -0.5";
        let Command::Isolate(isolate) =
            Arguments::try_parse_from(line.split_whitespace()).unwrap().command
        else {
            panic!("expected isolate");
        };
        assert_eq!((isolate.mix, isolate.writing.output_gain), (50.0, -3.5));
        assert_eq!(isolate.instrument, Instrument::Drums);
        let Hearing { latency, focus } = isolate.hearing;
        assert_eq!((latency, focus), (LatencyMode::Balanced, -0.5));
        assert_eq!(isolate.writing.format, SampleFormat::Int24);
        for bad in [
            "--mix 101",
            "--mix NaN",
            "--output-gain inf",
            "--format 8",
            "--mode solo",
            "--latency live",
            "--focus 1.1",
            "--reconstruct x",
        ] {
            let line = format!("soloist isolate a -o b.wav -i drums {bad}");
            assert!(Arguments::try_parse_from(line.split_whitespace()).is_err(), "{bad}");
        }
    }

    #[test]
    fn stems_are_a_list() {
        let line = "soloist separate a.wav b.wav -o out --stems vocals,bass";
        let Command::Separate(separate) =
            Arguments::try_parse_from(line.split_whitespace()).unwrap().command
        else {
            panic!("expected separate");
        };
        assert_eq!(separate.inputs.len(), 2);
        assert_eq!(separate.stems, [Instrument::Vocals, Instrument::Bass]);
    }
}
