//! The parameters as a VST3 host sees them: the wrapper's, and the meters behind them.
//!
//! nice-plug 0.4.2 panics on the index just behind the last, and knows the words of a list in their
//! exact spelling only.

// C enumerations and characters are signed on some platforms and unsigned on others.
#![allow(clippy::unnecessary_cast)]

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::Wrapper;
use vst3::ComRef;
use vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_;
use vst3::Steinberg::Vst::{
    IComponentHandler, IComponentHandler2, IComponentHandler2Trait, IEditControllerTrait, ParamID,
    ParamValue, ParameterInfo, String128, TChar,
};
use vst3::Steinberg::{
    FIDString, IBStream, IPlugView, int32, kInvalidArgument, kResultOk, tresult,
};

use super::class::Vst3Class;
use super::delegate::delegate;
use crate::meters::{METERS, Meter, find};

/// Values that are nearer than this are the same: the wrapper's are 32-bit floats.
const SAME: f64 = 1e-6;

delegate!(IEditControllerTrait {
    fn setComponentState(state: *mut IBStream) -> tresult;
    fn setState(state: *mut IBStream) -> tresult;
    fn getState(state: *mut IBStream) -> tresult;
} corrected {
    unsafe fn setComponentHandler(&self, handler: *mut IComponentHandler) -> tresult {
        // SAFETY: the same call with the same argument; the host's pointer, null or valid.
        let (result, handler) = unsafe {
            (self.wrapper.setComponentHandler(handler), ComRef::from_raw(handler))
        };
        let changes = self.link.changes();
        match handler.and_then(|handler| handler.cast::<IComponentHandler2>()) {
            Some(handler) => changes.tell_by(move || {
                // SAFETY: alive by its count; called where the wrapper calls with edits.
                unsafe { handler.setDirty(1) };
            }),
            None => changes.close(),
        }
        result
    }

    unsafe fn createView(&self, name: FIDString) -> *mut IPlugView {
        // SAFETY: the same call with the same argument; it hands over one reference.
        let view = unsafe { self.wrapper.createView(name) };
        #[cfg(target_os = "linux")]
        // SAFETY: as above.
        let view = unsafe { super::view::View::around(view) };
        view
    }

    unsafe fn getParameterCount(&self) -> int32 {
        // SAFETY: a plain call, as those below.
        unsafe { self.wrapper.getParameterCount() + METERS.len() as int32 }
    }

    unsafe fn getParameterInfo(&self, index: int32, info: *mut ParameterInfo) -> tresult {
        // SAFETY: the host's pointer, null or valid for writing.
        unsafe {
            let own = self.wrapper.getParameterCount();
            // The wrapper panics on the index just behind the last.
            if (0..own).contains(&index) {
                return self.wrapper.getParameterInfo(index, info);
            }
            let meter = usize::try_from(index - own).ok().and_then(|index| METERS.get(index));
            match meter {
                Some(meter) if !info.is_null() => {
                    info.write(describe(meter));
                    kResultOk
                }
                _ => kInvalidArgument,
            }
        }
    }

    unsafe fn getParamStringByValue(
        &self,
        id: ParamID,
        value: ParamValue,
        string: *mut String128,
    ) -> tresult {
        let Some(meter) = find(id) else {
            // SAFETY: the same call with the same arguments.
            return unsafe { self.wrapper.getParamStringByValue(id, value, string) };
        };
        // SAFETY: the host's pointer, null or valid for writing.
        match unsafe { string.as_mut() } {
            Some(string) => {
                copy_words(&meter.words(value), string);
                kResultOk
            }
            None => kInvalidArgument,
        }
    }

    unsafe fn getParamValueByString(
        &self,
        id: ParamID,
        string: *mut TChar,
        value: *mut ParamValue,
    ) -> tresult {
        // SAFETY: the host's pointers, null or valid; the text ends with a zero.
        unsafe {
            if string.is_null() || value.is_null() {
                return kInvalidArgument;
            }
            let Some(meter) = find(id) else {
                let result = self.wrapper.getParamValueByString(id, string, value);
                if result == kResultOk {
                    return result;
                }
                return match self.step_of(id, &words_of(string)) {
                    Some(step) => {
                        *value = step;
                        kResultOk
                    }
                    None => result,
                };
            };
            match meter.parse(&words_of(string)) {
                Some(known) => {
                    *value = known;
                    kResultOk
                }
                None => kInvalidArgument,
            }
        }
    }

    unsafe fn normalizedParamToPlain(&self, id: ParamID, value: ParamValue) -> ParamValue {
        match find(id) {
            Some(meter) => meter.plain(value),
            // SAFETY: the same call with the same arguments, as below.
            None => unsafe { self.wrapper.normalizedParamToPlain(id, value) },
        }
    }

    unsafe fn plainParamToNormalized(&self, id: ParamID, value: ParamValue) -> ParamValue {
        match find(id) {
            Some(meter) => (value / meter.plain(1.0)).clamp(0.0, 1.0),
            // SAFETY: as above.
            None => unsafe { self.wrapper.plainParamToNormalized(id, value) },
        }
    }

    unsafe fn getParamNormalized(&self, id: ParamID) -> ParamValue {
        match find(id) {
            Some(meter) => meter.normalized(self.link.readings()),
            None => self.edits.value(id).unwrap_or_else(|| {
                // SAFETY: as above.
                unsafe { self.wrapper.getParamNormalized(id) }
            }),
        }
    }

    unsafe fn setParamNormalized(&self, id: ParamID, value: ParamValue) -> tresult {
        match find(id) {
            // Hosts hand a meter's number on to the controller, which has it already.
            Some(_) => kResultOk,
            None => {
                // SAFETY: as above.
                let result = unsafe { self.wrapper.setParamNormalized(id, value) };
                if result == kResultOk {
                    // SAFETY: the host calls on its main thread.
                    unsafe { self.note_edit(id, value) };
                }
                result
            }
        }
    }
});

