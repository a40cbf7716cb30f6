//! Read-only numbers that hosts may show beside the parameters.
//!
//! nice-plug knows no such thing: a hidden parameter of its own would be part of the saved state, and
//! no host shows it. These are added by our CLAP and VST3 classes instead. They are neither
//! automatable nor saved, and tell the host of a change a few times a second at most.

use std::sync::atomic::{AtomicU32, Ordering};

use soloist::streaming::StreamStatus;

use crate::text;

/// The numbers, written by the audio thread.
#[derive(Debug, Default)]
pub struct Readings {
    load_percent: AtomicU32,
    late_blocks: AtomicU32,
}

impl Readings {
    /// Takes over what a stream tells: its load in percent of real time, and the blocks in which a
    /// result was late.
    ///
    /// # Realtime safety
    /// Touches atomics.
    pub fn update(&self, stream: &StreamStatus) {
        self.set(100.0 * stream.load().unwrap_or(0.0), stream.late_blocks());
    }

    fn set(&self, load_percent: f32, late_blocks: u64) {
        let late_blocks = u32::try_from(late_blocks).unwrap_or(u32::MAX);
        self.load_percent.store(load_percent.to_bits(), Ordering::Relaxed);
        self.late_blocks.store(late_blocks, Ordering::Relaxed);
    }
}

/// One number. Hosts see it between 0 and 1.
pub struct Meter {
    /// The identifier that hosts know; none may ever change.
    pub id: u32,
    /// What hosts show.
    pub name: &'static str,
    /// What stands behind the number.
    pub unit: &'static str,
    max: f32,
    digits: usize,
    read: fn(&Readings) -> f32,
}

/// All of them.
pub static METERS: [Meter; 2] = [
    Meter {
        id: id_of("meter_load"),
        name: "Load",
        unit: " %",
        max: 200.0,
        digits: 1,
        read: |readings| f32::from_bits(readings.load_percent.load(Ordering::Relaxed)),
    },
    Meter {
        id: id_of("meter_late"),
        name: "Late Blocks",
        unit: "",
        max: 1000.0,
        digits: 0,
        read: |readings| readings.late_blocks.load(Ordering::Relaxed) as f32,
    },
];

/// The meter of that identifier.
pub fn find(id: u32) -> Option<&'static Meter> {
    METERS.iter().find(|meter| meter.id == id)
}

impl Meter {
    /// Its number now, 0 to 1; beyond its range it stays at the end.
    ///
    /// # Realtime safety
    /// Touches one atomic.
    pub fn normalized(&self, readings: &Readings) -> f64 {
        f64::from(((self.read)(readings) / self.max).clamp(0.0, 1.0))
    }

    /// The number that `normalized` stands for.
    pub fn plain(&self, normalized: f64) -> f64 {
        normalized.clamp(0.0, 1.0) * f64::from(self.max)
    }

    /// In words, with the unit.
    pub fn words(&self, normalized: f64) -> String {
        format!("{:.*}{}", self.digits, self.plain(normalized), self.unit)
    }

    /// From words.
    pub fn parse(&self, words: &str) -> Option<f64> {
        let plain = text::percent(words)?;
        Some(f64::from((plain / self.max).clamp(0.0, 1.0)))
    }
}

/// nice-plug's own way from a name to a number, so that ours lie where its lie.
pub const fn id_of(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut id = 0_u32;
    let mut index = 0;
    while index < bytes.len() {
        id = id.wrapping_mul(31).wrapping_add(bytes[index] as u32);
        index += 1;
    }
    id & !(1 << 31)
}

/// How often hosts hear of changes.
const INTERVAL_S: f64 = 0.1;

/// Decides when a host is told.
pub struct MeterWatch {
    told: [f64; METERS.len()],
    interval_frames: usize,
    frames: usize,
}

impl MeterWatch {
    /// Nothing told yet.
    pub fn new(sample_rate_hz: f64) -> Self {
        let interval_frames = (INTERVAL_S * sample_rate_hz) as usize;
        Self { told: [0.0; METERS.len()], interval_frames, frames: 0 }
    }

    /// Calls `tell` with each number that has changed, if it is time.
    ///
    /// # Realtime safety
    /// Touches atomics, and does what `tell` does.
    pub fn tell(
        &mut self,
        readings: &Readings,
        num_frames: usize,
        mut tell: impl FnMut(&'static Meter, f64),
    ) {
        self.frames += num_frames;
        if self.frames < self.interval_frames {
            return;
        }
        self.frames = 0;
        for (meter, told) in METERS.iter().zip(&mut self.told) {
            let now = meter.normalized(readings);
            if now != *told {
                *told = now;
                tell(meter, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nice_plug::prelude::Params;

    use super::*;
    use crate::params::SoloistParams;

    #[test]
    fn identifiers_stand_as_released_and_are_no_parameters() {
        assert_eq!(METERS.each_ref().map(|meter| meter.id), [991_469_532, 991_456_668]);
        for (id, _, _) in SoloistParams::default().param_map() {
            assert!(find(id_of(&id)).is_none(), "{id}");
        }
    }

    #[test]
    fn numbers_are_read_written_and_held_in_range() {
        let readings = Readings::default();
        readings.set(43.21, 7);
        let words = || METERS.each_ref().map(|meter| meter.words(meter.normalized(&readings)));
        assert_eq!(words(), ["43.2 %", "7"]);
        for meter in &METERS {
            let now = meter.normalized(&readings);
            let words = meter.words(now);
            assert_eq!(meter.words(meter.parse(&words).unwrap()), words);
            assert_eq!(meter.parse("much"), None);
        }
        readings.set(f32::MAX, u64::MAX);
        assert_eq!(words(), ["200.0 %", "1000"]);
    }

    #[test]
    fn hosts_hear_of_changes_only_and_not_too_often() {
        let readings = Readings::default();
        let mut watch = MeterWatch::new(48_000.0);
        let mut told = Vec::new();
        for block in 0..1000_u64 {
            readings.set(0.0, block / 500);
            watch.tell(&readings, 480, |meter, value| told.push((block, meter.name, value)));
        }
        assert_eq!(told, [(509, "Late Blocks", 0.001_f32.into())]);
    }
}
