//! Which key signed which outcome: the handovers from key to key, each signed by both.
//!
//! Always holds: handovers lead without a break from the first key to the one in use, and each names the first number that
//! its new key signs; one that either key has not signed counts nowhere. Holds public keys alone.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::keys::{DeviceKey, DevicePublicKey};
use super::{attestation, rows};

/// The type of a handover in the header of its JWS.
pub const HANDOVER_TYPE: &str = "carded-handover+jws";
/// Its columns, in the order of a [`HandoverRow`].
pub(super) const COLUMNS: [&str; 7] =
    ["number", "old_key_id", "new_key_id", "first_sequence", "at", "by_old", "by_new"];
const BROKEN: StoreError = StoreError::Corrupt { what: "a handover of the device's key that does not hold" };

/// What both keys sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// The device's identifier.
    pub device: String,
    /// Thumbprint of the key that signed until then.
    pub old_key_id: String,
    /// The key itself, base64url of 32 bytes.
    pub old_key: String,
    /// Thumbprint of the key that signs from then on.
    pub new_key_id: String,
    /// The key itself.
    pub new_key: String,
    /// Number of the first outcome that the new key signs.
    pub first_sequence: i64,
    /// When.
    pub at: Timestamp,
}

/// A handover as it stands in the table.
#[derive(Debug, Clone)]
pub(super) struct HandoverRow {
    pub number: i64,
    pub old_key_id: String,
    pub new_key_id: String,
    pub first_sequence: i64,
    pub by_old: String,
    pub by_new: String,
}

impl HandoverRow {
    /// Reads a row of [`COLUMNS`]; `None` of one with other kinds of values.
    pub(super) fn of(values: &[Value]) -> Option<Self> {
        let [number, old, new, first, _, by_old, by_new] = values else { return None };
        let number_of = |value: &Value| if let Value::Integer(number) = value { Some(*number) } else { None };
        let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
        Some(Self {
            number: number_of(number)?,
            old_key_id: text(old)?,
            new_key_id: text(new)?,
            first_sequence: number_of(first)?,
            by_old: text(by_old)?,
            by_new: text(by_new)?,
        })
    }

    /// The old key, where both keys have signed what the row says.
    fn old_key(&self, device: Option<&str>, new: &DevicePublicKey) -> Option<DevicePublicKey> {
        let said = attestation::verify_as(HANDOVER_TYPE, &self.by_new, new).ok()?;
        let said: Handover = serde_json::from_value(said).ok()?;
        let old = DevicePublicKey::parse(&said.old_key)?;
        let by_old = attestation::verify_as(HANDOVER_TYPE, &self.by_old, &old).ok()?;
        let holds = serde_json::from_value::<Handover>(by_old).ok()? == said
            && DevicePublicKey::parse(&said.new_key)? == *new
            && device.is_none_or(|device| device == said.device)
            && (said.old_key_id.as_str(), said.new_key_id.as_str()) == (&self.old_key_id, &self.new_key_id)
            && old.key_id() == self.old_key_id
            && new.key_id() == self.new_key_id
            && said.first_sequence == self.first_sequence;
        holds.then_some(old)
    }
}

/// The public keys of a device, and which outcomes each has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyring {
    /// The earlier ones in order, each with the first number that it did not sign any more.
    earlier: Vec<(i64, DevicePublicKey)>,
    current: DevicePublicKey,
}

impl Keyring {
    /// Reads all handovers up to the key in use.
    pub(super) fn read(connection: &Connection, device: &str, current: DevicePublicKey) -> Result<Self, StoreError> {
        let rows = read_rows(connection)?;
        let count = rows.len();
        let keyring = Self::walk(rows, Some(device), current);
        if keyring.earlier.len() == count { Ok(keyring) } else { Err(BROKEN) }
    }

