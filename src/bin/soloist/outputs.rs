//! Where results go: checked names, one folder an input, and stems written side by side.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use soloist::files::{WavOptions, WavWriter, WriteError, WriteReport};
use soloist::render::RenderError;

use super::args::Writing;
use super::failure::Failure;
use super::input::{FileSource, Input};

/// Options of a WAV file in the shape of `input`.
pub fn wav_options(input: &Input, writing: &Writing) -> WavOptions {
    WavOptions {
        sample_rate_hz: input.sample_rate_hz,
        num_channels: input.num_channels,
        format: writing.format,
        overwrite: writing.force,
    }
}

/// Refuses a name whose ending promises another kind of file than is written.
pub fn check_ending(path: &Path, endings: &[&str], kind: &str) -> Result<(), Failure> {
    let found = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if found.is_some_and(|found| endings.contains(&found.as_str())) {
        return Ok(());
    }
    let expected = endings.join(" or .");
    Err(Failure::Usage(format!(
        "{path:?} is to be a {kind} file: its name must end in .{expected}"
    )))
}

/// One folder for each input, right below `base`: its name without the ending, numbered (`song`,
/// `song-2`) where inputs share a name. Names that differ in case alone are one name on some systems.
pub fn folders_for(inputs: &[PathBuf], base: &Path) -> Vec<PathBuf> {
    let names: Vec<String> = inputs.iter().map(|path| folder_name(path)).collect();
    let natural: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let mut taken = HashSet::new();
    names
        .into_iter()
        .map(|name| {
            if taken.insert(name.to_lowercase()) {
                return base.join(name);
            }
            let mut number = 2_usize;
            loop {
                let numbered = format!("{name}-{number}");
                let key = numbered.to_lowercase();
                if !natural.contains(&key) && taken.insert(key) {
                    return base.join(numbered);
                }
                number += 1;
            }
        })
        .collect()
}

/// An input's name without the ending, or `input` where that is nothing or leads elsewhere: the stem
/// of `...wav` is `..`. Windows drops dots and blanks at a name's end, so that `.. .` is `..` there.
fn folder_name(input: &Path) -> String {
    let stem = input.file_stem().unwrap_or_default().to_string_lossy();
    let is_name = stem.contains(|c| c != '.' && c != ' ');
    if is_name { stem.into_owned() } else { "input".to_owned() }
}

/// A folder that is there for the results; one made here goes again if nothing is kept in it.
pub struct ResultFolder {
    made: Vec<PathBuf>,
}

impl ResultFolder {
    pub fn make(path: &Path) -> Result<Self, Failure> {
        let missing: Vec<PathBuf> = path
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .map(Path::to_owned)
            .collect();
        std::fs::create_dir_all(path)
            .map_err(|source| Failure::Folder { path: path.to_owned(), source })?;
        Ok(Self { made: missing })
    }
}

impl Drop for ResultFolder {
    fn drop(&mut self) {
        for folder in &self.made {
            // Fails where there is something inside, as it should.
            if std::fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }
}

/// A writer inside a render: keeps the writer's own error, which the render cannot carry.
pub struct RenderSink {
    writer: WavWriter,
    gain: f32,
    error: Option<WriteError>,
    scaled: Vec<Vec<f32>>,
}

impl RenderSink {
    /// Writes to `writer` with a linear gain.
    pub fn new(writer: WavWriter, gain: f32) -> Self {
        Self { writer, gain, error: None, scaled: Vec::new() }
    }

    /// Appends a planar block.
    pub fn write(&mut self, channels: &[&[f32]]) -> io::Result<()> {
        let written = if self.gain == 1.0 {
            self.writer.write(channels)
        } else {
            self.scaled.resize_with(channels.len(), Vec::new);
            for (scaled, channel) in self.scaled.iter_mut().zip(channels) {
                scaled.clear();
                scaled.extend(channel.iter().map(|sample| sample * self.gain));
            }
            self.writer.write(&self.scaled)
        };
        written.map_err(|error| {
            self.error = Some(error);
            io::Error::other("see the writer's own error")
        })
    }

    /// The writer's error, if it had one.
    pub fn take_error(&mut self) -> Option<WriteError> {
        self.error.take()
    }

    /// Gives the file its name.
    pub fn finish(self) -> Result<WriteReport, WriteError> {
        self.writer.finish()
    }
}

/// The failure behind a render that ended early: an interruption, a file's error, or its own.
pub fn render_failure(
    error: RenderError,
    source: &mut FileSource,
    sinks: &mut [RenderSink],
) -> Failure {
    match error {
        RenderError::Cancelled => Failure::Interrupted,
        error => {
            let read = source.take_error().map(Failure::from);
            let written = || sinks.iter_mut().find_map(RenderSink::take_error).map(Failure::from);
            read.or_else(written).unwrap_or_else(|| error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_of_one_name_get_folders_of_their_own() {
        let inputs = ["a/x.wav", "b/x.mp3", "x-2.wav", "c/X.wav", "y.tar.wav"].map(PathBuf::from);
        let folders = folders_for(&inputs, Path::new("out"));
        let expected = ["out/x", "out/x-3", "out/x-2", "out/X-4", "out/y.tar"].map(PathBuf::from);
        assert_eq!(folders, expected);
    }

    #[test]
    fn no_input_leads_out_of_the_folder() {
        let inputs = ["...wav", "..wav", "a/...flac", ". .. .wav", "..", "...song.wav", " .wav"];
        let folders = folders_for(&inputs.map(PathBuf::from), Path::new("out"));
        let names = ["input", "input-2", "input-3", "input-4", "input-5", "...song", "input-6"];
        assert_eq!(folders, names.map(|name| Path::new("out").join(name)));
    }

    #[test]
    fn a_folder_made_for_nothing_goes_again() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        drop(ResultFolder::make(&path).unwrap());
        assert!(!root.path().join("a").exists() && root.path().exists());
        let folder = ResultFolder::make(&path).unwrap();
        std::fs::write(path.join("kept.wav"), "").unwrap();
        drop(folder);
        assert!(path.join("kept.wav").exists());
    }

    #[test]
    fn names_must_tell_the_truth() {
        assert!(check_ending(Path::new("a.WAV"), &["wav", "wave"], "WAV").is_ok());
        let error = check_ending(Path::new("a.mp3"), &["wav", "wave"], "WAV").unwrap_err();
        assert!(error.sentence().ends_with("must end in .wav or .wave"), "{}", error.sentence());
        assert!(check_ending(Path::new("wav"), &["wav"], "WAV").is_err());
    }
}
