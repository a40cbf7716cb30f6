//! The VST3 host, on the vst3 crate's bindings.

// C enumerations and characters are signed on some platforms and unsigned on others.
#![allow(clippy::unnecessary_cast)]

use std::sync::atomic::Ordering;

use anyhow::{Context, Result, anyhow, bail};
use vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_;
use vst3::Steinberg::Vst::{
    AudioBusBuffers, BusDirections_, BusInfo, IAudioProcessor, IAudioProcessorTrait, IComponent,
    IComponentHandler, IComponentTrait, IEditController, IEditControllerTrait, IHostApplication,
    IParameterChanges, MediaTypes_, ParameterInfo, ProcessData, ProcessSetup, SpeakerArr,
    String128, SymbolicSampleSizes_,
};
use vst3::Steinberg::{IBStream, IPluginBaseTrait, kResultOk, tresult};
use vst3::{ComPtr, ComWrapper};

use super::vst3_block::{bus, context_of, process_mode};
use super::vst3_module::{Module, as_unknown};
use super::vst3_objects::{
    HostApplication, MemoryStream, ParameterChange, ParameterChanges, SentValues,
};
use super::{
    Format, HeadlessHost, HostCalls, Parameter, ProcessConfig, Product, StemBus, Transport,
    check_block, find,
};
use crate::paths::Bundles;

/// One VST3 plugin instance in a host without a window.
pub struct Vst3Host {
    // Dropped in this order: objects of the module before the module.
    pub(super) active: Option<Active>,
    #[cfg(target_os = "linux")]
    pub(super) editor: Option<super::vst3_editor::OpenView>,
    pub(super) processor: ComPtr<IAudioProcessor>,
    pub(super) controller: ComPtr<IEditController>,
    component: ComPtr<IComponent>,
    pub(super) application: ComWrapper<HostApplication>,
    parameters: Vec<Parameter>,
    pending_changes: Vec<ParameterChange>,
    transport: Option<Transport>,
    is_careless: bool,
    silent_outputs: Vec<bool>,
    values_sent: usize,
    _module: Module,
}

pub(super) struct Active {
    config: ProcessConfig,
    inputs: Vec<Vec<f32>>,
}

impl Vst3Host {
    /// Loads a plugin of the VST3 bundle.
    ///
    /// # Errors
    /// When the module cannot be loaded or the plugin cannot be created.
    pub fn load(bundles: &Bundles, product: Product) -> Result<Self> {
        let module = Module::load(&bundles.vst3_library())?;
        let component: ComPtr<IComponent> = module.create(product.name())?;
        let processor = component.cast().context("the VST3 plugin is no audio processor")?;
        let controller: ComPtr<IEditController> =
            component.cast().context("the VST3 plugin keeps its controller in another class")?;
        let application = ComWrapper::new(HostApplication::default());
        let context: ComPtr<IHostApplication> =
            application.to_com_ptr().context("the host application is a host application")?;
        let handler: ComPtr<IComponentHandler> =
            application.to_com_ptr().context("the host application handles components")?;
        // SAFETY: both host objects live as long as the plugin: it holds references to them, and
        // so does this struct.
        unsafe {
            check("initialize", component.initialize(as_unknown(&context)))?;
            check("setComponentHandler", controller.setComponentHandler(handler.as_ptr()))?;
        }
        let parameters = list_parameters(&controller);
        Ok(Self {
            active: None,
            #[cfg(target_os = "linux")]
            editor: None,
            processor,
            controller,
            component,
            application,
            parameters,
            pending_changes: Vec::new(),
            transport: None,
            is_careless: false,
            silent_outputs: Vec::new(),
            values_sent: 0,
            _module: module,
        })
    }

    fn set_up(&self, config: &ProcessConfig) -> Result<()> {
        let arrangement = |num_channels| match num_channels {
            1 => Ok(SpeakerArr::kMono),
            2 => Ok(SpeakerArr::kStereo),
            other => bail!("{other} channels were asked for, expected 1 or 2"),
        };
        let mut inputs = arrangement(config.input_channels())?;
        // Stems are stereo.
        let mut outputs = vec![SpeakerArr::kStereo; self.num_outputs()];
        outputs[0] = arrangement(config.num_channels)?;
        let mut setup = ProcessSetup {
            processMode: process_mode(config.mode),
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
            maxSamplesPerBlock: i32::try_from(config.max_block_frames)?,
            sampleRate: config.sample_rate_hz,
        };
        // SAFETY: plain calls on live objects; every pointer is valid during its call.
        unsafe {
            let arranged = self.processor.setBusArrangements(
                &raw mut inputs,
                1,
                outputs.as_mut_ptr(),
                outputs.len() as i32,
            );
            check("setBusArrangements", arranged)?;
            check("setupProcessing", self.processor.setupProcessing(&raw mut setup))?;
            // Of the outputs, the main bus alone: the stems' come and go with the blocks.
            for direction in [BusDirections_::kInput, BusDirections_::kOutput] {
                let media = MediaTypes_::kAudio as i32;
                check("activateBus", self.component.activateBus(media, direction as i32, 0, 1))?;
            }
            check("setActive", self.component.setActive(1))?;
            check("setProcessing", self.processor.setProcessing(1))
        }
    }

