//! What our VST3 class corrects, beside nice-plug's own wrapper, which shows the fault.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::sync::Arc;

use nice_assert_no_alloc::assert_no_alloc;
use nice_plug::prelude::*;
use nice_plug::wrapper::vst3::Wrapper;
use vst3::Steinberg::Vst::ProcessModes_::{kOffline, kPrefetch, kRealtime};
use vst3::Steinberg::Vst::SymbolicSampleSizes_::kSample32;
use vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, IAudioProcessorTrait, IComponentHandler,
    IComponentHandler2, IComponentHandler2Trait, IComponentHandlerTrait, IComponentTrait,
    IEditControllerTrait, ParameterInfo, ProcessData, ProcessSetup, SpeakerArr,
};
use vst3::Steinberg::{IPluginFactoryTrait, kInvalidArgument, kResultFalse, kResultOk};
use vst3::{Class, ComPtr, ComWrapper, Interface, Steinberg};

use super::class::Vst3Class;
use super::factory::Factory;
use crate::test_probe::BusProbe;

const PROBE_LATENCY_FRAMES: u32 = 1000;

thread_local! {
    static MODES_SEEN: RefCell<Vec<ProcessMode>> = const { RefCell::new(Vec::new()) };
}

/// A plugin that writes down the process mode of each activation.
struct Probe {
    params: Arc<ProbeParams>,
}

#[derive(Params)]
struct ProbeParams {}

impl Default for Probe {
    fn default() -> Self {
        Self { params: Arc::new(ProbeParams {}) }
    }
}

impl Plugin for Probe {
    const NAME: &'static str = "Probe";
    const VENDOR: &'static str = "Soloist";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = "0.0.0";
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[AudioIOLayout {
        main_input_channels: NonZeroU32::new(2),
        main_output_channels: NonZeroU32::new(2),
        ..AudioIOLayout::const_default()
    }];
    type Editor = ();
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.params.clone()
    }

    fn activate(
        &mut self,
        _layout: &AudioIOLayout,
        config: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        MODES_SEEN.with_borrow_mut(|modes| modes.push(config.process_mode));
        context.set_latency_samples(PROBE_LATENCY_FRAMES);
        true
    }

    fn process(
        &mut self,
        _buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        ProcessStatus::Normal
    }
}

impl Vst3Plugin for Probe {
    const VST3_CLASS_ID: [u8; 16] = *b"SoloistTestProbe";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx];
}

/// A host's handler that counts.
#[derive(Default)]
struct Handler {
    num_dirty: Cell<usize>,
}

impl Class for Handler {
    type Interfaces = (IComponentHandler, IComponentHandler2);
}

impl IComponentHandlerTrait for Handler {
    unsafe fn beginEdit(&self, _id: u32) -> i32 {
        kResultOk
    }

    unsafe fn performEdit(&self, _id: u32, _value: f64) -> i32 {
        kResultOk
    }

    unsafe fn endEdit(&self, _id: u32) -> i32 {
        kResultOk
    }

    unsafe fn restartComponent(&self, _flags: i32) -> i32 {
        kResultOk
    }
}

impl IComponentHandler2Trait for Handler {
    unsafe fn setDirty(&self, state: u8) -> i32 {
        assert_eq!(state, 1);
        self.num_dirty.set(self.num_dirty.get() + 1);
        kResultOk
    }

    unsafe fn requestOpenEditor(&self, _name: *const c_char) -> i32 {
        kResultOk
    }

    unsafe fn startGroupEdit(&self) -> i32 {
        kResultOk
    }

    unsafe fn finishGroupEdit(&self) -> i32 {
        kResultOk
    }
}

#[test]
fn a_change_that_is_no_parameters_marks_the_project() {
    let class = Vst3Class::<Probe>::new();
    class.link.changes().tell();
    let handler = ComWrapper::new(Handler::default());
    let pointer = handler.to_com_ptr::<IComponentHandler>().unwrap();
    // SAFETY: the handler outlives the calls.
    unsafe {
        assert_eq!(class.setComponentHandler(pointer.as_ptr()), kResultOk);
        assert_eq!(handler.num_dirty.get(), 0);
        class.link.changes().tell();
        assert_eq!(handler.num_dirty.get(), 1);
        // The host takes it back.
        assert_eq!(class.setComponentHandler(null_mut()), kResultOk);
    }
    class.link.changes().tell();
    assert_eq!(handler.num_dirty.get(), 1);
}

/// What a host sets up for a mode.
fn setup_in(mode: u32) -> ProcessSetup {
    ProcessSetup {
        processMode: mode as i32,
        symbolicSampleSize: kSample32 as i32,
        maxSamplesPerBlock: 512,
        sampleRate: 48_000.0,
    }
}

