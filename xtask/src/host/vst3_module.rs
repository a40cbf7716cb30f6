//! A VST3 module: the shared library in the bundle, its entry points and its factory.

// C enumerations and characters are signed on some platforms and unsigned on others.
#![allow(clippy::unnecessary_cast)]

use std::ffi::c_void;
use std::path::Path;

use anyhow::{Context, Result, bail};
use libloading::Library;
use vst3::Steinberg::{FUnknown, IPluginFactory, IPluginFactoryTrait, PClassInfo, kResultOk};
use vst3::{ComPtr, Interface};

type GetFactory = unsafe extern "system" fn() -> *mut c_void;
#[cfg(windows)]
type Enter = unsafe extern "system" fn() -> bool;
#[cfg(not(windows))]
type Enter = unsafe extern "C" fn(*mut c_void) -> bool;
#[cfg(windows)]
type Exit = unsafe extern "system" fn() -> bool;
#[cfg(not(windows))]
type Exit = unsafe extern "C" fn() -> bool;

#[cfg(target_os = "windows")]
const ENTRY_POINTS: (&[u8], &[u8]) = (b"InitDll", b"ExitDll");
#[cfg(target_os = "macos")]
const ENTRY_POINTS: (&[u8], &[u8]) = (b"bundleEntry", b"bundleExit");
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
const ENTRY_POINTS: (&[u8], &[u8]) = (b"ModuleEntry", b"ModuleExit");

/// A loaded module. Every object made from it must be gone before it is dropped.
pub(super) struct Module {
    // Declared before the library: dropped first.
    factory: Option<ComPtr<IPluginFactory>>,
    library: Library,
}

impl Module {
    /// Loads the library, enters the module and asks for its factory.
    pub fn load(path: &Path) -> Result<Self> {
        // SAFETY: loading runs the library's initialisers; it is this project's own plugin, or a
        // copy of it that a test has made.
        let library = unsafe { Library::new(path) }
            .with_context(|| format!("could not load {}", path.display()))?;
        // SAFETY: the signature is the one that the VST3 interface prescribes for this name.
        let enter = unsafe { library.get::<Enter>(ENTRY_POINTS.0) }
            .context("the VST3 module has no entry point")?;
        // SAFETY: called once, before anything else in the module. The handle that it takes on
        // Linux and macOS serves modules that look for their own resources through it; ours
        // finds its own path.
        #[cfg(not(windows))]
        let entered = unsafe { enter(std::ptr::null_mut()) };
        // SAFETY: called once, before anything else in the module.
        #[cfg(windows)]
        let entered = unsafe { enter() };
        if !entered {
            bail!("the VST3 module refused to start");
        }
        // SAFETY: the signature is the one that the VST3 interface prescribes for this name.
        let get_factory = unsafe { library.get::<GetFactory>(b"GetPluginFactory") }
            .context("the VST3 module has no factory")?;
        // SAFETY: the function hands over one reference to its factory, or null.
        let factory = unsafe { ComPtr::from_raw(get_factory().cast::<IPluginFactory>()) };
        Ok(Self { factory: Some(factory.context("the VST3 factory is null")?), library })
    }

    /// Creates the audio effect that the factory lists by this name.
    pub fn create<I: Interface>(&self, name: &str) -> Result<ComPtr<I>> {
        let factory = self.factory.as_ref().context("the VST3 module was left")?;
        // SAFETY: a plain call on a live object.
        let count = unsafe { factory.countClasses() };
        for index in 0..count {
            // SAFETY: a C struct of integers and characters, for which zero is a valid value.
            let mut info: PClassInfo = unsafe { std::mem::zeroed() };
            // SAFETY: `info` is valid for writing during the call.
            let listed = unsafe { factory.getClassInfo(index, &raw mut info) } == kResultOk;
            let is_wanted = || is_audio_effect(&info) && text(&info.name) == name.as_bytes();
            if !listed || !is_wanted() {
                continue;
            }
            let mut object = std::ptr::null_mut();
            // SAFETY: both identifiers are 16 bytes and outlive the call; on success `object`
            // holds one reference to the interface that was asked for.
            let (result, instance) = unsafe {
                let result = factory.createInstance(
                    info.cid.as_ptr(),
                    I::IID.as_ptr().cast(),
                    &raw mut object,
                );
                (result, ComPtr::from_raw(object.cast::<I>()))
            };
            return match instance {
                Some(instance) if result == kResultOk => Ok(instance),
                _ => bail!("the VST3 factory could not create the plugin (code {result})"),
            };
        }
        bail!("the VST3 module holds no audio effect {name:?}")
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        self.factory = None;
        // SAFETY: the signature is the prescribed one, and no object of the module is alive.
        unsafe {
            if let Ok(exit) = self.library.get::<Exit>(ENTRY_POINTS.1) {
                exit();
            }
        }
    }
}

fn is_audio_effect(info: &PClassInfo) -> bool {
    text(&info.category) == b"Audio Module Class"
}

fn text(chars: &[std::ffi::c_char]) -> Vec<u8> {
    chars.iter().take_while(|c| **c != 0).map(|c| *c as u8).collect()
}

/// A borrowed pointer to an object as its base interface.
pub(super) fn as_unknown<I: Interface>(object: &ComPtr<I>) -> *mut FUnknown {
    object.as_ptr().cast()
}
