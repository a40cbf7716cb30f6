//! The events that the CLAP host sends: parameter changes and the timeline.

use clack_host::events::event_types::{ParamModEvent, ParamValueEvent, TransportEvent};
use clack_host::prelude::*;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, CLAP_TRANSPORT_HAS_BEATS_TIMELINE,
    CLAP_TRANSPORT_HAS_SECONDS_TIMELINE, CLAP_TRANSPORT_HAS_TEMPO, CLAP_TRANSPORT_IS_LOOP_ACTIVE,
    CLAP_TRANSPORT_IS_PLAYING, clap_event_transport,
};
use clap_sys::fixedpoint::{CLAP_BEATTIME_FACTOR, CLAP_SECTIME_FACTOR};

use super::{ProcessConfig, TEMPO_BPM, Transport};

/// A change of a parameter's value, or an offset to it.
#[derive(Clone, Copy)]
pub(super) struct PendingEvent {
    pub time: u32,
    pub id: ClapId,
    pub value: f64,
    pub is_offset: bool,
}

/// The changes of one block, in order of time unless the host is careless.
pub(super) fn in_order_of_time(mut pending: Vec<PendingEvent>, is_careless: bool) -> EventBuffer {
    if !is_careless {
        pending.sort_by_key(|event| event.time);
    }
    let mut events = EventBuffer::with_capacity(pending.len());
    for PendingEvent { time, id, value, is_offset } in pending {
        if is_offset {
            events.push(&ParamModEvent::new(time, id, Pckn::match_all(), value));
        } else {
            events.push(&ParamValueEvent::new(time, id, Pckn::match_all(), value));
        }
    }
    events
}

/// The timeline as CLAP tells it.
pub(super) fn transport_event(transport: Transport, config: &ProcessConfig) -> TransportEvent {
    let seconds = |frame: i64| frame as f64 / config.sample_rate_hz;
    let fixed = |seconds: f64| (seconds * CLAP_SECTIME_FACTOR as f64).round() as i64;
    let beats = |frame: i64| {
        (seconds(frame) * TEMPO_BPM / 60.0 * CLAP_BEATTIME_FACTOR as f64).round() as i64
    };
    // SAFETY: a C struct of numbers, for which zero is a valid value.
    let mut event: clap_event_transport = unsafe { std::mem::zeroed() };
    event.header.size = size_of::<clap_event_transport>() as u32;
    event.header.space_id = CLAP_CORE_EVENT_SPACE_ID;
    event.header.type_ = CLAP_EVENT_TRANSPORT;
    event.flags = CLAP_TRANSPORT_HAS_TEMPO
        | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE
        | CLAP_TRANSPORT_HAS_BEATS_TIMELINE;
    event.tempo = TEMPO_BPM;
    event.song_pos_seconds = fixed(seconds(transport.frame));
    event.song_pos_beats = beats(transport.frame);
    if transport.is_playing {
        event.flags |= CLAP_TRANSPORT_IS_PLAYING;
    }
    if let Some((begin, end)) = transport.loop_frames {
        event.flags |= CLAP_TRANSPORT_IS_LOOP_ACTIVE;
        event.loop_start_seconds = fixed(seconds(begin));
        event.loop_end_seconds = fixed(seconds(end));
        event.loop_start_beats = beats(begin);
        event.loop_end_beats = beats(end);
    }
    TransportEvent::from_raw(&event)
}
