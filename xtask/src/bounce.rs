//! Drives a host over a whole recording, in blocks of any plan.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

use crate::host::{HeadlessHost, ProcessConfig, RenderMode};

/// Planar audio: `audio[channel][frame]`.
pub type Planar = Vec<Vec<f32>>;

/// The largest block that a random plan uses, in frames.
const MAX_RANDOM_BLOCK_FRAMES: usize = 4096;

/// How a recording is cut into host blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockPlan {
    /// Blocks of one size, in frames.
    Fixed(usize),
    /// Sizes from 1 to 4096 frames, the same sequence each time for one seed.
    Random(u64),
}

impl BlockPlan {
    /// The largest block that the plan will ever use, in frames.
    #[must_use]
    pub fn max_frames(self) -> usize {
        match self {
            Self::Fixed(frames) => frames,
            Self::Random(_) => MAX_RANDOM_BLOCK_FRAMES,
        }
    }

    /// The sizes of the blocks, without end.
    pub fn sizes(self) -> impl Iterator<Item = usize> {
        let mut state = match self {
            Self::Fixed(_) => 0,
            Self::Random(seed) => seed,
        };
        std::iter::repeat_with(move || match self {
            Self::Fixed(frames) => frames,
            Self::Random(_) => {
                // Squaring the uniform variate favours small blocks: odd sizes are found there.
                let uniform = split_mix(&mut state);
                1 + (uniform * uniform * (MAX_RANDOM_BLOCK_FRAMES - 1) as f64) as usize
            }
        })
    }
}

/// The next variate in 0..1 (S. Vigna's SplitMix64).
pub(crate) fn split_mix(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

impl fmt::Display for BlockPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(frames) => write!(f, "{frames}"),
            Self::Random(_) => f.write_str("random"),
        }
    }
}

impl FromStr for BlockPlan {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "random" {
            return Ok(Self::Random(1));
        }
        match text.parse() {
            Ok(frames @ 1..=1_048_576) => Ok(Self::Fixed(frames)),
            _ => bail!("`{text}` is not a block size: expected 1 to 1048576 frames, or random"),
        }
    }
}

/// Plays a recording through an activated host and returns what comes out, latency and all.
///
/// `tail_frames` of silence follow the recording. The output has as many frames as went in.
///
/// # Errors
/// When the host fails in a block.
pub fn play(
    host: &mut dyn HeadlessHost,
    input: &[Vec<f32>],
    plan: BlockPlan,
    tail_frames: usize,
) -> Result<Planar> {
    let num_frames = input.first().map_or(0, Vec::len);
    let mut output: Planar = input.to_vec();
    for channel in &mut output {
        channel.resize(num_frames + tail_frames, 0.0);
    }
    let total = num_frames + tail_frames;
    let mut start = 0;
    for size in plan.sizes() {
        let end = (start + size).min(total);
        let mut block: Vec<&mut [f32]> =
            output.iter_mut().map(|channel| &mut channel[start..end]).collect();
        if start < end {
            host.process(&mut block).with_context(|| format!("at frame {start}"))?;
        }
        start = end;
        if start == total {
            break;
        }
    }
    Ok(output)
}

/// Activates the host and bounces a recording offline: latency trimmed, length kept.
///
/// # Errors
/// When the host refuses the activation or fails in a block.
pub fn bounce(
    host: &mut dyn HeadlessHost,
    input: &[Vec<f32>],
    sample_rate_hz: f64,
    plan: BlockPlan,
) -> Result<Planar> {
    if input.is_empty() {
        bail!("there is no channel to bounce");
    }
    host.activate(&ProcessConfig {
        sample_rate_hz,
        max_block_frames: plan.max_frames(),
        num_channels: input.len(),
        num_inputs: None,
        mode: RenderMode::Offline,
    })?;
    let latency_frames = host.latency_frames();
    let mut output = play(host, input, plan, latency_frames)?;
    for channel in &mut output {
        channel.drain(..latency_frames);
    }
    host.deactivate();
    Ok(output)
}
