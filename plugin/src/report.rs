//! What an instance tells about itself to whoever looks: the editor, the log.

use std::path::PathBuf;
use std::sync::Arc;

use soloist::model::Instrument;
use soloist::streaming::{Capture, StreamState, StreamStatus};

/// A snapshot, replaced whole when something changes.
#[derive(Default)]
pub struct Report {
    /// Name of the model that was asked for.
    pub model: String,
    /// Version on the model's card; `None` when there is no usable card.
    pub model_version: Option<String>,
    /// Instruments that the model tells apart; `None` when there is no usable card.
    pub sources: Option<Vec<Instrument>>,
    /// Names of the models that are installed.
    pub installed: Vec<String>,
    /// Folders in which resources were found.
    pub resource_dirs: Vec<PathBuf>,
    /// Sample rate of the last activation; 0 before the first.
    pub sample_rate_hz: f64,
    /// Latency that the host was told, in frames.
    pub latency_frames: usize,
    /// Why the plugin plays the delayed mix, when it can do no more.
    pub problem: Option<String>,
    /// The running stream's own numbers and words.
    pub stream: Option<Arc<StreamStatus>>,
    /// The last minutes of the stems, whichever stream made them; the same in every report.
    #[allow(dead_code)]
    pub capture: Arc<Capture>,
}

impl Report {
    /// Latency in milliseconds; 0 before the first activation.
    pub fn latency_ms(&self) -> f64 {
        if self.sample_rate_hz > 0.0 {
            1000.0 * self.latency_frames as f64 / self.sample_rate_hz
        } else {
            0.0
        }
    }

    /// What the engine does, in a few words.
    pub fn engine_words(&self) -> String {
        match (&self.problem, &self.stream) {
            (Some(_), _) => "not running".to_owned(),
            (None, None) => "not active".to_owned(),
            (None, Some(stream)) => match (stream.state(), stream.provider()) {
                (StreamState::Idle, _) => "not running".to_owned(),
                (StreamState::Loading, _) => "loading the model".to_owned(),
                (StreamState::Running, Some(provider)) => format!("running on {}", provider.name()),
                (StreamState::Running, None) => "running".to_owned(),
                (StreamState::Failed, _) => "failed".to_owned(),
            },
        }
    }

    /// What to say when the model knows nothing of `instrument`, which then is silence.
    pub fn missing_instrument(&self, instrument: Instrument) -> Option<String> {
        let sources = self.sources.as_ref()?;
        let names = || sources.iter().map(|source| source.name()).collect::<Vec<_>>().join(", ");
        (!sources.contains(&instrument)).then(|| {
            format!(
                "The model {:?} has no {instrument}, which is silent: it tells apart {}.",
                self.model,
                names()
            )
        })
    }

    /// Everything that is wrong, each in a sentence.
    pub fn problems(&self) -> Vec<String> {
        let of_stream = self.stream.as_ref().and_then(|stream| stream.message());
        self.problem.clone().into_iter().chain(of_stream).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Instrument, Report};

    #[test]
    fn an_instrument_that_the_model_lacks_is_named() {
        let sources = Some(vec![Instrument::Vocals, Instrument::Other]);
        let report = Report { model: "duo".to_owned(), sources, ..Report::default() };
        assert_eq!(report.missing_instrument(Instrument::Vocals), None);
        let words = report.missing_instrument(Instrument::Piano).unwrap();
        assert!(words.contains("no piano") && words.contains("vocals, other"), "{words}");
        assert_eq!(Report::default().missing_instrument(Instrument::Piano), None);
    }

    #[test]
    fn latency_is_told_in_both_units() {
        let report =
            Report { sample_rate_hz: 48_000.0, latency_frames: 24_000, ..Report::default() };
        assert_eq!(report.latency_ms(), 500.0);
        assert_eq!(Report::default().latency_ms(), 0.0);
    }
}
