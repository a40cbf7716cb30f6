//! One block on its way from the host to nice-plug, made whole.

// C enumerations are signed on some platforms and unsigned on others.
#![allow(clippy::unnecessary_cast)]

use std::ptr::null_mut;

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::Wrapper;
use soloist::streaming::HostPlace;
use vst3::ComRef;
use vst3::Steinberg::Vst::ProcessContext_::StatesAndFlags_ as Flags;
use vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, IAudioProcessorTrait, IParamValueQueueTrait,
    IParameterChangesTrait, ProcessContext, ProcessData,
};
use vst3::Steinberg::{int32, kResultOk, tresult};

use crate::host_block::buses::{Buses, HostBus};
use crate::host_block::transport::{Place, TransportWatch};
use crate::host_link::HostLink;
use crate::meters::{Meter, MeterWatch};

/// What the blocks between two activations need.
pub struct Blocks {
    inputs: Buses,
    outputs: Buses,
    input_table: Vec<AudioBusBuffers>,
    output_table: Vec<AudioBusBuffers>,
    watch: TransportWatch,
    meters: MeterWatch,
}

// SAFETY: the pointers in the tables are used inside the block that set them only.
unsafe impl Send for Blocks {}

impl Blocks {
    /// For buses of these channel counts. Allocates.
    pub fn new(
        inputs: &[usize],
        outputs: &[usize],
        max_frames: usize,
        sample_rate_hz: f64,
    ) -> Self {
        Self {
            inputs: Buses::new(inputs.iter().copied(), max_frames),
            outputs: Buses::new(outputs.iter().copied(), max_frames),
            input_table: inputs.iter().map(|_| empty()).collect(),
            output_table: outputs.iter().map(|_| empty()).collect(),
            watch: TransportWatch::new(sample_rate_hz),
            meters: MeterWatch::new(sample_rate_hz),
        }
    }

    /// Hands a block to the wrapper. A block that is longer than announced goes there in parts
    /// where our own channels stand in for the host's: they are no longer than that.
    ///
    /// # Safety
    /// The wrapper is active and `data` is as VST3 prescribes, except for what this module mends.
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub unsafe fn process<P: Vst3Plugin>(
        &mut self,
        wrapper: &Wrapper<P>,
        data: &mut ProcessData,
        link: &HostLink,
    ) -> tresult {
        let num_frames = data.numSamples.max(0) as usize;
        // SAFETY: by this function's contract, here and below.
        let place = unsafe { data.processContext.as_ref() }.map(place_of);
        link.set_place(place.map_or(HostPlace::Unknown, Place::in_frames));
        if self.watch.is_start(place) {
            link.set_started();
        }
        if self.watch.is_jump(place, num_frames) {
            link.set_jumped();
        }
        // SAFETY: as above.
        let (given, missing) = unsafe {
            let inputs = self.inputs.take(|bus| host_bus(data.inputs, data.numInputs, bus));
            let outputs = self.outputs.take(|bus| host_bus(data.outputs, data.numOutputs, bus));
            (outputs.channels, inputs.missing + outputs.missing)
        };
        if num_frames == 0 || given == 0 {
            // Parameters alone: hosts send them so, and the time stands still.
            let mut flush = ProcessData { numSamples: 0, ..*data };
            // SAFETY: without frames the wrapper touches no audio.
            return unsafe { wrapper.process(&raw mut flush) };
        }
        let part_frames = if missing > 0 { self.outputs.max_frames() } else { num_frames };
        let mut begin = 0;
        while begin < num_frames {
            let end = (begin + part_frames).min(num_frames);
            // SAFETY: as above; the host's channels have `num_frames`.
            let result = unsafe { self.process_part(wrapper, data, begin..end) };
            if result != kResultOk {
                return result;
            }
            begin = end;
        }
        // SAFETY: as above.
        unsafe { self.tell_silence(data, num_frames) };
        self.meters.tell(link.readings(), num_frames, |meter, value| {
            // SAFETY: as above.
            unsafe { send(data, meter, value) };
        });
        kResultOk
    }

