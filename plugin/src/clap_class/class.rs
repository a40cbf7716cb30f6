//! A `clap_plugin` that delegates to nice-plug's and corrects it where hosts would suffer.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clap_sys::ext::audio_ports::{
    CLAP_EXT_AUDIO_PORTS, clap_audio_port_info, clap_plugin_audio_ports,
};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::ext::params::CLAP_EXT_PARAMS;
use clap_sys::ext::render::{
    CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, clap_plugin_render, clap_plugin_render_mode,
};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state};
use clap_sys::ext::tail::{CLAP_EXT_TAIL, clap_plugin_tail};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use nice_plug::prelude::{ClapPlugin, ParamPtr};
use nice_plug::wrapper::clap::Wrapper;

use super::block::Blocks;
use super::params::PARAMS;
use crate::host_block::try_cell::TryCell;
use crate::host_link::HostLink;

/// One instance, as the host sees it.
#[repr(C)]
pub struct ClapClass {
    /// First, so that the host's pointer is also a pointer to this. A copy of the wrapper's, whose
    /// functions look at `plugin_data` alone.
    plugin: clap_plugin,
    wrapped: *const clap_plugin,
    host: *const clap_host,
    /// Where the wrapper looks when the host asks for the latency; lives as long as `wrapped`.
    reported_latency: *const AtomicU32,
    link: Arc<HostLink>,
    /// The numbers that CLAP knows, and the parameters; these live as long as `wrapped`.
    params: Vec<(u32, ParamPtr)>,
    /// Full while active.
    blocks: TryCell<Option<Blocks>>,
}

static RENDER: clap_plugin_render = clap_plugin_render {
    has_hard_realtime_requirement: Some(has_no_requirement),
    set: Some(set_mode),
};

static TAIL: clap_plugin_tail = clap_plugin_tail { get: Some(tail_frames) };

impl ClapClass {
    /// Makes an instance of `P` for `host`; the host frees it by its `destroy`.
    ///
    /// # Safety
    /// `host` is valid until the instance is destroyed.
    pub unsafe fn create<P: ClapPlugin>(host: *const clap_host) -> *const clap_plugin {
        let link = HostLink::telling_latency();
        // SAFETY: the host's pointer, passed on.
        let wrapper = HostLink::pass(&link, || unsafe { Wrapper::<P>::new(host) });
        // The wrapper's own `destroy` takes this reference back.
        let wrapper = Arc::into_raw(wrapper);
        // SAFETY: just made from an `Arc` that is kept alive by the reference in `wrapper`.
        let (wrapped, reported_latency) =
            unsafe { ((*wrapper).clap_plugin.as_ptr(), &raw const (*wrapper).current_latency) };
        // SAFETY: as above; nobody writes to it any more.
        let mut plugin = unsafe { *wrapped };
        plugin.get_extension = Some(extension);
        plugin.destroy = Some(destroy);
        plugin.activate = Some(activate);
        plugin.process = Some(process);
        plugin.on_main_thread = Some(on_main_thread);
        let host_of_teller = HostPointer(host);
        link.changes().tell_by(move || host_of_teller.request_callback());
        let blocks = TryCell::new(None);
        // SAFETY: as above.
        let params = unsafe { &(*wrapper).param_ptr_to_hash };
        let params = params.iter().map(|(param, id)| (*id, *param)).collect();
        let class = Self { plugin, wrapped, host, reported_latency, link, params, blocks };
        Box::into_raw(Box::new(class)).cast()
    }

    /// The wrapper's own plugin.
    pub fn wrapped(&self) -> *const clap_plugin {
        self.wrapped
    }

    /// What the plugin tells.
    pub fn link(&self) -> &HostLink {
        &self.link
    }

    /// A parameter's value without modulation, as CLAP counts: steps of a list, or 0 to 1.
    pub fn parameter_value(&self, id: u32) -> Option<f64> {
        let (_, param) = self.params.iter().find(|(known, _)| *known == id)?;
        // SAFETY: the parameters live as long as the wrapped plugin, which is alive.
        unsafe {
            let steps = param.step_count().unwrap_or(1);
            Some(f64::from(param.unmodulated_normalized_value()) * steps as f64)
        }
    }

