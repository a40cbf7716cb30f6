//! Networks run by onnxruntime. The only file that names `ort`.

use std::cell::Cell;
use std::io::Read;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ort::environment::Environment;
use ort::ep::{self, ExecutionProviderDispatch};
use ort::session::Session;
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};
use sha2::{Digest, Sha256};

use super::levels::LevelHead;
use super::masks::{MaskShape, softmax};
use super::tensors::{Found, check_tensors};
use super::waveforms::WaveformHead;
use super::whole_file::check_whole;
use super::{Estimator, InferenceError, Provider, shares};
use crate::model::ModelCard;
use crate::model::card::{Activation, MAX_MODEL_BYTES, OutputKind};
use crate::model::digest::hex_of;

/// The loaded runtime. Never dropped: tearing onnxruntime down while a host exits crashes some.
static RUNTIME: Mutex<Option<Environment>> = Mutex::new(None);

/// Loads the library once. Every other call of `ort` in this file comes after a success here;
/// `ort` panics otherwise. A failure is not kept, so that a repaired installation works at once.
fn with_runtime<T>(
    path: &Path,
    use_it: impl FnOnce(&Environment) -> Result<T, InferenceError>,
) -> Result<T, InferenceError> {
    let failed = |reason: String| InferenceError::Runtime { path: path.to_owned(), reason };
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if runtime.is_none() {
        // A library of that name with another inside must be an error; ort asserts in places.
        let loaded = catch_unwind(AssertUnwindSafe(|| load_runtime(path)));
        *runtime = Some(
            loaded
                .unwrap_or_else(|_| Err("it is no onnxruntime of a supported version".to_owned()))
                .map_err(failed)?,
        );
    }
    match runtime.as_ref() {
        Some(environment) => use_it(environment),
        None => Err(failed("it was not loaded".to_owned())),
    }
}

fn load_runtime(path: &Path) -> Result<Environment, String> {
    // Checked first: a loader given a bare name would search the system for somebody else's.
    let path = path.canonicalize().map_err(|error| error.to_string())?;
    if !path.is_file() {
        return Err("expected a library, found a folder".to_owned());
    }
    check_whole(&path)?;
    let builder = ort::init_from(&path).map_err(|error| error.to_string())?;
    builder.with_name("soloist").with_telemetry(false).build().map_err(|error| error.to_string())
}

/// One onnxruntime session, shared by all estimators of a model.
pub(super) struct SharedSession {
    session: Mutex<Session>,
    provider: Provider,
    path: PathBuf,
    num_bytes: u64,
}

impl SharedSession {
    /// Reads, checks and opens the network of `card`.
    pub fn open(
        card: &ModelCard,
        runtime: &Path,
        provider: Provider,
    ) -> Result<Self, InferenceError> {
        let path = card.model_path();
        let bytes = read_checked(card, &path)?;
        with_runtime(runtime, |environment| {
            let (session, provider) = build(environment, &bytes, provider)
                .map_err(|reason| InferenceError::Open { path: path.clone(), reason })?;
            let (session, num_bytes) = (Mutex::new(session), bytes.len() as u64);
            Ok(Self { session, provider, path: path.clone(), num_bytes })
        })
    }
}

/// Reads the network and compares its hash with the card's. The bytes that were checked are the
/// bytes that are opened, whatever happens to the file meanwhile.
fn read_checked(card: &ModelCard, path: &Path) -> Result<Vec<u8>, InferenceError> {
    let failed = |source| InferenceError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_MODEL_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    let found = hex_of(Sha256::new_with_prefix(&bytes));
    if found.eq_ignore_ascii_case(&card.model.sha256) {
        Ok(bytes)
    } else {
        let expected = card.model.sha256.clone();
        Err(InferenceError::WrongHash { path: path.to_owned(), expected, found })
    }
}

