//! The engine of one instance, off the audio thread: what is loaded, the worker, the report.
//!
//! The audio thread owns the [`Player`]. What it plays is replaced either at activation, by exclusive
//! access, or while audio runs through the [`Handoff`], when the model changes in between: the old
//! stream is heard, and its worker kept, until the new one has results.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nice_plug::prelude::nice_warn;
use soloist::inference::{self, EngineUser};
use soloist::model::DEFAULT_MODEL;
use soloist::streaming::{AudioEndpoint, Capture, Player, StreamError};

use crate::active::{ASKED, Active, HostSetup, Prepared};
use crate::handoff::Handoff;
use crate::own_path::own_path;
use crate::report::Report;
use crate::selection::Selection;

/// The engine of one instance, shared by the plugin, its parameters and its editor.
pub struct Session {
    own_path: Option<PathBuf>,
    engine: Mutex<Engine>,
    report: Mutex<Arc<Report>>,
    capture: Arc<Capture>,
    handoff: Handoff,
    restart_wanted: AtomicBool,
    /// Threads that change the model.
    choosers: Mutex<Vec<JoinHandle<()>>>,
}

struct Engine {
    model: String,
    active: Option<Active>,
    /// Streams whose endpoints the audio thread may still play.
    retiring: Vec<Active>,
    // Last, so that sessions are freed after the worker has ended.
    _user: EngineUser,
}

impl Session {
    /// A session that has loaded nothing yet.
    pub fn new() -> Self {
        let capture = Arc::<Capture>::default();
        let report = Report { capture: Arc::clone(&capture), ..Report::default() };
        let engine = Engine {
            model: DEFAULT_MODEL.to_owned(),
            active: None,
            retiring: Vec::new(),
            _user: EngineUser::join(),
        };
        Self {
            own_path: own_path(),
            engine: Mutex::new(engine),
            report: Mutex::new(Arc::new(report)),
            capture,
            handoff: Handoff::default(),
            restart_wanted: AtomicBool::new(false),
            choosers: Mutex::default(),
        }
    }

