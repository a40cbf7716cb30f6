//! Models that are opened ahead of their use. Alone in its program: sessions are the process's.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{repository, runtime, studio_card};
use soloist::inference::{self, EngineUser, Provider};
use soloist::model::ModelCard;

fn wait_until_open(card: &ModelCard) {
    let begin = Instant::now();
    while !inference::is_open(card, Provider::Cpu) {
        assert!(begin.elapsed() < Duration::from_secs(60), "{} must be opened", card.name());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_model_is_opened_ahead_held_until_it_is_used_or_replaced_and_freed_with_the_last_user() {
    let studio = studio_card();
    let mel = Arc::new(ModelCard::load(&repository().join("models/mel-unet")).unwrap());
    let is_open = |card: &ModelCard| inference::is_open(card, Provider::Cpu);

    inference::prefetch(&studio, &runtime(), Provider::Cpu);
    assert!(!is_open(&studio), "nobody would hold it");

    let user = EngineUser::join();
    inference::prefetch(&studio, &runtime(), Provider::Cpu);
    wait_until_open(&studio);
    inference::prefetch(&studio, &runtime(), Provider::Cpu);
    assert!(is_open(&studio), "the same again changes nothing");

    inference::prefetch(&mel, &runtime(), Provider::Cpu);
    assert!(!is_open(&studio), "it was replaced");
    wait_until_open(&mel);
    let estimator = inference::open(&mel, &runtime(), Provider::Cpu).unwrap();
    inference::prefetch(&studio, &runtime(), Provider::Cpu);
    wait_until_open(&studio);
    assert!(is_open(&mel), "it is played");

    inference::prefetch(&mel, Path::new("no such runtime"), Provider::Cpu);
    drop(user);
    assert!(!is_open(&mel) && !is_open(&studio));
    drop(estimator);
}
