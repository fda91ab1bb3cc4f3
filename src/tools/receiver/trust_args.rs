//! The arguments that say which of a device's keys are believed.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;

use super::attestation::DeviceKey;
use super::trusted::{KeyId, TrustedKeys};
use crate::tools::exit::CommandError;

/// Longest handover in bytes.
const MAX_HANDOVER_BYTES: u64 = 4096;

/// Which of a device's keys are believed.
#[derive(Debug, Clone, Args)]
pub(in crate::tools) struct TrustArgs {
    /// The device's public key (`device.pub` of the box), base64url of 32 bytes; several while one takes over from another.
    /// Without it attestations are not checked.
    #[arg(long = "device-key", value_name = "KEY")]
    device_keys: Vec<DeviceKey>,
    /// A key, or its identifier, of which nothing is believed any more.
    #[arg(long = "revoked-key", value_name = "KEY_OR_ID", requires = "device_keys")]
    revoked_keys: Vec<KeyId>,
    /// File with a handover (`device.handover` of the box): from its number on the new key counts, and the old one no more.
    #[arg(long = "handover", value_name = "FILE", requires = "device_keys")]
    handovers: Vec<PathBuf>,
}

impl TrustArgs {
    /// The keys; `None` where attestations are not checked.
    pub(in crate::tools) fn keys(&self) -> Result<Option<TrustedKeys>, CommandError> {
        if self.device_keys.is_empty() {
            return Ok(None);
        }
        let read = |path: &PathBuf| {
            let mut text = String::new();
            let file = std::fs::File::open(path);
            let read = file.and_then(|file| file.take(MAX_HANDOVER_BYTES).read_to_string(&mut text));
            read.map_err(|error| CommandError::Usage(format!("handover {}: {error}", path.display())))?;
            Ok(text)
        };
        let handovers = self.handovers.iter().map(read).collect::<Result<Vec<_>, CommandError>>()?;
        let keys = TrustedKeys::new(self.device_keys.clone(), self.revoked_keys.clone(), &handovers);
        keys.map(Some).map_err(|error| CommandError::Usage(error.to_string()))
    }
}
