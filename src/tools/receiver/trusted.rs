//! Which keys of a device a receiver believes: several while one takes over from another, and none that was revoked.
//!
//! Always holds: the algorithm is fixed; the header's `kid` only chooses among keys that are trusted here; a revoked key proves
//! nothing, not even a handover; behind a handover the old key counts no more, and before it the new one not yet. Pure.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::attestation::{AttestationError, DeviceKey, DeviceKeyError, Signed};

/// Most keys that are trusted at a time.
pub const MAX_KEYS: usize = 8;
const HANDOVER: &str = "carded-handover+jws";

/// The name of a key: its RFC 7638 thumbprint. Reads the key itself as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(String);

impl std::str::FromStr for KeyId {
    type Err = DeviceKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| DeviceKeyError)?;
        if bytes.len() == 32 { Ok(Self(text.to_owned())) } else { Err(DeviceKeyError) }
    }
}

/// Why keys cannot be trusted as they were given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// None, or too many.
    #[error("give 1 to {MAX_KEYS} device keys; take out those that sign no more")]
    Count,
    /// Every key was revoked.
    #[error("every device key that was given is revoked; give the device's present one")]
    AllRevoked,
    /// Not a handover, or not by a key that is trusted here.
    #[error("a handover is by no trusted key; copy device.handover as it is, and give the key that signed it")]
    Handover,
    /// A revoked key hands nothing over.
    #[error("a handover is by a revoked key and proves nothing; give the new key itself")]
    RevokedHandover,
    /// Two handovers of one key.
    #[error("two handovers are by one key; give the one that counts, or the new keys themselves")]
    Twice,
}

#[derive(Debug, Clone)]
struct Trusted {
    key: DeviceKey,
    /// The first number that it may sign.
    from: i64,
    /// The first that it may not sign any more.
    until: Option<i64>,
}

/// The keys that a receiver believes.
#[derive(Debug, Clone)]
pub struct TrustedKeys {
    keys: Vec<Trusted>,
    revoked: BTreeSet<KeyId>,
}

#[derive(Deserialize)]
struct Handover {
    old_key_id: String,
    new_key: String,
    first_sequence: i64,
}

impl From<DeviceKey> for TrustedKeys {
    fn from(key: DeviceKey) -> Self {
        Self { keys: vec![Trusted { key, from: 0, until: None }], revoked: BTreeSet::new() }
    }
}

