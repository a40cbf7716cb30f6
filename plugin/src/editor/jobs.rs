//! What takes time: looking for models, copying them, timing them, writing captures. Each kind has a
//! thread, started with its first job and joined when the plugin goes; the window reads results.

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use soloist::model::catalogue::with_causes;
use soloist::model::{Catalogue, Instrument, ModelFacts, facts, folders, install, resources};
use soloist::streaming::{CapturePart, LatencyMode, measure_speed};
use soloist_editor::{
    CaptureAction, CaptureView, Message, ModelAction, ModelRow, ModelsView, Passes,
};

use super::EditorLinks;
use crate::params::SoloistParams;
use crate::report::Report;

/// Saved files that are listed: the passes of a loop are perhaps thousands.
const MAX_LISTED: usize = 14;

type Job = Box<dyn FnOnce() + Send>;

/// The jobs of one plugin instance.
#[derive(Default)]
pub struct Jobs {
    links: Mutex<Option<EditorLinks>>,
    models: Lane,
    capture: Lane,
    told: Arc<Mutex<Told>>,
}

/// What the window reads.
#[derive(Default)]
struct Told {
    models: ModelsView,
    capture: CaptureView,
    /// By the name of the model; of the last mode that was measured.
    speeds: BTreeMap<String, f64>,
}

/// A thread that does one job after the other.
#[derive(Default)]
struct Lane(Mutex<Option<(Sender<Job>, JoinHandle<()>)>>);

impl Lane {
    fn queue(&self, job: Job) {
        let mut lane = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lane.is_none() {
            let (sender, jobs) = channel::<Job>();
            let work = move || jobs.into_iter().for_each(|job| job());
            let thread = std::thread::Builder::new().name("soloist-jobs".to_owned()).spawn(work);
            *lane = thread.ok().map(|thread| (sender, thread));
        }
        if let Some((sender, _)) = &*lane {
            // A job that panicked has ended the thread; the window shows that nothing comes.
            let _ = sender.send(job);
        }
    }
}

impl Drop for Lane {
    /// Waits for what is under way: the plugin's code may be unloaded next.
    fn drop(&mut self) {
        let lane = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, thread)) = lane {
            drop(sender);
            let _ = thread.join();
        }
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jobs {
    /// A window opens: where reports come from. Looks for models.
    pub fn link(&self, links: EditorLinks) {
        let report = (links.reports)();
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = Some(links);
        let sweep = |_: &Mutex<Told>| {
            install::sweep_drafts();
            Ok(None)
        };
        self.on_models(None, sweep, &report);
    }

    /// What is known of models and capture.
    pub fn tell(&self) -> (ModelsView, CaptureView) {
        let told = lock(&self.told);
        (told.models.clone(), told.capture.clone())
    }

    fn links(&self) -> Option<EditorLinks> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does something with models.
    pub fn do_model(&self, action: &ModelAction, params: &SoloistParams) {
        let Some(links) = self.links() else { return };
        let report = (links.reports)();
        let dirs = resources::model_dirs(&report.resource_dirs);
        match action.clone() {
            ModelAction::Rescan => {
                self.on_models(Some("Looking for models"), |_| Ok(None), &report)
            }
            ModelAction::Choose(name) => params.model.choose(&name),
            ModelAction::Prefetch(name) => {
                self.models.queue(Box::new(move || (links.prefetch)(&name)));
            }
            ModelAction::Install(folder) => {
                let job = move |_: &Mutex<Told>| {
                    let name = install::install(&folder, &dirs).map_err(|e| with_causes(&e))?;
                    Ok(Some(format!("Installed \u{201c}{name}\u{201d}")))
                };
                self.on_models(Some("Installing"), job, &report);
            }
            ModelAction::AddFolder(folder) => {
                let job = move |_: &Mutex<Told>| {
                    folders::add_folder(&folder).map_err(|error| with_causes(&error))?;
                    Ok(Some(format!("Models in {} are looked for, too", folder.display())))
                };
                self.on_models(Some("Adding the folder"), job, &report);
            }
            ModelAction::RemoveFolder(folder) => {
                let job = move |_: &Mutex<Told>| {
                    folders::remove_folder(&folder).map_err(|error| with_causes(&error))?;
                    Ok(Some(format!("Models in {} are not looked for any more", folder.display())))
                };
                self.on_models(Some("Removing the folder"), job, &report);
            }
            ModelAction::Measure(name) => {
                let mode = params.latency_mode();
                let of_job = Arc::clone(&report);
                let busy = format!("Measuring {name}");
                let job = move |told: &Mutex<Told>| {
                    let share = measure(&of_job, &name, mode)?;
                    lock(told).speeds.insert(name, share);
                    Ok(None)
                };
                self.on_models(Some(&busy), job, &report);
            }
        }
    }

    /// Does `job` in the models' lane, then looks at what is installed. `job` gives what there is to
    /// say, or why not.
    fn on_models(
        &self,
        busy: Option<&str>,
        job: impl FnOnce(&Mutex<Told>) -> Result<Option<String>, String> + Send + 'static,
        report: &Report,
    ) {
        let told = Arc::clone(&self.told);
        if let Some(busy) = busy {
            let mut told = lock(&told);
            told.models.busy = Some(busy.to_owned());
            told.models.message = None;
        }
        let resource_dirs = report.resource_dirs.clone();
        self.models.queue(Box::new(move || {
            let outcome = job(&told);
            let facts = facts::facts(&resources::model_dirs(&resource_dirs));
            let folders = folders::added_folders();
            let mut told = lock(&told);
            told.models.folders = folders.iter().map(|it| it.display().to_string()).collect();
            let rows = facts.into_iter().map(|of_model| row(of_model, &told.speeds)).collect();
            told.models.rows = rows;
            told.models.busy = None;
            match outcome {
                Ok(None) => {}
                Ok(Some(text)) => told.models.message = Some(Message { is_good: true, text }),
                Err(text) => told.models.message = Some(Message { is_good: false, text }),
            }
        }));
    }

    /// Does something with the capture.
    pub fn do_capture(&self, action: &CaptureAction) {
        let Some(links) = self.links() else { return };
        let capture = Arc::clone(&(links.reports)().capture);
        let told = Arc::clone(&self.told);
        match action.clone() {
            CaptureAction::SetLength(length_s) => {
                // Frees perhaps hundreds of megabytes.
                self.capture.queue(Box::new(move || capture.set_length(length_s)));
            }
            CaptureAction::Save { stems, mix, passes, folder, name } => {
                let view = &mut lock(&told).capture;
                view.busy = Some("Writing".to_owned());
                (view.message, view.saved, view.num_saved) = (None, Vec::new(), 0);
                let told = Arc::clone(&told);
                self.capture.queue(Box::new(move || {
                    let parts = parts(&stems, mix);
                    let take = match passes {
                        Passes::Last => capture.take().last_pass(),
                        Passes::All => capture.take(),
                    };
                    let outcome = take.save(&parts, &folder, &name);
                    let view = &mut lock(&told).capture;
                    view.busy = None;
                    match outcome {
                        Ok(paths) => {
                            let folder = folder.display();
                            let text = match paths.len() {
                                1 => format!("Saved one file in {folder}"),
                                count => format!("Saved {count} files in {folder}"),
                            };
                            view.message = Some(Message { is_good: true, text });
                            let first = paths.iter().take(MAX_LISTED);
                            view.saved = first.map(|path| path.display().to_string()).collect();
                            view.num_saved = paths.len();
                        }
                        Err(error) => {
                            let text = with_causes(&error);
                            view.message = Some(Message { is_good: false, text });
                        }
                    }
                }));
            }
        }
    }
}

