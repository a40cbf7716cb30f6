//! The process-wide engine: one session for all that use the same model on the same provider.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::onnx::{OnnxEstimator, SharedSession};
use super::{Estimator, InferenceError, Provider};
use crate::model::ModelCard;

#[derive(PartialEq, Eq, Hash, Clone)]
struct SessionKey {
    path: PathBuf,
    sha256: String,
    provider: Provider,
}

#[derive(Default)]
struct Engine {
    num_users: usize,
    sessions: HashMap<SessionKey, Arc<SharedSession>>,
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
        let mut engine = lock();
        let Some(inner) = engine.as_mut() else { return };
        inner.num_users -= 1;
        if inner.num_users == 0 {
            // Sessions still at work live on in their estimators until those are dropped.
            *engine = None;
        }
    }
}

pub(super) fn open(
    card: &Arc<ModelCard>,
    runtime: &Path,
    provider: Provider,
) -> Result<Box<dyn Estimator>, InferenceError> {
    let path = card.model_path();
    let key = SessionKey { path, sha256: card.model.sha256.to_ascii_lowercase(), provider };
    // Held while a session is opened, so that two instances do not both load one model.
    let mut engine = lock();
    let inner = engine.get_or_insert_default();
    if let Some(session) = inner.sessions.get(&key) {
        // The network is the same, the card may have been edited since.
        return Ok(Box::new(OnnxEstimator::new(card, Arc::clone(session))?));
    }
    let session = Arc::new(SharedSession::open(card, runtime, provider)?);
    let estimator = OnnxEstimator::new(card, Arc::clone(&session))?;
    // Models that nobody plays any more make room for this one.
    inner.sessions.retain(|_, session| Arc::strong_count(session) > 1);
    if inner.num_users > 0 {
        inner.sessions.insert(key, session);
    }
    Ok(Box::new(estimator))
}
