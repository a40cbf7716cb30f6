//! The VST3 host's window: the plugin's view, the frame around it, and the loop that it asks for.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use vst3::Steinberg::Linux::{
    FileDescriptor, IEventHandler, IEventHandlerTrait, IRunLoop, IRunLoopTrait, ITimerHandler,
    ITimerHandlerTrait, TimerInterval,
};
use vst3::Steinberg::Vst::{
    AudioBusBuffers, IAudioProcessor, IAudioProcessorTrait, IEditControllerTrait, ProcessData,
    SymbolicSampleSizes_, ViewType,
};
use vst3::Steinberg::{
    IPlugFrame, IPlugFrameTrait, IPlugView, IPlugViewTrait, ViewRect, kInvalidArgument,
    kPlatformTypeX11EmbedWindowID, kResultOk, tresult,
};
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use super::editor::{AudioSide, EditorHost, Edits, Size};
use super::vst3::{Vst3Host, check};
use super::vst3_block::bus;

/// An open editor.
pub(super) struct OpenView {
    view: ComPtr<IPlugView>,
    frame: ComWrapper<Frame>,
}

/// The host's side of a view.
#[derive(Default)]
pub(super) struct Frame {
    handlers: RefCell<Vec<(ComPtr<IEventHandler>, FileDescriptor)>>,
    timers: RefCell<Vec<Timer>>,
}

struct Timer {
    handler: ComPtr<ITimerHandler>,
    interval: Duration,
    last: Instant,
}

impl Class for Frame {
    type Interfaces = (IPlugFrame, IRunLoop);
}

impl IPlugFrameTrait for Frame {
    unsafe fn resizeView(&self, view: *mut IPlugView, new_size: *mut ViewRect) -> tresult {
        // The window is larger than any editor in it: it may be as large as it likes.
        // SAFETY: the plugin passes its own view and a size, or null.
        match unsafe { ComRef::from_raw(view) } {
            // SAFETY: as above.
            Some(view) if !new_size.is_null() => unsafe { view.onSize(new_size) },
            _ => kInvalidArgument,
        }
    }
}

impl IRunLoopTrait for Frame {
    unsafe fn registerEventHandler(
        &self,
        handler: *mut IEventHandler,
        fd: FileDescriptor,
    ) -> tresult {
        // SAFETY: the plugin passes a live handler, or null.
        let Some(handler) = (unsafe { ComRef::from_raw(handler) }) else { return kInvalidArgument };
        self.handlers.borrow_mut().push((handler.to_com_ptr(), fd));
        kResultOk
    }

    unsafe fn unregisterEventHandler(&self, handler: *mut IEventHandler) -> tresult {
        self.handlers.borrow_mut().retain(|(known, _)| known.as_ptr() != handler);
        kResultOk
    }

    unsafe fn registerTimer(&self, handler: *mut ITimerHandler, ms: TimerInterval) -> tresult {
        // SAFETY: as above.
        let Some(handler) = (unsafe { ComRef::from_raw(handler) }) else { return kInvalidArgument };
        let (interval, last) = (Duration::from_millis(ms), Instant::now());
        self.timers.borrow_mut().push(Timer { handler: handler.to_com_ptr(), interval, last });
        kResultOk
    }

    unsafe fn unregisterTimer(&self, handler: *mut ITimerHandler) -> tresult {
        self.timers.borrow_mut().retain(|timer| timer.handler.as_ptr() != handler);
        kResultOk
    }
}

impl Frame {
    /// One round of the event loop.
    fn turn(&self) {
        // Copies: handlers may register and unregister.
        let handlers = self.handlers.borrow().clone();
        for (handler, fd) in handlers {
            if is_readable(fd) {
                // SAFETY: a call on a live object, on the main thread.
                unsafe { handler.onFDIsSet(fd) };
            }
        }
        let now = Instant::now();
        let mut due = Vec::new();
        for timer in self.timers.borrow_mut().iter_mut() {
            if now - timer.last >= timer.interval {
                timer.last = now;
                due.push(timer.handler.clone());
            }
        }
        for handler in due {
            // SAFETY: a call on a live object, on the main thread.
            unsafe { handler.onTimer() };
        }
    }
}

fn is_readable(fd: FileDescriptor) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, valid for reading and writing during the call, and no waiting.
    unsafe { libc::poll(&raw mut poll, 1, 0) > 0 }
}

