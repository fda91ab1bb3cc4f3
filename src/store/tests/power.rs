//! What `tests/vm/powercut` runs: a busy store inside a machine whose disk is recorded, and a look at what its power cuts
//! have left. Without its variables each test here does nothing.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::*;
use crate::session::protocol::Settlement;
use crate::store::LeaseHolder;

/// A block of the disk, where direct writes want one to begin.
#[repr(C, align(4096))]
struct Block([u8; 4096]);

/// A place outside the file system in which the log shows when something was answered, without a flush of its own.
struct Answers(File, u64);

impl Answers {
    fn note(&self, outcomes: u64) {
        let mut block = Box::new(Block([0; 4096]));
        block.0[..8].copy_from_slice(b"ANSWERED");
        block.0[8..16].copy_from_slice(&outcomes.to_le_bytes());
        self.0.write_all_at(&block.0, self.1).unwrap();
    }
}

#[test]
fn the_busy_store() {
    let Some(folder) = std::env::var_os("CARDED_POWER_FOLDER") else { return };
    let variable = |name: &str| std::env::var(name).unwrap();
    let device = variable("CARDED_POWER_DEVICE");
    let device = OpenOptions::new().write(true).custom_flags(OFlags::DIRECT.bits().cast_signed()).open(device).unwrap();
    let answers = Answers(device, variable("CARDED_POWER_AT").parse().unwrap());
    let mut store = Store::open(Path::new(&folder)).unwrap();
    // The control: a store that does not wait for its disk has to lose what it has answered.
    store.connection.pragma_update(None, "synchronous", variable("CARDED_POWER_SYNCHRONOUS")).unwrap();
    // The journal is written back often, so that cuts fall into that too.
    store.connection.pragma_update(None, "wal_autocheckpoint", 100).unwrap();
    answers.note(0);
    let sync = LeaseHolder(1);
    for number in 1..=variable("CARDED_POWER_VISITS").parse().unwrap() {
        let outcome = verify_one(&mut store).1.outcome.unwrap();
        assert_eq!(outcome.sequence, number);
        answers.note(number);
        for delivery in store.lease(sync, 1, now()).unwrap() {
            store.settle(sync, delivery.delivery, &Settlement::Acknowledged, now()).unwrap();
        }
    }
    println!("\nANSWERED {}", variable("CARDED_POWER_VISITS"));
}

/// Looks at every folder that was dug out of a cut: `answered` says how many outcomes were answered before it.
#[test]
fn what_the_power_cuts_left() {
    let Some(cuts) = std::env::var_os("CARDED_POWER_CUTS") else { return };
    let (mut whole, mut lost, mut damaged) = (0, 0, 0);
    let mut most = 0;
    for cut in std::fs::read_dir(cuts).unwrap().map(|entry| entry.unwrap().path()) {
        let answered: u64 = std::fs::read_to_string(cut.join("answered")).unwrap().trim().parse().unwrap();
        let kept = Store::open(&cut.join("store")).and_then(|store| {
            store.verify_audit()?;
            store.verify_outcomes()
        });
        match kept {
            Ok(kept) if kept >= answered => whole += 1,
            Ok(kept) => {
                most = most.max(answered - kept);
                lost += 1;
            }
            Err(error) => {
                println!("{}: {error}", cut.display());
                damaged += 1;
            }
        }
    }
    println!("\nCUTS whole {whole} lost {lost} damaged {damaged} most {most}");
}
