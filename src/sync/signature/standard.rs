//! The signature of Standard Webhooks (specification 1.0.0 of standard-webhooks, symmetric scheme `v1`), sent beside the dialects' own so that its
//! libraries verify our events as they are.
//!
//! Three headers: `webhook-id`, the event's identifier; `webhook-timestamp`, unix seconds; `webhook-signature`, for each
//! secret `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, with spaces between. The key is what the secret's text after
//! `whsec_` encodes in base64, 24 to 64 bytes. A secret that is none of that scheme signs nothing here.
//!
//! Always holds: as in [`super`]. Does not read a clock.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    SIGNATURE_BYTES, SignatureError, WebhookSecret, expect_match, expect_recent, expect_short, expect_some, time_of,
};

/// The headers, in the order of [`StandardSignature`]'s fields.
pub const STANDARD_HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];
/// Bytes of a key.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Longest identifier in bytes.
const MAX_ID_BYTES: usize = 256;

/// The values of the three headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandardSignature<'h> {
    /// Names the event.
    pub id: &'h str,
    /// When it was sent.
    pub timestamp: &'h str,
    /// What proves both, and the body.
    pub signature: &'h str,
}

/// The key of a secret that has one.
pub(super) fn key_of(text: &str) -> Option<Hmac<Sha256>> {
    let key = Zeroizing::new(STANDARD.decode(text.strip_prefix("whsec_")?).ok()?);
    KEY_BYTES.contains(&key.len()).then(|| Hmac::new_from_slice(&key).ok()).flatten()
}

impl WebhookSecret {
    /// Whether it signs in the way of Standard Webhooks, too.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        self.of_bytes.is_some()
    }

    fn over_standard(&self, id: &str, time: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = self.of_bytes.clone()?;
        for part in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
            mac.update(part);
        }
        Some(mac)
    }
}

/// Whether an identifier can be signed: a full stop in it would let it end elsewhere.
fn is_id(id: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
}

/// The value of `webhook-signature` for an event that is sent at `unix_seconds`; `None` where no secret is one of this scheme.
#[must_use]
pub fn sign_standard(secrets: &[WebhookSecret], id: &str, unix_seconds: u64, body: &[u8]) -> Option<String> {
    let time = unix_seconds.to_string();
    let signed = secrets.iter().filter(|_| is_id(id)).filter_map(|secret| secret.over_standard(id, &time, body));
    let signatures: Vec<String> =
        signed.map(|mac| format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))).collect();
    (!signatures.is_empty()).then(|| signatures.join(" "))
}

