//! Where things lie on disk: the resources folder beside a plugin or an executable, the per-user
//! data folder, and in them `models/` and `onnxruntime/`.

use std::path::{Path, PathBuf};

use super::folders::added_folders;

/// Environment variable that names the onnxruntime library to load, before any other place.
pub const RUNTIME_ENV: &str = "SOLOIST_ONNXRUNTIME";

/// Name of a resources folder that stands beside a file.
pub const RESOURCES_FOLDER: &str = "Soloist-resources";

/// Name of the resources folder in a build tree.
pub const BUILD_RESOURCES_FOLDER: &str = "soloist-resources";

/// Folder inside the resources that holds onnxruntime.
pub const RUNTIME_FOLDER: &str = "onnxruntime";

/// Folder inside the resources that holds the models.
pub const MODELS_FOLDER: &str = "models";

/// The onnxruntime library was not found.
#[derive(Debug, thiserror::Error)]
#[error("the onnxruntime library was not found: looked for {pattern} in {places}")]
pub struct RuntimeNotFound {
    pattern: &'static str,
    places: String,
}

/// Resources folders that exist around `anchor`, the plugin's binary or an executable, nearest
/// first: a bundle's `Contents/Resources`, `Soloist-resources` beside the binary or one folder
/// up, and a build tree's `soloist-resources` up to three folders up.
#[must_use]
pub fn resource_dirs(anchor: &Path) -> Vec<PathBuf> {
    let Some(folder) = anchor.parent() else { return Vec::new() };
    let mut candidates = Vec::new();
    if let Some(contents) = folder.parent() {
        candidates.push(contents.join("Resources"));
    }
    for above in folder.ancestors().take(2) {
        candidates.push(above.join(RESOURCES_FOLDER));
    }
    for above in folder.ancestors().take(4) {
        candidates.push(above.join(BUILD_RESOURCES_FOLDER));
    }
    candidates.retain(|dir| dir.join(MODELS_FOLDER).is_dir() || dir.join(RUNTIME_FOLDER).is_dir());
    candidates
}

/// The per-user data folder of Soloist, by the platform's convention; it need not exist.
#[must_use]
pub fn user_data_dir() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    let base = if cfg!(target_os = "windows") {
        std::env::var_os("APPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        std::env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| home().map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join("soloist"))
}

/// Folders to search for models: the resources' own, then the user's, then those that the user has
/// added.
#[must_use]
pub fn model_dirs(resources: &[PathBuf]) -> Vec<PathBuf> {
    let known = resources.iter().cloned().chain(user_data_dir());
    known.map(|dir| dir.join(MODELS_FOLDER)).chain(added_folders()).collect()
}

/// The onnxruntime library: the one that [`RUNTIME_ENV`] names, or the first in the resources, or
/// the user's own.
///
/// The environment's path is returned as it stands, so that loading it reports what is wrong.
///
/// # Errors
/// When there is none; the error lists where it was looked for.
pub fn runtime_library(resources: &[PathBuf]) -> Result<PathBuf, RuntimeNotFound> {
    if let Some(path) = std::env::var_os(RUNTIME_ENV).filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let places: Vec<PathBuf> = resources
        .iter()
        .cloned()
        .chain(user_data_dir())
        .map(|dir| dir.join(RUNTIME_FOLDER))
        .collect();
    places.iter().find_map(|place| library_in(place)).ok_or_else(|| RuntimeNotFound {
        pattern: if cfg!(windows) { "onnxruntime.dll" } else { "libonnxruntime*" },
        places: places.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "),
    })
}

fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_runtime_name))
        .collect();
    names.sort();
    names.into_iter().next()
}

fn is_runtime_name(name: &str) -> bool {
    if cfg!(windows) {
        name.eq_ignore_ascii_case("onnxruntime.dll")
    } else if cfg!(target_os = "macos") {
        name.starts_with("libonnxruntime")
            && name.ends_with(".dylib")
            && !name.contains("providers")
    } else {
        // libonnxruntime_providers_*.so stand beside it in GPU packages and are no runtime.
        name.starts_with("libonnxruntime.so")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundle_sibling_and_build_tree_layouts_are_found() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| std::fs::create_dir_all(root.path().join(path)).unwrap();
        make("Soloist.vst3/Contents/x86_64-linux");
        make("Soloist.vst3/Contents/Resources/models");
        make("Soloist-resources/onnxruntime");
        make("target/soloist-resources/models");
        make("target/release/deps");
        let found = |anchor: &str| resource_dirs(&root.path().join(anchor));
        let inside = found("Soloist.vst3/Contents/x86_64-linux/Soloist.so");
        assert_eq!(inside[0], root.path().join("Soloist.vst3/Contents/Resources"));
        assert_eq!(found("Soloist.clap")[0], root.path().join("Soloist-resources"));
        let build = root.path().join("target/soloist-resources");
        assert!(found("target/release/soloist").contains(&build));
        assert!(found("target/release/deps/test-1").contains(&build));
        assert!(!found("elsewhere/deep/down/here/tool").contains(&build));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_runtime_is_told_from_its_providers() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(RUNTIME_FOLDER);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("libonnxruntime_providers_shared.so"), "").unwrap();
        assert!(library_in(&folder).is_none());
        std::fs::write(folder.join("libonnxruntime.so.1.31.1"), "").unwrap();
        assert!(library_in(&folder).unwrap().ends_with("libonnxruntime.so.1.31.1"));
    }
}
