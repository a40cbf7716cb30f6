//! The editor's view on Linux: nice-plug's, without what it leaves behind.
//!
//! For each frame that a host gives to a view, nice-plug 0.4.2 makes an event handler with two
//! sockets, and keeps a reference of the handler to itself that it never gives back: a host that
//! opens the editor five hundred times has no file descriptor left. This view hands the wrapped one a
//! frame of our own, which knows the handler, and gives the forgotten reference back when the frame is
//! taken away. Where there is none any more, nothing is given back.

use std::cell::RefCell;
use std::ffi::c_void;

use vst3::Steinberg::Linux::{
    FileDescriptor, IEventHandler, IEventHandlerTrait, IRunLoop, IRunLoopTrait, ITimerHandler,
    TimerInterval,
};
use vst3::Steinberg::{
    FIDString, IPlugFrame, IPlugFrameTrait, IPlugView, IPlugViewContentScaleSupport,
    IPlugViewContentScaleSupport_, IPlugViewContentScaleSupportTrait, IPlugViewTrait, TBool,
    ViewRect, char16, int16, kInvalidArgument, kNotImplemented, kResultOk, tresult,
};
use vst3::com_scrape_types::Unknown;
use vst3::{Class, ComPtr, ComRef, ComWrapper};

/// A view that hands every call to the wrapped one, and watches over its frame.
pub struct View {
    inner: ComPtr<IPlugView>,
    frame: RefCell<Option<ComWrapper<Frame>>>,
    /// What the host knows as the view; it lives as long as this does.
    outer: RefCell<*mut IPlugView>,
}

impl Class for View {
    type Interfaces = (IPlugView, IPlugViewContentScaleSupport);
}

impl View {
    /// A view around `inner`, with one reference for the host; null for null.
    ///
    /// # Safety
    /// `inner` is null or a view of which one reference is handed over.
    pub unsafe fn around(inner: *mut IPlugView) -> *mut IPlugView {
        // SAFETY: by this function's contract.
        let Some(inner) = (unsafe { ComPtr::from_raw(inner) }) else { return inner };
        let frame = RefCell::new(None);
        let view =
            ComWrapper::new(Self { inner, frame, outer: RefCell::new(std::ptr::null_mut()) });
        let Some(pointer) = view.to_com_ptr::<IPlugView>() else { return std::ptr::null_mut() };
        *view.outer.borrow_mut() = pointer.as_ptr();
        pointer.into_raw()
    }

    /// Takes the wrapped view's frame away, and gives back what it has forgotten.
    fn take_frame(&self) -> tresult {
        let frame = self.frame.take();
        // SAFETY: a plain call; null is allowed.
        let result = unsafe { self.inner.setFrame(std::ptr::null_mut()) };
        if let Some(frame) = frame {
            frame.close(result == kResultOk);
        }
        result
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // A host need not take its frame away.
        if self.frame.borrow().is_some() {
            self.take_frame();
        }
    }
}

/// Hands calls with these arguments on.
macro_rules! hand_on {
    ($(fn $name:ident($($arg:ident: $ty:ty),*);)*) => {
        $(unsafe fn $name(&self, $($arg: $ty),*) -> tresult {
            // SAFETY: the same call with the same arguments; the host keeps its contract.
            unsafe { self.inner.$name($($arg),*) }
        })*
    };
}

impl IPlugViewTrait for View {
    hand_on! {
        fn isPlatformTypeSupported(kind: FIDString);
        fn attached(parent: *mut c_void, kind: FIDString);
        fn removed();
        fn onWheel(distance: f32);
        fn onKeyDown(key: char16, code: int16, modifiers: int16);
        fn onKeyUp(key: char16, code: int16, modifiers: int16);
        fn getSize(size: *mut ViewRect);
        fn onSize(size: *mut ViewRect);
        fn onFocus(state: TBool);
        fn canResize();
        fn checkSizeConstraint(rect: *mut ViewRect);
    }

