//! The outbox as an operator sees it and looks after it, and the alarm when it grows too old or too large.
//!
//! Always holds: what was ordered is on disk before it is answered; an alarm is said when it begins and when it is over, and not
//! every time that somebody looks. Does not send: `carded sync` does.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::config::{Config, EndpointConfig, OutboxConfig};
use super::ordering::OrderError;
use super::socket::{Connection, SocketError};
use crate::session::protocol::{
    Body, ClientMessage, ClientRole, EndpointDeed, EndpointQueue, EngineMessage, LetterState, OutboxAlarm,
    OutboxAnswer, OutboxOrder, OutboxSummary,
};
use crate::store::{Actor, AuditAction, AuditEntry, LetterPage, OutboxCounts, Store, StoreError};
use crate::sync::{is_live, takes_live};

/// So many of the oldest that wait for a plain address are looked through for a live one.
const LOOKED_THROUGH: usize = 100;
/// Time for the engine's answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Whoever carries out orders about the outbox: the engine where one runs, and otherwise the store itself. It stays the same one
/// for a number of orders.
pub struct OutboxDesk<'c> {
    config: &'c Config,
    way: Way,
}

enum Way {
    Engine(Box<Connection>),
    Store(Box<Store>),
}

impl<'c> OutboxDesk<'c> {
    /// Finds out which.
    ///
    /// # Errors
    /// [`OrderError`] when neither can be used.
    pub async fn open(config: &'c Config) -> Result<Self, OrderError> {
        let way = match Connection::open(&config.device.socket, ClientRole::Operator).await {
            Ok(engine) => Way::Engine(Box::new(engine)),
            Err(SocketError::Connect { .. }) => Way::Store(Box::new(Store::open(config.device.places())?)),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { config, way })
    }

    /// Has an order carried out.
    ///
    /// # Errors
    /// [`OrderError`], which says what to do.
    pub async fn order(&mut self, order: OutboxOrder) -> Result<OutboxAnswer, OrderError> {
        match &mut self.way {
            Way::Store(store) => carry_out(store, self.config, &order),
            Way::Engine(engine) => {
                engine.send(&ClientMessage::Outbox(order)).await?;
                let heard = tokio::time::timeout(ANSWER_WITHIN, engine.receive()).await;
                match heard.map_err(|_| OrderError::Answer)?? {
                    Body::Message(EngineMessage::Failed { why }) => Err(OrderError::Invalid(why)),
                    Body::Message(EngineMessage::Outbox(answer)) => Ok(*answer),
                    Body::Message(_) | Body::Preview(_) => Err(OrderError::Answer),
                }
            }
        }
    }
}

/// Carries an order out.
pub(super) fn carry_out(store: &mut Store, config: &Config, order: &OutboxOrder) -> Result<OutboxAnswer, OrderError> {
    let now = Timestamp::now();
    match order {
        OutboxOrder::Summary => Ok(OutboxAnswer::Summary(summary(store, config, now)?)),
        OutboxOrder::Letters { state, endpoint, after, most, bodies } => {
            let LetterPage { letters, more } =
                store.letters((*state, endpoint.as_deref()), *after, usize::from(*most), *bodies)?;
            Ok(OutboxAnswer::Letters { letters, more })
        }
        OutboxOrder::Find { id } => {
            let letters = store.find_letters(id)?;
            if letters.is_empty() {
                let why = format!("the outbox has no event or delivery {id}; see 'carded outbox list --dead'");
                return Err(OrderError::Invalid(why));
            }
            Ok(OutboxAnswer::Letters { letters, more: false })
        }
        OutboxOrder::Note { deed } => {
            let action = match deed {
                EndpointDeed::Added => AuditAction::EndpointAdded,
                EndpointDeed::Rotated => AuditAction::EndpointRotated,
                EndpointDeed::Disabled => AuditAction::EndpointDisabled,
                EndpointDeed::Enabled => AuditAction::EndpointEnabled,
            };
            store.audit(&AuditEntry { at: now, actor: Actor::Operator, action, session: None })?;
            Ok(OutboxAnswer::Noted)
        }
        OutboxOrder::Replay { delivery, endpoint, after } => {
            let done = store.replay(*delivery, endpoint.as_deref(), *after, now).map_err(|error| match error {
                StoreError::Missing => OrderError::Invalid(
                    "there is no dead letter of this number; see 'carded outbox list --dead'".to_owned(),
                ),
                other => other.into(),
            })?;
            Ok(OutboxAnswer::Replayed {
                replayed: done.replayed,
                redacted: done.redacted,
                last: done.last,
                more: done.more,
            })
        }
    }
}

