//! The channels of all buses of one direction: the host's, and our own where it gives none.

use std::ptr::null_mut;

/// Most channels of a bus.
pub const MAX_BUS_CHANNELS: usize = 2;

/// A host's channel pointers of one bus, or null, and how many there are.
pub type HostBus = (*mut *mut f32, usize);

/// Channel pointers for every channel of every bus, however few the host gives.
pub struct Buses {
    buses: Vec<Bus>,
    max_frames: usize,
}

struct Bus {
    num_channels: usize,
    host: [*mut f32; MAX_BUS_CHANNELS],
    current: [*mut f32; MAX_BUS_CHANNELS],
    /// What stands in for channels that the host leaves out.
    own: [Vec<f32>; MAX_BUS_CHANNELS],
}

// SAFETY: the pointers are the host's, valid and used during the block that set them only.
unsafe impl Send for Buses {}

impl Buses {
    /// Buses of these channel counts for blocks of up to `max_frames`. Allocates.
    pub fn new(channel_counts: impl IntoIterator<Item = usize>, max_frames: usize) -> Self {
        let max_frames = max_frames.max(1);
        let bus = |num_channels: usize| Bus {
            num_channels: num_channels.min(MAX_BUS_CHANNELS),
            host: [null_mut(); MAX_BUS_CHANNELS],
            current: [null_mut(); MAX_BUS_CHANNELS],
            own: std::array::from_fn(|_| vec![0.0; max_frames]),
        };
        Self { buses: channel_counts.into_iter().map(bus).collect(), max_frames }
    }

    /// Number of buses.
    pub fn len(&self) -> usize {
        self.buses.len()
    }

    /// Takes the host's channels for the block: `host` says what it gives for each bus. Returns
    /// how many channels it gives of all that there are.
    ///
    /// # Safety
    /// Each pointer that `host` returns is null or points to as many channel pointers as it says.
    pub unsafe fn take(&mut self, host: impl Fn(usize) -> HostBus) -> Given {
        let mut given = Given::default();
        for (index, bus) in self.buses.iter_mut().enumerate() {
            let (pointers, num_given) = host(index);
            for (channel, place) in bus.host[..bus.num_channels].iter_mut().enumerate() {
                let is_there = !pointers.is_null() && channel < num_given;
                // SAFETY: not null, and fewer than the host says that there are.
                *place = if is_there { unsafe { *pointers.add(channel) } } else { null_mut() };
                given.channels += usize::from(!place.is_null());
                given.missing += usize::from(place.is_null());
            }
        }
        given
    }

    /// Most frames that can be processed at once while a channel is missing.
    pub fn max_frames(&self) -> usize {
        self.max_frames
    }

    /// Points every channel at the part of the block that begins at `offset`.
    ///
    /// # Safety
    /// The host's channels of the last [`Buses::take`] have more than `offset` frames, or `offset`
    /// is 0.
    pub unsafe fn select(&mut self, offset: usize) {
        for bus in &mut self.buses {
            let channels = bus.current.iter_mut().zip(&bus.host).zip(&mut bus.own);
            for ((current, host), own) in channels {
                *current = if host.is_null() {
                    own.as_mut_ptr()
                } else {
                    // SAFETY: by this function's contract.
                    unsafe { host.add(offset) }
                };
            }
        }
    }

    /// The selected channels of a bus: a pointer to as many pointers as the number says.
    pub fn channels(&mut self, bus: usize) -> (*mut *mut f32, usize) {
        let bus = &mut self.buses[bus];
        (bus.current.as_mut_ptr(), bus.num_channels)
    }

    /// A bit for each channel of a bus that the host has and that is silent for `num_frames`.
    ///
    /// # Safety
    /// The host's channels of the last [`Buses::take`] have that many frames.
    pub unsafe fn silent_channels(&self, bus: usize, num_frames: usize) -> u64 {
        let bus = &self.buses[bus];
        let mut bits = 0;
        for (channel, host) in bus.host[..bus.num_channels].iter().enumerate() {
            if host.is_null() {
                continue;
            }
            // SAFETY: not null, and as long as this function's contract says.
            let samples = unsafe { std::slice::from_raw_parts(*host, num_frames) };
            // Ends at the first sample that sounds.
            bits |= u64::from(samples.iter().all(|sample| *sample == 0.0)) << channel;
        }
        bits
    }
}

/// Channels that a host gives and those that it leaves out, over all buses.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Usable channels.
    pub channels: usize,
    /// Channels that are missing.
    pub missing: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_leaves_out_is_our_own_and_the_rest_is_the_hosts() {
        let mut left = [1.0_f32, 2.0, 3.0];
        let mut wide = [left.as_mut_ptr(), null_mut(), left.as_mut_ptr()];
        let pointers = wide.as_mut_ptr();
        let mut buses = Buses::new([2, 2, 1], 8);
        // Bus 0: three channels given, the second null; bus 1: none; bus 2: two given, one used.
        // SAFETY: `wide` holds three pointers.
        let given = unsafe {
            buses.take(|bus| match bus {
                0 => (pointers, 3),
                1 => (null_mut(), 2),
                _ => (pointers, 2),
            })
        };
        assert_eq!(given, Given { channels: 2, missing: 3 });
        // SAFETY: the host's channel has three frames.
        unsafe { buses.select(1) };
        // SAFETY: every channel has at least two more frames.
        let first = |buses: &mut Buses, bus: usize, channel: usize| unsafe {
            **buses.channels(bus).0.add(channel)
        };
        assert_eq!(first(&mut buses, 0, 0), 2.0);
        for (bus, channel) in [(0, 1), (1, 0), (1, 1)] {
            assert_eq!(first(&mut buses, bus, channel), 0.0);
        }
        assert_eq!(buses.channels(2).1, 1);
        assert_eq!(first(&mut buses, 2, 0), 2.0);
    }

    #[test]
    fn silence_is_told_channel_by_channel() {
        let (mut loud, mut silent) = ([0.0_f32, 0.5], [0.0_f32, -0.0]);
        let mut pointers = [loud.as_mut_ptr(), silent.as_mut_ptr()];
        let pointers = pointers.as_mut_ptr();
        let mut buses = Buses::new([2], 8);
        // SAFETY: two pointers, two frames each.
        unsafe {
            buses.take(|_| (pointers, 2));
            assert_eq!(buses.silent_channels(0, 2), 0b10);
            assert_eq!(buses.silent_channels(0, 1), 0b11);
        }
    }
}
