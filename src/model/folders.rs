//! Folders of models that the user has added: a list in the per-user data folder.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::card::CARD_FILE;
use super::drafts::{FileLock, create_unused};
use super::resources::user_data_dir;

/// File inside the per-user data folder that holds the list.
pub const SETTINGS_FILE: &str = "settings.toml";

/// Whoever changes the list has this file's lock.
const LOCK_FILE: &str = "settings.lock";

/// Most folders that are kept.
const MAX_FOLDERS: usize = 64;

const MAX_SETTINGS_BYTES: u64 = 256 * 1024;

/// The file's content.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Settings {
    #[serde(default)]
    model_folders: Vec<String>,
}

/// Why a folder is not added.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Not a folder of models.
    #[error("{folder} holds no model: expected folders with a {CARD_FILE} in each")]
    NoModels {
        /// The folder.
        folder: PathBuf,
    },
    /// A model and not a folder of models.
    #[error("{folder} is a model itself: add the folder around it, or install it")]
    IsModel {
        /// The folder.
        folder: PathBuf,
    },
    /// The path cannot be kept as text.
    #[error("the name of {folder} cannot be kept: expected Unicode")]
    Name {
        /// The folder.
        folder: PathBuf,
    },
    /// Too many.
    #[error("no more than {MAX_FOLDERS} folders of models can be added")]
    TooMany,
    /// The system has no per-user data folder.
    #[error("the system names no per-user data folder to keep the list in")]
    NoDataFolder,
    /// The list cannot be read or is no list.
    #[error("the settings in {path} cannot be used: {reason}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The list cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Folders that the user has added, in the order of adding. What cannot be read is no folder.
#[must_use]
pub fn added_folders() -> Vec<PathBuf> {
    user_data_dir().map_or_else(Vec::new, |data| list(&data).unwrap_or_default())
}

/// Has `folder`, whose folders are models, searched for models from now on.
///
/// # Errors
/// When it holds none, or the list cannot be kept.
pub fn add_folder(folder: &Path) -> Result<(), FolderError> {
    add(&user_data_dir().ok_or(FolderError::NoDataFolder)?, folder)
}

/// Has `folder` not searched any more; nothing in it is touched.
///
/// # Errors
/// When the list cannot be kept.
pub fn remove_folder(folder: &Path) -> Result<(), FolderError> {
    remove(&user_data_dir().ok_or(FolderError::NoDataFolder)?, folder)
}

fn list(data: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let path = data.join(SETTINGS_FILE);
    let unusable = |reason: String| FolderError::Settings { path: path.clone(), reason };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(error.to_string())),
    };
    let mut text = String::new();
    file.take(MAX_SETTINGS_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| unusable(error.to_string()))?;
    let settings: Settings =
        toml::from_str(&text).map_err(|error| unusable(error.to_string().trim_end().to_owned()))?;
    let folders = settings.model_folders.into_iter().map(PathBuf::from);
    Ok(folders.filter(|folder| folder.is_absolute()).take(MAX_FOLDERS).collect())
}

fn add(data: &Path, folder: &Path) -> Result<(), FolderError> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    if folder.join(CARD_FILE).is_file() {
        return Err(FolderError::IsModel { folder });
    }
    let holds_models = std::fs::read_dir(&folder)
        .is_ok_and(|entries| entries.flatten().any(|it| it.path().join(CARD_FILE).is_file()));
    if !holds_models {
        return Err(FolderError::NoModels { folder });
    }
    change(data, |folders| {
        if folders.contains(&folder) {
            return Ok(());
        }
        if folders.len() >= MAX_FOLDERS {
            return Err(FolderError::TooMany);
        }
        folders.push(folder);
        Ok(())
    })
}

fn remove(data: &Path, folder: &Path) -> Result<(), FolderError> {
    change(data, |folders| {
        folders.retain(|known| known != folder);
        Ok(())
    })
}

/// Changes the list as it is at that moment: nobody else does until it is written.
fn change(
    data: &Path,
    edit: impl FnOnce(&mut Vec<PathBuf>) -> Result<(), FolderError>,
) -> Result<(), FolderError> {
    let lock_path = data.join(LOCK_FILE);
    let lock = std::fs::create_dir_all(data)
        .and_then(|()| FileLock::wait(&lock_path))
        .map_err(|source| FolderError::Write { path: lock_path, source })?;
    let before = list(data)?;
    let mut folders = before.clone();
    edit(&mut folders)?;
    if folders == before { Ok(()) } else { write(data, &folders, &lock) }
}

