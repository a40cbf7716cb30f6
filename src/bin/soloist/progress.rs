//! The progress bar, on a terminal only.

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Talk;
use super::input::Input;

/// A bar on standard error that vanishes when dropped; nothing in a pipe or when quiet.
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar over the frames of one input.
    pub fn new(input: &Input, talk: Talk) -> Self {
        let bar = if talk.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(input.num_frames as u64)
        };
        let template = "{msg} {wide_bar} {percent:>3} % {eta:>4}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let name = input.path.file_name().unwrap_or(input.path.as_os_str());
        bar.set_message(name.to_string_lossy().into_owned());
        Self(bar)
    }

    /// So many frames more are done.
    pub fn advance(&self, num_frames: usize) {
        self.0.inc(num_frames as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
