//! A signed body, taken apart: bytes in, what is stored and printed out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::attestation::{self, AttestationError, Attested};
use super::database::Chain;
use super::trusted::TrustedKeys;
use crate::run::ENDPOINT_TEST;

/// Longest identifier in bytes.
const MAX_ID_BYTES: usize = 255;
/// Longest name of an event, a result or a reason in bytes.
const MAX_WORD_BYTES: usize = 100;

/// What tells that one of the staff has set another outcome over a session's.
const OVERRIDDEN: &str = "carded.outcome.overridden";

/// Whether the device's own signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attestation {
    /// The event has no outcome to attest.
    None,
    /// The device's public key is not known here.
    NotChecked,
    /// It holds.
    Verified,
}

impl Attestation {
    pub(in crate::tools) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NotChecked => "not_checked",
            Self::Verified => "verified",
        }
    }
}

/// An event that was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceivedEvent {
    /// Its stable identifier.
    pub id: String,
    /// Its name.
    #[serde(rename = "type")]
    pub name: String,
    /// The session, in the event's dialect.
    pub session: String,
    /// How it ended: the outcome's result, or the session's status where nothing was decided.
    pub result: String,
    /// The most telling reason, where there is one.
    pub reason: Option<String>,
    /// Whether the device says that all of it came from its pinned camera.
    pub livemode: bool,
    /// When the device made it, in Unix seconds.
    pub created: i64,
    /// Whether the device's own signature holds.
    pub attestation: Attestation,
    /// Its place in the device's chain, where that was checked.
    pub sequence: Option<i64>,
    /// Thumbprint of the key that attested it, where that was checked.
    pub key_id: Option<String>,
    /// How it hangs together with the others.
    pub chain: Option<Chain>,
    /// When it came here first, in Unix milliseconds.
    pub received_at_ms: i64,
}

/// Why a rightly signed body is no event to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not the JSON of an event.
    #[error("the body is not an event; check which service sends here")]
    Form,
    /// The attestation does not hold.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    object: String,
    #[serde(rename = "type")]
    name: String,
    created: i64,
    livemode: bool,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Session,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    status: String,
    last_error: Option<LastError>,
    carded: Option<Carded>,
}

#[derive(Deserialize)]
struct LastError {
    code: String,
}

#[derive(Deserialize)]
struct Carded {
    outcome: Option<Map<String, Value>>,
    attestation: Option<String>,
    overridden_by: Option<StaffOutcome>,
}

#[derive(Deserialize)]
struct StaffOutcome {
    outcome: Map<String, Value>,
    attestation: String,
}

impl Carded {
    /// The outcome that an event tells of, with its attestation: that of the staff where one of them has overridden the first.
    fn told_by(self, name: &str) -> (Option<Map<String, Value>>, Option<String>) {
        let first = self.outcome.as_ref().and_then(|outcome| outcome.get("id")).cloned();
        match self.overridden_by {
            // One that does not refer to the first is none, whoever signed it.
            Some(by) if name == OVERRIDDEN && (first.is_none() || overrides(&by.outcome) != first.as_ref()) => {
                (None, None)
            }
            Some(by) if name == OVERRIDDEN => (Some(by.outcome), Some(by.attestation)),
            _ if name == OVERRIDDEN => (None, None),
            _ => (self.outcome, self.attestation),
        }
    }
}

/// Which outcome one of the staff's refers to.
fn overrides(outcome: &Map<String, Value>) -> Option<&Value> {
    outcome.get("overrides")?.get("outcome")
}

/// Reads a body whose webhook signature holds, and checks its attestation where the device's key is known.
pub(in crate::tools) fn read(
    body: &[u8],
    key: Option<&TrustedKeys>,
    received_at_ms: i64,
) -> Result<(ReceivedEvent, Option<Attested>), EventError> {
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| EventError::Form)?;
    let mut session = envelope.data.object;
    let (outcome, jws) = session.carded.take().map_or((None, None), |carded| carded.told_by(&envelope.name));
    let attested = match key {
        Some(key) => attested(&envelope.name, &session, envelope.livemode, outcome.as_ref(), jws.as_deref(), key)?,
        None => None,
    };
    // What is attested counts before what is only said.
    let said = attested.as_ref().map(|attested| &attested.payload).or(outcome.as_ref());
    let word_of = |key| said.and_then(|outcome| outcome.get(key)).and_then(Value::as_str).map(str::to_owned);
    let result = word_of("result").unwrap_or(session.status);
    let reason = word_of("reason").or(session.last_error.map(|error| error.code));
    let good = envelope.object == "event"
        && envelope.id.starts_with("evt_")
        && [&envelope.id, &session.id].into_iter().all(|id| is_word(id, MAX_ID_BYTES))
        && [&envelope.name, &result].into_iter().chain(&reason).all(|word| is_word(word, MAX_WORD_BYTES));
    if !good {
        return Err(EventError::Form);
    }
    let attestation = match (&attested, outcome.is_some() || jws.is_some()) {
        (Some(_), _) => Attestation::Verified,
        (None, true) => Attestation::NotChecked,
        (None, false) => Attestation::None,
    };
    let event = ReceivedEvent {
        id: envelope.id,
        name: envelope.name,
        session: session.id,
        result,
        reason,
        livemode: envelope.livemode,
        created: envelope.created,
        attestation,
        sequence: attested.as_ref().map(|attested| attested.sequence),
        key_id: attested.as_ref().map(|attested| attested.key_id.clone()),
        chain: None,
        received_at_ms,
    };
    Ok((event, attested))
}

/// What the device attests, when the event says the same: in its outcome, its session, its mode and its name.
fn attested(
    name: &str,
    session: &Session,
    livemode: bool,
    outcome: Option<&Map<String, Value>>,
    jws: Option<&str>,
    key: &TrustedKeys,
) -> Result<Option<Attested>, AttestationError> {
    let decided = match name.rsplit('.').next() {
        Some("verified") => Some("verified"),
        Some("failed" | "requires_input") => Some("not_verified"),
        _ => None,
    };
    let (Some(outcome), Some(jws)) = (outcome, jws) else {
        // Only that nothing was decided, or not yet, needs no proof.
        let undecided = matches!(session.status.as_str(), "canceled" | "cancelled" | "expired")
            || matches!(name.rsplit('.').next(), Some("created" | "processing"))
            || name == ENDPOINT_TEST;
        let claims_something =
            !undecided || decided.is_some() || name == OVERRIDDEN || outcome.is_some() || jws.is_some();
        return if claims_something { Err(AttestationError::Missing) } else { Ok(None) };
    };
    let attested = attestation::check(jws, key)?;
    let says = |key: &str| attested.payload.get(key);
    let same_outcome = outcome.iter().all(|(key, value)| says(key) == Some(value));
    let same_session =
        says("session").and_then(Value::as_str).is_some_and(|id| shared_part(id) == shared_part(&session.id));
    let same_mode = says("livemode").and_then(Value::as_bool) == Some(livemode);
    let same_result = decided.is_none_or(|decided| says("result").and_then(Value::as_str) == Some(decided));
    if same_outcome && same_session && same_mode && same_result {
        Ok(Some(attested))
    } else {
        Err(AttestationError::Differs)
    }
}

/// A session's identifier without the prefix of a dialect.
fn shared_part(id: &str) -> &str {
    id.strip_prefix("vks_").or_else(|| id.strip_prefix("vs_")).unwrap_or(id)
}

/// Whether a text can be stored and printed on a line.
fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
