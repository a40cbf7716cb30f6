//! What ends a command, as one sentence with its causes, and as an exit code.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use soloist::files::{ReadError, SpectrogramError, WriteError};
use soloist::inference::InferenceError;
use soloist::model::catalogue::with_causes;
use soloist::model::resources::RuntimeNotFound;
use soloist::model::{CatalogueError, Instrument};
use soloist::render::RenderError;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("interrupted: no half-written file is left")]
    Interrupted,
    /// What the user asked for makes no sense; the sentence says why.
    #[error("{0}")]
    Usage(String),
    #[error("{failed} of {total} inputs failed")]
    Inputs { failed: usize, total: usize },
    #[error("the model {model:?} does not separate {instrument}: expected one of {known}")]
    NoSuchSource { model: String, instrument: Instrument, known: String },
    #[error("cannot make the folder {path:?}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot find this program's own folder")]
    OwnPath(#[source] io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("cannot listen for Ctrl-C")]
    Signals(#[source] ctrlc::Error),
    #[error(transparent)]
    Runtime(#[from] RuntimeNotFound),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Picture(#[from] SpectrogramError),
    #[error(transparent)]
    Model(#[from] CatalogueError),
    #[error(transparent)]
    Inference(#[from] InferenceError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl Failure {
    /// Writes the failure to standard error; with several inputs, after the name of the one.
    pub fn report(&self, input: Option<&Path>) {
        let sentence = self.sentence();
        let name = input
            .map(|path| path.display().to_string())
            .filter(|name| !sentence.contains(name.as_str()))
            .map(|name| format!("{name}: "))
            .unwrap_or_default();
        // Nothing sensible can be done when standard error is closed.
        let _ = writeln!(io::stderr().lock(), "soloist: {name}{sentence}");
    }

    /// The failure, its causes, and what the user can do about it.
    pub fn sentence(&self) -> String {
        let error: &dyn Error = self;
        let hint = match self {
            Self::Runtime(_) => {
                "; `cargo xtask setup` fetches it, or name it with --runtime or SOLOIST_ONNXRUNTIME"
            }
            Self::Write(WriteError::Exists { .. })
            | Self::Picture(SpectrogramError::Write(WriteError::Exists { .. })) => {
                " (--force replaces it)"
            }
            _ => "",
        };
        with_causes(error) + hint
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Interrupted => 130,
            Self::Usage(_) => 2,
            _ => 1,
        })
    }
}