fn write(data: &Path, folders: &[PathBuf], lock: &FileLock) -> Result<(), FolderError> {
    let path = data.join(SETTINGS_FILE);
    let mut settings = Settings::default();
    for folder in folders {
        let text = folder.to_str().ok_or_else(|| FolderError::Name { folder: folder.clone() })?;
        settings.model_folders.push(text.to_owned());
    }
    let text = toml::to_string(&settings)
        .map_err(|error| FolderError::Settings { path: path.clone(), reason: error.to_string() })?;
    // Whole or not at all: another instance may read at any moment.
    let path_of = |number: usize| data.join(format!("{SETTINGS_FILE}.{number}.draft"));
    let create = |path: &Path| match lock.is_exclusive() {
        // Over what a crash has left.
        true => File::create(path),
        false => File::create_new(path),
    };
    let failed = |source| FolderError::Write { path: path.clone(), source };
    let (draft, mut file) = create_unused(path_of, create).map_err(failed)?;
    let written = file.write_all(text.as_bytes());
    // Windows renames no file that is open.
    drop(file);
    written.and_then(|()| std::fs::rename(&draft, &path)).map_err(|source| {
        // What is left of the draft serves nobody.
        let _ = std::fs::remove_file(&draft);
        failed(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_kept_once_and_in_order_and_removed_lists_are_empty() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        assert!(list(&data).unwrap().is_empty());
        let folder = |name: &str| root.path().join(name);
        for name in ["b", "a"] {
            std::fs::create_dir_all(folder(name).join("model")).unwrap();
            std::fs::write(folder(name).join("model").join(CARD_FILE), "").unwrap();
            add(&data, &folder(name)).unwrap();
        }
        add(&data, &folder("b")).unwrap();
        assert_eq!(list(&data).unwrap(), [folder("b"), folder("a")]);
        let entries = std::fs::read_dir(&data).unwrap().count();
        assert_eq!(entries, 2, "the list and its lock: no draft is left");
        remove(&data, &folder("b")).unwrap();
        remove(&data, &folder("never added")).unwrap();
        assert_eq!(list(&data).unwrap(), [folder("a")]);
    }

    /// Each change waits for the one that is under way, and begins with what that has left.
    #[test]
    fn folders_that_are_added_at_one_time_are_all_kept() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        let folders: Vec<PathBuf> = (0..8).map(|it| root.path().join(it.to_string())).collect();
        for folder in &folders {
            std::fs::create_dir_all(folder.join("model")).unwrap();
            std::fs::write(folder.join("model").join(CARD_FILE), "").unwrap();
        }
        let all_begin = std::sync::Barrier::new(folders.len());
        std::thread::scope(|scope| {
            for folder in &folders {
                scope.spawn(|| {
                    all_begin.wait();
                    add(&data, folder).unwrap();
                });
            }
        });
        let mut found = list(&data).unwrap();
        found.sort();
        assert_eq!(found, folders);
    }

    /// The list is read, and changed, with the lock held.
    #[test]
    fn nobody_else_changes_the_list_meanwhile() {
        let root = tempfile::tempdir().unwrap();
        change(root.path(), |_| {
            let lock = FileLock::try_now(&root.path().join(LOCK_FILE)).unwrap();
            assert!(lock.is_none(), "the list can be changed by two at one time");
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn what_a_crash_has_left_of_the_list_is_written_over() {
        let root = tempfile::tempdir().unwrap();
        let left = root.path().join(format!("{SETTINGS_FILE}.1.draft"));
        std::fs::write(&left, "half of a lis").unwrap();
        let folder = root.path().join("a");
        change(root.path(), |folders| {
            folders.push(folder.clone());
            Ok(())
        })
        .unwrap();
        assert_eq!(list(root.path()).unwrap(), [folder]);
        assert!(!left.exists());
    }

    #[test]
    fn what_is_no_folder_of_models_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        assert!(matches!(add(&data, root.path()), Err(FolderError::NoModels { .. })));
        let model = root.path().join("model");
        std::fs::create_dir(&model).unwrap();
        std::fs::write(model.join(CARD_FILE), "").unwrap();
        assert!(matches!(add(&data, &model), Err(FolderError::IsModel { .. })));
        assert!(matches!(add(&data, &model.join("nowhere")), Err(FolderError::NoModels { .. })));
        assert!(!data.exists());
    }

    #[test]
    fn settings_that_do_not_parse_are_told_and_not_overwritten() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("model")).unwrap();
        std::fs::write(root.path().join("model").join(CARD_FILE), "").unwrap();
        let settings = root.path().join(SETTINGS_FILE);
        std::fs::write(&settings, "model_folders = 3").unwrap();
        let error = add(root.path(), root.path()).unwrap_err();
        assert!(error.to_string().contains(SETTINGS_FILE), "{error}");
        assert_eq!(std::fs::read_to_string(settings).unwrap(), "model_folders = 3");
    }

    #[test]
    fn folders_that_are_not_absolute_are_not_searched() {
        let root = tempfile::tempdir().unwrap();
        let settings = root.path().join(SETTINGS_FILE);
        std::fs::write(settings, "model_folders = [\"models\", \"..\"]").unwrap();
        assert!(list(root.path()).unwrap().is_empty());
    }
}
