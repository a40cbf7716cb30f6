//! What a separation network is and where it lives: the card beside each `model.onnx`, its
//! checks, the catalogue of installed models, and the folders that hold them.

pub mod card;
pub mod catalogue;
mod check;
mod check_analysis;
mod damage;
pub(crate) mod digest;
pub(crate) mod drafts;
pub mod facts;
pub mod folders;
pub mod install;
mod instrument;
mod representation;
pub mod resources;

pub use card::{CardError, ModelCard};
pub use catalogue::{Catalogue, CatalogueError, InstalledModel};
pub use facts::ModelFacts;
pub use folders::FolderError;
pub use install::InstallError;
pub use instrument::{Instrument, UnknownInstrument};

/// Name of the model that is used when none is chosen.
pub const DEFAULT_MODEL: &str = "studio";
