//! From the report to what is wrong, in the editor's terms.

use soloist::inference::Provider;
use soloist::model::Instrument;
use soloist::streaming::LatencyMode;
use soloist_editor::Trouble;

use super::late::LateWatch;
use crate::report::Report;
use crate::selection::Fault;

/// How an error of inference begins when it is the library's; see `InferenceError::Runtime`.
const LIBRARY_WORDS: &str = "the onnxruntime library ";

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
    if let Some(late_share) = watch.late_share(stream, report.sample_rate_hz, now) {
        troubles.push(Trouble::TooSlow { late_share, load: stream.load(), mode });
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
}
