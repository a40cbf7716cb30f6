//! What can be chosen from lists, with the names that sessions save.

use std::sync::{Mutex, OnceLock, PoisonError};

use nice_plug::params::persist::PersistentField;
use nice_plug::prelude::Enum;
use soloist::model::{DEFAULT_MODEL, Instrument};
use soloist::streaming::{LatePolicy, LatencyMode, MixMode};

/// Which stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum InstrumentChoice {
    /// Lead and backing singers.
    #[id = "vocals"]
    Vocals,
    /// Drum kit and percussion.
    #[id = "drums"]
    Drums,
    /// Basses of all kinds.
    #[id = "bass"]
    Bass,
    /// Guitars of all kinds.
    #[id = "guitar"]
    Guitar,
    /// Pianos of all kinds.
    #[id = "piano"]
    Piano,
    /// All the rest.
    #[id = "other"]
    Other,
}

impl From<InstrumentChoice> for Instrument {
    fn from(choice: InstrumentChoice) -> Self {
        match choice {
            InstrumentChoice::Vocals => Self::Vocals,
            InstrumentChoice::Drums => Self::Drums,
            InstrumentChoice::Bass => Self::Bass,
            InstrumentChoice::Guitar => Self::Guitar,
            InstrumentChoice::Piano => Self::Piano,
            InstrumentChoice::Other => Self::Other,
        }
    }
}

/// What to do with the stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ModeChoice {
    /// The stem alone.
    #[id = "isolate"]
    Isolate,
    /// All but the stem.
    #[id = "remove"]
    Remove,
    /// Every stem at its own gain.
    #[id = "remix"]
    Remix,
}

impl From<ModeChoice> for MixMode {
    fn from(choice: ModeChoice) -> Self {
        match choice {
            ModeChoice::Isolate => Self::Isolate,
            ModeChoice::Remove => Self::Remove,
            ModeChoice::Remix => Self::Remix,
        }
    }
}

/// What sounds while results are late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum LateChoice {
    /// The delayed input.
    #[id = "delayed-mix"]
    #[name = "Delayed Mix"]
    DelayedMix,
    /// Nothing.
    #[id = "silence"]
    Silence,
    /// No result is late: the audio thread waits for it. For hosts that render faster than real
    /// time without saying that they do; on a live track the sound breaks off instead.
    #[id = "wait"]
    #[name = "Wait (Bounce)"]
    Wait,
}

impl From<LateChoice> for LatePolicy {
    fn from(choice: LateChoice) -> Self {
        match choice {
            // The mix is heard while there is no model to wait for.
            LateChoice::DelayedMix | LateChoice::Wait => Self::DelayedMix,
            LateChoice::Silence => Self::Silence,
        }
    }
}

/// How much delay is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum LatencyChoice {
    /// The best quality.
    #[id = "studio"]
    Studio,
    /// About 0.75 s.
    #[id = "balanced"]
    Balanced,
}

impl From<LatencyChoice> for LatencyMode {
    fn from(choice: LatencyChoice) -> Self {
        match choice {
            LatencyChoice::Studio => Self::Studio,
            LatencyChoice::Balanced => Self::Balanced,
        }
    }
}

type Listener = Box<dyn Fn(&str) + Send + Sync>;

/// The chosen model's name, which need not be installed, and whoever must hear of a change.
pub struct ModelChoice {
    name: Mutex<String>,
    listener: OnceLock<Listener>,
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self { name: Mutex::new(DEFAULT_MODEL.to_owned()), listener: OnceLock::new() }
    }
}

impl ModelChoice {
    /// The name.
    pub fn name(&self) -> String {
        self.name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Chooses a model; an empty name is the default's. Returns whether the name is another than
    /// before; then the listener has been called, on this thread.
    pub fn choose(&self, name: &str) -> bool {
        let name = if name.is_empty() { DEFAULT_MODEL } else { name };
        {
            let mut current = self.name.lock().unwrap_or_else(PoisonError::into_inner);
            if *current == name {
                return false;
            }
            name.clone_into(&mut current);
        }
        if let Some(listener) = self.listener.get() {
            listener(name);
        }
        true
    }

    /// Calls `listener` with each new name from now on. Only the first listener counts.
    pub fn on_change(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        let first = self.listener.set(Box::new(listener)).is_ok();
        debug_assert!(first, "the model choice already has a listener");
    }
}

impl PersistentField<'_, String> for ModelChoice {
    fn set(&self, name: String) {
        self.choose(&name);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&String) -> R,
    {
        f(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn instruments_stand_in_the_library_order_under_its_names() {
        let ids = InstrumentChoice::ids().unwrap();
        assert_eq!(ids.len(), Instrument::ALL.len());
        for (index, instrument) in Instrument::ALL.into_iter().enumerate() {
            assert_eq!(Instrument::from(InstrumentChoice::from_index(index)), instrument);
            assert_eq!(ids[index], instrument.name());
        }
    }

    #[test]
    fn latency_modes_have_the_library_names_and_all_of_them_are_there() {
        let ids = LatencyChoice::ids().unwrap();
        assert_eq!(ids.len(), LatencyMode::ALL.len());
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(LatencyMode::from(LatencyChoice::from_index(index)).name(), *id);
        }
    }

    #[test]
    fn the_listener_hears_each_new_name_once() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let choice = ModelChoice::default();
        let heard_by_listener = Arc::clone(&heard);
        choice.on_change(move |name| heard_by_listener.lock().unwrap().push(name.to_owned()));
        for name in ["studio", "wave-unet", "wave-unet", ""] {
            choice.choose(name);
        }
        assert_eq!(*heard.lock().unwrap(), ["wave-unet", "studio"]);
    }
}
