//! One block on its way from the host to nice-plug, made whole.

use std::ptr::null;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::{
    CLAP_TRANSPORT_HAS_BEATS_TIMELINE, CLAP_TRANSPORT_HAS_SECONDS_TIMELINE,
    CLAP_TRANSPORT_HAS_TEMPO, CLAP_TRANSPORT_IS_LOOP_ACTIVE, CLAP_TRANSPORT_IS_PLAYING,
    clap_event_transport,
};
use clap_sys::fixedpoint::{CLAP_BEATTIME_FACTOR, CLAP_SECTIME_FACTOR};
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use soloist::streaming::HostPlace;

use super::events::{MendedEvents, are_in_order};
use super::params::send;
use crate::host_block::buses::{Buses, HostBus};
use crate::host_block::transport::{Place, TransportWatch};
use crate::host_link::HostLink;
use crate::meters::MeterWatch;

/// What the blocks between two activations need.
pub struct Blocks {
    inputs: Buses,
    outputs: Buses,
    input_table: Vec<clap_audio_buffer>,
    output_table: Vec<clap_audio_buffer>,
    events: MendedEvents,
    watch: TransportWatch,
    meters: MeterWatch,
    sample_rate_hz: f64,
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
            input_table: vec![EMPTY; inputs.len()],
            output_table: vec![EMPTY; outputs.len()],
            events: MendedEvents::new(),
            watch: TransportWatch::new(sample_rate_hz),
            meters: MeterWatch::new(sample_rate_hz),
            sample_rate_hz,
        }
    }

    /// Hands a block to the wrapped plugin. A block that is longer than announced goes there in
    /// parts where our own channels stand in for the host's: they are no longer than that.
    ///
    /// # Safety
    /// `wrapped` is active and `block` is as CLAP prescribes, except for what this module mends.
    ///
    /// # Realtime safety
    /// Does not allocate, lock or wait.
    pub unsafe fn process(
        &mut self,
        wrapped: *const clap_plugin,
        block: &clap_process,
        link: &HostLink,
    ) -> clap_process_status {
        // SAFETY: by this function's contract, here and below.
        let Some(process) = (unsafe { (*wrapped).process }) else { return CLAP_PROCESS_ERROR };
        // SAFETY: as above.
        let place = unsafe { block.transport.as_ref() };
        let place = place.map(|transport| place_of(transport, self.sample_rate_hz));
        link.set_place(place.map_or(HostPlace::Unknown, Place::in_frames));
        if self.watch.is_start(place) {
            link.set_started();
        }
        if self.watch.is_jump(place, block.frames_count as usize) {
            link.set_jumped();
        }
        // SAFETY: as above.
        let missing = unsafe {
            let inputs = self
                .inputs
                .take(|bus| host_bus(block.audio_inputs, block.audio_inputs_count as usize, bus));
            let outputs = self
                .outputs
                .take(|bus| host_bus(block.audio_outputs, block.audio_outputs_count as usize, bus));
            inputs.missing + outputs.missing
        };
        let num_frames = block.frames_count as usize;
        let part_frames = if missing > 0 { self.outputs.max_frames() } else { num_frames.max(1) };

        let mut begin = 0;
        let status = loop {
            let end = (begin + part_frames).min(num_frames);
            // SAFETY: as above; the host's channels have `num_frames`.
            let status = unsafe { self.process_part(process, wrapped, block, begin..end) };
            begin = end;
            if begin == num_frames || status == CLAP_PROCESS_ERROR {
                break status;
            }
        };
        // SAFETY: as above.
        unsafe { self.tell_silence(block) };
        self.meters.tell(link.readings(), num_frames, |meter, value| {
            // Behind all that the wrapper has sent.
            let last_frame = block.frames_count.saturating_sub(1);
            // SAFETY: as above.
            unsafe { send(block.out_events, last_frame, meter, value) };
        });
        status
    }

    /// # Safety
    /// As [`Blocks::process`]; `part` lies inside the block.
    unsafe fn process_part(
        &mut self,
        process: Process,
        wrapped: *const clap_plugin,
        block: &clap_process,
        part: std::ops::Range<usize>,
    ) -> clap_process_status {
        let num_frames = part.len() as u32;
        // SAFETY: by this function's contract.
        unsafe {
            fill(&mut self.input_table, &mut self.inputs, part.start);
            fill(&mut self.output_table, &mut self.outputs, part.start);
        }
        // All events belong to the first part, in which late ones come at its end.
        let host_events = if part.start == 0 { block.in_events } else { null() };
        let mended;
        // SAFETY: as above.
        let in_events = match unsafe { host_events.as_ref() } {
            None => null(),
            // The list itself: hosts may find what is theirs by its address.
            // SAFETY: as above.
            Some(list) if unsafe { are_in_order(list, num_frames) } => host_events,
            Some(list) => {
                // SAFETY: as above.
                unsafe { self.events.copy(list, num_frames) };
                mended = self.events.list();
                &raw const mended
            }
        };
        let whole = clap_process {
            frames_count: num_frames,
            audio_inputs: self.input_table.as_ptr(),
            audio_outputs: self.output_table.as_mut_ptr(),
            audio_inputs_count: self.input_table.len() as u32,
            audio_outputs_count: self.output_table.len() as u32,
            in_events,
            steady_time: match block.steady_time {
                time if time < 0 => time,
                time => time + part.start as i64,
            },
            ..*block
        };
        // SAFETY: every channel of every bus has the frames of the part, and all that `whole`
        // points to outlives the call.
        unsafe { process(wrapped, &raw const whole) }
    }

    /// Tells the host which of its channels are silent, so that it may skip what follows.
    ///
    /// # Safety
    /// As [`Blocks::process`].
    unsafe fn tell_silence(&self, block: &clap_process) {
        if block.audio_outputs.is_null() {
            return;
        }
        for bus in 0..self.outputs.len().min(block.audio_outputs_count as usize) {
            // SAFETY: by this function's contract; the host gives that many buses.
            unsafe {
                let bits = self.outputs.silent_channels(bus, block.frames_count as usize);
                (*block.audio_outputs.add(bus)).constant_mask = bits;
            }
        }
    }
}

