//! Streams over memory, through which a CLAP plugin saves and restores its state.

use std::ffi::c_void;

use clap_sys::stream::{clap_istream, clap_ostream};

/// What a plugin has written.
#[derive(Default)]
pub struct Writer {
    pub bytes: Vec<u8>,
}

/// What a plugin has yet to read.
pub struct Reader<'a> {
    pub rest: &'a [u8],
}

impl Writer {
    /// A stream into `self`, valid as long as `self` does not move.
    pub fn stream(&mut self) -> clap_ostream {
        clap_ostream { ctx: (&raw mut *self).cast(), write: Some(write) }
    }
}

impl Reader<'_> {
    /// A stream out of `self`, valid as long as `self` does not move.
    pub fn stream(&mut self) -> clap_istream {
        clap_istream { ctx: (&raw mut *self).cast(), read: Some(read) }
    }
}

unsafe extern "C" fn write(stream: *const clap_ostream, data: *const c_void, size: u64) -> i64 {
    // SAFETY: `ctx` is the writer that made the stream; the plugin gives `size` readable bytes.
    unsafe {
        let writer = &mut *(*stream).ctx.cast::<Writer>();
        writer.bytes.extend_from_slice(std::slice::from_raw_parts(data.cast(), size as usize));
    }
    size as i64
}

unsafe extern "C" fn read(stream: *const clap_istream, data: *mut c_void, size: u64) -> i64 {
    // SAFETY: `ctx` is the reader that made the stream; the plugin gives room for `size` bytes.
    unsafe {
        let reader = &mut *(*stream).ctx.cast::<Reader<'_>>();
        let (now, later) = reader.rest.split_at(reader.rest.len().min(size as usize));
        std::ptr::copy_nonoverlapping(now.as_ptr(), data.cast(), now.len());
        reader.rest = later;
        now.len() as i64
    }
}
