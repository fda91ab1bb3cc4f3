//! Loading ONNX Runtime and model files, with their digests checked first.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::manifest::Manifest;
use super::pad_entry::PadSlotError;

/// Threads that one inference may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(pub std::num::NonZeroUsize);

impl Threads {
    /// As many as the machine has cores for this process.
    #[must_use]
    pub fn all() -> Self {
        Self(std::thread::available_parallelism().unwrap_or(std::num::NonZeroUsize::MIN))
    }
}

/// SHA-256 of a file, shown as lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)))
    }

    /// Lower-case hexadecimal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let nibble = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [nibble(byte >> 4), nibble(byte & 15)]).collect()
}

/// Why a model cannot be used. Always a fault of the device.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file is not there or cannot be read.
    #[error("cannot read {path}: {source}; run `models/rebuild`, or reinstall the package", path = path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A model that is optional was never put there.
    #[error("the optional model {name} is not installed: there is no {path}; build it with `models/rebuild --with-optional`, or take what needs it out of the configuration", path = path.display())]
    NotInstalled {
        /// Which model.
        name: String,
        /// Where it would be.
        path: PathBuf,
    },
    /// The manifest is not what it has to be.
    #[error("{path} is not a valid manifest: {source}; restore it from the release", path = path.display())]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<toml::de::Error>,
    },
    /// A file is there, but it is not the one that was measured.
    #[error("{path} was altered: its SHA-256 is {found}, the manifest has {expected}; restore the file with `models/rebuild`, or reinstall the package", path = path.display())]
    Altered {
        /// Which file.
        path: PathBuf,
        /// Digest in the manifest.
        expected: String,
        /// Digest of the file.
        found: String,
    },
    /// The manifest has no such model, or no runtime for this machine.
    #[error("models/manifest.toml names no {name}; restore it from the release")]
    Unlisted {
        /// What was asked for.
        name: String,
    },
    /// ONNX Runtime itself cannot be loaded.
    #[error("cannot load ONNX Runtime from {path}: {source}; run `make runtime`, or reinstall the package", path = path.display())]
    Library {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<ort::LoadDynamicError>,
    },
    /// ONNX Runtime refused the model or an input.
    #[error("ONNX Runtime failed in {model}: {source}; if it stays, reinstall the package")]
    Inference {
        /// Which model, or the runtime itself.
        model: String,
        /// What it said.
        source: ort::Error,
    },
    /// An operator's model against presentation attacks is not as its operator states it.
    #[error(transparent)]
    PadSlot(#[from] PadSlotError),
    /// A model's output does not have the documented shape.
    #[error("{model} gave an output of unexpected shape {shape:?}; restore the file with `models/rebuild`")]
    Shape {
        /// Which model.
        model: String,
        /// The shape it gave.
        shape: Vec<usize>,
    },
}

/// ONNX Runtime, ready to load models out of one folder.
pub struct Runtime {
    environment: Environment,
    manifest: Manifest,
    models: PathBuf,
    threads: Threads,
}

impl Runtime {
    /// Loads the library after its digest was found to be the manifest's.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn load(models: &Path, library: &Path, threads: Threads) -> Result<Self, ModelError> {
        let manifest = Manifest::load(models)?;
        let arch = std::env::consts::ARCH;
        let expected = manifest.runtime.sha256.get(arch);
        let expected = expected.ok_or_else(|| ModelError::Unlisted { name: format!("ONNX Runtime for {arch}") })?;
        read_checked(library, expected)?;
        let environment = shared_environment(library)?;
        Ok(Self { environment, manifest, models: models.to_owned(), threads })
    }

    /// Opens one model by its name in the manifest; its digest is checked on the very bytes that are loaded.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(&self, name: &str) -> Result<(Session, Digest), ModelError> {
        let (bytes, digest) = self.read(name)?;
        let session =
            self.session(&bytes).map_err(|source| ModelError::Inference { model: name.to_owned(), source })?;
        Ok((session, digest))
    }

    /// Reads one listed file as it is, such as a character set; its digest is checked on the very bytes returned.
    ///
    /// # Errors
    /// [`ModelError::Unlisted`], [`ModelError::Missing`], [`ModelError::NotInstalled`] or [`ModelError::Altered`].
    pub fn read(&self, name: &str) -> Result<(Vec<u8>, Digest), ModelError> {
        let entry = self.manifest.model.iter().find(|model| model.name == name);
        let entry = entry.ok_or_else(|| ModelError::Unlisted { name: format!("model {name}") })?;
        let path = self.models.join(&entry.file);
        match read_checked(&path, &entry.sha256) {
            Err(ModelError::Missing { source, .. }) if entry.optional && source.kind() == ErrorKind::NotFound => {
                Err(ModelError::NotInstalled { name: name.to_owned(), path })
            }
            read => read,
        }
    }

    /// The list of models.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The folder that the models are in.
    pub(super) fn folder(&self) -> &Path {
        &self.models
    }

    /// Opens a model whose bytes were checked.
    pub(super) fn session(&self, bytes: &[u8]) -> ort::Result<Session> {
        let threads = self.threads.0.get();
        Session::builder(&self.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .commit_from_memory(bytes)
    }
}

/// The process's environment, made on first use. ONNX Runtime allows one, so the library that was loaded first stays.
fn shared_environment(library: &Path) -> Result<Environment, ModelError> {
    static SHARED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*shared {
        return Ok(environment.clone());
    }
    let builder = ort::init_from(library)
        .map_err(|source| ModelError::Library { path: library.to_owned(), source: Box::new(source) })?;
    let environment = builder
        .with_telemetry(false)
        .build()
        .map_err(|source| ModelError::Inference { model: "the library".to_owned(), source })?;
    *shared = Some(environment.clone());
    Ok(environment)
}

fn read_checked(path: &Path, expected: &str) -> Result<(Vec<u8>, Digest), ModelError> {
    let bytes = std::fs::read(path).map_err(|source| ModelError::Missing { path: path.to_owned(), source })?;
    let digest = Digest::of(&bytes);
    if digest.as_str() != expected {
        return Err(ModelError::Altered { path: path.to_owned(), expected: expected.to_owned(), found: digest.0 });
    }
    Ok((bytes, digest))
}
