//! The store under a process that is killed, a file that may not grow, and a folder that may not be written.
//!
//! The process is this test program itself, started again as [`the_child`] or as [`the_guesser`].
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use carded::compliance::{AgeTier, PlaceDays, RuleBook, UseCase};
use carded::document::{Agreement, Check, CheckResult, DocumentKind, FieldComparison, Fields};
use carded::imaging::Provenance;
use carded::liveness::{MatchDecision, MatchResult, MatchThreshold, Similarity, TurnVerdict};
use carded::privacy::{PersonalDate, StaffCode};
use carded::session::protocol::Settlement;
use carded::session::{
    AttemptsLeft, CaptureEvidence, DocumentEvidence, EncodedSource, Evidence, LivenessEvidence, Policy, SessionId,
    SessionRecord, SessionState, Surroundings, decide,
};
use carded::store::{
    EventFacts, Finish, Finished, LeaseHolder, MOST_WRONG_CODES, OutboxBody, OutcomeDraft, StaffCheck, Store,
    StoreError, attestation_hash,
};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};

const KILLS: usize = 20;
const FOLDER: &str = "CARDED_STORE_CHILD_FOLDER";
const SYNC: LeaseHolder = LeaseHolder(1);

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn evidence() -> Evidence {
    let agrees = |field| FieldComparison { field, printed: None, encoded: None, result: Agreement::Agrees };
    Evidence {
        feed: None,
        capture: Some(CaptureEvidence { provenance: Provenance::Simulated }),
        document: Some(DocumentEvidence {
            encoded: Some(EncodedSource::Barcode),
            kind: Some(DocumentKind::DrivingLicense),
            fields: Fields {
                first_name: Some("Ada".into()),
                last_name: Some("Specimen".into()),
                id_number: Some("D1".into()),
                country: Some("USA".to_owned()),
                jurisdiction_code: Some("CA".to_owned()),
                date_of_birth: Some(PersonalDate::new(date(1990, 5, 17))),
                expiration_date: Some(PersonalDate::new(date(2030, 5, 17))),
                ..Fields::default()
            },
            checks: vec![Check::new("date_order", CheckResult::Pass, "")],
            comparisons: ["id_number", "date_of_birth", "expiration_date", "last_name"].map(agrees).into(),
            portrait_found: true,
        }),
        surroundings: Surroundings::default(),
        review: None,
        returned: None,
        pass: None,
        liveness: Some(LivenessEvidence { verdict: TurnVerdict::Live }),
        flash: None,
        age: None,
        face_match: Some(MatchResult {
            decision: MatchDecision::Match,
            similarity: Some(Similarity(0.8)),
            threshold: MatchThreshold::SHIPPED,
            probes: 5,
        }),
        models: BTreeMap::new(),
    }
}

fn record(id: SessionId, state: SessionState) -> SessionRecord {
    SessionRecord {
        id,
        use_case: UseCase::AlcoholInPerson,
        jurisdiction: "US-CA".parse().unwrap(),
        state,
        attempts: AttemptsLeft { document: 3, face: 3 },
        consent: None,
        last_error: None,
        created_at: now(),
        expires_at: now() + SignedDuration::from_hours(24),
    }
}

fn bodies(facts: &EventFacts<'_>) -> Vec<OutboxBody> {
    let body = serde_json::json!({ "id": facts.event, "attestation": facts.attestation }).to_string();
    ["shop", "till"].map(|endpoint| OutboxBody { endpoint: endpoint.to_owned(), body: body.clone() }).into()
}

fn verify(store: &mut Store, id: &SessionId) -> Result<Finished, StoreError> {
    let evidence = evidence();
    let decision = decide(&evidence, &Policy::for_tier(AgeTier::Over21), PlaceDays::single(date(2026, 11, 22)));
    let rule = RuleBook::built_in()
        .unwrap()
        .resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap(), PlaceDays::single(date(2026, 11, 23)))
        .unwrap();
    let expires_at = now() + SignedDuration::from_hours(24);
    let draft = OutcomeDraft { decision: &decision, evidence: &evidence, rule: &rule, decided_at: now(), expires_at };
    let record = record(id.clone(), SessionState::Verified);
    store.finish(&Finish { record: &record, ended_at: now(), outcome: Some(draft), bodies: &bodies })
}

