//! Where the models and the runtime are.

use std::path::PathBuf;

/// Resolved once in `main` and passed on.
#[derive(Debug, Clone)]
pub struct Assets {
    /// Folder with `manifest.toml` and the model files.
    pub models: PathBuf,
    /// The ONNX Runtime library.
    pub runtime: PathBuf,
}
