//! What can be wrong, in plain words: what it is, and what to do about it.

use soloist::model::Instrument;
use soloist::streaming::LatencyMode;

use crate::words::list;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something works less well than asked for.
    Warning,
    /// The delayed mix plays and nothing else.
    Error,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// The chosen instrument is not among the model's.
    InstrumentMissing {
        /// The model.
        model: String,
        /// What was asked for.
        instrument: Instrument,
        /// What there is.
        sources: Vec<Instrument>,
    },
    /// onnxruntime was not found, or does not load.
    LibraryMissing {
        /// What was looked for, and where.
        detail: String,
    },
    /// Another provider runs than was asked for.
    GpuNotRunning {
        /// What was asked for.
        asked: String,
        /// What runs.
        running: String,
    },
    /// Results come late.
    TooSlow {
        /// Seconds of work in a second of sound.
        load: f32,
        /// The present mode.
        mode: LatencyMode,
    },
    /// No such model is installed.
    ModelMissing {
        /// Its name.
        model: String,
        /// Where it was looked for and what was found.
        detail: String,
    },
    /// The model does not open, or failed while it ran.
    ModelFailed {
        /// Its name.
        model: String,
        /// Why.
        detail: String,
    },
}

/// A trouble's three sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubleWords {
    /// What is wrong, in a few words.
    pub title: String,
    /// What to do about it.
    pub remedy: String,
    /// What was found, for whoever wants to know exactly.
    pub detail: String,
}

impl Trouble {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::InstrumentMissing { .. } | Self::GpuNotRunning { .. } | Self::TooSlow { .. } => {
                Severity::Warning
            }
            Self::LibraryMissing { .. } | Self::ModelMissing { .. } | Self::ModelFailed { .. } => {
                Severity::Error
            }
        }
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> TroubleWords {
        let (title, remedy, detail) = match self {
            Self::InstrumentMissing { model, instrument, sources } => (
                format!("No {instrument} in the model \u{201c}{model}\u{201d}"),
                format!("It is silent. Choose {}, or another model.", either(sources)),
                format!("The model tells apart {}.", list(sources)),
            ),
            Self::LibraryMissing { detail } => (
                "The library onnxruntime was not found".to_owned(),
                "You hear the mix as it was. Install Soloist anew with its resources beside it, or \
                 name the library in the environment variable SOLOIST_ONNXRUNTIME."
                    .to_owned(),
                detail.clone(),
            ),
            Self::GpuNotRunning { asked, running } => (
                format!("{asked} was asked for, {running} runs"),
                format!(
                    "It works, only slower. For {asked}, put an onnxruntime built for it in place \
                     of the present one, and check the driver."
                ),
                String::new(),
            ),
            Self::TooSlow { load, mode } => {
                let remedy = match mode {
                    LatencyMode::Studio => {
                        "Use fewer instances, a larger host buffer or a smaller model; to export, \
                         choose Wait for late results."
                    }
                    LatencyMode::Balanced => {
                        "Choose the latency Studio, which needs less, use fewer instances or a \
                         smaller model."
                    }
                };
                let percent = 100.0 * load;
                (
                    "This computer is too slow for this mode".to_owned(),
                    remedy.to_owned(),
                    format!("Results come late: a second of sound takes {percent:.0} % of one."),
                )
            }
            Self::ModelMissing { model, detail } => (
                format!("The model \u{201c}{model}\u{201d} is not installed"),
                "You hear the mix as it was. Choose another one under Models, or drop its folder \
                 into this window."
                    .to_owned(),
                detail.clone(),
            ),
            Self::ModelFailed { model, detail } => (
                format!("The model \u{201c}{model}\u{201d} does not run"),
                "You hear the mix as it was. Choose another one under Models, or install it anew."
                    .to_owned(),
                detail.clone(),
            ),
        };
        TroubleWords { title, remedy, detail }
    }
}

fn either(sources: &[Instrument]) -> String {
    list(sources).replace(" and ", " or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_says_what_it_is_and_what_to_do() {
        let detail = || "looked in /here".to_owned();
        let model = || "studio".to_owned();
        for trouble in [
            Trouble::InstrumentMissing {
                model: model(),
                instrument: Instrument::Piano,
                sources: vec![Instrument::Vocals, Instrument::Other],
            },
            Trouble::LibraryMissing { detail: detail() },
            Trouble::GpuNotRunning { asked: "CUDA".to_owned(), running: "the CPU".to_owned() },
            Trouble::TooSlow { load: 1.2, mode: LatencyMode::Studio },
            Trouble::TooSlow { load: 1.2, mode: LatencyMode::Balanced },
            Trouble::ModelMissing { model: model(), detail: detail() },
            Trouble::ModelFailed { model: model(), detail: detail() },
        ] {
            let words = trouble.words();
            assert!(words.title.len() > 16 && words.remedy.ends_with('.'), "{words:?}");
        }
    }
}
