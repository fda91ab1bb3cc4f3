//! What each address does: the session service in the words of values. Both dialects come here.
//!
//! Always holds: a key sees the sessions of its own mode only; a display with a client secret sees its own session's phase
//! and nothing of a result; an option never loosens the rule of the place. Does not look at headers or sockets.

use serde_json::{Value, json};

use super::backend::{Backend, NewSession, PageOf, SessionSnapshot};
use super::call::{Answer, Caller};
use super::compliance::{ComplianceCheck, ComplianceRequest};
use super::error::{ApiError, ErrorCode};
use super::params::Params;
use super::requests::{
    CancelRequest, CreateRequest, ListRequest, StaffRequest, UpdateRequest, read_expand, report_session, test_outcome,
};
use super::view::{Showing, StripeReport, session_view};
use crate::privacy::{ContactKind, StaffCode};
use crate::session::{CanceledBy, Dialect, OutcomeResult, Page, SessionId, SessionRecord, SessionState};

/// What can stand in a session instead of its identifier.
pub(super) const REPORT: &str = "last_verification_report";

/// One call of an operation.
#[derive(Debug)]
pub(super) struct Call<'c, B> {
    pub backend: &'c B,
    pub caller: &'c Caller,
    pub dialect: Dialect,
}

impl<B> Clone for Call<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Call<'_, B> {}

