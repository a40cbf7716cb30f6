//! From a model's name to what is needed to run it, or to words about what is missing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use soloist::model::catalogue::with_causes;
use soloist::model::{Catalogue, CatalogueError, InstalledModel, ModelCard, resources};

/// Why a selection cannot run, as far as it matters for what the user can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No model of that name is installed.
    ModelMissing,
    /// The model's card cannot be used, or the engine does not run models of its kind.
    ModelBroken,
    /// The onnxruntime library is not there.
    LibraryMissing,
}

/// What a look at the disk found for one model name.
pub struct Selection {
    /// The card to take the latency from: the model's, or the built-in one where that has none.
    pub card: Arc<ModelCard>,
    /// Whether `card` is the model's own.
    pub is_own_card: bool,
    /// The onnxruntime library, or why the model cannot run.
    pub runtime: Result<PathBuf, String>,
    /// What kind of obstacle `runtime` tells of, where it does.
    pub fault: Option<Fault>,
    /// Names of the models that are installed.
    pub installed: Vec<String>,
    /// Folders that hold resources.
    pub resource_dirs: Vec<PathBuf>,
}

impl Selection {
    /// Looks around the plugin's binary and in the user's folder. Reads files; never fails.
    pub fn look_up(model: &str, own_path: Option<&Path>) -> Self {
        let resource_dirs = own_path.map(resources::resource_dirs).unwrap_or_default();
        let catalogue = Catalogue::scan(&resources::model_dirs(&resource_dirs));
        let found = catalogue.find(model).map(Arc::clone);
        let is_own_card = found.is_ok();
        let (card, runtime, fault) = match found {
            Ok(card) => {
                let runtime = resources::runtime_library(&resource_dirs);
                let fault = runtime.is_err().then_some(Fault::LibraryMissing);
                (card, runtime.map_err(|error| with_causes(&error)), fault)
            }
            Err(error) => {
                let fault = match &error {
                    CatalogueError::NotFound { .. } => Fault::ModelMissing,
                    CatalogueError::Broken { .. } => Fault::ModelBroken,
                };
                (Arc::new(ModelCard::builtin()), Err(with_causes(&error)), Some(fault))
            }
        };
        let installed = installed_names(&catalogue);
        Self { card, is_own_card, runtime, fault, installed, resource_dirs }
    }

    /// Whether both would run the same network.
    pub fn runs_like(&self, other: &Self) -> bool {
        self.is_own_card == other.is_own_card
            && self.runtime == other.runtime
            && self.card.folder() == other.card.folder()
            && self.card.model.sha256 == other.card.model.sha256
            && self.card.version() == other.card.version()
    }
}

fn installed_names(catalogue: &Catalogue) -> Vec<String> {
    let usable = catalogue.models.iter().filter(|model| model.card.is_ok());
    let mut names: Vec<String> = usable.map(InstalledModel::name).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::{Fault, Selection};

    #[test]
    fn an_unknown_model_gives_the_built_in_card_and_words() {
        let selection = Selection::look_up("no such model", None);
        assert!(!selection.is_own_card);
        let words = selection.runtime.as_ref().unwrap_err();
        assert!(words.contains("no such model"), "{words}");
        assert_eq!(selection.fault, Some(Fault::ModelMissing));
        assert!(selection.runs_like(&Selection::look_up("no such model", None)));
        assert!(!selection.runs_like(&Selection::look_up("another", None)));
    }
}
