//! Soloist as a CLAP and VST3 effect.
//!
//! This file only wires: parameters ([`params`]) and what the host says go to the engine
//! ([`session`]), audio goes through the library's `AudioEndpoint`, words come back through the
//! [`report`] to the [`editor`]. The latency is set at activation and nowhere else, so that no host
//! hears of a change while the plugin is deactivated or from the audio thread. [`vst3_class`] and
//! [`clap_class`] stand between the hosts and nice-plug's wrappers, and correct how those pass on
//! whether the host renders offline.

mod active;
mod choices;
#[cfg_attr(feature = "plain-wrapper", allow(dead_code))]
mod clap_class;
mod editor;
mod handoff;
mod ids;
mod own_path;
mod params;
mod report;
mod selection;
mod session;
#[cfg_attr(feature = "plain-wrapper", allow(dead_code))]
mod vst3_class;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nice_plug::prelude::*;
use soloist::streaming::AudioEndpoint;

use crate::active::HostSetup;
use crate::clap_class::class::{OfflineFlag, offline_flag};
use crate::editor::SoloistEditor;
use crate::params::SoloistParams;
use crate::session::Session;

/// The plugin instance that the host's audio thread holds.
pub struct Soloist {
    params: Arc<SoloistParams>,
    session: Arc<Session>,
    // Boxed, so that exchanging it moves a pointer.
    endpoint: Option<Box<AudioEndpoint>>,
    latency_frames: usize,
    is_offline: OfflineFlag,
}

impl Default for Soloist {
    fn default() -> Self {
        let params = Arc::new(SoloistParams::default());
        let session = Arc::new(Session::new());
        let listening = Arc::clone(&session);
        params.model.on_change(move |name| listening.set_model(name));
        Self { params, session, endpoint: None, latency_frames: 0, is_offline: offline_flag() }
    }
}

impl Plugin for Soloist {
    const NAME: &'static str = "Soloist";
    const VENDOR: &'static str = "Soloist";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[layout(2), layout(1)];
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = SoloistEditor;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as Arc<dyn Params>
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        let session = Arc::clone(&self.session);
        let reports = Arc::new(move || session.report());
        Some(SoloistEditor::new(Arc::clone(&self.params), reports))
    }

    fn activate(
        &mut self,
        layout: &AudioIOLayout,
        config: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        let num_channels = layout.main_output_channels.map_or(2, |count| count.get() as usize);
        let setup = HostSetup {
            sample_rate_hz: f64::from(config.sample_rate),
            num_channels,
            mode: self.params.latency_mode.mode(),
        };
        let is_offline = config.process_mode == ProcessMode::Offline;
        self.is_offline.store(is_offline, Ordering::Relaxed);
        match self.session.activate(setup, &mut self.endpoint) {
            Ok(latency_frames) => {
                self.latency_frames = latency_frames;
                context.set_latency_samples(latency_frames as u32);
                // An endpoint that is kept holds sound of before; not every host resets.
                self.reset();
                true
            }
            Err(error) => {
                nice_error!("Soloist cannot be activated: {error}");
                false
            }
        }
    }

    fn reset(&mut self) {
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.reset(&self.params.controls());
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let controls = self.params.controls();
        let is_exchanged = self.session.handoff().fetch(&mut self.endpoint);
        if self.session.take_restart_request() {
            context.request_restart();
        }
        if let Some(endpoint) = &mut self.endpoint {
            if is_exchanged {
                endpoint.reset(&controls);
            }
            if self.is_offline.load(Ordering::Relaxed) {
                endpoint.process_blocking(buffer.as_slice(), &controls);
            } else {
                endpoint.process(buffer.as_slice(), &controls);
            }
        }
        ProcessStatus::Tail(self.latency_frames as u32)
    }
}

impl ClapPlugin for Soloist {
    const CLAP_ID: &'static str = ids::CLAP_ID;
    const CLAP_DESCRIPTION: Option<&'static str> = Some("Lifts one instrument out of a full mix");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[
        ClapFeature::AudioEffect,
        ClapFeature::Utility,
        ClapFeature::Restoration,
        ClapFeature::Stereo,
        ClapFeature::Mono,
    ];
}

impl Vst3Plugin for Soloist {
    const VST3_CLASS_ID: [u8; 16] = ids::VST3_CLASS_ID;
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Fx, Vst3SubCategory::Restoration, Vst3SubCategory::Tools];
}

const fn layout(num_channels: u32) -> AudioIOLayout {
    AudioIOLayout {
        main_input_channels: NonZeroU32::new(num_channels),
        main_output_channels: NonZeroU32::new(num_channels),
        ..AudioIOLayout::const_default()
    }
}

#[cfg(feature = "plain-wrapper")]
nice_export_clap!(Soloist);

#[cfg(feature = "plain-wrapper")]
nice_export_vst3!(Soloist);
