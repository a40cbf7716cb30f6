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

#[cfg(test)]
mod tests {
    use soloist::streaming::{Controls, LatencyMode};

    use super::*;

    const SETUP: HostSetup =
        HostSetup { sample_rate_hz: 48_000.0, num_channels: 2, mode: LatencyMode::Studio };

    /// A session that has activated a model that is not installed.
    fn without_model() -> (Session, Option<Box<AudioEndpoint>>, usize) {
        let session = Session::new();
        session.set_model("no such model");
        let mut endpoint = None;
        let latency_frames = session.activate(SETUP, &mut endpoint).unwrap();
        (session, endpoint, latency_frames)
    }

    #[test]
    fn the_same_setup_keeps_the_stream_and_another_makes_one() {
        let (session, mut endpoint, latency_frames) = without_model();
        let stream = |session: &Session| Arc::as_ptr(session.report().stream.as_ref().unwrap());
        let first = stream(&session);
        assert_eq!(session.activate(SETUP, &mut endpoint).unwrap(), latency_frames);
        assert_eq!(stream(&session), first);
        let mono = HostSetup { num_channels: 1, ..SETUP };
        assert_eq!(session.activate(mono, &mut endpoint).unwrap(), latency_frames);
        assert_ne!(stream(&session), first);
    }

    #[test]
    fn a_model_chosen_while_active_reaches_the_audio_thread() {
        let (session, mut endpoint, latency_frames) = without_model();
        assert!(!session.handoff().fetch(&mut endpoint));
        session.set_model("nor this one");
        assert!(session.report().problems()[0].contains("nor this one"));
        assert!(session.handoff().fetch(&mut endpoint));
        assert!(!session.handoff().fetch(&mut endpoint));
        assert!(!session.take_restart_request());
        let endpoint = endpoint.as_mut().unwrap();
        assert_eq!(endpoint.latency_frames(), latency_frames);
        let current = session.report().stream.clone().unwrap();
        assert!(Arc::ptr_eq(endpoint.status(), &current));
    }

    #[test]
    fn an_endpoint_that_was_not_fetched_is_used_at_the_next_activation() {
        let (session, mut endpoint, _) = without_model();
        session.set_model("nor this one");
        session.activate(SETUP, &mut endpoint).unwrap();
        let current = session.report().stream.clone().unwrap();
        assert!(Arc::ptr_eq(endpoint.as_ref().unwrap().status(), &current));
        assert!(!session.handoff().fetch(&mut endpoint));
    }

    #[test]
    fn a_rate_out_of_range_leaves_a_session_that_can_be_activated() {
        let (session, mut endpoint, latency_frames) = without_model();
        let wrong = HostSetup { sample_rate_hz: 1.0, ..SETUP };
        assert!(session.activate(wrong, &mut endpoint).is_err());
        assert_eq!(session.activate(SETUP, &mut endpoint).unwrap(), latency_frames);
        let mut channels = [vec![0.5_f32; 64], vec![0.5; 64]];
        let [left, right] = &mut channels;
        endpoint.unwrap().process(&mut [left, right], &Controls::default());
    }
}
