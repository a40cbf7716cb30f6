//! A CLAP host of the smallest kind, on one thread, that writes down what the plugin asks of it.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};
use std::slice;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_param_value,
    clap_event_transport, clap_input_events, clap_output_events,
};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency, clap_plugin_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use clap_sys::ext::render::{CLAP_EXT_RENDER, clap_plugin_render, clap_plugin_render_mode};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state, clap_plugin_state};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use clap_sys::version::CLAP_VERSION;
use nice_assert_no_alloc::assert_no_alloc;

use super::class::ClapClass;
use super::test_streams::{Reader, Writer};
use crate::host_link::HostLink;

/// What the host is doing to the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not active.
    Deactivated,
    /// Inside `activate()`.
    Activating,
    /// Active, on the main thread.
    Active,
    /// Inside `process()`.
    Processing,
}

thread_local! {
    static PHASE: Cell<Phase> = const { Cell::new(Phase::Deactivated) };
    static LATENCY_CHANGES: RefCell<Vec<Phase>> = const { RefCell::new(Vec::new()) };
    static RESTART_REQUESTED: Cell<bool> = const { Cell::new(false) };
    static CALLBACK_REQUESTED: Cell<bool> = const { Cell::new(false) };
    static NUM_DIRTY: Cell<usize> = const { Cell::new(0) };
}

static STATE: clap_host_state = clap_host_state { mark_dirty: Some(mark_dirty) };

unsafe extern "C" fn mark_dirty(_host: *const clap_host) {
    NUM_DIRTY.set(NUM_DIRTY.get() + 1);
}

unsafe extern "C" fn request_callback(_host: *const clap_host) {
    CALLBACK_REQUESTED.set(true);
}

static LATENCY: clap_host_latency = clap_host_latency { changed: Some(latency_changed) };

unsafe extern "C" fn latency_changed(_host: *const clap_host) {
    LATENCY_CHANGES.with_borrow_mut(|phases| phases.push(PHASE.get()));
}

unsafe extern "C" fn request_restart(_host: *const clap_host) {
    RESTART_REQUESTED.set(true);
}

unsafe extern "C" fn ignore(_host: *const clap_host) {}

unsafe extern "C" fn host_extension(_host: *const clap_host, id: *const c_char) -> *const c_void {
    // SAFETY: by CLAP's contract the identifier is a NUL-terminated string.
    let id = unsafe { CStr::from_ptr(id) };
    match id {
        id if id == CLAP_EXT_LATENCY => (&raw const LATENCY).cast(),
        id if id == CLAP_EXT_STATE => (&raw const STATE).cast(),
        _ => null(),
    }
}

type Events = Vec<clap_event_param_value>;

thread_local! {
    /// The list of the running `process()`. Hosts find what is theirs by the address of a list: a
    /// copy of it is none of theirs.
    static LIST: Cell<*const clap_input_events> = const { Cell::new(null()) };
}

unsafe extern "C" fn num_events(events: *const clap_input_events) -> u32 {
    assert!(std::ptr::eq(events, LIST.get()), "a copy of the host's list of events");
    // SAFETY: `ctx` points to the events of the running `process()`.
    unsafe { (*(*events).ctx.cast::<Events>()).len() as u32 }
}

unsafe extern "C" fn event_at(
    events: *const clap_input_events,
    index: u32,
) -> *const clap_event_header {
    assert!(std::ptr::eq(events, LIST.get()), "a copy of the host's list of events");
    // SAFETY: as above.
    let events = unsafe { &*(*events).ctx.cast::<Events>() };
    events.get(index as usize).map_or(null(), |event| &raw const event.header)
}

unsafe extern "C" fn drop_event(
    _events: *const clap_output_events,
    _event: *const clap_event_header,
) -> bool {
    true
}

/// A bus of these channels.
pub fn bus(channels: &mut [*mut f32]) -> clap_audio_buffer {
    clap_audio_buffer {
        data32: channels.as_mut_ptr(),
        data64: null_mut(),
        channel_count: channels.len() as u32,
        latency: 0,
        constant_mask: 0,
    }
}

/// One plugin instance in the host.
pub struct Host {
    plugin: *const clap_plugin,
    events: Events,
    // The plugin holds a pointer to it.
    _host: Box<clap_host>,
}

impl Host {
    /// Makes the library's plugin of that identifier.
    pub fn load(id: &CStr) -> Self {
        // SAFETY: the entry is this library's own; every pointer is valid for its call.
        Self::make(|host| unsafe {
            let get_factory = crate::clap_class::entry::clap_entry.get_factory.unwrap();
            let factory = get_factory(CLAP_PLUGIN_FACTORY_ID.as_ptr());
            let factory = factory.cast::<clap_plugin_factory>();
            (*factory).create_plugin.unwrap()(factory, host, id.as_ptr())
        })
    }

