//! Models and decoders: pixels to observations, one model a file.
//!
//! Always holds: a model file is loaded only when its digest is the manifest's, and the digest of the model that made an
//! observation can be told. Does not judge: the core rooms do. A missing or altered file is a [`ModelError`], which is a
//! fault of the device and never of the person.

mod barcode;
mod erase;
mod fallback;
mod manifest;
mod pdf417;
mod runtime;

pub use barcode::{BarcodeOptions, Format, Symbol, read_barcodes};
pub use manifest::{Manifest, ModelEntry};
pub use runtime::{Digest, ModelError, Runtime, Threads};
