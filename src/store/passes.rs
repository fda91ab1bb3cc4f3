//! Passes of a fleet: signed with the device's key, and checked with the keys of the boxes that are trusted.
//!
//! Always holds: what is signed for a pass begins with a label of its own, so that no attestation is ever taken for one;
//! nothing of a pass is stored. Does not say what a pass answers.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Store;
use super::key_files;
use super::keys::{DevicePublicKey, KeyError};
use crate::privacy::FleetKey;
use crate::session::{DeviceHint, Pass, PassText, SignedPass};

impl Store {
    /// Signs a pass.
    #[must_use]
    pub fn sign_pass(&self, pass: &Pass) -> PassText {
        pass.signed(&self.keys.device.sign(&pass.message()))
    }
}

impl DevicePublicKey {
    /// Reads a public key as `device.pub` has it, in base64url; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Self::from_bytes(&bytes.try_into().ok()?)
    }

    /// The key as `device.pub` has it.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_bytes())
    }

    /// The first bytes of its thumbprint, by which a pass names it.
    #[must_use]
    pub fn hint(&self) -> DeviceHint {
        let thumbprint = URL_SAFE_NO_PAD.decode(self.key_id()).unwrap_or_default();
        thumbprint.first_chunk().copied().unwrap_or_default()
    }

    /// Whether this key has signed a pass.
    #[must_use]
    pub fn has_signed(&self, pass: &SignedPass) -> bool {
        pass.device() == self.hint() && self.verifies(&pass.message(), pass.signature())
    }
}

/// Reads the key of a fleet's passes: 32 bytes in a file that only the engine's user can read.
///
/// # Errors
/// [`KeyError`], which says what is wrong with the file.
pub fn load_fleet_key(path: &Path) -> Result<FleetKey, KeyError> {
    match key_files::load(path) {
        Ok(key) => Ok(FleetKey::from_bytes(&key)),
        Err(KeyError::Missing(path)) => Err(KeyError::NoFleet(path)),
        Err(error) => Err(error),
    }
}