    /// Makes an instance by `create`, which receives a host that outlives it.
    pub fn make(create: impl FnOnce(*const clap_host) -> *const clap_plugin) -> Self {
        LATENCY_CHANGES.with_borrow_mut(Vec::clear);
        RESTART_REQUESTED.set(false);
        CALLBACK_REQUESTED.set(false);
        NUM_DIRTY.set(0);
        PHASE.set(Phase::Deactivated);
        let host = Box::new(clap_host {
            clap_version: CLAP_VERSION,
            host_data: null_mut(),
            name: c"Test host".as_ptr(),
            vendor: c"".as_ptr(),
            url: c"".as_ptr(),
            version: c"0".as_ptr(),
            get_extension: Some(host_extension),
            request_restart: Some(request_restart),
            request_process: Some(ignore),
            request_callback: Some(request_callback),
        });
        let plugin = create(&raw const *host);
        assert!(!plugin.is_null());
        // SAFETY: just made; `init` is the first call.
        assert!(unsafe { (*plugin).init.unwrap()(plugin) });
        Self { plugin, events: Events::new(), _host: host }
    }

    /// Activates and starts processing.
    pub fn activate(&mut self, sample_rate_hz: f64) {
        PHASE.set(Phase::Activating);
        // SAFETY: the plugin is alive and not active.
        assert!(unsafe { (*self.plugin).activate.unwrap()(self.plugin, sample_rate_hz, 1, 4096) });
        PHASE.set(Phase::Active);
        // SAFETY: active and not yet processing.
        assert!(unsafe { (*self.plugin).start_processing.unwrap()(self.plugin) });
    }

    /// Stops processing and deactivates.
    pub fn deactivate(&mut self) {
        // SAFETY: the plugin is active and processing.
        unsafe {
            (*self.plugin).stop_processing.unwrap()(self.plugin);
            (*self.plugin).deactivate.unwrap()(self.plugin);
        }
        PHASE.set(Phase::Deactivated);
    }

    /// Whether the plugin has asked for a restart that it has not had.
    pub fn is_restart_asked(&self) -> bool {
        RESTART_REQUESTED.get()
    }

    /// How often the plugin has said that what the host saves has changed.
    pub fn num_dirty(&self) -> usize {
        NUM_DIRTY.get()
    }

    /// Calls the plugin on the main thread where it has asked for that; says whether it had.
    pub fn call_back_if_asked(&mut self) -> bool {
        let asked = CALLBACK_REQUESTED.take();
        if asked {
            // SAFETY: the plugin is alive, and this is the main thread.
            unsafe { (*self.plugin).on_main_thread.unwrap()(self.plugin) };
        }
        asked
    }

    /// Does what the plugin asked for, as a well-behaved host; says whether it had asked.
    pub fn restart_if_asked(&mut self, sample_rate_hz: f64) -> bool {
        let asked = RESTART_REQUESTED.take();
        if asked {
            self.deactivate();
            self.activate(sample_rate_hz);
        }
        asked
    }

    /// Sets a parameter by its title at the start of the next block.
    pub fn set_parameter(&mut self, title: &str, value: f64) {
        self.set_parameter_at(title, value, 0);
    }

    /// Sets a parameter by its title at any frame of the next block, or outside of it; events go
    /// to the plugin in the order of these calls.
    pub fn set_parameter_at(&mut self, title: &str, value: f64, at_frame: u32) {
        let params = self.extension::<clap_plugin_params>(CLAP_EXT_PARAMS);
        // SAFETY: the extension's pointer stays valid while the plugin lives; `info` is plain data
        // that the plugin fills in.
        let id = unsafe {
            let mut info: clap_param_info = std::mem::zeroed();
            (0..(*params).count.unwrap()(self.plugin)).find_map(|index| {
                assert!((*params).get_info.unwrap()(self.plugin, index, &raw mut info));
                let found = CStr::from_ptr(info.name.as_ptr()).to_str() == Ok(title);
                found.then_some(info.id)
            })
        };
        let header = clap_event_header {
            size: size_of::<clap_event_param_value>() as u32,
            time: at_frame,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_: CLAP_EVENT_PARAM_VALUE,
            flags: 0,
        };
        self.events.push(clap_event_param_value {
            header,
            param_id: id.unwrap(),
            cookie: null_mut(),
            note_id: -1,
            port_index: -1,
            channel: -1,
            key: -1,
            value,
        });
    }

