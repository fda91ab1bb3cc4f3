//! The end of a session, as the store is to write it: the outcome's draft and the event of every endpoint.

use std::sync::Arc;

use jiff::Timestamp;

use super::config::{Config, EndpointConfig};
use super::fleet::Fleet;
use crate::api::{EventKind, SessionEvent, SessionSnapshot, event_body, is_live_event};
use crate::compliance::Rule;
use crate::session::machine::Ending;
use crate::session::{Dialect, KeptOutcome, Outcome, PassText, SessionDetails, SessionRecord};
use crate::store::{EventFacts, Finish, OutboxBody, OutcomeDraft, Store, StoreError};
use crate::sync::takes_live;

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
    /// The fleet whose passes are issued, if any are.
    pub fleet: Option<Arc<Fleet>>,
}

/// Writes it; the pass that it has earned is made only then, and stays in memory.
pub(super) fn finish(store: &mut Store, finishing: &Finishing) -> Result<Option<PassText>, StoreError> {
    let Finishing { record, ending, rule, config, decided_at, fleet } = finishing;
    let draft = match (ending, rule) {
        (Ending::Decided { decision, evidence }, Some(rule)) => Some(OutcomeDraft {
            decision,
            evidence,
            rule,
            decided_at: *decided_at,
            expires_at: rule.outcome_expires_at(*decided_at),
        }),
        (Ending::Decided { .. }, None) => return Err(StoreError::Refused { what: "a decision without its rule" }),
        (Ending::Canceled(_) | Ending::Expired, _) => None,
    };
    let bodies = |facts: &EventFacts<'_>| {
        let outcome = facts.outcome.zip(facts.attestation);
        let kept =
            |(outcome, jws): (&Outcome, &str)| KeptOutcome { outcome: outcome.clone(), attestation: jws.to_owned() };
        let details = details_or_site(facts.details, config);
        let snapshot =
            SessionSnapshot { record: facts.record.clone(), details, outcome: outcome.map(kept), overriding: None };
        bodies(config, facts.event, EventKind::Ended, &snapshot, facts.ended_at)
    };
    store.finish(&Finish { record, ended_at: *decided_at, outcome: draft, bodies: &bodies })?;
    Ok(fleet.as_ref().and_then(|fleet| fleet.issue(store, finishing)))
}

/// What was said of a session; of one that was started on the device itself, only in whose mode it is.
pub(super) fn details_or_site(details: Option<&SessionDetails>, config: &Config) -> SessionDetails {
    details.cloned().unwrap_or_else(|| SessionDetails::new(Dialect::Stripe, config.camera.may_be_live()))
}

/// An event as every endpoint that wants it gets it: none that is disabled, and a live one over HTTPS only.
pub(super) fn bodies(
    config: &Config,
    event: &str,
    kind: EventKind,
    snapshot: &SessionSnapshot,
    at: Timestamp,
) -> Vec<OutboxBody> {
    let event = SessionEvent { id: event, kind, snapshot, camera_is_live: config.camera.may_be_live(), at };
    let is_live = is_live_event(&event);
    let of_endpoint = |endpoint: &EndpointConfig| {
        if endpoint.disabled || is_live && !takes_live(&endpoint.url) {
            return None;
        }
        let body = event_body(endpoint.dialect, endpoint.vocabulary, &event)?;
        Some(OutboxBody { endpoint: endpoint.name.clone(), body })
    };
    config.endpoints.current().iter().filter_map(of_endpoint).collect()
}
