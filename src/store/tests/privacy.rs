//! Nothing that a document says is ever in a file, not even for a moment.

use std::path::Path;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::privacy::ContactKind;
use crate::session::Dialect;
use crate::session::Idempotency;
use crate::session::protocol::Settlement;
use crate::store::{Actor, LeaseHolder, NewEvent, Requested};

/// Shorter runs of letters are no part of a JWS that could hold a payload.
const MIN_PART: usize = 64;

/// Every file of the folder, by name, read while the store is open or after it was dropped.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

/// One character a byte and lower case, so that a search is one for text.
fn searchable(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// What the evidence of these tests says of the person, in the forms in which it could be written.
fn canaries() -> Vec<String> {
    let mut canaries: Vec<String> = [
        "CANARY",
        "Fizzwick",
        "Quillon",
        "Brombeerstrauch",
        "4711 Zyzzyva",
        "Zyzzyva",
        "Qwertz",
        "Xanthippolis",
        "908172635",
        "D8675309Q",
        "P99887766",
        "1987-03-29",
        "19870329",
        "03291987",
        "870329",
        "2031-07-19",
        "2023-09-13",
    ]
    .map(str::to_owned)
    .into();
    let more: Vec<String> = canaries
        .iter()
        .flat_map(|text| {
            let upper = text.to_uppercase();
            let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).map(char::from).collect::<String>();
            let hex = |text: &str| crate::privacy::hexadecimal(text.as_bytes());
            let reversed = |text: &str| text.chars().rev().collect::<String>();
            [wide(text), wide(&upper), hex(text), hex(&upper), reversed(text)]
        })
        .collect();
    canaries.extend(more);
    canaries.iter().map(|canary| canary.to_ascii_lowercase()).collect()
}

fn search(folder: &Path, when: &str) {
    let (files, canaries) = (files(folder), canaries());
    let clean = |bytes: &[u8], what: &str| {
        let text = searchable(bytes);
        for canary in &canaries {
            assert!(!text.contains(canary), "{canary:?} is in {what}, {when}");
        }
    };
    for (name, bytes) in &files {
        clean(bytes, name);
        // Base64 of a text depends on where in a group of three it begins: what is inside every JWS is decoded instead.
        let letters = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"_-".contains(byte);
        for part in bytes.split(letters).filter(|part| part.len() >= MIN_PART) {
            if let Ok(decoded) = base64::Engine::decode(&URL_SAFE_NO_PAD, part) {
                clean(&decoded, &format!("a JWS of {name}"));
            }
        }
    }
    let keys = ["device.key", "anchor.key"].map(|key| files.iter().find(|(name, _)| name == key).unwrap().1.clone());
    for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with("store.db")) {
        for key in &keys {
            assert!(!bytes.windows(8).any(|window| window == &key[..8]), "a key is in {name}, {when}");
        }
    }
}

#[test]
fn no_personal_value_enters_any_file_while_open_after_a_crash_or_after_closing() {
    let (folder, mut store) = fresh();
    let (session, _) = verify_one(&mut store);
    let refused = record(SessionState::AwaitingFace);
    store.create_session(&refused).unwrap();
    end(&mut store, &refused, Some(&Evidence { face_match: None, ..evidence() }), &two_bodies).unwrap();
    // An end that fails after everything was handed to SQLite is rolled back, and leaves nothing either.
    let failing = record(SessionState::AwaitingFace);
    store.create_session(&failing).unwrap();
    let twice = |facts: &EventFacts<'_>| [two_bodies(facts), two_bodies(facts)].concat();
    end(&mut store, &failing, Some(&evidence()), &twice).unwrap_err();
    search(folder.path(), "while open");
    // The control: what may be there is found by the same search.
    let found = files(folder.path()).iter().any(|(_, bytes)| searchable(bytes).contains(session.id.as_str()));
    assert!(found, "the session's identifier is found");
    let crashed = crashed(folder.path());
    let recovered = Store::open(crashed.path()).unwrap();
    assert_eq!((recovered.verify_outcomes().unwrap(), recovered.verify_audit().unwrap()), (2, 3));
    assert_eq!(recovered.open_sessions().unwrap().len(), 1);
    search(crashed.path(), "after a crash");
    drop((store, recovered));
    search(folder.path(), "after closing");
    search(crashed.path(), "after a crash and closing");
}

