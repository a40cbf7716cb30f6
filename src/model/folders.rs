//! Folders of models that the user has added: a list in the per-user data folder.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::card::CARD_FILE;
use super::resources::user_data_dir;

/// File inside the per-user data folder that holds the list.
pub const SETTINGS_FILE: &str = "settings.toml";

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
    let data = user_data_dir().ok_or(FolderError::NoDataFolder)?;
    let mut folders = list(&data)?;
    folders.retain(|known| known != folder);
    write(&data, &folders)
}

fn list(data: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let path = data.join(SETTINGS_FILE);
    let unusable = |reason: String| FolderError::Settings { path: path.clone(), reason };
    let file = match std::fs::File::open(&path) {
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
    let mut folders = list(data)?;
    if folders.contains(&folder) {
        return Ok(());
    }
    if folders.len() >= MAX_FOLDERS {
        return Err(FolderError::TooMany);
    }
    folders.push(folder);
    write(data, &folders)
}

fn write(data: &Path, folders: &[PathBuf]) -> Result<(), FolderError> {
    let path = data.join(SETTINGS_FILE);
    let mut settings = Settings::default();
    for folder in folders {
        let text = folder.to_str().ok_or_else(|| FolderError::Name { folder: folder.clone() })?;
        settings.model_folders.push(text.to_owned());
    }
    let text = toml::to_string(&settings)
        .map_err(|error| FolderError::Settings { path: path.clone(), reason: error.to_string() })?;
    // Whole or not at all: another instance may read at any moment.
    let draft = data.join(format!("{SETTINGS_FILE}.{}", std::process::id()));
    std::fs::create_dir_all(data)
        .and_then(|()| std::fs::write(&draft, text))
        .and_then(|()| std::fs::rename(&draft, &path))
        .map_err(|source| {
            // What is left of the draft serves nobody.
            let _ = std::fs::remove_file(&draft);
            FolderError::Write { path, source }
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
        assert_eq!(entries, 1, "no draft is left");
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
