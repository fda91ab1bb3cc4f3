//! Between values and columns.

use jiff::Timestamp;
use rusqlite::{Row, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use crate::session::{
    AttemptsLeft, CanceledBy, Consent, ConsentText, ReasonCode, SessionId, SessionRecord, SessionState, ShownBy,
};

/// The columns that [`record`] reads, in its order.
pub(super) const RECORD: &str = "id, use_case, jurisdiction, state, canceled_by, document_attempts, face_attempts, last_error, created_at, expires_at, consent_given, consent_version, consent_language, consent_shown_by, consent_at";
/// How many they are.
pub(super) const RECORD_COLUMNS: usize = 15;

/// What is in a column, and in no version of this program.
pub(super) const UNKNOWN: StoreError = StoreError::Corrupt { what: "a value that this program does not know" };

/// An unguessable identifier: the prefix and 24 characters.
pub(super) fn new_id(prefix: &str) -> Result<String, StoreError> {
    let mut bytes = [0; SessionId::CHARACTERS];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Io { code: -1 })?;
    Ok(format!("{prefix}_{}", SessionId::from_random(&bytes)))
}

/// A time as a column holds it.
pub(super) fn millis(at: Timestamp) -> Result<i64, StoreError> {
    let millis = at.as_millisecond();
    if millis < 0 { Err(StoreError::Clock) } else { Ok(millis) }
}

/// A time out of a column.
pub(super) fn timestamp(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| UNKNOWN)
}

/// The stable name of a value, as its JSON has it.
pub(super) fn name(value: &impl Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        Ok(_) | Err(_) => Err(StoreError::Refused { what: "a name that is no text" }),
    }
}

/// The value of a stable name, as [`name`] wrote it.
pub(super) fn named<T: DeserializeOwned>(name: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).map_err(|_| UNKNOWN)
}

/// `state` and `canceled_by`.
pub(super) fn state_columns(state: SessionState) -> (&'static str, Option<&'static str>) {
    match state {
        SessionState::Created => ("created", None),
        SessionState::AwaitingConsent => ("awaiting_consent", None),
        SessionState::AwaitingDocument => ("awaiting_document", None),
        SessionState::AwaitingFace => ("awaiting_face", None),
        SessionState::Deciding => ("deciding", None),
        SessionState::AwaitingReview => ("awaiting_review", None),
        SessionState::Verified => ("verified", None),
        SessionState::NotVerified => ("not_verified", None),
        SessionState::Canceled(by) => ("canceled", Some(canceled_by(by))),
        SessionState::Expired => ("expired", None),
    }
}

fn canceled_by(by: CanceledBy) -> &'static str {
    match by {
        CanceledBy::Person => "person",
        CanceledBy::Staff => "staff",
        CanceledBy::Till => "till",
        CanceledBy::Device => "device",
    }
}

/// The state out of its columns.
pub(super) fn state(state: &str, by: Option<&str>) -> Result<SessionState, StoreError> {
    Ok(match (state, by) {
        ("created", None) => SessionState::Created,
        ("awaiting_consent", None) => SessionState::AwaitingConsent,
        ("awaiting_document", None) => SessionState::AwaitingDocument,
        ("awaiting_face", None) => SessionState::AwaitingFace,
        ("deciding", None) => SessionState::Deciding,
        ("awaiting_review", None) => SessionState::AwaitingReview,
        ("verified", None) => SessionState::Verified,
        ("not_verified", None) => SessionState::NotVerified,
        ("canceled", Some("person")) => SessionState::Canceled(CanceledBy::Person),
        ("canceled", Some("staff")) => SessionState::Canceled(CanceledBy::Staff),
        ("canceled", Some("till")) => SessionState::Canceled(CanceledBy::Till),
        ("canceled", Some("device")) => SessionState::Canceled(CanceledBy::Device),
        ("expired", None) => SessionState::Expired,
        _ => return Err(UNKNOWN),
    })
}

/// A session out of the columns of [`RECORD`].
pub(super) fn record(row: &Row<'_>) -> Result<SessionRecord, StoreError> {
    let text = |index: usize| row.get::<_, String>(index).map_err(StoreError::from);
    let optional = |index: usize| row.get::<_, Option<String>>(index).map_err(StoreError::from);
    let reason = |name: String| ReasonCode::all().find(|code| code.as_str() == name).ok_or(UNKNOWN);
    Ok(SessionRecord {
        id: SessionId::try_from(text(0)?).map_err(|_| UNKNOWN)?,
        use_case: text(1)?.parse().map_err(|_| UNKNOWN)?,
        jurisdiction: text(2)?.parse().map_err(|_| UNKNOWN)?,
        state: state(&text(3)?, optional(4)?.as_deref())?,
        attempts: AttemptsLeft { document: row.get(5)?, face: row.get(6)? },
        last_error: optional(7)?.map(reason).transpose()?,
        created_at: timestamp(row.get(8)?)?,
        expires_at: timestamp(row.get(9)?)?,
        consent: consent(row, 10)?,
    })
}

/// What the person answered, out of five columns from one on.
fn consent(row: &Row<'_>, first: usize) -> Result<Option<Consent>, StoreError> {
    let Some(given) = row.get(first)? else { return Ok(None) };
    let (version, language): (String, String) = (row.get(first + 1)?, row.get(first + 2)?);
    let shown_by = match row.get::<_, String>(first + 3)?.as_str() {
        "display" => ShownBy::Display,
        "till" => ShownBy::Till,
        _ => return Err(UNKNOWN),
    };
    let text = ConsentText::new(&version, &language).map_err(|_| UNKNOWN)?;
    Ok(Some(Consent { given, text, shown_by, at: timestamp(row.get(first + 4)?)? }))
}

/// Writes what the person answered, with where an open session or an ended one stands: within somebody's transaction.
pub(super) fn write_consent(transaction: &Transaction<'_>, record: &SessionRecord) -> Result<(), StoreError> {
    let consent = record.consent.as_ref();
    transaction
        .prepare_cached(
            "UPDATE session SET consent_given = ?2, consent_version = ?3, consent_language = ?4, consent_shown_by = ?5,
                consent_at = ?6
             WHERE id = ?1",
        )?
        .execute((
            record.id.as_str(),
            consent.map(|consent| consent.given),
            consent.map(|consent| consent.text.version()),
            consent.map(|consent| consent.text.language()),
            consent.map(|consent| name(&consent.shown_by)).transpose()?,
            consent.map(|consent| millis(consent.at)).transpose()?,
        ))?;
    Ok(())
}
