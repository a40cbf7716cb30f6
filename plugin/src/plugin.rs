//! The plugin instance that the host's audio thread holds.

use std::marker::PhantomData;
use std::sync::Arc;

use nice_plug::prelude::*;
use soloist::model::Instrument;
use soloist::streaming::{Controls, LatencyMode, Player, StemOutputs};

use crate::active::HostSetup;
use crate::declick::Declick;
use crate::editor::{EditorLinks, SoloistEditor};
use crate::host_link::HostLink;
use crate::kind::Kind;
use crate::params::SoloistParams;
use crate::remote_controls::add_remote_controls;
use crate::session::Session;
use crate::state::migrate;

/// Frees a stream that is not heard any more, off the audio thread.
pub struct Tidy;

/// A plugin of one [`Kind`].
pub struct Instance<K> {
    params: Arc<SoloistParams>,
    session: Arc<Session>,
    player: Option<Box<Player>>,
    latency_frames: usize,
    /// The mode that the host was activated in; another one needs a restart, asked for once.
    mode: LatencyMode,
    num_inputs: usize,
    declick: Declick,
    link: Arc<HostLink>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Default for Instance<K> {
    fn default() -> Self {
        let params = Arc::new(SoloistParams::default());
        let session = Arc::new(Session::new());
        let listening = Arc::clone(&session);
        params.model.on_change(move |name| listening.set_model_soon(name));
        let link = HostLink::of_new_instance();
        link.offer_params(Arc::clone(&params) as Arc<dyn Params>);
        Self {
            params,
            session,
            player: None,
            latency_frames: 0,
            mode: LatencyMode::default(),
            num_inputs: 2,
            declick: Declick::new(48_000.0),
            link,
            kind: PhantomData,
        }
    }
}

impl<K> Drop for Instance<K> {
    fn drop(&mut self) {
        self.session.settle();
    }
}

impl<K: Kind> Plugin for Instance<K> {
    const NAME: &'static str = K::NAME;
    const VENDOR: &'static str = "Soloist";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = K::LAYOUTS;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;
    // A change of every parameter in each of 64 frames, and room to spare: more would allocate.
    const INPUT_EVENT_CAPACITY: usize = 4096;

    type Editor = SoloistEditor;
    type SysExMessage = ();
    type BackgroundTask = Tidy;

    fn task_executor(&mut self) -> TaskExecutor<Self> {
        let session = Arc::clone(&self.session);
        Box::new(move |Tidy| session.tidy())
    }

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as Arc<dyn Params>
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        let session = || Arc::clone(&self.session);
        let link = Arc::clone(&self.link);
        let (of_reports, of_prefetch, of_look_again) = (session(), session(), session());
        let links = EditorLinks {
            reports: Arc::new(move || of_reports.report()),
            prefetch: Arc::new(move |name| of_prefetch.prefetch(name)),
            look_again: Arc::new(move || of_look_again.look_again()),
            changed: Arc::new(move || link.changes().tell()),
        };
        Some(SoloistEditor::new(K::NAME, Arc::clone(&self.params), links))
    }

    fn filter_state(state: &mut PluginState) {
        migrate(state);
    }

    fn activate(
        &mut self,
        layout: &AudioIOLayout,
        config: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        self.num_inputs = layout.main_input_channels.map_or(2, |count| count.get() as usize);
        self.mode = self.params.latency_mode();
        let setup = HostSetup {
            sample_rate_hz: f64::from(config.sample_rate),
            num_channels: self.num_inputs,
            mode: self.mode,
        };
        self.link.set_offline(config.process_mode == ProcessMode::Offline);
        match self.session.activate(setup, &mut self.player) {
            Ok(latency_frames) => {
                self.latency_frames = latency_frames;
                if !self.link.tell_latency(latency_frames as u32) {
                    context.set_latency_samples(latency_frames as u32);
                }
                self.declick = Declick::new(setup.sample_rate_hz);
                // A player that is kept holds sound of before; not every host resets.
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
        if let Some(player) = &mut self.player {
            player.reset(&self.params.controls());
        }
        self.declick.clear();
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let controls = self.params.controls();
        let mode = self.params.latency_mode();
        if self.session.take_restart_request() || mode != self.mode {
            self.mode = mode;
            context.request_restart();
        }
        let main = buffer.as_slice();
        if let Some(player) = &mut self.player {
            if self.session.handoff().exchange(player, &controls) {
                context.execute_background(Tidy);
            }
            let waits = self.link.is_offline() || self.params.waits_for_results();
            // A bounce begins with its first frame, whatever was processed before: else masks would
            // fall on other frames each time. Heard live, that would cut off what is on its way.
            let is_bounce_start = self.link.take_start() && waits;
            if self.link.take_jump() || is_bounce_start {
                player.reset(&controls);
                self.declick.begin();
            }
            // After a reset, which forgets the place.
            if let Some(place) = self.link.take_place() {
                player.tell_place(place);
            }
            run(player, &mut main[..], self.num_inputs, aux, &controls, waits);
            self.link.readings().update(player.status());
        }
        let main = main.iter_mut().map(|channel| &mut **channel);
        let stems = aux.outputs.iter_mut().flat_map(|bus| bus.as_slice());
        self.declick.process(main.chain(stems.map(|channel| &mut **channel)));
        ProcessStatus::Tail(self.latency_frames as u32)
    }
}

/// One block through the player. A mono stream sounds in every channel of the main bus.
fn run(
    player: &mut Player,
    main: &mut [&mut [f32]],
    num_inputs: usize,
    aux: &mut AuxiliaryBuffers,
    controls: &Controls,
    waits: bool,
) {
    let mut stems = StemOutputs::default();
    for (bus, instrument) in aux.outputs.iter_mut().zip(Instrument::ALL) {
        for (channel, frames) in bus.as_slice().iter_mut().enumerate() {
            stems.set(instrument, channel, frames);
        }
    }
    let (heard, rest) = main.split_at_mut(num_inputs.min(main.len()));
    if waits {
        player.process_stems_blocking(heard, &mut stems, controls);
    } else {
        player.process_stems(heard, &mut stems, controls);
    }
    if let Some(last) = heard.last() {
        for channel in rest {
            channel.copy_from_slice(last);
        }
    }
}

impl<K: Kind> ClapPlugin for Instance<K> {
    const CLAP_ID: &'static str = K::CLAP_ID;
    const CLAP_DESCRIPTION: Option<&'static str> = Some(K::DESCRIPTION);
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[
        ClapFeature::AudioEffect,
        ClapFeature::Utility,
        ClapFeature::Restoration,
        ClapFeature::Stereo,
        ClapFeature::Mono,
    ];

    fn remote_controls(&self, context: &mut impl RemoteControlsContext) {
        add_remote_controls(&self.params, context);
    }
}

impl<K: Kind> Vst3Plugin for Instance<K> {
    const VST3_CLASS_ID: [u8; 16] = K::VST3_CLASS_ID;
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Fx, Vst3SubCategory::Restoration, Vst3SubCategory::Tools];
}
