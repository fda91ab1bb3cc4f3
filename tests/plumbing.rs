//! The scripts that fetch and check what the build needs, and the papers that models carry.
//!
//! No test here asks the network: pip is given a folder with a wheel made for the test.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use carded::vision::{Digest, Manifest};
use tempfile::TempDir;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest() -> Manifest {
    Manifest::load(&support::models_folder()).unwrap()
}

fn words_on_stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_model_file_has_the_digest_of_the_manifest() {
    for model in manifest().model {
        let path = support::models_folder().join(&model.file);
        if model.optional && !path.exists() {
            support::skip(&format!("the optional model {} is not installed", model.name));
            continue;
        }
        let bytes = fs::read(path).unwrap();
        assert_eq!(Digest::of(&bytes).as_str(), model.sha256, "{}", model.file);
    }
}

#[test]
fn every_model_has_a_card_that_names_its_file_and_package() {
    let cards = support::models_folder().join("cards");
    for model in manifest().model {
        let card = fs::read_to_string(cards.join(&model.name).with_extension("md")).unwrap();
        let package = model.source.split(',').next().unwrap().split(' ').skip(1);
        for word in package.chain([model.file.as_str()]) {
            assert!(card.contains(word), "the card of {} does not name {word}", model.name);
        }
    }
}

#[test]
fn every_card_belongs_to_a_model() {
    let models: BTreeSet<_> =
        manifest().model.into_iter().map(|model| model.name).chain(["README".to_owned()]).collect();
    let cards = fs::read_dir(support::models_folder().join("cards")).unwrap().map(|entry| entry.unwrap().path());
    let cards: BTreeSet<_> = cards.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(cards, models);
}

#[test]
fn every_model_s_licence_is_in_the_repository_and_its_notice_is_given() {
    let licences = support::models_folder().join("licences");
    let notices = fs::read_to_string(licences.join("NOTICES.md")).unwrap();
    for model in manifest().model {
        assert!(licences.join(format!("{}.txt", model.licence)).is_file(), "no text of {}", model.licence);
        assert!(notices.contains(&model.file), "no notice for {}", model.file);
    }
}

#[test]
fn rebuild_takes_the_weights_from_where_the_cards_say() {
    let script = fs::read_to_string(support::models_folder().join("rebuild")).unwrap();
    for model in manifest().model {
        let card = support::models_folder().join("cards").join(&model.name).with_extension("md");
        let card = fs::read_to_string(card).unwrap();
        let digest = card.split("SHA-256 `").nth(1).unwrap().split('`').next().unwrap();
        assert!(script.contains(digest), "models/rebuild does not ask for the source of {}", model.name);
    }
}

/// A copy of `models/fetch-runtime` whose manifest asks for a library of a few bytes, and a folder of wheels for pip.
struct Fetch {
    root: TempDir,
}

const LIBRARY: &[u8] = b"stands for libonnxruntime.so";