impl<P: Vst3Plugin> Vst3Class<P> {
    /// Keeps a value that the host has set and that the wrapper has left to the next block.
    ///
    /// # Safety
    /// Called on the main thread.
    unsafe fn note_edit(&self, id: ParamID, value: ParamValue) {
        // The value that the parameter takes: a list's is one of its steps.
        // SAFETY: plain calls.
        let (taken, now) = unsafe {
            let plain = self.wrapper.normalizedParamToPlain(id, value);
            let taken = self.wrapper.plainParamToNormalized(id, plain);
            (taken, self.wrapper.getParamNormalized(id))
        };
        if (now - taken).abs() < SAME {
            // The wrapper has taken it, as it does while nothing is processed.
            self.edits.forget(id);
        } else if self.edits.is_stalled() {
            self.edits.forget(id);
            self.link.set_param(id, taken as f32);
        } else {
            self.edits.set(id, taken);
        }
    }

    /// The place of the step of a list whose words are these but for their case.
    ///
    /// # Safety
    /// Called on the main thread.
    unsafe fn step_of(&self, id: ParamID, words: &str) -> Option<ParamValue> {
        // SAFETY: plain calls; `info` and `text` are C data that the calls fill in.
        unsafe {
            let mut info: ParameterInfo = std::mem::zeroed();
            (0..self.wrapper.getParameterCount()).find(|index| {
                self.wrapper.getParameterInfo(*index, &raw mut info) == kResultOk && info.id == id
            })?;
            (0..=info.stepCount).filter(|_| info.stepCount > 0).find_map(|step| {
                let place = f64::from(step) / f64::from(info.stepCount);
                let mut text: String128 = [0; 128];
                let told = self.wrapper.getParamStringByValue(id, place, &raw mut text);
                let is_it = told == kResultOk
                    && words_of(text.as_ptr()).trim().eq_ignore_ascii_case(words.trim());
                is_it.then_some(place)
            })
        }
    }
}

/// # Safety
/// `text` ends with a zero.
unsafe fn words_of(text: *const TChar) -> String {
    // SAFETY: by this function's contract nothing behind the zero is read.
    let units = (0..).map(|index| unsafe { *text.add(index) } as u16);
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

/// Copies as much as fits, and a zero.
fn copy_words(words: &str, to: &mut String128) {
    to.fill(0);
    let room = to.len() - 1;
    for (to, unit) in to[..room].iter_mut().zip(words.encode_utf16()) {
        *to = unit as _;
    }
}

fn describe(meter: &Meter) -> ParameterInfo {
    // SAFETY: a C struct of numbers, for which zero is a valid value.
    let mut info: ParameterInfo = unsafe { std::mem::zeroed() };
    info.id = meter.id;
    info.flags = ParameterFlags_::kIsReadOnly as int32;
    copy_words(meter.name, &mut info.title);
    copy_words(meter.name, &mut info.shortTitle);
    copy_words(meter.unit.trim(), &mut info.units);
    info
}
