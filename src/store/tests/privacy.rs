//! Nothing that a document says is ever in a file, not even for a moment.

use std::path::Path;

use super::*;

/// Every file of the folder, by name, read while the store is open or after it was dropped.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
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
            let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
            let reversed = |text: &str| text.chars().rev().collect::<String>();
            [wide(text), wide(&upper), hex(text), hex(&upper), reversed(text)]
        })
        .collect();
    canaries.extend(more);
    canaries
}

fn search(folder: &Path, when: &str) {
    let files = files(folder);
    for (name, bytes) in &files {
        for canary in canaries() {
            assert!(!holds(bytes, &canary), "{canary:?} is in {name}, {when}");
        }
        // Base64 of a text depends on where in a group of three it begins: what is inside every JWS is decoded instead.
        for jws in String::from_utf8_lossy(bytes).split(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c)) {
            let parts = jws.split('.').filter_map(|part| {
                base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, part).ok()
            });
            for part in parts {
                assert!(!canaries().iter().any(|canary| holds(&part, canary)), "a JWS in {name}, {when}");
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
    let found = files(folder.path()).iter().any(|(_, bytes)| holds(bytes, session.id.as_str()));
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
