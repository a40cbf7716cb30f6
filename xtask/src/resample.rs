//! Resampling of a whole recording, for renders at a rate that the file does not have.

use anyhow::{Context, Result, bail};
use audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler};
use soloist::files::Audio;

/// Input frames that the resampler takes at a time.
const CHUNK_FRAMES: usize = 4096;

/// Resamples a recording, delay trimmed; returns it unchanged when it has the rate already.
///
/// # Errors
/// When the rate is zero or the resampler refuses the audio.
pub fn resample(audio: Audio, rate_hz: u32) -> Result<Audio> {
    if rate_hz == 0 {
        bail!("a sample rate of 0 Hz was asked for, expected at least 1");
    }
    if audio.sample_rate_hz == rate_hz {
        return Ok(audio);
    }
    let (from_hz, num_frames) = (audio.sample_rate_hz as usize, audio.num_frames());
    let num_channels = audio.num_channels();
    let mut resampler =
        Fft::<f32>::new(from_hz, rate_hz as usize, CHUNK_FRAMES, num_channels, FixedSync::Input)?;
    let capacity = resampler.process_all_needed_output_len(num_frames);
    let mut channels = vec![vec![0.0; capacity]; num_channels];
    let input = SequentialSliceOfVecs::new(&audio.channels, num_channels, num_frames)
        .context("the recording is no rectangle of samples")?;
    let mut output = SequentialSliceOfVecs::new_mut(&mut channels, num_channels, capacity)
        .context("the resampled recording is no rectangle of samples")?;
    let (_, written) = resampler.process_all_into_buffer(&input, &mut output, num_frames, None)?;
    for channel in &mut channels {
        channel.truncate(written);
    }
    Ok(Audio { sample_rate_hz: rate_hz, channels })
}
