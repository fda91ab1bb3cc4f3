//! Nothing that a document says is ever in a file, not even for a moment.

use std::path::Path;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

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
    // What a crash leaves is what the files hold now.
    let crashed = tempfile::tempdir().unwrap();
    for (name, bytes) in files(folder.path()) {
        std::fs::write(crashed.path().join(&name), bytes).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(crashed.path().join(&name), mode).unwrap();
    }
    let recovered = Store::open(crashed.path()).unwrap();
    assert_eq!((recovered.verify_outcomes().unwrap(), recovered.verify_audit().unwrap()), (2, 3));
    assert_eq!(recovered.open_sessions().unwrap().len(), 1);
    search(crashed.path(), "after a crash");
    drop((store, recovered));
    search(folder.path(), "after closing");
    search(crashed.path(), "after a crash and closing");
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