    /// Goes back from the key in use for as long as the handovers hold.
    pub(super) fn walk(mut rows: Vec<HandoverRow>, device: Option<&str>, current: DevicePublicKey) -> Self {
        rows.sort_by_key(|row| std::cmp::Reverse(row.number));
        let (mut earlier, mut new, mut before) = (Vec::new(), current, i64::MAX);
        for row in rows {
            let Some(old) = row.old_key(device, &new).filter(|_| row.first_sequence <= before) else { break };
            earlier.push((row.first_sequence, old));
            (new, before) = (old, row.first_sequence);
        }
        earlier.reverse();
        Self { earlier, current }
    }

    /// The key that signs the outcome of a number.
    pub(super) fn of(&self, sequence: i64) -> &DevicePublicKey {
        self.earlier.iter().find(|(first_of_next, _)| sequence < *first_of_next).map_or(&self.current, |(_, key)| key)
    }

    /// What an outcome says, where the key of its number has signed it.
    pub(super) fn verify(&self, jws: &str) -> Option<serde_json::Value> {
        let mut keys = self.earlier.iter().map(|(_, key)| key).chain([&self.current]);
        let (key, payload) = keys.find_map(|key| Some((key, attestation::verify(jws, key).ok()?)))?;
        (self.of(payload["sequence"].as_i64()?) == key).then_some(payload)
    }

    /// Whether this key has signed or signs.
    pub(super) fn knows(&self, key: &DevicePublicKey) -> bool {
        self.current == *key || self.earlier.iter().any(|(_, earlier)| earlier == key)
    }

    /// Whether a handover of this device's is one of those that lead to the key in use.
    pub(super) fn has(&self, row: &HandoverRow, device: &str) -> bool {
        let news = self.earlier.iter().skip(1).map(|(_, key)| key).chain([&self.current]);
        self.earlier.iter().zip(news).any(|((first, old), new)| {
            *first == row.first_sequence && row.old_key(Some(device), new).as_ref() == Some(old)
        })
    }

    /// The number of the first outcome that the key in use signs.
    pub(super) fn current_since(&self) -> i64 {
        self.earlier.last().map_or(1, |(first, _)| *first)
    }
}

/// All handovers, in order.
pub(super) fn read_rows(connection: &Connection) -> Result<Vec<HandoverRow>, StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {} FROM handover ORDER BY number", COLUMNS.join(", ")))?;
    let rows = statement.query_and_then([], |row| {
        let values = (0..COLUMNS.len()).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>()?;
        HandoverRow::of(&values).ok_or(rows::UNKNOWN)
    })?;
    rows.collect()
}

/// Writes that another key signs from the next outcome on, and names it in the device's row. Returns the handover by the
/// old key.
pub(super) fn write(
    transaction: &Transaction<'_>,
    device: &str,
    (old, new): (&DeviceKey, &DeviceKey),
    at: Timestamp,
) -> Result<Handover, StoreError> {
    let last: i64 = transaction.query_row("SELECT last_sequence FROM device", [], |row| row.get(0))?;
    let said = Handover {
        device: device.to_owned(),
        old_key_id: old.public().key_id(),
        old_key: old.public().text(),
        new_key_id: new.public().key_id(),
        new_key: new.public().text(),
        first_sequence: last + 1,
        at,
    };
    let signed = |key| attestation::sign_as(key, HANDOVER_TYPE, &said);
    let unsigned = || StoreError::Refused { what: "a handover that cannot be signed" };
    let (by_old, by_new) = (signed(old).ok_or_else(unsigned)?, signed(new).ok_or_else(unsigned)?);
    transaction.execute(
        "INSERT INTO handover (number, old_key_id, new_key_id, first_sequence, at, by_old, by_new)
         SELECT coalesce(max(number), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6 FROM handover",
        (&said.old_key_id, &said.new_key_id, said.first_sequence, rows::millis(at)?, by_old, by_new),
    )?;
    transaction.execute("UPDATE device SET key_id = ?1", [&said.new_key_id])?;
    Ok(said)
}
