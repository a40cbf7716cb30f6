//! Installing a model: from a folder that came from anywhere into the per-user data folder.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::card::{CARD_FILE, CardError, MAX_MODEL_BYTES, ModelCard};
use super::catalogue::{Catalogue, InstalledModel};
use super::damage::is_damaged;
use super::digest::hex_of;
use super::drafts::{FileLock, create_unused};
use super::resources::{MODELS_FOLDER, user_data_dir};

/// Beginnings of the names of files that go with a model.
const COMPANIONS: [&str; 4] = ["LICENSE", "LICENCE", "NOTICE", "README"];

/// End of the names of folders that are being filled.
const DRAFT_ENDING: &str = ".draft";

const MAX_COMPANIONS: usize = 16;
const MAX_COMPANION_BYTES: u64 = 1 << 20;

/// Why a model is not installed. Nothing is left behind then.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The card is missing or not valid.
    #[error(transparent)]
    Card(#[from] CardError),
    /// Something else than a file where one must be.
    #[error("expected a file at {path}, found {found}")]
    NoFile {
        /// Where.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// Far larger than any network of today.
    #[error("{path} is too large: expected at most {MAX_MODEL_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not the network that the card speaks of.
    #[error("{path} is not the card's network: expected SHA-256 {expected}, found {found}")]
    Hash {
        /// The file.
        path: PathBuf,
        /// The card's.
        expected: String,
        /// The file's.
        found: String,
    },
    /// There is one of that name.
    #[error("a model named {name:?} is installed already, in {folder}: remove it first")]
    Taken {
        /// The name.
        name: String,
        /// Where.
        folder: PathBuf,
    },
    /// Somebody else is at it.
    #[error("another model is being installed just now: try again when that is done")]
    Busy,
    /// The system has no per-user data folder.
    #[error("the system names no per-user data folder to install models in")]
    NoDataFolder,
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Installs the model in `folder` for this user and returns its name. A path to the card or to the
/// network in the folder serves as well. `dirs` are the folders that models are looked for in, of
/// which none may have one of that name; a damaged one among the user's own gives way.
///
/// The card is checked, the network compared with the card's hash while it is copied, and the copy
/// appears whole or not at all. Copies the network, the card, and what is called a licence, a notice
/// or a readme. Links are not followed. Takes as long as the disk.
///
/// # Errors
/// As [`InstallError`]; then nothing is installed.
pub fn install(folder: &Path, dirs: &[PathBuf]) -> Result<String, InstallError> {
    let data = user_data_dir().ok_or(InstallError::NoDataFolder)?;
    install_into(&data.join(MODELS_FOLDER), folder, dirs)
}

/// Removes what installations that a crash ended have left behind: perhaps gigabytes in folders that
/// nobody sees.
pub fn sweep_drafts() {
    if let Some(data) = user_data_dir() {
        sweep(&data.join(MODELS_FOLDER));
    }
}

fn sweep(place: &Path) {
    // The lock would make a file where nobody has installed anything.
    if !drafts(place).is_empty()
        && let Ok(Some(lock)) = FileLock::try_now(&lock_path(place))
    {
        sweep_locked(place, &lock);
    }
}

/// As [`sweep`], by whoever has the lock: what is there belongs to nobody any more.
fn sweep_locked(place: &Path, lock: &FileLock) {
    if lock.is_exclusive() {
        for draft in drafts(place) {
            // It is in nobody's way: drafts find a free name.
            let _ = fs::remove_dir_all(draft);
        }
    }
}

/// Folders in `place` that are being filled, or were when a crash came.
fn drafts(place: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let is_draft = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_folder && name.starts_with('.') && name.ends_with(DRAFT_ENDING)
    };
    entries.flatten().filter(is_draft).map(|entry| entry.path()).collect()
}

/// Whoever installs into `place` has this file's lock.
fn lock_path(place: &Path) -> PathBuf {
    place.with_extension("lock")
}

fn install_into(place: &Path, folder: &Path, dirs: &[PathBuf]) -> Result<String, InstallError> {
    let folder = if folder.is_file() { folder.parent().unwrap_or(folder) } else { folder };
    let card_path = folder.join(CARD_FILE);
    if card_path.symlink_metadata().is_ok() {
        // A pipe or a device would be read for ever.
        expect_file(&card_path)?;
    }
    let card = ModelCard::load(folder)?;
    let lock = lock(place)?;
    let target = free_target(place, card.name(), dirs)?;
    sweep_locked(place, &lock);
    let draft = Draft::make(place, card.name())?;
    let network = draft.0.join(&card.model.file);
    let copied = copy(&card.model_path(), &network, MAX_MODEL_BYTES)?;
    if !copied.sha256.eq_ignore_ascii_case(&card.model.sha256) {
        let (path, expected) = (card.model_path(), card.model.sha256.clone());
        return Err(InstallError::Hash { path, expected, found: copied.sha256 });
    }
    for name in
        companions(folder).iter().filter(|name| !name.eq_ignore_ascii_case(&card.model.file))
    {
        copy(&folder.join(name), &draft.0.join(name), MAX_COMPANION_BYTES)?;
    }
    // Last: what has a card is a model.
    copy(&card_path, &draft.0.join(CARD_FILE), MAX_COMPANION_BYTES)?;
    // The card may have been changed since it was checked.
    let found = ModelCard::load(&draft.0)?;
    if (found.name(), &found.model.sha256) != (card.name(), &card.model.sha256) {
        return Err(InstallError::NoFile { path: card_path, found: "one that has just changed" });
    }
    // A draft lies where anybody may clear up.
    expect_bytes(&network, copied.num_bytes)?;
    let aside = set_aside(&target, place, card.name())?;
    let Target { path: target, .. } = target;
    fs::rename(&draft.0, &target).map_err(|source| {
        let name = card.name().to_owned();
        if let Some(aside) = &aside {
            // The error that led here is told.
            let _ = fs::rename(aside.0.join(&name), &target);
        }
        match target.symlink_metadata() {
            // Where there are no locks, somebody else may have been faster.
            Ok(_) if aside.is_none() => InstallError::Taken { name, folder: target.clone() },
            _ => InstallError::Write { path: target.clone(), source },
        }
    })?;
    Ok(card.name().to_owned())
}

/// The lock of those who install into `place`.
fn lock(place: &Path) -> Result<FileLock, InstallError> {
    let path = lock_path(place);
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| FileLock::try_now(&path))
        .map_err(|source| InstallError::Write { path, source })?
        .ok_or(InstallError::Busy)
}