    /// # Safety
    /// As [`Blocks::process`]; `part` lies inside the block.
    unsafe fn process_part<P: Vst3Plugin>(
        &mut self,
        wrapper: &Wrapper<P>,
        data: &ProcessData,
        part: std::ops::Range<usize>,
    ) -> tresult {
        // SAFETY: by this function's contract.
        unsafe {
            fill(&mut self.input_table, &mut self.inputs, part.start);
            fill(&mut self.output_table, &mut self.outputs, part.start);
        }
        let is_first = part.start == 0;
        let mut whole = ProcessData {
            numSamples: part.len() as int32,
            numInputs: self.input_table.len() as int32,
            numOutputs: self.output_table.len() as int32,
            inputs: self.input_table.as_mut_ptr(),
            outputs: self.output_table.as_mut_ptr(),
            // All changes belong to the first part; the wrapper puts late ones at its end.
            inputParameterChanges: if is_first { data.inputParameterChanges } else { null_mut() },
            ..*data
        };
        // SAFETY: every channel of every bus has the frames of the part, and all that `whole`
        // points to outlives the call.
        unsafe { wrapper.process(&raw mut whole) }
    }

    /// Tells the host which of its channels are silent, so that it may skip what follows.
    ///
    /// # Safety
    /// As [`Blocks::process`]; the outputs are not null.
    unsafe fn tell_silence(&self, data: &mut ProcessData, num_frames: usize) {
        for bus in 0..self.outputs.len().min(data.numOutputs.max(0) as usize) {
            // SAFETY: by this function's contract; the host gives that many buses.
            unsafe {
                let bits = self.outputs.silent_channels(bus, num_frames);
                (*data.outputs.add(bus)).silenceFlags = bits;
            }
        }
    }
}

/// Sends a meter's number to the host, at the block's end.
///
/// # Safety
/// The list of changes is null or valid.
unsafe fn send(data: &ProcessData, meter: &Meter, value: f64) {
    let (mut index, mut point) = (0, 0);
    let last_frame = (data.numSamples - 1).max(0);
    // SAFETY: by this function's contract; the queue lives as long as the list.
    unsafe {
        let Some(changes) = ComRef::from_raw(data.outputParameterChanges) else { return };
        let queue = changes.addParameterData(&raw const meter.id, &raw mut index);
        // A full list drops it: the next one comes soon.
        if let Some(queue) = ComRef::from_raw(queue) {
            queue.addPoint(last_frame, value, &raw mut point);
        }
    }
}

fn empty() -> AudioBusBuffers {
    AudioBusBuffers {
        numChannels: 0,
        silenceFlags: 0,
        __field0: AudioBusBuffers__type0 { channelBuffers32: null_mut() },
    }
}

/// # Safety
/// `buses` is null or points to `count` buses.
unsafe fn host_bus(buses: *const AudioBusBuffers, count: int32, bus: usize) -> HostBus {
    if buses.is_null() || bus >= count.max(0) as usize {
        return (null_mut(), 0);
    }
    // SAFETY: by this function's contract; both members of the union are pointers.
    unsafe {
        let bus = &*buses.add(bus);
        (bus.__field0.channelBuffers32, bus.numChannels.max(0) as usize)
    }
}

/// # Safety
/// As [`Buses::select`].
unsafe fn fill(table: &mut [AudioBusBuffers], buses: &mut Buses, offset: usize) {
    // SAFETY: by this function's contract.
    unsafe { buses.select(offset) };
    for (index, entry) in table.iter_mut().enumerate() {
        let (channels, num_channels) = buses.channels(index);
        entry.numChannels = num_channels as int32;
        entry.silenceFlags = 0;
        entry.__field0.channelBuffers32 = channels;
    }
}

fn place_of(context: &ProcessContext) -> Place {
    let has = |flag: u32| context.state & flag != 0;
    let has_beats = has(Flags::kProjectTimeMusicValid as u32) && has(Flags::kTempoValid as u32);
    let has_loop = has(Flags::kCycleActive as u32) && has(Flags::kCycleValid as u32);
    Place {
        is_playing: has(Flags::kPlaying as u32),
        frame: Some(context.projectTimeSamples as f64),
        beat: has_beats.then_some((context.projectTimeMusic, context.tempo)),
        loop_frames: None,
        loop_beats: has_loop.then_some((context.cycleStartMusic, context.cycleEndMusic)),
    }
}
