//! The running appliance, through the program: roles as processes, real sockets, a simulated camera.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod api;
mod device_key;
mod drain;
mod endpoints;
mod engine;
mod faults;
mod heartbeats;
mod kills;
mod outbox;
mod returning;
mod roles;
mod rules;
mod site;
mod staff;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod versions;

use std::process::{Command, Stdio};

use site::{alone, words};

#[test]
fn the_demonstration_ends_every_visit_as_its_table_says() {
    let _alone = alone();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_carded"));
    let output = demo.args(["demo", "--no-window"]).stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", words(&output));
    assert!(told.contains("every visit ended as it has to"), "{told}");
    for reason in ["document_fields_differ", "document_expired", "face_mismatch", "liveness_attack"] {
        assert!(told.contains(&format!("refused: {reason}")), "{reason}: {told}");
    }
    assert_eq!(told.matches("attestation verified").count(), 6, "{told}");
}
