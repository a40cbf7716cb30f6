//! The engine of one instance, off the audio thread: what is loaded, the worker, the report.
//!
//! The audio thread owns the [`Player`]. What it plays is replaced either at activation, by exclusive
//! access, or while audio runs through the [`Handoff`], when the model changes in between: the old
//! stream is heard, and its worker kept, until the new one has results.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nice_plug::prelude::nice_warn;
use soloist::inference::{self, EngineUser, Provider};
use soloist::model::DEFAULT_MODEL;
use soloist::streaming::{AudioEndpoint, Capture, Player, StreamError};

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
    capture: Arc<Capture>,
    handoff: Handoff,
    restart_wanted: AtomicBool,
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

    /// Opens a model that is likely to be chosen next, off this thread, so that the change is quick;
    /// nothing happens for one that cannot run. Reads files: not for the audio thread, nor for one
    /// that draws.
    #[allow(dead_code)] // The model chooser is about to call it.
    pub fn prefetch(&self, name: &str) {
        let selection = Selection::look_up(name, self.own_path.as_deref());
        if let Ok(runtime) = &selection.runtime {
            inference::prefetch(&selection.card, runtime, Provider::Cpu);
        }
    }

    /// Frees what the audio thread does not play any more. Not for the audio thread.
    pub fn tidy(&self) {
        let mut engine = self.lock_engine();
        let returned = self.handoff.take_returned();
        engine.free(returned);
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
mod tests {
    use soloist::streaming::{Controls, LatencyMode, StemOutputs};

    use super::*;

    const SETUP: HostSetup =
        HostSetup { sample_rate_hz: 48_000.0, num_channels: 2, mode: LatencyMode::Studio };

    /// A session that has activated a model that is not installed.
    fn without_model() -> (Session, Option<Box<Player>>, usize) {
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

    /// Plays until the exchange with the handoff has nothing more to do; whether one came back.
    fn play(session: &Session, player: &mut Player, num_frames: usize) -> bool {
        let controls = Controls::default();
        let mut has_returned = false;
        for _ in 0..num_frames / 512 {
            has_returned |= session.handoff().exchange(player, &controls);
            let mut channels = [vec![0.5_f32; 512], vec![0.5; 512]];
            let [left, right] = &mut channels;
            player.process_stems(&mut [left, right], &mut StemOutputs::default(), &controls);
        }
        has_returned
    }

    #[test]
    fn a_model_chosen_while_active_takes_over_and_the_old_one_is_freed() {
        let (session, mut player, latency_frames) = without_model();
        let player = player.as_mut().unwrap();
        assert!(!play(&session, player, 2 * latency_frames));
        session.set_model("nor this one");
        assert!(session.report().problems()[0].contains("nor this one"));
        let current = session.report().stream.clone().unwrap();
        assert!(!play(&session, player, latency_frames / 2) && player.is_switching());
        assert!(!Arc::ptr_eq(player.status(), &current), "the old one plays on");
        assert!(play(&session, player, latency_frames), "the old one comes back");
        assert!(Arc::ptr_eq(player.status(), &current));
        assert_eq!(player.latency_frames(), latency_frames);
        assert!(!session.take_restart_request());
        assert_eq!(session.lock_engine().retiring.len(), 1);
        session.tidy();
        assert_eq!(session.lock_engine().retiring.len(), 0);
    }

    #[test]
    fn models_chosen_one_after_the_other_leave_only_the_last() {
        let (session, mut player, latency_frames) = without_model();
        for name in ["one", "two", "three", "four"] {
            session.set_model(name);
            play(&session, player.as_mut().unwrap(), 2048);
            session.tidy();
        }
        play(&session, player.as_mut().unwrap(), 3 * latency_frames);
        session.tidy();
        assert_eq!(session.lock_engine().retiring.len(), 0);
        let current = session.report().stream.clone().unwrap();
        assert!(Arc::ptr_eq(player.as_ref().unwrap().status(), &current));
    }

    #[test]
    fn a_switch_that_has_not_ended_ends_at_the_next_activation() {
        for fetched in [false, true] {
            let (session, mut player, _) = without_model();
            session.set_model("nor this one");
            if fetched {
                play(&session, player.as_mut().unwrap(), 1024);
            }
            session.activate(SETUP, &mut player).unwrap();
            let current = session.report().stream.clone().unwrap();
            let player = player.as_mut().unwrap();
            assert!(Arc::ptr_eq(player.status(), &current) && !player.is_switching());
            assert_eq!(session.lock_engine().retiring.len(), 0);
            assert!(!play(&session, player, 1024));
        }
    }

    #[test]
    fn a_rate_out_of_range_leaves_a_session_that_can_be_activated() {
        let (session, mut endpoint, latency_frames) = without_model();
        let wrong = HostSetup { sample_rate_hz: 1.0, ..SETUP };
        assert!(session.activate(wrong, &mut endpoint).is_err());
        assert_eq!(session.activate(SETUP, &mut endpoint).unwrap(), latency_frames);
        play(&session, endpoint.as_mut().unwrap(), 1024);
    }
}
