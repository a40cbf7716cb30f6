//! Whether an installed model is damaged: a good copy may take its place.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::card::MAX_MODEL_BYTES;
use super::catalogue::InstalledModel;
use super::digest::hex_of;

/// Whether the card cannot be used, or the network is not the one that the card names. Reads the
/// whole network.
pub(super) fn is_damaged(model: &InstalledModel) -> bool {
    let Ok(card) = &model.card else { return true };
    let found = sha256_of(&card.model_path());
    found.is_none_or(|found| !found.eq_ignore_ascii_case(&card.model.sha256))
}

/// `None` for what is no file, cannot be read or is larger than any network.
fn sha256_of(path: &Path) -> Option<String> {
    // A pipe or a device would be read for ever.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut input = File::open(path).ok()?.take(MAX_MODEL_BYTES + 1);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    (input.limit() > 0).then(|| hex_of(hash))
}
