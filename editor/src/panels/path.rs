//! Paths as users type and paste them.

use std::path::PathBuf;

/// What is said to a path that begins anywhere.
const NOT_WHOLE: &str = if cfg!(windows) {
    "Name a whole path, from the drive on, such as C:\\Music\\takes"
} else {
    "Name a whole path, from / or ~ on, such as ~/Music/takes"
};

/// A path as it was typed or pasted, perhaps in quotes, perhaps from `~`, the user's own folder, on.
///
/// # Errors
/// In words, when nothing is named, or what is named depends on where the host was started: nobody
/// would find again what is written there.
pub(super) fn path_of(text: &str, home: &str) -> Result<PathBuf, &'static str> {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    if text.is_empty() {
        return Err("Name a folder");
    }
    let is_separator = |c: char| std::path::is_separator(c);
    let path = match text.strip_prefix('~') {
        Some("") => PathBuf::from(home),
        Some(rest) if rest.starts_with(is_separator) => {
            PathBuf::from(home).join(rest.trim_start_matches(is_separator))
        }
        _ => PathBuf::from(text),
    };
    if path.is_absolute() { Ok(path) } else { Err(NOT_WHOLE) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Paths of this system: those that begin with `/` are not whole on Windows.
    const ROOT: &str = if cfg!(windows) { "C:\\" } else { "/" };

    fn home() -> String {
        format!("{ROOT}home")
    }

    #[test]
    fn quotes_are_taken_off_and_the_users_folder_is_put_in() {
        let whole = format!("{ROOT}a b");
        assert_eq!(path_of(&format!(" \"{whole}\" "), ""), Ok(PathBuf::from(&whole)));
        let home = home();
        for (text, below) in [("~/Music/x", "Music/x"), ("'~//x'", "x"), ("~", ""), ("~/", "")] {
            assert_eq!(path_of(text, &home), Ok(Path::new(&home).join(below)), "{text}");
        }
        // A tilde elsewhere is a letter.
        let odd = format!("{ROOT}a~/~");
        assert_eq!(path_of(&odd, &home), Ok(PathBuf::from(odd)));
    }

    #[test]
    fn paths_that_begin_anywhere_are_refused_in_words() {
        for text in ["Music", "./x", "../x", "x/y", "~ana/x", "~x"] {
            assert_eq!(path_of(text, &home()), Err(NOT_WHOLE), "{text}");
        }
        assert_eq!(path_of("~/x", ""), Err(NOT_WHOLE), "the user's folder is not known");
        for text in ["", "  ", "\"\""] {
            assert_eq!(path_of(text, &home()), Err("Name a folder"));
        }
    }
}
