//! The audio callback never waits: the system counts how often a thread gave its core away of
//! itself, for a lock, a file, another thread, or anything else.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{excerpt, load, rate_hz, turn};
use nix::sys::resource::{UsageWho, getrusage};
use soloist::files::Audio;
use xtask::host::{Format, HeadlessHost, ProcessConfig, Transport};

const BLOCK_FRAMES: usize = 64;
/// In each format.
const NUM_CALLBACKS: usize = 50_000;

/// Passes of which one must be without a wait.
const MAX_PASSES: usize = 3;

/// Callbacks from one wait for results to the next.
const CALLBACKS_A_WAIT: usize = 400;

/// What the system has counted of the calling thread since it began.
#[derive(Clone, Copy)]
struct Usage {
    /// How often it gave its core away of itself.
    waits: i64,
    /// How often a page of memory had to be brought in for it.
    page_faults: i64,
}

impl Usage {
    fn of_this_thread() -> Self {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
        Self {
            waits: usage.voluntary_context_switches(),
            page_faults: usage.minor_page_faults() + usage.major_page_faults(),
        }
    }

    /// Waits since `before` that the code asked for. While the system brings a page in, it may wait
    /// for other threads that map memory: no lock of the code's is behind that, and any that is
    /// would be seen in one of the thousands of callbacks without a page fault.
    fn waits_since(self, before: Self) -> i64 {
        if self.page_faults == before.page_faults { self.waits - before.waits } else { 0 }
    }
}

/// A track that is played block by block.
struct Track {
    host: Box<dyn HeadlessHost>,
    mix: Audio,
    latency: usize,
    /// Blocks since the last jump.
    num_blocks: usize,
    channels: Vec<Vec<f32>>,
}

impl Track {
    fn new(format: Format) -> Self {
        let mix = excerpt(20.0);
        let mut host = load(format);
        host.set_parameter("Instrument", "Drums").unwrap();
        host.activate(&ProcessConfig::realtime(rate_hz(&mix), BLOCK_FRAMES)).unwrap();
        let latency = host.latency_frames();
        Self { host, mix, latency, num_blocks: 0, channels: vec![vec![0.0; BLOCK_FRAMES]; 2] }
    }

    fn sample(&self, channel: usize, frame: usize) -> f32 {
        self.mix.channels[channel][frame % self.mix.num_frames()]
    }

    /// Plays a block; how often the callback waited in it.
    fn play(&mut self, jump: i64) -> i64 {
        let begin = self.num_blocks * BLOCK_FRAMES;
        let frame = begin as i64 + jump * 10_000_000;
        self.host.set_transport(Some(Transport { is_playing: true, frame, loop_frames: None }));
        for channel in 0..2 {
            for index in 0..BLOCK_FRAMES {
                self.channels[channel][index] = self.sample(channel, begin + index);
            }
        }
        let mut main: Vec<&mut [f32]> = self.channels.iter_mut().map(Vec::as_mut_slice).collect();
        let before = Usage::of_this_thread();
        self.host.process(&mut main).unwrap();
        let waits = Usage::of_this_thread().waits_since(before);
        self.num_blocks += 1;
        waits
    }

    /// Whether the last block held results, and not silence or the delayed mix.
    fn heard_results(&self) -> bool {
        let begin = (self.num_blocks - 1) * BLOCK_FRAMES;
        let Some(first) = begin.checked_sub(self.latency) else { return false };
        (0..BLOCK_FRAMES).any(|index| {
            let delayed = self.sample(0, first + index);
            (self.channels[0][index] - delayed).abs() > 1e-3
        })
    }
}

/// What was seen in a pass.
struct Pass {
    /// How often callbacks that must not wait have waited.
    waits: i64,
    /// How often those did that may.
    control: i64,
    /// Callbacks in which results were heard.
    num_heard: usize,
}

fn pass(format: Format) -> Pass {
    let mut track = Track::new(format);
    let (mut seen, mut jump) = (Pass { waits: 0, control: 0, num_heard: 0 }, 0);
    for callback in 0..NUM_CALLBACKS {
        if callback % CALLBACKS_A_WAIT == 0 {
            if callback % (50 * CALLBACKS_A_WAIT) == 0 {
                jump += 1;
                track.num_blocks = 0;
            }
            // Results are waited for now and then, so that they are there to be mixed; and this
            // shows that the count sees a callback that waits.
            track.host.set_parameter("When Late", "Wait (Bounce)").unwrap();
            seen.control += track.play(jump);
            track.host.set_parameter("When Late", "Delayed Mix").unwrap();
            let instrument = ["Drums", "Bass", "Vocals"][callback / CALLBACKS_A_WAIT % 3];
            track.host.set_parameter_at("Instrument", instrument, 31).unwrap();
        }
        seen.waits += track.play(jump);
        seen.num_heard += usize::from(track.heard_results());
    }
    seen
}

/// A lock or a file in the callback's way is met in each pass. The system itself has reasons to wait
/// that are nobody's in here, once in a while: what the host allocates, a share of time used up.
#[test]
fn a_hundred_thousand_callbacks_never_wait() {
    let _turn = turn();
    for format in Format::ALL {
        let mut num_passes = 0;
        loop {
            let Pass { waits, control, num_heard } = pass(format);
            num_passes += 1;
            println!(
                "{format}: {waits} waits in {NUM_CALLBACKS} callbacks, of which {num_heard} with \
                 results; {control} in {} callbacks that may wait",
                NUM_CALLBACKS / CALLBACKS_A_WAIT
            );
            assert!(num_heard > NUM_CALLBACKS / 20, "{format}: {num_heard} callbacks with results");
            assert!(control > 0, "{format}: a wait is not seen");
            if waits == 0 {
                break;
            }
            assert!(num_passes < MAX_PASSES, "{format}: callbacks have waited in every pass");
        }
    }
}