impl<B: Backend> Call<'_, B> {
    fn livemode(self) -> bool {
        self.caller.key.livemode
    }

    fn missing(self, id: &str) -> ApiError {
        ApiError::missing("verification session", id, self.livemode())
    }

    /// The identifier in the address, where it may be this caller's.
    pub(super) fn id(self, text: &str) -> Result<SessionId, ApiError> {
        let id = SessionId::of_dialect(self.dialect, text).ok_or_else(|| self.missing(text))?;
        match &self.caller.session {
            Some(own) if *own != id => {
                Err(ApiError::new(ErrorCode::PermissionDenied, "This client secret is another session's"))
            }
            _ => Ok(id),
        }
    }

    /// A session that this caller may see.
    pub(super) async fn snapshot(self, id: &SessionId) -> Result<SessionSnapshot, ApiError> {
        let found = self.backend.session(id.clone()).await?;
        found.filter(|found| found.details.livemode == self.livemode()).ok_or_else(|| {
            self.missing(&match self.dialect {
                Dialect::Stripe => id.stripe(),
                Dialect::Stile => id.stile(),
            })
        })
    }

    /// A session as its own answer shows it.
    fn shown(self, snapshot: &SessionSnapshot, with_report: bool, just_made: bool) -> Value {
        let usable = snapshot.record.state.waits_for_somebody() && self.backend.now() < snapshot.record.expires_at;
        // Stile shows the secret once, Stripe as long as it is of use.
        let shows = usable && (just_made || self.dialect == Dialect::Stripe);
        let secret = shows.then(|| self.backend.secrets().client_secret(&snapshot.record.id, self.dialect));
        let showing = Showing { client_secret: secret.as_deref(), with_report, with_outcome: true, ..self.showing() };
        session_view(snapshot, showing)
    }

    fn showing(self) -> Showing<'static> {
        Showing {
            dialect: self.dialect,
            vocabulary: self.caller.key.vocabulary,
            camera_is_live: self.backend.facts().camera_is_live,
            client_secret: None,
            with_report: false,
            with_outcome: false,
        }
    }

    /// What the caller gets to see of a session: a display only how far it is.
    pub(super) fn answer(self, snapshot: &SessionSnapshot, with_report: bool) -> Answer {
        if self.caller.sees_results() {
            return Answer::ok(self.shown(snapshot, with_report, false));
        }
        Answer::ok(display_view(self.dialect, &snapshot.record))
    }

    pub(super) async fn create(self, request: CreateRequest, id: SessionId, again: bool) -> Result<Answer, ApiError> {
        let contact = |kind: ContactKind, text: &Option<zeroize::Zeroizing<String>>, param: &str, form: &str| {
            let Some(text) = text else { return Ok(None) };
            let invalid = || ApiError::of_param(ErrorCode::ParameterInvalid, param, form);
            self.backend.secrets().contact(kind, text).map(Some).ok_or_else(invalid)
        };
        let email = contact(
            ContactKind::Email,
            &request.email,
            "provided_details[email]",
            "This is no e-mail address; give one such as name@shop.example",
        )?;
        let phone = contact(
            ContactKind::Phone,
            &request.phone,
            "provided_details[phone]",
            "This is no telephone number; give it with its country, such as +14155550100",
        )?;
        let kept = if again { self.backend.session(id.clone()).await? } else { None };
        let chosen = if self.livemode() { None } else { test_outcome(&request.details)? };
        let snapshot = if let Some(kept) = kept {
            // Cut off between making and showing. Where it cannot be shown now, it waits, and can be started.
            let unshown = self.livemode() && kept.record.state == SessionState::Created;
            if unshown
                && !self.backend.facts().sessions_wait
                && self.backend.start(kept.record.id.clone()).await.is_ok()
            {
                self.snapshot(&kept.record.id).await?
            } else {
                kept
            }
        } else {
            let CreateRequest { use_case, jurisdiction, details, .. } = request;
            let key = self.caller.key.id.clone();
            self.backend.create(NewSession { id, use_case, jurisdiction, details, key, email, phone }).await?
        };
        let answer = Answer::ok(self.shown(&snapshot, request.expand, true));
        if let Some(outcome) = chosen {
            self.backend.conclude(snapshot.record.id, outcome).await?;
        }
        Ok(answer)
    }

    pub(super) async fn retrieve(self, id: &str, params: Params) -> Result<Answer, ApiError> {
        let expand = read_expand(params, Some(REPORT))?;
        let snapshot = self.snapshot(&self.id(id)?).await?;
        Ok(Answer::ok(self.shown(&snapshot, expand, false)))
    }

    pub(super) async fn update(self, id: &SessionId, request: &UpdateRequest, again: bool) -> Result<Answer, ApiError> {
        let before = self.snapshot(id).await?;
        if again && request.is_made_in(&before.details) && !before.record.state.waits_for_somebody() {
            // The first try did it; the session has ended since.
            return Ok(Answer::ok(self.shown(&before, request.expand, false)));
        }
        let changed = self.backend.update(id.clone(), request.clone()).await?;
        let snapshot = changed.ok_or_else(|| self.missing(id.as_str()))?;
        let chosen = if self.livemode() { None } else { test_outcome(&snapshot.details)? };
        let answer = Answer::ok(self.shown(&snapshot, request.expand, false));
        if let Some(outcome) = chosen {
            self.backend.conclude(id.clone(), outcome).await?;
        }
        Ok(answer)
    }

    pub(super) async fn cancel(self, id: &SessionId, again: bool, request: CancelRequest) -> Result<Answer, ApiError> {
        let CancelRequest { code, expand } = request;
        let by = match (&code, self.caller.sees_results()) {
            (Some(_), true) => CanceledBy::Staff,
            (Some(_), false) => {
                return Err(ApiError::new(ErrorCode::PermissionDenied, "A staff code goes with a secret key only"));
            }
            (None, true) => CanceledBy::Till,
            (None, false) => CanceledBy::Person,
        };
        let snapshot = self.snapshot(id).await?;
        if again && snapshot.record.state == SessionState::Canceled(by) {
            return Ok(self.answer(&snapshot, expand));
        }
        // Whom a session waits for to be looked at may end it as well.
        let reviewed = by == CanceledBy::Staff && snapshot.record.state == SessionState::AwaitingReview;
        if !(snapshot.record.state.waits_for_somebody() || reviewed) || !self.ended(id, by, code).await? {
            return Err(not_open("This session can no longer be canceled: it is processed or has ended"));
        }
        Ok(self.answer(&self.snapshot(id).await?, expand))
    }

    async fn ended(self, id: &SessionId, by: CanceledBy, code: Option<StaffCode>) -> Result<bool, ApiError> {
        match code {
            Some(code) => self.backend.cancel_by_staff(id.clone(), code).await,
            None => self.backend.cancel(id.clone(), by).await,
        }
    }

    pub(super) async fn start(self, id: &SessionId, again: bool) -> Result<Answer, ApiError> {
        let snapshot = self.snapshot(id).await?;
        if !snapshot.details.livemode {
            return Err(ApiError::new(
                ErrorCode::NotSupported,
                "A test session has no camera; choose its outcome by metadata[carded_test_outcome]",
            ));
        }
        if snapshot.record.state == SessionState::Created {
            self.backend.start(id.clone()).await?;
        } else if !again {
            return Err(not_open("This session was started already, or has ended"));
        }
        Ok(self.answer(&self.snapshot(id).await?, false))
    }

    pub(super) async fn redact(self, id: &SessionId, expand: bool) -> Result<Answer, ApiError> {
        let snapshot = self.snapshot(id).await?;
        if matches!(snapshot.record.state, SessionState::Deciding | SessionState::AwaitingReview) {
            return Err(not_open("This session is being decided; redact it when it has ended"));
        }
        if snapshot.record.state.waits_for_somebody() && !self.backend.cancel(id.clone(), CanceledBy::Till).await? {
            return Err(not_open("This session is being decided; redact it when it has ended"));
        }
        self.backend.redact(id.clone()).await?;
        Ok(self.answer(&self.snapshot(id).await?, expand))
    }

    pub(super) async fn review(self, id: &SessionId, request: StaffRequest, again: bool) -> Result<Answer, ApiError> {
        let snapshot = self.snapshot(id).await?;
        let reviewed = snapshot.outcome.as_ref().and_then(|kept| kept.outcome.review());
        if again && reviewed.is_some_and(|review| review.accepted == request.good) {
            return Ok(self.answer(&snapshot, false));
        }
        let waits = snapshot.record.state == SessionState::AwaitingReview;
        if !waits || !self.backend.review(id.clone(), request.good, request.code).await? {
            return Err(not_open("This session does not wait for the staff to look at the document"));
        }
        Ok(self.answer(&self.snapshot(id).await?, false))
    }

    pub(super) async fn overriding(
        self,
        id: &SessionId,
        request: StaffRequest,
        again: bool,
    ) -> Result<Answer, ApiError> {
        self.snapshot(id).await?;
        let result = if request.good { OutcomeResult::Verified } else { OutcomeResult::NotVerified };
        self.backend.override_outcome(id.clone(), result, request.code, again).await?;
        Ok(self.answer(&self.snapshot(id).await?, false))
    }

    pub(super) async fn list(self, params: Params) -> Result<Answer, ApiError> {
        let request = ListRequest::sessions(params, self.dialect, self.livemode())?;
        let page = page(&request);
        let missing = || missing_cursor(&request);
        let found = self.backend.sessions(request.filter.clone(), page).await?.ok_or_else(missing)?;
        let showing = Showing { with_report: request.expand, ..self.showing() };
        let url = match self.dialect {
            Dialect::Stripe => "/v1/identity/verification_sessions",
            Dialect::Stile => "/v1/verification_sessions",
        };
        Ok(list(url, &found, |snapshot| Some(session_view(snapshot, showing))))
    }

    pub(super) async fn check_compliance(self, params: Params) -> Result<Answer, ApiError> {
        let (asked, now) = (ComplianceRequest::read(params)?, self.backend.judged_now().await?);
        let check = ComplianceCheck::of(&self.backend.rules(), &asked, now)?;
        let unwritten = |_| ApiError::new(ErrorCode::Internal, "Report this request, with its identifier");
        serde_json::to_value(check).map(Answer::ok).map_err(unwritten)
    }

    pub(super) async fn list_reports(self, params: Params) -> Result<Answer, ApiError> {
        let mut request = ListRequest::reports(params, self.livemode())?;
        request.filter.decided = true;
        let page = page(&request);
        let missing = || missing_cursor(&request);
        let found = self.backend.sessions(request.filter.clone(), page).await?.ok_or_else(missing)?;
        Ok(list("/v1/identity/verification_reports", &found, |snapshot| self.report(snapshot)))
    }

    pub(super) async fn retrieve_report(self, id: &str, params: Params) -> Result<Answer, ApiError> {
        read_expand(params, None)?;
        let missing = || ApiError::missing("verification report", id, self.livemode());
        let session = report_session(id).ok_or_else(missing)?;
        let found = self.backend.session(session).await?;
        let snapshot = found.filter(|found| found.details.livemode == self.livemode()).ok_or_else(missing)?;
        self.report(&snapshot).map(Answer::ok).ok_or_else(missing)
    }

    fn report(self, snapshot: &SessionSnapshot) -> Option<Value> {
        let report = StripeReport::of(snapshot, self.backend.facts().camera_is_live)?;
        serde_json::to_value(report).ok()
    }
}

