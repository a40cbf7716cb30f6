//! What is written beside its place before it takes it, and the locks of those who do: other
//! instances, other copies of the plugin in the process, and other processes do the same.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Names that are tried.
const MAX_NAMES: usize = 10_000;

/// What `create` makes at the first of `paths` (numbered from 1) that nobody has taken. `create` must
/// refuse a path that is taken: whoever looks first may find it free and lose it.
///
/// # Errors
/// Those of `create`, where nothing is at the path.
pub(crate) fn create_unused<T>(
    paths: impl Fn(usize) -> PathBuf,
    create: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    for number in 1..=MAX_NAMES {
        let path = paths(number);
        match create(&path) {
            Ok(made) => return Ok((path, made)),
            // By the path and not by the kind of error: Windows has another one for folders.
            Err(_) if path.symlink_metadata().is_ok() => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{MAX_NAMES} of that name are there")))
}

/// A lock between processes: an empty file that stays, locked by the system until this is dropped or
/// the process ends, however it ends.
pub(super) struct FileLock {
    _file: File,
    is_exclusive: bool,
}

impl FileLock {
    /// Waits until nobody else has it. For what takes no longer than a small file.
    pub fn wait(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let is_exclusive = file.lock().is_ok();
        Ok(Self { _file: file, is_exclusive })
    }

    /// `None` while somebody else has it.
    pub fn try_now(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file, is_exclusive: true })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(_)) => Ok(Some(Self { _file: file, is_exclusive: false })),
        }
    }

    /// Whether others are really kept out: not every network drive has locks.
    pub fn is_exclusive(&self) -> bool {
        self.is_exclusive
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_keeps_others_out_until_it_goes() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let lock = FileLock::try_now(&path).unwrap().unwrap();
        assert!(lock.is_exclusive());
        assert!(FileLock::try_now(&path).unwrap().is_none());
        drop(lock);
        assert!(FileLock::wait(&path).unwrap().is_exclusive());
    }

    #[test]
    fn the_first_free_name_is_taken_and_other_errors_are_told() {
        let root = tempfile::tempdir().unwrap();
        let paths = |number| root.path().join(format!("{number}"));
        std::fs::create_dir(paths(1)).unwrap();
        std::fs::write(paths(2), "taken").unwrap();
        assert_eq!(create_unused(paths, |path| File::create_new(path)).unwrap().0, paths(3));
        let nowhere = |number| root.path().join(format!("nowhere/{number}"));
        let error = create_unused(nowhere, |path| File::create_new(path)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