fn parts(stems: &[Instrument], mix: bool) -> Vec<CapturePart> {
    let mix = mix.then_some(CapturePart::Mix);
    mix.into_iter().chain(stems.iter().map(|&stem| CapturePart::Stem(stem))).collect()
}

fn measure(report: &Report, name: &str, mode: LatencyMode) -> Result<f64, String> {
    let catalogue = Catalogue::scan(&resources::model_dirs(&report.resource_dirs));
    let card = catalogue.find(name).map_err(|error| with_causes(&error))?;
    let runtime =
        resources::runtime_library(&report.resource_dirs).map_err(|error| with_causes(&error))?;
    let rate = if report.sample_rate_hz > 0.0 { report.sample_rate_hz } else { 48_000.0 };
    measure_speed(card, &runtime, rate, mode).map_err(|error| with_causes(&error))
}

fn row(facts: ModelFacts, speeds: &BTreeMap<String, f64>) -> ModelRow {
    let core_share = speeds.get(&facts.name).copied();
    ModelRow { core_share, ..ModelRow::from(facts) }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Jobs of an instance that knows no resources.
    fn jobs() -> Jobs {
        let report = Arc::new(Report::default());
        let links = EditorLinks {
            reports: Arc::new(move || Arc::clone(&report)),
            prefetch: Arc::new(|_| ()),
        };
        let jobs = Jobs::default();
        jobs.link(links);
        jobs
    }

    /// What `message` gives when it gives something.
    fn wait_for(jobs: &Jobs, message: impl Fn(&Jobs) -> Option<Message>) -> Message {
        let begin = Instant::now();
        loop {
            if let Some(message) = message(jobs) {
                return message;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "nothing was told");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_folder_that_holds_no_model_is_refused_in_words() {
        let (jobs, params) = (jobs(), SoloistParams::default());
        for action in [
            ModelAction::Install("/no such folder".into()),
            ModelAction::AddFolder("/no such folder".into()),
            ModelAction::Measure("no such model".to_owned()),
        ] {
            jobs.do_model(&action, &params);
            let message = wait_for(&jobs, |jobs| jobs.tell().0.message);
            assert!(!message.is_good && message.text.contains("no such"), "{message:?}");
            assert_eq!(jobs.tell().0.busy, None);
        }
        assert_eq!(params.model.name(), SoloistParams::default().model.name());
    }

    #[test]
    fn saving_before_anything_was_kept_says_so() {
        let jobs = jobs();
        jobs.do_capture(&CaptureAction::SetLength(Some(60.0)));
        jobs.do_capture(&CaptureAction::Save {
            stems: vec![Instrument::Drums],
            mix: true,
            passes: Passes::Last,
            folder: std::env::temp_dir(),
            name: "take".to_owned(),
        });
        let message = wait_for(&jobs, |jobs| jobs.tell().1.message);
        assert!(!message.is_good && message.text.contains("nothing"), "{message:?}");
    }
}