fn summary(store: &Store, config: &Config, now: Timestamp) -> Result<OutboxSummary, StoreError> {
    let empty = |endpoint: &EndpointConfig| EndpointQueue {
        endpoint: endpoint.name.clone(),
        configured: true,
        disabled: endpoint.disabled,
        waiting: 0,
        dead: 0,
        oldest: None,
        next_attempt: None,
        last_error: None,
    };
    let configured = config.endpoints.current();
    let mut endpoints: BTreeMap<String, EndpointQueue> =
        configured.iter().map(|endpoint| (endpoint.name.clone(), empty(endpoint))).collect();
    for queue in store.outbox_queues()? {
        let known = endpoints.get(&queue.endpoint);
        let row = EndpointQueue {
            configured: known.is_some(),
            disabled: known.is_some_and(|known| known.disabled),
            waiting: queue.waiting,
            dead: queue.dead,
            oldest: queue.oldest.map(Timestamp::as_second),
            next_attempt: queue.next_attempt.map(Timestamp::as_second),
            last_error: queue.last_error,
            endpoint: queue.endpoint.clone(),
        };
        endpoints.insert(queue.endpoint, row);
    }
    let mut alarms = alarms(&config.outbox, &store.outbox_counts()?, now);
    alarms.extend(alarms_of_endpoints(store, config)?);
    Ok(OutboxSummary { endpoints: endpoints.into_values().collect(), alarms })
}

/// Why somebody has to look at where events go: what waits there goes nowhere until it is mended.
fn alarms_of_endpoints(store: &Store, config: &Config) -> Result<Vec<OutboxAlarm>, StoreError> {
    let unusable = config.endpoints.unusable();
    let wrong = unusable.iter().map(|file| OutboxAlarm {
        alarm: "endpoint".to_owned(),
        why: format!(
            "{}: {}; mend it, until then its endpoint gets nothing that is new",
            file.path.display(),
            file.why
        ),
    });
    let mut alarms: Vec<OutboxAlarm> = wrong.collect();
    for endpoint in config.endpoints.current().iter().filter(|one| !one.disabled && !takes_live(&one.url)) {
        let wanted = (LetterState::Waiting, Some(endpoint.name.as_str()));
        let oldest = store.letters(wanted, 0, LOOKED_THROUGH, true)?.letters;
        if oldest.iter().filter_map(|letter| letter.body.as_deref()).any(is_live) {
            let name = &endpoint.name;
            let why = format!(
                "live events wait for endpoint {name}, which is plain http:// and gets none; give it an https:// address, and they \
                 are sent"
            );
            alarms.push(OutboxAlarm { alarm: "plain_http".to_owned(), why });
        }
    }
    Ok(alarms)
}

/// Why somebody has to look at an outbox.
fn alarms(limits: &OutboxConfig, counts: &OutboxCounts, now: Timestamp) -> Vec<OutboxAlarm> {
    let mut alarms = Vec::new();
    let mut raise = |alarm: &str, why: String| alarms.push(OutboxAlarm { alarm: alarm.to_owned(), why });
    let age = counts.oldest.map(|oldest| now.duration_since(oldest)).unwrap_or_default();
    let age = Duration::try_from(age).unwrap_or_default();
    if age >= limits.alarm_age() {
        let hours = age.as_secs() / 3600;
        let why = "see 'carded outbox list' for whom and why; nothing is dropped";
        raise("age", format!("the oldest event has waited for its receiver for {hours} hours; {why}"));
    }
    if counts.waiting >= limits.alarm_waiting {
        let why = "see 'carded outbox list' for whom and why, and watch the free space; nothing is dropped";
        raise("size", format!("{} events wait for their receivers; {why}", counts.waiting));
    }
    if counts.dead > 0 {
        let why = "see 'carded outbox list --dead', mend the receiver, and send them again with 'carded outbox replay'";
        raise("dead_letters", format!("receivers have refused {} events for good; {why}", counts.dead));
    }
    alarms
}

