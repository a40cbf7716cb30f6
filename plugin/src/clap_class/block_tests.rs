//! What the class makes of the blocks that hosts send, beside nice-plug's own plugin where that
//! shows the fault without ending the process.

use std::ptr::null_mut;
use std::sync::Arc;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, CLAP_TRANSPORT_HAS_SECONDS_TIMELINE,
    CLAP_TRANSPORT_IS_PLAYING, clap_event_header, clap_event_transport,
};
use clap_sys::fixedpoint::CLAP_SECTIME_FACTOR;
use nice_plug::wrapper::clap::Wrapper;
use soloist::streaming::HostPlace;

use super::class::ClapClass;
use super::test_host::{Host, Phase, bus};
use crate::test_probe::{BusProbe, LAST_PLACE, LATENCY_FRAMES, NUM_AUX};

const FRAMES: usize = 256;

fn probe() -> Host {
    // SAFETY: the test host outlives its instance.
    let mut host = Host::make(|host| unsafe { ClapClass::create::<BusProbe>(host) });
    host.activate(48_000.0);
    host
}

fn plain_probe() -> Host {
    // SAFETY: as above; the wrapper's own `destroy` takes the reference back.
    let mut host = Host::make(|host| unsafe {
        (*Arc::into_raw(Wrapper::<BusProbe>::new(host))).clap_plugin.as_ptr()
    });
    host.activate(48_000.0);
    host
}

/// Channels of one frame count, and buses that point at them.
struct Block {
    channels: Vec<[Vec<f32>; 2]>,
    pointers: Vec<[*mut f32; 2]>,
}

impl Block {
    fn new(num_buses: usize, num_frames: usize, value: f32) -> Self {
        let channels = || [vec![value; num_frames], vec![value; num_frames]];
        let mut channels: Vec<_> = std::iter::repeat_with(channels).take(num_buses).collect();
        let pointers = channels.iter_mut().map(|bus| bus.each_mut().map(|c| c.as_mut_ptr()));
        let pointers = pointers.collect();
        Self { channels, pointers }
    }

    fn buses(&mut self) -> Vec<clap_audio_buffer> {
        self.pointers.iter_mut().map(|channels| bus(channels)).collect()
    }
}

/// Plays one block in which the outputs marked false are not there; returns all output channels.
fn play(host: &mut Host, num_frames: usize, present: &[bool]) -> Vec<[Vec<f32>; 2]> {
    let mut input = Block::new(1, num_frames, 0.25);
    let mut output = Block::new(present.len(), num_frames, 9.0);
    let mut buses = output.buses();
    for (bus, present) in buses.iter_mut().zip(present) {
        if !present {
            bus.data32 = null_mut();
        }
    }
    // SAFETY: every channel has that many frames.
    unsafe { host.process_buses(num_frames, &input.buses(), &mut buses, None) };
    output.channels
}

#[test]
fn any_output_may_be_missing_and_the_others_are_right() {
    // Blocks of 0, 1 and more than was announced (4096).
    for num_frames in [0, 1, FRAMES, 10_000] {
        for present in
            [&[true, true, true][..], &[true, false, true], &[true, false, false], &[true, true]]
                .into_iter()
                .chain([&[true][..], &[false, true, false]])
        {
            let outputs = play(&mut probe(), num_frames, present);
            for (bus, channels) in outputs.iter().enumerate() {
                let filled = if bus == 0 { 0.5 } else { bus as f32 };
                let want = if present[bus] { filled } else { 9.0 };
                for channel in channels {
                    assert!(channel.iter().all(|sample| *sample == want), "{present:?}");
                }
            }
        }
    }
}

/// When this fails, nice-plug processes without all buses and needs no help.
#[test]
fn the_plain_wrapper_skips_a_block_without_one_output() {
    let outputs = play(&mut plain_probe(), FRAMES, &[true, false, true]);
    assert_eq!(outputs[0][0], vec![0.25; FRAMES], "the input, untouched");
    assert_eq!(NUM_AUX, 2);
}

#[test]
fn a_missing_input_is_silence_and_a_bus_too_wide_is_cut() {
    let mut host = probe();
    let mut output = Block::new(3, FRAMES, 9.0);
    let mut extra = vec![9.0_f32; FRAMES];
    let mut wide = [output.pointers[0][0], output.pointers[0][1], extra.as_mut_ptr()];
    let mut buses = output.buses();
    buses[0] = bus(&mut wide);
    // SAFETY: every channel has that many frames.
    unsafe { host.process_buses(FRAMES, &[], &mut buses, None) };
    assert_eq!(output.channels[0][1], vec![0.5; FRAMES]);
    assert_eq!(extra, vec![9.0; FRAMES]);
}

