//! Model files are checked before they are used.
#![allow(missing_docs)]

mod support;

use std::num::NonZeroUsize;
use std::path::Path;

use carded::vision::{ModelError, Runtime, Threads};

#[test]
fn every_listed_model_loads_with_its_digest() {
    let runtime = support::runtime();
    let is_model = |file: &str| Path::new(file).extension().is_some_and(|extension| extension == "onnx");
    for model in runtime.manifest().model.iter().filter(|model| is_model(&model.file)) {
        assert_eq!(runtime.open(&model.name).unwrap().1.as_str(), model.sha256);
    }
}

#[test]
fn an_altered_model_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(support::models_folder()).unwrap().map(Result::unwrap).filter(|f| f.path().is_file())
    {
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let altered = folder.path().join("facemesh_192.onnx");
    let mut bytes = std::fs::read(&altered).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&altered, bytes).unwrap();
    let runtime = Runtime::load(folder.path(), &support::runtime_library(), Threads(NonZeroUsize::MIN)).unwrap();
    let refused = runtime.open("face_mesh").unwrap_err();
    assert!(matches!(&refused, ModelError::Altered { path, .. } if *path == altered), "{refused}");
    std::fs::remove_file(&altered).unwrap();
    assert!(matches!(runtime.open("face_mesh"), Err(ModelError::Missing { .. })));
}
