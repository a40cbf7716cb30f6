//! A plugin for tests: it fills its main output with its one parameter and each auxiliary output
//! with the bus's number, so that whatever did not go through it shows.

use std::cell::Cell;
use std::sync::Arc;

use nice_plug::prelude::*;
use soloist::streaming::HostPlace;

use crate::host_link::HostLink;

/// Frames of latency that it reports.
pub const LATENCY_FRAMES: u32 = 1000;

/// Auxiliary outputs, which hold 1.0, 2.0 and so on.
pub const NUM_AUX: usize = 2;

thread_local! {
    /// The place on the host's timeline that came with the last block on this thread.
    pub static LAST_PLACE: Cell<Option<HostPlace>> = const { Cell::new(None) };
}

pub struct BusProbe {
    params: Arc<BusProbeParams>,
    link: Arc<HostLink>,
}

#[derive(Params)]
pub struct BusProbeParams {
    #[id = "level"]
    level: FloatParam,
}

impl Default for BusProbe {
    fn default() -> Self {
        let range = FloatRange::Linear { min: 0.0, max: 1.0 };
        let params = BusProbeParams { level: FloatParam::new("Level", 0.5, range) };
        let (params, link) = (Arc::new(params), HostLink::of_new_instance());
        link.offer_params(Arc::clone(&params) as Arc<dyn Params>);
        Self { params, link }
    }
}

const STEREO: NonZeroU32 = new_nonzero_u32(2);

impl Plugin for BusProbe {
    const NAME: &'static str = "Bus Probe";
    const VENDOR: &'static str = "Soloist";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = "0.0.0";
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[AudioIOLayout {
        main_input_channels: Some(STEREO),
        main_output_channels: Some(STEREO),
        aux_output_ports: &[STEREO; NUM_AUX],
        ..AudioIOLayout::const_default()
    }];
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;
    type Editor = ();
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.params.clone()
    }

    fn activate(
        &mut self,
        _layout: &AudioIOLayout,
        _config: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        if !self.link.tell_latency(LATENCY_FRAMES) {
            context.set_latency_samples(LATENCY_FRAMES);
        }
        true
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        aux: &mut AuxiliaryBuffers,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        LAST_PLACE.set(self.link.take_place());
        let level = if self.link.take_jump() { -1.0 } else { self.params.level.value() };
        for channel in buffer.as_slice() {
            channel.fill(level);
        }
        for (index, bus) in aux.outputs.iter_mut().enumerate() {
            for channel in bus.as_slice() {
                channel.fill(index as f32 + 1.0);
            }
        }
        ProcessStatus::Normal
    }
}

impl ClapPlugin for BusProbe {
    const CLAP_ID: &'static str = "audio.soloist.bus-probe";
    const CLAP_DESCRIPTION: Option<&'static str> = None;
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[ClapFeature::AudioEffect];
}

impl Vst3Plugin for BusProbe {
    const VST3_CLASS_ID: [u8; 16] = *b"SoloistBusProbe.";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx];
}
