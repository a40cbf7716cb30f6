//! `soloist models`: what is installed, with the facts of each card.

use serde_json::{Map, Value, json};
use soloist::model::catalogue::with_causes;
use soloist::model::facts::facts_of;
use soloist::model::{InstalledModel, ModelCard, ModelFacts};
use soloist::streaming::{LatencyMode, latency_frames};

use super::args::Models;
use super::engine::catalogue;
use super::failure::Failure;
use super::terminal::print;

pub fn run(command: &Models) -> Result<(), Failure> {
    let catalogue = catalogue(&command.models_dirs)?;
    if catalogue.models.is_empty() && !command.json {
        return print(
            &"No models are installed. `cargo xtask setup` fetches what is needed; \
                       --models-dir names a folder of models.",
        );
    }
    for (model, facts) in catalogue.models.iter().zip(facts_of(&catalogue)) {
        if command.json {
            print(&to_json(model, &facts))?;
        } else {
            print(&describe(model, &facts))?;
        }
    }
    Ok(())
}

fn describe(model: &InstalledModel, facts: &ModelFacts) -> String {
    let card = match &model.card {
        Ok(card) => card,
        Err(error) => {
            return format!("{} cannot be used: {}\n", model.name(), with_causes(error));
        }
    };
    let mut lines = vec![
        format!("{} {}", card.name(), card.version()),
        format!("  {}", card.model.description),
        format!("  sources   {}", sources(card).join(", ")),
        format!(
            "  window    {:.2} s at {} Hz; latency in the plugin {}",
            card.window_seconds(),
            card.sample_rate_hz(),
            latencies(card)
        ),
        format!("  licence   {}", card.model.license),
        format!("  authors   {}", card.model.authors.join(", ")),
    ];
    for score in &card.scores {
        let (source, value, metric) = (&score.source, score.value_db, &score.metric);
        lines.push(format!("  score     {source} {value:.2} dB ({metric}, {})", score.data));
    }
    for data in &card.training_data {
        lines.push(format!("  training  {} ({})", data.name, data.license));
    }
    lines.push(format!("  size      {:.1} MB", facts.bytes as f64 / 1e6));
    lines.push(format!("  folder    {}", model.folder.display()));
    if let Some(problem) = &facts.problem {
        lines.push(format!("  problem   {problem}"));
    }
    lines.join("\n") + "\n"
}

fn to_json(model: &InstalledModel, facts: &ModelFacts) -> Value {
    let folder = model.folder.to_string_lossy();
    let card = match &model.card {
        Ok(card) => card,
        Err(error) => {
            return json!({ "name": model.name(), "folder": folder, "error": with_causes(error) });
        }
    };
    json!({
        "name": card.name(),
        "version": card.version(),
        "description": card.model.description,
        "license": card.model.license,
        "authors": card.model.authors,
        "folder": folder,
        "bytes": facts.bytes,
        "problem": facts.problem,
        "sources": sources(card),
        "sample_rate_hz": card.sample_rate_hz(),
        "window_s": card.window_seconds(),
        "latency_s": latency_s(card, LatencyMode::Studio),
        "latencies_s": LatencyMode::ALL
            .into_iter()
            .map(|mode| (mode.name().to_owned(), json!(latency_s(card, mode))))
            .collect::<Map<_, _>>(),
        "scores": card.scores.iter().map(|score| json!({
            "data": score.data,
            "metric": score.metric,
            "source": score.source,
            "value_db": score.value_db,
        })).collect::<Vec<_>>(),
        "training_data": card.training_data.iter().map(|data| json!({
            "name": data.name,
            "license": data.license,
        })).collect::<Vec<_>>(),
    })
}

fn sources(card: &ModelCard) -> Vec<&'static str> {
    card.sources().iter().map(|source| source.name()).collect()
}

/// The latency of each mode at the model's own rate, in words.
fn latencies(card: &ModelCard) -> String {
    let of_mode = |mode: LatencyMode| format!("{:.2} s ({})", latency_s(card, mode), mode.name());
    LatencyMode::ALL.map(of_mode).join(", ")
}

fn latency_s(card: &ModelCard, mode: LatencyMode) -> f64 {
    let rate_hz = card.sample_rate_hz();
    latency_frames(card, rate_hz, mode) as f64 / rate_hz
}