impl TrustedKeys {
    /// Trusts these keys, and those that they hand over to.
    ///
    /// # Errors
    /// [`TrustError`], which says what to do.
    pub fn new(keys: Vec<DeviceKey>, revoked: Vec<KeyId>, handovers: &[String]) -> Result<Self, TrustError> {
        let mut trusted = Self { keys: Vec::new(), revoked: BTreeSet::new() };
        for named in revoked {
            // A key and a thumbprint look the same: either is meant.
            let of_key = named.0.parse::<DeviceKey>().map(|key| KeyId(key.id()));
            trusted.revoked.extend(of_key.ok().into_iter().chain([named]));
        }
        for key in keys {
            if trusted.keys.iter().all(|known| known.key != key) {
                trusted.keys.push(Trusted { key, from: 0, until: None });
            }
        }
        let mut waiting: Vec<&String> = handovers.iter().collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut left = Vec::new();
            for jws in waiting {
                if !trusted.hand_over(jws)? {
                    left.push(jws);
                }
            }
            if left.len() == before {
                return Err(TrustError::Handover);
            }
            waiting = left;
        }
        match trusted.keys.len() {
            1..=MAX_KEYS if trusted.keys.iter().all(|known| trusted.is_revoked(&known.key)) => {
                Err(TrustError::AllRevoked)
            }
            1..=MAX_KEYS => Ok(trusted),
            _ => Err(TrustError::Count),
        }
    }

    /// Takes a handover by a key that is trusted; `false` where its key is not known (yet).
    fn hand_over(&mut self, jws: &str) -> Result<bool, TrustError> {
        let signed = Signed::parse(jws.trim(), HANDOVER).map_err(|_| TrustError::Handover)?;
        let Some(at) = self.keys.iter().position(|known| signed.kid() == Some(known.key.id().as_str())) else {
            return Ok(false);
        };
        let payload = signed.verify(&self.keys[at].key).map_err(|_| TrustError::Handover)?;
        let said: Handover = serde_json::from_value(Value::Object(payload)).map_err(|_| TrustError::Handover)?;
        let new: DeviceKey = said.new_key.parse().map_err(|_| TrustError::Handover)?;
        if self.is_revoked(&self.keys[at].key) {
            return Err(TrustError::RevokedHandover);
        }
        let old = &mut self.keys[at];
        if said.old_key_id != old.key.id() || new == old.key || said.first_sequence < old.from.max(1) {
            return Err(TrustError::Handover);
        }
        if old.until.is_some_and(|until| until != said.first_sequence) {
            return Err(TrustError::Twice);
        }
        old.until = Some(said.first_sequence);
        match self.keys.iter_mut().find(|known| known.key == new) {
            Some(known) if known.until.is_some_and(|until| until < said.first_sequence) => Err(TrustError::Handover),
            Some(known) => {
                known.from = known.from.max(said.first_sequence);
                Ok(true)
            }
            None => {
                self.keys.push(Trusted { key: new, from: said.first_sequence, until: None });
                Ok(true)
            }
        }
    }

    fn is_revoked(&self, key: &DeviceKey) -> bool {
        self.revoked.contains(&KeyId(key.id()))
    }

    /// What a trusted key has signed with a number of the chain, of a type, and the key's name.
    ///
    /// # Errors
    /// [`AttestationError`] when no key that is trusted for its number has.
    pub fn verify(&self, jws: &str, typ: &str) -> Result<(String, Map<String, Value>), AttestationError> {
        let (known, payload) = self.signer(jws, typ)?;
        let number = payload.get("sequence").and_then(Value::as_i64).ok_or(AttestationError::Form)?;
        let is_its = number >= known.from && known.until.is_none_or(|until| number < until);
        if is_its { Ok((known.key.id(), payload)) } else { Err(AttestationError::HandedOver) }
    }

    /// What the key that signs now has signed behind the `last` number of the chain that it names. One that was handed over says
    /// nothing of the present, whichever number it names.
    ///
    /// # Errors
    /// [`AttestationError`] when that key has not.
    pub fn verify_present(
        &self,
        jws: &str,
        typ: &str,
        last: impl Fn(&Map<String, Value>) -> Option<i64>,
    ) -> Result<Map<String, Value>, AttestationError> {
        let (known, payload) = self.signer(jws, typ)?;
        let last = last(&payload).ok_or(AttestationError::Form)?;
        let is_its = known.until.is_none() && last.saturating_add(1) >= known.from;
        if is_its { Ok(payload) } else { Err(AttestationError::HandedOver) }
    }

    /// The trusted key that has signed something of a type, and what it has signed.
    fn signer(&self, jws: &str, typ: &str) -> Result<(&Trusted, Map<String, Value>), AttestationError> {
        let signed = Signed::parse(jws, typ)?;
        let named = signed.kid();
        let revoked_id = |kid: &str| self.revoked.contains(&KeyId(kid.to_owned()));
        if named.is_some_and(revoked_id) {
            return Err(AttestationError::Revoked);
        }
        // Without a name every key is tried.
        let chosen: Vec<&Trusted> =
            self.keys.iter().filter(|known| named.is_none_or(|kid| kid == known.key.id())).collect();
        if chosen.is_empty() {
            return Err(AttestationError::Key);
        }
        for known in chosen {
            match signed.verify(&known.key) {
                Err(AttestationError::Signature) => {}
                Err(other) => return Err(other),
                Ok(_) if self.is_revoked(&known.key) => return Err(AttestationError::Revoked),
                Ok(payload) => return Ok((known, payload)),
            }
        }
        Err(AttestationError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};
    use proptest::prelude::*;
    use serde_json::json;

    const OUTCOME: &str = "carded-outcome+jws";

    fn signer(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    fn key(number: u8) -> DeviceKey {
        URL_SAFE_NO_PAD.encode(signer(number).verifying_key().as_bytes()).parse().unwrap()
    }

    fn id(number: u8) -> KeyId {
        key(number).id().parse().unwrap()
    }

    fn jws(by: u8, header: &Value, payload: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", encode(header), encode(payload));
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signer(by).sign(input.as_bytes()).to_bytes()))
    }

    fn outcome(by: u8, sequence: i64) -> String {
        let header = json!({ "alg": "EdDSA", "typ": OUTCOME, "kid": key(by).id() });
        jws(by, &header, &json!({ "sequence": sequence }))
    }

    fn handover(from: u8, to: u8, first: i64) -> String {
        let header = json!({ "alg": "EdDSA", "typ": HANDOVER, "kid": key(from).id() });
        let said = json!({ "old_key_id": key(from).id(), "new_key": key(to).text(), "first_sequence": first });
        jws(from, &header, &said)
    }

    fn told(keys: &TrustedKeys, jws: &str) -> Result<String, AttestationError> {
        keys.verify(jws, OUTCOME).map(|(id, _)| id)
    }

    #[test]
    fn during_an_overlap_either_key_counts_and_the_header_only_chooses() {
        let keys = TrustedKeys::new(vec![key(1), key(2), key(2)], Vec::new(), &[]).unwrap();
        for by in [1, 2] {
            assert_eq!(told(&keys, &outcome(by, 7)), Ok(key(by).id()));
            let unnamed = jws(by, &json!({ "alg": "EdDSA", "typ": OUTCOME }), &json!({ "sequence": 7 }));
            assert_eq!(told(&keys, &unnamed), Ok(key(by).id()));
        }
        assert_eq!(told(&keys, &outcome(3, 7)), Err(AttestationError::Key));
        let named_another =
            jws(1, &json!({ "alg": "EdDSA", "typ": OUTCOME, "kid": key(2).id() }), &json!({ "sequence": 7 }));
        assert_eq!(told(&keys, &named_another), Err(AttestationError::Signature));
        let of_another_type = handover(1, 3, 5);
        assert_eq!(told(&keys, &of_another_type), Err(AttestationError::Form));
    }

    #[test]
    fn a_revoked_key_proves_nothing_by_its_own_name_by_its_id_or_without_a_name() {
        for revoked in [id(1), key(1).text().parse().unwrap()] {
            let keys = TrustedKeys::new(vec![key(1), key(2)], vec![revoked.clone()], &[]).unwrap();
            assert_eq!(told(&keys, &outcome(1, 7)), Err(AttestationError::Revoked));
            let unnamed = jws(1, &json!({ "alg": "EdDSA", "typ": OUTCOME }), &json!({ "sequence": 7 }));
            assert_eq!(told(&keys, &unnamed), Err(AttestationError::Revoked));
            assert!(told(&keys, &outcome(2, 7)).is_ok());
            let without = TrustedKeys::new(vec![key(2)], vec![revoked.clone()], &[]).unwrap();
            assert_eq!(told(&without, &outcome(1, 7)), Err(AttestationError::Revoked));
            let by_revoked = TrustedKeys::new(vec![key(1), key(2)], vec![revoked.clone()], &[handover(1, 3, 5)]);
            assert_eq!(by_revoked.unwrap_err(), TrustError::RevokedHandover);
            assert_eq!(TrustedKeys::new(vec![key(1)], vec![revoked], &[]).unwrap_err(), TrustError::AllRevoked);
        }
    }

    #[test]
    fn keys_and_handovers_that_contradict_each_other_are_refused() {
        let refused = |keys: &[u8], handovers: &[String]| {
            TrustedKeys::new(keys.iter().copied().map(key).collect(), Vec::new(), handovers).unwrap_err()
        };
        assert_eq!(refused(&[], &[]), TrustError::Count);
        assert_eq!(refused(&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[]), TrustError::Count);
        assert_eq!(refused(&[2], &[handover(1, 3, 5)]), TrustError::Handover);
        assert_eq!(refused(&[1], &[handover(1, 1, 5)]), TrustError::Handover);
        assert_eq!(refused(&[1], &[handover(1, 2, 0)]), TrustError::Handover);
        assert_eq!(refused(&[1], &["a.b.c".to_owned()]), TrustError::Handover);
        assert_eq!(refused(&[1], &[outcome(1, 5)]), TrustError::Handover);
        assert_eq!(refused(&[1], &[handover(1, 2, 5), handover(1, 3, 6)]), TrustError::Twice);
        assert_eq!(refused(&[1], &[handover(1, 2, 9), handover(2, 3, 5)]), TrustError::Handover);
    }

    proptest! {
        /// Whatever the numbers of handovers, and in whatever order they are given: each number is by exactly one key.
        #[test]
        fn behind_a_handover_only_the_new_key_counts(
            steps in prop::collection::vec(1_i64..50, 1..6),
            order in any::<prop::sample::Index>(),
            number in 0_i64..400,
        ) {
            let firsts: Vec<i64> = steps.iter().scan(1, |at, step| { *at += step; Some(*at) }).collect();
            let mut handovers: Vec<String> =
                firsts.iter().zip(1_u8..).map(|(first, from)| handover(from, from + 1, *first)).collect();
            let turn = order.index(handovers.len());
            handovers.rotate_left(turn);
            let keys = TrustedKeys::new(vec![key(1)], Vec::new(), &handovers).unwrap();
            let right = 1 + firsts.iter().filter(|first| number >= **first).count() as u8;
            for by in 1..=firsts.len() as u8 + 1 {
                let expected = if by == right { Ok(key(by).id()) } else { Err(AttestationError::HandedOver) };
                prop_assert_eq!(told(&keys, &outcome(by, number)), expected);
                let present = keys.verify_present(&outcome(by, number), OUTCOME, |said| said["sequence"].as_i64());
                let is_last = by == firsts.len() as u8 + 1 && number + 1 >= firsts[firsts.len() - 1];
                prop_assert_eq!(present.err(), (!is_last).then_some(AttestationError::HandedOver));
            }
        }
    }
}
