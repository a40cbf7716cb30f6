//! A song as the engine would tell it: fifteen seconds of columns, the same each time.

use soloist::streaming::scope::{SCOPE_BANDS, SCOPE_HIGH_HZ, SCOPE_LOW_HZ, ScopeColumn};
use soloist_editor::{EditorState, View};

const HOP: u32 = 1024;

/// Levels in dBFS of the six stems in a band, by time in seconds.
fn stems(seconds: f64, hz: f64, noise: f64) -> [f64; 6] {
    let beat = (seconds * 2.0).fract();
    let bar = seconds * 0.5;
    let partial = |note_hz: f64, bright: f64| {
        // Nearness to the nearest partial, in semitones.
        let number = (hz / note_hz).round().max(1.0);
        let distance = 12.0 * (hz / (note_hz * number)).log2().abs();
        -10.0 * distance.powi(2).min(4.5) - bright * number.log2()
    };
    let sung = (bar * 0.9).fract() < 0.72;
    let vibrato = 1.0 + 0.012 * (seconds * 34.0).sin();
    let melody = [261.6, 293.7, 329.6, 392.0, 329.6, 293.7][(seconds * 1.4) as usize % 6];
    let vocals = if sung { -19.0 + partial(melody * vibrato, 7.0) } else { -90.0 };
    let kick = -16.0 - 60.0 * beat - 14.0 * (hz / 62.0).log2().abs();
    let snare_time = (seconds + 0.5).fract();
    let snare = -24.0 - 75.0 * snare_time + 5.0 * (hz / 2500.0).log2().clamp(-4.0, 1.0);
    let hat = -40.0 - 130.0 * (seconds * 4.0).fract() + 9.0 * (hz / 9000.0).log2().clamp(-5.0, 0.5);
    let drums = kick.max(snare).max(hat) + 2.0 * noise;
    let root = [55.0, 55.0, 73.4, 49.0][(bar * 1.0) as usize % 4];
    let bass = -17.0 + partial(root, 11.0) - 8.0 * beat;
    let strum = (seconds * 4.0).fract();
    let guitar = -31.0 + partial(root * 4.0, 3.5).max(partial(root * 6.0, 4.0)) - 12.0 * strum;
    let chord = (seconds * 1.0).fract();
    let piano = -33.0 + partial(root * 8.0, 7.0).max(partial(root * 10.0, 7.5)) - 26.0 * chord;
    let other = -58.0 + 5.0 * (bar * 1.3).sin() - 2.5 * (hz / 800.0).log2().abs();
    [vocals, drums, bass, guitar, piano, other + 4.0 * noise]
}

/// A number between -1 and 1 that depends on nothing but its place.
fn noise(column: i64, band: usize) -> f64 {
    let mut bits = (column as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ ((band as u64) << 32);
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits ^= bits >> 32;
    (bits & 0xFFFF) as f64 / 32768.0 - 1.0
}

fn column(view: &View, number: i64, has_shares: bool) -> ScopeColumn {
    // In steps: smooth pictures are large files.
    let number_of_step = number - number.rem_euclid(6);
    let seconds = number_of_step as f64 * f64::from(HOP) / view.clock.sample_rate_hz;
    let mut column = ScopeColumn {
        epoch: view.clock.epoch,
        frame: number * i64::from(HOP),
        num_frames: HOP,
        has_shares,
        mix: [0; SCOPE_BANDS],
        shares: [[0; SCOPE_BANDS]; 6],
    };
    for band in 0..SCOPE_BANDS {
        let share = (band as f64 + 0.5) / SCOPE_BANDS as f64;
        let hz = SCOPE_LOW_HZ * (SCOPE_HIGH_HZ / SCOPE_LOW_HZ).powf(share);
        let powers = stems(seconds, hz, noise(number_of_step, band - band % 3))
            .map(|db| 10.0_f64.powf(0.1 * db));
        let sum: f64 = powers.iter().sum();
        let level_db = 8.0 * (10.0 * sum.max(1e-12).log10() / 8.0).round();
        column.mix[band] = (255.0 * (1.0 + level_db / 96.0)).round().clamp(0.0, 255.0) as u8;
        if has_shares {
            for (stem, power) in powers.iter().enumerate() {
                column.shares[stem][band] = 51 * (5.0 * power / sum).round() as u8;
            }
        }
    }
    column
}

/// Fills the picture up to the frame that the view's clock has received; the network is 1.2 s behind.
pub fn play(view: &View, state: &mut EditorState) {
    if view.clock.sample_rate_hz <= 0.0 {
        return;
    }
    let last = view.clock.received_frame / i64::from(HOP);
    let behind = (1.2 * view.clock.sample_rate_hz) as i64 / i64::from(HOP);
    let visible = (15.5 * view.clock.sample_rate_hz) as i64 / i64::from(HOP);
    for number in (last - visible).max(0)..last {
        state.spectrogram.push(&column(view, number, number < last - behind));
    }
}

/// Plays on for `num_frames`: the columns that come meanwhile, without shares at the front and with them
/// behind.
pub fn play_on(view: &mut View, state: &mut EditorState, num_frames: i64) {
    let hop = i64::from(HOP);
    let behind = (1.2 * view.clock.sample_rate_hz) as i64 / hop;
    let before = view.clock.received_frame / hop;
    view.clock.received_frame += num_frames;
    view.clock.play_frame += num_frames;
    for number in before..view.clock.received_frame / hop {
        state.spectrogram.push(&column(view, number, false));
        state.spectrogram.push(&column(view, number - behind, true));
    }
}
