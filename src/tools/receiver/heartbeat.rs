//! A heartbeat, taken apart and held against the one before: values in, what is wrong out.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::alarms::{AlarmKind, Finding};
use super::attestation::{self, AttestationError};
use super::trusted::TrustedKeys;
use crate::session::{HEARTBEAT_EVENT, HEARTBEAT_TYPE, Heartbeat};

/// So far the device's clock and this one may differ: as far as a webhook's signature lets them.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(crate::sync::TOLERANCE_SECONDS.cast_signed());

/// One whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beat {
    /// What it says.
    pub said: Heartbeat,
    /// SHA-256 of its JWS, lower-case hexadecimal.
    pub jws_sha256: String,
}

/// Why a heartbeat counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeartbeatError {
    /// It carries no attestation, or what is signed is no heartbeat.
    #[error("this is no heartbeat of a device; device and receiver may be of different versions")]
    Form,
    /// The device has not signed it.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
    /// It is of another time.
    #[error("the heartbeat is not of now; somebody kept it back, or a clock is wrong")]
    Stale,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    name: String,
    data: Value,
}

/// The attestation of a body that says it is a heartbeat; `None` of any other body.
pub(super) fn attestation_of(body: &[u8]) -> Option<Result<String, HeartbeatError>> {
    let envelope: Envelope = serde_json::from_slice(body).ok().filter(|e: &Envelope| e.name == HEARTBEAT_EVENT)?;
    let jws = envelope.data["object"]["attestation"].as_str();
    Some(jws.map(str::to_owned).ok_or(HeartbeatError::Form))
}

/// Reads a heartbeat that comes now.
pub(super) fn read(jws: &str, trusted: &TrustedKeys, now: Timestamp) -> Result<Beat, HeartbeatError> {
    let last = |payload: &Map<String, Value>| payload.get("outcomes")?.get("sequence")?.as_i64();
    let payload = trusted.verify_present(jws, HEARTBEAT_TYPE, last)?;
    let said: Heartbeat = serde_json::from_value(Value::Object(payload)).map_err(|_| HeartbeatError::Form)?;
    let in_range = |number: u64| i64::try_from(number).is_ok();
    let gaps_lead_on = said.gaps.iter().all(|gap| gap.last_before < gap.first_behind && in_range(gap.first_behind));
    if said.every_s == 0 || !in_range(said.outcomes.sequence) || !in_range(said.audit.sequence) || !gaps_lead_on {
        return Err(HeartbeatError::Form);
    }
    if now.duration_since(said.at).abs() > TOLERANCE {
        return Err(HeartbeatError::Stale);
    }
    Ok(Beat { said, jws_sha256: attestation::digest(jws) })
}

/// What is wrong between a heartbeat and a later one of the same device.
pub(super) fn compare(before: &Heartbeat, now: &Heartbeat) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut find = |kind, what: String| found.push(Finding { kind, what });
    if before.device != now.device {
        find(AlarmKind::DeviceChanged, format!("{} signs with the key of {}", now.device, before.device));
        return found;
    }
    for (name, old, new) in
        [("outcomes", &before.outcomes, &now.outcomes), ("audit entries", &before.audit, &now.audit)]
    {
        if new.sequence < old.sequence {
            find(
                AlarmKind::RolledBack,
                format!("the {name} went back from number {} to {}", old.sequence, new.sequence),
            );
        } else if new.sequence == old.sequence && new.hash != old.hash {
            find(AlarmKind::Rewritten, format!("of the {name} number {} is not what it was", old.sequence));
        }
    }
    for gap in now.gaps.iter().filter(|gap| !before.gaps.contains(gap)) {
        let (from, to) = (gap.last_before, gap.first_behind);
        find(
            AlarmKind::NumbersLeftOut,
            format!("the store was {} behind number {from}; it went on with {to}", gap.reason),
        );
    }
    found
}

/// For tests: of a device with so many outcomes and audit entries, each with its own hash.
#[cfg(test)]
pub(super) fn example(outcomes: u64, audit: u64) -> Heartbeat {
    let head = |sequence: u64| crate::session::ChainHead {
        sequence,
        hash: (sequence > 0).then(|| format!("{sequence:064x}")),
    };
    Heartbeat {
        device: "dev_1".to_owned(),
        endpoint: "shop".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        every_s: 300,
        program: "1".to_owned(),
        clock: crate::compliance::ClockTrust::Trusted,
        outcomes: head(outcomes),
        audit: head(audit),
        gaps: Vec::new(),
        withholds_live: false,
        waiting: 0,
        dead: 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::example as heartbeat;
    use super::*;
    use crate::session::LeftOut;

    fn kinds(before: &Heartbeat, now: &Heartbeat) -> Vec<AlarmKind> {
        compare(before, now).into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn another_device_other_links_and_new_gaps_are_found() {
        let before = heartbeat(5, 9);
        let other = Heartbeat { device: "dev_2".to_owned(), ..heartbeat(1, 1) };
        assert_eq!(kinds(&before, &other), [AlarmKind::DeviceChanged]);
        let mut rewritten = heartbeat(5, 9);
        rewritten.audit.hash = Some("e".repeat(64));
        assert_eq!(kinds(&before, &rewritten), [AlarmKind::Rewritten]);
        let gap = LeftOut { last_before: 5, first_behind: 900, reason: "restored".to_owned() };
        let leapt = Heartbeat { gaps: vec![gap], ..heartbeat(900, 10) };
        assert_eq!(kinds(&before, &leapt), [AlarmKind::NumbersLeftOut]);
        assert!(kinds(&leapt, &Heartbeat { outcomes: heartbeat(901, 0).outcomes, ..leapt.clone() }).is_empty());
    }

    proptest! {
        #[test]
        fn numbers_that_only_rise_are_well_and_any_that_falls_is_found(
            outcomes in 0u64..100, audit in 0u64..100, later in 0u64..100, later_audit in 0u64..100,
        ) {
            let found = kinds(&heartbeat(outcomes, audit), &heartbeat(later, later_audit));
            let fallen = usize::from(later < outcomes) + usize::from(later_audit < audit);
            prop_assert_eq!(found, vec![AlarmKind::RolledBack; fallen]);
        }
    }
}
