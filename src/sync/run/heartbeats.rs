//! Heartbeats on their way: carried as they come, beside the queue.
//!
//! Always holds: of one endpoint one at a time; one that comes while the last is under way is dropped, and so is one for a
//! receiver that is left alone: the next says more. What becomes of one changes nothing for the endpoint's events.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::task::JoinSet;

use super::carrier::Carrier;
use crate::session::protocol::Delivery;
use crate::session::protocol::Settlement;
use crate::sync::schedule::{Answer, RetryBounds, Schedule};

/// Those that are under way.
#[derive(Default)]
pub(super) struct Heartbeats {
    sending: JoinSet<(String, Answer)>,
    busy: HashSet<String>,
    /// Whether the last one of an endpoint was taken: told when that changes.
    taken: HashMap<String, bool>,
}

impl Heartbeats {
    /// Sends one to each of these endpoints that has none under way.
    pub(super) fn send(&mut self, carrier: &Carrier, heartbeats: Vec<Delivery>) {
        for heartbeat in heartbeats {
            if !self.busy.insert(heartbeat.endpoint.clone()) {
                continue;
            }
            let carrier = carrier.clone();
            self.sending.spawn(async move {
                let answer = carrier.attempt(&heartbeat).await;
                (heartbeat.endpoint, answer)
            });
        }
    }

    /// Waits until one is done; for ever where none is under way.
    pub(super) async fn step(&mut self) {
        match self.sending.join_next().await {
            None => std::future::pending().await,
            Some(Ok((endpoint, answer))) => self.note(&endpoint, &answer),
            // One that panicked is as good as lost; its endpoint gets no more in this connection.
            Some(Err(error)) => tracing::error!("a heartbeat ended unexpectedly: {error}; report this"),
        }
    }

    fn note(&mut self, endpoint: &str, answer: &Answer) {
        self.busy.remove(endpoint);
        let problem = match Schedule::new(RetryBounds::default()).settle(0, 0, answer, Duration::ZERO, 0.0) {
            Settlement::Acknowledged | Settlement::Untried => None,
            Settlement::Retry { why, .. } | Settlement::Dead { why } => Some(why),
        };
        let taken = problem.is_none();
        if self.taken.insert(endpoint.to_owned(), taken) == Some(taken) {
            return;
        }
        match problem {
            None => tracing::info!("the receiver of {endpoint} takes heartbeats"),
            Some(why) => tracing::warn!(
                "the receiver of {endpoint} does not take heartbeats: {why}. If it is not made for them, set heartbeats = false"
            ),
        }
    }
}
