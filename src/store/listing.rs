//! Pages of sessions, and their outcomes, as the API shows them: the newest first.
//!
//! Always holds: a page begins right behind its cursor, so that paging neither repeats nor misses a row while others are
//! added; whether there is more is exact; an outcome is read back only out of an attestation of this device's that holds.
//! A session that was not asked for over the API is in the mode of the site. Does not
//! render anything.

use rusqlite::types::Value;
use rusqlite::{Row, ToSql};

use super::error::StoreError;
use super::requests::{DETAILS, details_of};
use super::{Store, rows};
use crate::session::{
    CreatedRange, Dialect, KeptOutcome, Outcome, Page, SessionDetails, SessionFilter, SessionId, SessionRecord,
    SessionStates,
};

/// 1 where a session has a live outcome, and nothing otherwise: that it was live stays so, whatever the site becomes.
const OF_OUTCOME: &str = "nullif((SELECT outcome.livemode FROM outcome WHERE outcome.session = session.id
    AND outcome.overrides IS NULL), 0)";
/// Most rows of a page.
const MAX_LIMIT: u8 = 100;

/// Whether a page is read towards the newest.
fn is_backwards(page: &Page) -> bool {
    page.ending_before.is_some() && page.starting_after.is_none()
}

fn order(page: &Page) -> &'static str {
    if is_backwards(page) { "ASC" } else { "DESC" }
}

fn limit(page: &Page) -> usize {
    usize::from(page.limit.clamp(1, MAX_LIMIT))
}

/// Turns one row more than a page into the page, and whether there is more.
fn cut<T>(page: &Page, mut rows: Vec<T>) -> (Vec<T>, bool) {
    let has_more = rows.len() > limit(page);
    rows.truncate(limit(page));
    if is_backwards(page) {
        rows.reverse();
    }
    (rows, has_more)
}

/// A page of sessions, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPage {
    /// The sessions, each with what was said of it and how it was decided.
    pub sessions: Vec<(SessionRecord, SessionDetails, Option<KeptOutcome>)>,
    /// Whether there are more in the direction that was read.
    pub has_more: bool,
}

impl Store {
    /// A page of sessions.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when a cursor is no session of that mode.
    pub fn sessions_page(&self, filter: &SessionFilter, page: &Page) -> Result<SessionPage, StoreError> {
        let place = |cursor: &SessionId| self.place(cursor, filter.livemode);
        let after = page.starting_after.as_ref().map(place).transpose()?;
        let before = page.ending_before.as_ref().map(place).transpose()?;
        let mut query = Query::of_mode(&self.livemode(), filter.livemode);
        query.reference(filter.client_reference_id.as_deref());
        query.range("session.created_at", filter.created);
        if let Some(states) = filter.states {
            query.states(states);
        }
        if let Some(session) = &filter.session {
            let session = query.bind(session.as_str().to_owned());
            query.conditions.push(format!("session.id = {session}"));
        }
        if filter.decided {
            query.conditions.push("EXISTS (SELECT 1 FROM outcome WHERE outcome.session = session.id)".to_owned());
        }
        if filter.nothing {
            query.conditions.push("FALSE".to_owned());
        }
        for (operator, place) in [("<", after), (">", before)] {
            if let Some((created_at, id)) = place {
                let (created_at, id) = (query.bind(created_at), query.bind(id));
                query.conditions.push(format!("(session.created_at, session.id) {operator} ({created_at}, {id})"));
            }
        }
        let order = order(page);
        let sql = format!(
            "SELECT {}, {DETAILS}, {} FROM session LEFT JOIN request ON request.session = session.id
             WHERE {} ORDER BY session.created_at {order}, session.id {order} LIMIT {}",
            rows::RECORD,
            self.livemode(),
            query.conditions.join(" AND "),
            limit(page) + 1
        );
        let (rows, has_more) = cut(page, self.rows(&sql, &query, session)?);
        let with_outcome = |(record, details): (SessionRecord, SessionDetails)| {
            let outcome = self.kept_outcome(&record.id)?;
            Ok((record, details, outcome))
        };
        Ok(SessionPage { sessions: rows.into_iter().map(with_outcome).collect::<Result<_, StoreError>>()?, has_more })
    }

