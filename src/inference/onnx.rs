//! Networks run by onnxruntime. The only file that names `ort`.

use std::io::Read;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{self, ExecutionProviderDispatch};
use ort::session::Session;
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};
use sha2::{Digest, Sha256};

use super::masks::{MaskShape, softmax};
use super::whole_file::check_whole;
use super::{Estimator, InferenceError, Provider};
use crate::model::ModelCard;
use crate::model::card::{Activation, OutputKind};

/// Largest network file that is read: far above any separation network of today.
const MAX_MODEL_BYTES: u64 = 2 << 30;

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
            Ok(Self { session: Mutex::new(session), provider, path: path.clone() })
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
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
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

fn check_tensors(card: &ModelCard, session: &Session, path: &Path) -> Result<(), InferenceError> {
    let bands = card.analysis.bands.as_ref();
    let (num_bands, num_inputs) = bands.map_or((0, 0), |b| (b.count, b.channels.len()));
    let num_outputs = card.sources().len() * card.audio.channels;
    let frames = (!card.window.dynamic).then_some(card.window.frames);
    check_tensor(
        "the input",
        session.inputs(),
        &card.input.name,
        [num_inputs, num_bands],
        frames,
        path,
    )?;
    check_tensor(
        "the output",
        session.outputs(),
        &card.output.name,
        [num_outputs, num_bands],
        frames,
        path,
    )
}

fn check_tensor(
    what: &'static str,
    outlets: &[Outlet],
    name: &str,
    [channels, bands]: [usize; 2],
    frames: Option<usize>,
    path: &Path,
) -> Result<(), InferenceError> {
    let wanted_frames = frames.map_or_else(|| "any".to_owned(), |n| n.to_string());
    let expected = format!("{name:?}, f32 [1, {channels}, {bands}, {wanted_frames}], and no other");
    let mismatch = |found: String| InferenceError::CardMismatch {
        path: path.to_owned(),
        what,
        expected: expected.clone(),
        found,
    };
    let [outlet] = outlets else {
        let names: Vec<&str> = outlets.iter().map(Outlet::name).collect();
        return Err(mismatch(format!("{} tensors {names:?}", outlets.len())));
    };
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(mismatch(format!("{:?}, not a tensor", outlet.name())));
    };
    // -1 is a dimension that the network leaves open.
    let fits = |axis: usize, want: usize| shape[axis] == -1 || shape[axis] == want as i64;
    let frames_fit = match frames {
        Some(frames) => shape.len() == 4 && fits(3, frames),
        None => shape.len() == 4 && shape[3] == -1,
    };
    let shape_fits = frames_fit && fits(0, 1) && fits(1, channels) && fits(2, bands);
    if outlet.name() == name && *ty == TensorElementType::Float32 && shape_fits {
        Ok(())
    } else {
        Err(mismatch(format!("{:?}, {ty:?} {:?}", outlet.name(), &shape[..])))
    }
}

/// Masks from an onnxruntime session.
pub(super) struct OnnxEstimator {
    session: Arc<SharedSession>,
    input_name: String,
    num_channels: usize,
    shape: MaskShape,
}

impl OnnxEstimator {
    /// An estimator on `session`, checked against `card`: several cards may describe one network.
    pub fn new(card: &ModelCard, session: Arc<SharedSession>) -> Result<Self, InferenceError> {
        let unsupported =
            |what: String| InferenceError::Unsupported { name: card.name().to_owned(), what };
        let Some(bands) = card.analysis.bands.as_ref() else {
            return Err(unsupported(format!("{:?} input", card.analysis.representation)));
        };
        match (card.output.kind, card.output.activation) {
            (OutputKind::Mask, Activation::Softmax) => {}
            (kind, _) => return Err(unsupported(format!("{kind:?} output"))),
        }
        {
            let opened = session.session.lock().unwrap_or_else(PoisonError::into_inner);
            check_tensors(card, &opened, &session.path)?;
        }
        let shape = MaskShape {
            num_sources: card.sources().len(),
            num_channels: card.audio.channels,
            num_bands: bands.count,
        };
        let input_name = card.input.name.clone();
        Ok(Self { session, input_name, num_channels: bands.channels.len(), shape })
    }
}

impl Estimator for OnnxEstimator {
    fn provider(&self) -> Provider {
        self.session.provider
    }

    fn estimate(
        &mut self,
        features: &[f32],
        num_frames: usize,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) -> Result<(), InferenceError> {
        let failed = |error: ort::Error| {
            InferenceError::Run(format!("{}: {error}", self.session.path.display()))
        };
        let dimensions = [1, self.num_channels, self.shape.num_bands, num_frames];
        let input = TensorRef::from_array_view((dimensions, features)).map_err(failed)?;
        let mut session = self.session.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs =
            session.run(ort::inputs![self.input_name.as_str() => input]).map_err(failed)?;
        let (_, logits) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        let expected = self.shape.frame_len() * num_frames;
        if logits.len() != expected {
            return Err(InferenceError::WrongSize { expected, found: logits.len() });
        }
        softmax(self.shape, logits, num_frames, wanted, masks)
    }
}
