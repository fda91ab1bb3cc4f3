//! What the tests of this room share.

use std::path::Path;

use crate::vision::{Runtime, Threads};

/// The models and ONNX Runtime of the checkout; `None`, said aloud, where the runtime was not fetched.
pub(crate) fn runtime() -> Option<Runtime> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = root.join("target/runtime/libonnxruntime.so");
    if !library.exists() {
        eprintln!("skipped: ONNX Runtime is not there; run 'make runtime'");
        return None;
    }
    Some(Runtime::load(&root.join("models"), &library, Threads::all()).expect("the models of the checkout load"))
}
