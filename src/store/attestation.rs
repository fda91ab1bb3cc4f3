//! Outcomes as compact JSON Web Signatures: EdDSA over Ed25519 (RFC 7515, RFC 8037).
//!
//! Always holds: the payload is the outcome's JSON and so names device, sequence and the hash of the one before; what
//! verifies has exactly the header that this program writes, so that no header can choose another algorithm or key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::keys::{DeviceKey, DevicePublicKey};
use crate::privacy::hexadecimal;

/// Longest JWS in bytes.
pub const MAX_JWS_BYTES: usize = 64 << 10;
const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "carded-outcome+jws";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// An attestation that proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// Longer than [`MAX_JWS_BYTES`].
    #[error("the attestation is longer than {MAX_JWS_BYTES} bytes; refuse it")]
    TooLong,
    /// Not a compact JWS with a JSON object inside.
    #[error("the attestation is not a compact JWS with a JSON object; refuse it")]
    Form,
    /// Another algorithm or type.
    #[error("the attestation is of another algorithm or type; refuse it")]
    Kind,
    /// Signed by a key that was not asked for.
    #[error("the attestation names another key; look up the device's present key")]
    Key,
    /// The signature is not of these bytes.
    #[error("the attestation's signature does not hold; refuse it, it was altered or forged")]
    Signature,
}

/// Signs an outcome; `None` when it is no JSON or too long.
pub(super) fn sign(key: &DeviceKey, payload: &impl Serialize) -> Option<String> {
    sign_as(key, TYPE, payload)
}

/// The same for what is no outcome and says so by its type.
pub(super) fn sign_as(key: &DeviceKey, kind: &str, payload: &impl Serialize) -> Option<String> {
    let header = Header { alg: ALGORITHM.to_owned(), typ: kind.to_owned(), kid: key.public().key_id() };
    let part = |json: serde_json::Result<Vec<u8>>| json.ok().map(|json| URL_SAFE_NO_PAD.encode(json));
    let header = part(serde_json::to_vec(&header))?;
    let payload = part(serde_json::to_vec(payload))?;
    let jws = signed(key, &header, &payload);
    (jws.len() <= MAX_JWS_BYTES).then_some(jws)
}

/// Puts the signature behind two encoded parts (RFC 7515, section 5.1).
fn signed(key: &DeviceKey, header: &str, payload: &str) -> String {
    let input = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// The payload of an attestation by this key.
///
/// # Errors
/// [`AttestationError`] when it is not one.
pub fn verify(jws: &str, public: &DevicePublicKey) -> Result<serde_json::Value, AttestationError> {
    verify_as(TYPE, jws, public)
}

/// The payload of something else that this key has signed, of a type of its own.
pub(super) fn verify_as(typ: &str, jws: &str, public: &DevicePublicKey) -> Result<serde_json::Value, AttestationError> {
    use AttestationError as E;
    if jws.len() > MAX_JWS_BYTES {
        return Err(E::TooLong);
    }
    let (input, signature) = jws.rsplit_once('.').ok_or(E::Form)?;
    let (header, payload) = input.split_once('.').ok_or(E::Form)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| E::Form);
    let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| E::Form)?;
    if header.alg != ALGORITHM || header.typ != typ {
        return Err(E::Kind);
    }
    if header.kid != public.key_id() {
        return Err(E::Key);
    }
    let signature: [u8; 64] = decoded(signature)?.try_into().map_err(|_| E::Form)?;
    if !public.verifies(input.as_bytes(), &signature) {
        return Err(E::Signature);
    }
    let payload: serde_json::Value = serde_json::from_slice(&decoded(payload)?).map_err(|_| E::Form)?;
    if payload.is_object() { Ok(payload) } else { Err(E::Form) }
}

/// The hash by which the next outcome names this one: SHA-256 of the whole JWS, in lower-case hexadecimal.
#[must_use]
pub fn hash(jws: &str) -> String {
    hexadecimal(&Sha256::digest(jws))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::keys::Keys;
    use serde_json::json;

    fn key() -> DeviceKey {
        Keys::load_or_make(&tempfile::tempdir().unwrap().path().into()).unwrap().device
    }

    /// The key of RFC 8037, appendix A.1.
    fn key_of_the_rfc() -> DeviceKey {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        DeviceKey::from_bytes(&seed.try_into().unwrap())
    }

    #[test]
    fn the_signature_is_that_of_rfc_8037() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let jws = signed(&key_of_the_rfc(), &part(r#"{"alg":"EdDSA"}"#), &part("Example of Ed25519 signing"));
        let expected = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
            hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(jws, expected);
    }

    #[test]
    fn what_was_signed_comes_back_and_any_other_character_refuses() {
        let key = key();
        let jws = sign(&key, &json!({"sequence": 1, "name": "ü"})).unwrap();
        assert_eq!(verify(&jws, &key.public()), Ok(json!({"sequence": 1, "name": "ü"})));
        for at in 0..jws.len() {
            for bit in 0..7 {
                let mut altered = jws.clone().into_bytes();
                altered[at] ^= 1 << bit;
                let altered = String::from_utf8(altered).unwrap();
                assert!(verify(&altered, &key.public()).is_err(), "bit {bit} of character {at}");
            }
            assert!(verify(&jws[..at], &key.public()).is_err());
        }
        assert_eq!(verify(&format!("{jws}="), &key.public()), Err(AttestationError::Form));
    }

    #[test]
    fn another_key_algorithm_type_or_header_is_refused() {
        let (mine, other) = (key(), key());
        let jws = sign(&mine, &json!({})).unwrap();
        assert_eq!(verify(&jws, &other.public()), Err(AttestationError::Key));
        let kid = mine.public().key_id();
        let with = |header: serde_json::Value, payload: &str| {
            let jws = signed(&mine, &URL_SAFE_NO_PAD.encode(header.to_string()), &URL_SAFE_NO_PAD.encode(payload));
            verify(&jws, &mine.public())
        };
        assert!(with(json!({"alg": "EdDSA", "typ": TYPE, "kid": kid}), "{}").is_ok());
        assert_eq!(with(json!({"alg": "none", "typ": TYPE, "kid": kid}), "{}"), Err(AttestationError::Kind));
        assert_eq!(with(json!({"alg": "EdDSA", "typ": "JWT", "kid": kid}), "{}"), Err(AttestationError::Kind));
        assert_eq!(with(json!({"alg": "EdDSA", "typ": TYPE}), "{}"), Err(AttestationError::Form));
        let extended = json!({"alg": "EdDSA", "typ": TYPE, "kid": kid, "crit": ["exp"]});
        assert_eq!(with(extended, "{}"), Err(AttestationError::Form));
        assert_eq!(with(json!({"alg": "EdDSA", "typ": TYPE, "kid": kid}), "[]"), Err(AttestationError::Form));
        assert_eq!(verify(&"a".repeat(MAX_JWS_BYTES + 1), &mine.public()), Err(AttestationError::TooLong));
    }
}