/// Says something to the parent in one write, so that a kill leaves all of a line or nothing.
fn say(line: &str) {
    std::io::stdout().lock().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// One session from its beginning to its delivered event; every answer of the store is passed on at once.
fn work(store: &mut Store) -> Result<(), StoreError> {
    let id = SessionId::from_random(&std::array::from_fn(|_| fastrand::u8(..)));
    store.create_session(&record(id.clone(), SessionState::Created))?;
    store.save_session(&record(id.clone(), SessionState::AwaitingFace))?;
    say(&format!("open {id}"));
    let outcome = verify(store, &id)?.outcome.unwrap();
    say(&format!("ended {id} {} {}", outcome.sequence, attestation_hash(&outcome.attestation)));
    for delivery in store.lease(SYNC, 1, now())? {
        store.settle(SYNC, delivery.delivery, &Settlement::Acknowledged, now())?;
        say(&format!("delivered {} {}", delivery.event, delivery.endpoint));
    }
    Ok(())
}

/// Does nothing by itself: the work of the processes that the other tests start.
#[test]
fn the_child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut store = match Store::open(Path::new(&folder)) {
        Ok(store) => store,
        Err(error) => return say(&format!("refused {error:?}")),
    };
    let error = loop {
        if let Err(error) = work(&mut store) {
            break error;
        }
    };
    store.verify_outcomes().unwrap();
    store.verify_audit().unwrap();
    say(&format!("refused {error:?}"));
}

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

fn child(program: &Path, folder: &Path) -> Command {
    child_as("the_child", program, folder)
}

fn child_as(test: &str, program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// What the store has answered, by the word that begins each line.
#[derive(Default)]
struct Answered {
    open: BTreeSet<String>,
    ended: BTreeMap<String, (u64, String)>,
    delivered: BTreeSet<(String, String)>,
    refused: Vec<String>,
}

impl Answered {
    fn hear(&mut self, text: &str) {
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["open", id] => drop(self.open.insert(id.to_owned())),
                ["ended", id, sequence, hash] => {
                    self.ended.insert(id.to_owned(), (sequence.parse().unwrap(), hash.to_owned()));
                }
                ["delivered", event, endpoint] => {
                    let new = self.delivered.insert((event.to_owned(), endpoint.to_owned()));
                    assert!(new, "{event} was leased again after it was acknowledged");
                }
                ["refused", ..] => self.refused.push(line.to_owned()),
                _ => {}
            }
        }
    }

    /// Everything that was answered is there, and nothing is half there.
    fn hold(&self, folder: &Path) {
        let mut store = Store::open(folder).unwrap();
        let outcomes = store.verify_outcomes().unwrap();
        store.verify_audit().unwrap();
        assert!(outcomes >= self.ended.len() as u64);
        let unfinished = store.open_sessions().unwrap();
        let session = |id: &String| store.session(&SessionId::try_from(id.clone()).unwrap()).unwrap();
        assert!(self.open.iter().all(|id| session(id).is_some()), "an answered session is lost");
        let mut events = BTreeSet::new();
        for (id, (sequence, hash)) in &self.ended {
            let finished = verify(&mut store, &SessionId::try_from(id.clone()).unwrap()).unwrap();
            let outcome = finished.outcome.unwrap();
            assert_eq!((outcome.sequence, &attestation_hash(&outcome.attestation)), (*sequence, hash));
            events.extend(["shop", "till"].map(|endpoint| (finished.event.clone(), endpoint.to_owned())));
        }
        assert_eq!(store.verify_outcomes().unwrap(), outcomes, "no end was written twice");
        assert!(unfinished.iter().all(|open| !self.ended.contains_key(open.id.as_str())));
        // Every event is there for both endpoints, and is delivered where that was answered.
        let rows = rows_of_outbox(folder);
        assert!(events.iter().all(|event| rows.contains_key(event)), "an event is lost");
        assert!(self.delivered.iter().all(|event| rows[event] == "delivered"), "an acknowledgement is lost");
        let waiting = rows.values().filter(|state| *state == "waiting").count();
        assert_eq!(waiting as u64, store.outbox_counts().unwrap().waiting);
    }
}

/// State by event and endpoint.
fn rows_of_outbox(folder: &Path) -> BTreeMap<(String, String), String> {
    let connection = rusqlite::Connection::open(folder.join("store.db")).unwrap();
    let mut statement = connection.prepare("SELECT event, endpoint, state FROM outbox").unwrap();
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn what_was_answered_is_there_after_every_kill() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("store");
    let program = std::env::current_exe().unwrap();
    let mut answered = Answered::default();
    for _ in 0..KILLS {
        let mut child = child(&program, &folder).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut heard = String::new();
        // Killed after some answers and a moment more, so that it dies in the midst of whatever comes next.
        let lines = fastrand::usize(4..60);
        for _ in 0..lines {
            assert!(output.read_line(&mut heard).unwrap() > 0, "the child ended by itself: {heard}");
        }
        let (heard_at, moment) = (Instant::now(), Duration::from_micros(fastrand::u64(0..3000)));
        while heard_at.elapsed() < moment {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        output.read_to_string(&mut heard).unwrap();
        answered.hear(&heard);
    }
    assert_eq!(answered.refused, Vec::<String>::new());
    assert!(answered.ended.len() >= KILLS, "{} ends were answered", answered.ended.len());
    answered.hold(&folder);
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
        let mut child = child_as("the_guesser", &program, &folder).spawn().unwrap();
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
    let limited = "trap '' XFSZ; ulimit -f 1500; exec \"$0\" --exact the_child --nocapture --test-threads=1";
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
