use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_795_000_000;
const AT: i64 = 1_795_000_000;
const BODY: &[u8] = br#"{"id":"evt_1","type":"verification_session.verified"}"#;

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::new(text).unwrap()
}

fn signed() -> (String, [WebhookSecret; 1]) {
    let secrets = [secret("whsec_for_tests")];
    (sign(&secrets, NOW, BODY), secrets)
}

#[test]
fn the_keyed_hash_is_that_of_the_sdk_s_own_vector() {
    let mut mac = secret("test_secret").of_text;
    mac.update(b"");
    let mut hex = String::new();
    push_hex(&mut hex, &mac.finalize().into_bytes());
    assert_eq!(hex, "f7f9bd47fb987337b5796fdc1fdb9ba221d0d5396814bfcaf9521f43fd8927fd");
}

#[test]
fn the_header_has_a_time_and_one_signature_a_secret_without_spaces() {
    let header = sign(&[secret("whsec_new_one"), secret("whsec_old_one")], NOW, BODY);
    let parts: Vec<&str> = header.split(',').collect();
    assert_eq!(parts[0], format!("t={NOW}"));
    assert_eq!(parts.len(), 3);
    for part in &parts[1..] {
        let hex = part.strip_prefix("v1=").unwrap();
        assert!(hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    }
    assert_ne!(parts[1], parts[2]);
}

#[test]
fn during_a_rotation_either_secret_verifies_at_either_end() {
    let (new, old) = (secret("whsec_new_one"), secret("whsec_old_one"));
    let both = sign(&[new.clone(), old.clone()], NOW, BODY);
    assert_eq!(verify(&both, BODY, std::slice::from_ref(&new), AT), Ok(()));
    assert_eq!(verify(&both, BODY, std::slice::from_ref(&old), AT), Ok(()));
    assert_eq!(verify(&sign(std::slice::from_ref(&old), NOW, BODY), BODY, &[new, old], AT), Ok(()));
    assert_eq!(verify(&both, BODY, &[secret("whsec_another")], AT), Err(SignatureError::Mismatch));
    assert_eq!(verify(&both, BODY, &[], AT), Err(SignatureError::Mismatch));
}

#[test]
fn every_single_bit_flip_of_the_body_is_refused() {
    let (header, secrets) = signed();
    for bit in 0..BODY.len() * 8 {
        let mut body = BODY.to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(&header, &body, &secrets, AT), Err(SignatureError::Mismatch), "bit {bit}");
    }
}

#[test]
fn every_single_bit_flip_of_the_header_is_refused() {
    let (header, secrets) = signed();
    for bit in 0..header.len() * 8 {
        let mut flipped = header.clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // What is no text never becomes a header.
        let Ok(flipped) = String::from_utf8(flipped) else { continue };
        assert!(verify(&flipped, BODY, &secrets, AT).is_err(), "bit {bit}: {flipped}");
    }
}

#[test]
fn a_body_that_is_cut_or_longer_is_refused() {
    let (header, secrets) = signed();
    for length in 0..BODY.len() {
        assert_eq!(verify(&header, &BODY[..length], &secrets, AT), Err(SignatureError::Mismatch));
    }
    assert_eq!(verify(&header, &[BODY, b" "].concat(), &secrets, AT), Err(SignatureError::Mismatch));
}

#[test]
fn the_time_may_be_300_seconds_off_either_way_and_not_one_more() {
    let (header, secrets) = signed();
    let at = |now: i64| verify(&header, BODY, &secrets, now);
    assert_eq!((at(AT + 300), at(AT - 300)), (Ok(()), Ok(())));
    assert_eq!(at(AT + 301), Err(SignatureError::TooOld));
    assert_eq!(at(AT - 301), Err(SignatureError::InFuture));
    assert_eq!((at(i64::MAX), at(i64::MIN)), (Err(SignatureError::TooOld), Err(SignatureError::InFuture)));
    assert_eq!(at(-86_400), Err(SignatureError::InFuture), "a clock before 1970 believes nothing");
}

#[test]
fn a_forged_time_is_a_mismatch_and_not_a_question_of_age() {
    let (header, secrets) = signed();
    let fresh = header.replace(&format!("t={NOW}"), &format!("t={}", NOW + 1000));
    assert_eq!(verify(&fresh, BODY, &secrets, AT + 1000), Err(SignatureError::Mismatch));
}