/// Whether a body was signed so with one of the secrets within [`TOLERANCE_SECONDS`](super::TOLERANCE_SECONDS) of
/// `now_unix_seconds`. Schemes other than `v1` are passed over.
///
/// # Errors
/// [`SignatureError`] when it was not.
pub fn verify_standard(
    said: &StandardSignature<'_>,
    body: &[u8],
    secrets: &[WebhookSecret],
    now_unix_seconds: i64,
) -> Result<(), SignatureError> {
    expect_short(said.signature, body)?;
    if !is_id(said.id) {
        return Err(SignatureError::Malformed);
    }
    let unix_seconds = time_of(said.timestamp).ok_or(SignatureError::Malformed)?;
    let of_this_scheme: Vec<&str> = said.signature.split(' ').filter_map(|item| item.strip_prefix("v1,")).collect();
    expect_some(of_this_scheme.len())?;
    // The decoder takes one spelling only of any bytes.
    let decoded = of_this_scheme.iter().filter_map(|text| STANDARD.decode(text).ok());
    let signatures: Vec<[u8; SIGNATURE_BYTES]> = decoded.filter_map(|bytes| bytes.try_into().ok()).collect();
    let macs = secrets.iter().filter_map(|secret| secret.over_standard(said.id, said.timestamp, body));
    expect_match(macs, &signatures)?;
    expect_recent(unix_seconds, now_unix_seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{MAX_HEADER_BYTES, MAX_SIGNATURES};
    use super::*;

    const AT: i64 = 1_614_265_330;
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    /// The secret of the specification's own example.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(text).unwrap()
    }

    fn at(id: &str, timestamp: &str, signature: &str, body: &[u8], now: i64) -> Result<(), SignatureError> {
        verify_standard(&StandardSignature { id, timestamp, signature }, body, &[secret(SECRET)], now)
    }

    fn signed() -> String {
        sign_standard(&[secret(SECRET)], ID, 1_614_265_330, BODY).unwrap()
    }

    #[test]
    fn the_signature_is_that_of_the_libraries_own_vector() {
        assert_eq!(signed(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_encodes_no_key_of_that_length_signs_nothing() {
        let new = WebhookSecret::text_from_random(&[0xa5; 32]);
        assert!(secret(&new).is_standard(), "one that was made here does");
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        for text in ["whsec_for_tests", "no_prefix_at_all", &SECRET[6..], &short, &long] {
            let secrets = [secret(text)];
            assert!(!secrets[0].is_standard() && sign_standard(&secrets, ID, 1, BODY).is_none(), "{text}");
        }
        let both = [secret("whsec_for_tests"), secret(SECRET)];
        assert_eq!(sign_standard(&both, ID, 1_614_265_330, BODY).unwrap(), signed());
    }

    #[test]
    fn every_single_bit_flip_is_refused() {
        let (signature, time) = (signed(), AT.to_string());
        assert_eq!(at(ID, &time, &signature, BODY, AT), Ok(()));
        let flips = |text: &[u8]| -> Vec<Vec<u8>> {
            let flip = |bit: usize| {
                let mut flipped = text.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                flipped
            };
            (0..text.len() * 8).map(flip).collect()
        };
        for body in flips(BODY) {
            assert_eq!(at(ID, &time, &signature, &body, AT), Err(SignatureError::Mismatch));
        }
        for text in flips(ID.as_bytes()).into_iter().filter_map(|text| String::from_utf8(text).ok()) {
            assert!(at(&text, &time, &signature, BODY, AT).is_err(), "{text}");
        }
        for text in flips(time.as_bytes()).into_iter().filter_map(|text| String::from_utf8(text).ok()) {
            assert!(at(ID, &text, &signature, BODY, AT).is_err(), "{text}");
        }
        for text in flips(signature.as_bytes()).into_iter().filter_map(|text| String::from_utf8(text).ok()) {
            assert!(at(ID, &time, &text, BODY, AT).is_err(), "{text}");
        }
    }

    #[test]
    fn the_time_may_be_300_seconds_off_either_way_and_not_one_more() {
        let (signature, time) = (signed(), AT.to_string());
        let at = |now| at(ID, &time, &signature, BODY, now);
        assert_eq!((at(AT + 300), at(AT - 300)), (Ok(()), Ok(())));
        assert_eq!((at(AT + 301), at(AT - 301)), (Err(SignatureError::TooOld), Err(SignatureError::InFuture)));
        assert_eq!((at(-1), at(i64::MIN)), (Err(SignatureError::InFuture), Err(SignatureError::InFuture)));
    }

    #[test]
    fn malformed_headers_are_refused_by_name() {
        let (signature, time) = (signed(), AT.to_string());
        let spelt = ["", "01614265330", "+1614265330", " 1614265330", "1614265330.0", "99999999999999"];
        for time in spelt {
            assert_eq!(at(ID, time, &signature, BODY, AT), Err(SignatureError::Malformed), "{time}");
        }
        for id in ["", "evt.1", "evt 1", "évt", &"e".repeat(257)] {
            assert_eq!(at(id, &time, &signature, BODY, AT), Err(SignatureError::Malformed), "{id}");
        }
        for none in ["", "v1", &signature[3..], &signature.replace("v1,", "v2,"), &signature.replace("v1,", "V1,")] {
            assert_eq!(at(ID, &time, none, BODY, AT), Err(SignatureError::NoSignature), "{none}");
        }
        let many = [signature.as_str(); MAX_SIGNATURES + 1].join(" ");
        for long in [many, format!("{signature} {}", "x".repeat(MAX_HEADER_BYTES))] {
            assert_eq!(at(ID, &time, &long, BODY, AT), Err(SignatureError::HeaderTooLong));
        }
        assert_eq!(at(ID, &time, &format!("v1a,xx v1,zz {signature}"), BODY, AT), Ok(()), "one good one is enough");
        // The id ends where it ends, and not a piece further on.
        let moved = sign_standard(&[secret(SECRET)], "a", 1, b"2.x").unwrap();
        assert_eq!(at("a", "1", &moved, b"2.x", 1), Ok(()));
        assert!(at("a.1", "2", &moved, b"x", 1).is_err());
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_nothing_else_does(
            key in proptest::collection::vec(any::<u8>(), 24..=64),
            other in proptest::collection::vec(any::<u8>(), 24..=64),
            body in proptest::collection::vec(any::<u8>(), 0..400),
            seconds in 0_u64..900_000_000_000,
            off in -300_i64..=300,
        ) {
            let of = |key: &[u8]| secret(&format!("whsec_{}", STANDARD.encode(key)));
            let header = sign_standard(&[of(&key)], "evt_1", seconds, &body).unwrap();
            let time = seconds.to_string();
            let said = StandardSignature { id: "evt_1", timestamp: &time, signature: &header };
            let now = i64::try_from(seconds).unwrap() + off;
            prop_assert_eq!(verify_standard(&said, &body, &[of(&key)], now), Ok(()));
            // A key is padded with zeros.
            let padded = |key: &[u8]| [key, &[0; 64]].concat()[..64].to_vec();
            let same = padded(&key) == padded(&other);
            prop_assert_eq!(verify_standard(&said, &body, &[of(&other)], now).is_ok(), same);
        }

        #[test]
        fn no_headers_make_it_panic(id in "\\PC{0,20}", timestamp in "[0-9 .+-]{0,16}|\\PC{0,9}", signature in "(v1,|v1a,| |[A-Za-z0-9+/=]{0,44}|\\PC){0,12}") {
            let _ = at(&id, &timestamp, &signature, BODY, AT);
        }
    }
}