    /// The outcome that ended a session, if it was decided.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is none of this device's.
    pub fn kept_outcome(&self, session: &SessionId) -> Result<Option<KeptOutcome>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT session, jws FROM outcome WHERE session = ?1 AND overrides IS NULL")?;
        statement.query_and_then([session.as_str()], |row| self.outcome(row))?.next().transpose()
    }

    /// The outcome that one of the staff has set over that one: the last of them, which counts.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is none of this device's.
    pub fn overriding(&self, session: &SessionId) -> Result<Option<KeptOutcome>, StoreError> {
        Ok(self.overrides(session)?.pop())
    }

    /// Every outcome that the staff have set over that one, the first one first.
    pub(super) fn overrides(&self, session: &SessionId) -> Result<Vec<KeptOutcome>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT session, jws FROM outcome WHERE session = ?1 AND overrides IS NOT NULL ORDER BY sequence",
        )?;
        statement.query_and_then([session.as_str()], |row| self.outcome(row))?.collect()
    }

    /// The mode of a session, where `session` and a left join of `request` are.
    fn livemode(&self) -> String {
        format!("coalesce(request.livemode, {OF_OUTCOME}, {})", u8::from(self.site_is_live))
    }

    /// Where a session stands among those of its mode.
    fn place(&self, session: &SessionId, livemode: bool) -> Result<(i64, String), StoreError> {
        let place = format!(
            "SELECT session.created_at, session.id FROM session LEFT JOIN request ON request.session = session.id
             WHERE session.id = ?1 AND {} = ?2",
            self.livemode()
        );
        let mut statement = self.connection.prepare_cached(&place)?;
        Ok(statement.query_row((session.as_str(), livemode), |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// An outcome out of the columns `session` and `jws`.
    fn outcome(&self, row: &Row<'_>) -> Result<KeptOutcome, StoreError> {
        const NOT_OURS: StoreError = StoreError::Corrupt { what: "an outcome that this device did not sign" };
        let (session, attestation): (String, String) = (row.get(0)?, row.get(1)?);
        let payload = self.keyring.verify(&attestation).ok_or(NOT_OURS)?;
        let outcome: Outcome = serde_json::from_value(payload).map_err(|_| rows::UNKNOWN)?;
        if outcome.session() == session { Ok(KeptOutcome { outcome, attestation }) } else { Err(NOT_OURS) }
    }

    fn rows<T>(
        &self,
        sql: &str,
        query: &Query,
        of_row: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let values: Vec<&dyn ToSql> = query.values.iter().map(|value| value as &dyn ToSql).collect();
        statement.query_and_then(values.as_slice(), of_row)?.collect()
    }
}

/// Conditions and what is bound in them.
struct Query {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Query {
    /// `mode` is the expression of a session's mode.
    fn of_mode(mode: &str, livemode: bool) -> Self {
        Self { conditions: vec![format!("{mode} = {}", u8::from(livemode))], values: Vec::new() }
    }

    /// Binds a value, and answers the name of its place.
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    fn reference(&mut self, reference: Option<&str>) {
        if let Some(reference) = reference {
            let reference = self.bind(reference.to_owned());
            self.conditions.push(format!("request.client_reference_id = {reference}"));
        }
    }

    fn range(&mut self, column: &str, range: CreatedRange) {
        let (from, until) = range.millis();
        let (from, until) = (self.bind(from), self.bind(until));
        self.conditions.push(format!("{column} >= {from} AND {column} < {until}"));
    }

    fn states(&mut self, states: SessionStates) {
        // The names are the program's own.
        let states =
            states.iter().map(|(state, failed)| format!("('{}', {})", rows::state_columns(state).0, u8::from(failed)));
        let states = states.collect::<Vec<_>>().join(", ");
        self.conditions.push(format!("(session.state, session.last_error IS NOT NULL) IN (VALUES {states})"));
    }
}

/// A session with its details, out of the columns of a record, of the details, and its mode.
fn session(row: &Row<'_>) -> Result<(SessionRecord, SessionDetails), StoreError> {
    let record = rows::record(row)?;
    let details = match details_of(row, rows::RECORD_COLUMNS)? {
        Some(details) => details,
        None => SessionDetails::new(Dialect::Stripe, row.get(rows::RECORD_COLUMNS + 8)?),
    };
    Ok((record, details))
}