    unsafe fn setFrame(&self, frame: *mut IPlugFrame) -> tresult {
        // SAFETY: the host passes its own frame, or null.
        let host = unsafe { ComRef::from_raw(frame) };
        let had_frame = self.frame.borrow().is_some();
        if host.is_none() || had_frame {
            let result = self.take_frame();
            if host.is_none() {
                return result;
            }
        }
        let run_loop = host.and_then(|host| host.cast::<IRunLoop>());
        let (Some(host), Some(run_loop)) = (host, run_loop) else {
            // Without a loop no handler is made.
            // SAFETY: the same call with the same argument.
            return unsafe { self.inner.setFrame(frame) };
        };
        let own = ComWrapper::new(Frame {
            host: host.to_com_ptr(),
            run_loop,
            view: *self.outer.borrow(),
            handlers: RefCell::default(),
        });
        let Some(pointer) = own.to_com_ptr::<IPlugFrame>() else { return kInvalidArgument };
        *self.frame.borrow_mut() = Some(own);
        // SAFETY: our own frame, which lives until it is taken away.
        unsafe { self.inner.setFrame(pointer.as_ptr()) }
    }
}

impl IPlugViewContentScaleSupportTrait for View {
    unsafe fn setContentScaleFactor(
        &self,
        factor: IPlugViewContentScaleSupport_::ScaleFactor,
    ) -> tresult {
        match self.inner.cast::<IPlugViewContentScaleSupport>() {
            // SAFETY: the same call with the same argument.
            Some(scale) => unsafe { scale.setContentScaleFactor(factor) },
            None => kNotImplemented,
        }
    }
}

/// The host's frame and its event loop, as the wrapped view sees them. Used on the main thread alone.
struct Frame {
    host: ComPtr<IPlugFrame>,
    run_loop: ComPtr<IRunLoop>,
    view: *mut IPlugView,
    handlers: RefCell<Vec<Registered>>,
}

/// A handler of the wrapped view, and what the host knows in its place.
struct Registered {
    handler: ComPtr<IEventHandler>,
    stand_in: ComWrapper<StandIn>,
}

/// What the host calls: so that references of the host are told from those to the handler itself.
struct StandIn(RefCell<Option<ComPtr<IEventHandler>>>);

impl Class for Frame {
    type Interfaces = (IPlugFrame, IRunLoop);
}

impl Class for StandIn {
    type Interfaces = (IEventHandler,);
}

impl IEventHandlerTrait for StandIn {
    unsafe fn onFDIsSet(&self, fd: FileDescriptor) {
        // A copy: the call may take the handler away.
        let handler = self.0.borrow().clone();
        if let Some(handler) = handler {
            // SAFETY: the same call with the same argument.
            unsafe { handler.onFDIsSet(fd) };
        }
    }
}

impl IPlugFrameTrait for Frame {
    unsafe fn resizeView(&self, _view: *mut IPlugView, size: *mut ViewRect) -> tresult {
        // The host knows our view, not the wrapped one.
        // SAFETY: the wrapped view's size; the view holds this frame and is alive.
        unsafe { self.host.resizeView(self.view, size) }
    }
}

impl IRunLoopTrait for Frame {
    unsafe fn registerEventHandler(
        &self,
        handler: *mut IEventHandler,
        fd: FileDescriptor,
    ) -> tresult {
        // SAFETY: the wrapped view passes a live handler, or null.
        let Some(handler) = (unsafe { ComRef::from_raw(handler) }) else { return kInvalidArgument };
        let handler = handler.to_com_ptr();
        let stand_in = ComWrapper::new(StandIn(RefCell::new(Some(handler.clone()))));
        let Some(pointer) = stand_in.to_com_ptr::<IEventHandler>() else { return kInvalidArgument };
        self.handlers.borrow_mut().push(Registered { handler, stand_in });
        // SAFETY: the same call with our own handler, which lives until it is unregistered.
        unsafe { self.run_loop.registerEventHandler(pointer.as_ptr(), fd) }
    }

    unsafe fn unregisterEventHandler(&self, handler: *mut IEventHandler) -> tresult {
        let mut handlers = self.handlers.borrow_mut();
        let found = handlers.iter().position(|known| known.handler.as_ptr() == handler);
        let Some(registered) = found.map(|index| handlers.swap_remove(index)) else {
            // It has been unregistered already.
            return kResultOk;
        };
        drop(handlers);
        self.unregister(&registered.stand_in)
    }

    unsafe fn registerTimer(&self, handler: *mut ITimerHandler, ms: TimerInterval) -> tresult {
        // SAFETY: the same call with the same arguments.
        unsafe { self.run_loop.registerTimer(handler, ms) }
    }

    unsafe fn unregisterTimer(&self, handler: *mut ITimerHandler) -> tresult {
        // SAFETY: the same call with the same argument.
        unsafe { self.run_loop.unregisterTimer(handler) }
    }
}

