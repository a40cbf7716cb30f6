//! The component, controller and processor class.

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::Wrapper;
use vst3::Class;
use vst3::Steinberg::Vst::ChannelContext::{IInfoListener, IInfoListenerTrait};
use vst3::Steinberg::Vst::{
    BusDirection, BusInfo, CString, CtrlNumber, IAttributeList, IAudioProcessor,
    IAudioProcessorTrait, IComponent, IComponentHandler, IComponentTrait, IEditController,
    IEditControllerTrait, IMidiMapping, IMidiMappingTrait, INoteExpressionController,
    INoteExpressionControllerTrait, IProcessContextRequirements, IProcessContextRequirementsTrait,
    IUnitInfo, IUnitInfoTrait, IoMode, MediaType, NoteExpressionTypeID, NoteExpressionTypeInfo,
    NoteExpressionValue, ParamID, ParamValue, ParameterInfo, ProcessData, ProcessSetup,
    ProgramListID, ProgramListInfo, RoutingInfo, SpeakerArrangement, String128, TChar, UnitID,
    UnitInfo,
};
use vst3::Steinberg::{
    FIDString, FUnknown, IBStream, IPlugView, IPluginBaseTrait, TBool, TUID, int16, int32,
    kResultOk, tresult, uint32,
};

/// nice-plug's VST3 wrapper with a correct `setupProcessing`.
///
/// Delegation is sound because the wrapper never casts itself to its own COM object: reference
/// counts and interface queries are this class's alone.
pub struct Vst3Class<P: Vst3Plugin> {
    wrapper: Wrapper<P>,
}

impl<P: Vst3Plugin> Vst3Class<P> {
    /// A new plugin instance.
    pub fn new() -> Self {
        Self { wrapper: Wrapper::new() }
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

/// Implements a COM trait by handing each listed call to the wrapper; methods after `corrected` are
/// taken as they stand.
macro_rules! delegate {
    ($trait:ident { $(fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty;)* }
     $(corrected { $($method:item)* })?) => {
        impl<P: Vst3Plugin> $trait for Vst3Class<P> {
            $(unsafe fn $name(&self, $($arg: $ty),*) -> $ret {
                // SAFETY: the same call with the same arguments; the host keeps its contract.
                unsafe { <Wrapper<P> as $trait>::$name(&self.wrapper, $($arg),*) }
            })*
            $($($method)*)?
        }
    };
}

delegate!(IAudioProcessorTrait {
    fn setBusArrangements(
        inputs: *mut SpeakerArrangement, num_ins: int32,
        outputs: *mut SpeakerArrangement, num_outs: int32,
    ) -> tresult;
    fn getBusArrangement(dir: BusDirection, index: int32, arr: *mut SpeakerArrangement) -> tresult;
    fn canProcessSampleSize(symbolic_sample_size: int32) -> tresult;
    fn getLatencySamples() -> uint32;
    fn setProcessing(state: TBool) -> tresult;
    fn process(data: *mut ProcessData) -> tresult;
} corrected {
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
        kResultOk
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
    fn terminate() -> tresult;
});

delegate!(IComponentTrait {
    fn getControllerClassId(class_id: *mut TUID) -> tresult;
    fn setIoMode(mode: IoMode) -> tresult;
    fn getBusCount(media: MediaType, dir: BusDirection) -> int32;
    fn getBusInfo(media: MediaType, dir: BusDirection, index: int32, bus: *mut BusInfo) -> tresult;
    fn getRoutingInfo(in_info: *mut RoutingInfo, out_info: *mut RoutingInfo) -> tresult;
    fn activateBus(media: MediaType, dir: BusDirection, index: int32, state: TBool) -> tresult;
    fn setActive(state: TBool) -> tresult;
    fn setState(state: *mut IBStream) -> tresult;
    fn getState(state: *mut IBStream) -> tresult;
});

delegate!(IEditControllerTrait {
    fn setComponentState(state: *mut IBStream) -> tresult;
    fn setState(state: *mut IBStream) -> tresult;
    fn getState(state: *mut IBStream) -> tresult;
    fn getParameterCount() -> int32;
    fn getParameterInfo(index: int32, info: *mut ParameterInfo) -> tresult;
    fn getParamStringByValue(id: ParamID, value: ParamValue, string: *mut String128) -> tresult;
    fn getParamValueByString(id: ParamID, string: *mut TChar, value: *mut ParamValue) -> tresult;
    fn normalizedParamToPlain(id: ParamID, value: ParamValue) -> ParamValue;
    fn plainParamToNormalized(id: ParamID, value: ParamValue) -> ParamValue;
    fn getParamNormalized(id: ParamID) -> ParamValue;
    fn setParamNormalized(id: ParamID, value: ParamValue) -> tresult;
    fn setComponentHandler(handler: *mut IComponentHandler) -> tresult;
    fn createView(name: FIDString) -> *mut IPlugView;
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
