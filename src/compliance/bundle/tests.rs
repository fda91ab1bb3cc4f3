use proptest::prelude::*;

use super::*;

/// A table of one place, of a day and a version.
pub fn small(version: &str, made_on: &str) -> TableTexts {
    let places = format!(
        r#"
        rule_version = "{version}"
        made_on = "{made_on}"
        [terms]
        allowed_methods = ["document_face"]
        consent_required = true
        consent_text = "check-1"
        biometric_retention_days = 0
        credential_validity_days = 1
        [[jurisdiction]]
        code = "US-CA"
        name = "California"
        time_zones = ["America/Los_Angeles"]
        "#
    );
    let rules = r#"
        [[source]]
        id = "a"
        title = "Act A"
        url = "https://law.example/a"
        read_on = "2025-12-31"
        says = "So."
        [[rule]]
        use_cases = ["alcohol_in_person", "alcohol_delivery", "tobacco_nicotine"]
        places = ["US-CA"]
        tier = "over_25"
        sources = ["a"]
    "#;
    TableTexts { places, regions: vec![RegionText { name: "us".to_owned(), rules: rules.to_owned() }] }
}

pub fn secret(number: u8) -> PublisherSecret {
    PublisherSecret::from_bytes(&[number; PUBLISHER_KEY_BYTES])
}

pub fn sealed(version: &str, made_on: &str) -> String {
    seal(small(version, made_on), &secret(1)).unwrap()
}

pub fn trusting(keys: &[PublisherKey]) -> Accepts<'_> {
    Accepts { keys, consent_texts: &["check-1"] }
}

fn opened(bundle: &[u8]) -> Result<RuleBook, BundleError> {
    open(bundle, trusting(&[secret(1).public()]))
}

/// A bundle of which a part was changed before it was signed.
fn signed(payload: &str) -> Vec<u8> {
    let secret = secret(1);
    let sig = STANDARD.encode(secret.0.sign(&signed_bytes(payload.as_bytes())).to_bytes());
    let signatures = vec![EnvelopeSignature { keyid: secret.public().id().to_owned(), sig }];
    let envelope = Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload: STANDARD.encode(payload), signatures };
    serde_json::to_vec(&envelope).unwrap()
}

fn payload_of(bundle: &str) -> String {
    let envelope: Envelope = serde_json::from_str(bundle).unwrap();
    String::from_utf8(STANDARD.decode(envelope.payload).unwrap()).unwrap()
}

#[test]
fn what_was_sealed_is_opened_with_its_rules_and_its_publisher() {
    let book = opened(sealed("2027-01", "2027-01-01").as_bytes()).unwrap();
    assert_eq!((book.version(), book.made_on().to_string().as_str()), ("2027-01", "2027-01-01"));
    assert_eq!(book.signed_by(), Some(secret(1).public().id()));
    assert_eq!(book.places().collect::<Vec<_>>(), ["US-CA"]);
}

#[test]
fn the_built_in_table_fits_into_a_bundle_and_the_bundle_into_a_message() {
    let region = |name: &str, rules: &str| RegionText { name: name.to_owned(), rules: rules.to_owned() };
    let texts = TableTexts {
        places: include_str!("../rules/places.toml").to_owned(),
        regions: vec![
            region("ca", include_str!("../rules/ca.toml")),
            region("eu", include_str!("../rules/eu.toml")),
            region("gb", include_str!("../rules/gb.toml")),
            region("us", include_str!("../rules/us.toml")),
        ],
    };
    let bundle = seal(texts, &secret(1)).unwrap();
    let book = opened(bundle.as_bytes()).unwrap();
    assert_eq!(book.coverage(), RuleBook::built_in().unwrap().coverage());
    let order = crate::session::protocol::RulesOrder::Install { bundle };
    let message = crate::session::protocol::ClientMessage::Rules(order);
    assert!(crate::session::protocol::encode(&message).is_ok());
}

#[test]
fn a_key_that_is_not_trusted_opens_nothing_whatever_the_bundle_calls_it() {
    let bundle = sealed("a", "2027-01-01");
    let (own, other) = (secret(1).public(), secret(2).public());
    let with = |bundle: &str, keys: &[PublisherKey]| open(bundle.as_bytes(), trusting(keys));
    assert!(matches!(with(&bundle, &[]), Err(BundleError::NoKeys)));
    assert!(matches!(with(&bundle, std::slice::from_ref(&other)), Err(BundleError::UnknownKey(id)) if id == own.id()));
    assert!(with(&bundle, &[other.clone(), own.clone()]).is_ok());
    let renamed = bundle.replace(own.id(), other.id());
    assert!(matches!(with(&renamed, &[own, other]), Err(BundleError::Signature)));
}

#[test]
fn every_change_of_a_single_bit_is_refused() {
    let bundle = sealed("a", "2027-01-01").into_bytes();
    let keys = [secret(1).public()];
    for at in 0..bundle.len() * 8 {
        let mut changed = bundle.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(open(&changed, trusting(&keys)).is_err(), "bit {} of byte {}", at % 8, at / 8);
    }
}