/// Writes a wheel that holds one library; arguments are the wheel's path, the version and the library's bytes.
const MAKE_WHEEL: &str = r#"
import sys, zipfile
path, version, library = sys.argv[1:]
with zipfile.ZipFile(path, "w") as wheel:
    wheel.writestr(f"onnxruntime/capi/libonnxruntime.so.{version}", library)
    wheel.writestr("onnxruntime/LICENSE", "licence")
    wheel.writestr("onnxruntime/ThirdPartyNotices.txt", "notices")
    wheel.writestr(f"onnxruntime-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: onnxruntime\nVersion: {version}\n")
    wheel.writestr(f"onnxruntime-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    wheel.writestr(f"onnxruntime-{version}.dist-info/RECORD", "")
"#;

impl Fetch {
    fn new(expected: &Digest) -> Self {
        let root = tempfile::tempdir().unwrap();
        let models = root.path().join("models");
        fs::create_dir_all(&models).unwrap();
        fs::create_dir_all(root.path().join("wheels")).unwrap();
        fs::copy(repository().join("models/fetch-runtime"), models.join("fetch-runtime")).unwrap();
        let (arch, expected) = (std::env::consts::ARCH, expected.as_str());
        let manifest =
            format!("[runtime]\nversion = \"9.9.9\"\n\n[runtime.sha256]\n{arch} = \"{expected}\"\n\n[[model]]\n");
        fs::write(models.join("manifest.toml"), manifest).unwrap();
        Self { root }
    }

    fn publish(&self, library: &[u8]) {
        let name = format!("wheels/onnxruntime-9.9.9-cp311-cp311-manylinux_2_28_{}.whl", std::env::consts::ARCH);
        let library = std::str::from_utf8(library).unwrap();
        let made = Command::new("python3")
            .args(["-c", MAKE_WHEEL, self.root.path().join(name).to_str().unwrap(), "9.9.9", library])
            .status();
        assert!(made.unwrap().success());
    }

    fn run(&self) -> Output {
        Command::new(self.root.path().join("models/fetch-runtime"))
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", self.root.path().join("wheels"))
            .output()
            .unwrap()
    }

    fn library(&self) -> PathBuf {
        self.root.path().join("target/runtime/libonnxruntime.so")
    }
}

#[test]
fn the_runtime_is_fetched_once_with_its_licence_beside_it() {
    let fetch = Fetch::new(&Digest::of(LIBRARY));
    fetch.publish(LIBRARY);
    let fetched = fetch.run();
    assert!(fetched.status.success(), "{}", words_on_stderr(&fetched));
    assert_eq!(fs::read(fetch.library()).unwrap(), LIBRARY);
    assert!(fetch.library().with_file_name("onnxruntime-LICENSE").is_file());
    assert!(fetch.library().with_file_name("onnxruntime-ThirdPartyNotices.txt").is_file());

    fs::remove_dir_all(fetch.root.path().join("wheels")).unwrap();
    let again = fetch.run();
    assert!(again.status.success() && again.stdout.is_empty(), "{}", words_on_stderr(&again));
}

#[test]
fn a_runtime_with_another_digest_is_refused_and_not_left_behind() {
    let fetch = Fetch::new(&Digest::of(LIBRARY));
    fetch.publish(b"altered on the way");
    let refused = fetch.run();
    assert!(!refused.status.success());
    assert!(words_on_stderr(&refused).contains("is not the one that was measured"), "{}", words_on_stderr(&refused));
    assert_eq!(fs::read_dir(fetch.library().parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn an_altered_runtime_is_replaced() {
    let fetch = Fetch::new(&Digest::of(LIBRARY));
    fetch.publish(LIBRARY);
    fs::create_dir_all(fetch.library().parent().unwrap()).unwrap();
    fs::write(fetch.library(), "altered on the disk").unwrap();
    let fetched = fetch.run();
    assert!(fetched.status.success(), "{}", words_on_stderr(&fetched));
    assert_eq!(fs::read(fetch.library()).unwrap(), LIBRARY);
}

#[test]
fn the_runtime_is_listed_for_both_machines() {
    let listed: Vec<_> = manifest().runtime.sha256.into_keys().collect();
    assert_eq!(listed, ["aarch64", "x86_64"]);
}

/// Makes an executable script of one line.
fn stand_in(folder: &Path, name: &str, line: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn prerequisites(path: &str) -> Output {
    Command::new("/bin/bash").arg(repository().join(".ci/prerequisites")).env("PATH", path).output().unwrap()
}

#[test]
fn without_root_the_missing_packages_are_named_and_nothing_is_installed() {
    let bare = tempfile::tempdir().unwrap();
    for tool in ["cut", "dirname", "env", "head", "sed", "sort"] {
        let found =
            ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool)).into_iter().find(|path| path.exists());
        symlink(found.unwrap(), bare.path().join(tool)).unwrap();
    }
    stand_in(bare.path(), "id", "echo 1000");
    stand_in(bare.path(), "sudo", "exit 1");
    stand_in(bare.path(), "apt-get", "echo installed; exit 0");
    let output = prerequisites(bare.path().to_str().unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let words = words_on_stderr(&output);
    assert!(words.contains("apt-get install --no-install-recommends gcc libc6-dev python3 python3-venv"), "{words}");
}

#[test]
fn an_old_compiler_is_refused_with_the_version_that_is_needed() {
    let old = tempfile::tempdir().unwrap();
    stand_in(old.path(), "rustc", "echo 'rustc 1.63.0 (4b91a6ea7 2022-08-08)'");
    let path = format!("{}:{}", old.path().display(), std::env::var("PATH").unwrap());
    let output = prerequisites(&path);
    assert_eq!(output.status.code(), Some(1));
    let words = words_on_stderr(&output);
    let needed = env!("CARGO_PKG_RUST_VERSION");
    assert!(words.contains(&format!("Rust {needed} or newer is needed")) && words.contains("is 1.63.0"), "{words}");
    assert!(words.contains("rustup update stable"), "{words}");
}
