//! `cargo xtask soak`: a host that jumps, loops, stops and restarts at random while the plugin
//! plays in real time, judged sample by sample against offline renders of the same input.
//!
//! The host does not keep to the clock, so that it can be as fast as the computer allows: for
//! results it waits now and then (in short blocks, by the plugin's own choice `Wait`), and between
//! them the callback takes what is there.

pub mod judge;
pub mod script;

use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, bail};
use soloist::files::{Audio, read_audio};

use crate::bounce::Planar;
use crate::host::{self, Format, HeadlessHost, ProcessConfig, Product, StemBus};
use crate::paths::{Bundles, workspace_root};
use judge::{Counts, NUM_STEMS, Stretch, judge};
use script::{Block, MAX_BLOCK_FRAMES, Plan, Script, Start, position};

/// In the order of the stems' buses.
const INSTRUMENTS: [&str; NUM_STEMS] = ["Vocals", "Drums", "Bass", "Guitar", "Piano", "Other"];

/// Least share of exact results among the samples that can tell them from the delayed mix: a run that
/// is only late proves nothing.
pub const MIN_EXACT_SHARE: f64 = 0.5;

/// Clock time of a second of sound while nothing can come out yet: no wait holds the host there,
/// and an input ring that overflows would be another fault than those that are looked for.
const LEAD_PACE: f64 = 0.5;

/// What happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    /// Samples by what they were.
    pub counts: Counts,
    /// Stretches that began with an activation.
    pub activations: usize,
    /// Stretches that began with a jump.
    pub jumps: usize,
    /// Wraps of a loop.
    pub wraps: usize,
    /// Times that the timeline stopped.
    pub stops: usize,
    /// Choices of an instrument.
    pub choices: usize,
    /// Blocks.
    pub blocks: usize,
    /// Blocks in which the plugin was allowed to wait.
    pub waits: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counts, activations, jumps, wraps, stops, choices, blocks, waits } = self;
        write!(
            f,
            "{counts}\n{activations} activations, {jumps} jumps, {wraps} loop wraps, {stops} stops, \
             {choices} choices of an instrument, {blocks} blocks, of them {waits} that wait"
        )
    }
}

impl Report {
    /// Checks what a run must show.
    ///
    /// # Errors
    /// When a sample is wrong, too few are exact, or none is late.
    pub fn check(&self) -> Result<()> {
        let Counts { exact, delayed, in_fades, wrong, .. } = self.counts;
        if wrong > 0 {
            bail!("{wrong} samples are neither result nor delayed mix nor in a fade");
        }
        let share = exact as f64 / (exact + delayed + in_fades).max(1) as f64;
        if share < MIN_EXACT_SHARE {
            bail!("{:.1} % of the results were on time: too few to prove anything", 100.0 * share);
        }
        if delayed == 0 {
            bail!("no result was late: the delayed mix has not been tried");
        }
        Ok(())
    }
}

/// Runs the command.
///
/// # Errors
/// When the plugin fails or [`Report::check`] does.
pub fn soak(format: Format, duration_s: f64, seed: u64) -> Result<()> {
    let report = run(format, &Bundles::release(), duration_s, seed, |_| {})?;
    println!("{format}, seed {seed}\n{report}");
    report.check()
}

/// Plays at least `duration_s` of sound. `look` sees each stretch after it was judged.
///
/// # Errors
/// When a plugin cannot be loaded or fails.
pub fn run(
    format: Format,
    bundles: &Bundles,
    duration_s: f64,
    seed: u64,
    mut look: impl FnMut(&Stretch),
) -> Result<Report> {
    let mix = read_audio(&workspace_root().join("examples/demo/mix.ogg"))?;
    let rate_hz = f64::from(mix.sample_rate_hz);
    let mut player = Player {
        host: host::load(format, bundles)?,
        // All instruments at once.
        reference: host::load_product(format, bundles, Product::Multi)?,
        level: vec![0.0; 2],
        choice: 0,
        mix,
        report: Report::default(),
    };
    player.host.set_parameter("Instrument", INSTRUMENTS[0])?;
    let mut script = Script::new(seed, rate_hz);
    let mut num_frames = 0;
    while (num_frames as f64) < duration_s * rate_hz {
        let plan = script.next_plan();
        num_frames += plan.num_frames();
        let stretch = player.play(&plan)?;
        let counts = judge(&stretch);
        player.report.counts.add(&counts);
        let played_s = num_frames as f64 / rate_hz;
        println!("{played_s:.0} s, {:?} of {} frames: {counts}", plan.start, plan.num_frames());
        look(&stretch);
    }
    Ok(player.report)
}

/// The plugin under test, the one that renders offline, and what lasts from stretch to stretch.
struct Player {
    host: Box<dyn HeadlessHost>,
    reference: Box<dyn HeadlessHost>,
    mix: Audio,
    /// What was heard last, a value a channel.
    level: Vec<f32>,
    /// The instrument that is chosen.
    choice: usize,
    report: Report,
}