    fn num_outputs(&self) -> usize {
        let (media, direction) = (MediaTypes_::kAudio as i32, BusDirections_::kOutput as i32);
        // SAFETY: a plain call on a live object.
        unsafe { self.component.getBusCount(media, direction) }.max(1) as usize
    }

    fn stream(bytes: Vec<u8>) -> Result<(ComWrapper<MemoryStream>, ComPtr<IBStream>)> {
        let stream = ComWrapper::new(MemoryStream::new(bytes));
        let pointer = stream.to_com_ptr().context("a memory stream is a stream")?;
        Ok((stream, pointer))
    }
}

impl HeadlessHost for Vst3Host {
    #[cfg(target_os = "linux")]
    fn editor(&mut self) -> &mut dyn super::editor::EditorHost {
        self
    }

    fn format(&self) -> Format {
        Format::Vst3
    }

    fn activate(&mut self, config: &ProcessConfig) -> Result<()> {
        self.deactivate();
        self.set_up(config)?;
        let inputs = vec![Vec::with_capacity(config.max_block_frames); config.input_channels()];
        self.active = Some(Active { config: *config, inputs });
        Ok(())
    }

    fn deactivate(&mut self) {
        if self.active.take().is_some() {
            // SAFETY: plain calls on live objects, in the order that the format prescribes.
            unsafe {
                self.processor.setProcessing(0);
                self.component.setActive(0);
            }
        }
    }

    fn latency_frames(&mut self) -> usize {
        // SAFETY: a plain call on a live object.
        unsafe { self.processor.getLatencySamples() as usize }
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn values_sent(&self) -> usize {
        self.values_sent
    }

    fn parameter_text(&mut self, name: &str) -> Result<String> {
        let id = find(&self.parameters, name)?.id;
        let mut text: String128 = [0; 128];
        // SAFETY: `text` is valid for writing during the call.
        let result = unsafe {
            let value = self.controller.getParamNormalized(id);
            self.controller.getParamStringByValue(id, value, &raw mut text)
        };
        check("getParamStringByValue", result)?;
        Ok(from_utf16(&text))
    }

    fn set_parameter_at(&mut self, name: &str, text: &str, at_frame: usize) -> Result<()> {
        let id = find(&self.parameters, name)?.id;
        let mut wide: Vec<_> = text.encode_utf16().chain([0]).map(|unit| unit as _).collect();
        let mut value = 0.0;
        // SAFETY: `wide` ends with a zero and both pointers are valid during the call.
        let result =
            unsafe { self.controller.getParamValueByString(id, wide.as_mut_ptr(), &raw mut value) };
        if result != kResultOk {
            bail!("`{text}` is no value of the parameter `{name}`");
        }
        // SAFETY: a plain call on a live object. The controller is told as well as the processor,
        // as hosts do when a user turns a knob.
        unsafe { self.controller.setParamNormalized(id, value) };
        if self.active.is_some() {
            let at_frame = i32::try_from(at_frame)?;
            self.pending_changes.push(ParameterChange { id, at_frame, value });
        }
        Ok(())
    }

    fn process_stems(&mut self, main: &mut [&mut [f32]], stems: &mut [StemBus]) -> Result<()> {
        let num_outputs = self.num_outputs();
        let active = self.active.as_mut().context("the plugin is not active")?;
        let changes = std::mem::take(&mut self.pending_changes);
        let last_change = changes.iter().map(|change| change.at_frame as usize).max().unwrap_or(0);
        let num_frames = check_block(&active.config, main, stems, last_change, self.is_careless)?;
        for (input, channel) in active.inputs.iter_mut().zip(main.iter()) {
            input.clear();
            input.extend_from_slice(channel);
        }
        let changes = ComWrapper::new(ParameterChanges::new(changes.into_iter()));
        let changes: ComPtr<IParameterChanges> =
            changes.to_com_ptr().context("parameter changes are parameter changes")?;
        let mut inputs: Vec<*mut f32> =
            active.inputs.iter_mut().map(|input| input.as_mut_ptr()).collect();
        let mut outputs: Vec<Vec<*mut f32>> =
            vec![main.iter_mut().map(|channel| channel.as_mut_ptr()).collect()];
        outputs.extend(stems.iter_mut().map(|bus| {
            bus.iter_mut().flatten().map(|channel| channel.as_mut_ptr()).collect::<Vec<*mut f32>>()
        }));
        // VST3 hosts list every bus; one that is not active has no channel.
        outputs.resize(num_outputs, Vec::new());
        let mut input_bus = bus(&mut inputs);
        let mut output_buses: Vec<AudioBusBuffers> =
            outputs.iter_mut().map(|channels| bus(channels)).collect();
        let sent = ComWrapper::new(SentValues::default());
        let sent_changes: ComPtr<IParameterChanges> =
            sent.to_com_ptr().context("sent values are parameter changes")?;
        let mut context = self.transport.map(|transport| context_of(transport, &active.config));
        let mut data = ProcessData {
            processMode: process_mode(active.config.mode),
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
            numSamples: i32::try_from(num_frames)?,
            numInputs: 1,
            numOutputs: output_buses.len() as i32,
            inputs: &raw mut input_bus,
            outputs: output_buses.as_mut_ptr(),
            inputParameterChanges: changes.as_ptr(),
            outputParameterChanges: sent_changes.as_ptr(),
            inputEvents: std::ptr::null_mut(),
            outputEvents: std::ptr::null_mut(),
            processContext: context.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut),
        };
        // SAFETY: every buffer holds `num_frames` frames (checked above), input and output do not
        // overlap, and everything that `data` points at outlives the call.
        check("process", unsafe { self.processor.process(&raw mut data) })?;
        self.values_sent += sent.count();
        let is_silent = |bus: &AudioBusBuffers| {
            bus.numChannels > 0 && bus.silenceFlags == (1 << bus.numChannels) - 1
        };
        self.silent_outputs = output_buses.iter().map(is_silent).collect();
        Ok(())
    }

