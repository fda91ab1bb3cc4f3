//! The desk's time and surroundings: what time it is decided by, where that is, and what is kept of it.
//!
//! Always holds: the clocks are looked at before every step; an end is written after what is known of the time, so that no
//! restart goes back behind a decision.

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::EngineError;
use super::desk::Desk;
use crate::compliance::{ClockTrust, Jurisdiction};
use crate::run::timekeeper::steps_shown;
use crate::session::DeviceFault;
use crate::session::machine::Now;
use crate::session::protocol::{ClockAnswer, ClockOrder};
use crate::store::StoreError;

/// The time that is decided by.
#[derive(Debug, Clone, Copy)]
pub(super) struct JudgedTime {
    /// What time it is.
    pub wall: Timestamp,
    /// What an expiry is judged by: `wall`, or the latest that was decided by where the clock was set back since.
    pub expiry: Timestamp,
    /// How far it can be relied on.
    pub trust: ClockTrust,
}

/// Somebody asks about the clock.
pub(super) enum ClockWish {
    /// What time it is to decide by, if anything is decided now.
    Now(oneshot::Sender<Result<JudgedTime, DeviceFault>>),
    /// The operator.
    Order(ClockOrder, oneshot::Sender<Result<ClockAnswer, String>>),
}

impl Desk {
    /// Looks at the clocks, and writes what is to be kept.
    pub(super) async fn look_at_clocks(&mut self) -> Result<(), EngineError> {
        let around = &self.around;
        self.time.look(|boot| around.borrow().gnss_at(boot));
        if self.time.is_due() {
            self.keep_time().await?;
        }
        Ok(())
    }

    /// Writes what is known of the time; whether it is on disk.
    pub(super) async fn keep_time(&mut self) -> Result<bool, EngineError> {
        let (kept, step) = self.time.to_keep();
        match self.store.call(move |store| store.keep_clock(&kept, step)).await? {
            // A time that no column can hold is one that nothing is decided by.
            Ok(()) | Err(StoreError::Clock) => self.time.note_kept(),
            Err(error) => {
                self.note_failed_store(&error);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Answers somebody who asks about the clock. Whoever asked may have gone.
    pub(super) async fn tell_clock(&mut self, wish: ClockWish) -> Result<(), EngineError> {
        self.look_at_clocks().await?;
        match wish {
            ClockWish::Now(answer) => {
                let judged = |trust| JudgedTime { wall: self.wall(), expiry: self.expiry(), trust };
                let _ = answer.send(self.time.trust().map(judged).ok_or(DeviceFault::Clock));
            }
            ClockWish::Order(order, answer) => {
                let told = match order {
                    ClockOrder::Show => self.store.call(|store| steps_shown(store)).await?,
                    ClockOrder::Reset => {
                        self.time.reset();
                        let at = self.time.time();
                        self.store.call(move |store| store.reset_clock(at).and_then(|()| steps_shown(store))).await?
                    }
                };
                let told = told.map(|steps| self.time.summary(&steps)).map_err(|error| error.to_string());
                let _ = answer.send(told);
            }
        }
        Ok(())
    }

    pub(super) fn now(&self) -> Now {
        let surroundings =
            self.around.borrow().surroundings(&self.book(), self.place(), self.time.trust(), self.time.boot());
        let (wall, expiry) = (self.wall(), self.expiry());
        Now { uptime: self.origin.elapsed(), wall, expiry, days: self.days(), surroundings }
    }

    /// The time that everything goes by.
    pub(super) fn wall(&self) -> Timestamp {
        self.time.time()
    }

    /// The time that an expiry is judged by: a clock that was set back makes nothing valid again.
    pub(super) fn expiry(&self) -> Timestamp {
        self.time.expiry_time()
    }

    /// Where the session is, or the site.
    fn place(&self) -> &Jurisdiction {
        self.session.as_ref().map_or(&self.config.site.jurisdiction, |kept| &kept.record().jurisdiction)
    }
}

/// Waits for a moment; for ever where there is none.
pub(super) async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
