//! What the CLAP host answers when the plugin calls: it counts, and keeps CLAP's latency rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use clack_extensions::audio_ports::{AudioPortRescanFlags, HostAudioPorts, HostAudioPortsImpl};
use clack_extensions::latency::{HostLatency, HostLatencyImpl};
use clack_extensions::params::{
    HostParams, HostParamsImplMainThread, HostParamsImplShared, ParamClearFlags, ParamRescanFlags,
};
use clack_extensions::state::{HostState, HostStateImpl};
use clack_host::prelude::*;

use super::HostCalls;

/// Counters that outlive every call; the plugin may ask from any thread.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    /// True while the host is inside `activate`, the only time at which latency may change.
    pub activating: AtomicBool,
    pub callback_requested: AtomicBool,
    restart_requests: AtomicUsize,
    latency_changes: AtomicUsize,
    forbidden_latency_changes: AtomicUsize,
    /// Gestures begun, values set inside of gestures, gestures ended.
    #[cfg(target_os = "linux")]
    pub edits: [AtomicUsize; 3],
}

impl CallLog {
    pub fn calls(&self) -> HostCalls {
        HostCalls {
            restart_requests: self.restart_requests.load(Ordering::SeqCst),
            latency_changes: self.latency_changes.load(Ordering::SeqCst),
            forbidden_latency_changes: self.forbidden_latency_changes.load(Ordering::SeqCst),
        }
    }
}

/// The host's handlers for calls from any thread.
pub(super) struct Shared {
    pub log: Arc<CallLog>,
}

impl SharedHandler<'_> for Shared {
    fn request_restart(&self) {
        self.log.restart_requests.fetch_add(1, Ordering::SeqCst);
    }

    fn request_process(&self) {}

    fn request_callback(&self) {
        self.log.callback_requested.store(true, Ordering::SeqCst);
    }
}

impl HostParamsImplShared for Shared {
    fn request_flush(&self) {}
}

/// The host's handlers for calls on the main thread.
pub(super) struct MainThread {
    pub log: Arc<CallLog>,
}

impl<'a> MainThreadHandler<'a> for MainThread {}

impl HostLatencyImpl for MainThread {
    fn changed(&self) {
        self.log.latency_changes.fetch_add(1, Ordering::SeqCst);
        if !self.log.activating.load(Ordering::SeqCst) {
            self.log.forbidden_latency_changes.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl HostParamsImplMainThread for MainThread {
    fn rescan(&self, _flags: ParamRescanFlags) {}

    fn clear(&self, _parameter: ClapId, _flags: ParamClearFlags) {}
}

impl HostStateImpl for MainThread {
    fn mark_dirty(&self) {}
}

impl HostAudioPortsImpl for MainThread {
    fn is_rescan_flag_supported(&self, _flag: AudioPortRescanFlags) -> bool {
        false
    }

    fn rescan(&self, _flags: AudioPortRescanFlags) {}
}

/// The set of handlers, and the extensions that the host offers.
pub(super) struct Handlers;

impl HostHandlers for Handlers {
    type Shared<'a> = Shared;
    type MainThread<'a> = MainThread;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<Self>, _shared: &Self::Shared<'_>) {
        builder
            .register::<HostAudioPorts>()
            .register::<HostLatency>()
            .register::<HostParams>()
            .register::<HostState>();
        #[cfg(target_os = "linux")]
        builder.register::<clack_extensions::gui::HostGui>();
    }
}
