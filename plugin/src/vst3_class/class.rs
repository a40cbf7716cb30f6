//! The component, controller and processor class.

// C enumerations are signed on some platforms and unsigned on others.
#![allow(clippy::unnecessary_cast)]

use std::sync::Arc;

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::Wrapper;
use vst3::Class;
use vst3::Steinberg::Vst::ChannelContext::{IInfoListener, IInfoListenerTrait};
use vst3::Steinberg::Vst::{
    BusDirection, BusDirections_, BusInfo, CString, CtrlNumber, IAttributeList, IAudioProcessor,
    IAudioProcessorTrait, IComponent, IComponentTrait, IEditController, IMidiMapping,
    IMidiMappingTrait, INoteExpressionController, INoteExpressionControllerTrait,
    IProcessContextRequirements, IProcessContextRequirementsTrait, IUnitInfo, IUnitInfoTrait,
    IoMode, MediaType, MediaTypes_, NoteExpressionTypeID, NoteExpressionTypeInfo,
    NoteExpressionValue, ParamID, ProcessData, ProcessSetup, ProgramListID, ProgramListInfo,
    RoutingInfo, SpeakerArrangement, String128, TChar, UnitID, UnitInfo,
};
use vst3::Steinberg::{
    FUnknown, IBStream, IPluginBaseTrait, TBool, TUID, int16, int32, kInvalidArgument,
    kResultFalse, kResultOk, tresult, uint32,
};

use super::block::Blocks;
use super::delegate::delegate;
use super::edits::Edits;
use super::layout::is_layout;
use crate::host_block::try_cell::TryCell;
use crate::host_link::HostLink;

/// nice-plug's VST3 wrapper with some of its calls corrected.
///
/// Delegation is sound because the wrapper never casts itself to its own COM object: reference
/// counts and interface queries are this class's alone.
pub struct Vst3Class<P: Vst3Plugin> {
    pub(super) wrapper: Wrapper<P>,
    pub(super) link: Arc<HostLink>,
    pub(super) edits: Edits,
    processing: TryCell<Processing>,
}

/// What the host has set up.
#[derive(Default)]
struct Processing {
    max_frames: usize,
    sample_rate_hz: f64,
    /// Full while active.
    blocks: Option<Blocks>,
}

impl<P: Vst3Plugin> Vst3Class<P> {
    /// A new plugin instance.
    pub fn new() -> Self {
        let link = Arc::new(HostLink::default());
        let wrapper = HostLink::pass(&link, Wrapper::new);
        let edits = Edits::default();
        Self { wrapper, link, edits, processing: TryCell::new(Processing::default()) }
    }

    /// Channels of each bus of one direction, in the layout that the host has chosen.
    ///
    /// # Safety
    /// Called on the main thread.
    unsafe fn channel_counts(&self, direction: BusDirection) -> Vec<usize> {
        let media = MediaTypes_::kAudio as MediaType;
        // SAFETY: plain calls; `info` is a C struct of numbers that the call fills in.
        unsafe {
            (0..self.wrapper.getBusCount(media, direction))
                .map(|index| {
                    let mut info: BusInfo = std::mem::zeroed();
                    let found = self.wrapper.getBusInfo(media, direction, index, &raw mut info);
                    if found == kResultOk { info.channelCount.max(0) as usize } else { 0 }
                })
                .collect()
        }
    }
}

impl<P: Vst3Plugin> Class for Vst3Class<P> {
    // The order decides which `FUnknown` is the object's identity; it is the wrapper's own.
    type Interfaces = (
        IComponent,
        IEditController,
        IAudioProcessor,
        IMidiMapping,
        INoteExpressionController,
        IProcessContextRequirements,
        IUnitInfo,
        IInfoListener,
    );
}

