//! The plugin in a CLAP host: when the latency is told, and how much it is.
//!
//! Whether a model is at hand makes no difference to these.

mod host;

use clap_sys::ext::render::{CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME};
use soloist::model::ModelCard;
use soloist::streaming::{LatencyMode, latency_frames};

use self::host::{Host, Phase};
use crate::ids::CLAP_ID;

fn load() -> Host {
    Host::load(&std::ffi::CString::new(CLAP_ID).unwrap())
}

fn expected_latency_frames(sample_rate_hz: f64) -> u32 {
    latency_frames(&ModelCard::builtin(), sample_rate_hz, LatencyMode::Studio) as u32
}

/// CLAP: the latency may change only inside `activate()`.
#[test]
fn latency_changes_are_told_inside_activate_only() {
    let mut host = load();
    for sample_rate_hz in [44_100.0, 44_100.0, 96_000.0, 48_000.0] {
        host.activate(sample_rate_hz);
        assert_eq!(host.latency_frames(), expected_latency_frames(sample_rate_hz));
        host.restart_if_asked(sample_rate_hz);
        assert!(!host.restart_if_asked(sample_rate_hz), "one restart settles it");
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

#[test]
fn a_change_of_the_render_mode_asks_for_a_restart() {
    let mut host = load();
    host.activate(48_000.0);
    host.restart_if_asked(48_000.0);
    for mode in [CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME] {
        host.set_render_mode(mode);
        assert!(host.restart_if_asked(48_000.0), "render mode {mode}");
    }
}
