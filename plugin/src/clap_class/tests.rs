//! The plugin in a CLAP host: when the latency is told, and how much it is.
//!
//! Whether a model is at hand makes no difference to these.

use std::cell::RefCell;
use std::sync::Arc;

use clap_sys::ext::render::{CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME};
use nice_plug::prelude::*;
use soloist::model::ModelCard;
use soloist::streaming::{LatencyMode, latency_frames};

use super::class::ClapClass;
use super::test_host::{Host, Phase};
use crate::host_link::HostLink;
use crate::ids::CLAP_ID;

fn load() -> Host {
    Host::load(&std::ffi::CString::new(CLAP_ID).unwrap())
}

fn expected_latency_frames(sample_rate_hz: f64) -> u32 {
    latency_frames(&ModelCard::builtin(), sample_rate_hz, LatencyMode::Studio) as u32
}

/// CLAP: the latency may change only inside `activate()`, where the host is told of it; a restart
/// would tell it twice.
#[test]
fn latency_changes_are_told_inside_activate_only() {
    let mut host = load();
    for sample_rate_hz in [44_100.0, 44_100.0, 96_000.0, 48_000.0] {
        host.activate(sample_rate_hz);
        assert_eq!(host.latency_frames(), expected_latency_frames(sample_rate_hz));
        assert!(!host.is_restart_asked(), "a restart at {sample_rate_hz} Hz");
        for _ in 0..8 {
            host.process(&mut [vec![0.1; 256], vec![0.1; 256]]);
        }
        assert_eq!(host.latency_frames(), expected_latency_frames(sample_rate_hz));
        host.deactivate();
    }
    let phases = host.latency_changes();
    assert_eq!(phases.len(), 3, "{phases:?}");
    assert!(phases.iter().all(|phase| *phase == Phase::Activating), "{phases:?}");
}

/// CLAP: what is saved has changed may be said on the main thread only, where windows need not be.
#[test]
fn a_change_that_is_no_parameters_marks_the_project_on_the_main_thread() {
    let mut host = load();
    assert!(!host.call_back_if_asked());
    for count in 1..3 {
        host.link().changes().tell();
        assert_eq!(host.num_dirty(), count - 1, "not from wherever the window is");
        assert!(host.call_back_if_asked());
        assert_eq!(host.num_dirty(), count);
    }
    host.link().changes().close();
    host.link().changes().tell();
    assert!(!host.call_back_if_asked(), "the host may be gone");
}

/// Offline mode waits for results: with or without a model, the impulse in the delayed mix of a
/// bypassed plugin stands at the latency.
#[test]
fn an_impulse_comes_out_at_the_latency_in_both_render_modes() {
    const SAMPLE_RATE_HZ: f64 = 44_100.0;
    for mode in [CLAP_RENDER_REALTIME, CLAP_RENDER_OFFLINE] {
        let mut host = load();
        host.set_render_mode(mode);
        host.activate(SAMPLE_RATE_HZ);
        host.set_parameter("Bypass", 1.0);
        let latency_frames = host.latency_frames() as usize;
        let mut heard = Vec::new();
        while heard.len() <= latency_frames {
            let mut block = [vec![0.0; 512], vec![0.0; 512]];
            if heard.is_empty() {
                block[0][0] = 1.0;
                block[1][0] = 1.0;
            }
            host.process(&mut block);
            heard.extend_from_slice(&block[0]);
        }
        let first = heard.iter().position(|sample| sample.abs() > 1e-4);
        assert_eq!(first, Some(latency_frames), "render mode {mode}");
    }
}

/// A plugin that writes down, at each block, whether it is told to render offline.
struct Probe {
    link: Arc<HostLink>,
    is_offline_at_activation: bool,
}

thread_local! {
    static SEEN: RefCell<Vec<(bool, bool)>> = const { RefCell::new(Vec::new()) };
}

#[derive(Params)]
struct NoParams {}

impl Default for Probe {
    fn default() -> Self {
        Self { link: HostLink::of_new_instance(), is_offline_at_activation: false }
    }
}