delegate!(IAudioProcessorTrait {
    fn getBusArrangement(dir: BusDirection, index: int32, arr: *mut SpeakerArrangement) -> tresult;
    fn canProcessSampleSize(symbolic_sample_size: int32) -> tresult;
    fn getLatencySamples() -> uint32;
    fn setProcessing(state: TBool) -> tresult;
} corrected {
    unsafe fn setBusArrangements(
        &self,
        inputs: *mut SpeakerArrangement,
        num_ins: int32,
        outputs: *mut SpeakerArrangement,
        num_outs: int32,
    ) -> tresult {
        // The wrapper compares the auxiliary buses one off, and says yes to what it does not have.
        let is_known = P::AUDIO_IO_LAYOUTS
            .iter()
            // SAFETY: the host's pointers, by the VST3 contract of these lengths.
            .any(|layout| unsafe { is_layout(layout, (inputs, num_ins), (outputs, num_outs)) });
        if !is_known {
            return kResultFalse;
        }
        // SAFETY: the same call with the same arguments.
        unsafe { self.wrapper.setBusArrangements(inputs, num_ins, outputs, num_outs) }
    }

    unsafe fn process(&self, data: *mut ProcessData) -> tresult {
        // SAFETY: the host's pointer, null or valid for the call.
        let Some(block) = (unsafe { data.as_mut() }) else { return kInvalidArgument };
        let result = self.processing.try_with(|processing| {
            let blocks = processing.blocks.as_mut()?;
            // SAFETY: by the VST3 contract the plugin is active and the block as described there.
            Some(unsafe { blocks.process(&self.wrapper, block, &self.link) })
        });
        self.edits.block_is_over();
        result.flatten().unwrap_or(kResultFalse)
    }

    unsafe fn setupProcessing(&self, setup: *mut ProcessSetup) -> tresult {
        // The wrapper reads its process mode before it writes it: the second of two equal calls
        // stores the buffer configuration with the mode that the host asks for now.
        for _ in 0..2 {
            // SAFETY: the same call with the same argument; the wrapper only reads the setup.
            let result = unsafe { self.wrapper.setupProcessing(setup) };
            if result != kResultOk {
                return result;
            }
        }
        // SAFETY: the wrapper has refused a null pointer.
        let setup = unsafe { &*setup };
        let noted = self.processing.try_with(|processing| {
            processing.max_frames = setup.maxSamplesPerBlock.max(1) as usize;
            processing.sample_rate_hz = setup.sampleRate;
        });
        if noted.is_some() { kResultOk } else { kResultFalse }
    }

    unsafe fn getTailSamples(&self) -> uint32 {
        // The wrapper knows a tail only after the first block, hosts ask before: the sound that is
        // still in the plugin after the input's end is as long as the latency.
        // SAFETY: neither call takes an argument.
        unsafe { self.wrapper.getTailSamples().max(self.wrapper.getLatencySamples()) }
    }
});

delegate!(IPluginBaseTrait {
    fn initialize(context: *mut FUnknown) -> tresult;
} corrected {
    unsafe fn terminate(&self) -> tresult {
        // A handler that is kept would keep the host's objects, which may keep this.
        self.link.changes().close();
        // SAFETY: the same call.
        unsafe { self.wrapper.terminate() }
    }
});

