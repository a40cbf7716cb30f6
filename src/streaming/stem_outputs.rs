//! Where every stem goes, for hosts that give each of them a bus of its own.

use std::ops::Range;

use super::MAX_CHANNELS;
use crate::model::Instrument;

/// Borrowed output channels, one set an instrument in the order of [`Instrument::ALL`].
///
/// What is not set is not written: a host may leave any bus inactive. Making one neither allocates
/// nor writes, so that it can be made anew in each audio callback.
#[derive(Default)]
pub struct StemOutputs<'a> {
    channels: [[&'a mut [f32]; MAX_CHANNELS]; Instrument::ALL.len()],
    any: bool,
}

impl<'a> StemOutputs<'a> {
    /// Gives `instrument` the place of one channel (0 is left). A channel that the stream does not
    /// have (the right one of a mono stream) repeats the last one that it has. A place that is
    /// longer than the block keeps its end; one that is shorter gets as much as it holds.
    ///
    /// # Realtime safety
    /// Does not allocate.
    pub fn set(&mut self, instrument: Instrument, channel: usize, frames: &'a mut [f32]) {
        if let Some(place) = self.channels[instrument as usize].get_mut(channel) {
            *place = frames;
            self.any = true;
        }
    }

    /// Whether there is anything to write.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Whether a channel of an instrument has a place.
    pub(super) fn has(&self, instrument: Instrument, channel: usize) -> bool {
        self.channels[instrument as usize].get(channel).is_some_and(|place| !place.is_empty())
    }

    /// The same places from one frame of the block to another.
    pub(super) fn piece(&mut self, range: Range<usize>) -> StemOutputs<'_> {
        let channels = self.channels.each_mut().map(|places| {
            places.each_mut().map(|place| {
                let end = range.end.min(place.len());
                place.get_mut(range.start..end).unwrap_or_default()
            })
        });
        StemOutputs { channels, any: self.any }
    }

    /// Calls `f` with each place and the same place of `other`.
    pub(super) fn for_each_with(
        &mut self,
        other: &StemOutputs<'_>,
        f: impl Fn(&mut [f32], &[f32]),
    ) {
        for (places, others) in self.channels.iter_mut().zip(&other.channels) {
            for (place, other) in places.iter_mut().zip(others) {
                f(place, other);
            }
        }
    }

    /// Writes the frames `range` of each instrument. `sources` says where its stem stands, if the
    /// model has one (silence if not), in `stems`: `frame x source x channel`, from the first
    /// frame of `range` on. `weights` has a gain a frame.
    pub(super) fn write(
        &mut self,
        range: Range<usize>,
        sources: &[Option<usize>; Instrument::ALL.len()],
        stems: &[f32],
        num_channels: usize,
        weights: &[f32],
    ) {
        let frame_len = stems.len() / weights.len().max(1);
        for (places, source) in self.channels.iter_mut().zip(sources) {
            for (channel, place) in places.iter_mut().enumerate() {
                let end = range.end.min(place.len());
                let Some(place) = place.get_mut(range.start..end) else { continue };
                let Some(source) = source else {
                    place.fill(0.0);
                    continue;
                };
                let offset = source * num_channels + channel.min(num_channels - 1);
                let frames = stems.chunks_exact(frame_len).zip(weights);
                for (out, (stem, &weight)) in place.iter_mut().zip(frames) {
                    *out = weight * stem[offset];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_gets_its_stem_and_what_is_absent_gets_silence() {
        // Two frames of two sources, stereo.
        let stems = [1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0];
        let sources = [Some(1), None, Some(0), None, None, None];
        let (mut left, mut right, mut bass, mut drums) = ([9.0; 4], [9.0; 4], [9.0; 2], [9.0; 3]);
        let mut outputs = StemOutputs::default();
        assert!(!outputs.any());
        outputs.set(Instrument::Vocals, 0, &mut left);
        outputs.set(Instrument::Vocals, 1, &mut right);
        outputs.set(Instrument::Bass, 1, &mut bass);
        outputs.set(Instrument::Drums, 0, &mut drums);
        assert!(outputs.any());
        outputs.write(1..3, &sources, &stems, 2, &[1.0, 0.5]);
        assert_eq!(left, [9.0, 3.0, 15.0, 9.0]);
        assert_eq!(right, [9.0, 4.0, 20.0, 9.0]);
        assert_eq!(bass, [9.0, 2.0], "as much as it holds");
        assert_eq!(drums, [9.0, 0.0, 0.0]);
    }

    #[test]
    fn the_second_channel_of_a_mono_stream_repeats_the_first() {
        let mut right = [0.0; 1];
        let mut outputs = StemOutputs::default();
        outputs.set(Instrument::Other, 1, &mut right);
        outputs.set(Instrument::Other, 7, &mut []);
        outputs.write(0..1, &[None, None, None, None, None, Some(1)], &[1.0, 2.0], 1, &[1.0]);
        assert_eq!(right, [2.0]);
    }
}
