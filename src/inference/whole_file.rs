//! Refuses a shared library that was cut short, before the loader sees it.
//!
//! The Linux loader maps segments beyond the end of such a file without complaint and is killed by
//! a bus error when it touches them, and the host with it. Other systems' loaders check.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Size of an ELF64 file header, in bytes.
const HEADER_BYTES: usize = 64;
/// Size of an ELF64 program header, in bytes.
const SEGMENT_BYTES: usize = 56;

/// Checks that a library holds every byte that its headers promise.
///
/// # Errors
/// A sentence with what was expected and found, when the file is no 64-bit ELF library or is
/// shorter than its segments and its section table say.
pub(super) fn check_whole(path: &Path) -> Result<(), String> {
    if !cfg!(all(target_os = "linux", target_endian = "little", target_pointer_width = "64")) {
        return Ok(());
    }
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let found = file.metadata().map_err(|error| error.to_string())?.len();
    let expected = promised_bytes(&mut file)
        .ok_or_else(|| "expected a 64-bit ELF library, found something else".to_owned())?;
    if found < expected {
        return Err(format!("it is cut short: expected at least {expected} bytes, found {found}"));
    }
    Ok(())
}

/// The end of the last segment or section table that an ELF64 file names; `None` for other files.
fn promised_bytes(file: &mut (impl Read + Seek)) -> Option<u64> {
    let mut header = [0_u8; HEADER_BYTES];
    file.read_exact(&mut header).ok()?;
    // Magic number, 64 bits, little endian.
    if header[..6] != *b"\x7fELF\x02\x01" {
        return None;
    }
    let (segments_at, sections_at) = (u64_at(&header, 32)?, u64_at(&header, 40)?);
    let (segment_bytes, num_segments) = (u16_at(&header, 54)?, u16_at(&header, 56)?);
    let (section_bytes, num_sections) = (u16_at(&header, 58)?, u16_at(&header, 60)?);
    if usize::from(segment_bytes) != SEGMENT_BYTES {
        return None;
    }
    let table_bytes = u64::from(section_bytes) * u64::from(num_sections);
    let mut end = sections_at.checked_add(table_bytes)?;
    file.seek(SeekFrom::Start(segments_at)).ok()?;
    for _ in 0..num_segments {
        let mut segment = [0_u8; SEGMENT_BYTES];
        // A table that the file does not hold in full is a promise that it breaks.
        if file.read_exact(&mut segment).is_err() {
            return Some(u64::MAX);
        }
        end = end.max(u64_at(&segment, 8)?.checked_add(u64_at(&segment, 32)?)?);
    }
    Some(end)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn a_whole_library_passes_and_any_shorter_one_does_not() {
        // The test program itself is such a file.
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library.so");
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(check_whole(&path), Ok(()));
        for kept in [whole.len() - 1, whole.len() / 2, 1000, HEADER_BYTES, 10, 0] {
            std::fs::write(&path, &whole[..kept]).unwrap();
            assert!(check_whole(&path).is_err(), "{kept} bytes of {}", whole.len());
        }
    }

    #[test]
    fn other_files_are_named_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "x".repeat(500)).unwrap();
        assert!(check_whole(&path).unwrap_err().contains("expected a 64-bit ELF library"));
    }
}