impl Frame {
    fn unregister(&self, stand_in: &ComWrapper<StandIn>) -> tresult {
        stand_in.0.take();
        let Some(pointer) = stand_in.to_com_ptr::<IEventHandler>() else { return kInvalidArgument };
        // SAFETY: the handler that was registered.
        unsafe { self.run_loop.unregisterEventHandler(pointer.as_ptr()) }
    }

    /// The wrapped view has let go of this frame, if `is_free`: what it still holds of its handlers it
    /// has forgotten.
    fn close(&self, is_free: bool) {
        for Registered { handler, stand_in } in self.handlers.take() {
            self.unregister(&stand_in);
            let pointer = handler.as_ptr();
            // SAFETY: a live object; both calls together change nothing.
            let num_references = unsafe {
                Unknown::add_ref(pointer);
                Unknown::release(pointer)
            };
            // Ours, and the forgotten one.
            if is_free && num_references == 2 {
                // SAFETY: nobody else holds a reference, and the one that is left to the handler is of
                // itself to itself: its own end must not happen inside of the call that gives it back,
                // and does not, as ours is held.
                unsafe { Unknown::release(pointer) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicIsize, Ordering};

    use vst3::Steinberg::Vst::{IEditControllerTrait, ViewType};

    use super::*;
    use crate::Soloist;
    use crate::vst3_class::class::Vst3Class;

    /// A host's frame that counts handlers.
    #[derive(Default)]
    struct HostFrame {
        num_handlers: AtomicIsize,
    }

    impl Class for HostFrame {
        type Interfaces = (IPlugFrame, IRunLoop);
    }

    impl IPlugFrameTrait for HostFrame {
        unsafe fn resizeView(&self, _view: *mut IPlugView, _size: *mut ViewRect) -> tresult {
            kResultOk
        }
    }

    impl IRunLoopTrait for HostFrame {
        unsafe fn registerEventHandler(&self, _: *mut IEventHandler, _: FileDescriptor) -> tresult {
            self.num_handlers.fetch_add(1, Ordering::SeqCst);
            kResultOk
        }

        unsafe fn unregisterEventHandler(&self, _: *mut IEventHandler) -> tresult {
            self.num_handlers.fetch_sub(1, Ordering::SeqCst);
            kResultOk
        }

        unsafe fn registerTimer(&self, _: *mut ITimerHandler, _: TimerInterval) -> tresult {
            kResultOk
        }

        unsafe fn unregisterTimer(&self, _: *mut ITimerHandler) -> tresult {
            kResultOk
        }
    }

    /// Sockets of this process.
    fn num_sockets() -> usize {
        let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// Gives views frames again and again; returns the sockets and handlers that are left. Views are
    /// made by `make`, and `takes_away` says whether the host takes its frame away before the end.
    fn left_after(
        takes_away: bool,
        make: impl Fn(&Vst3Class<Soloist>) -> *mut IPlugView,
    ) -> (isize, isize) {
        let class = Vst3Class::<Soloist>::new();
        let host = ComWrapper::new(HostFrame::default());
        let frame = host.to_com_ptr::<IPlugFrame>().unwrap();
        let before = num_sockets() as isize;
        for _ in 0..20 {
            // SAFETY: as a host calls them.
            unsafe {
                let view = ComPtr::from_raw(make(&class)).unwrap();
                assert_eq!(view.setFrame(frame.as_ptr()), kResultOk);
                if takes_away {
                    assert_eq!(view.setFrame(std::ptr::null_mut()), kResultOk);
                }
            }
        }
        (num_sockets() as isize - before, host.num_handlers.load(Ordering::SeqCst))
    }

    /// One test, as sockets are the process's; other tests make none.
    #[test]
    fn a_view_leaves_no_socket_and_no_handler_and_the_plain_one_does() {
        // SAFETY: as a host calls it.
        let own = |class: &Vst3Class<Soloist>| unsafe { class.createView(ViewType::kEditor) };
        assert_eq!(left_after(true, own), (0, 0));
        assert_eq!(left_after(false, own), (0, 0));
        // SAFETY: as above.
        let plain =
            |class: &Vst3Class<Soloist>| unsafe { class.wrapper.createView(ViewType::kEditor) };
        assert_eq!(left_after(true, plain), (40, 20), "nice-plug has mended it");
    }
}
