//! The engine of one instance, off the audio thread: what is loaded, the worker, the report.
//!
//! The audio thread owns the [`AudioEndpoint`]. It is replaced either at activation, by exclusive
//! access, or while audio runs through the [`Handoff`], when the model changes in between.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nice_plug::prelude::nice_warn;
use soloist::inference::EngineUser;
use soloist::model::DEFAULT_MODEL;
use soloist::streaming::{AudioEndpoint, StreamError};

use crate::active::{Active, HostSetup, Prepared};
use crate::handoff::Handoff;
use crate::own_path::own_path;
use crate::report::Report;
use crate::selection::Selection;

/// The engine of one instance, shared by the plugin, its parameters and its editor.
pub struct Session {
    own_path: Option<PathBuf>,
    engine: Mutex<Engine>,
    report: Mutex<Arc<Report>>,
    handoff: Handoff,
    restart_wanted: AtomicBool,
}

struct Engine {
    model: String,
    active: Option<Active>,
    // Last, so that sessions are freed after the worker has ended.
    _user: EngineUser,
}

impl Session {
    /// A session that has loaded nothing yet.
    pub fn new() -> Self {
        let engine =
            Engine { model: DEFAULT_MODEL.to_owned(), active: None, _user: EngineUser::join() };
        Self {
            own_path: own_path(),
            engine: Mutex::new(engine),
            report: Mutex::default(),
            handoff: Handoff::default(),
            restart_wanted: AtomicBool::new(false),
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

    /// Makes `endpoint` ready for `setup` and returns the latency in frames, which depends on the
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
        endpoint: &mut Option<Box<AudioEndpoint>>,
    ) -> Result<usize, StreamError> {
        let mut engine = self.lock_engine();
        if let Some(newer) = self.handoff.take_back() {
            *endpoint = Some(newer);
        }
        self.restart_wanted.store(false, Ordering::Relaxed);
        let selection = Selection::look_up(&engine.model, self.own_path.as_deref());
        if let (Some(active), Some(endpoint)) = (&engine.active, &endpoint)
            && active.is_good_for(setup, &selection)
        {
            return Ok(endpoint.latency_frames());
        }
        // The old worker ends before the new one starts.
        engine.active = None;
        let prepared = Prepared::new(setup, selection)?;
        let (active, newer) = prepared.start();
        self.publish(&engine.model, &active);
        engine.active = Some(active);
        Ok(endpoint.insert(newer).latency_frames())
    }

    /// Plays another model from now on. While the host is active, the audio thread receives an
    /// endpoint for it, or the host is asked to restart when the latency is another.
    pub fn set_model(&self, name: &str) {
        let mut engine = self.lock_engine();
        name.clone_into(&mut engine.model);
        let Some(old) = engine.active.take() else { return };
        let selection = Selection::look_up(name, self.own_path.as_deref());
        let prepared = match Prepared::new(old.setup, selection) {
            Ok(prepared) if prepared.latency_frames() == old.latency_frames => prepared,
            _ => {
                // The old model plays on until the host has restarted.
                engine.active = Some(old);
                self.restart_wanted.store(true, Ordering::Relaxed);
                return;
            }
        };
        drop(old);
        let (active, endpoint) = prepared.start();
        self.publish(name, &active);
        engine.active = Some(active);
        self.handoff.send(endpoint);
    }

    fn lock_engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, model: &str, active: &Active) {
        let report = active.report(model);
        if let Some(problem) = &report.problem {
            nice_warn!("Soloist plays the delayed mix: {problem}");
        }
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(report);
    }
}
