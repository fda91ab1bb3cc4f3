//! The end of a session, as the store is to write it: the outcome's draft and the event of every endpoint.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::config::Config;
use crate::api::{FinishedSession, event_body};
use crate::compliance::Rule;
use crate::session::machine::Ending;
use crate::session::{Outcome, SessionRecord};
use crate::store::{EventFacts, Finish, OutboxBody, OutcomeDraft, Store, StoreError};

/// How long a verified outcome grants anything.
const OUTCOME_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Everything that goes into the one transaction.
pub(super) struct Finishing {
    /// The session in its terminal state.
    pub record: SessionRecord,
    /// How it ended.
    pub ending: Ending,
    /// The rule that it was decided by; without one an end that was decided cannot be written.
    pub rule: Option<Rule>,
    /// Names the endpoints.
    pub config: Arc<Config>,
    /// When.
    pub decided_at: Timestamp,
}

/// Writes it.
pub(super) fn finish(store: &mut Store, finishing: &Finishing) -> Result<(), StoreError> {
    let Finishing { record, ending, rule, config, decided_at } = finishing;
    let draft = match (ending, rule) {
        (Ending::Decided { decision, evidence }, Some(rule)) => Some(OutcomeDraft {
            decision,
            evidence,
            rule,
            decided_at: *decided_at,
            expires_at: decided_at.saturating_add(OUTCOME_LIFETIME).unwrap_or(Timestamp::MAX),
        }),
        (Ending::Decided { .. }, None) => return Err(StoreError::Refused { what: "a decision without its rule" }),
        (Ending::Canceled(_) | Ending::Expired, _) => None,
    };
    let bodies = |facts: &EventFacts<'_>| -> Vec<OutboxBody> {
        let finished = FinishedSession {
            event_id: facts.event,
            record: facts.record,
            outcome: facts.outcome,
            attestation: facts.attestation,
            livemode: facts.outcome.is_some_and(Outcome::livemode),
            at: facts.ended_at,
        };
        let of_endpoint = |endpoint: &super::config::EndpointConfig| {
            let body = event_body(endpoint.dialect, &finished)?;
            Some(OutboxBody { endpoint: endpoint.name.clone(), body })
        };
        config.endpoints.iter().filter_map(of_endpoint).collect()
    };
    store.finish(&Finish { record, ended_at: *decided_at, outcome: draft, bodies: &bodies }).map(drop)
}
