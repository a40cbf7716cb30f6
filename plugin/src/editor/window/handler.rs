//! What the window does when the system calls.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use baseview::{
    DropData, DropEffect, Event, EventStatus, HandlerError, MouseCursor, MouseEvent, WindowContext,
    WindowEvent, WindowHandler, WindowSize,
};
use copypasta::{ClipboardContext, ClipboardProvider as _};
use egui::{Context, CursorIcon, OutputCommand, RawInput, Rect, ViewportId, ViewportInfo};
use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::nice_warn;

use super::gl::Gl;
use super::input::{Input, is_answered};
use crate::editor::app::App;

/// A window with its app. Calls come from one thread, but on some systems from within another: a host
/// that hears of a gesture may resize the window at once. What cannot be done then waits for the next
/// frame.
pub struct Handler {
    window: WindowContext,
    context: Context,
    opened: Instant,
    input: RefCell<Input>,
    app: RefCell<App>,
    gl: RefCell<Gl>,
    clipboard: RefCell<Option<ClipboardContext>>,
    cursor: Cell<MouseCursor>,
    /// A size that the app has not been told of.
    resized: Cell<Option<WindowSize>>,
}

impl Handler {
    /// Prepares a new window to draw `app`.
    ///
    /// # Errors
    /// When there is no OpenGL.
    pub fn new(
        window: WindowContext,
        mut app: App,
        host: GuiContext,
    ) -> Result<Self, HandlerError> {
        let gl = Gl::new(&window)?;
        let context = Context::default();
        let waker = window.waker();
        context.set_request_repaint_callback(move |info| waker.request_redraw_after(info.delay));
        app.begin(&context, host);
        let clipboard = ClipboardContext::new();
        let clipboard = clipboard.inspect_err(|error| nice_warn!("no clipboard: {error}")).ok();
        Ok(Self {
            window,
            context,
            opened: Instant::now(),
            input: RefCell::default(),
            app: RefCell::new(app),
            gl: RefCell::new(gl),
            clipboard: RefCell::new(clipboard),
            cursor: Cell::new(MouseCursor::Default),
            resized: Cell::new(None),
        })
    }

    fn raw_input(&self) -> RawInput {
        let size = self.window.size();
        let points = size.physical.to_logical::<f32>(size.scale_factor);
        let whole = Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(points.width, points.height));
        let viewport = ViewportInfo {
            native_pixels_per_point: Some(size.scale_factor as f32),
            inner_rect: Some(whole),
            focused: Some(self.window.has_focus()),
            ..ViewportInfo::default()
        };
        let mut input = self.input.borrow_mut();
        RawInput {
            viewports: std::iter::once((ViewportId::ROOT, viewport)).collect(),
            screen_rect: Some(whole),
            max_texture_side: Some(self.gl.borrow().max_texture_side()),
            time: Some(self.opened.elapsed().as_secs_f64()),
            events: std::mem::take(&mut input.events),
            focused: self.window.has_focus(),
            ..RawInput::default()
        }
    }

    fn do_commands(&self, commands: &[OutputCommand]) {
        for command in commands {
            if let OutputCommand::CopyText(text) = command
                && let Some(clipboard) = &mut *self.clipboard.borrow_mut()
                && let Err(error) = clipboard.set_contents(text.clone())
            {
                nice_warn!("nothing was copied: {error}");
            }
        }
    }

    fn show_cursor(&self, icon: CursorIcon) -> Result<(), HandlerError> {
        let cursor = match icon {
            CursorIcon::Text => MouseCursor::Text,
            CursorIcon::PointingHand => MouseCursor::Hand,
            CursorIcon::Grab | CursorIcon::Grabbing => MouseCursor::HandGrabbing,
            _ => MouseCursor::Default,
        };
        if self.cursor.replace(cursor) != cursor {
            self.window.set_mouse_cursor(cursor)?;
        }
        Ok(())
    }

    /// Keys that the window answers stay in it; the host hears the others.
    fn is_own_key(&self, event: &keyboard_types::KeyboardEvent) -> bool {
        let edits_text = self.context.text_edit_focused();
        let has_focus = self.context.memory(|memory| memory.focused().is_some());
        edits_text || (has_focus && is_answered(event))
    }

    fn drag(&self, event: &MouseEvent) -> Option<EventStatus> {
        let mut app = self.app.try_borrow_mut().ok()?;
        match event {
            MouseEvent::DragEntered { data: DropData::Files(_), .. }
            | MouseEvent::DragMoved { data: DropData::Files(_), .. } => app.hover_files(true),
            MouseEvent::DragLeft => {
                app.hover_files(false);
                return Some(EventStatus::Ignored);
            }
            MouseEvent::DragDropped { data: DropData::Files(files), .. } => app.drop_files(files),
            MouseEvent::DragEntered { .. }
            | MouseEvent::DragMoved { .. }
            | MouseEvent::DragDropped { .. } => return Some(EventStatus::Ignored),
            _ => return None,
        }
        Some(EventStatus::AcceptDrop(DropEffect::Copy))
    }
}

impl WindowHandler for Handler {
    fn draw(&self) -> Result<(), HandlerError> {
        let Ok(mut app) = self.app.try_borrow_mut() else { return Ok(()) };
        if let Some(size) = self.resized.take() {
            app.resized(size);
        }
        let input = self.raw_input();
        let mut output = self.context.run_ui(input, |ui| app.ui(ui));
        drop(app);
        let (size, scale) = (self.window.size(), output.pixels_per_point);
        let primitives = self.context.tessellate(std::mem::take(&mut output.shapes), scale);
        let pixels = [size.physical.width, size.physical.height];
        let painted =
            self.gl.borrow_mut().paint(pixels, scale, &primitives, &mut output.textures_delta);
        // What was not applied goes with the window; egui minds when it is dropped.
        output.textures_delta.clear();
        painted?;
        self.do_commands(&output.platform_output.commands);
        self.show_cursor(output.platform_output.cursor_icon)
    }

    fn resized(&self, size: WindowSize) -> Result<(), HandlerError> {
        self.resized.set(Some(size));
        self.window.request_redraw();
        Ok(())
    }

    fn on_event(&self, event: Event) -> EventStatus {
        self.window.request_redraw();
        match event {
            Event::Mouse(event) => {
                if let Some(status) = self.drag(&event) {
                    return status;
                }
                let is_press = matches!(event, MouseEvent::ButtonPressed { .. });
                if is_press && !self.window.has_focus() {
                    // Windows inside others do not get the keyboard by a click.
                    let _ = self.window.focus();
                }
                self.input.borrow_mut().mouse(&event, self.window.scale_factor());
                EventStatus::Captured
            }
            Event::Keyboard(event) => {
                let paste = || self.clipboard.borrow_mut().as_mut()?.get_contents().ok();
                self.input.borrow_mut().key(&event, paste);
                if self.is_own_key(&event) { EventStatus::Captured } else { EventStatus::Ignored }
            }
            Event::Window(event) => {
                let focus = match event {
                    WindowEvent::Focused => Some(true),
                    WindowEvent::Unfocused => Some(false),
                    _ => None,
                };
                let events = &mut self.input.borrow_mut().events;
                events.extend(focus.map(egui::Event::WindowFocused));
                EventStatus::Captured
            }
            _ => EventStatus::Ignored,
        }
    }
}