delegate!(IComponentTrait {
    fn getControllerClassId(class_id: *mut TUID) -> tresult;
    fn setIoMode(mode: IoMode) -> tresult;
    fn getBusCount(media: MediaType, dir: BusDirection) -> int32;
    fn getRoutingInfo(in_info: *mut RoutingInfo, out_info: *mut RoutingInfo) -> tresult;
    fn activateBus(media: MediaType, dir: BusDirection, index: int32, state: TBool) -> tresult;
} corrected {
    unsafe fn getState(&self, state: *mut IBStream) -> tresult {
        // What the host has set belongs to what it saves, though no block has brought it along.
        for (id, value) in self.edits.take() {
            self.link.set_param(id, value as f32);
        }
        // SAFETY: the same call with the same argument, here and below.
        unsafe { IComponentTrait::getState(&self.wrapper, state) }
    }

    unsafe fn setState(&self, state: *mut IBStream) -> tresult {
        // The state takes the place of all that was set before.
        drop(self.edits.take());
        // SAFETY: as above.
        unsafe { IComponentTrait::setState(&self.wrapper, state) }
    }

    unsafe fn getBusInfo(
        &self,
        media: MediaType,
        dir: BusDirection,
        index: int32,
        bus: *mut BusInfo,
    ) -> tresult {
        // The wrapper writes before it looks at the index.
        // SAFETY: the same calls with the same arguments.
        unsafe {
            if !(0..self.wrapper.getBusCount(media, dir)).contains(&index) {
                return kInvalidArgument;
            }
            self.wrapper.getBusInfo(media, dir, index, bus)
        }
    }

    unsafe fn setActive(&self, state: TBool) -> tresult {
        // SAFETY: the same call with the same argument.
        let result = unsafe { self.wrapper.setActive(state) };
        if result != kResultOk {
            return result;
        }
        if state == 0 {
            // A host that still processes, against its contract, keeps them until it has done so.
            let _ = self.processing.try_with(|processing| processing.blocks.take());
            return result;
        }
        // SAFETY: the host calls on its main thread.
        let (inputs, outputs) = unsafe {
            (
                self.channel_counts(BusDirections_::kInput as BusDirection),
                self.channel_counts(BusDirections_::kOutput as BusDirection),
            )
        };
        let noted = self.processing.try_with(|processing| {
            let Processing { max_frames, sample_rate_hz, .. } = *processing;
            let blocks = Blocks::new(&inputs, &outputs, max_frames, sample_rate_hz);
            processing.blocks = Some(blocks);
        });
        if noted.is_some() { kResultOk } else { kResultFalse }
    }
});

delegate!(IMidiMappingTrait {
    fn getMidiControllerAssignment(
        bus: int32, channel: int16, controller: CtrlNumber, id: *mut ParamID,
    ) -> tresult;
});

delegate!(INoteExpressionControllerTrait {
    fn getNoteExpressionCount(bus: int32, channel: int16) -> int32;
    fn getNoteExpressionInfo(
        bus: int32, channel: int16, index: int32, info: *mut NoteExpressionTypeInfo,
    ) -> tresult;
    fn getNoteExpressionStringByValue(
        bus: int32, channel: int16, id: NoteExpressionTypeID,
        value: NoteExpressionValue, string: *mut String128,
    ) -> tresult;
    fn getNoteExpressionValueByString(
        bus: int32, channel: int16, id: NoteExpressionTypeID,
        string: *const TChar, value: *mut NoteExpressionValue,
    ) -> tresult;
});

delegate!(IProcessContextRequirementsTrait {
    fn getProcessContextRequirements() -> uint32;
});

delegate!(IUnitInfoTrait {
    fn getUnitCount() -> int32;
    fn getUnitInfo(index: int32, info: *mut UnitInfo) -> tresult;
    fn getProgramListCount() -> int32;
    fn getProgramListInfo(index: int32, info: *mut ProgramListInfo) -> tresult;
    fn getProgramName(list: ProgramListID, index: int32, name: *mut String128) -> tresult;
    fn getProgramInfo(
        list: ProgramListID, index: int32, attribute: CString, value: *mut String128,
    ) -> tresult;
    fn hasProgramPitchNames(list: ProgramListID, index: int32) -> tresult;
    fn getProgramPitchName(
        list: ProgramListID, index: int32, pitch: int16, name: *mut String128,
    ) -> tresult;
    fn getSelectedUnit() -> UnitID;
    fn selectUnit(unit: UnitID) -> tresult;
    fn getUnitByBus(
        media: MediaType, dir: BusDirection, bus: int32, channel: int32, unit: *mut UnitID,
    ) -> tresult;
    fn setUnitProgramData(list_or_unit: int32, index: int32, data: *mut IBStream) -> tresult;
});

delegate!(IInfoListenerTrait {
    fn setChannelContextInfos(list: *mut IAttributeList) -> tresult;
});
