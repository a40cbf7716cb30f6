//! A `clap_plugin` that delegates to nice-plug's and answers for one extension itself.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap_sys::ext::render::{
    CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, clap_plugin_render, clap_plugin_render_mode,
};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use nice_plug::prelude::ClapPlugin;
use nice_plug::wrapper::clap::Wrapper;

/// Whether the host renders offline: written by the host's main thread, read at each block.
pub type OfflineFlag = Arc<AtomicBool>;

thread_local! {
    static FLAG_OF_NEXT_INSTANCE: RefCell<Option<OfflineFlag>> = const { RefCell::new(None) };
}

/// The flag of the instance that is being made on this thread, or a new one outside CLAP.
///
/// nice-plug makes plugins by `Default`, which takes no argument: this is the way to pass one.
pub fn offline_flag() -> OfflineFlag {
    FLAG_OF_NEXT_INSTANCE.take().unwrap_or_default()
}

/// One instance, as the host sees it.
#[repr(C)]
pub struct ClapClass {
    /// First, so that the host's pointer is also a pointer to this. A copy of the wrapper's, whose
    /// functions look at `plugin_data` alone.
    plugin: clap_plugin,
    wrapped: *const clap_plugin,
    is_offline: OfflineFlag,
}

static RENDER: clap_plugin_render = clap_plugin_render {
    has_hard_realtime_requirement: Some(has_no_requirement),
    set: Some(set_mode),
};

impl ClapClass {
    /// Makes an instance of `P` for `host`; the host frees it by its `destroy`.
    ///
    /// # Safety
    /// `host` is valid until the instance is destroyed.
    pub unsafe fn create<P: ClapPlugin>(host: *const clap_host) -> *const clap_plugin {
        let is_offline = OfflineFlag::default();
        FLAG_OF_NEXT_INSTANCE.set(Some(Arc::clone(&is_offline)));
        // SAFETY: the host's pointer, passed on.
        let wrapper = unsafe { Wrapper::<P>::new(host) };
        FLAG_OF_NEXT_INSTANCE.take();
        // The wrapper's own `destroy` takes this reference back.
        let wrapper = Arc::into_raw(wrapper);
        // SAFETY: just made from an `Arc` that is kept alive by the reference in `wrapper`.
        let wrapped = unsafe { (*wrapper).clap_plugin.as_ptr() };
        // SAFETY: as above; nobody writes to it any more.
        let mut plugin = unsafe { *wrapped };
        plugin.get_extension = Some(extension);
        plugin.destroy = Some(destroy);
        Box::into_raw(Box::new(Self { plugin, wrapped, is_offline })).cast()
    }
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    // SAFETY: made by `create`, and CLAP calls `destroy` once, last.
    let class = unsafe { Box::from_raw(plugin.cast_mut().cast::<ClapClass>()) };
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
    if unsafe { CStr::from_ptr(id) } == CLAP_EXT_RENDER {
        return (&raw const RENDER).cast();
    }
    // SAFETY: made by `create`, not yet destroyed.
    unsafe { wrapped_extension(plugin, id) }
}

/// # Safety
/// `plugin` was made by [`ClapClass::create`] and is not destroyed; `id` is a NUL-terminated string.
unsafe fn wrapped_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    // SAFETY: by this function's contract.
    unsafe {
        let wrapped = (*plugin.cast::<ClapClass>()).wrapped;
        (*wrapped).get_extension.map_or(null(), |get_extension| get_extension(wrapped, id))
    }
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
        class.is_offline.store(mode == CLAP_RENDER_OFFLINE, Ordering::Relaxed);
        let render = wrapped_extension(plugin, CLAP_EXT_RENDER.as_ptr());
        let render = render.cast::<clap_plugin_render>();
        // The wrapper hears of it too: it tells the plugin at the next activation.
        match render.as_ref().and_then(|render| render.set) {
            Some(set) => set(class.wrapped, mode),
            None => true,
        }
    }
}
