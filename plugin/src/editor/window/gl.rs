//! egui's meshes through the window's OpenGL context.

use std::sync::Arc;

use baseview::gl::GlContext;
use baseview::{HandlerError, WindowContext};
use egui::{ClippedPrimitive, TexturesDelta};
use egui_glow::glow::{self, HasContext as _};

/// The context with what egui needs in it.
pub struct Gl {
    context: GlContext,
    functions: Arc<glow::Context>,
    painter: egui_glow::Painter,
}

impl Gl {
    /// Compiles the shaders in the window's context.
    pub fn new(window: &WindowContext) -> Result<Self, HandlerError> {
        let Some(context) = window.gl_context() else {
            return Err(HandlerError::from_boxed("the system gives no OpenGL context".into()));
        };
        // SAFETY: the context belongs to this window and is used on this thread alone.
        unsafe { context.make_current()? };
        // SAFETY: the context is current, and its own loader names its functions.
        let functions = unsafe {
            glow::Context::from_loader_function_cstr(|name| context.get_proc_address(name))
        };
        let functions = Arc::new(functions);
        let painter = egui_glow::Painter::new(Arc::clone(&functions), "", None, true)?;
        // SAFETY: as above; hosts have contexts of their own on this thread.
        unsafe { context.make_not_current()? };
        Ok(Self { context, functions, painter })
    }

    /// The widest texture that there can be.
    pub fn max_texture_side(&self) -> usize {
        self.painter.max_texture_side()
    }

    /// Draws a frame and shows it.
    pub fn paint(
        &mut self,
        size: [u32; 2],
        scale: f32,
        primitives: &[ClippedPrimitive],
        textures: &mut TexturesDelta,
    ) -> Result<(), HandlerError> {
        // SAFETY: the context belongs to this window and is used on this thread alone.
        unsafe { self.context.make_current()? };
        // SAFETY: the context is current.
        unsafe {
            self.functions.clear_color(0.0, 0.0, 0.0, 1.0);
            self.functions.clear(glow::COLOR_BUFFER_BIT);
        }
        for (id, deltas) in textures.set.drain() {
            for delta in deltas {
                self.painter.set_texture(id, &delta);
            }
        }
        self.painter.paint_primitives(size, scale, primitives);
        for id in textures.free.drain() {
            self.painter.free_texture(id);
        }
        self.context.swap_buffers()?;
        // SAFETY: as above.
        unsafe { self.context.make_not_current()? };
        Ok(())
    }
}

impl Drop for Gl {
    fn drop(&mut self) {
        // SAFETY: as above. Without the context the driver frees what is in it by itself.
        unsafe {
            if self.context.make_current().is_ok() {
                self.painter.destroy();
                let _ = self.context.make_not_current();
            }
        }
    }
}
