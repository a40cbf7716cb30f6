//! Finding the model and onnxruntime, and opening them for a recording.

use std::path::PathBuf;
use std::sync::Arc;

use soloist::inference::{self, EngineUser, Provider};
use soloist::model::resources::{model_dirs, resource_dirs, runtime_library};
use soloist::model::{Catalogue, Instrument, ModelCard};
use soloist::render::{Reconstructor, RenderError, Renderer};
use soloist::streaming::StreamConfig;

use super::args::{Hearing, ModelsDirs, Places};
use super::failure::Failure;
use super::input::Input;

/// A model and the runtime that runs it.
pub struct Engine {
    pub card: Arc<ModelCard>,
    runtime: PathBuf,
    /// Keeps the session between the inputs of one command.
    _user: EngineUser,
}

impl Engine {
    /// Looks for the model and for onnxruntime; nothing is loaded yet.
    pub fn find(places: &Places) -> Result<Self, Failure> {
        let card = Arc::clone(catalogue(&places.models_dirs)?.find(&places.model)?);
        let runtime = match &places.runtime {
            Some(path) => path.clone(),
            None => runtime_library(&own_resources()?)?,
        };
        Ok(Self { card, runtime, _user: EngineUser::join() })
    }

    /// Fails when the model does not separate `instrument`.
    pub fn check_source(&self, instrument: Instrument) -> Result<(), Failure> {
        if self.card.source_index(instrument).is_some() {
            return Ok(());
        }
        let known: Vec<_> = self.card.sources().iter().map(|source| source.name()).collect();
        Err(Failure::NoSuchSource {
            model: self.card.name().to_owned(),
            instrument,
            known: known.join(", "),
        })
    }

    /// Opens the model for recordings of one shape. Returns also where it really runs.
    pub fn open(&self, input: &Input, hearing: Hearing) -> Result<(Renderer, Provider), Failure> {
        let estimator = inference::open(&self.card, &self.runtime, Provider::Cpu)?;
        let provider = estimator.provider();
        let config = StreamConfig {
            card: Arc::clone(&self.card),
            sample_rate_hz: f64::from(input.sample_rate_hz),
            num_channels: input.num_channels,
            mode: hearing.latency,
        };
        Ok((Renderer::new(config, estimator).with_focus(hearing.focus), provider))
    }

    /// As [`Engine::open`], for one instrument's sound from the network's levels alone.
    pub fn open_reconstructor(
        &self,
        input: &Input,
        instrument: Instrument,
    ) -> Result<(Reconstructor, Provider), Failure> {
        let estimator = inference::open(&self.card, &self.runtime, Provider::Cpu)?;
        let provider = estimator.provider();
        let rate_hz = f64::from(input.sample_rate_hz);
        let card = Arc::clone(&self.card);
        Reconstructor::new(card, estimator, instrument, rate_hz, input.num_channels)
            .map(|reconstructor| (reconstructor, provider))
            .map_err(|error| RenderError::from(error).into())
    }
}

/// All models: those of the folders that the user names, then those in the usual places.
pub fn catalogue(dirs: &ModelsDirs) -> Result<Catalogue, Failure> {
    for dir in &dirs.models_dirs {
        if !dir.is_dir() {
            return Err(Failure::Usage(format!("--models-dir {dir:?} is not a folder")));
        }
    }
    let mut places = dirs.models_dirs.clone();
    places.extend(model_dirs(&own_resources()?));
    Ok(Catalogue::scan(&places))
}

fn own_resources() -> Result<Vec<PathBuf>, Failure> {
    let own = std::env::current_exe().and_then(|path| path.canonicalize());
    Ok(resource_dirs(&own.map_err(Failure::OwnPath)?))
}
