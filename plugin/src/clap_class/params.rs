//! The parameters as a CLAP host sees them: the wrapper's, with some answers corrected, and the
//! meters behind them.
//!
//! nice-plug 0.4.2 answers with the modulated value when a host asks for a parameter's own, so that a
//! host which saves it makes the modulation permanent; it panics on the index just behind the last;
//! and it knows the words of a list in their exact spelling only.

use std::ffi::{CStr, c_char};

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_param_value,
    clap_input_events, clap_output_events,
};
use clap_sys::ext::params::{
    CLAP_EXT_PARAMS, CLAP_PARAM_IS_READONLY, CLAP_PARAM_IS_STEPPED, clap_param_info,
    clap_plugin_params,
};
use clap_sys::plugin::clap_plugin;

use super::class::{ClapClass, wrapped_extension};
use crate::meters::{METERS, Meter, find};

/// Most bytes of a value's words that are compared.
const MAX_WORDS: usize = 128;

/// The extension.
pub static PARAMS: clap_plugin_params = clap_plugin_params {
    count: Some(count),
    get_info: Some(get_info),
    get_value: Some(get_value),
    value_to_text: Some(value_to_text),
    text_to_value: Some(text_to_value),
    flush: Some(flush),
};

/// Sends a meter's number to the host at `time`.
///
/// # Safety
/// `events` is null or valid.
pub unsafe fn send(events: *const clap_output_events, time: u32, meter: &Meter, value: f64) {
    // SAFETY: by this function's contract.
    let Some(list) = (unsafe { events.as_ref() }) else { return };
    let Some(try_push) = list.try_push else { return };
    let event = clap_event_param_value {
        header: clap_event_header {
            size: size_of::<clap_event_param_value>() as u32,
            time,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_: CLAP_EVENT_PARAM_VALUE,
            flags: 0,
        },
        param_id: meter.id,
        cookie: std::ptr::null_mut(),
        note_id: -1,
        port_index: -1,
        channel: -1,
        key: -1,
        value,
    };
    // SAFETY: the list is valid, and copies the event. A full list drops it: the next one comes soon.
    unsafe { try_push(events, &raw const event.header) };
}

/// The class and the wrapper's own extension.
///
/// # Safety
/// `plugin` is null or was made by [`ClapClass::create`] and is alive.
unsafe fn wrapped<'a>(
    plugin: *const clap_plugin,
) -> Option<(&'a ClapClass, &'a clap_plugin_params)> {
    // SAFETY: by this function's contract; the extension lives as long as the plugin.
    unsafe {
        let class = plugin.cast::<ClapClass>().as_ref()?;
        let params = wrapped_extension(plugin, CLAP_EXT_PARAMS.as_ptr());
        Some((class, params.cast::<clap_plugin_params>().as_ref()?))
    }
}

unsafe extern "C" fn count(plugin: *const clap_plugin) -> u32 {
    // SAFETY: by CLAP's contract the plugin is alive, here and below.
    unsafe {
        let Some((class, params)) = wrapped(plugin) else { return 0 };
        let own = params.count.map_or(0, |count| count(class.wrapped()));
        own + METERS.len() as u32
    }
}

unsafe extern "C" fn get_info(
    plugin: *const clap_plugin,
    index: u32,
    info: *mut clap_param_info,
) -> bool {
    if info.is_null() {
        return false;
    }
    // SAFETY: as above; `info` is not null and valid for writing.
    unsafe {
        let Some((class, params)) = wrapped(plugin) else { return false };
        let own = params.count.map_or(0, |count| count(class.wrapped()));
        if index < own {
            return params.get_info.is_some_and(|get| get(class.wrapped(), index, info));
        }
        let Some(meter) = METERS.get((index - own) as usize) else { return false };
        let mut described: clap_param_info = std::mem::zeroed();
        described.id = meter.id;
        described.flags = CLAP_PARAM_IS_READONLY;
        described.max_value = 1.0;
        copy_words(meter.name, &mut described.name);
        info.write(described);
    }
    true
}

