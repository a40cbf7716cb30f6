//! What can be wrong, in plain words: what it is, and what to do about it.

use soloist::model::Instrument;
use soloist::streaming::LatencyMode;

use crate::words::list;

/// From this load on an instance is by itself nearly too much for a core.
const BUSY: f32 = 0.7;

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
        /// The share of the last seconds that came late, 0 to 1.
        late_share: f64,
        /// Seconds of this instance's work in a second of sound, where that is known.
        load: Option<f32>,
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
            Self::TooSlow { late_share, load, mode } => too_slow(*late_share, *load, *mode),
            Self::ModelMissing { model, detail } => (
                format!("The model \u{201c}{model}\u{201d} is not installed"),
                "You hear the mix as it was. Choose another one under Models, or drop its folder \
                 into this window."
                    .to_owned(),
                detail.clone(),
            ),
            Self::ModelFailed { model, detail } => (
                format!("The model \u{201c}{model}\u{201d} does not run"),
                "You hear the mix as it was. Choose another one under Models, or drop a good copy of it \
                 here."
                    .to_owned(),
                detail.clone(),
            ),
        };
        TroubleWords { title, remedy, detail }
    }
}

/// Whether it is this instance that is too much for the machine, or all that runs there together.
fn too_slow(late_share: f64, load: Option<f32>, mode: LatencyMode) -> (String, String, String) {
    let late = format!("Of the last seconds {:.0} % came late", 100.0 * late_share);
    let own = load.map(|load| format!("a second of sound takes {:.0} % of one", 100.0 * load));
    let detail = match own {
        Some(own) => format!("{late}: {own}."),
        None => format!("{late}."),
    };
    let (title, remedy) = match mode {
        _ if load.is_none_or(|load| load < BUSY) => (
            "This computer has too much to do at once",
            "Use fewer instances or a smaller model, or end other work; to export, choose Wait for \
             late results.",
        ),
        LatencyMode::Studio => (
            "This computer is too slow for this mode",
            "Use fewer instances, a larger host buffer or a smaller model; to export, choose Wait \
             for late results.",
        ),
        LatencyMode::Balanced => (
            "This computer is too slow for this mode",
            "Choose the latency Studio, which needs less, use fewer instances or a smaller model.",
        ),
    };
    (title.to_owned(), remedy.to_owned(), detail)
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
            Trouble::TooSlow { late_share: 0.4, load: Some(1.2), mode: LatencyMode::Studio },
            Trouble::TooSlow { late_share: 0.4, load: Some(1.2), mode: LatencyMode::Balanced },
            Trouble::TooSlow { late_share: 0.1, load: None, mode: LatencyMode::Studio },
            Trouble::ModelMissing { model: model(), detail: detail() },
            Trouble::ModelFailed { model: model(), detail: detail() },
        ] {
            let words = trouble.words();
            assert!(words.title.len() > 16 && words.remedy.ends_with('.'), "{words:?}");
        }
    }

    #[test]
    fn an_instance_that_needs_little_is_not_told_to_need_less() {
        let words = |load| {
            let mode = LatencyMode::Balanced;
            Trouble::TooSlow { late_share: 0.123, load: Some(load), mode }.words()
        };
        let (one_of_many, alone) = (words(0.1), words(0.9));
        assert!(one_of_many.remedy.starts_with("Use fewer instances"), "{one_of_many:?}");
        assert!(alone.remedy.starts_with("Choose the latency Studio"), "{alone:?}");
        assert!(one_of_many.detail.contains("12 % came late"), "{one_of_many:?}");
        assert_ne!(one_of_many.title, alone.title);
    }
}
