//! The symbols that a VST3 host looks up in the library.

#![cfg(not(feature = "plain-wrapper"))]

use std::ffi::c_void;

use nice_plug::wrapper::setup_logger;
use vst3::ComWrapper;
use vst3::Steinberg::IPluginFactory;

use super::factory::Factory;
use crate::{Soloist, SoloistMulti};

/// Hands a new factory, with one reference for the caller, to the host.
#[unsafe(no_mangle)]
pub extern "system" fn GetPluginFactory() -> *mut c_void {
    ComWrapper::new(Factory::new().with::<Soloist>().with::<SoloistMulti>())
        .to_com_ptr::<IPluginFactory>()
        .map_or(std::ptr::null_mut(), |factory| factory.into_raw().cast())
}

/// Called once after the library is loaded on Linux.
#[cfg(all(unix, not(target_os = "macos")))]
#[unsafe(no_mangle)]
pub extern "C" fn ModuleEntry(_library: *mut c_void) -> bool {
    setup_logger::<Soloist>();
    true
}

/// Called before the library is unloaded on Linux.
#[cfg(all(unix, not(target_os = "macos")))]
#[unsafe(no_mangle)]
pub extern "C" fn ModuleExit() -> bool {
    true
}

/// Called once after the bundle is loaded on macOS.
#[cfg(target_os = "macos")]
#[unsafe(no_mangle)]
pub extern "C" fn bundleEntry(_bundle: *mut c_void) -> bool {
    setup_logger::<Soloist>();
    true
}

/// Called before the bundle is unloaded on macOS.
#[cfg(target_os = "macos")]
#[unsafe(no_mangle)]
pub extern "C" fn bundleExit() -> bool {
    true
}

/// Called once after the library is loaded on Windows.
#[cfg(windows)]
#[unsafe(no_mangle)]
pub extern "system" fn InitDll() -> bool {
    setup_logger::<Soloist>();
    true
}

/// Called before the library is unloaded on Windows.
#[cfg(windows)]
#[unsafe(no_mangle)]
pub extern "system" fn ExitDll() -> bool {
    true
}