/// What an engine has said of its outbox.
#[derive(Debug, Default)]
pub(super) struct OutboxWatch {
    raised: BTreeMap<String, u64>,
}

impl OutboxWatch {
    /// Looks, and logs what has begun and what is over. More dead letters than before are news.
    pub(super) fn look(&mut self, limits: &OutboxConfig, counts: &OutboxCounts, now: Timestamp) {
        let (begun, over) = self.changes(limits, counts, now);
        for why in begun {
            tracing::warn!("{why}");
        }
        for alarm in over {
            tracing::info!("the outbox's alarm about {alarm} is over");
        }
    }

    fn changes(&mut self, limits: &OutboxConfig, counts: &OutboxCounts, now: Timestamp) -> (Vec<String>, Vec<String>) {
        let alarms = alarms(limits, counts, now);
        let level = |alarm: &str| if alarm == "dead_letters" { counts.dead } else { 1 };
        let is_new =
            |alarm: &&OutboxAlarm| self.raised.get(&alarm.alarm).is_none_or(|known| level(&alarm.alarm) > *known);
        let begun = alarms.iter().filter(is_new).map(|alarm| alarm.why.clone()).collect();
        let now: BTreeMap<String, u64> =
            alarms.into_iter().map(|alarm| (alarm.alarm.clone(), level(&alarm.alarm))).collect();
        let before = std::mem::replace(&mut self.raised, now);
        let over = before.into_keys().filter(|alarm| !self.raised.contains_key(alarm)).collect();
        (begun, over)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn counts(waiting: u64, dead: u64, hours: i64) -> OutboxCounts {
        let oldest = Timestamp::UNIX_EPOCH - SignedDuration::from_hours(hours);
        OutboxCounts { waiting, dead, oldest: (waiting > 0).then_some(oldest) }
    }

    fn raised(counts: &OutboxCounts) -> Vec<String> {
        let alarms = alarms(&OutboxConfig::default(), counts, Timestamp::UNIX_EPOCH);
        alarms.into_iter().map(|alarm| alarm.alarm).collect()
    }

    #[test]
    fn age_size_and_dead_letters_are_alarms_and_a_short_wait_is_none() {
        assert_eq!(raised(&counts(0, 0, 0)), [""; 0]);
        assert_eq!(raised(&counts(9_999, 0, 23)), [""; 0]);
        assert_eq!(raised(&counts(1, 0, 24)), ["age"]);
        assert_eq!(raised(&counts(10_000, 0, 0)), ["size"]);
        assert_eq!(raised(&counts(10_000, 2, 200)), ["age", "size", "dead_letters"]);
        assert_eq!(raised(&counts(1, 0, -5)), [""; 0], "the clock was set back");
    }

    #[test]
    fn an_alarm_is_said_once_and_again_when_more_are_dead_or_when_it_was_over() {
        let (limits, mut watch) = (OutboxConfig::default(), OutboxWatch::default());
        let mut look = |counts| {
            let (begun, over) = watch.changes(&limits, &counts, Timestamp::UNIX_EPOCH);
            (begun.len(), over)
        };
        assert_eq!(look(counts(1, 0, 0)), (0, vec![]));
        assert_eq!(look(counts(1, 1, 30)), (2, vec![]));
        assert_eq!(look(counts(5, 1, 40)), (0, vec![]));
        assert_eq!(look(counts(5, 2, 40)), (1, vec![]));
        assert_eq!(look(counts(0, 1, 0)), (0, vec!["age".to_owned()]));
        assert_eq!(look(counts(0, 0, 0)), (0, vec!["dead_letters".to_owned()]));
        assert_eq!(look(counts(1, 0, 24)), (1, vec![]));
    }
}
