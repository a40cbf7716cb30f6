//! What an editor draws of a stream: one column of the spectrogram a hop, with the share of each
//! instrument in it.
//!
//! The worker makes columns from the spectra and masks that it computes anyway, and only while
//! somebody watches. A watcher has a queue of its own, of bounded length: one that does not come to
//! empty it loses the newest columns, and the worker never waits for it. The audio thread has no
//! part in this.

mod bands;
mod feed;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringbuf::traits::{Consumer, Observer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

use crate::model::Instrument;

pub use bands::scope_band_hz;
pub(crate) use feed::ScopeFeed;

/// Bands of a column, evenly spaced on a logarithmic axis.
pub const SCOPE_BANDS: usize = 96;

/// Lower edge of the first band in Hz.
pub const SCOPE_LOW_HZ: f64 = 30.0;

/// Upper edge of the last band in Hz. Bands above half of the host's sample rate hold nothing.
pub const SCOPE_HIGH_HZ: f64 = 18_000.0;

/// Level that a value of 0 stands for, in dBFS; 255 stands for 0 dBFS.
pub const SCOPE_FLOOR_DB: f64 = -96.0;

/// Columns that wait for a watcher at most: over five seconds at the densest hop.
const QUEUE_COLUMNS: usize = 1024;

/// A hop of the mix, and what the network says of it.
///
/// Each hop comes twice: as soon as it has been received without shares, and with them when the
/// network has been over it. Where runs were left out for lack of time the second never comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeColumn {
    /// Epoch that it belongs to, as [`super::StreamStatus::epoch`] counts them.
    pub epoch: u32,
    /// First host frame that it stands for, in the count of [`super::StreamStatus::play_frame`]; its
    /// spectrum is that of a longer window around the middle.
    pub frame: i64,
    /// Host frames that it stands for.
    pub num_frames: u32,
    /// Whether `shares` are known.
    pub has_shares: bool,
    /// Level of the mix in each band, the mean power of its channels: 0 for
    /// [`SCOPE_FLOOR_DB`] dBFS or less, 255 for 0 dBFS (a sine at full scale) or more, linear in dB.
    pub mix: [u8; SCOPE_BANDS],
    /// Share of the band's power that is each instrument's, 0 to 255, in the order of
    /// [`Instrument::ALL`]; zeros for one that the model does not tell apart.
    pub shares: [[u8; SCOPE_BANDS]; Instrument::ALL.len()],
}

/// Where columns come from: one of each stream, see [`super::StreamStatus::scope`].
#[derive(Debug, Default)]
pub struct Scope {
    num_watchers: AtomicUsize,
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues(Vec<HeapProd<ScopeColumn>>);

impl std::fmt::Debug for Queues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} queues", self.0.len())
    }
}

impl Scope {
    /// Begins to watch: columns are made until the watch is dropped. Allocates.
    #[must_use]
    pub fn watch(self: &Arc<Self>) -> ScopeWatch {
        let (queue, columns) = HeapRb::new(QUEUE_COLUMNS).split();
        self.lock().0.push(queue);
        self.num_watchers.fetch_add(1, Ordering::Relaxed);
        ScopeWatch { scope: Arc::clone(self), columns }
    }

    /// Whether anybody watches.
    ///
    /// # Realtime safety
    /// Touches one atomic.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.num_watchers.load(Ordering::Relaxed) > 0
    }

    /// Gives `column` to all who watch. For the worker.
    fn send(&self, column: &ScopeColumn) {
        self.lock().0.retain_mut(|queue| {
            // A full queue loses it.
            let _ = queue.try_push(*column);
            queue.read_is_held()
        });
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pair of eyes on a [`Scope`]; columns are made while there is one.
pub struct ScopeWatch {
    scope: Arc<Scope>,
    columns: HeapCons<ScopeColumn>,
}

impl ScopeWatch {
    /// Calls `f` with each column that has come since the last call, oldest first.
    pub fn drain(&mut self, mut f: impl FnMut(&ScopeColumn)) {
        while let Some(column) = self.columns.try_pop() {
            f(&column);
        }
    }
}

impl Drop for ScopeWatch {
    fn drop(&mut self) {
        self.scope.num_watchers.fetch_sub(1, Ordering::Relaxed);
    }
}
