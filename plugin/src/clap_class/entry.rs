//! The symbol that a CLAP host looks up in the library, and the factory behind it.

#![cfg(not(feature = "plain-wrapper"))]

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null;
use std::sync::OnceLock;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::version::CLAP_VERSION;
use nice_plug::wrapper::clap::PluginDescriptor;
use nice_plug::wrapper::setup_logger;

use super::class::ClapClass;
use crate::{Soloist, SoloistMulti};

/// The CLAP entry point.
#[allow(non_upper_case_globals)]
#[unsafe(no_mangle)]
pub static clap_entry: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(init),
    deinit: Some(deinit),
    get_factory: Some(factory),
};

static FACTORY: clap_plugin_factory = clap_plugin_factory {
    get_plugin_count: Some(count),
    get_plugin_descriptor: Some(describe),
    create_plugin: Some(create),
};

type Create = unsafe fn(*const clap_host) -> *const clap_plugin;

/// The plugins of this library, in the order in which hosts see them.
fn plugins() -> &'static [(PluginDescriptor, Create)] {
    static PLUGINS: OnceLock<[(PluginDescriptor, Create); 2]> = OnceLock::new();
    PLUGINS.get_or_init(|| {
        [
            (PluginDescriptor::for_plugin::<Soloist>(), ClapClass::create::<Soloist>),
            (PluginDescriptor::for_plugin::<SoloistMulti>(), ClapClass::create::<SoloistMulti>),
        ]
    })
}

unsafe extern "C" fn init(_path: *const c_char) -> bool {
    setup_logger::<Soloist>();
    true
}

unsafe extern "C" fn deinit() {}

unsafe extern "C" fn factory(id: *const c_char) -> *const c_void {
    // SAFETY: by CLAP's contract the identifier is a NUL-terminated string.
    if !id.is_null() && unsafe { CStr::from_ptr(id) } == CLAP_PLUGIN_FACTORY_ID {
        (&raw const FACTORY).cast()
    } else {
        null()
    }
}

unsafe extern "C" fn count(_factory: *const clap_plugin_factory) -> u32 {
    plugins().len() as u32
}

unsafe extern "C" fn describe(
    _factory: *const clap_plugin_factory,
    index: u32,
) -> *const clap_plugin_descriptor {
    let plugin = plugins().get(index as usize);
    plugin.map_or(null(), |(descriptor, _)| descriptor.clap_plugin_descriptor())
}

unsafe extern "C" fn create(
    _factory: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    if host.is_null() || id.is_null() {
        return null();
    }
    // SAFETY: by CLAP's contract the identifier is a NUL-terminated string.
    let id = unsafe { CStr::from_ptr(id) };
    let plugin = plugins().iter().find(|(descriptor, _)| descriptor.clap_id() == id);
    // SAFETY: by CLAP's contract the host outlives the plugin.
    plugin.map_or(null(), |(_, create)| unsafe { create(host) })
}
