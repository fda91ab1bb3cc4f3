//! One visit after the other on the real store, and what of it was answered.
//!
//! The process is this test program itself, started again as [`the_child`]. It says before each step which stage begins, and
//! after each what the store has answered; what it says of an answer is said when the store has given it, and not before.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use carded::session::protocol::Settlement;
use carded::session::{SessionId, SessionRecord, SessionState};
use carded::store::{
    EventFacts, Finish, Finished, LeaseHolder, OutboxBody, OutcomeDraft, Store, StoreError, attestation_hash,
};
use jiff::{SignedDuration, Timestamp};

use crate::support::verified;

/// Names the store's folder to a child.
pub const FOLDER: &str = "CARDED_STORE_CHILD_FOLDER";
/// How many visits a child plays; as many as it can without this.
pub const VISITS: &str = "CARDED_STORE_CHILD_VISITS";
pub const SYNC: LeaseHolder = LeaseHolder(1);

/// What a process is in the midst of, in the order of a visit and of its delivery.
pub const STAGES: [&str; 10] =
    ["opening", "created", "consent", "document", "face", "deciding", "committing", "leased", "sent", "settled"];

pub fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub fn record(id: SessionId, state: SessionState) -> SessionRecord {
    verified::record(id, state, now())
}

pub fn bodies(facts: &EventFacts<'_>) -> Vec<OutboxBody> {
    let body = serde_json::json!({ "id": facts.event, "attestation": facts.attestation }).to_string();
    ["shop", "till"].map(|endpoint| OutboxBody { endpoint: endpoint.to_owned(), body: body.clone() }).into()
}

pub fn verify(store: &mut Store, id: &SessionId) -> Result<Finished, StoreError> {
    let evidence = verified::evidence(verified::person(), "CANARY");
    let (decision, rule) = (verified::decision_on(&evidence), verified::rule());
    let expires_at = now() + SignedDuration::from_hours(24);
    let draft = OutcomeDraft { decision: &decision, evidence: &evidence, rule: &rule, decided_at: now(), expires_at };
    let record = record(id.clone(), SessionState::Verified);
    store.finish(&Finish { record: &record, ended_at: now(), outcome: Some(draft), bodies: &bodies })
}

/// Says something to the parent in one write, so that a kill leaves all of a line or nothing.
pub fn say(line: &str) {
    std::io::stdout().lock().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

fn at(stage: &str) {
    assert!(STAGES.contains(&stage));
    say(&format!("at {stage}"));
}

/// One session from its beginning to its delivered events; every answer of the store is passed on at once.
fn visit(store: &mut Store) -> Result<(), StoreError> {
    let id = SessionId::from_random(&std::array::from_fn(|_| fastrand::u8(..)));
    at("created");
    store.create_session(&record(id.clone(), SessionState::Created))?;
    say(&format!("open {id}"));
    for (stage, state) in [
        ("consent", SessionState::AwaitingConsent),
        ("document", SessionState::AwaitingDocument),
        ("face", SessionState::AwaitingFace),
        ("deciding", SessionState::Deciding),
    ] {
        at(stage);
        store.save_session(&record(id.clone(), state))?;
    }
    at("committing");
    let outcome = verify(store, &id)?.outcome.unwrap();
    say(&format!("ended {id} {} {}", outcome.sequence, attestation_hash(&outcome.attestation)));
    at("leased");
    for delivery in store.lease(SYNC, 2, now())? {
        at("sent");
        say(&format!("sent {} {} {}", delivery.event, delivery.endpoint, attestation_hash(&delivery.body)));
        at("settled");
        store.settle(SYNC, delivery.delivery, &Settlement::Acknowledged, now())?;
        say(&format!("delivered {} {}", delivery.event, delivery.endpoint));
    }
    Ok(())
}

/// Does nothing by itself: the work of the processes that the other tests start.
#[test]
fn the_child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let visits = std::env::var(VISITS).map_or(usize::MAX, |visits| visits.parse().unwrap());
    at("opening");
    let mut store = match Store::open(Path::new(&folder)) {
        Ok(store) => store,
        Err(error) => return say(&format!("refused {error:?}")),
    };
    for _ in 0..visits {
        if let Err(error) = visit(&mut store) {
            // What was there before the failure holds without a restart too.
            store.verify_outcomes().unwrap();
            store.verify_audit().unwrap();
            return say(&format!("refused {error:?}"));
        }
    }
    drop(store);
    say("done");
}

/// This program, as a child on a store.
pub fn child(program: &Path, folder: &Path) -> Command {
    child_as("workload::the_child", program, folder)
}

/// The same, with the test that it runs.
pub fn child_as(test: &str, program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// What the store has answered, and what a receiver has got.
#[derive(Default)]
pub struct Answered {
    pub open: BTreeSet<String>,
    pub ended: BTreeMap<String, (u64, String)>,
    /// Digest of the body, by event and endpoint.
    pub sent: BTreeMap<(String, String), String>,
    pub delivered: BTreeSet<(String, String)>,
    pub refused: Vec<String>,
    pub done: bool,
}

impl Answered {
    /// Takes in what a child has said, and answers the stage in which it ended.
    pub fn hear(&mut self, text: &str) -> Option<&'static str> {
        let mut stage = None;
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["at", now] => stage = STAGES.into_iter().find(|known| *known == now),
                ["open", id] => drop(self.open.insert(id.to_owned())),
                ["ended", id, sequence, hash] => {
                    self.ended.insert(id.to_owned(), (sequence.parse().unwrap(), hash.to_owned()));
                }
                ["sent", event, endpoint, digest] => self.receive(event, endpoint, digest),
                ["delivered", event, endpoint] => {
                    let new = self.delivered.insert((event.to_owned(), endpoint.to_owned()));
                    assert!(new, "{event} was leased again after it was acknowledged");
                }
                ["refused", ..] => self.refused.push(line.to_owned()),
                ["done"] => self.done = true,
                _ => {}
            }
        }
        stage
    }

    fn receive(&mut self, event: &str, endpoint: &str, digest: &str) {
        let before = self.sent.insert((event.to_owned(), endpoint.to_owned()), digest.to_owned());
        assert!(before.is_none_or(|before| before == digest), "{event} came with two bodies");
    }

    /// Everything that was answered is there, nothing is half there, and everything that is owed is delivered now.
    pub fn hold(&mut self, folder: &Path) {
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
        loop {
            let due = store.lease(SYNC, 64, now()).unwrap();
            if due.is_empty() {
                break;
            }
            for delivery in due {
                self.receive(&delivery.event, &delivery.endpoint, &attestation_hash(&delivery.body));
                store.settle(SYNC, delivery.delivery, &Settlement::Acknowledged, now()).unwrap();
            }
        }
        assert_eq!(store.outbox_counts().unwrap().waiting, 0);
        assert!(rows.keys().all(|event| self.sent.contains_key(event)), "an event was never delivered");
    }
}

/// State by event and endpoint.
fn rows_of_outbox(folder: &Path) -> BTreeMap<(String, String), String> {
    let connection = rusqlite::Connection::open(folder.join("store.db")).unwrap();
    let mut statement = connection.prepare("SELECT event, endpoint, state FROM outbox").unwrap();
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}
