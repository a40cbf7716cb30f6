//! What is told of installed models to whoever chooses one.

use std::path::PathBuf;

use super::card::Score;
use super::catalogue::{Catalogue, InstalledModel, with_causes};
use super::instrument::Instrument;

/// One installed model, usable or not. Of one whose card cannot be read, only the name, the folder
/// and the problem are known.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFacts {
    /// Its name, by which it is chosen.
    pub name: String,
    /// Version of the weights.
    pub version: String,
    /// One or two sentences.
    pub description: String,
    /// Licence of the weights (SPDX expression).
    pub licence: String,
    /// Who made it.
    pub authors: Vec<String>,
    /// The stems, in order.
    pub sources: Vec<Instrument>,
    /// How well it separates, as its makers measured.
    pub scores: Vec<Score>,
    /// Sample rate of the analysis.
    pub sample_rate_hz: f64,
    /// Size of the network's file; 0 where there is none.
    pub bytes: u64,
    /// Its folder.
    pub dir: PathBuf,
    /// Why it cannot be used, or why choosing it gives another one of the same name.
    pub problem: Option<String>,
}

/// The facts of every model in `dirs`, folders of models in the order in which they are searched.
/// Reads the cards; the networks are not opened.
#[must_use]
pub fn facts(dirs: &[PathBuf]) -> Vec<ModelFacts> {
    facts_of(&Catalogue::scan(dirs))
}

/// The facts of every model in `catalogue`, in its order.
#[must_use]
pub fn facts_of(catalogue: &Catalogue) -> Vec<ModelFacts> {
    let mut facts: Vec<ModelFacts> = Vec::new();
    for model in &catalogue.models {
        let mut of_model = ModelFacts::of(model);
        let first = facts.iter().find(|other| other.name == of_model.name);
        if let Some(first) = first
            && of_model.problem.is_none()
        {
            of_model.problem = Some(format!(
                "another model of this name is found first, in {}",
                first.dir.display()
            ));
        }
        facts.push(of_model);
    }
    facts
}

impl ModelFacts {
    /// The facts of one model, by itself.
    fn of(model: &InstalledModel) -> Self {
        let dir = model.folder.clone();
        let card = match &model.card {
            Ok(card) => card,
            Err(error) => {
                return Self {
                    name: model.name(),
                    version: String::new(),
                    description: String::new(),
                    licence: String::new(),
                    authors: Vec::new(),
                    sources: Vec::new(),
                    scores: Vec::new(),
                    sample_rate_hz: 0.0,
                    bytes: 0,
                    dir,
                    problem: Some(with_causes(error)),
                };
            }
        };
        let path = card.model_path();
        let (bytes, problem) = match std::fs::metadata(&path) {
            Ok(file) if file.is_file() => (file.len(), None),
            Ok(_) => (0, Some(format!("expected a file at {}, found none", path.display()))),
            Err(error) => (0, Some(format!("cannot read {}: {error}", path.display()))),
        };
        Self {
            name: card.name().to_owned(),
            version: card.version().to_owned(),
            description: card.model.description.clone(),
            licence: card.model.license.clone(),
            authors: card.model.authors.clone(),
            sources: card.sources().to_vec(),
            scores: card.scores.clone(),
            sample_rate_hz: card.sample_rate_hz(),
            bytes,
            dir,
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_told_of_with_what_is_wrong() {
        let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let card = include_str!("../../models/studio/card.toml");
        let make = |place: usize, name: &str, card: &str| {
            let folder = places[place].path().join(name);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("card.toml"), card).unwrap();
            folder
        };
        let whole = make(0, "studio", card);
        std::fs::write(whole.join("model.onnx"), [0; 321]).unwrap();
        make(0, "empty", &card.replace("name = \"studio\"", "name = \"empty\""));
        make(0, "nonsense", "nonsense");
        let second = make(1, "studio", card);
        std::fs::write(second.join("model.onnx"), [0; 9]).unwrap();
        let found = facts(&places.each_ref().map(|place| place.path().to_owned()));
        let names: Vec<&str> = found.iter().map(|facts| facts.name.as_str()).collect();
        assert_eq!(names, ["empty", "nonsense", "studio", "studio"]);
        assert!(found[0].problem.as_ref().unwrap().contains("model.onnx"), "{:?}", found[0]);
        assert!(found[1].problem.as_ref().unwrap().contains("does not parse"), "{:?}", found[1]);
        assert_eq!((found[2].bytes, &found[2].problem), (321, &None));
        assert_eq!(found[2].sources, Instrument::ALL);
        assert!(!found[2].scores.is_empty() && !found[2].licence.is_empty());
        assert!(found[3].problem.as_ref().unwrap().contains("found first"), "{:?}", found[3]);
    }
}
