//! The user's folders.

use std::path::PathBuf;

/// The user's own folder, which `~` stands for; empty where the system does not say.
pub fn home_folder() -> PathBuf {
    let home = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
    home.map(PathBuf::from).unwrap_or_default()
}

/// The user's folder for music where there is one, else [`home_folder`].
pub fn music_folder() -> PathBuf {
    let home = home_folder();
    let music = home.join("Music");
    if music.is_dir() { music } else { home }
}
