//! The window of a plugin, as a host opens it, and the audio thread beside it.

use std::time::Duration;

use anyhow::Result;

/// Width and height in pixels.
pub type Size = (u32, u32);

/// What the user has done to parameters in the editor, as the host was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edits {
    /// Gestures begun.
    pub begun: usize,
    /// Values set.
    pub performed: usize,
    /// Gestures ended.
    pub ended: usize,
}

/// A host that shows the plugin's editor. Calls are made on the thread that loaded the plugin.
pub trait EditorHost {
    /// Opens the editor inside the X11 window `parent`, and returns the size that it has.
    ///
    /// # Errors
    /// When the plugin has no editor for such windows, or it does not open.
    fn open_editor(&mut self, parent: u32) -> Result<Size>;

    /// Gives the open editor another size: the nearest that it allows, which is returned.
    ///
    /// # Errors
    /// When no editor is open, or it refuses.
    fn resize_editor(&mut self, size: Size) -> Result<Size>;

    /// Closes the editor; nothing happens when none is open.
    fn close_editor(&mut self);

    /// Does what the plugin has asked the main thread to do, as a host's event loop would.
    fn idle(&mut self);

    /// What has been edited so far.
    fn edits(&self) -> Edits;

    /// Hands over the processing of an active plugin, to be moved to an audio thread. It must be
    /// dropped before the host.
    ///
    /// # Errors
    /// When the plugin is not active.
    fn take_audio(&mut self) -> Result<Box<dyn AudioSide>>;
}

/// The audio thread's part of a plugin, alone with its buffers.
pub trait AudioSide: Send {
    /// Processes one block in place, stereo, and returns the time that the plugin took.
    ///
    /// # Errors
    /// When it fails.
    fn process(&mut self, channels: &mut [Vec<f32>; 2]) -> Result<Duration>;
}
