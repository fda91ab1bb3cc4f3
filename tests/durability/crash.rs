//! The store under a file that may not grow, a folder that may not be written, and codes that are counted over kills.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use carded::privacy::StaffCode;
use carded::store::{MOST_WRONG_CODES, StaffCheck, Store};

use crate::workload::{Answered, FOLDER, child, child_as, now, say};

/// Does nothing by itself: enters wrong codes of the staff, as an engine that has just started, until none is looked at.
#[test]
fn the_guesser() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut store = Store::open(Path::new(&folder)).unwrap();
    let wrong = StaffCode::parse("0000 0000").unwrap();
    loop {
        match store.staff_of(&wrong, now(), Duration::from_secs(1)).unwrap() {
            StaffCheck::Unknown { left } => say(&format!("left {left}")),
            StaffCheck::Locked { .. } => return say("locked"),
            StaffCheck::Known(_) => return say("known"),
        }
    }
}

#[test]
fn a_wrong_code_that_was_answered_is_counted_after_every_kill() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("store");
    let program = std::env::current_exe().unwrap();
    let (mut lefts, mut locked, mut runs) = (Vec::new(), false, 0);
    while !locked {
        runs += 1;
        assert!(runs <= usize::from(MOST_WRONG_CODES) + 1, "{lefts:?}");
        let mut child = child_as("crash::the_guesser", &program, &folder).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut heard = String::new();
        // Killed as soon as it has said something of one code.
        while !heard.lines().any(|line| line == "locked" || line.starts_with("left ")) {
            assert!(output.read_line(&mut heard).unwrap() > 0, "the child ended by itself: {heard}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        output.read_to_string(&mut heard).unwrap();
        let said = heard.lines().filter_map(|line| line.strip_prefix("left "));
        lefts.extend(said.map(|left| left.parse::<u16>().unwrap()));
        locked = heard.lines().any(|line| line == "locked");
    }
    // A kill may swallow an answer, and never takes back a count.
    assert!(lefts.windows(2).all(|pair| pair[0] > pair[1]), "{lefts:?}");
    assert!(lefts.first().is_some_and(|left| *left < MOST_WRONG_CODES), "{lefts:?}");
    Store::open(&folder).unwrap().verify_audit().unwrap();
}

#[test]
fn a_write_that_fails_is_an_error_and_leaves_nothing_half_written() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("store");
    // The shell makes a write beyond the limit an error of the system instead of the process's end.
    let limited = "trap '' XFSZ; ulimit -f 1500; exec \"$0\" --exact workload::the_child --nocapture --test-threads=1";
    let mut command = Command::new("sh");
    command.args(["-c", limited]).arg(std::env::current_exe().unwrap()).env(FOLDER, &folder);
    let output = command.output().unwrap();
    let mut answered = Answered::default();
    answered.hear(&String::from_utf8(output.stdout).unwrap());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(answered.refused.iter().all(|line| line.starts_with("refused Io") || line == "refused Full"));
    assert!(answered.refused.len() == 1 && !answered.ended.is_empty(), "{:?}", answered.refused);
    answered.hold(&folder);
}

#[test]
fn a_folder_that_cannot_be_written_is_said_so() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("store");
    drop(Store::open(&folder).unwrap());
    let set_mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let mut program = std::env::current_exe().unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        // Root may write anywhere, so that the child is somebody else, who has to reach the program.
        let copy = outer.path().join("program");
        std::fs::copy(&program, &copy).unwrap();
        set_mode(outer.path(), 0o755);
        set_mode(&copy, 0o755);
        program = copy;
    }
    set_mode(&folder, if is_root { 0o755 } else { 0o500 });
    set_mode(&folder.join("engine.lock"), 0o400);
    let mut command = child(&program, &folder);
    if is_root {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    let mut answered = Answered::default();
    answered.hear(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(answered.refused, ["refused ReadOnly"]);
    set_mode(&folder, 0o700);
    set_mode(&folder.join("engine.lock"), 0o600);
    Store::open(&folder).unwrap();
}
