//! The objects that a VST3 host lends to a plugin: itself, a byte stream, parameter changes.

// C enumerations and characters are signed on some platforms and unsigned on others.
#![allow(clippy::unnecessary_cast)]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use vst3::Steinberg::IBStream_::IStreamSeekMode_ as Seek;
use vst3::Steinberg::Vst::RestartFlags_::kLatencyChanged;
use vst3::Steinberg::Vst::{
    IComponentHandler, IComponentHandlerTrait, IHostApplication, IHostApplicationTrait,
    IParamValueQueue, IParamValueQueueTrait, IParameterChanges, IParameterChangesTrait, ParamID,
    ParamValue, String128,
};
use vst3::Steinberg::{
    IBStream, IBStreamTrait, TUID, int32, int64, kInvalidArgument, kNotImplemented, kResultFalse,
    kResultOk, tresult,
};
use vst3::{Class, ComWrapper};

use super::editor::Edits;

/// The host as the plugin sees it: has a name, and counts what is asked of it.
#[derive(Default)]
pub(super) struct HostApplication {
    pub restart_requests: AtomicUsize,
    pub latency_changes: AtomicUsize,
    /// Edits begun, performed, ended.
    edits: [AtomicUsize; 3],
}

impl HostApplication {
    /// What the user has edited.
    pub fn edits(&self) -> Edits {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        let [begun, performed, ended] = self.edits.each_ref().map(count);
        Edits { begun, performed, ended }
    }

    fn count_edit(&self, kind: usize) -> tresult {
        self.edits[kind].fetch_add(1, Ordering::SeqCst);
        kResultOk
    }
}

impl Class for HostApplication {
    type Interfaces = (IHostApplication, IComponentHandler);
}

impl IHostApplicationTrait for HostApplication {
    unsafe fn getName(&self, name: *mut String128) -> tresult {
        // SAFETY: the caller passes either null or room for 128 UTF-16 units.
        let Some(name) = (unsafe { name.as_mut() }) else { return kInvalidArgument };
        name.fill(0);
        let last = name.len() - 1;
        for (to, from) in name[..last].iter_mut().zip("Soloist headless host".encode_utf16()) {
            *to = from as _;
        }
        kResultOk
    }

    unsafe fn createInstance(
        &self,
        _class: *mut TUID,
        _interface: *mut TUID,
        _object: *mut *mut c_void,
    ) -> tresult {
        kNotImplemented
    }
}

impl IComponentHandlerTrait for HostApplication {
    unsafe fn beginEdit(&self, _id: ParamID) -> tresult {
        self.count_edit(0)
    }

    unsafe fn performEdit(&self, _id: ParamID, _value: ParamValue) -> tresult {
        self.count_edit(1)
    }

    unsafe fn endEdit(&self, _id: ParamID) -> tresult {
        self.count_edit(2)
    }

    unsafe fn restartComponent(&self, flags: int32) -> tresult {
        self.restart_requests.fetch_add(1, Ordering::SeqCst);
        if flags & kLatencyChanged as int32 != 0 {
            self.latency_changes.fetch_add(1, Ordering::SeqCst);
        }
        kResultOk
    }
}

/// A byte stream in memory, for the plugin's state.
#[derive(Default)]
pub(super) struct MemoryStream {
    bytes: RefCell<Vec<u8>>,
    position: Cell<usize>,
}

impl MemoryStream {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: RefCell::new(bytes), position: Cell::new(0) }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }
}

impl Class for MemoryStream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for MemoryStream {
    unsafe fn read(&self, buffer: *mut c_void, num_bytes: int32, read: *mut int32) -> tresult {
        let bytes = self.bytes.borrow();
        let Ok(wanted) = usize::try_from(num_bytes) else { return kInvalidArgument };
        let start = self.position.get().min(bytes.len());
        let count = wanted.min(bytes.len() - start);
        // SAFETY: the caller's buffer holds `num_bytes`, of which at most that many are written,
        // and it cannot overlap a vector that only this object knows.
        unsafe { std::ptr::copy_nonoverlapping(bytes[start..].as_ptr(), buffer.cast(), count) };
        self.position.set(start + count);
        // SAFETY: the count's pointer is null or valid.
        if let Some(read) = unsafe { read.as_mut() } {
            *read = count as int32;
        }
        kResultOk
    }

    unsafe fn write(&self, buffer: *mut c_void, num_bytes: int32, written: *mut int32) -> tresult {
        let Ok(count) = usize::try_from(num_bytes) else { return kInvalidArgument };
        // SAFETY: the caller's buffer holds `num_bytes` bytes.
        let data = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>().cast_const(), count) };
        let mut bytes = self.bytes.borrow_mut();
        let start = self.position.get();
        if bytes.len() < start + count {
            bytes.resize(start + count, 0);
        }
        bytes[start..start + count].copy_from_slice(data);
        self.position.set(start + count);
        // SAFETY: the count's pointer is null or valid.
        if let Some(written) = unsafe { written.as_mut() } {
            *written = num_bytes;
        }
        kResultOk
    }

    unsafe fn seek(&self, offset: int64, mode: int32, result: *mut int64) -> tresult {
        let base = match mode {
            mode if mode == Seek::kIBSeekSet as int32 => 0,
            mode if mode == Seek::kIBSeekCur as int32 => self.position.get() as int64,
            mode if mode == Seek::kIBSeekEnd as int32 => self.bytes.borrow().len() as int64,
            _ => return kInvalidArgument,
        };
        let Ok(position) = usize::try_from(base + offset) else { return kInvalidArgument };
        self.position.set(position);
        // SAFETY: the result's pointer is null or valid.
        if let Some(result) = unsafe { result.as_mut() } {
            *result = position as int64;
        }
        kResultOk
    }

    unsafe fn tell(&self, position: *mut int64) -> tresult {
        // SAFETY: the pointer is null or valid.
        match unsafe { position.as_mut() } {
            Some(position) => *position = self.position.get() as int64,
            None => return kInvalidArgument,
        }
        kResultOk
    }
}

