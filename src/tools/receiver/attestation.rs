//! The device's own signature under an outcome: a compact JWS (EdDSA, RFC 8037) whose payload is the outcome.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::trusted::TrustedKeys;
use crate::vision::hex;

/// Longest compact JWS in bytes.
const MAX_JWS_BYTES: usize = 64 * 1024;
/// The `typ` of an outcome's JWS.
const OUTCOME_TYPE: &str = "carded-outcome+jws";

/// A device's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceKey(VerifyingKey);

impl DeviceKey {
    /// Its RFC 7638 thumbprint, which attestations name as `kid`.
    #[must_use]
    pub fn id(&self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.text());
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    /// The key as the device shows it.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_bytes())
    }
}

/// Not a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a device's public key is the base64url of 32 bytes, 43 characters; copy it as the device shows it")]
pub struct DeviceKeyError;

impl std::str::FromStr for DeviceKey {
    type Err = DeviceKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).map_err(|_| DeviceKeyError)?;
        let bytes = bytes.as_slice().try_into().map_err(|_| DeviceKeyError)?;
        let key = VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak());
        key.map(Self).ok_or(DeviceKeyError)
    }
}

/// Why an attestation does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// There is an outcome, or the event tells of one, and no attestation.
    #[error("the event has no attestation of its outcome; look for who stands between the device and this receiver")]
    Missing,
    /// Not a compact JWS by EdDSA.
    #[error("the attestation is not a compact JWS by EdDSA; device and receiver may be of different versions")]
    Form,
    /// It names a key that is not trusted here.
    #[error(
        "the attestation names a key that is not trusted here; was the device's key rotated? give the new one, too"
    )]
    Key,
    /// Signed by a key that was revoked.
    #[error("the attestation is by a key that was revoked; refuse it, and look for who has that key")]
    Revoked,
    /// Signed by a key whose time this is not.
    #[error("the attestation is by a key that was handed over, or before its handover; look for who has the old key")]
    HandedOver,
    /// Not signed by the known device.
    #[error("the attestation is not signed by the known device; check the key, or look for who altered it")]
    Signature,
    /// The event says something else than its attestation.
    #[error("the event does not say what its attestation says; look for who altered it")]
    Differs,
}

/// An attestation whose signature holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Attested {
    /// Place in the device's chain.
    pub sequence: i64,
    /// SHA-256 of the one before, lower-case hexadecimal.
    pub previous_hash: Option<String>,
    /// SHA-256 of this one.
    pub jws_sha256: String,
    /// Thumbprint of the key that signed it.
    pub key_id: String,
    /// All that the device attests.
    pub payload: Map<String, Value>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// A compact JWS by EdDSA, of which nothing is believed yet.
pub(super) struct Signed<'a> {
    header: Header,
    /// What is signed.
    input: &'a str,
    payload: &'a str,
    signature: Signature,
}

impl<'a> Signed<'a> {
    /// The algorithm is fixed here and the header only has to agree, so that no header can choose another one; and what was
    /// signed to be one thing is never taken for another.
    pub(super) fn parse(jws: &'a str, typ: &str) -> Result<Self, AttestationError> {
        let parts: Vec<&str> = jws.splitn(4, '.').collect();
        let &[header, payload, signature] = parts.as_slice() else { return Err(AttestationError::Form) };
        if jws.len() > MAX_JWS_BYTES {
            return Err(AttestationError::Form);
        }
        let input = &jws[..header.len() + 1 + payload.len()];
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| AttestationError::Form)?;
        if header.alg != "EdDSA" || header.typ != typ || header.crit.is_some() {
            return Err(AttestationError::Form);
        }
        let signature = Signature::from_slice(&decode(signature)?).map_err(|_| AttestationError::Form)?;
        Ok(Self { header, input, payload, signature })
    }

    /// The key that the header names.
    pub(super) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// What this key has signed.
    pub(super) fn verify(&self, key: &DeviceKey) -> Result<Map<String, Value>, AttestationError> {
        key.0.verify_strict(self.input.as_bytes(), &self.signature).map_err(|_| AttestationError::Signature)?;
        serde_json::from_slice(&decode(self.payload)?).map_err(|_| AttestationError::Form)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, AttestationError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AttestationError::Form)
}

/// SHA-256 of a compact JWS, by which the next link of its chain names it.
pub(super) fn digest(jws: &str) -> String {
    hex(&Sha256::digest(jws.as_bytes()))
}

/// What the device attests, by a key that is trusted for its number.
pub fn check(jws: &str, keys: &TrustedKeys) -> Result<Attested, AttestationError> {
    let (key_id, payload) = keys.verify(jws, OUTCOME_TYPE)?;
    let previous_hash = match payload.get("previous_hash") {
        None | Some(Value::Null) => None,
        Some(Value::String(hash)) => Some(hash.clone()),
        Some(_) => return Err(AttestationError::Form),
    };
    let sequence =
        payload.get("sequence").and_then(Value::as_i64).filter(|&place| place >= 0).ok_or(AttestationError::Form)?;
    Ok(Attested { sequence, previous_hash, jws_sha256: digest(jws), key_id, payload })
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};
    use serde_json::json;

    use super::*;

    fn device() -> (SigningKey, TrustedKeys) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        (key, TrustedKeys::from(public.parse::<DeviceKey>().unwrap()))
    }

    fn jws(key: &SigningKey, header: &Value, payload: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    }

    #[test]
    fn what_the_device_signed_is_read_and_every_flipped_bit_refused() {
        let (signer, key) = device();
        let good = jws(
            &signer,
            &json!({ "alg": "EdDSA", "typ": OUTCOME_TYPE }),
            &json!({ "sequence": 1, "previous_hash": null }),
        );
        let attested = check(&good, &key).unwrap();
        assert_eq!((attested.sequence, attested.previous_hash), (1, None));
        for bit in 0..good.len() * 8 {
            let mut flipped = good.clone().into_bytes();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(flipped) = String::from_utf8(flipped) else { continue };
            assert!(check(&flipped, &key).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_algorithm_is_refused_even_if_the_signature_holds() {
        let (signer, key) = device();
        let payload = json!({ "sequence": 1 });
        for header in [
            json!({ "alg": "none", "typ": OUTCOME_TYPE }),
            json!({ "alg": "HS256", "typ": OUTCOME_TYPE }),
            json!({ "alg": "EdDSA", "typ": OUTCOME_TYPE, "crit": ["b64"] }),
            json!({ "alg": "EdDSA", "typ": "carded-heartbeat+jws" }),
            json!({ "alg": "EdDSA" }),
        ] {
            assert_eq!(check(&jws(&signer, &header, &payload), &key), Err(AttestationError::Form), "{header}");
        }
        let other = SigningKey::from_bytes(&[8; 32]);
        let forged = jws(&other, &json!({ "alg": "EdDSA", "typ": OUTCOME_TYPE }), &payload);
        assert_eq!(check(&forged, &key), Err(AttestationError::Signature));
        for nonsense in ["", "a.b", "a.b.c", "a.b.c.d", "..", "{}.{}.{}"] {
            assert_eq!(check(nonsense, &key), Err(AttestationError::Form), "{nonsense}");
        }
    }

    #[test]
    fn keys_that_are_none_or_weak_are_refused() {
        let zero = URL_SAFE_NO_PAD.encode([0; 32]);
        for text in ["", "abc", zero.as_str(), "not base64url!"] {
            assert!(text.parse::<DeviceKey>().is_err(), "{text}");
        }
    }
}
