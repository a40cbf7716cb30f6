//! What our CLAP and VST3 classes tell the plugin inside, beside what nice-plug passes on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use nice_plug::prelude::{ParamPtr, Params};
use soloist::streaming::HostPlace;

use crate::meters::{Readings, id_of};
use crate::project_changes::ProjectChanges;

/// Shared by one plugin instance and the class around it.
#[derive(Debug, Default)]
pub struct HostLink {
    is_offline: AtomicBool,
    jumped: AtomicBool,
    started: AtomicBool,
    /// Kind of the block's place, 0 for none that is new, and its frame.
    place: AtomicU8,
    place_frame: AtomicI64,
    class_tells_latency: bool,
    latency_frames: AtomicU32,
    readings: Readings,
    changes: ProjectChanges,
    params: OnceLock<ParamsById>,
}

/// The plugin's parameters by the numbers that hosts know them by.
struct ParamsById {
    pointers: HashMap<u32, ParamPtr>,
    /// What the pointers point into.
    _owner: Arc<dyn Params>,
}

impl fmt::Debug for ParamsById {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParamsById").field("num_params", &self.pointers.len()).finish()
    }
}

thread_local! {
    static NEXT: RefCell<Option<Arc<HostLink>>> = const { RefCell::new(None) };
}

impl HostLink {
    /// A link whose class tells the host of the latency itself: see [`HostLink::tell_latency`].
    pub fn telling_latency() -> Arc<Self> {
        Arc::new(Self { class_tells_latency: true, ..Self::default() })
    }

    /// Makes an instance by `make`, inside which [`HostLink::of_new_instance`] gives `link`:
    /// nice-plug makes plugins by `Default`, which takes no argument.
    pub fn pass<T>(link: &Arc<Self>, make: impl FnOnce() -> T) -> T {
        NEXT.set(Some(Arc::clone(link)));
        let made = make();
        NEXT.take();
        made
    }

    /// The link of the instance that is being made on this thread; outside of
    /// [`HostLink::pass`] a new one.
    pub fn of_new_instance() -> Arc<Self> {
        NEXT.take().unwrap_or_default()
    }

    /// Makes the plugin's parameters known to its class. Once in its life.
    pub fn offer_params(&self, owner: Arc<dyn Params>) {
        let all = owner.param_map().into_iter();
        let pointers = all.map(|(name, pointer, _)| (id_of(&name), pointer)).collect();
        let is_first = self.params.set(ParamsById { pointers, _owner: owner }).is_ok();
        debug_assert!(is_first, "a plugin offers its parameters once");
    }

    /// Sets a parameter beside the wrapper, as the wrapper does in a block. Not for the audio
    /// thread; does nothing for a number that no parameter has.
    pub fn set_param(&self, id: u32, normalized: f32) {
        let pointer = self.params.get().and_then(|params| params.pointers.get(&id));
        if let Some(pointer) = pointer {
            // SAFETY: the owner lives as long as this, and the value of a parameter is an atomic.
            unsafe { pointer._internal_set_normalized_value(normalized.clamp(0.0, 1.0)) };
        }
    }

    /// Whether the host renders offline. Written by the host's main thread.
    ///
    /// # Realtime safety
    /// Touches one atomic, as all that follows.
    pub fn is_offline(&self) -> bool {
        self.is_offline.load(Ordering::Relaxed)
    }

    /// See [`HostLink::is_offline`].
    pub fn set_offline(&self, is_offline: bool) {
        self.is_offline.store(is_offline, Ordering::Relaxed);
    }

    /// Says that the next block does not follow the one before it on the host's timeline.
    pub fn set_jumped(&self) {
        self.jumped.store(true, Ordering::Relaxed);
    }

    /// Whether the block in hand begins with a jump; tells it once.
    pub fn take_jump(&self) -> bool {
        self.jumped.load(Ordering::Relaxed) && self.jumped.swap(false, Ordering::Relaxed)
    }

    /// Says that the host's timeline moves from the next block on, and did not before.
    pub fn set_started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// Whether the timeline begins to move at the block in hand; tells it once.
    pub fn take_start(&self) -> bool {
        self.started.load(Ordering::Relaxed) && self.started.swap(false, Ordering::Relaxed)
    }

    /// Says where the next block begins on the host's timeline.
    pub fn set_place(&self, place: HostPlace) {
        let kind = match place {
            HostPlace::Unknown => 1,
            HostPlace::Stopped => 2,
            HostPlace::At(frame) => {
                self.place_frame.store(frame, Ordering::Relaxed);
                3
            }
        };
        self.place.store(kind, Ordering::Relaxed);
    }

    /// Where the block in hand begins; tells it once, as a wrapper may hand it on in parts.
    pub fn take_place(&self) -> Option<HostPlace> {
        match self.place.swap(0, Ordering::Relaxed) {
            1 => Some(HostPlace::Unknown),
            2 => Some(HostPlace::Stopped),
            3 => Some(HostPlace::At(self.place_frame.load(Ordering::Relaxed))),
            _ => None,
        }
    }

    /// Notes the latency of an activation. False where the class does not tell the host, so that
    /// the plugin must.
    pub fn tell_latency(&self, latency_frames: u32) -> bool {
        self.latency_frames.store(latency_frames, Ordering::Relaxed);
        self.class_tells_latency
    }

    /// What the host may show.
    pub fn readings(&self) -> &Readings {
        &self.readings
    }

    /// The way to tell the host of changes that are no parameter's.
    pub fn changes(&self) -> &ProjectChanges {
        &self.changes
    }

    /// The latency of the last activation in frames.
    pub fn latency_frames(&self) -> u32 {
        self.latency_frames.load(Ordering::Relaxed)
    }
}