/// What a crash leaves: what the files hold now.
fn crashed(folder: &Path) -> TempDir {
    let crashed = tempfile::tempdir().unwrap();
    for (name, bytes) in files(folder) {
        std::fs::write(crashed.path().join(&name), bytes).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(crashed.path().join(&name), mode).unwrap();
    }
    crashed
}

/// Whether any file holds a text, in any case.
fn holds(folder: &Path, text: &str) -> bool {
    files(folder).iter().any(|(_, bytes)| searchable(bytes).contains(&text.to_ascii_lowercase()))
}

/// Asks for a session whose texts all have a mark in them, and gives an answer and events that quote them.
fn ask_and_quote(store: &mut Store, mark: &str) -> SessionRecord {
    let mut said = requests::details(mark);
    // Long enough for pages of its own.
    let note = |number: usize| (format!("note {number}"), Some(format!("{mark} {}", "x".repeat(400))));
    said.metadata = said.metadata.updated(&(0..40).map(note).collect::<Vec<_>>(), false).unwrap();
    let (session, secrets) = (record(SessionState::Created), store.api_secrets());
    let contact = |kind, text: &str| secrets.contact(kind, text).unwrap();
    let email = contact(ContactKind::Email, "Zyzzyva.Quillon@xanthippolis.example");
    let phone = contact(ContactKind::Phone, "+908172635");
    let quoted = serde_json::to_string(&said.metadata).unwrap();
    let bodies = vec![OutboxBody { endpoint: "shop".to_owned(), body: quoted.clone() }];
    let event = NewEvent { event: Store::event_id().unwrap(), bodies, at: now() };
    let asked = Requested {
        record: &session,
        details: &said,
        key: None,
        email: Some(&email),
        phone: Some(&phone),
        event: Some(&event),
    };
    let key = secrets.idempotency("key", session.id.as_str());
    let digest = secrets.request_digest("POST", "/", &quoted.clone().into());
    assert_eq!(store.idempotency_begin(&key, &digest, Some(&session.id), now()).unwrap(), Idempotency::New);
    store.create_requested(&asked).unwrap();
    let secret = secrets.client_secret(&session.id, Dialect::Stripe);
    store.idempotency_answer(&key, 200, &format!("{{\"client_secret\":\"{secret}\",\"metadata\":{quoted}}}")).unwrap();
    session
}