/// Asks for each mode in turn, as a host does between stopping and starting, and returns the modes
/// that the plugin saw at its activations.
fn modes_seen(
    class: &(impl IAudioProcessorTrait + IComponentTrait),
    asked: &[u32],
) -> Vec<ProcessMode> {
    MODES_SEEN.with_borrow_mut(Vec::clear);
    for &mode in asked {
        let mut setup = setup_in(mode);
        // SAFETY: `setup` outlives the call; the calls come in the order of the VST3 contract.
        unsafe {
            assert_eq!(class.setupProcessing(&raw mut setup), kResultOk);
            assert_eq!(class.setActive(1), kResultOk);
            assert_eq!(class.setActive(0), kResultOk);
        }
    }
    MODES_SEEN.take()
}

#[test]
fn each_activation_gets_the_mode_that_the_host_asked_for() {
    let asked = [kRealtime, kOffline, kRealtime, kPrefetch, kOffline, kOffline, kRealtime];
    let want = [
        ProcessMode::Realtime,
        ProcessMode::Offline,
        ProcessMode::Realtime,
        ProcessMode::Buffered,
        ProcessMode::Offline,
        ProcessMode::Offline,
        ProcessMode::Realtime,
    ];
    assert_eq!(modes_seen(&Vst3Class::<Probe>::new(), &asked), want);
}

/// When this fails, nice-plug has mended its wrapper and `setupProcessing` needs no correction.
#[test]
fn the_plain_wrapper_is_one_call_late() {
    let seen = modes_seen(&Wrapper::<Probe>::new(), &[kRealtime, kOffline, kRealtime]);
    assert_eq!(seen, [ProcessMode::Realtime, ProcessMode::Realtime, ProcessMode::Offline]);
}

#[test]
fn the_tail_is_told_before_the_first_block() {
    let class = Vst3Class::<Probe>::new();
    modes_seen(&class, &[kRealtime]);
    // SAFETY: the call takes no argument.
    assert_eq!(unsafe { class.getTailSamples() }, PROBE_LATENCY_FRAMES);
}

#[test]
fn the_factory_makes_only_its_own_class() {
    let factory = Factory::new().with::<BusProbe>().with::<Probe>();
    let iid = Steinberg::Vst::IComponent::IID;
    let create = |cid: &[u8; 16]| {
        let mut object: *mut c_void = null_mut();
        // SAFETY: both identifiers are 16 bytes long and `object` outlives the call.
        let result = unsafe {
            factory.createInstance(cid.as_ptr().cast(), iid.as_ptr().cast(), &raw mut object)
        };
        (result, object)
    };

    let (result, object) = create(&Probe::PLATFORM_VST3_CLASS_ID);
    assert_eq!(result, kResultOk);
    // SAFETY: the factory handed over one reference to an `IComponent`.
    let component = unsafe { ComPtr::from_raw(object.cast::<Steinberg::Vst::IComponent>()) };
    let processor = component.unwrap().cast::<Steinberg::Vst::IAudioProcessor>();
    assert!(processor.is_some());

    assert_eq!(create(b"some other class"), (kInvalidArgument, null_mut()));
}

/// Plays one block into buses of which those marked false are inactive. The left channel and the
/// silence flags of each; the flags are set before.
fn play(
    class: &(impl IAudioProcessorTrait + IComponentTrait),
    num_frames: usize,
    present: &[bool],
) -> Vec<(Vec<f32>, u64)> {
    let mut channels = vec![[vec![9.0_f32; num_frames], vec![9.0; num_frames]]; present.len()];
    let mut pointers: Vec<[*mut f32; 2]> =
        channels.iter_mut().map(|bus| bus.each_mut().map(|c| c.as_mut_ptr())).collect();
    let bus = |pointers: &mut [*mut f32; 2], is_present: bool| AudioBusBuffers {
        numChannels: if is_present { 2 } else { 0 },
        silenceFlags: if is_present { 0b11 } else { 0 },
        __field0: AudioBusBuffers__type0 {
            channelBuffers32: if is_present { pointers.as_mut_ptr() } else { null_mut() },
        },
    };
    let mut outputs: Vec<AudioBusBuffers> = pointers
        .iter_mut()
        .zip(present)
        .map(|(pointers, present)| bus(pointers, *present))
        .collect();
    let mut input = vec![0.25_f32; num_frames];
    let mut input_pointers = [input.as_mut_ptr(); 2];
    let mut input_bus = bus(&mut input_pointers, true);
    // SAFETY: a C struct of numbers and pointers, for which zero is a valid value.
    let mut data: ProcessData = unsafe { std::mem::zeroed() };
    data.symbolicSampleSize = kSample32 as i32;
    data.numSamples = num_frames as i32;
    (data.numInputs, data.inputs) = (1, &raw mut input_bus);
    (data.numOutputs, data.outputs) = (outputs.len() as i32, outputs.as_mut_ptr());
    let mut setup = setup_in(kRealtime);
    // SAFETY: every channel has the block's frames; the calls come in VST3's order.
    unsafe {
        assert_eq!(class.setupProcessing(&raw mut setup), kResultOk);
        assert_eq!(class.setActive(1), kResultOk);
        // All of the callback, our class's part too, is held to its word.
        assert_eq!(assert_no_alloc(|| class.process(&raw mut data)), kResultOk);
        assert_eq!(class.setActive(0), kResultOk);
    }
    let flags = outputs.iter().map(|bus| bus.silenceFlags);
    channels.into_iter().zip(flags).map(|([left, _], flags)| (left, flags)).collect()
}

