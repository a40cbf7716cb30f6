//! From the report to what is wrong, in the editor's terms.

use soloist::inference::Provider;
use soloist::model::Instrument;
use soloist::streaming::{LatencyMode, StreamState};
use soloist_editor::Trouble;

use crate::report::Report;
use crate::selection::Fault;

/// Results that came late so long ago are forgotten, in seconds.
const MEMORY_S: f64 = 6.0;

/// Below this load results are late for another reason than a slow machine: a start, a jump.
const BUSY: f32 = 0.7;

/// Runs of the network before late results mean anything.
const WARM_RUNS: u64 = 4;

/// How an error of inference begins when it is the library's; see `InferenceError::Runtime`.
const LIBRARY_WORDS: &str = "the onnxruntime library ";

/// Watches late results from one frame of the window to the next.
#[derive(Default)]
pub struct LateWatch {
    late_blocks: u64,
    last_late_at: Option<f64>,
}

impl LateWatch {
    /// Whether results have come late lately.
    fn is_late(&mut self, late_blocks: u64, is_warm: bool, now: f64) -> bool {
        if late_blocks > self.late_blocks && is_warm {
            self.last_late_at = Some(now);
        }
        self.late_blocks = late_blocks;
        self.last_late_at.is_some_and(|at| now - at < MEMORY_S)
    }
}

/// Everything that is wrong, the worst first.
pub fn troubles(
    report: &Report,
    instrument: Instrument,
    mode: LatencyMode,
    watch: &mut LateWatch,
    now: f64,
) -> Vec<Trouble> {
    let mut troubles: Vec<Trouble> =
        report.problems().into_iter().map(|problem| stopped(report, problem)).collect();
    if let Some(sources) = report.sources.as_ref().filter(|sources| !sources.contains(&instrument))
    {
        let (model, sources) = (report.model.clone(), sources.clone());
        troubles.push(Trouble::InstrumentMissing { model, instrument, sources });
    }
    let Some(stream) = &report.stream else { return troubles };
    if let (Some(asked), Some(running)) = (report.asked, stream.provider())
        && asked != Provider::Cpu
        && asked != running
    {
        let (asked, running) = (asked.name().to_owned(), running.name().to_owned());
        troubles.push(Trouble::GpuNotRunning { asked, running });
    }
    let is_warm = stream.num_runs() >= WARM_RUNS && stream.state() == StreamState::Running;
    let is_late = watch.is_late(stream.late_blocks(), is_warm, now);
    if let Some(load) = stream.load().filter(|load| is_late && *load > BUSY) {
        troubles.push(Trouble::TooSlow { load, mode });
    }
    troubles
}

/// Why the delayed mix plays and nothing else.
fn stopped(report: &Report, detail: String) -> Trouble {
    let model = report.model.clone();
    match report.fault {
        Some(Fault::LibraryMissing) => Trouble::LibraryMissing { detail },
        Some(Fault::ModelMissing) => Trouble::ModelMissing { model, detail },
        _ if detail.starts_with(LIBRARY_WORDS) => Trouble::LibraryMissing { detail },
        _ => Trouble::ModelFailed { model, detail },
    }
}

#[cfg(test)]
mod tests {
    use soloist::inference::InferenceError;

    use super::*;

    fn of(report: &Report) -> Vec<Trouble> {
        troubles(report, Instrument::Piano, LatencyMode::Studio, &mut LateWatch::default(), 0.0)
    }

    #[test]
    fn obstacles_are_told_apart() {
        let mut report = Report { problem: Some("why".to_owned()), ..Report::default() };
        assert!(matches!(of(&report)[0], Trouble::ModelFailed { .. }));
        report.fault = Some(Fault::LibraryMissing);
        assert!(matches!(of(&report)[0], Trouble::LibraryMissing { .. }));
        report.fault = Some(Fault::ModelMissing);
        assert!(matches!(of(&report)[0], Trouble::ModelMissing { .. }));
        let broken = InferenceError::Runtime { path: "/lib".into(), reason: "too old".to_owned() };
        let report = Report { problem: Some(broken.to_string()), ..Report::default() };
        assert!(matches!(of(&report)[0], Trouble::LibraryMissing { .. }));
    }

    #[test]
    fn an_instrument_that_the_model_lacks_is_a_trouble() {
        let sources = Some(vec![Instrument::Vocals, Instrument::Other]);
        let report = Report { model: "duo".to_owned(), sources, ..Report::default() };
        let found = of(&report);
        assert!(matches!(&found[..], [Trouble::InstrumentMissing { .. }]), "{found:?}");
        assert_eq!(of(&Report::default()), []);
    }

    #[test]
    fn results_that_came_late_are_forgotten_after_a_while() {
        let mut watch = LateWatch::default();
        assert!(!watch.is_late(5, false, 0.0), "a start is no trouble");
        assert!(!watch.is_late(5, true, 1.0));
        assert!(watch.is_late(6, true, 2.0) && watch.is_late(6, true, 3.0));
        assert!(!watch.is_late(6, true, 2.0 + MEMORY_S));
    }
}