    /// Processes one block in place; all channels have the same length.
    pub fn process(&mut self, channels: &mut [Vec<f32>]) -> clap_process_status {
        let num_frames = channels[0].len();
        let mut pointers: Vec<*mut f32> = channels.iter_mut().map(|c| c.as_mut_ptr()).collect();
        let input = bus(&mut pointers);
        let mut output = input;
        // SAFETY: both buses are the same channels, which have that many frames.
        unsafe { self.process_buses(num_frames, &[input], slice::from_mut(&mut output), None) }
    }

    /// Processes one block whose buses are given as they are.
    ///
    /// # Safety
    /// Every channel of every bus is null or has `num_frames`.
    pub unsafe fn process_buses(
        &mut self,
        num_frames: usize,
        inputs: &[clap_audio_buffer],
        outputs: &mut [clap_audio_buffer],
        transport: Option<&clap_event_transport>,
    ) -> clap_process_status {
        let in_events = clap_input_events {
            ctx: (&raw mut self.events).cast(),
            size: Some(num_events),
            get: Some(event_at),
        };
        LIST.set(&raw const in_events);
        let out_events = clap_output_events { ctx: null_mut(), try_push: Some(drop_event) };
        let process = clap_process {
            steady_time: -1,
            frames_count: num_frames as u32,
            transport: transport.map_or(null(), std::ptr::from_ref),
            audio_inputs: inputs.as_ptr(),
            audio_outputs: outputs.as_mut_ptr(),
            audio_inputs_count: inputs.len() as u32,
            audio_outputs_count: outputs.len() as u32,
            in_events: &raw const in_events,
            out_events: &raw const out_events,
        };
        PHASE.set(Phase::Processing);
        // All of the callback, our class's part too, is held to its word.
        // SAFETY: active and processing; all that `process` points to outlives the call.
        let status = assert_no_alloc(|| unsafe {
            (*self.plugin).process.unwrap()(self.plugin, &raw const process)
        });
        PHASE.set(Phase::Active);
        self.events.clear();
        assert_ne!(status, CLAP_PROCESS_ERROR);
        status
    }

    /// The latency that the plugin tells, in frames.
    pub fn latency_frames(&self) -> u32 {
        let latency = self.extension::<clap_plugin_latency>(CLAP_EXT_LATENCY);
        // SAFETY: the extension's pointer stays valid while the plugin lives.
        unsafe { (*latency).get.unwrap()(self.plugin) }
    }

    /// Sets the render mode.
    pub fn set_render_mode(&mut self, mode: clap_plugin_render_mode) {
        let render = self.extension::<clap_plugin_render>(CLAP_EXT_RENDER);
        // SAFETY: as above.
        assert!(unsafe { (*render).set.unwrap()(self.plugin, mode) });
    }

    /// The plugin's saved state.
    pub fn save(&self) -> Vec<u8> {
        let state = self.extension::<clap_plugin_state>(CLAP_EXT_STATE);
        let mut writer = Writer::default();
        // SAFETY: the extension lives as long as the plugin, the stream as long as the call.
        assert!(unsafe { (*state).save.unwrap()(self.plugin, &writer.stream()) });
        writer.bytes
    }

    /// Restores a state; says whether the plugin took it.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let state = self.extension::<clap_plugin_state>(CLAP_EXT_STATE);
        let mut reader = Reader { rest: bytes };
        // SAFETY: as above.
        unsafe { (*state).load.unwrap()(self.plugin, &reader.stream()) }
    }

    /// What the host was doing at each `latency.changed()`.
    pub fn latency_changes(&self) -> Vec<Phase> {
        LATENCY_CHANGES.with_borrow(Clone::clone)
    }

    /// What lies between the instance and its class.
    pub fn link(&self) -> &HostLink {
        // SAFETY: a plugin of this library is one of its classes, and alive.
        unsafe { (*self.plugin.cast::<ClapClass>()).link() }
    }

    fn extension<T>(&self, id: &CStr) -> *const T {
        // SAFETY: the plugin is alive; the identifier names the type asked for.
        let extension = unsafe { (*self.plugin).get_extension.unwrap()(self.plugin, id.as_ptr()) };
        assert!(!extension.is_null(), "the plugin lacks {id:?}");
        extension.cast()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if PHASE.get() != Phase::Deactivated {
            self.deactivate();
        }
        // SAFETY: not active; the last call to this plugin.
        unsafe { (*self.plugin).destroy.unwrap()(self.plugin) };
    }
}