type Process = unsafe extern "C" fn(*const clap_plugin, *const clap_process) -> clap_process_status;

const EMPTY: clap_audio_buffer = clap_audio_buffer {
    data32: std::ptr::null_mut(),
    data64: std::ptr::null_mut(),
    channel_count: 0,
    latency: 0,
    constant_mask: 0,
};

/// # Safety
/// `buses` is null or points to `count` buses.
unsafe fn host_bus(buses: *const clap_audio_buffer, count: usize, bus: usize) -> HostBus {
    if buses.is_null() || bus >= count {
        return (std::ptr::null_mut(), 0);
    }
    // SAFETY: by this function's contract.
    let bus = unsafe { &*buses.add(bus) };
    (bus.data32, bus.channel_count as usize)
}

/// # Safety
/// As [`Buses::select`].
unsafe fn fill(table: &mut [clap_audio_buffer], buses: &mut Buses, offset: usize) {
    // SAFETY: by this function's contract.
    unsafe { buses.select(offset) };
    for (index, entry) in table.iter_mut().enumerate() {
        let (data32, num_channels) = buses.channels(index);
        *entry = clap_audio_buffer { data32, channel_count: num_channels as u32, ..EMPTY };
    }
}

fn place_of(transport: &clap_event_transport, sample_rate_hz: f64) -> Place {
    let has = |flag: u32| transport.flags & flag != 0;
    let seconds = |time: i64| time as f64 / CLAP_SECTIME_FACTOR as f64 * sample_rate_hz;
    let beats = |time: i64| time as f64 / CLAP_BEATTIME_FACTOR as f64;
    let has_seconds = has(CLAP_TRANSPORT_HAS_SECONDS_TIMELINE);
    let has_beats = has(CLAP_TRANSPORT_HAS_BEATS_TIMELINE);
    let is_looped = has(CLAP_TRANSPORT_IS_LOOP_ACTIVE);
    Place {
        is_playing: has(CLAP_TRANSPORT_IS_PLAYING),
        frame: has_seconds.then(|| seconds(transport.song_pos_seconds)),
        beat: (has_beats && has(CLAP_TRANSPORT_HAS_TEMPO))
            .then(|| (beats(transport.song_pos_beats), transport.tempo)),
        loop_frames: (is_looped && has_seconds)
            .then(|| (seconds(transport.loop_start_seconds), seconds(transport.loop_end_seconds))),
        loop_beats: (is_looped && has_beats)
            .then(|| (beats(transport.loop_start_beats), beats(transport.loop_end_beats))),
    }
}
