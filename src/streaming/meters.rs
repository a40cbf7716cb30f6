//! What is measured of a stream's work, without a lock: how long runs take and how much of real
//! time they need.

use std::sync::atomic::{AtomicU32, Ordering};

/// Buckets of the histogram; eight an octave, 16 octaves.
const NUM_BUCKETS: usize = 128;
const BUCKETS_PER_OCTAVE: f64 = 8.0;

/// Lower edge of the first bucket, in microseconds.
const FIRST_US: f64 = 100.0;

/// Seconds of sound that one reading of the load covers.
const LOAD_SPAN_S: f64 = 2.0;

/// Durations from 0.1 ms to 6.5 s, in buckets an eighth of an octave wide: what is read lies within
/// 4.5 % of what was counted. Shorter and longer ones are counted in the outermost buckets.
#[derive(Debug)]
pub(crate) struct DurationHistogram {
    counts: [AtomicU32; NUM_BUCKETS],
}

impl Default for DurationHistogram {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU32::new(0)) }
    }
}

impl DurationHistogram {
    /// Counts a duration in microseconds.
    pub fn count(&self, duration_us: u32) {
        let octaves = (f64::from(duration_us) / FIRST_US).log2();
        let bucket = (octaves * BUCKETS_PER_OCTAVE).floor().clamp(0.0, (NUM_BUCKETS - 1) as f64);
        self.counts[bucket as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The duration in microseconds that the share `quantile` (0 to 1) of those counted do not
    /// exceed; `None` before the first.
    pub fn quantile_us(&self, quantile: f64) -> Option<f64> {
        let counts: Vec<u64> =
            self.counts.iter().map(|count| u64::from(count.load(Ordering::Relaxed))).collect();
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return None;
        }
        let wanted = ((quantile * total as f64).ceil() as u64).clamp(1, total);
        let mut below = 0;
        let bucket = counts.iter().position(|count| {
            below += count;
            below >= wanted
        })?;
        Some(FIRST_US * ((bucket as f64 + 0.5) / BUCKETS_PER_OCTAVE).exp2())
    }
}

/// Share of real time, 1 for all of one core; read by anyone.
#[derive(Debug)]
pub(crate) struct Share(AtomicU32);

impl Default for Share {
    fn default() -> Self {
        Self(AtomicU32::new(f32::NAN.to_bits()))
    }
}

impl Share {
    /// The last reading; `None` before the first.
    pub fn get(&self) -> Option<f32> {
        let share = f32::from_bits(self.0.load(Ordering::Relaxed));
        (!share.is_nan()).then_some(share)
    }

    fn set(&self, share: f64) {
        self.0.store((share as f32).to_bits(), Ordering::Relaxed);
    }
}

/// Gathers the time that turns take, over a span of sound.
#[derive(Debug, Default)]
pub(crate) struct LoadMeter {
    num_frames: u64,
    network_s: f64,
    whole_s: f64,
}

impl LoadMeter {
    /// Adds a turn that took `num_frames` frames of input, of whose `whole_s` seconds the network
    /// had `network_s`.
    pub fn add(&mut self, num_frames: u64, network_s: f64, whole_s: f64) {
        self.num_frames += num_frames;
        self.network_s += network_s;
        self.whole_s += whole_s;
    }

    /// Publishes a reading when a span is full, and begins the next.
    pub fn publish(&mut self, sample_rate_hz: f64, network: &Share, whole: &Share) {
        let span_s = self.num_frames as f64 / sample_rate_hz;
        if span_s >= LOAD_SPAN_S {
            network.set(self.network_s / span_s);
            whole.set(self.whole_s / span_s);
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_the_resolution_of_the_counted_durations() {
        let histogram = DurationHistogram::default();
        assert_eq!(histogram.quantile_us(0.5), None);
        // 1 ms to 100 ms, evenly.
        let mut durations: Vec<u32> = (0..1000).map(|n| 1_000 + n * 99).collect();
        durations.iter().for_each(|&duration| histogram.count(duration));
        durations.sort_unstable();
        for quantile in [0.01, 0.5, 0.99, 1.0] {
            let index = ((quantile * 1000.0) as usize).max(1) - 1;
            let (want, got) = (f64::from(durations[index]), histogram.quantile_us(quantile));
            let ratio = got.unwrap() / want;
            assert!((1.0 / 1.046..1.046).contains(&ratio), "{quantile}: {got:?} for {want}");
        }
    }

    #[test]
    fn durations_out_of_range_are_counted_at_the_ends() {
        let histogram = DurationHistogram::default();
        histogram.count(0);
        assert!(histogram.quantile_us(1.0).unwrap() < 110.0);
        histogram.count(u32::MAX);
        assert!(histogram.quantile_us(1.0).unwrap() > 6e6);
    }

    #[test]
    fn the_load_is_seconds_of_work_in_a_second_of_sound() {
        let (mut meter, network, whole) =
            (LoadMeter::default(), Share::default(), Share::default());
        for turn in 0..9 {
            assert_eq!(network.get(), None, "turn {turn}");
            meter.add(12_000, 0.05, 0.075);
            meter.publish(48_000.0, &network, &whole);
            if turn == 7 {
                break;
            }
        }
        assert_eq!((network.get(), whole.get()), (Some(0.2), Some(0.3)));
        meter.add(12_000, 9.0, 9.0);
        meter.publish(48_000.0, &network, &whole);
        assert_eq!(whole.get(), Some(0.3), "until the span is full");
    }
}