fn accelerator(provider: Provider) -> Option<ExecutionProviderDispatch> {
    // Without error_on_failure a provider that is not there is skipped without a word.
    match provider {
        Provider::Cpu => None,
        Provider::Cuda => Some(ep::CUDA::default().build().error_on_failure()),
        Provider::CoreMl => Some(ep::CoreML::default().build().error_on_failure()),
    }
}

/// Opens a session on the wanted provider, or on the CPU, and says which it was.
fn build(
    environment: &Environment,
    bytes: &[u8],
    wanted: Provider,
) -> Result<(Session, Provider), String> {
    if let Some(accelerator) = accelerator(wanted)
        && let Ok(session) = build_with(environment, bytes, Some(accelerator))
    {
        return Ok((session, wanted));
    }
    build_with(environment, bytes, None)
        .map(|session| (session, Provider::Cpu))
        .map_err(|error| error.to_string())
}

fn build_with(
    environment: &Environment,
    bytes: &[u8],
    accelerator: Option<ExecutionProviderDispatch>,
) -> ort::Result<Session> {
    let mut builder = Session::builder(environment)?
        // One thread a session: instances share the machine with the host's audio threads.
        .with_intra_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?;
    if let Some(accelerator) = accelerator {
        builder = builder.with_execution_providers([accelerator])?;
    }
    builder.commit_from_memory(bytes)
}

/// A tensor as the network declares it.
fn describe(outlet: &Outlet) -> Found {
    let name = outlet.name().to_owned();
    match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => Found {
            name,
            is_f32: *ty == TensorElementType::Float32,
            kind: format!("{ty:?}"),
            shape: Some(shape.to_vec()),
        },
        _ => Found { name, is_f32: false, kind: "not a tensor".to_owned(), shape: None },
    }
}

/// Masks from an onnxruntime session.
pub(super) struct OnnxEstimator {
    session: Arc<SharedSession>,
    caller: Caller,
    head: Head,
    /// The last answer about sources.
    sources: Vec<f32>,
}

/// Who runs a session.
struct Caller {
    input_name: String,
    /// How long the last run waited for those of others.
    waited: Cell<Duration>,
}

/// What is made of the network's output, and the shape of its input.
enum Head {
    Masks { num_channels: usize, shape: MaskShape },
    Levels(LevelHead),
    Waveforms(WaveformHead),
}

impl Head {
    fn new(card: &ModelCard) -> Result<Self, InferenceError> {
        let unsupported =
            |what: String| InferenceError::Unsupported { name: card.name().to_owned(), what };
        if let Some(head) = LevelHead::new(card) {
            return Ok(Self::Levels(head));
        }
        if let Some(head) = WaveformHead::new(card) {
            return Ok(Self::Waveforms(head));
        }
        let Some(bands) = card.analysis.bands.as_ref() else {
            return Err(unsupported(format!("{} input", card.analysis.representation.name())));
        };
        match (card.output.kind, card.output.activation) {
            (OutputKind::Mask, Activation::Softmax) => {}
            (kind, _) => return Err(unsupported(format!("{kind:?} output"))),
        }
        let shape = MaskShape {
            num_sources: card.sources().len(),
            num_channels: card.audio.channels,
            num_bands: bands.count,
        };
        Ok(Self::Masks { num_channels: bands.channels.len(), shape })
    }
}

impl OnnxEstimator {
    /// An estimator on `session`, checked against `card`: several cards may describe one network.
    pub fn new(card: &ModelCard, session: Arc<SharedSession>) -> Result<Self, InferenceError> {
        let head = Head::new(card)?;
        {
            let opened = session.session.lock().unwrap_or_else(PoisonError::into_inner);
            let found = |outlets: &[Outlet]| outlets.iter().map(describe).collect::<Vec<_>>();
            let (inputs, outputs) = (found(opened.inputs()), found(opened.outputs()));
            check_tensors(card, &inputs, &outputs, &session.path)?;
        }
        let caller = Caller { input_name: card.input.name.clone(), waited: Cell::default() };
        Ok(Self { session, caller, head, sources: Vec::new() })
    }
}