fn page(request: &ListRequest) -> Page {
    let (starting_after, ending_before) = (request.starting_after.clone(), request.ending_before.clone());
    Page { limit: request.limit, starting_after, ending_before }
}

fn missing_cursor(request: &ListRequest) -> ApiError {
    let name = if request.starting_after.is_some() { "starting_after" } else { "ending_before" };
    let message = "There is no such object in this mode; give one of the list's identifiers";
    ApiError::of_param(ErrorCode::ResourceMissing, name, message)
}

fn not_open(message: &str) -> ApiError {
    ApiError::new(ErrorCode::SessionNotOpen, message)
}

fn list(url: &str, page: &PageOf<SessionSnapshot>, view: impl Fn(&SessionSnapshot) -> Option<Value>) -> Answer {
    let data: Vec<Value> = page.entries.iter().filter_map(view).collect();
    Answer::ok(json!({ "object": "list", "url": url, "has_more": page.has_more, "data": data }))
}

/// A session as a display with its client secret sees it: how far it is, and never how it ended.
pub(super) fn display_view(dialect: Dialect, record: &SessionRecord) -> Value {
    let id = match dialect {
        Dialect::Stripe => record.id.stripe(),
        Dialect::Stile => record.id.stile(),
    };
    let phase = match record.state {
        SessionState::Created => "waiting",
        SessionState::AwaitingConsent => "consent",
        SessionState::AwaitingDocument => "document",
        SessionState::AwaitingFace => "face",
        SessionState::Deciding | SessionState::AwaitingReview => "deciding",
        SessionState::Verified | SessionState::NotVerified | SessionState::Canceled(_) | SessionState::Expired => {
            "finished"
        }
    };
    json!({ "id": id, "object": "carded.session_progress", "phase": phase, "expires_at": record.expires_at.as_second() })
}
