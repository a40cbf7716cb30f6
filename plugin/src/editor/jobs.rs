//! What takes time: looking for models, copying them, timing them, writing captures. Each kind has a
//! thread, started with its first job and joined when the plugin goes; the window reads results.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use soloist::model::catalogue::with_causes;
use soloist::model::{Catalogue, Instrument, facts, folders, install, resources};
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
    speeds: Vec<Speed>,
}

/// What a model needed when it was measured.
struct Speed {
    name: String,
    version: String,
    conditions: SpeedConditions,
    core_share: f64,
}

/// What a model's speed depends on, beside the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeedConditions {
    /// Host frames a second.
    sample_rate_hz: f64,
    mode: LatencyMode,
}

impl SpeedConditions {
    /// At the present rate, or a usual one before the host has named any, in `mode`.
    pub fn of(report: &Report, mode: LatencyMode) -> Self {
        let rate = report.sample_rate_hz;
        Self { sample_rate_hz: if rate > 0.0 { rate } else { 48_000.0 }, mode }
    }
}

impl Told {
    /// Remembers a speed in place of an older one of the same.
    fn note(&mut self, speed: Speed) {
        self.speeds.retain(|old| {
            (&old.name, &old.version, old.conditions)
                != (&speed.name, &speed.version, speed.conditions)
        });
        self.speeds.push(speed);
    }

    fn core_share(&self, row: &ModelRow, conditions: SpeedConditions) -> Option<f64> {
        let is_it = |speed: &&Speed| {
            (&speed.name, &speed.version, speed.conditions) == (&row.name, &row.version, conditions)
        };
        self.speeds.iter().find(is_it).map(|speed| speed.core_share)
    }
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

    /// What is known of models, with their speeds as far as they were measured under `conditions`, and
    /// of the capture.
    pub fn tell(&self, conditions: SpeedConditions) -> (ModelsView, CaptureView) {
        let told = lock(&self.told);
        let mut models = told.models.clone();
        for row in &mut models.rows {
            row.core_share = told.core_share(row, conditions);
        }
        (models, told.capture.clone())
    }

    fn links(&self) -> Option<EditorLinks> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something that a session saves and that is no parameter has changed.
    pub fn tell_of_change(&self) {
        if let Some(links) = self.links() {
            (links.changed)();
        }
    }

