//! Audio at the pace of a sound card, on a thread of its own, beside a host's event loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::host::HeadlessHost;
use crate::host::editor::AudioSide;

/// Rate of the host in Hz.
pub const RATE_HZ: f64 = 48_000.0;

/// Frames of a block.
pub const BLOCK_FRAMES: usize = 256;

/// Time from one turn of the host's event loop to the next.
pub const TURN: Duration = Duration::from_millis(10);

/// Without a late block for this long, the stream is on time.
const ON_TIME: Duration = Duration::from_secs(3);

/// What the audio thread saw in a stretch of time.
#[derive(Debug, Default, Clone)]
pub struct Playing {
    /// Seconds of it.
    pub seconds: f64,
    /// Time of each callback in microseconds, sorted.
    pub callbacks_us: Vec<f64>,
    /// Callbacks that took longer than their block lasts.
    pub overruns: usize,
    /// Blocks for which a result was missing, as the plugin counts them.
    pub late_blocks: u64,
}

impl Playing {
    /// The time in microseconds that the share `quantile` of the callbacks did not exceed.
    #[must_use]
    pub fn quantile_us(&self, quantile: f64) -> f64 {
        let index = (quantile * self.callbacks_us.len() as f64).ceil() as usize;
        self.callbacks_us.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

/// An audio thread that plays at the pace of a sound card.
pub struct Player {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Playing>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Player {
    /// Plays music into `side` until it is told to stop.
    pub fn start(mut side: Box<dyn AudioSide>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Playing::default()));
        let (stopped, sees) = (Arc::clone(&stop), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            let block = Duration::from_secs_f64(BLOCK_FRAMES as f64 / RATE_HZ);
            let mut channels = [vec![0.0_f32; BLOCK_FRAMES], vec![0.0; BLOCK_FRAMES]];
            let mut due = Instant::now();
            let mut frame = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                let [left, right] = &mut channels;
                for (index, (left, right)) in left.iter_mut().zip(right).enumerate() {
                    let t = (frame + index as u64) as f64 / RATE_HZ;
                    let sine = |hz: f64| (std::f64::consts::TAU * hz * t).sin() as f32;
                    let beat = (-8.0 * (t % 0.5)).exp() as f32;
                    *left = 0.3 * beat * sine(220.0) + 0.2 * sine(55.0);
                    *right = 0.3 * beat * sine(330.0) + 0.2 * sine(55.0);
                }
                frame += BLOCK_FRAMES as u64;
                let duration = side.process(&mut channels)?;
                {
                    let mut seen = sees.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.callbacks_us.push(duration.as_secs_f64() * 1e6);
                    seen.overruns += usize::from(duration > block);
                }
                due += block;
                match due.checked_duration_since(Instant::now()) {
                    Some(rest) => std::thread::sleep(rest),
                    // A sound card drops what it missed.
                    None => due = Instant::now(),
                }
            }
            Ok(())
        });
        Self { stop, seen, thread: Some(thread) }
    }

    /// What was seen since the last call.
    pub fn take(&self) -> Playing {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends it.
    ///
    /// # Errors
    /// When processing has failed.
    pub fn finish(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("the thread runs")?;
        thread.join().map_err(|_| anyhow!("the audio thread panicked"))?
    }
}

/// One turn of the host's event loop.
pub fn turn(host: &mut dyn HeadlessHost) {
    host.editor().idle();
    std::thread::sleep(TURN);
}

/// The host's event loop for a while.
pub fn look(host: &mut dyn HeadlessHost, span: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < span {
        turn(host);
    }
}

/// Late blocks so far, as the plugin tells its host.
///
/// # Errors
/// When it does not.
pub fn late_blocks(host: &mut dyn HeadlessHost) -> Result<u64> {
    let words = host.parameter_text("Late Blocks")?;
    words.trim().parse().with_context(|| format!("`{words}` is no count of blocks"))
}

/// Waits until the plugin has opened its model and results are there: it measures its load by then,
/// and no block has been late for a while.
///
/// # Errors
/// When they do not come.
pub fn wait_for_results(host: &mut dyn HeadlessHost) -> Result<()> {
    let begin = Instant::now();
    let (mut late, mut late_since) = (u64::MAX, begin);
    loop {
        look(host, 10 * TURN);
        let words = host.parameter_text("Load")?;
        let load: f64 = words.trim_end_matches([' ', '%']).parse().unwrap_or(0.0);
        let now = late_blocks(host)?;
        if now != late {
            (late, late_since) = (now, Instant::now());
        }
        // The latency over, all late blocks of the begin have been counted.
        if load > 0.0 && begin.elapsed() > Duration::from_secs(6) && late_since.elapsed() > ON_TIME
        {
            return Ok(());
        }
        if begin.elapsed() > Duration::from_secs(120) {
            bail!("after two minutes the load is `{words}`, and {late} blocks have been late");
        }
    }
}
