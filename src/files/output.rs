//! Files that appear whole or not at all: written under a temporary name, renamed at the end.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Largest content of a WAV file: its lengths are 32 bit, and the header takes a part.
pub(super) const MAX_DATA_BYTES: u64 = u32::MAX as u64 - 128;

/// Why a file was not written. No file is left behind.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system refused.
    #[error("cannot write {path:?}")]
    Io {
        /// The target.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The target exists and may not be replaced.
    #[error("{path:?} exists already")]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// A folder or a device.
    #[error("{path:?} is not a file: it cannot be replaced by one")]
    NotAFile {
        /// The target.
        path: PathBuf,
    },
    /// Larger than a WAV file can say.
    #[error(
        "{path:?} would hold {found} bytes of audio: a WAV file takes at most {MAX_DATA_BYTES}; \
         16 or 24 bit samples or a shorter input make it smaller"
    )]
    TooLarge {
        /// The target.
        path: PathBuf,
        /// Bytes of audio.
        found: u64,
    },
    /// A block of another shape than the file's.
    #[error("{path:?} takes {expected} channels of one length: found {found}")]
    Shape {
        /// The target.
        path: PathBuf,
        /// Channels of the file.
        expected: usize,
        /// What came.
        found: String,
    },
}

/// Writes any bytes under a temporary name first, as the WAV writer does.
pub(super) fn write_whole(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), WriteError> {
    let path = &target(path, overwrite)?;
    let mut temporary = temporary_beside(path).map_err(|error| io_error(path, error))?;
    temporary.write_all(bytes).map_err(|error| io_error(path, error))?;
    persist(temporary, path, overwrite)
}

pub(super) fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".soloist-").suffix(".part");
    #[cfg(unix)]
    {
        // A temporary file is private by default; what takes the target's name should not be.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

pub(super) fn persist(
    temporary: NamedTempFile,
    path: &Path,
    overwrite: bool,
) -> Result<(), WriteError> {
    let renamed =
        if overwrite { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    match renamed {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(WriteError::Exists { path: path.to_owned() })
        }
        Err(error) => Err(io_error(path, error.error)),
    }
}

/// Looks at the target before any work: the file to write in the end (behind a link, the file that
/// the link leads to), unless something stands in its way.
pub(super) fn target(path: &Path, overwrite: bool) -> Result<PathBuf, WriteError> {
    let Ok(found) = path.symlink_metadata() else { return Ok(path.to_owned()) };
    if !overwrite {
        return Err(WriteError::Exists { path: path.to_owned() });
    }
    let target = if found.is_symlink() {
        path.canonicalize().map_err(|error| io_error(path, error))?
    } else {
        path.to_owned()
    };
    // Renaming onto a device or a folder would replace or lose it.
    if target.is_file() { Ok(target) } else { Err(WriteError::NotAFile { path: path.to_owned() }) }
}

pub(super) fn io_error(path: &Path, source: io::Error) -> WriteError {
    WriteError::Io { path: path.to_owned(), source }
}
