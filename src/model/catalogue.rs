//! The models that are installed: one folder each inside a `models` folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::card::{CARD_FILE, CardError, ModelCard};

/// Most model folders that are looked at in one place: a mistaken path must not stall the host.
const MAX_MODELS_PER_FOLDER: usize = 256;

/// One model folder, usable or not.
#[derive(Debug)]
pub struct InstalledModel {
    /// Its folder.
    pub folder: PathBuf,
    /// Its card, or why it cannot be used.
    pub card: Result<Arc<ModelCard>, CardError>,
}

impl InstalledModel {
    /// The card's name, or the folder's where the card cannot be read.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.card {
            Ok(card) => card.name().to_owned(),
            Err(_) => self
                .folder
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default(),
        }
    }
}

/// Every model found, in the order of the places searched: the first of a name is the one used.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The models.
    pub models: Vec<InstalledModel>,
    searched: Vec<PathBuf>,
}

/// Why a named model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// No folder holds it.
    #[error("no model named {name:?} is installed: looked in {places}, found {found}")]
    NotFound {
        /// What was asked for.
        name: String,
        /// Folders searched.
        places: String,
        /// Models there.
        found: String,
    },
    /// Its card is not usable.
    #[error("the model {name:?} cannot be used: {reason}")]
    Broken {
        /// What was asked for.
        name: String,
        /// Why.
        reason: String,
    },
}

impl Catalogue {
    /// Looks for `<place>/<name>/card.toml` in each place. Places that do not exist hold none.
    #[must_use]
    pub fn scan(places: &[PathBuf]) -> Self {
        let models = places.iter().flat_map(|place| scan_place(place)).collect();
        Self { models, searched: places.to_vec() }
    }

    /// The first model of that name.
    ///
    /// # Errors
    /// When there is none, or its card is not usable.
    pub fn find(&self, name: &str) -> Result<&Arc<ModelCard>, CatalogueError> {
        match self.models.iter().find(|model| model.name() == name) {
            Some(InstalledModel { card: Ok(card), .. }) => Ok(card),
            Some(InstalledModel { card: Err(error), .. }) => {
                Err(CatalogueError::Broken { name: name.to_owned(), reason: with_causes(error) })
            }
            None => Err(CatalogueError::NotFound {
                name: name.to_owned(),
                places: listed(self.searched.iter().map(|place| place.display().to_string())),
                found: listed(self.models.iter().map(InstalledModel::name)),
            }),
        }
    }
}

fn scan_place(place: &Path) -> Vec<InstalledModel> {
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|folder| !is_hidden(folder) && folder.join(CARD_FILE).is_file())
        .take(MAX_MODELS_PER_FOLDER)
        .collect();
    // The file system's order is no order.
    folders.sort();
    folders
        .into_iter()
        .map(|folder| InstalledModel { card: ModelCard::load(&folder).map(Arc::new), folder })
        .collect()
}

/// Models that are being installed have such names.
fn is_hidden(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// An error and its causes as one sentence.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(place: &Path, name: &str, text: &str) {
        let folder = place.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(CARD_FILE), text).unwrap();
    }

    #[test]
    fn good_and_broken_models_are_listed_and_the_first_place_wins() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let good = include_str!("../../models/studio/card.toml");
        install(first.path(), "studio", good);
        install(first.path(), "broken", "nonsense");
        install(second.path(), "studio", good);
        let missing = first.path().join("nowhere");
        let places = [missing, first.path().to_owned(), second.path().to_owned()];
        let catalogue = Catalogue::scan(&places);
        assert_eq!(catalogue.models.len(), 3);
        let card = catalogue.find("studio").unwrap();
        assert!(card.folder().starts_with(first.path()));
        let broken = catalogue.find("broken").unwrap_err().to_string();
        assert!(broken.contains("does not parse"), "{broken}");
        let absent = catalogue.find("nobody").unwrap_err().to_string();
        assert!(absent.contains("broken, studio, studio"), "{absent}");
    }
}
