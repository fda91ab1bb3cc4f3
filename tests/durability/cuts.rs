//! Database and journal cut at every byte: what was answered and is wholly in the files is there, or the store says clearly
//! that it is damaged.
//!
//! Every byte by `make test-cuts` (`CARDED_CUTS=every`); in CI around every frame and page, and every 61st byte between.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use carded::session::{SessionId, SessionState};
use carded::store::{Store, StoreError};

use crate::workload::{record, verify};

const PAGE: usize = 4096;
/// Bytes before the first frame of a journal, and before the page of each (SQLite's file format, section 4.1).
const JOURNAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// A store's files at one moment.
struct Files {
    database: Vec<u8>,
    journal: Vec<u8>,
    keys: [(&'static str, Vec<u8>); 2],
    /// How many outcomes were answered, by the length of the journal then.
    answered: Vec<(usize, u64)>,
}

fn visit(store: &mut Store) {
    let id = SessionId::from_random(&std::array::from_fn(|_| fastrand::u8(..)));
    store.create_session(&record(id.clone(), SessionState::Created)).unwrap();
    verify(store, &id).unwrap();
}

/// Some visits that are in the database, and some that are in its journal alone.
fn recorded() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut store = Store::open(folder.path()).unwrap();
    visit(&mut store);
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    let mut answered = vec![(0, 1)];
    for number in 2..=3 {
        visit(&mut store);
        answered.push((std::fs::metadata(path("store.db-wal")).unwrap().len() as usize, number));
    }
    let read = |name: &'static str| std::fs::read(path(name)).unwrap();
    Files {
        database: read("store.db"),
        journal: read("store.db-wal"),
        keys: ["device.key", "anchor.key"].map(|name| (name, read(name))),
        answered,
    }
}

/// A folder in memory where there is one: what is shown here is what is in the files, and not what reaches a disk.
fn outer() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn open(folder: &Path, files: &Files, database: &[u8], journal: Option<&[u8]>) -> Result<u64, StoreError> {
    let _ = std::fs::remove_file(folder.join("store.db-shm"));
    let _ = std::fs::remove_file(folder.join("store.db-wal"));
    for (name, bytes) in &files.keys {
        if !folder.join(name).exists() {
            std::fs::write(folder.join(name), bytes).unwrap();
            std::fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
    std::fs::write(folder.join("store.db"), database).unwrap();
    if let Some(journal) = journal {
        std::fs::write(folder.join("store.db-wal"), journal).unwrap();
    }
    let store = loop {
        match Store::open(folder) {
            // A process that another test is starting holds the lock of before until it has become its own program.
            Err(StoreError::InUse(_)) => std::thread::yield_now(),
            opened => break opened?,
        }
    };
    let outcomes = store.verify_outcomes()?;
    store.verify_audit()?;
    Ok(outcomes)
}

/// Where a file of some length is cut.
fn cuts(length: usize, first: usize, record: usize) -> impl Iterator<Item = usize> {
    let every = std::env::var("CARDED_CUTS").is_ok_and(|cuts| cuts == "every");
    (0..=length).filter(move |cut| {
        let within = (cut + record - first % record) % record;
        every || cut % 61 == 0 || within <= FRAME_HEADER + 2 || within >= record - 2
    })
}

#[test]
fn whatever_is_cut_off_the_journal_every_answer_before_it_is_there_and_nothing_half() {
    let (files, outer) = (recorded(), outer());
    let mut tried = 0;
    for cut in cuts(files.journal.len(), JOURNAL_HEADER, FRAME_HEADER + PAGE) {
        let answered = files.answered.iter().filter(|(length, _)| *length <= cut).map(|(_, number)| *number).max();
        let kept = open(outer.path(), &files, &files.database, Some(&files.journal[..cut]));
        let kept = kept.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        assert!(kept >= answered.unwrap() && kept <= 3, "cut at {cut}: {kept} of {answered:?}");
        tried += 1;
    }
    println!("the journal was cut at {tried} of {} bytes", files.journal.len() + 1);
}

#[test]
fn a_journal_whose_end_is_another_file_s_or_nothing_is_read_as_far_as_it_was_written() {
    let (files, outer) = (recorded(), outer());
    for frame in 0..(files.journal.len() - JOURNAL_HEADER) / (FRAME_HEADER + PAGE) {
        let at = JOURNAL_HEADER + frame * (FRAME_HEADER + PAGE);
        for garbage in [0, 0xa5] {
            let mut journal = files.journal.clone();
            journal[at..].fill(garbage);
            let answered = files.answered.iter().filter(|(length, _)| *length <= at).map(|(_, number)| *number).max();
            let kept = open(outer.path(), &files, &files.database, Some(&journal)).unwrap();
            assert!(kept >= answered.unwrap(), "frame {frame}: {kept}");
        }
    }
}

#[test]
fn a_database_that_was_cut_is_refused_in_words_and_left_as_it_is_or_holds_everything() {
    let (mut files, outer) = (recorded(), outer());
    // Everything is in the database, as after an engine that was stopped in order.
    open(outer.path(), &files, &files.database, Some(&files.journal)).unwrap();
    files.database = std::fs::read(outer.path().join("store.db")).unwrap();
    let (mut tried, mut refused) = (0, 0);
    for cut in cuts(files.database.len(), 0, PAGE) {
        tried += 1;
        match open(outer.path(), &files, &files.database[..cut], None) {
            Ok(kept) => assert_eq!(kept, 3, "cut at {cut}"),
            Err(StoreError::Corrupt { .. } | StoreError::DatabaseMissing(_)) => {
                refused += 1;
                let left = std::fs::read(outer.path().join("store.db")).unwrap();
                assert!(left == files.database[..cut], "cut at {cut}: it was changed");
            }
            Err(error) => panic!("cut at {cut}: {error:?}"),
        }
    }
    println!("the database was cut at {tried} of {} bytes; {refused} were refused", files.database.len() + 1);
    assert!(refused * 10 >= tried * 9);
}
