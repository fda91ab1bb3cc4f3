//! The list of model files, their digests and where they come from.

use std::path::Path;

use serde::Deserialize;

use super::runtime::ModelError;

/// `models/manifest.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The ONNX Runtime library that the models were measured with.
    pub runtime: RuntimeEntry,
    /// Every model file.
    pub model: Vec<ModelEntry>,
}

/// One shared library a machine architecture.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeEntry {
    /// Version of ONNX Runtime.
    pub version: String,
    /// Lower-case hexadecimal SHA-256 of the library, by `std::env::consts::ARCH`.
    pub sha256: std::collections::BTreeMap<String, String>,
}

/// One model file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// Name by which the code asks for it.
    pub name: String,
    /// File name beside the manifest.
    pub file: String,
    /// Lower-case hexadecimal SHA-256 of the file.
    pub sha256: String,
    /// What it is for, in a few words.
    pub purpose: String,
    /// Registry package, version and path that the weights come from.
    pub source: String,
    /// SPDX name of the weights' licence.
    pub licence: String,
    /// Whether the file may be missing, as long as nobody asks for what it is for.
    #[serde(default)]
    pub optional: bool,
}

impl Manifest {
    /// Reads `manifest.toml` in a models folder.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Manifest`].
    pub fn load(models: &Path) -> Result<Self, ModelError> {
        let path = models.join("manifest.toml");
        let text =
            std::fs::read_to_string(&path).map_err(|source| ModelError::Missing { path: path.clone(), source })?;
        toml::from_str(&text).map_err(|source| ModelError::Manifest { path, source: Box::new(source) })
    }
}
