//! Which rule table the desk goes by.
//!
//! Always holds: a session before the camera keeps the rule that it began with until its end, whatever is installed meanwhile;
//! whatever begins is by the newest table.

use std::sync::Arc;

use jiff::Timestamp;

use super::EngineError;
use super::desk::Desk;
use crate::compliance::{PlaceDays, Rule, RuleBook};
use crate::session::machine::Event;
use crate::session::{CanceledBy, SessionRecord};

/// The rule of a session, and the table that it is from.
pub(super) struct HeldRule {
    pub rule: Rule,
    pub book: Arc<RuleBook>,
}

impl Desk {
    /// The rule table for whatever begins now.
    pub(super) fn rules_in_use(&self) -> Arc<RuleBook> {
        Arc::clone(&self.rules.borrow())
    }

    /// The table that the session before the camera goes by, or that whatever begins now does.
    pub(super) fn book(&self) -> Arc<RuleBook> {
        self.held.as_ref().map_or_else(|| self.rules_in_use(), |held| Arc::clone(&held.book))
    }

    /// The rule by which a session ends: its own, or what holds now for one that was never shown.
    pub(super) fn rule_of(&self, record: &SessionRecord, at: Timestamp) -> Option<Rule> {
        match self.held.as_ref().filter(|_| self.is_present(&record.id)) {
            Some(held) => Some(held.rule.clone()),
            None => self.rules_in_use().resolve_at(record.use_case, &record.jurisdiction, at).ok(),
        }
    }

    /// Ends a session whose day has come to another rule than the one that it began by: nobody is judged by yesterday's.
    pub(super) async fn end_on_other_rule(&mut self) -> Result<(), EngineError> {
        let open = self.session.as_ref().is_some_and(|session| !session.record().state.is_terminal());
        let Some(held) = self.held.as_ref().filter(|_| open) else { return Ok(()) };
        let now = held.book.resolve_at(held.rule.use_case, &held.rule.jurisdiction, self.wall());
        if now.is_ok_and(|rule| rule == held.rule) {
            return Ok(());
        }
        tracing::warn!("another rule holds since a session began; it ends, and may begin anew");
        self.step(Event::Cancel { by: CanceledBy::Device }).await
    }

    /// The calendar days of the session's place, or of the site. Both are in the rule table: a session is not made, and
    /// not taken up again, otherwise.
    pub(super) fn days(&self) -> PlaceDays {
        let days_at = |at: Timestamp| {
            let days = match &self.held {
                Some(held) => held.book.days_at(&held.rule.jurisdiction, at),
                None => self.rules_in_use().days_at(&self.config.site.jurisdiction, at),
            };
            days.unwrap_or_else(|| PlaceDays::single(at.to_zoned(jiff::tz::TimeZone::UTC).date()))
        };
        // A clock that was set back makes nobody older, and no document valid again.
        PlaceDays { earliest: days_at(self.wall()).earliest, latest: days_at(self.expiry()).latest }
    }
}
