//! The editor window. It sees the parameters, the published report and the disk, never the engine.
//!
//! What it looks like is the package `soloist-editor`: before each frame [`view`] fills its view,
//! after it [`apply`] turns what the user asked for into host gestures, and [`jobs`] does what takes
//! time on threads of its own.

mod app;
mod apply;
mod folders;
mod jobs;
mod late;
mod troubles;
mod view;
mod window;
mod windows;

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, NativeSize};
use nice_plug::editor::{
    Editor, HostMethods, ParentWindowHandle, ResizeHint, SizeConstraints, SpawnedEditor,
};
use soloist_editor::MIN_SIZE;

use self::app::App;
use self::jobs::Jobs;
use self::windows::Windows;
use crate::params::SoloistParams;
use crate::report::Report;

/// What the editor sees of the instance beside its parameters.
#[derive(Clone)]
pub struct EditorLinks {
    /// Gives the newest report.
    pub reports: Arc<dyn Fn() -> Arc<Report> + Send + Sync>,
    /// Opens a model ahead of its choice. Reads files.
    pub prefetch: Arc<dyn Fn(&str) + Send + Sync>,
    /// Changes to what is installed now as the chosen model, or tries once more what has failed. Reads
    /// files.
    pub look_again: Arc<dyn Fn() + Send + Sync>,
    /// Tells the host that what a session saves has changed, beside its parameters.
    pub changed: Arc<dyn Fn() + Send + Sync>,
}

/// Opens editor windows of the size that the session saved.
pub struct SoloistEditor {
    title: &'static str,
    params: Arc<SoloistParams>,
    links: EditorLinks,
    jobs: Arc<Jobs>,
    scale: Arc<DisplayScale>,
    windows: Arc<Windows>,
}

impl Drop for SoloistEditor {
    fn drop(&mut self) {
        const LIMIT: std::time::Duration = std::time::Duration::from_secs(2);
        if !self.windows.wait_for_threads(LIMIT) {
            nice_plug::prelude::nice_warn!("a window of Soloist is still at work after {LIMIT:?}");
        }
    }
}

/// Physical pixels a logical pixel, as the last window found it; 1 before the first.
pub struct DisplayScale(Mutex<f64>);

impl DisplayScale {
    fn get(&self) -> f64 {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, scale: f64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = scale;
    }
}

impl SoloistEditor {
    /// An editor of `params` under the plugin's name.
    pub fn new(title: &'static str, params: Arc<SoloistParams>, links: EditorLinks) -> Self {
        let scale = Arc::new(DisplayScale(Mutex::new(1.0)));
        Self { title, params, links, jobs: Arc::default(), scale, windows: Arc::default() }
    }

    fn logical_size(&self) -> LogicalSize<f64> {
        let (width, height) = self.params.editor_size.get();
        LogicalSize::new(f64::from(width), f64::from(height))
    }
}

impl Editor for SoloistEditor {
    type Handle = window::Handle;

    fn spawn(
        &self,
        parent: Option<ParentWindowHandle>,
        wait_for_parent: bool,
        fallback_scale_factor: Option<f64>,
        gui_context: GuiContext,
        host: Option<HostMethods>,
    ) -> Result<SpawnedEditor<Self::Handle>, Box<dyn Error>> {
        let app = App::new(
            self.title,
            Arc::clone(&self.params),
            self.links.clone(),
            Arc::clone(&self.jobs),
            Arc::clone(&self.scale),
            Arc::clone(&self.windows),
        );
        let opening = window::Opening {
            title: self.title,
            size: self.logical_size(),
            resize_hint: self.resize_hint(),
            parent,
            wait_for_parent,
            fallback_scale_factor,
        };
        window::open(opening, app, gui_context, host)
    }

    fn size(&self) -> NativeSize<u32> {
        NativeSize::from_size(self.logical_size().into(), self.scale.get())
    }

    fn resize_hint(&self) -> ResizeHint {
        let min_size = Some(LogicalSize::new(MIN_SIZE.x, MIN_SIZE.y));
        ResizeHint {
            size_constraints: SizeConstraints::Logical { min_size, max_size: None },
            ..ResizeHint::RESIZABLE
        }
    }
}
