//! Every write, sync and cut of a file fails once, or from then on: what was answered before is there, and what failed was said.
//!
//! `strace` makes the system calls of the child fail. Every one of them by `make test-faults` (`CARDED_FAULTS=every`); in CI
//! every one of a visit, and every 13th of a first start.

use std::path::Path;
use std::process::Command;

use carded::store::Store;

use crate::support::skip;
use crate::workload::{Answered, FOLDER, VISITS};

/// A system call, its error, and whether it fails from then on. `write` is what keys are written with: only to their files.
const FAULTS: [(&str, &str, bool); 8] = [
    ("pwrite64", "ENOSPC", true),
    ("pwrite64", "EIO", false),
    ("pwrite64", "EROFS", true),
    ("fdatasync", "EIO", false),
    ("fsync", "EIO", false),
    ("ftruncate", "EIO", false),
    ("write", "ENOSPC", true),
    ("openat", "EROFS", true),
];
/// Files of the store, for the calls that are made on others too.
const FILES: [&str; 7] =
    ["store.db", "store.db-wal", "store.db-shm", "device.key.new", "anchor.key.new", "device.pub.new", "engine.lock"];

/// What one child has come to.
struct Run {
    answered: Answered,
    injected: bool,
}

fn run(program: &Path, folder: &Path, log: &Path, (call, error, stays): (&str, &str, bool), when: usize) -> Run {
    let mut strace = Command::new("strace");
    strace.args(["-f", "--quiet=all", "-o"]).arg(log);
    if matches!(call, "write" | "openat") {
        for file in FILES {
            strace.arg("-P").arg(folder.join(file));
        }
    }
    let last = if stays { "+" } else { "" };
    strace.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:error={error}:when={when}{last}")]);
    strace.arg(program).args(["--exact", "workload::the_child", "--nocapture", "--test-threads=1"]);
    let output = strace.env(FOLDER, folder).env(VISITS, "1").output().unwrap();
    let mut answered = Answered::default();
    answered.hear(&String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{call} {error} {when}: {}", String::from_utf8_lossy(&output.stderr));
    let injected = std::fs::read_to_string(log).unwrap().contains("(INJECTED)");
    Run { answered, injected }
}

/// Has every call of a kind fail in turn. `template` is a store to begin with, or none for a first start.
fn all_fail(template: Option<&Path>, step: usize) {
    let program = std::env::current_exe().unwrap();
    for fault in FAULTS {
        let (mut when, mut tried, mut tolerated) = (1, 0, 0);
        loop {
            let outer = tempfile::tempdir().unwrap();
            let folder = outer.path().join("store");
            if let Some(template) = template {
                copy(template, &folder);
            }
            let Run { mut answered, injected } = run(&program, &folder, &outer.path().join("log"), fault, when);
            if !injected {
                assert!(answered.done, "{fault:?} {when}: {:?}", answered.refused);
                break;
            }
            tried += 1;
            // Either the failure was said, or all was answered and is there: a journal that cannot be emptied loses nothing.
            assert!(answered.done || answered.refused.len() == 1, "{fault:?} {when}: nothing was said");
            tolerated += usize::from(answered.done);
            answered.refused.clear();
            answered.hold(&folder);
            when += step;
        }
        let (call, error, stays) = fault;
        let how = if stays { "from then on" } else { "once" };
        println!("{call} {error} {how}: {tried} runs, {tolerated} in which it could do no harm");
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a"]).arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

fn every() -> bool {
    std::env::var("CARDED_FAULTS").is_ok_and(|faults| faults == "every")
}

fn has_strace() -> bool {
    let there = Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success());
    if !there {
        skip("strace cannot be used here: no write was made to fail");
    }
    there
}

#[test]
fn every_write_of_a_visit_may_fail_and_nothing_answered_is_lost() {
    if !has_strace() {
        return;
    }
    let outer = tempfile::tempdir().unwrap();
    let template = outer.path().join("store");
    drop(Store::open(&template).unwrap());
    all_fail(Some(&template), 1);
}

#[test]
fn a_first_start_may_fail_at_any_write_and_goes_on_with_the_same_keys() {
    if !has_strace() {
        return;
    }
    all_fail(None, if every() { 1 } else { 13 });
}