#[test]
fn events_act_at_their_frames_whatever_their_order_and_late_ones_at_the_end() {
    let mut host = probe();
    for (value, at_frame) in [(0.25, 100), (0.75, 10), (0.5, 100), (1.0, 5000), (0.0, u32::MAX)] {
        host.set_parameter_at("Level", value, at_frame);
    }
    let outputs = play(&mut host, FRAMES, &[true; 3]);
    let at = |frame: usize| outputs[0][0][frame];
    assert_eq!([at(0), at(9), at(10), at(99)], [0.5, 0.5, 0.75, 0.75]);
    assert_eq!([at(100), at(254), at(255)], [0.5, 0.5, 0.0]);
    // An event in an empty block.
    host.set_parameter_at("Level", 1.0, 3);
    play(&mut host, 0, &[true; 3]);
    assert_eq!(play(&mut host, FRAMES, &[true; 3])[0][0], vec![1.0; FRAMES]);
}

#[test]
fn too_many_wrong_events_still_end_where_the_host_wants() {
    let mut host = probe();
    for index in 0..5000_u32 {
        host.set_parameter_at("Level", f64::from(index % 7) / 10.0, 5000 - index);
    }
    host.set_parameter_at("Level", 0.875, 5000);
    let outputs = play(&mut host, FRAMES, &[true; 3]);
    assert_eq!(outputs[0][0][FRAMES - 1], 0.875);
}

#[test]
fn silent_outputs_are_told_and_no_others() {
    let mut host = probe();
    host.set_parameter_at("Level", 0.0, 0);
    for want in [0b11, 0b00] {
        let mut input = Block::new(1, FRAMES, 0.25);
        let mut output = Block::new(3, FRAMES, 9.0);
        let mut buses = output.buses();
        for bus in &mut buses {
            bus.constant_mask = 0b11;
        }
        // SAFETY: every channel has that many frames.
        unsafe { host.process_buses(FRAMES, &input.buses(), &mut buses, None) };
        let masks: Vec<u64> = buses.iter().map(|bus| bus.constant_mask).collect();
        assert_eq!(masks, [want, 0, 0]);
        host.set_parameter_at("Level", 0.5, 0);
    }
}

#[test]
fn a_jump_and_each_place_on_the_timeline_reach_the_plugin_at_their_block() {
    let mut host = probe();
    let place = |seconds: f64| clap_event_transport {
        header: clap_event_header {
            size: size_of::<clap_event_transport>() as u32,
            time: 0,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_: CLAP_EVENT_TRANSPORT,
            flags: 0,
        },
        flags: CLAP_TRANSPORT_IS_PLAYING | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE,
        song_pos_seconds: (seconds * CLAP_SECTIME_FACTOR as f64) as i64,
        // SAFETY: a C struct of numbers, for which zero is a valid value.
        ..unsafe { std::mem::zeroed() }
    };
    let block_s = FRAMES as f64 / 48_000.0;
    for (seconds, want) in
        [(1.0, 0.5), (1.0 + block_s, 0.5), (7.0, -1.0), (7.0 + block_s, 0.5), (2.0, -1.0)]
    {
        let mut input = Block::new(1, FRAMES, 0.25);
        let mut output = Block::new(3, FRAMES, 9.0);
        let transport = place(seconds);
        // SAFETY: every channel has that many frames.
        unsafe {
            let inputs = input.buses();
            host.process_buses(FRAMES, &inputs, &mut output.buses(), Some(&transport));
        }
        assert_eq!(output.channels[0][0][0], want, "at {seconds} s");
        let frame = (seconds * 48_000.0).round() as i64;
        assert_eq!(LAST_PLACE.take(), Some(HostPlace::At(frame)), "at {seconds} s");
    }
    let mut input = Block::new(1, FRAMES, 0.25);
    let mut output = Block::new(3, FRAMES, 9.0);
    let stopped = clap_event_transport { flags: 0, ..place(2.0) };
    for (transport, place) in [(Some(&stopped), HostPlace::Stopped), (None, HostPlace::Unknown)] {
        // SAFETY: every channel has that many frames.
        unsafe { host.process_buses(FRAMES, &input.buses(), &mut output.buses(), transport) };
        assert_eq!(LAST_PLACE.take(), Some(place));
    }
}

#[test]
fn the_first_activation_tells_its_latency_and_asks_for_nothing() {
    let host = probe();
    assert_eq!(host.latency_frames(), LATENCY_FRAMES);
    assert!(!host.is_restart_asked());
    assert_eq!(host.latency_changes(), [Phase::Activating]);
}

/// When this fails, nice-plug follows CLAP's rule by itself.
#[test]
fn the_plain_wrapper_changes_the_latency_untold_and_asks_for_a_restart() {
    let host = plain_probe();
    assert_eq!(host.latency_frames(), LATENCY_FRAMES);
    assert!(host.is_restart_asked());
    assert_eq!(host.latency_changes(), []);
}
