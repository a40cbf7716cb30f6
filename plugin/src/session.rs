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
use crate::handoff::{Handoff, Slot};
use crate::own_path::own_path;
use crate::report::Report;
use crate::selection::Selection;

/// The engine of one instance, shared by the plugin, its parameters and its editor.
///
/// Nothing that takes time happens under the locks of `wanted` and `engine`: whoever draws or answers
/// the host may take them. What takes time, looks at the disk and ends of services, is done by one
/// change at a time.
pub struct Session {
    own_path: Option<PathBuf>,
    wanted: Mutex<Wanted>,
    /// Held through a change of the stream; taken before the others.
    change: Mutex<()>,
    engine: Mutex<Engine>,
    report: Mutex<Arc<Report>>,
    capture: Arc<Capture>,
    handoff: Handoff,
    restart_wanted: AtomicBool,
    /// Threads that change the model.
    choosers: Mutex<Vec<JoinHandle<()>>>,
}

struct Wanted {
    model: String,
    /// Whether an activation has begun, so that there is, or will be, a stream to change.
    has_begun: bool,
}

struct Engine {
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
        let engine = Engine { active: None, retiring: Vec::new(), _user: EngineUser::join() };
        let wanted = Wanted { model: DEFAULT_MODEL.to_owned(), has_begun: false };
        Self {
            own_path: own_path(),
            wanted: Mutex::new(wanted),
            change: Mutex::default(),
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
        Arc::clone(&lock(&self.report))
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
        let _change = lock(&self.change);
        let model = {
            let mut wanted = lock(&self.wanted);
            // Before the look at the disk: a choice that comes now waits for this to end.
            wanted.has_begun = true;
            wanted.model.clone()
        };
        // Nothing is heard now: the latest choice takes over at once.
        if let Some(player) = player {
            player.finish_switch();
        }
        let newer = self.handoff.take_back().outgoing;
        let retired = {
            let mut engine = lock(&self.engine);
            if let (Some(newer), Some(active)) = (newer, &engine.active) {
                *player = Some(Box::new(Player::new(newer, active.setup.sample_rate_hz)));
            }
            std::mem::take(&mut engine.retiring)
        };
        drop(retired);
        self.restart_wanted.store(false, Ordering::Relaxed);
        let selection = Selection::look_up(&model, self.own_path.as_deref());
        let old = {
            let mut engine = lock(&self.engine);
            if let (Some(active), Some(player)) = (&engine.active, &player)
                && active.is_good_for(setup, &selection)
            {
                return Ok(player.latency_frames());
            }
            engine.active.take()
        };
        // The old service ends before the new one starts.
        drop(old);
        let prepared = Prepared::new(setup, selection, &self.capture)?;
        let (active, newer) = prepared.start();
        self.publish(&model, &active);
        lock(&self.engine).active = Some(active);
        let newer = Box::new(Player::new(newer, setup.sample_rate_hz));
        Ok(player.insert(newer).latency_frames())
    }

    /// Plays another model as soon as it has results. While the host is active, the audio thread
    /// receives an endpoint for it, or the host is asked to restart when the latency is another.
    /// Reads files.
    #[cfg(test)]
    pub fn set_model(&self, name: &str) {
        name.clone_into(&mut lock(&self.wanted).model);
        self.look_again();
    }

    /// Looks whether what is installed now as the wanted model is what plays, and changes to it where
    /// it is not, or where what plays has failed. Reads files.
    pub fn look_again(&self) {
        // Freed when no change has to wait for it any more.
        drop(self.change_to_wanted());
    }

    /// Gives out what is of no use any more.
    fn change_to_wanted(&self) -> Freed {
        let _change = lock(&self.change);
        let model = lock(&self.wanted).model.clone();
        let setup = lock(&self.engine).active.as_ref().map(|active| active.setup);
        // Nothing plays: the next activation looks the model up.
        let Some(setup) = setup else { return Freed::default() };
        let selection = Selection::look_up(&model, self.own_path.as_deref());
        let latency_frames = {
            let engine = lock(&self.engine);
            match &engine.active {
                Some(active) if !active.is_good_for(setup, &selection) => active.latency_frames,
                // An activation in between has seen to it.
                _ => return Freed::default(),
            }
        };
        let prepared = match Prepared::new(setup, selection, &self.capture) {
            Ok(prepared) if prepared.latency_frames() == latency_frames => prepared,
            _ => {
                // The old model plays on until the host has restarted.
                self.restart_wanted.store(true, Ordering::Relaxed);
                return Freed::default();
            }
        };
        let (active, endpoint) = prepared.start();
        self.publish(&model, &active);
        let mut engine = lock(&self.engine);
        let old = engine.active.replace(active);
        engine.retiring.extend(old);
        let useless = self.handoff.send(endpoint);
        engine.retire(useless)
    }

    /// Plays another model as soon as it has results, by a thread of its own while the host is active:
    /// hosts load states and choose presets while they play, and the wrapper then calls from the audio
    /// thread.
    pub fn set_model_soon(self: &Arc<Self>, name: &str) {
        {
            let mut wanted = lock(&self.wanted);
            name.clone_into(&mut wanted.model);
            if !wanted.has_begun {
                // Nothing plays: the next activation looks the model up.
                return;
            }
        }
        let session = Arc::clone(self);
        let switch = move || session.look_again();
        match std::thread::Builder::new().name("soloist-chooser".to_owned()).spawn(switch) {
            Ok(thread) => {
                let mut choosers = lock(&self.choosers);
                choosers.retain(|chooser| !chooser.is_finished());
                choosers.push(thread);
            }
            Err(error) => nice_warn!("Soloist keeps its model, no thread to open {name}: {error}"),
        }
    }

    /// Waits for the changes of the model that are under way. The instance calls it before it goes:
    /// its library may be unloaded next.
    pub fn settle(&self) {
        let choosers = std::mem::take(&mut *lock(&self.choosers));
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
        let freed = {
            let mut engine = lock(&self.engine);
            engine.retire(Slot { returned: self.handoff.take_returned(), outgoing: None })
        };
        drop(freed);
    }

    fn publish(&self, model: &str, active: &Active) {
        let report = Report { capture: Arc::clone(&self.capture), ..active.report(model) };
        if let Some(problem) = &report.problem {
            nice_warn!("Soloist plays the delayed mix: {problem}");
        }
        *lock(&self.report) = Arc::new(report);
    }
}

impl Engine {
    /// Takes out the streams that feed the endpoints of `slot`.
    fn retire(&mut self, slot: Slot) -> Freed {
        let feeds = |active: &Active, endpoint: &Option<Box<AudioEndpoint>>| {
            endpoint.as_ref().is_some_and(|endpoint| active.is_behind(endpoint))
        };
        let is_over =
            |active: &mut Active| feeds(active, &slot.outgoing) || feeds(active, &slot.returned);
        let services = self.retiring.extract_if(.., is_over).collect();
        Freed { _services: services, _slot: slot }
    }
}

/// Streams that nobody plays. Dropping them waits for models that are being opened and for runs that
/// have begun: not under a lock that anybody may want.
#[derive(Default)]
struct Freed {
    _services: Vec<Active>,
    _slot: Slot,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
