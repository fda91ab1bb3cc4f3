//! Passes: who has signed one, and what earns one.

use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::*;
use crate::imaging::Provenance;
use crate::privacy::FleetKey;
use crate::session::{DeviceHint, Pass, PassSeed, SignedPass, Strength};
use crate::store::{DevicePublicKey, KeyError, begin_rotation, finish_rotation, load_fleet_key};

fn earned(evidence: &Evidence, device: DeviceHint, hours: u16) -> Option<Pass> {
    let fields = &evidence.document.as_ref()?.fields;
    let seed = PassSeed {
        anchor: FleetKey::from_bytes(&[5; 32]).pass_anchor(fields)?,
        device,
        rule: &rule(),
        decided_at: now(),
        expires_at: later(24 * 3_600),
        hours,
    };
    Pass::earned(seed, &decision_on(evidence), evidence)
}

fn pass(device: DeviceHint) -> Pass {
    earned(&evidence(), device, 24).unwrap()
}

#[test]
fn a_pass_is_earned_by_document_and_face_alone_and_is_never_longer_than_the_outcome_or_what_is_configured() {
    let of = |evidence: &Evidence, hours| earned(evidence, [1; 8], hours);
    let whole = of(&evidence(), 500).unwrap();
    assert!(whole.issued_at() <= now() && whole.expires_at() <= later(24 * 3_600));
    assert_eq!((whole.tier(), whole.strength(), whole.livemode()), (rule().tier, Strength::DocumentFace, false));
    assert_eq!(whole.issued_at().as_second() % 3_600, 0, "whole hours alone");
    let short = of(&evidence(), 2).unwrap();
    assert_eq!(short.expires_at().duration_since(short.issued_at()), SignedDuration::from_hours(2));
    assert!(of(&evidence(), 0).is_none(), "no hour at all");
    let text = short.signed(&[0; 64]);
    let trusted = SignedPass::parse(text.as_str()).unwrap().trusted("key".to_owned(), Provenance::Simulated);
    for without in [
        Evidence { face_match: None, ..evidence() },
        Evidence { liveness: None, ..evidence() },
        Evidence { document: None, ..evidence() },
        Evidence { pass: Some(trusted.clone()), ..evidence() },
        Evidence { pass: Some(trusted), liveness: None, face_match: None, ..evidence() },
    ] {
        assert!(of(&without, 24).is_none());
    }
}

#[test]
fn a_pass_is_known_by_the_key_that_signed_it_and_by_no_other() {
    let ((_mine, mine), (_theirs, theirs)) = (fresh(), fresh());
    let pass = pass(mine.public_key().hint());
    let text = mine.sign_pass(&pass);
    let read = SignedPass::parse(text.as_str()).unwrap();
    assert!(mine.public_key().has_signed(&read) && !theirs.public_key().has_signed(&read));
    // A box that names itself as another signs for nobody.
    let posing = theirs.sign_pass(&pass);
    assert!(!mine.public_key().has_signed(&SignedPass::parse(posing.as_str()).unwrap()));
    assert!(!theirs.public_key().has_signed(&SignedPass::parse(posing.as_str()).unwrap()));
    let written = URL_SAFE_NO_PAD.encode(mine.public_key().to_bytes());
    assert_eq!(DevicePublicKey::parse(&written), Some(mine.public_key()));
    assert!(DevicePublicKey::parse("AAAA").is_none() && DevicePublicKey::parse(&"A".repeat(43)).is_none());
}

#[test]
fn during_a_rotation_a_box_that_lists_both_keys_knows_the_passes_of_either() {
    let (folder, store) = fresh();
    let old = store.public_key();
    let before = store.sign_pass(&pass(old.hint()));
    drop(store);
    let next = begin_rotation(folder.path()).unwrap().next.unwrap();
    let listed = [old, DevicePublicKey::parse(&next.public_key).unwrap()];
    finish_rotation(folder.path(), now()).unwrap();
    let store = Store::open(folder.path()).unwrap();
    let after = store.sign_pass(&pass(store.public_key().hint()));
    let by = |text: &str| listed.map(|key| key.has_signed(&SignedPass::parse(text).unwrap()));
    assert_eq!((by(before.as_str()), by(after.as_str())), ([true, false], [false, true]));
}

#[test]
fn whatever_bit_is_changed_the_pass_is_refused() {
    let (_folder, store) = fresh();
    let key = store.public_key();
    let text = store.sign_pass(&pass(key.hint()));
    let holds = |text: &str| SignedPass::parse(text).is_ok_and(|pass| key.has_signed(&pass));
    assert!(holds(text.as_str()));
    for (at, bit) in (0..text.as_str().len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bytes = text.as_str().as_bytes().to_vec();
        bytes[at] ^= 1 << bit;
        assert!(!String::from_utf8(bytes).is_ok_and(|other| holds(&other)), "bit {bit} of character {at}");
    }
    for cut in 0..text.as_str().len() {
        assert!(!holds(&text.as_str()[..cut]), "{cut}");
    }
    proptest!(|(at in 0..text.as_str().len(), to in "[0-9A-Z $%*+./:-]")| {
        let mut other = text.as_str().to_owned();
        other.replace_range(at..=at, &to);
        prop_assert_eq!(holds(&other), other == text.as_str());
    });
}

#[test]
fn the_fleet_s_key_is_read_only_from_a_file_of_its_own_that_nobody_else_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.key");
    assert!(matches!(load_fleet_key(&path), Err(KeyError::NoFleet(_))));
    std::fs::write(&path, [7; 32]).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(load_fleet_key(&path), Err(KeyError::Exposed(_))));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(load_fleet_key(&path).is_ok());
    std::fs::write(&path, [7; 31]).unwrap();
    assert!(matches!(load_fleet_key(&path), Err(KeyError::Length(_))));
}
