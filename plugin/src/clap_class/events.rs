//! A host's events in the order and the bounds that nice-plug trusts them to have.
//!
//! nice-plug 0.4.2 subtracts the times of events from one another and from the block's length: an
//! event that lies behind the block, or before the one that it follows, is a panic across the C
//! boundary, and with it the end of the host. A null among the events is another.

use std::ffi::c_void;
use std::ptr::null;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_MOD, CLAP_EVENT_PARAM_VALUE, CLAP_EVENT_TRANSPORT,
    clap_event_header, clap_event_param_mod, clap_event_param_value, clap_event_transport,
    clap_input_events,
};

/// Most events of a block that can be mended; a later one then takes the place of an earlier one
/// of the same parameter, so that every parameter ends where the host wants it.
const MAX_MENDED: usize = 1024;

/// Copies of one block's events, mended.
pub struct MendedEvents {
    events: Vec<Event>,
}

/// The events that the plugin understands; all begin with the header.
#[derive(Clone, Copy)]
#[repr(C)]
union Event {
    header: clap_event_header,
    value: clap_event_param_value,
    modulation: clap_event_param_mod,
    transport: clap_event_transport,
}

// SAFETY: the cookies, which nice-plug does not use, are pointers only by type.
unsafe impl Send for MendedEvents {}

impl MendedEvents {
    /// An empty list with room for a block's events. Allocates.
    pub fn new() -> Self {
        Self { events: Vec::with_capacity(MAX_MENDED) }
    }

    /// Copies the host's events for a block of `num_frames`: sorted by time, those behind the
    /// block at its last frame.
    ///
    /// # Safety
    /// `list` and its events are valid.
    pub unsafe fn copy(&mut self, list: &clap_input_events, num_frames: u32) {
        self.events.clear();
        // SAFETY: by this function's contract.
        unsafe {
            for_each(list, |header| {
                if let Some(event) = Event::read(header) {
                    self.insert(event, num_frames.saturating_sub(1));
                }
            });
        }
    }

    /// The copies as a list for nice-plug, valid while `self` is neither moved nor changed.
    pub fn list(&self) -> clap_input_events {
        clap_input_events {
            ctx: (&raw const *self).cast_mut().cast::<c_void>(),
            size: Some(size),
            get: Some(get),
        }
    }

    fn insert(&mut self, mut event: Event, last_frame: u32) {
        // SAFETY: every event begins with a header.
        let time = unsafe {
            event.header.time = event.header.time.min(last_frame);
            event.header.time
        };
        if self.events.len() == MAX_MENDED {
            let Some(index) = self.events.iter().rposition(|other| other.concerns_same(&event))
            else {
                return;
            };
            self.events.remove(index);
        }
        // Behind all of the same time: the host's order holds among them.
        // SAFETY: as above.
        let index = self.events.partition_point(|other| unsafe { other.header.time } <= time);
        self.events.insert(index, event);
    }
}

impl Event {
    /// # Safety
    /// `header` begins a whole event of the type that it says.
    unsafe fn read(header: *const clap_event_header) -> Option<Self> {
        // SAFETY: by this function's contract; hosts need not align events as we would.
        unsafe {
            let space_and_type = ((*header).space_id, (*header).type_);
            match space_and_type {
                (CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE) => {
                    Some(Self { value: header.cast::<clap_event_param_value>().read_unaligned() })
                }
                (CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_MOD) => Some(Self {
                    modulation: header.cast::<clap_event_param_mod>().read_unaligned(),
                }),
                (CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT) => {
                    Some(Self { transport: header.cast::<clap_event_transport>().read_unaligned() })
                }
                _ => None,
            }
        }
    }

    fn concerns_same(&self, other: &Self) -> bool {
        // SAFETY: the type in the header says which one it is; value and modulation have their
        // parameter at the same place.
        unsafe {
            let (a, b) = (self.header.type_, other.header.type_);
            a == b && (a == CLAP_EVENT_TRANSPORT || self.value.param_id == other.value.param_id)
        }
    }
}

/// Whether nice-plug can take the list as it is for a block of `num_frames`.
///
/// # Safety
/// `list` and its events are valid.
pub unsafe fn are_in_order(list: &clap_input_events, num_frames: u32) -> bool {
    let (Some(size), Some(get)) = (list.size, list.get) else { return false };
    let last_frame = num_frames.saturating_sub(1);
    let mut latest = 0;
    // SAFETY: by this function's contract.
    unsafe {
        (0..size(list)).all(|index| {
            let event = get(list, index);
            let is_good = !event.is_null() && (latest..=last_frame).contains(&(*event).time);
            if is_good {
                latest = (*event).time;
            }
            is_good
        })
    }
}

/// # Safety
/// `list` and its events are valid.
unsafe fn for_each(list: &clap_input_events, mut f: impl FnMut(*const clap_event_header)) {
    let (Some(size), Some(get)) = (list.size, list.get) else { return };
    // SAFETY: by this function's contract.
    unsafe {
        for index in 0..size(list) {
            let event = get(list, index);
            if !event.is_null() {
                f(event);
            }
        }
    }
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: `ctx` is the `MendedEvents` that made the list and outlives it.
    unsafe { (*(*list).ctx.cast::<MendedEvents>()).events.len() as u32 }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as above; every event begins with a header.
    unsafe {
        let events = &(*(*list).ctx.cast::<MendedEvents>()).events;
        events.get(index as usize).map_or(null(), |event| &raw const event.header)
    }
}