impl Plugin for Probe {
    const NAME: &'static str = "Probe";
    const VENDOR: &'static str = "Soloist";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = "0.0.0";
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = crate::Soloist::AUDIO_IO_LAYOUTS;
    type Editor = ();
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        Arc::new(NoParams {})
    }

    fn activate(
        &mut self,
        _layout: &AudioIOLayout,
        config: &BufferConfig,
        _context: &mut impl ActivateContext<Self>,
    ) -> bool {
        self.is_offline_at_activation = config.process_mode == ProcessMode::Offline;
        true
    }

    fn process(
        &mut self,
        _buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let is_offline = self.link.is_offline();
        SEEN.with_borrow_mut(|seen| seen.push((self.is_offline_at_activation, is_offline)));
        ProcessStatus::Normal
    }
}

impl ClapPlugin for Probe {
    const CLAP_ID: &'static str = "audio.soloist.probe";
    const CLAP_DESCRIPTION: Option<&'static str> = None;
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[ClapFeature::AudioEffect];
}

/// Without a restart nice-plug's own report, the first of each pair, stays what it was.
#[test]
fn the_render_mode_of_an_active_plugin_changes_at_once() {
    // SAFETY: the test host outlives its instance.
    let mut host = Host::make(|host| unsafe { ClapClass::create::<Probe>(host) });
    host.activate(48_000.0);
    SEEN.with_borrow_mut(|seen| seen.reserve(3));
    for mode in [CLAP_RENDER_REALTIME, CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME] {
        host.set_render_mode(mode);
        host.process(&mut [vec![0.0; 64], vec![0.0; 64]]);
    }
    assert_eq!(SEEN.take(), [(false, false), (false, true), (false, false)]);
}

#[test]
fn a_change_of_the_render_mode_asks_for_a_restart() {
    let mut host = load();
    host.activate(48_000.0);
    for mode in [CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME] {
        host.set_render_mode(mode);
        assert!(host.restart_if_asked(48_000.0), "render mode {mode}");
    }
}

/// A session that names a model which is not installed here loads, plays the delayed mix at the
/// same latency, and keeps the name.
#[test]
fn a_state_with_an_unknown_model_is_restored() {
    let mut host = load();
    let state = host.save();
    // nice-plug writes the length before the text.
    let saved = String::from_utf8(state[8..].to_vec()).unwrap();
    assert!(saved.contains("studio"), "{saved}");
    let changed = saved.replace(r#""model":"\"studio"#, r#""model":"\"of another machine"#);
    assert_ne!(changed, saved);
    let changed = [&(changed.len() as u64).to_le_bytes(), changed.as_bytes()].concat();

    for is_active in [false, true] {
        if is_active {
            host.activate(48_000.0);
        }
        assert!(host.restore(&changed));
        assert!(String::from_utf8(host.save()).unwrap().contains("of another machine"));
        if !is_active {
            host.activate(48_000.0);
        }
        host.process(&mut [vec![0.1; 256], vec![0.1; 256]]);
        assert_eq!(host.latency_frames(), expected_latency_frames(48_000.0));
        assert!(host.restore(&state));
        host.process(&mut [vec![0.1; 256], vec![0.1; 256]]);
        host.deactivate();
    }
}

/// A session of version 0.1.0 opens as it was saved, with the defaults for all that is new.
#[test]
fn a_state_of_version_0_1_0_opens() {
    let old = include_bytes!("../fixtures/state-0.1.0.clap");
    let mut host = load();
    host.set_parameter("Focus", 1.0);
    host.set_parameter("Bass Mute", 1.0);
    host.activate(48_000.0);
    host.process(&mut [vec![0.1; 256], vec![0.1; 256]]);
    assert!(host.restore(old));
    let saved = String::from_utf8(host.save()[8..].to_vec()).unwrap();
    for part in [
        r#""bypass":{"bool":true}"#,
        r#""gain":{"f32":-6.0}"#,
        r#""instrument":{"string":"piano"}"#,
        r#""late":{"string":"silence"}"#,
        r#""mix":{"f32":37.5}"#,
        r#""mode":{"string":"remove"}"#,
        r#""latency":{"string":"studio"}"#,
        r#""focus":{"f32":0.0}"#,
        r#""bass_mute":{"bool":false}"#,
        r#""model":"\"studio\""#,
    ] {
        assert!(saved.contains(part), "{part} in {saved}");
    }
}

#[test]
fn a_state_that_is_no_state_is_refused_and_does_no_harm() {
    let mut host = load();
    let saved = host.save();
    for bytes in [&b""[..], b"{", b"\xff\xff\xff\xff", &saved[..saved.len() / 2]] {
        assert!(!host.restore(bytes));
    }
    assert_eq!(host.save(), saved);
}