    fn stem_names(&mut self) -> Vec<String> {
        let (media, direction) = (MediaTypes_::kAudio as i32, BusDirections_::kOutput as i32);
        (1..self.num_outputs())
            .map(|index| {
                // SAFETY: a C struct of numbers, for which zero is a valid value; valid for writing
                // during the call.
                unsafe {
                    let mut info: BusInfo = std::mem::zeroed();
                    self.component.getBusInfo(media, direction, index as i32, &raw mut info);
                    from_utf16(&info.name)
                }
            })
            .collect()
    }

    fn tail_frames(&mut self) -> usize {
        // SAFETY: a plain call on a live object.
        unsafe { self.processor.getTailSamples() as usize }
    }

    fn set_transport(&mut self, transport: Option<Transport>) {
        self.transport = transport;
    }

    fn be_careless(&mut self) {
        self.is_careless = true;
    }

    fn silent_outputs(&self) -> Vec<bool> {
        self.silent_outputs.clone()
    }

    fn save_state(&mut self) -> Result<Vec<u8>> {
        let (stream, pointer) = Self::stream(Vec::new())?;
        // SAFETY: the stream outlives the call.
        check("getState", unsafe { IComponentTrait::getState(&self.component, pointer.as_ptr()) })?;
        Ok(stream.to_vec())
    }

    fn load_state(&mut self, state: &[u8]) -> Result<()> {
        let (_stream, pointer) = Self::stream(state.to_vec())?;
        // SAFETY: the stream outlives both calls.
        unsafe {
            check("setState", IComponentTrait::setState(&self.component, pointer.as_ptr()))?;
        }
        let (_stream, pointer) = Self::stream(state.to_vec())?;
        // SAFETY: the stream outlives the call.
        let result = unsafe { self.controller.setComponentState(pointer.as_ptr()) };
        check("setComponentState", result)
    }

    fn load_state_while_active(&mut self, state: &[u8]) -> Result<()> {
        self.active.as_ref().context("the plugin is not active")?;
        // SAFETY: plain calls on a live object that is active.
        check("setProcessing", unsafe { self.processor.setProcessing(0) })?;
        self.load_state(state)?;
        // SAFETY: as above.
        check("setProcessing", unsafe { self.processor.setProcessing(1) })
    }

    fn calls(&self) -> HostCalls {
        HostCalls {
            restart_requests: self.application.restart_requests.load(Ordering::SeqCst),
            latency_changes: self.application.latency_changes.load(Ordering::SeqCst),
            forbidden_latency_changes: 0,
        }
    }
}

impl Drop for Vst3Host {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        super::editor::EditorHost::close_editor(self);
        self.deactivate();
        // SAFETY: the last calls on these objects, in the order that the format prescribes.
        unsafe {
            self.controller.setComponentHandler(std::ptr::null_mut());
            self.component.terminate();
        }
    }
}

pub(super) fn check(call: &str, result: tresult) -> Result<()> {
    if result == kResultOk {
        Ok(())
    } else {
        Err(anyhow!("the VST3 plugin answered {call} with code {result}"))
    }
}

fn list_parameters(controller: &ComPtr<IEditController>) -> Vec<Parameter> {
    // SAFETY: a plain call on a live object.
    let count = unsafe { controller.getParameterCount() };
    let mut parameters = Vec::new();
    for index in 0..count {
        // SAFETY: a C struct of numbers, for which zero is a valid value.
        let mut info: ParameterInfo = unsafe { std::mem::zeroed() };
        // SAFETY: `info` is valid for writing during the call.
        if unsafe { controller.getParameterInfo(index, &raw mut info) } == kResultOk {
            let is_automatable = info.flags & ParameterFlags_::kCanAutomate as i32 != 0;
            let name = from_utf16(&info.title);
            parameters.push(Parameter { id: info.id, name, is_automatable });
        }
    }
    parameters
}

fn from_utf16(text: &String128) -> String {
    let units: Vec<u16> = text.iter().take_while(|unit| **unit != 0).copied().collect();
    String::from_utf16_lossy(&units)
}