impl EditorHost for Vst3Host {
    fn open_editor(&mut self, parent: u32) -> Result<Size> {
        // SAFETY: the name is a constant; the plugin hands over one reference, or null.
        let view = unsafe {
            ComPtr::from_raw(self.controller.createView(ViewType::kEditor))
                .context("the VST3 plugin has no editor")?
        };
        let frame = ComWrapper::new(Frame::default());
        let frame_pointer: ComPtr<IPlugFrame> = frame.to_com_ptr().context("a frame is a frame")?;
        let kind = kPlatformTypeX11EmbedWindowID;
        let mut rect = ViewRect { left: 0, top: 0, right: 0, bottom: 0 };
        // SAFETY: plain calls on live objects; the window outlives the view: who opened it closes the
        // editor first.
        unsafe {
            check("isPlatformTypeSupported", view.isPlatformTypeSupported(kind))?;
            check("setFrame", view.setFrame(frame_pointer.as_ptr()))?;
            check("getSize", view.getSize(&raw mut rect))?;
            check("attached", view.attached(parent as usize as *mut _, kind))?;
        }
        self.editor = Some(OpenView { view, frame });
        Ok(size_of(&rect))
    }

    fn resize_editor(&mut self, (width, height): Size) -> Result<Size> {
        let view = &self.editor.as_ref().context("no editor is open")?.view;
        let mut rect = ViewRect { left: 0, top: 0, right: width as i32, bottom: height as i32 };
        // SAFETY: plain calls on a live object.
        unsafe {
            if view.canResize() != kResultOk {
                bail!("the VST3 plugin's editor cannot be resized");
            }
            check("checkSizeConstraint", view.checkSizeConstraint(&raw mut rect))?;
            check("onSize", view.onSize(&raw mut rect))?;
        }
        Ok(size_of(&rect))
    }

    fn close_editor(&mut self) {
        let Some(OpenView { view, frame }) = self.editor.take() else { return };
        // SAFETY: the last calls on the view, in the order that the format prescribes.
        unsafe {
            view.setFrame(std::ptr::null_mut());
            view.removed();
        }
        drop(view);
        drop(frame);
    }

    fn idle(&mut self) {
        if let Some(editor) = &self.editor {
            editor.frame.turn();
        }
    }

    fn edits(&self) -> Edits {
        self.application.edits()
    }

    fn take_audio(&mut self) -> Result<Box<dyn AudioSide>> {
        self.active.as_ref().context("the plugin is not active")?;
        Ok(Box::new(Vst3Audio { processor: self.processor.clone(), inputs: Default::default() }))
    }
}

fn size_of(rect: &ViewRect) -> Size {
    ((rect.right - rect.left).max(0) as u32, (rect.bottom - rect.top).max(0) as u32)
}

/// What an audio thread needs of a VST3 plugin.
struct Vst3Audio {
    processor: ComPtr<IAudioProcessor>,
    inputs: [Vec<f32>; 2],
}

// SAFETY: the format has `process` called by one audio thread while the main thread makes its own
// calls; reference counts are atomic.
unsafe impl Send for Vst3Audio {}

impl AudioSide for Vst3Audio {
    fn process(&mut self, channels: &mut [Vec<f32>; 2]) -> Result<Duration> {
        for (input, channel) in self.inputs.iter_mut().zip(channels.iter()) {
            input.clone_from(channel);
        }
        let num_frames = channels[0].len() as i32;
        let mut inputs = self.inputs.each_mut().map(|input| input.as_mut_ptr());
        let mut outputs = channels.each_mut().map(|channel| channel.as_mut_ptr());
        let mut input_bus: AudioBusBuffers = bus(&mut inputs);
        let mut output_bus: AudioBusBuffers = bus(&mut outputs);
        let mut data = ProcessData {
            processMode: 0,
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
            numSamples: num_frames,
            numInputs: 1,
            numOutputs: 1,
            inputs: &raw mut input_bus,
            outputs: &raw mut output_bus,
            inputParameterChanges: std::ptr::null_mut(),
            outputParameterChanges: std::ptr::null_mut(),
            inputEvents: std::ptr::null_mut(),
            outputEvents: std::ptr::null_mut(),
            processContext: std::ptr::null_mut(),
        };
        let begin = Instant::now();
        // SAFETY: every buffer holds the block's frames, input and output do not overlap, and all that
        // `data` points at outlives the call.
        check("process", unsafe { self.processor.process(&raw mut data) })?;
        Ok(begin.elapsed())
    }
}
