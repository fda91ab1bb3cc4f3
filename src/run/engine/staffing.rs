//! The staff at the engine: their code is looked at before anything is done on their word.
//!
//! Always holds: without a right code nothing happens, and a wrong one is on disk before it is answered. Over the socket
//! only a till may pass one on: a display sees what people do at it, and is no authority.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::EngineError;
use super::asking::{StartRefusal, Wish};
use super::desk::Order;
use super::letters::Letters;
use super::returning::Codes;
use super::store_keeper::StoreKeeper;
use super::timekeeping::{ClockWish, JudgedTime};
use crate::api::{EventKind, SessionSnapshot};
use crate::compliance::RuleBook;
use crate::privacy::{ApiSecrets, StaffCode, StaffId};
use crate::run::config::Config;
use crate::run::finishing::{bodies, details_or_site};
use crate::session::{CanceledBy, DeviceFault, OutcomeResult, SessionId};
use crate::store::{Override, OverrideFacts, OverrideRefusal, StaffCheck, StoreError};

/// Why one of the staff was not heeded.
#[derive(Debug, thiserror::Error)]
pub(super) enum StaffRefusal {
    /// The code is none of this device's.
    #[error("this staff code is not known on this device; {}", left_words(*left))]
    Unknown { left: u16 },
    /// Too many were wrong.
    #[error("too many wrong staff codes were given; in {} min they are taken again", minutes(again_after))]
    Locked { again_after: Duration },
    /// The outcome stays as it is.
    #[error(transparent)]
    Override(#[from] OverrideRefusal),
    /// There is no such session.
    #[error("there is no such session on this device")]
    Missing,
    /// The session goes on otherwise.
    #[error(transparent)]
    Session(#[from] StartRefusal),
    /// The store cannot be used.
    #[error("the device's store cannot be used now; its own log says why")]
    Store,
    /// The engine ends.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

fn left_words(left: u16) -> String {
    match left {
        0 => "all codes are locked for a while now".to_owned(),
        left => format!("after {left} more wrong ones all are locked for a while"),
    }
}

fn minutes(wait: &Duration) -> u64 {
    wait.as_secs().div_ceil(60).max(1)
}

impl From<StoreError> for StaffRefusal {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Missing) {
            return Self::Missing;
        }
        tracing::error!("{error}");
        Self::Store
    }
}

/// Ways into the engine, for whoever has to change something.
#[derive(Clone)]
pub(super) struct Ways {
    pub desk: mpsc::Sender<Order>,
    pub store: StoreKeeper,
    pub config: Arc<Config>,
    pub secrets: ApiSecrets,
    /// To whoever sends mail.
    pub letters: Letters,
    /// Codes that somebody is to enter.
    pub codes: Arc<Codes>,
    /// The rule table in use; who sends another has it used for every session from then on.
    pub rules: watch::Sender<Arc<RuleBook>>,
    /// Tells `sync` that something waits.
    pub due: watch::Sender<u64>,
    pub origin: std::time::Instant,
}

impl Ways {
    async fn who(&self, code: StaffCode) -> Result<StaffId, StaffRefusal> {
        let uptime = self.origin.elapsed();
        let check = self.store.call(move |store| store.staff_of(&code, Timestamp::now(), uptime)).await??;
        match check {
            StaffCheck::Known(staff) => Ok(staff),
            StaffCheck::Unknown { left } => Err(StaffRefusal::Unknown { left }),
            StaffCheck::Locked { again_after } => Err(StaffRefusal::Locked { again_after }),
        }
    }

    /// What they found at the document that a session waits for; whether it still waited.
    pub(super) async fn review(
        &self,
        session: SessionId,
        accepted: bool,
        code: StaffCode,
    ) -> Result<bool, StaffRefusal> {
        let staff = self.who(code).await?;
        let (answer, answered) = oneshot::channel();
        let order = Order::Wish(Wish::Review { session, accepted, staff, answer });
        self.desk.send(order).await.map_err(|_| EngineError::Ended("desk"))?;
        Ok(answered.await.map_err(|_| EngineError::Ended("desk"))??)
    }

    /// Ends a session; whether that was still possible.
    pub(super) async fn cancel(&self, session: SessionId, code: StaffCode) -> Result<bool, StaffRefusal> {
        self.who(code).await?;
        let (answer, answered) = oneshot::channel();
        let order = Order::Wish(Wish::Cancel { session, by: CanceledBy::Staff, answer });
        self.desk.send(order).await.map_err(|_| EngineError::Ended("desk"))?;
        Ok(answered.await.map_err(|_| EngineError::Ended("desk"))??)
    }

    /// The time to decide by, unless the clock is wrong.
    pub(super) async fn judged_now(&self) -> Result<Result<JudgedTime, DeviceFault>, EngineError> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Clock(ClockWish::Now(answer));
        self.desk.send(order).await.map_err(|_| EngineError::Ended("desk"))?;
        answered.await.map_err(|_| EngineError::Ended("desk"))
    }

    /// Sets their outcome over that of a session.
    pub(super) async fn override_outcome(
        &self,
        session: SessionId,
        result: OutcomeResult,
        code: StaffCode,
        again: bool,
    ) -> Result<(), StaffRefusal> {
        let staff = self.who(code).await?;
        let at = self.judged_now().await?.map_err(StartRefusal::from)?.wall;
        let config = Arc::clone(&self.config);
        let overridden = self.store.call(move |store| {
            let render = |facts: &OverrideFacts<'_>| {
                let snapshot = SessionSnapshot {
                    record: facts.record.clone(),
                    details: details_or_site(facts.details, &config),
                    outcome: Some(facts.first.clone()),
                    overriding: Some(facts.new.clone()),
                };
                bodies(&config, facts.event, EventKind::Overridden, &snapshot, facts.at)
            };
            store.override_outcome(&Override { session: &session, result, staff: &staff, at, again, bodies: &render })
        });
        let overridden = overridden.await?;
        // Also where it was written and the journal could not be emptied after it.
        self.due.send_modify(|changes| *changes += 1);
        overridden??;
        Ok(())
    }
}
