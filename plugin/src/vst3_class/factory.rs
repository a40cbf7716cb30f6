//! The factory that a host asks for the plugin's description and its instances.

use std::ffi::c_void;

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::PluginInfo;
use vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactory3,
    IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo, PClassInfo2, PClassInfoW, PFactoryInfo,
    TUID, int32, kInvalidArgument, kResultOk, tresult,
};
use vst3::{Class, ComPtr, ComWrapper};

use super::class::Vst3Class;

/// A factory of [`Vst3Class`]es.
pub struct Factory {
    classes: Vec<Entry>,
}

/// One class, and how an instance of it is made.
struct Entry {
    info: PluginInfo,
    create: fn() -> Option<ComPtr<FUnknown>>,
}

impl Factory {
    /// A factory without a class.
    pub fn new() -> Self {
        Self { classes: Vec::new() }
    }

    /// The same with the class of `P` behind those that it has.
    pub fn with<P: Vst3Plugin>(mut self) -> Self {
        let create = || ComWrapper::new(Vst3Class::<P>::new()).to_com_ptr::<FUnknown>();
        self.classes.push(Entry { info: PluginInfo::for_plugin::<P>(), create });
        self
    }

    /// Writes what `value` makes of a class to `target` when the index and the pointer are good.
    ///
    /// # Safety
    /// `target` is null or valid for a write of a `T`.
    unsafe fn describe<T>(
        &self,
        index: int32,
        target: *mut T,
        value: impl Fn(&PluginInfo) -> T,
    ) -> tresult {
        let class = usize::try_from(index).ok().and_then(|index| self.classes.get(index));
        match class {
            Some(class) if !target.is_null() => {
                // SAFETY: not null, and valid by this function's contract.
                unsafe { target.write(value(&class.info)) };
                kResultOk
            }
            _ => kInvalidArgument,
        }
    }
}

impl Class for Factory {
    type Interfaces = (IPluginFactory, IPluginFactory2, IPluginFactory3);
}

impl IPluginFactoryTrait for Factory {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // SAFETY: the host's pointer, passed on.
        unsafe { self.describe(0, info, PluginInfo::create_factory_info) }
    }

    unsafe fn countClasses(&self) -> int32 {
        self.classes.len() as int32
    }

    unsafe fn getClassInfo(&self, index: int32, info: *mut PClassInfo) -> tresult {
        // SAFETY: the host's pointer, passed on.
        unsafe { self.describe(index, info, PluginInfo::create_class_info) }
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
        let cid = unsafe { &*cid.cast::<[u8; 16]>() };
        let class = self.classes.iter().find(|class| class.info.cid == cid);
        let Some(unknown) = class.and_then(|class| (class.create)()) else {
            return kInvalidArgument;
        };
        let unknown = unknown.as_ptr();
        // SAFETY: `unknown` is alive until the end of this function; the query takes a reference of
        // its own for the host. `iid` points to the 16 bytes of an interface identifier.
        unsafe { ((*(*unknown).vtbl).queryInterface)(unknown, iid.cast::<TUID>(), obj) }
    }
}

impl IPluginFactory2Trait for Factory {
    unsafe fn getClassInfo2(&self, index: int32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: the host's pointer, passed on.
        unsafe { self.describe(index, info, PluginInfo::create_class_info_2) }
    }
}

impl IPluginFactory3Trait for Factory {
    unsafe fn getClassInfoUnicode(&self, index: int32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: the host's pointer, passed on.
        unsafe { self.describe(index, info, PluginInfo::create_class_info_unicode) }
    }

    unsafe fn setHostContext(&self, _context: *mut FUnknown) -> tresult {
        kResultOk
    }
}
