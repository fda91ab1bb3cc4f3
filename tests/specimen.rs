//! `carded specimen` as a command: what it writes, and what it refuses.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

fn specimen(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carded"));
    command.arg("specimen").args(arguments).args(["--today", "2026-03-01", "--out"]).arg(folder).output().unwrap()
}

#[test]
fn a_licence_has_two_sides_and_a_label_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    assert!(specimen(folder.path(), &["licence", "--drawn"]).status.success());
    let label = std::fs::read_to_string(folder.path().join("README.txt")).unwrap();
    assert!(label.contains("specimen") && label.contains("invented"));
    for side in ["front.jpg", "back.jpg"] {
        assert!(carded::camera::load_image(&folder.path().join(side)).unwrap().width() >= 1000);
    }
}

#[test]
fn files_that_are_there_stay_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let passport = folder.path().join("passport.jpg");
    std::fs::write(&passport, "mine").unwrap();
    let refused = specimen(folder.path(), &["passport", "--drawn"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"));
    assert_eq!(std::fs::read(&passport).unwrap(), b"mine");
    assert!(specimen(folder.path(), &["passport", "--drawn", "--force"]).status.success());
    assert!(carded::camera::load_image(&passport).is_ok());
}

#[test]
fn frames_are_named_in_order_of_time_and_as_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["turn", "--steps", "right", "--fps", "2", "--width", "160", "--height", "120"];
    assert!(specimen(folder.path(), &small).status.success());
    let frames = carded::camera::FrameSequence::open(folder.path(), 2.0).unwrap();
    assert_eq!(frames.map(Result::unwrap).count(), 8);
    assert!(folder.path().join("rendered-0000.jpg").exists());
}

#[test]
fn barcode_frames_come_with_what_they_say_and_how_they_were_made() {
    let folder = tempfile::tempdir().unwrap();
    assert!(specimen(folder.path(), &["barcodes", "--seed", "7", "--count", "2"]).status.success());
    let lines = std::fs::read_to_string(folder.path().join("frames.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        let file = folder.path().join(line["file"].as_str().unwrap());
        let picture = carded::camera::load_image(&file).unwrap();
        let payload = std::fs::read(file.with_extension("bin")).unwrap();
        assert_eq!((picture.width(), picture.height()), (1920, 1080));
        assert!(payload.starts_with(b"@\n\x1e\rANSI ") && payload.len() as u64 == line["payload_bytes"]);
        assert!((1.9..4.0).contains(&line["module_px"].as_f64().unwrap()) && line["symbol"]["format"] == "pdf417");
    }
}

#[test]
fn bad_arguments_are_refused_with_status_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["licence", "--expires", "2026-02-30"][..],
        &["turn", "--angle", "90"],
        &["attack", "--kind", "mask"],
        &["licence", "--person", "nobody"],
    ] {
        assert_eq!(specimen(folder.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}