/// Where a model goes.
struct Target {
    path: PathBuf,
    /// Whether a damaged copy lies there, which gives way.
    is_damaged: bool,
}

/// Where a model of that name goes, when there is none yet but a damaged copy in that very place.
fn free_target(place: &Path, name: &str, dirs: &[PathBuf]) -> Result<Target, InstallError> {
    let path = place.join(name);
    let taken = |folder| InstallError::Taken { name: name.to_owned(), folder };
    let installed = Catalogue::scan(dirs).models;
    let same_name = |model: &InstalledModel| model.name().eq_ignore_ascii_case(name);
    if let Some(model) = installed.into_iter().find(same_name) {
        // A link is somebody's own arrangement.
        let is_own = model.folder == path && path.symlink_metadata().is_ok_and(|it| it.is_dir());
        if is_own && is_damaged(&model) {
            return Ok(Target { path, is_damaged: true });
        }
        return Err(taken(model.folder));
    }
    if path.symlink_metadata().is_ok() {
        return Err(taken(path));
    }
    Ok(Target { path, is_damaged: false })
}

/// Moves a damaged copy into a draft, which vanishes in the end.
fn set_aside(target: &Target, place: &Path, name: &str) -> Result<Option<Draft>, InstallError> {
    if !target.is_damaged {
        return Ok(None);
    }
    let aside = Draft::make(place, name)?;
    let moved = fs::rename(&target.path, aside.0.join(name));
    moved.map_err(|source| InstallError::Write { path: target.path.clone(), source })?;
    Ok(Some(aside))
}

/// A folder that vanishes unless it was renamed.
struct Draft(PathBuf);

impl Draft {
    /// An empty folder beside the model's own, so that it can be renamed; a name that no search looks
    /// at and that nobody else has.
    fn make(place: &Path, name: &str) -> Result<Self, InstallError> {
        let path_of = |number: usize| place.join(format!(".{name}.{number}{DRAFT_ENDING}"));
        fs::create_dir_all(place)
            .and_then(|()| create_unused(path_of, |path| fs::create_dir(path)))
            .map(|(path, ())| Self(path))
            .map_err(|source| InstallError::Write { path: place.to_owned(), source })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Where it was renamed there is none; what else fails has nobody to be told to.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Refuses a written file that is not whole any more.
fn expect_bytes(path: &Path, num_bytes: u64) -> Result<(), InstallError> {
    let failed = |source| InstallError::Write { path: path.to_owned(), source };
    let found = path.symlink_metadata().map_err(failed)?.len();
    if found != num_bytes {
        let words = format!("expected {num_bytes} bytes after writing them, found {found}");
        return Err(failed(io::Error::other(words)));
    }
    Ok(())
}

/// Refuses all but plain files: links lead anywhere.
fn expect_file(path: &Path) -> Result<(), InstallError> {
    let read = |source| InstallError::Read { path: path.to_owned(), source };
    let kind = path.symlink_metadata().map_err(read)?.file_type();
    let found = if kind.is_file() {
        return Ok(());
    } else if kind.is_symlink() {
        "a link"
    } else if kind.is_dir() {
        "a folder"
    } else {
        "a device or a pipe"
    };
    Err(InstallError::NoFile { path: path.to_owned(), found })
}

/// What was copied.
struct Copied {
    sha256: String,
    num_bytes: u64,
}

/// Copies a plain file of `max_bytes` at most.
fn copy(from: &Path, to: &Path, max_bytes: u64) -> Result<Copied, InstallError> {
    expect_file(from)?;
    let read = |source| InstallError::Read { path: from.to_owned(), source };
    let write = |source| InstallError::Write { path: to.to_owned(), source };
    let mut input = File::open(from).map_err(read)?.take(max_bytes + 1);
    let mut output = File::create_new(to).map_err(write)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut num_bytes = 0;
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read(error)),
        };
        num_bytes += count as u64;
        if num_bytes > max_bytes {
            return Err(InstallError::TooLarge { path: from.to_owned() });
        }
        hash.update(&buffer[..count]);
        output.write_all(&buffer[..count]).map_err(write)?;
    }
    output.sync_all().map_err(write)?;
    Ok(Copied { sha256: hex_of(hash), num_bytes })
}

/// Names of the plain files in `folder` that go with a model, as far as they are of a usual size.
fn companions(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_companion = |entry: &fs::DirEntry| {
        // Of the entry itself, not of what a link leads to.
        entry.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_COMPANION_BYTES)
    };
    let named = |name: &String| {
        let name = name.to_ascii_uppercase();
        COMPANIONS.iter().any(|begin| name.starts_with(begin))
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(is_companion)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(named)
        .take(MAX_COMPANIONS)
        .collect();
    names.sort();
    names
}

#[cfg(test)]
#[path = "install_tests.rs"]
mod tests;
