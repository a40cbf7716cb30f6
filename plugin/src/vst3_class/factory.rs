//! The factory that a host asks for the plugin's description and its instances.

use std::ffi::c_void;
use std::marker::PhantomData;

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::PluginInfo;
use vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactory3,
    IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo, PClassInfo2, PClassInfoW, PFactoryInfo,
    TUID, int32, kInvalidArgument, kResultOk, tresult,
};
use vst3::{Class, ComWrapper};

use super::class::Vst3Class;

/// A factory of one class, [`Vst3Class<P>`].
pub struct Factory<P> {
    info: PluginInfo,
    plugin: PhantomData<fn() -> P>,
}

impl<P: Vst3Plugin> Factory<P> {
    /// Reads the plugin's constants.
    pub fn new() -> Self {
        Self { info: PluginInfo::for_plugin::<P>(), plugin: PhantomData }
    }

    /// Writes `value()` to `target` when the class index and the pointer are good.
    ///
    /// # Safety
    /// `target` is null or valid for a write of a `T`.
    unsafe fn describe<T>(&self, index: int32, target: *mut T, value: impl Fn() -> T) -> tresult {
        if index != 0 || target.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: not null, and valid by this function's contract.
        unsafe { target.write(value()) };
        kResultOk
    }
}

impl<P: Vst3Plugin> Class for Factory<P> {
    type Interfaces = (IPluginFactory, IPluginFactory2, IPluginFactory3);
}

impl<P: Vst3Plugin> IPluginFactoryTrait for Factory<P> {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // SAFETY: the host's pointer, passed on.
        unsafe { self.describe(0, info, || self.info.create_factory_info()) }
    }

    unsafe fn countClasses(&self) -> int32 {
        1
    }

    unsafe fn getClassInfo(&self, index: int32, info: *mut PClassInfo) -> tresult {
        // SAFETY: the host's pointer, passed on.
        unsafe { self.describe(index, info, || self.info.create_class_info()) }
    }

    unsafe fn createInstance(
        &self,
        cid: FIDString,
        iid: FIDString,
        obj: *mut *mut c_void,
    ) -> tresult {
        if cid.is_null() || iid.is_null() || obj.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: not null; by the VST3 contract it points to the 16 bytes of a class identifier.
        if unsafe { *cid.cast::<[u8; 16]>() } != *self.info.cid {
            return kInvalidArgument;
        }
        let object = ComWrapper::new(Vst3Class::<P>::new());
        let Some(unknown) = object.as_com_ref::<FUnknown>() else { return kInvalidArgument };
        let unknown = unknown.as_ptr();
        // SAFETY: `unknown` is alive until the end of this function; the query takes a reference of
        // its own for the host. `iid` points to the 16 bytes of an interface identifier.
        unsafe { ((*(*unknown).vtbl).queryInterface)(unknown, iid.cast::<TUID>(), obj) }
    }
}

impl<P: Vst3Plugin> IPluginFactory2Trait for Factory<P> {
    unsafe fn getClassInfo2(&self, index: int32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: the host's pointer, passed on.
        unsafe { self.describe(index, info, || self.info.create_class_info_2()) }
    }
}

impl<P: Vst3Plugin> IPluginFactory3Trait for Factory<P> {
    unsafe fn getClassInfoUnicode(&self, index: int32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: the host's pointer, passed on.
        unsafe { self.describe(index, info, || self.info.create_class_info_unicode()) }
    }

    unsafe fn setHostContext(&self, _context: *mut FUnknown) -> tresult {
        kResultOk
    }
}
