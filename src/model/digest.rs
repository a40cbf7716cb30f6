//! SHA-256 as cards write it.

use sha2::{Digest, Sha256};

/// What was hashed, in lower-case hexadecimal digits.
pub(crate) fn hex_of(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