#[test]
fn what_is_cut_off_appended_said_twice_or_added_is_refused() {
    use BundleError as E;
    let bundle = sealed("a", "2027-01-01");
    for length in 0..bundle.trim_end().len() {
        assert!(opened(&bundle.as_bytes()[..length]).is_err(), "{length}");
    }
    assert!(matches!(opened(format!("{bundle}{{}}").as_bytes()), Err(E::Form(_))));
    assert!(matches!(opened(format!("{bundle}{bundle}").as_bytes()), Err(E::Form(_))));
    for (from, to) in [
        ("\"payload\":", "\"payload\": \"\", \"payload\":"),
        ("\"payload\":", "\"note\": 1, \"payload\":"),
        ("\"keyid\":", "\"keyid\": \"\", \"keyid\":"),
        ("\"signatures\": [", "\"signatures\": [], \"signatures\": ["),
    ] {
        assert!(matches!(opened(bundle.replacen(from, to, 1).as_bytes()), Err(E::Form(_))), "{to}");
    }
    let mut envelope: Envelope = serde_json::from_str(&bundle).unwrap();
    let again =
        EnvelopeSignature { keyid: envelope.signatures[0].keyid.clone(), sig: envelope.signatures[0].sig.clone() };
    envelope.signatures.push(again);
    assert!(matches!(opened(&serde_json::to_vec(&envelope).unwrap()), Err(E::Signatures)));
    envelope.signatures.clear();
    assert!(matches!(opened(&serde_json::to_vec(&envelope).unwrap()), Err(E::Signatures)));
    let other_type = bundle.replace(PAYLOAD_TYPE, "application/vnd.in-toto+json");
    assert!(matches!(opened(other_type.as_bytes()), Err(E::Type)));
    assert!(matches!(opened(&vec![b' '; MAX_BUNDLE_BYTES + 1]), Err(E::TooLong)));
}

#[test]
fn a_signature_over_the_bare_payload_or_over_another_type_opens_nothing() {
    let (payload, secret) = (payload_of(&sealed("a", "2027-01-01")), secret(1));
    for message in [payload.clone(), format!("DSSEv1 1 x {} {payload}", payload.len())] {
        let sig = STANDARD.encode(secret.0.sign(message.as_bytes()).to_bytes());
        let signatures = vec![EnvelopeSignature { keyid: secret.public().id().to_owned(), sig }];
        let envelope =
            Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload: STANDARD.encode(&payload), signatures };
        assert!(matches!(opened(&serde_json::to_vec(&envelope).unwrap()), Err(BundleError::Signature)));
    }
}

#[test]
fn what_a_publisher_signed_by_mistake_is_refused_too() {
    use BundleError as E;
    let payload = payload_of(&sealed("a", "2027-01-01"));
    assert!(opened(&signed(&payload)).is_ok());
    for (from, to, expected) in [
        ("{\"rule_version\":\"a\"", "{\"rule_version\":\"b\"", "states another rule_version"),
        ("\"made_on\":\"2027-01-01\"", "\"made_on\":\"2027-01-02\"", "states another made_on"),
        ("\"made_on\":\"2027-01-01\"", "\"made_on\":\"2027-01-01\",\"made_on\":\"2027-01-01\"", "duplicate field"),
        ("\"regions\":[", "\"regions\":[{\"name\":\"us\",\"rules\":\"\"},", "region without a name of its own"),
        ("\"regions\":[", "\"regions\":[{\"name\":\"\",\"rules\":\"\"},", "region without a name of its own"),
        ("over_25", "over_30", "cannot be read"),
        ("alcohol_delivery\\\", ", "firearms\\\", ", "no rule for alcohol_delivery in US-CA"),
        ("consent_text = \\\"check-1", "consent_text = \\\"check-9", "consent text \"check-9\""),
        ("retention_days = 0", "retention_days = 9", "keeps none"),
    ] {
        let changed = payload.replacen(from, to, 1);
        assert_ne!(changed, payload, "{from}");
        let error = opened(&signed(&changed)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(matches!(opened(&signed(&format!("{payload}{{}}"))), Err(E::Form(_))));
    assert!(seal(TableTexts { places: String::new(), regions: Vec::new() }, &secret(1)).is_err());
}

#[test]
fn a_public_key_is_read_as_it_is_printed_and_a_weak_one_never() {
    let key = secret(1).public();
    assert_eq!(key.to_string().parse(), Ok(key.clone()));
    assert!(!format!("{:?}", secret(1)).contains(char::is_numeric));
    // The point of order one: every signature would hold.
    let neutral = URL_SAFE_NO_PAD.encode([&[1][..], &[0; 31]].concat());
    for text in [neutral.as_str(), "", "abc", &format!("{key} "), &format!("{key}=")] {
        assert_eq!(text.parse::<PublisherKey>(), Err(PublisherKeyError), "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_and_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<proptest::sample::Index>()) {
        prop_assert!(opened(&bytes).is_err());
        let mut spliced = sealed("a", "2027-01-01").into_bytes();
        let at = at.index(spliced.len());
        spliced.splice(at..at, bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()));
        let whole = spliced == sealed("a", "2027-01-01").into_bytes();
        prop_assert_eq!(opened(&spliced).is_ok(), whole);
    }
}
