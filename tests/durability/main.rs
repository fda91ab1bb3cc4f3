//! What was answered is on disk: under kills, failing writes and cut files. Power cuts are in `tests/vm/powercut`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod cuts;
mod faults;
mod kill;
mod workload;