unsafe extern "C" fn get_value(plugin: *const clap_plugin, id: u32, value: *mut f64) -> bool {
    // SAFETY: as above; the pointer is null or valid for writing.
    unsafe {
        let Some((class, _)) = wrapped(plugin) else { return false };
        let Some(value) = value.as_mut() else { return false };
        let known = match find(id) {
            Some(meter) => Some(meter.normalized(class.link().readings())),
            None => class.parameter_value(id),
        };
        known.inspect(|known| *value = *known).is_some()
    }
}

unsafe extern "C" fn value_to_text(
    plugin: *const clap_plugin,
    id: u32,
    value: f64,
    buffer: *mut c_char,
    capacity: u32,
) -> bool {
    // SAFETY: as above; the buffer holds as many bytes as the host says.
    unsafe {
        let Some((class, params)) = wrapped(plugin) else { return false };
        let Some(meter) = find(id) else {
            let convert = params.value_to_text;
            return convert.is_some_and(|f| f(class.wrapped(), id, value, buffer, capacity));
        };
        if buffer.is_null() || capacity == 0 {
            return false;
        }
        let words = std::slice::from_raw_parts_mut(buffer, capacity as usize);
        copy_words(&meter.words(value), words);
    }
    true
}

unsafe extern "C" fn text_to_value(
    plugin: *const clap_plugin,
    id: u32,
    text: *const c_char,
    value: *mut f64,
) -> bool {
    if text.is_null() || value.is_null() {
        return false;
    }
    // SAFETY: as above; the text ends with a NUL and `value` is valid for writing.
    unsafe {
        let Some((class, params)) = wrapped(plugin) else { return false };
        let words = CStr::from_ptr(text).to_string_lossy();
        if let Some(meter) = find(id) {
            return meter.parse(&words).inspect(|known| *value = *known).is_some();
        }
        if params.text_to_value.is_some_and(|convert| convert(class.wrapped(), id, text, value)) {
            return true;
        }
        let found = step_of(class, params, id, words.trim());
        found.inspect(|step| *value = *step).is_some()
    }
}

/// The step of a list whose words are these but for their case.
///
/// # Safety
/// As [`wrapped`].
unsafe fn step_of(
    class: &ClapClass,
    params: &clap_plugin_params,
    id: u32,
    words: &str,
) -> Option<f64> {
    let (count, get_info, convert) = (params.count?, params.get_info?, params.value_to_text?);
    // SAFETY: by this function's contract; `info` and `buffer` are valid for writing.
    unsafe {
        let plugin = class.wrapped();
        let mut info: clap_param_info = std::mem::zeroed();
        (0..count(plugin))
            .find(|index| get_info(plugin, *index, &raw mut info) && info.id == id)?;
        if info.flags & CLAP_PARAM_IS_STEPPED == 0 {
            return None;
        }
        (info.min_value as i64..=info.max_value as i64).map(|step| step as f64).find(|step| {
            let mut buffer = [0; MAX_WORDS];
            convert(plugin, id, *step, buffer.as_mut_ptr(), MAX_WORDS as u32)
                && CStr::from_ptr(buffer.as_ptr()).to_string_lossy().eq_ignore_ascii_case(words)
        })
    }
}

unsafe extern "C" fn flush(
    plugin: *const clap_plugin,
    input: *const clap_input_events,
    output: *const clap_output_events,
) {
    // SAFETY: as above; the lists are the host's.
    unsafe {
        if let Some((class, params)) = wrapped(plugin)
            && let Some(flush) = params.flush
        {
            flush(class.wrapped(), input, output);
        }
    }
}

/// Copies as much as fits, and a NUL.
fn copy_words(words: &str, to: &mut [c_char]) {
    let Some(room) = to.len().checked_sub(1) else { return };
    to.fill(0);
    for (to, from) in to[..room].iter_mut().zip(words.bytes()) {
        *to = from as c_char;
    }
}