    /// What there is to tell now. Not for the audio thread.
    pub fn report(&self) -> Arc<Report> {
        Arc::clone(&self.report.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The way by which the audio thread receives another endpoint.
    pub fn handoff(&self) -> &Handoff {
        &self.handoff
    }

    /// Whether the host must restart processing for a change to take effect; tells it once.
    ///
    /// # Realtime safety
    /// Touches one atomic.
    pub fn take_restart_request(&self) -> bool {
        self.restart_wanted.swap(false, Ordering::Relaxed)
    }

    /// Makes `player` ready for `setup` and returns the latency in frames, which depends on the
    /// model's card (or the built-in one), the rate and the mode only. Allocates, reads files.
    ///
    /// What is loaded already is kept when nothing has changed: hosts activate many times before
    /// they play.
    ///
    /// # Errors
    /// When the engine cannot run at that rate; a model that is missing or broken is no error.
    pub fn activate(
        &self,
        setup: HostSetup,
        player: &mut Option<Box<Player>>,
    ) -> Result<usize, StreamError> {
        let mut engine = self.lock_engine();
        // Nothing is heard now: the latest choice takes over at once.
        if let Some(player) = player {
            player.finish_switch();
        }
        if let (Some(newer), Some(active)) = (self.handoff.take_back().outgoing, &engine.active) {
            *player = Some(Box::new(Player::new(newer, active.setup.sample_rate_hz)));
        }
        engine.retiring.clear();
        self.restart_wanted.store(false, Ordering::Relaxed);
        let selection = Selection::look_up(&engine.model, self.own_path.as_deref());
        if let (Some(active), Some(player)) = (&engine.active, &player)
            && active.is_good_for(setup, &selection)
        {
            return Ok(player.latency_frames());
        }
        // The old service ends before the new one starts.
        engine.active = None;
        let prepared = Prepared::new(setup, selection, &self.capture)?;
        let (active, newer) = prepared.start();
        self.publish(&engine.model, &active);
        engine.active = Some(active);
        let newer = Box::new(Player::new(newer, setup.sample_rate_hz));
        Ok(player.insert(newer).latency_frames())
    }

    /// Plays another model as soon as it has results. While the host is active, the audio thread
    /// receives an endpoint for it, or the host is asked to restart when the latency is another.
    pub fn set_model(&self, name: &str) {
        let mut engine = self.lock_engine();
        name.clone_into(&mut engine.model);
        let Some(old) = engine.active.take() else { return };
        let selection = Selection::look_up(name, self.own_path.as_deref());
        if old.is_good_for(old.setup, &selection) {
            // An activation in between has seen to it.
            engine.active = Some(old);
            return;
        }
        let prepared = match Prepared::new(old.setup, selection, &self.capture) {
            Ok(prepared) if prepared.latency_frames() == old.latency_frames => prepared,
            _ => {
                // The old model plays on until the host has restarted.
                engine.active = Some(old);
                self.restart_wanted.store(true, Ordering::Relaxed);
                return;
            }
        };
        let (active, endpoint) = prepared.start();
        self.publish(name, &active);
        engine.active = Some(active);
        engine.retiring.push(old);
        let useless = self.handoff.send(endpoint);
        engine.free(useless.outgoing);
        engine.free(useless.returned);
    }

    /// As [`Session::set_model`], on a thread of its own while the host is active: hosts load states
    /// and choose presets while they play, and the wrapper then calls from the audio thread.
    pub fn set_model_soon(self: &Arc<Self>, name: &str) {
        {
            let mut engine = self.lock_engine();
            name.clone_into(&mut engine.model);
            if engine.active.is_none() {
                // Nothing plays: the next activation looks the model up.
                return;
            }
        }
        let session = Arc::clone(self);
        let switch = move || {
            let name = session.lock_engine().model.clone();
            session.set_model(&name);
        };
        match std::thread::Builder::new().name("soloist-chooser".to_owned()).spawn(switch) {
            Ok(thread) => {
                let mut choosers = self.lock_choosers();
                choosers.retain(|chooser| !chooser.is_finished());
                choosers.push(thread);
            }
            Err(error) => nice_warn!("Soloist keeps its model, no thread to open {name}: {error}"),
        }
    }

    /// Waits for the changes of the model that are under way. The instance calls it before it goes:
    /// its library may be unloaded next.
    pub fn settle(&self) {
        let choosers = std::mem::take(&mut *self.lock_choosers());
        for chooser in choosers {
            // What went wrong in there has been reported.
            let _ = chooser.join();
        }
    }

    /// Opens a model that is likely to be chosen next, off this thread, so that the change is quick;
    /// nothing happens for one that cannot run. Reads files: not for the audio thread, nor for one
    /// that draws.
    pub fn prefetch(&self, name: &str) {
        let selection = Selection::look_up(name, self.own_path.as_deref());
        if let Ok(runtime) = &selection.runtime {
            inference::prefetch(&selection.card, runtime, ASKED);
        }
    }

    /// Frees what the audio thread does not play any more. Not for the audio thread.
    pub fn tidy(&self) {
        let mut engine = self.lock_engine();
        let returned = self.handoff.take_returned();
        engine.free(returned);
    }

    fn lock_choosers(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.choosers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, model: &str, active: &Active) {
        let report = Report { capture: Arc::clone(&self.capture), ..active.report(model) };
        if let Some(problem) = &report.problem {
            nice_warn!("Soloist plays the delayed mix: {problem}");
        }
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(report);
    }
}

impl Engine {
    /// Frees an endpoint and ends the service of its stream.
    fn free(&mut self, endpoint: Option<Box<AudioEndpoint>>) {
        if let Some(endpoint) = endpoint {
            self.retiring.retain(|active| !active.is_behind(&endpoint));
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
