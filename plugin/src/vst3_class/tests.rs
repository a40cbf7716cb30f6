//! What our VST3 class corrects, beside nice-plug's own wrapper, which shows the fault.

use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::Arc;

use nice_plug::prelude::*;
use nice_plug::wrapper::vst3::Wrapper;
use vst3::Steinberg::Vst::ProcessModes_::{kOffline, kPrefetch, kRealtime};
use vst3::Steinberg::Vst::SymbolicSampleSizes_::kSample32;
use vst3::Steinberg::Vst::{IAudioProcessorTrait, IComponentTrait, ProcessSetup};
use vst3::Steinberg::{IPluginFactoryTrait, kInvalidArgument, kResultOk};
use vst3::{ComPtr, Interface, Steinberg};

use super::class::Vst3Class;
use super::factory::Factory;

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

/// Asks for each mode in turn, as a host does between stopping and starting, and returns the modes
/// that the plugin saw at its activations.
fn modes_seen(
    class: &(impl IAudioProcessorTrait + IComponentTrait),
    asked: &[u32],
) -> Vec<ProcessMode> {
    MODES_SEEN.with_borrow_mut(Vec::clear);
    for &mode in asked {
        let mut setup = ProcessSetup {
            processMode: mode as i32,
            symbolicSampleSize: kSample32 as i32,
            maxSamplesPerBlock: 512,
            sampleRate: 48_000.0,
        };
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
    let factory = Factory::<Probe>::new();
    let iid = Steinberg::Vst::IComponent::IID;
    let create = |cid: &[u8; 16]| {
        let mut object: *mut c_void = std::ptr::null_mut();
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

    assert_eq!(create(b"some other class"), (kInvalidArgument, std::ptr::null_mut()));
}