impl Player {
    fn play(&mut self, plan: &Plan) -> Result<Stretch> {
        let rate_hz = f64::from(self.mix.sample_rate_hz);
        if plan.start == Start::Activation {
            self.host.activate(&ProcessConfig::realtime(rate_hz, MAX_BLOCK_FRAMES))?;
            self.level.fill(0.0);
            self.report.activations += 1;
        } else {
            self.report.jumps += 1;
        }
        let latency_frames = self.host.latency_frames();
        let (mut input, mut output) = (vec![Vec::new(); 2], vec![Vec::new(); 2]);
        let mut choices = vec![(0, self.choice)];
        let level = self.level.clone();
        let mut is_waiting = None;
        for (index, block) in plan.blocks.iter().enumerate() {
            self.count(block, index.checked_sub(1).map(|before| &plan.blocks[before]));
            let begin = input[0].len();
            if let Some((at_frame, stem)) = block.choice {
                self.host.set_parameter_at("Instrument", INSTRUMENTS[stem], at_frame)?;
                choices.push((begin + at_frame, stem));
                self.choice = stem;
            }
            if is_waiting != Some(block.waits) {
                is_waiting = Some(block.waits);
                let late = if block.waits { "Wait (Bounce)" } else { "Delayed Mix" };
                self.host.set_parameter("When Late", late)?;
            }
            self.host.set_transport(Some(block.transport));
            let mut channels = self.sound(block);
            for (input, channel) in input.iter_mut().zip(&channels) {
                input.extend_from_slice(channel);
            }
            let mut main: Vec<&mut [f32]> = channels.iter_mut().map(Vec::as_mut_slice).collect();
            self.host.process(&mut main)?;
            for (output, channel) in output.iter_mut().zip(&channels) {
                output.extend_from_slice(channel);
            }
            if begin < latency_frames {
                sleep(Duration::from_secs_f64(LEAD_PACE * block.num_frames as f64 / rate_hz));
            }
        }
        self.level = output.iter().filter_map(|channel| channel.last().copied()).collect();
        let stems = self.render(&input)?;
        let sample_rate_hz = rate_hz;
        Ok(Stretch { sample_rate_hz, latency_frames, input, output, stems, choices, level })
    }

    /// The demo mix over and over as the timeline; silence where it stands.
    fn sound(&self, block: &Block) -> Planar {
        let frame = |offset| match block.transport.is_playing {
            true => {
                let frame = position(&block.transport, offset);
                Some(frame.rem_euclid(self.mix.num_frames() as i64) as usize)
            }
            false => None,
        };
        let frames: Vec<_> = (0..block.num_frames).map(frame).collect();
        let of_channel = |channel: &Vec<f32>| {
            frames.iter().map(|frame| frame.map_or(0.0, |frame| channel[frame])).collect()
        };
        self.mix.channels.iter().map(of_channel).collect()
    }

    /// Each instrument of `input`, offline and from a fresh start, latency and all.
    fn render(&mut self, input: &[Vec<f32>]) -> Result<Vec<Planar>> {
        let rate_hz = f64::from(self.mix.sample_rate_hz);
        self.reference.activate(&ProcessConfig::offline(rate_hz, MAX_BLOCK_FRAMES))?;
        let mut stems = vec![vec![Vec::new(); 2]; NUM_STEMS];
        let num_frames = input[0].len();
        for begin in (0..num_frames).step_by(MAX_BLOCK_FRAMES) {
            let end = (begin + MAX_BLOCK_FRAMES).min(num_frames);
            let mut channels: Planar =
                input.iter().map(|channel| channel[begin..end].to_vec()).collect();
            let mut main: Vec<&mut [f32]> = channels.iter_mut().map(Vec::as_mut_slice).collect();
            let mut buses: Vec<StemBus> = vec![Some(vec![vec![0.0; end - begin]; 2]); NUM_STEMS];
            self.reference.process_stems(&mut main, &mut buses)?;
            for (stem, bus) in stems.iter_mut().zip(buses) {
                for (channel, frames) in stem.iter_mut().zip(bus.into_iter().flatten()) {
                    channel.extend(frames);
                }
            }
        }
        Ok(stems)
    }

    fn count(&mut self, block: &Block, before: Option<&Block>) {
        let report = &mut self.report;
        report.blocks += 1;
        report.waits += usize::from(block.waits);
        report.choices += usize::from(block.choice.is_some());
        let was_playing = before.is_some_and(|before| before.transport.is_playing);
        report.stops += usize::from(was_playing && !block.transport.is_playing);
        let is_wrap = position(&block.transport, block.num_frames) < block.transport.frame;
        report.wraps += usize::from(is_wrap && block.transport.is_playing);
    }
}