/// One change of one parameter in one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParameterChange {
    pub id: ParamID,
    pub at_frame: int32,
    pub value: ParamValue,
}

impl Class for ParameterChange {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for ParameterChange {
    unsafe fn getParameterId(&self) -> ParamID {
        self.id
    }

    unsafe fn getPointCount(&self) -> int32 {
        1
    }

    unsafe fn getPoint(&self, index: int32, at: *mut int32, value: *mut ParamValue) -> tresult {
        // SAFETY: both pointers are null or valid.
        match unsafe { (index, at.as_mut(), value.as_mut()) } {
            (0, Some(at), Some(value)) => {
                (*at, *value) = (self.at_frame, self.value);
                kResultOk
            }
            _ => kInvalidArgument,
        }
    }

    unsafe fn addPoint(&self, _at: int32, _value: ParamValue, _index: *mut int32) -> tresult {
        kResultFalse
    }
}

/// All changes of one block; one queue a change, which the format allows.
pub(super) struct ParameterChanges {
    queues: Vec<vst3::ComPtr<IParamValueQueue>>,
}

impl ParameterChanges {
    pub fn new(changes: impl Iterator<Item = ParameterChange>) -> Self {
        let queues = changes.filter_map(|change| ComWrapper::new(change).to_com_ptr()).collect();
        Self { queues }
    }
}

impl Class for ParameterChanges {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for ParameterChanges {
    unsafe fn getParameterCount(&self) -> int32 {
        self.queues.len() as int32
    }

    unsafe fn getParameterData(&self, index: int32) -> *mut IParamValueQueue {
        let queue = usize::try_from(index).ok().and_then(|index| self.queues.get(index));
        queue.map_or(std::ptr::null_mut(), vst3::ComPtr::as_ptr)
    }

    unsafe fn addParameterData(&self, _: *const ParamID, _: *mut int32) -> *mut IParamValueQueue {
        std::ptr::null_mut()
    }
}

/// Where a plugin puts the values that it sends: they are counted.
#[derive(Default)]
pub(super) struct SentValues {
    queues: RefCell<Vec<vst3::ComPtr<IParamValueQueue>>>,
}

impl SentValues {
    /// How many came.
    pub fn count(&self) -> usize {
        // SAFETY: plain calls on live objects.
        self.queues.borrow().iter().map(|queue| unsafe { queue.getPointCount() } as usize).sum()
    }
}

impl Class for SentValues {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for SentValues {
    unsafe fn getParameterCount(&self) -> int32 {
        self.queues.borrow().len() as int32
    }

    unsafe fn getParameterData(&self, _index: int32) -> *mut IParamValueQueue {
        std::ptr::null_mut()
    }

    unsafe fn addParameterData(
        &self,
        id: *const ParamID,
        index: *mut int32,
    ) -> *mut IParamValueQueue {
        // SAFETY: both pointers are null or valid.
        let (Some(id), Some(index)) = (unsafe { (id.as_ref(), index.as_mut()) }) else {
            return std::ptr::null_mut();
        };
        let queue = ComWrapper::new(SentQueue { id: *id, num_points: Cell::new(0) });
        let Some(queue) = queue.to_com_ptr::<IParamValueQueue>() else {
            return std::ptr::null_mut();
        };
        let pointer = queue.as_ptr();
        let mut queues = self.queues.borrow_mut();
        *index = queues.len() as int32;
        queues.push(queue);
        pointer
    }
}

struct SentQueue {
    id: ParamID,
    num_points: Cell<int32>,
}

impl Class for SentQueue {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for SentQueue {
    unsafe fn getParameterId(&self) -> ParamID {
        self.id
    }

    unsafe fn getPointCount(&self) -> int32 {
        self.num_points.get()
    }

    unsafe fn getPoint(&self, _index: int32, _at: *mut int32, _value: *mut ParamValue) -> tresult {
        kResultFalse
    }

    unsafe fn addPoint(&self, at: int32, value: ParamValue, index: *mut int32) -> tresult {
        if at < 0 || !(0.0..=1.0).contains(&value) {
            return kInvalidArgument;
        }
        // SAFETY: the pointer is null or valid.
        if let Some(index) = unsafe { index.as_mut() } {
            *index = self.num_points.get();
        }
        self.num_points.set(self.num_points.get() + 1);
        kResultOk
    }
}