impl SharedSession {
    /// Runs the network on one tensor and hands its output to `use_it`.
    fn run<T>(
        &self,
        caller: &Caller,
        dimensions: &[usize],
        values: &[f32],
        expected: usize,
        use_it: impl FnOnce(&[f32]) -> Result<T, InferenceError>,
    ) -> Result<T, InferenceError> {
        let failed =
            |error: ort::Error| InferenceError::Run(format!("{}: {error}", self.path.display()));
        let input = TensorRef::from_array_view((dimensions, values)).map_err(failed)?;
        let begin = Instant::now();
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        caller.waited.set(begin.elapsed());
        let name = caller.input_name.as_str();
        let outputs = session.run(ort::inputs![name => input]).map_err(failed)?;
        let (_, output) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        if output.len() != expected {
            return Err(InferenceError::WrongSize { expected, found: output.len() });
        }
        use_it(output)
    }

    /// Runs a network of waveforms on the chunks of `window` that the hop frames `wanted` need.
    fn run_waveforms(
        &self,
        caller: &Caller,
        head: &WaveformHead,
        window: &[f32],
        num_frames: usize,
        wanted: Range<usize>,
        sources: &mut Vec<f32>,
    ) -> Result<(), InferenceError> {
        let batch = head.batch(window, num_frames * head.hop, wanted);
        let assemble = |output: &[f32], sources: &mut Vec<f32>| {
            head.assemble(&batch, output, window.len(), num_frames, sources)
        };
        if batch.chunks.is_empty() {
            return assemble(&[], sources);
        }
        let dimensions = [batch.chunks.len(), 1, head.chunk];
        let expected = batch.input.len() * head.num_sources;
        self.run(caller, &dimensions, &batch.input, expected, |output| assemble(output, sources))
    }
}

impl Estimator for OnnxEstimator {
    fn provider(&self) -> Provider {
        self.session.provider
    }

    fn waited(&self) -> Duration {
        self.caller.waited.get()
    }

    fn model_bytes(&self) -> Option<u64> {
        Some(self.session.num_bytes)
    }

    fn estimate(
        &mut self,
        features: &[f32],
        num_frames: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError> {
        let caller = &self.caller;
        match &mut self.head {
            Head::Masks { num_channels, shape } => {
                let dimensions = [1, *num_channels, shape.num_bands, num_frames];
                let expected = shape.frame_len() * num_frames;
                self.session.run(caller, &dimensions, features, expected, |logits| {
                    softmax(*shape, logits, num_frames, wanted, masks)
                })
            }
            Head::Levels(head) => {
                let dimensions = [1, head.num_channels, head.num_bands, num_frames];
                let expected = head.num_sources * features.len();
                self.session.run(caller, &dimensions, features, expected, |levels| {
                    head.masks(features, levels, num_frames, wanted, masks)
                })
            }
            Head::Waveforms(head) => {
                let sources = &mut self.sources;
                let wanted_now = wanted.clone();
                self.session
                    .run_waveforms(caller, head, features, num_frames, wanted_now, sources)?;
                head.masks(features, sources, num_frames * head.hop, wanted, masks);
                Ok(())
            }
        }
    }

    fn estimate_sources(
        &mut self,
        features: &[f32],
        num_frames: usize,
        sources: &mut Vec<f32>,
    ) -> Result<(), InferenceError> {
        let caller = &self.caller;
        match &self.head {
            Head::Masks { .. } => Err(InferenceError::NoSources),
            Head::Levels(head) => {
                let dimensions = [1, head.num_channels, head.num_bands, num_frames];
                let expected = head.num_sources * features.len();
                self.session.run(caller, &dimensions, features, expected, |levels| {
                    shares::check_finite(levels, num_frames, |index| index % num_frames)?;
                    sources.clear();
                    sources.extend_from_slice(levels);
                    Ok(())
                })
            }
            Head::Waveforms(head) => self.session.run_waveforms(
                caller,
                head,
                features,
                num_frames,
                0..num_frames,
                sources,
            ),
        }
    }
}
