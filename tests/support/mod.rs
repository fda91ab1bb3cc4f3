//! What several integration tests share.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod certified;
pub mod display;
pub mod events;
pub mod mail_server;
pub mod onnx;
pub mod receiver;
pub mod verified;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use carded::vision::{Runtime, Threads};

/// A folder of the shared test data, or `None` with a clear line when this machine does not have it.
pub fn shared_data(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("shared test data {folder} is not on this machine"));
    None
}

/// Says that a test has shown nothing. Written past the test runner's capture, so that a passing run shows it too.
pub fn skip(reason: &str) {
    std::io::stderr().write_all(format!("SKIPPED: {reason}\n").as_bytes()).unwrap();
}

pub fn models_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models")
}

pub fn runtime_library() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/runtime/libonnxruntime.so")
}

/// The real runtime with the real models, one thread an inference.
pub fn runtime() -> Runtime {
    Runtime::load(&models_folder(), &runtime_library(), Threads(NonZeroUsize::MIN)).unwrap()
}
