//! The process-wide engine: one session for all that use the same model on the same provider.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::onnx::{OnnxEstimator, SharedSession};
use super::{Estimator, InferenceError, Provider};
use crate::model::ModelCard;

#[derive(PartialEq, Eq, Hash, Clone)]
struct SessionKey {
    path: PathBuf,
    sha256: String,
    provider: Provider,
}

impl SessionKey {
    fn new(card: &ModelCard, provider: Provider) -> Self {
        let sha256 = card.model.sha256.to_ascii_lowercase();
        Self { path: card.model_path(), sha256, provider }
    }
}

/// A session's place. Its lock is held while the session is opened, so that two instances do not
/// both load one model, and nobody else has to wait.
#[derive(Default)]
struct Slot(Mutex<Option<Arc<SharedSession>>>);

impl Slot {
    /// The session, opened if it is not yet.
    fn open(
        &self,
        card: &ModelCard,
        runtime: &Path,
        provider: Provider,
    ) -> Result<Arc<SharedSession>, InferenceError> {
        let mut session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = session.as_ref() {
            return Ok(Arc::clone(session));
        }
        Ok(Arc::clone(session.insert(Arc::new(SharedSession::open(card, runtime, provider)?))))
    }

    /// Whether an estimator runs the session.
    fn is_in_use(&self) -> bool {
        let session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        session.as_ref().is_some_and(|session| Arc::strong_count(session) > 1)
    }
}

/// A model that is opened before anybody plays it.
struct Prefetch {
    key: SessionKey,
    _slot: Arc<Slot>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // What went wrong in there is told to whoever opens the model.
            let _ = thread.join();
        }
    }
}

#[derive(Default)]
struct Engine {
    num_users: usize,
    sessions: HashMap<SessionKey, Arc<Slot>>,
    prefetched: Option<Prefetch>,
}

impl Engine {
    fn slot(&mut self, key: &SessionKey) -> Arc<Slot> {
        Arc::clone(self.sessions.entry(key.clone()).or_default())
    }

    /// Models that nobody plays, opens or has asked for make room for others.
    fn forget_unused(&mut self) {
        self.sessions.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.is_in_use());
    }
}

static ENGINE: Mutex<Option<Engine>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<Engine>> {
    // A panic elsewhere leaves the map whole: it changes in single steps.
    ENGINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps opened sessions alive, also between uses: hosts deactivate and activate many times before
/// they play. When the last user leaves, the sessions are freed.
pub struct EngineUser(());

impl EngineUser {
    /// Joins the users of the engine.
    #[must_use]
    pub fn join() -> Self {
        lock().get_or_insert_default().num_users += 1;
        Self(())
    }
}

impl Drop for EngineUser {
    fn drop(&mut self) {
        let abandoned = {
            let mut engine = lock();
            let Some(inner) = engine.as_mut() else { return };
            inner.num_users -= 1;
            if inner.num_users > 0 {
                return;
            }
            // Sessions still at work live on in their estimators until those are dropped.
            engine.take()
        };
        // Outside the lock: waits for a model that is being opened ahead.
        drop(abandoned);
    }
}

pub(super) fn open(
    card: &Arc<ModelCard>,
    runtime: &Path,
    provider: Provider,
) -> Result<Box<dyn Estimator>, InferenceError> {
    let key = SessionKey::new(card, provider);
    let (slot, is_new) = {
        let mut engine = lock();
        let inner = engine.get_or_insert_default();
        let is_new = !inner.sessions.contains_key(&key);
        (inner.slot(&key), is_new)
    };
    // The network may be the same and the card edited since: each checks its own.
    let opened =
        slot.open(card, runtime, provider).and_then(|session| OnnxEstimator::new(card, session));
    drop(slot);
    let mut engine = lock();
    let mut used = None;
    if let Some(inner) = engine.as_mut() {
        used = inner.prefetched.take_if(|prefetched| prefetched.key == key);
        if inner.num_users == 0 {
            inner.sessions.clear();
        } else if is_new || opened.is_err() {
            inner.forget_unused();
        }
    }
    drop(engine);
    // Outside the lock: joins a thread that has done its work.
    drop(used);
    Ok(Box::new(opened?))
}

pub(super) fn prefetch(card: &Arc<ModelCard>, runtime: &Path, provider: Provider) {
    let key = SessionKey::new(card, provider);
    let replaced = {
        let mut engine = lock();
        let Some(inner) = engine.as_mut().filter(|inner| inner.num_users > 0) else { return };
        if inner.prefetched.as_ref().is_some_and(|prefetched| prefetched.key == key) {
            return;
        }
        let slot = inner.slot(&key);
        let (opening, card, runtime) = (Arc::clone(&slot), Arc::clone(card), runtime.to_owned());
        let thread = std::thread::Builder::new()
            .name("soloist-prefetch".to_owned())
            .spawn(move || drop(opening.open(&card, &runtime, provider)))
            .ok();
        inner.prefetched.replace(Prefetch { key, _slot: slot, thread })
    };
    // Outside the lock: waits for a model that is being opened.
    drop(replaced);
    if let Some(inner) = lock().as_mut() {
        inner.forget_unused();
    }
}

/// Whether the session is open already.
pub(super) fn is_open(card: &ModelCard, provider: Provider) -> bool {
    let key = SessionKey::new(card, provider);
    let slot = lock().as_ref().and_then(|inner| inner.sessions.get(&key).map(Arc::clone));
    // One that is being opened is locked.
    slot.is_some_and(|slot| slot.0.try_lock().is_ok_and(|session| session.is_some()))
}