    /// Does something with models.
    pub fn do_model(&self, action: &ModelAction, params: &SoloistParams) {
        let Some(links) = self.links() else { return };
        let report = (links.reports)();
        let dirs = resources::model_dirs(&report.resource_dirs);
        match action.clone() {
            ModelAction::Rescan => {
                let job = move |_: &Mutex<Told>| {
                    (links.look_again)();
                    Ok(None)
                };
                self.on_models(Some("Looking for models"), job, &report);
            }
            ModelAction::Choose(name) => {
                if params.model.choose(&name) {
                    (links.changed)();
                }
            }
            ModelAction::Prefetch(name) => {
                self.models.queue(Box::new(move || (links.prefetch)(&name)));
            }
            ModelAction::Install(folder) => {
                let job = move |_: &Mutex<Told>| {
                    let name = install::install(&folder, &dirs).map_err(|e| with_causes(&e))?;
                    // It may be the one that the session has asked for all the time.
                    (links.look_again)();
                    Ok(Some(format!("Installed \u{201c}{name}\u{201d}")))
                };
                self.on_models(Some("Installing"), job, &report);
            }
            ModelAction::AddFolder(folder) => {
                let job = move |_: &Mutex<Told>| {
                    folders::add_folder(&folder).map_err(|error| with_causes(&error))?;
                    (links.look_again)();
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
                let conditions = SpeedConditions::of(&report, params.latency_mode());
                let of_job = Arc::clone(&report);
                let busy = format!("Measuring {name}");
                let job = move |told: &Mutex<Told>| {
                    let speed = measure(&of_job, name, conditions)?;
                    lock(told).note(speed);
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
            told.models.rows = facts.into_iter().map(ModelRow::from).collect();
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

fn measure(report: &Report, name: String, conditions: SpeedConditions) -> Result<Speed, String> {
    let catalogue = Catalogue::scan(&resources::model_dirs(&report.resource_dirs));
    let card = catalogue.find(&name).map_err(|error| with_causes(&error))?;
    let runtime =
        resources::runtime_library(&report.resource_dirs).map_err(|error| with_causes(&error))?;
    let SpeedConditions { sample_rate_hz, mode } = conditions;
    let core_share =
        measure_speed(card, &runtime, sample_rate_hz, mode).map_err(|error| with_causes(&error))?;
    Ok(Speed { version: card.version().to_owned(), name, conditions, core_share })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Jobs of an instance that knows no resources.
    fn jobs() -> Jobs {
        jobs_that_look_again(|| ())
    }

    fn jobs_that_look_again(look_again: impl Fn() + Send + Sync + 'static) -> Jobs {
        let report = Arc::new(Report::default());
        let links = EditorLinks {
            reports: Arc::new(move || Arc::clone(&report)),
            prefetch: Arc::new(|_| ()),
            look_again: Arc::new(look_again),
            changed: Arc::new(|| ()),
        };
        let jobs = Jobs::default();
        jobs.link(links);
        jobs
    }

    const CONDITIONS: SpeedConditions =
        SpeedConditions { sample_rate_hz: 48_000.0, mode: LatencyMode::Studio };

    fn tell(jobs: &Jobs) -> (ModelsView, CaptureView) {
        jobs.tell(CONDITIONS)
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
            let message = wait_for(&jobs, |jobs| tell(jobs).0.message);
            assert!(!message.is_good && message.text.contains("no such"), "{message:?}");
            assert_eq!(tell(&jobs).0.busy, None);
        }
        assert_eq!(params.model.name(), SoloistParams::default().model.name());
    }

    #[test]
    fn a_speed_is_that_of_the_version_the_mode_and_the_rate_that_were_measured() {
        let jobs = jobs();
        // Until the first look at the disk, which a window begins with, is over.
        jobs.do_model(&ModelAction::Measure("no such model".to_owned()), &Default::default());
        wait_for(&jobs, |jobs| tell(jobs).0.message);
        let (name, version) = ("duo".to_owned(), "1.0.0".to_owned());
        lock(&jobs.told).models.rows =
            vec![ModelRow { name: name.clone(), version: version.clone(), ..ModelRow::default() }];
        let share = |conditions| jobs.tell(conditions).0.rows[0].core_share;
        assert_eq!(share(CONDITIONS), None);
        for core_share in [0.4, 0.2] {
            let (name, version) = (name.clone(), version.clone());
            lock(&jobs.told).note(Speed { name, version, conditions: CONDITIONS, core_share });
        }
        assert_eq!(share(CONDITIONS), Some(0.2));
        assert_eq!(share(SpeedConditions { mode: LatencyMode::Balanced, ..CONDITIONS }), None);
        assert_eq!(share(SpeedConditions { sample_rate_hz: 96_000.0, ..CONDITIONS }), None);
        lock(&jobs.told).models.rows[0].version = "1.1.0".to_owned();
        assert_eq!(share(CONDITIONS), None);
    }

    #[test]
    fn looking_again_looks_for_the_chosen_model_too_and_opening_a_window_does_not() {
        let (looked, is_looked) = channel();
        let jobs = jobs_that_look_again(move || looked.send(()).unwrap());
        jobs.do_model(&ModelAction::Install("/no such folder".into()), &SoloistParams::default());
        wait_for(&jobs, |jobs| tell(jobs).0.message);
        assert!(is_looked.try_recv().is_err(), "neither did what changed nothing");
        jobs.do_model(&ModelAction::Rescan, &SoloistParams::default());
        assert!(is_looked.recv_timeout(Duration::from_secs(20)).is_ok());
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
        let message = wait_for(&jobs, |jobs| tell(jobs).1.message);
        assert!(!message.is_good && message.text.contains("nothing"), "{message:?}");
    }
}