#[test]
fn any_output_may_be_inactive_and_the_others_are_right() {
    // Blocks of 1 and more than was announced (512).
    for num_frames in [1, 256, 2000] {
        let cases: [&[bool]; 6] = [
            &[true, true, true],
            &[true, false, true],
            &[true, false, false],
            &[true, true],
            &[true],
            &[false, true, false],
        ];
        for present in cases {
            let outputs = play(&Vst3Class::<BusProbe>::new(), num_frames, present);
            for (bus, (left, flags)) in outputs.iter().enumerate() {
                assert_eq!(*flags, 0, "no channel is silent");
                let filled = if bus == 0 { 0.5 } else { bus as f32 };
                let want = if present[bus] { filled } else { 9.0 };
                assert!(left.iter().all(|sample| *sample == want), "{present:?}, bus {bus}");
            }
        }
    }
}

#[test]
fn blocks_of_parameters_alone_are_harmless() {
    for present in [&[true, true, true][..], &[false, false, false], &[]] {
        for num_frames in [0, 256] {
            play(&Vst3Class::<BusProbe>::new(), num_frames, present);
        }
    }
}

/// When this fails, nice-plug processes with inactive outputs and needs no help.
#[test]
fn the_plain_wrapper_skips_a_block_with_one_inactive_output() {
    let outputs = play(&Wrapper::<BusProbe>::new(), 256, &[true, false, true]);
    assert_eq!(outputs[0].0, [0.25; 256], "the input, untouched");
}

#[test]
fn only_layouts_that_exist_are_accepted() {
    let class = Vst3Class::<BusProbe>::new();
    let arranged = |mut inputs: Vec<u64>, mut outputs: Vec<u64>| {
        let (num_ins, num_outs) = (inputs.len() as i32, outputs.len() as i32);
        // SAFETY: both lists are as long as the numbers say.
        unsafe {
            class.setBusArrangements(inputs.as_mut_ptr(), num_ins, outputs.as_mut_ptr(), num_outs)
        }
    };
    let (stereo, mono) = (SpeakerArr::kStereo, SpeakerArr::kMono);
    assert_eq!(arranged(vec![stereo], vec![stereo; 3]), kResultOk);
    assert_eq!(arranged(vec![stereo], vec![stereo, stereo, mono]), kResultFalse);
    assert_eq!(arranged(vec![stereo], vec![stereo]), kResultFalse);
    assert_eq!(arranged(vec![], vec![]), kResultFalse);
}

#[test]
fn the_parameter_behind_the_last_is_refused() {
    let class = Vst3Class::<BusProbe>::new();
    // SAFETY: a C struct of numbers; the calls write to it at most.
    unsafe {
        let mut info: ParameterInfo = std::mem::zeroed();
        let count = class.getParameterCount();
        assert_eq!(class.getParameterInfo(count - 1, &raw mut info), kResultOk);
        for index in [-1, count, count + 1] {
            assert_eq!(class.getParameterInfo(index, &raw mut info), kInvalidArgument);
        }
    }
}

/// What the controller tells of its first parameter after a host has set it while it processes,
/// and before the next block.
fn told_while_processing(
    class: &(impl IAudioProcessorTrait + IComponentTrait + IEditControllerTrait),
    stalls: bool,
) -> f64 {
    let mut setup = setup_in(kRealtime);
    // SAFETY: `setup` and `info` outlive their calls; the calls come in the order of the contract.
    unsafe {
        let mut info = std::mem::zeroed();
        assert_eq!(class.getParameterInfo(0, &raw mut info), kResultOk);
        assert_eq!(class.setupProcessing(&raw mut setup), kResultOk);
        assert_eq!(class.setActive(1), kResultOk);
        assert_eq!(class.setProcessing(1), kResultOk);
        assert_eq!(class.setParamNormalized(info.id, 0.75), kResultOk);
        if stalls {
            std::thread::sleep(std::time::Duration::from_millis(250));
            assert_eq!(class.setParamNormalized(info.id, 0.25), kResultOk);
        }
        let told = class.getParamNormalized(info.id);
        class.setProcessing(0);
        class.setActive(0);
        told
    }
}

#[test]
fn a_value_that_was_set_is_told_before_the_next_block() {
    assert_eq!(told_while_processing(&Vst3Class::<BusProbe>::new(), false), 0.75);
    assert_eq!(told_while_processing(&Vst3Class::<BusProbe>::new(), true), 0.25);
}

/// When this fails, nice-plug tells what was set and `edits` is not needed.
#[test]
fn the_plain_wrapper_tells_the_old_value_until_the_next_block() {
    assert_eq!(told_while_processing(&Wrapper::<BusProbe>::new(), false), 0.5);
}
