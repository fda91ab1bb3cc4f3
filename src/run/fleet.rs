//! The fleet that this box belongs to: which boxes' passes it takes, and the passes that it issues.
//!
//! Always holds: without the fleet's key nothing is taken and nothing is issued; a pass counts as trusted only when its
//! signature is by this box or by one in the configuration. Does not decide what a pass answers: the session does.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::finishing::Finishing;
use crate::document::Fields;
use crate::imaging::Provenance;
use crate::privacy::{FleetKey, PassAnchor};
use crate::session::machine::Ending;
use crate::session::{Pass, PassSeed, PassText, SignedPass, TrustedPass};
use crate::store::{DevicePublicKey, KeyError, Store, load_fleet_key};

/// Most boxes of a fleet that one names.
const MAX_DEVICES: usize = 256;
/// Most hours that a pass is good for; what it rests on ends earlier.
const MAX_HOURS: u16 = 168;

/// The fleet, as it is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FleetConfig {
    /// The file of the key that all boxes of the fleet share: 32 bytes, mode 0600.
    pub key_file: Option<PathBuf>,
    /// The public keys of the other boxes whose passes are taken, as their `device.pub` has them.
    #[serde(deserialize_with = "devices")]
    pub devices: Vec<DevicePublicKey>,
    /// Whether a pass, with its own document, stands in for the head turn and the comparison with the portrait.
    pub accept_passes: bool,
    /// Whether who was verified by document and face gets a pass.
    pub issue_passes: bool,
    /// For how many hours it is good, 1 to 168; never longer than the outcome that it rests on.
    pub pass_hours: u16,
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self { key_file: None, devices: Vec::new(), accept_passes: false, issue_passes: false, pass_hours: 24 }
    }
}

impl FleetConfig {
    /// What is wrong with it, in words.
    pub(super) fn check(&self) -> Result<(), String> {
        if (self.accept_passes || self.issue_passes) && self.key_file.is_none() {
            return Err("fleet.accept_passes and fleet.issue_passes need fleet.key_file".to_owned());
        }
        if !(1..=MAX_HOURS).contains(&self.pass_hours) {
            return Err(format!("fleet.pass_hours must be 1 to {MAX_HOURS}"));
        }
        if self.devices.len() > MAX_DEVICES {
            return Err(format!("fleet.devices may name at most {MAX_DEVICES} boxes"));
        }
        Ok(())
    }
}

fn devices<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<Vec<DevicePublicKey>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let no_key = |text: &str| {
        let why = format!("{text:?} is no device's public key; copy what its device.pub says");
        serde::de::Error::custom(why)
    };
    texts.iter().map(|text| DevicePublicKey::parse(text).ok_or_else(|| no_key(text))).collect()
}

/// The fleet, with its key.
#[derive(Debug)]
pub(super) struct Fleet {
    key: FleetKey,
    /// This box, and the others.
    devices: Vec<DevicePublicKey>,
    accepts: bool,
    /// For how many hours a pass is issued; `None` where none is.
    issues_hours: Option<u16>,
}

impl Fleet {
    /// Reads the key; `None` where no pass is taken and none issued.
    ///
    /// # Errors
    /// [`KeyError`] when the key cannot be used.
    pub(super) fn open(config: &FleetConfig, own: DevicePublicKey) -> Result<Option<Arc<Self>>, KeyError> {
        let Some(file) = config.key_file.as_ref().filter(|_| config.accept_passes || config.issue_passes) else {
            return Ok(None);
        };
        Ok(Some(Arc::new(Self {
            key: load_fleet_key(file)?,
            devices: [own].into_iter().chain(config.devices.iter().copied()).collect(),
            accepts: config.accept_passes,
            issues_hours: config.issue_passes.then_some(config.pass_hours),
        })))
    }

    /// Whether passes are taken here.
    pub(super) fn accepts(&self) -> bool {
        self.accepts
    }

    /// What a QR code says, if it is a pass of a box that is trusted.
    pub(super) fn trusted(&self, text: &str, provenance: Provenance) -> Option<TrustedPass> {
        let pass = SignedPass::parse(text).ok().filter(|_| self.accepts)?;
        let by = self.devices.iter().find(|device| device.has_signed(&pass))?.key_id();
        Some(pass.trusted(by, provenance))
    }

    /// What the fleet knows a document by.
    pub(super) fn anchor(&self, fields: &Fields) -> Option<PassAnchor> {
        self.key.pass_anchor(fields)
    }

    /// The pass that an end has earned, which is on disk by now.
    pub(super) fn issue(&self, store: &Store, finishing: &Finishing) -> Option<PassText> {
        let (Some(hours), Some(rule)) = (self.issues_hours, finishing.rule.as_ref()) else { return None };
        let Ending::Decided { decision, evidence } = &finishing.ending else { return None };
        let seed = PassSeed {
            anchor: self.anchor(&evidence.document.as_ref()?.fields)?,
            device: store.public_key().hint(),
            rule,
            decided_at: finishing.decided_at,
            expires_at: rule.outcome_expires_at(finishing.decided_at),
            hours,
        };
        Some(store.sign_pass(&Pass::earned(seed, decision, evidence)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<FleetConfig, String> {
        let config: FleetConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        config.check().map(|()| config)
    }

    #[test]
    fn nothing_is_taken_or_issued_unless_it_is_configured_and_never_without_the_key() {
        let usual = parsed("").unwrap();
        assert!(!usual.accept_passes && !usual.issue_passes && usual.pass_hours == 24);
        for half in ["accept_passes = true", "issue_passes = true"] {
            assert!(parsed(half).unwrap_err().contains("key_file"));
            assert!(parsed(&format!("{half}\nkey_file = \"/etc/carded/fleet.key\"")).is_ok());
        }
        assert!(parsed("pass_hours = 0").is_err() && parsed("pass_hours = 169").is_err());
        assert!(parsed("pass_days = 1").is_err());
    }

    #[test]
    fn a_device_is_named_by_a_public_key_or_refused() {
        assert_eq!(parsed("devices = [\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"]").unwrap().devices.len(), 1);
        for wrong in ["", "dev_1", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR", &"A".repeat(43)] {
            assert!(parsed(&format!("devices = [\"{wrong}\"]")).unwrap_err().contains("device.pub"), "{wrong}");
        }
    }
}