    /// Tells the host a latency that is another than before, from inside `activate()`: the one
    /// place where CLAP allows it to change. nice-plug asks for a restart instead, so that every
    /// first activation, at which the latency becomes known, would be followed by a second.
    ///
    /// # Safety
    /// Called on the main thread, while the host activates the plugin.
    unsafe fn report_latency(&self) {
        let latency_frames = self.link.latency_frames();
        // SAFETY: lives as long as the wrapped plugin, which is alive.
        let reported = unsafe { &*self.reported_latency };
        if reported.swap(latency_frames, Ordering::SeqCst) == latency_frames {
            return;
        }
        // SAFETY: the host outlives the plugin, and its extensions do so too.
        unsafe {
            let Some(get_extension) = (*self.host).get_extension else { return };
            let extension = get_extension(self.host, CLAP_EXT_LATENCY.as_ptr());
            let latency = extension.cast::<clap_host_latency>().as_ref();
            if let Some(changed) = latency.and_then(|latency| latency.changed) {
                changed(self.host);
            }
        }
    }

    /// Tells the host that what it saves has changed.
    ///
    /// # Safety
    /// Called on the main thread.
    unsafe fn mark_dirty(&self) {
        // SAFETY: the host outlives the plugin, and its extensions do so too.
        unsafe {
            let Some(get_extension) = (*self.host).get_extension else { return };
            let extension = get_extension(self.host, CLAP_EXT_STATE.as_ptr());
            let state = extension.cast::<clap_host_state>().as_ref();
            if let Some(mark_dirty) = state.and_then(|state| state.mark_dirty) {
                mark_dirty(self.host);
            }
        }
    }

    /// Channels of each port of one direction, in the layout that the host has chosen.
    ///
    /// # Safety
    /// Called on the main thread.
    unsafe fn channel_counts(&self, is_input: bool) -> Vec<usize> {
        // SAFETY: the wrapped plugin is alive and its extensions with it; `info` is plain data that
        // the plugin fills in.
        unsafe {
            let ports = wrapped_extension(&raw const self.plugin, CLAP_EXT_AUDIO_PORTS.as_ptr());
            let Some(ports) = ports.cast::<clap_plugin_audio_ports>().as_ref() else {
                return Vec::new();
            };
            let (Some(count), Some(get)) = (ports.count, ports.get) else { return Vec::new() };
            (0..count(self.wrapped, is_input))
                .map(|index| {
                    let mut info: clap_audio_port_info = std::mem::zeroed();
                    let found = get(self.wrapped, index, is_input, &raw mut info);
                    if found { info.channel_count as usize } else { 0 }
                })
                .collect()
        }
    }
}

unsafe extern "C" fn activate(
    plugin: *const clap_plugin,
    sample_rate_hz: f64,
    min_frames: u32,
    max_frames: u32,
) -> bool {
    if plugin.is_null() {
        return false;
    }
    // SAFETY: made by `create`, not yet destroyed; CLAP calls on the main thread, while inactive.
    unsafe {
        let class = &*plugin.cast::<ClapClass>();
        let Some(activate) = (*class.wrapped).activate else { return false };
        if !activate(class.wrapped, sample_rate_hz, min_frames, max_frames) {
            return false;
        }
        class.report_latency();
        let (inputs, outputs) = (class.channel_counts(true), class.channel_counts(false));
        let blocks = Blocks::new(&inputs, &outputs, max_frames as usize, sample_rate_hz);
        class.blocks.try_with(|place| *place = Some(blocks)).is_some()
    }
}

unsafe extern "C" fn process(
    plugin: *const clap_plugin,
    process: *const clap_process,
) -> clap_process_status {
    if plugin.is_null() || process.is_null() {
        return CLAP_PROCESS_ERROR;
    }
    // SAFETY: made by `create`, not yet destroyed; CLAP calls while active.
    unsafe {
        let class = &*plugin.cast::<ClapClass>();
        let status = class.blocks.try_with(|blocks| {
            let blocks = blocks.as_mut()?;
            Some(blocks.process(class.wrapped, &*process, &class.link))
        });
        status.flatten().unwrap_or(CLAP_PROCESS_ERROR)
    }
}

unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
    if plugin.is_null() {
        return;
    }
    // SAFETY: made by `create`, not yet destroyed; CLAP calls on the main thread.
    unsafe {
        let class = &*plugin.cast::<ClapClass>();
        if class.link.changes().take_pending() {
            class.mark_dirty();
        }
        if let Some(on_main_thread) = (*class.wrapped).on_main_thread {
            on_main_thread(class.wrapped);
        }
    }
}

/// The host, for threads other than its main one.
struct HostPointer(*const clap_host);

// SAFETY: what is called through it is thread-safe by CLAP's contract.
unsafe impl Send for HostPointer {}
// SAFETY: as above.
unsafe impl Sync for HostPointer {}

impl HostPointer {
    /// Asks for a call of `on_main_thread`. The plugin is alive, and so the host.
    fn request_callback(&self) {
        // SAFETY: the host is valid until `destroy` has closed the way here.
        unsafe {
            if let Some(request_callback) = (*self.0).request_callback {
                request_callback(self.0);
            }
        }
    }
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    // SAFETY: made by `create`, and CLAP calls `destroy` once, last.
    let class = unsafe { Box::from_raw(plugin.cast_mut().cast::<ClapClass>()) };
    class.link.changes().close();
    // SAFETY: the wrapped plugin lives until this call.
    unsafe {
        if let Some(destroy) = (*class.wrapped).destroy {
            destroy(class.wrapped);
        }
    }
}

unsafe extern "C" fn extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    if plugin.is_null() || id.is_null() {
        return null();
    }
    // SAFETY: not null, and a NUL-terminated string by CLAP's contract.
    let name = unsafe { CStr::from_ptr(id) };
    if name == CLAP_EXT_RENDER {
        return (&raw const RENDER).cast();
    }
    if name == CLAP_EXT_PARAMS {
        return (&raw const PARAMS).cast();
    }
    if name == CLAP_EXT_TAIL {
        return (&raw const TAIL).cast();
    }
    // SAFETY: made by `create`, not yet destroyed.
    unsafe { wrapped_extension(plugin, id) }
}

/// # Safety
/// `plugin` was made by [`ClapClass::create`] and is not destroyed; `id` is a NUL-terminated string.
pub unsafe fn wrapped_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    // SAFETY: by this function's contract.
    unsafe {
        let wrapped = (*plugin.cast::<ClapClass>()).wrapped;
        (*wrapped).get_extension.map_or(null(), |get_extension| get_extension(wrapped, id))
    }
}

/// The wrapper knows a tail only after the first block, hosts ask before: the sound that is still in
/// the plugin after the input's end is as long as the latency.
unsafe extern "C" fn tail_frames(plugin: *const clap_plugin) -> u32 {
    if plugin.is_null() {
        return 0;
    }
    // SAFETY: made by `create`, not yet destroyed.
    unsafe { (*plugin.cast::<ClapClass>()).link.latency_frames() }
}

unsafe extern "C" fn has_no_requirement(_plugin: *const clap_plugin) -> bool {
    false
}

unsafe extern "C" fn set_mode(plugin: *const clap_plugin, mode: clap_plugin_render_mode) -> bool {
    if plugin.is_null() {
        return false;
    }
    // SAFETY: made by `create`, not yet destroyed; the wrapper's extension lives as long.
    unsafe {
        let class = &*plugin.cast::<ClapClass>();
        class.link.set_offline(mode == CLAP_RENDER_OFFLINE);
        let render = wrapped_extension(plugin, CLAP_EXT_RENDER.as_ptr());
        let render = render.cast::<clap_plugin_render>();
        // The wrapper hears of it too: it tells the plugin at the next activation.
        match render.as_ref().and_then(|render| render.set) {
            Some(set) => set(class.wrapped, mode),
            None => true,
        }
    }
}
