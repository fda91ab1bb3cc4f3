//! Model files are checked before they are used.
#![allow(missing_docs)]

mod support;

use std::num::NonZeroUsize;
use std::path::Path;

use carded::vision::{AgeEstimator, ModelError, Runtime, Threads};

#[test]
fn every_listed_model_loads_with_its_digest() {
    let runtime = support::runtime();
    let is_model = |file: &str| Path::new(file).extension().is_some_and(|extension| extension == "onnx");
    for model in runtime.manifest().model.iter().filter(|model| is_model(&model.file)) {
        if model.optional && !support::models_folder().join(&model.file).exists() {
            support::skip(&format!("the optional model {} is not installed", model.name));
            continue;
        }
        assert_eq!(runtime.open(&model.name).unwrap().1.as_str(), model.sha256);
    }
}

#[test]
fn an_optional_model_that_is_not_installed_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(support::models_folder().join("manifest.toml"), folder.path().join("manifest.toml")).unwrap();
    let runtime = Runtime::load(folder.path(), &support::runtime_library(), Threads(NonZeroUsize::MIN)).unwrap();
    let refused = AgeEstimator::open(&runtime).err().unwrap();
    assert!(matches!(refused, ModelError::NotInstalled { .. }), "{refused}");
    assert!(refused.to_string().contains("models/rebuild --with-optional"), "{refused}");
    // One that was put there and is another is no less refused than any.
    std::fs::write(folder.path().join("faceres_age_224.onnx"), b"other").unwrap();
    assert!(matches!(AgeEstimator::open(&runtime), Err(ModelError::Altered { .. })));
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