#[test]
fn malformed_headers_are_refused_by_name() {
    let (header, secrets) = signed();
    let signature = header.split_once(',').unwrap().1;
    let of = |header: &str| verify(header, BODY, &secrets, AT).unwrap_err();
    for malformed in [
        String::new(),
        ",".to_owned(),
        "t".to_owned(),
        signature.to_owned(),
        format!("{header},"),
        format!("{header};v1"),
        format!("t={NOW},{header}"),
        format!("{header},t={NOW}"),
        format!("t=-{NOW},{signature}"),
        format!("t=+{NOW},{signature}"),
        format!("t= {NOW},{signature}"),
        format!("t=0{NOW},{signature}"),
        format!("t=,{signature}"),
        format!("t={NOW}.0,{signature}"),
        format!("t=99999999999999999999999,{signature}"),
        format!("t={},{signature}", u64::MAX),
        format!("t=\u{0661}\u{0662},{signature}"),
        format!("T={NOW},{signature}"),
    ] {
        // The one with a semicolon hides its tail in the signature, which then is none.
        let expected = if malformed.contains(';') { SignatureError::Mismatch } else { SignatureError::Malformed };
        assert_eq!(of(&malformed), expected, "{malformed}");
    }
    assert_eq!(of(&format!("t={NOW}")), SignatureError::NoSignature);
    assert_eq!(of(&format!("t={NOW}, {signature}")), SignatureError::NoSignature, "a space belongs to the name");
    assert_eq!(of(&header.to_uppercase().replace("T=", "t=").replace("V1=", "v1=")), SignatureError::Mismatch);
    assert_eq!(of(&format!("t={NOW},v1=")), SignatureError::Mismatch);
}

#[test]
fn other_schemes_are_passed_over_and_never_stand_in_for_v1() {
    let (header, secrets) = signed();
    assert_eq!(verify(&format!("{header},v0=00,v2=11"), BODY, &secrets, AT), Ok(()));
    assert_eq!(
        verify(&header.replace("v1=", "v0="), BODY, &secrets, AT),
        Err(SignatureError::NoSignature),
        "a downgrade"
    );
    let junk = header.replace("v1=", &format!("v1={},v1=zz,v1=", "0".repeat(64)));
    assert_eq!(verify(&junk, BODY, &secrets, AT), Ok(()), "one good signature among several is enough");
}

#[test]
fn headers_and_bodies_have_a_length_limit() {
    let (header, secrets) = signed();
    let signature = header.split_once(',').unwrap().1;
    let long = format!("{header},x={}", "y".repeat(MAX_HEADER_BYTES));
    assert_eq!(verify(&long, BODY, &secrets, AT), Err(SignatureError::HeaderTooLong));
    let many = format!("t={NOW}{}", format!(",{signature}").repeat(MAX_SIGNATURES + 1));
    assert_eq!(verify(&many, BODY, &secrets, AT), Err(SignatureError::HeaderTooLong));
    let body = vec![b' '; MAX_BODY_BYTES + 1];
    assert_eq!(verify(&sign(&secrets, NOW, &body), &body, &secrets, AT), Err(SignatureError::BodyTooLong));
    assert_eq!(verify(&sign(&secrets, NOW, &body[1..]), &body[1..], &secrets, AT), Ok(()));
}

#[test]
fn secrets_are_whole_and_never_printed() {
    assert_eq!(WebhookSecret::new("short").unwrap_err(), SecretError::Length);
    assert_eq!(WebhookSecret::new(&"x".repeat(257)).unwrap_err(), SecretError::Length);
    assert_eq!(WebhookSecret::new("whsec_with_newline\n").unwrap_err(), SecretError::Character);
    assert_eq!(format!("{:?}", secret("whsec_for_tests")), "[redacted]");
    let text = WebhookSecret::text_from_random(&[0xa5; 32]);
    assert_eq!(text.as_str(), format!("whsec_{}", "a5".repeat(32)));
    assert!(WebhookSecret::new(&text).is_ok());
}

#[test]
fn a_secret_s_keyed_state_is_wiped_when_dropped() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    // The keyed hash is two states of this one and a buffer, and says nothing of itself.
    wiped::<Sha256>();
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_nothing_else_does(
        text in "[!-~]{8,256}",
        other in "[!-~]{8,256}",
        body in proptest::collection::vec(any::<u8>(), 0..400),
        seconds in 0_u64..900_000_000_000,
        off in -300_i64..=300,
    ) {
        let (mine, theirs) = (secret(&text), secret(&other));
        let header = sign(std::slice::from_ref(&mine), seconds, &body);
        let now = i64::try_from(seconds).unwrap() + off;
        prop_assert_eq!(verify(&header, &body, &[mine], now), Ok(()));
        // A key is padded with zeros, so only different texts are different keys; these have no zero bytes.
        prop_assert_eq!(verify(&header, &body, &[theirs], now).is_ok(), text == other);
    }

    #[test]
    fn no_header_makes_it_panic(header in "(t=|v1=|,|=|[0-9a-f]{0,70}|\\PC){0,12}") {
        let _ = verify(&header, BODY, &[secret("whsec_for_tests")], AT);
    }
}