#[test]
fn no_secret_key_or_contact_enters_any_file_and_no_text_outlives_redaction() {
    let (folder, mut store) = fresh();
    let (key, key_record, key_hash) = api_keys::key(&store, 7);
    store.add_api_key(&key_record, &key_hash).unwrap();
    let marks: Vec<String> = (0..12).map(|number| format!("brontosaurus{number:02}")).collect();
    let sessions: Vec<_> = marks.iter().map(|mark| ask_and_quote(&mut store, mark)).collect();
    for session in &sessions {
        end(&mut store, session, Some(&evidence()), &two_bodies).unwrap();
    }
    let no_secret = |folder: &Path, when: &str| {
        search(folder, when);
        assert!(!holds(folder, key.reveal()) && !holds(folder, &key.reveal()[8..]), "the key, {when}");
        for session in &sessions {
            for dialect in [Dialect::Stripe, Dialect::Stile] {
                let secret = store_secret(folder, session, dialect);
                let digits = secret.rsplit('_').next().unwrap();
                assert!(!holds(folder, digits), "a client's secret, {when}");
            }
        }
    };
    no_secret(folder.path(), "while open");
    for mark in &marks {
        assert!(holds(folder.path(), mark), "the control: {mark} is found before");
    }
    // Every second one is redacted, in an order of its own; what was owed is delivered before or afterwards.
    let holder = LeaseHolder(1);
    let acknowledge_all = |store: &mut Store| {
        for delivery in store.lease(holder, 64, now()).unwrap() {
            store.settle(holder, delivery.delivery, &Settlement::Acknowledged, now()).unwrap();
        }
    };
    let redacted = |number: usize| number % 2 == 1;
    for (number, session) in sessions.iter().enumerate().rev().filter(|(number, _)| redacted(*number)) {
        if number == 5 {
            acknowledge_all(&mut store);
        }
        assert!(store.redact(&session.id, now(), Actor::Till, None).unwrap());
    }
    acknowledge_all(&mut store);
    let erased = |folder: &Path, when: &str| {
        for (number, mark) in marks.iter().enumerate() {
            assert_eq!(holds(folder, mark), !redacted(number), "{mark}, {when}");
        }
        no_secret(folder, when);
    };
    erased(folder.path(), "after redaction");
    let after_crash = crashed(folder.path());
    let recovered = Store::open(after_crash.path()).unwrap();
    assert_eq!(recovered.details(&sessions[1].id).unwrap().unwrap().redacted_at, Some(now()));
    erased(after_crash.path(), "after a crash");
    drop((store, recovered));
    erased(folder.path(), "after closing");
}

#[test]
fn a_reader_beside_the_engine_puts_the_erasure_of_its_files_off_and_no_longer_than_it_reads() {
    let (folder, mut store) = fresh();
    let session = ask_and_quote(&mut store, "brontosaurus");
    end(&mut store, &session, Some(&evidence()), &no_bodies).unwrap();
    let holder = LeaseHolder(1);
    for delivery in store.lease(holder, 64, now()).unwrap() {
        store.settle(holder, delivery.delivery, &Settlement::Acknowledged, now()).unwrap();
    }
    let hash = store.api_secrets().contact(ContactKind::Phone, "+908172635").unwrap();
    let reader = tamperer(&folder);
    reader.execute_batch("BEGIN; SELECT count(*) FROM request").unwrap();
    assert!(store.redact(&session.id, now(), Actor::Till, None).unwrap());
    let found = |folder: &Path| ["brontosaurus", &hash].map(|text| holds(folder, text));
    assert!(store.owes_emptying() && found(folder.path()) == [true; 2], "the control: the reader holds it up");
    store.empty_journal_if_owed();
    assert!(store.owes_emptying() && found(folder.path()) == [true; 2]);
    // Killed now, the next start owes it too, and does it as soon as nobody reads.
    let crashed = crashed(folder.path());
    let recovered = Store::open(crashed.path()).unwrap();
    assert!(!recovered.owes_emptying() && found(crashed.path()) == [false; 2]);
    drop(reader);
    store.empty_journal_if_owed();
    assert!(!store.owes_emptying() && found(folder.path()) == [false; 2]);
    // The next statement waits for others as before.
    let timeout: i64 = store.connection.pragma_query_value(None, "busy_timeout", |row| row.get(0)).unwrap();
    assert_eq!(timeout, 5000);
}

/// The secret of a session of the device whose folder this is.
fn store_secret(folder: &Path, session: &SessionRecord, dialect: Dialect) -> String {
    let key: [u8; 32] = std::fs::read(folder.join("anchor.key")).unwrap().try_into().unwrap();
    crate::privacy::AnchorKey::from_bytes(&key).api_secrets().client_secret(&session.id, dialect)
}

#[test]
fn a_store_shows_nothing_of_its_keys_when_printed() {
    let (folder, store) = fresh();
    let printed = format!("{store:?}");
    for key in ["device.key", "anchor.key"] {
        let bytes = std::fs::read(folder.path().join(key)).unwrap();
        assert!(!printed.contains(&format!("{}, {}, {}", bytes[0], bytes[1], bytes[2])), "{key}");
    }
}
