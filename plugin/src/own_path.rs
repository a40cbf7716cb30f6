//! Where this library lies on disk: the resources (model, onnxruntime) are looked for from there.

use std::path::PathBuf;

/// Canonical path of the loaded plugin binary, with symbolic links resolved, so that a plugin linked
/// into the user's plugin folder finds the resources beside the original.
///
/// `None` when the system cannot tell.
pub fn own_path() -> Option<PathBuf> {
    let path = loaded_file()?;
    Some(path.canonicalize().unwrap_or(path))
}

#[cfg(unix)]
fn loaded_file() -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr};
    use std::os::unix::ffi::OsStrExt;

    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    let address = loaded_file as *const () as *const libc::c_void;
    // SAFETY: the address is that of a function of this library and `info` outlives the call.
    let found = unsafe { libc::dladdr(address, &raw mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: on success `dli_fname` is a NUL-terminated string owned by the dynamic linker, valid
    // while this library is loaded, which it is while this function runs.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

#[cfg(windows)]
fn loaded_file() -> Option<PathBuf> {
    use std::ffi::OsString;
    use std::os::windows::ffi::OsStringExt;
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
        GetModuleFileNameW, GetModuleHandleExW,
    };

    // Longest path that Windows knows, in UTF-16 units.
    const MAX_PATH_UNITS: usize = 32_768;

    let mut module = std::ptr::null_mut();
    let address = loaded_file as *const () as *const u16;
    let flags =
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    // SAFETY: with FROM_ADDRESS the second argument is an address inside this module, not a string.
    if unsafe { GetModuleHandleExW(flags, address, &raw mut module) } == 0 {
        return None;
    }
    let mut name = vec![0_u16; MAX_PATH_UNITS];
    // SAFETY: the buffer holds as many units as the call is told.
    let length = unsafe { GetModuleFileNameW(module, name.as_mut_ptr(), MAX_PATH_UNITS as u32) };
    if length == 0 || length as usize >= MAX_PATH_UNITS {
        return None;
    }
    Some(PathBuf::from(OsString::from_wide(&name[..length as usize])))
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn own_path_is_an_existing_absolute_file() {
        let path = own_path().unwrap();
        assert!(path.is_absolute() && path.is_file(), "{}", path.display());
    }
}
