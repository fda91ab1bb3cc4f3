//! Models and decoders: pixels to observations, one model a file.
//!
//! Always holds: a model file is loaded only when its digest is the manifest's, and the digest of the model that made an
//! observation can be told. Does not judge: the core rooms do. A missing or altered file is a [`ModelError`], which is a
//! fault of the device and never of the person.

mod age_estimator;
mod barcode;
mod erase;
mod face_crop;
mod face_detector;
mod face_embedding;
mod face_mesh;
mod face_model;
mod face_observer;
mod face_reader;
mod fallback;
mod manifest;
mod mrz_reader;
mod mrz_rows;
mod pad_entry;
mod pad_model;
mod pdf417;
mod runtime;
mod text_boxes;
mod text_detector;
mod text_lattice;
mod text_reader;
mod text_recogniser;
mod text_tensor;

pub use age_estimator::AgeEstimator;
pub use barcode::{BarcodeOptions, Format, Symbol, SymbolVotes, read_barcodes, read_barcodes_of_stream};
pub use face_detector::FaceDetector;
pub use face_embedding::{ALIGNED_SIDE, EmbeddingError, FaceEmbedder, five_points};
pub use face_mesh::FaceMesher;
pub use face_observer::FaceObserver;
pub use face_reader::{FaceReader, FaceReading};
pub use manifest::{Manifest, ModelEntry};
pub use mrz_reader::FoundZone;
pub use pad_entry::PadSlotError;
pub(crate) use runtime::hex;
pub use runtime::{Digest, ModelError, Runtime, Threads};
pub use text_boxes::TextBox;
pub use text_detector::{LongSide, TextDetector};
pub use text_lattice::Lattice;
pub use text_reader::TextReader;
pub use text_recogniser::TextRecogniser;
