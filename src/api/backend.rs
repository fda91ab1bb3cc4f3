//! What the API needs of the engine: values in and out, so that this room knows neither the store nor the desk.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::error::ApiError;
use super::requests::UpdateRequest;
use crate::compliance::{Jurisdiction, RuleBook, UseCase};
use crate::privacy::{
    ApiKeyRecord, ApiSecrets, ContactKind, EmailAddress, KeyHash, OneTimeCode, StaffCode, Vocabulary,
};
use crate::session::{
    CanceledBy, Credential, Dialect, Idempotency, KeptOutcome, OutcomeResult, Page, Prompt, ReasonCode, SessionDetails,
    SessionFilter, SessionId, SessionRecord,
};

/// A session with what the integrator said of it and how it was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionSnapshot {
    /// Where it stands.
    pub record: SessionRecord,
    /// What was said of it.
    pub details: SessionDetails,
    /// Its decision, if there is one.
    pub outcome: Option<KeptOutcome>,
    /// What one of the staff has set over that.
    pub overriding: Option<KeptOutcome>,
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct PageOf<T> {
    /// What is on it.
    pub entries: Vec<T>,
    /// Whether there is more beyond it, in its direction.
    pub has_more: bool,
}

/// How a test session ends, as its metadata chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestOutcome {
    /// Verified.
    Verified,
    /// Not verified, for a reason.
    NotVerified(ReasonCode),
    /// Canceled by somebody.
    Canceled(CanceledBy),
    /// Ran out.
    Expired,
}

/// A session to be made.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its identifier, drawn before: a request that is repeated after a crash finds the session that it made.
    pub id: SessionId,
    /// What the person wants to do; the site's own where nothing is said.
    pub use_case: Option<UseCase>,
    /// Where; the site's own where nothing is said.
    pub jurisdiction: Option<Jurisdiction>,
    /// What was said of it.
    pub details: SessionDetails,
    /// The key that made it.
    pub key: String,
    /// Keyed hash of the person's e-mail address.
    pub email: Option<String>,
    /// Keyed hash of the person's telephone number.
    pub phone: Option<String>,
}

/// What is true of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Whether its pictures come from a pinned camera; nothing else is ever live.
    pub camera_is_live: bool,
    /// Whether there is a webhook endpoint that gets what its camera's outcomes are.
    pub has_endpoint: bool,
    /// Whether live sessions wait until their display starts them.
    pub sessions_wait: bool,
}

/// Where outcomes go, without what is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointFacts {
    /// Its name on the device.
    pub name: String,
    /// Scheme, host and port of its address.
    pub address: String,
    /// Which event names and bodies it gets.
    pub dialect: Dialect,
    /// In which words.
    pub vocabulary: Vocabulary,
    /// Whether live events go to it, and not only those of tests.
    pub takes_live: bool,
    /// Whether it gets new events.
    pub enabled: bool,
}

impl EndpointFacts {
    /// Whether it gets anything of a device with such a camera.
    #[must_use]
    pub fn takes(&self, camera_is_live: bool) -> bool {
        self.enabled && (self.takes_live || !camera_is_live)
    }
}

/// The engine, as the API sees it. An error of the disk or of stopping is [`ErrorCode::DeviceUnavailable`].
///
/// [`ErrorCode::DeviceUnavailable`]: super::ErrorCode::DeviceUnavailable
pub trait Backend: Send + Sync + 'static {
    /// The rules of the place.
    fn rules(&self) -> Arc<RuleBook>;
    /// The keyed hashes.
    fn secrets(&self) -> &ApiSecrets;
    /// Where outcomes go.
    fn endpoints(&self) -> Vec<EndpointFacts>;
    /// What is true of the device.
    fn facts(&self) -> DeviceFacts;
    /// Time since the engine started: limits are measured by it, because it never goes backwards.
    fn uptime(&self) -> Duration;
    /// The clock on the wall, for what is shown.
    fn now(&self) -> Timestamp;
    /// The time to decide by.
    ///
    /// # Errors
    /// [`ErrorCode::DeviceUnavailable`](super::ErrorCode::DeviceUnavailable) while the clock is wrong.
    fn judged_now(&self) -> impl Future<Output = Result<Timestamp, ApiError>> + Send;
    /// The time to judge an expiry by: never before one that was decided by, so that a clock which was set back makes nothing
    /// valid again.
    ///
    /// # Errors
    /// As [`judged_now`](Self::judged_now).
    fn judged_expiry(&self) -> impl Future<Output = Result<Timestamp, ApiError>> + Send;
    /// What the screen shows.
    fn prompts(&self) -> watch::Receiver<Prompt>;
    /// Changes whenever a session has ended.
    fn ends(&self) -> watch::Receiver<u64>;

    /// The key of a hash; its use is noted.
    fn key(&self, hash: KeyHash) -> impl Future<Output = Result<Option<ApiKeyRecord>, ApiError>> + Send;

    /// Makes a session. A live one is shown on the screen at once, and refused while another one is under way.
    fn create(&self, session: NewSession) -> impl Future<Output = Result<SessionSnapshot, ApiError>> + Send;
    /// A session; `None` when there is none.
    fn session(&self, id: SessionId) -> impl Future<Output = Result<Option<SessionSnapshot>, ApiError>> + Send;
    /// A page of sessions; `None` when the session of the cursor does not exist.
    fn sessions(
        &self,
        filter: SessionFilter,
        page: Page,
    ) -> impl Future<Output = Result<Option<PageOf<SessionSnapshot>>, ApiError>> + Send;
    /// Changes what is said of a session, if [`UpdateRequest::made_to`] allows it; `None` when there is none.
    fn update(
        &self,
        id: SessionId,
        request: UpdateRequest,
    ) -> impl Future<Output = Result<Option<SessionSnapshot>, ApiError>> + Send;
    /// Shows a session that waits on the screen.
    fn start(&self, id: SessionId) -> impl Future<Output = Result<(), ApiError>> + Send;
    /// Ends a session that has not ended; whether it did, or had been ended the same way.
    fn cancel(&self, id: SessionId, by: CanceledBy) -> impl Future<Output = Result<bool, ApiError>> + Send;
    /// The same by one of the staff.
    fn cancel_by_staff(&self, id: SessionId, code: StaffCode) -> impl Future<Output = Result<bool, ApiError>> + Send;
    /// Ends a test session as chosen.
    fn conclude(&self, id: SessionId, outcome: TestOutcome) -> impl Future<Output = Result<(), ApiError>> + Send;
    /// Tells what one of the staff found at the document that the session waits for; whether it still waited.
    fn review(
        &self,
        id: SessionId,
        accepted: bool,
        code: StaffCode,
    ) -> impl Future<Output = Result<bool, ApiError>> + Send;
    /// Sets an outcome of one of the staff over that of a session. Asked again after a try that was cut off, what that did stays.
    fn override_outcome(
        &self,
        id: SessionId,
        result: OutcomeResult,
        code: StaffCode,
        again: bool,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
    /// What somebody has who can be written to so, by the keyed hash of the contact: the newest first, expired ones too.
    fn credentials(
        &self,
        kind: ContactKind,
        contact: String,
    ) -> impl Future<Output = Result<Vec<Credential>, ApiError>> + Send;
    /// Keeps the keyed hash of a contact with what a person has earned in a session; whether they have anything.
    fn leave_contact(
        &self,
        session: SessionId,
        kind: ContactKind,
        contact: String,
    ) -> impl Future<Output = Result<bool, ApiError>> + Send;
    /// Sends a code to an address, if whoever has it has something that answers what a session asks.
    fn send_code(
        &self,
        session: SessionId,
        address: EmailAddress,
        language: String,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
    /// Ends a session by what somebody has who has entered their code.
    fn enter_code(&self, session: SessionId, code: OneTimeCode) -> impl Future<Output = Result<(), ApiError>> + Send;
    /// Erases what the integrator said, and what would know the person again.
    fn redact(&self, id: SessionId) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Begins a request that may be repeated. All three take keyed hashes.
    fn idempotency_begin(
        &self,
        key: String,
        request: String,
        object: Option<SessionId>,
    ) -> impl Future<Output = Result<Idempotency, ApiError>> + Send;
    /// Keeps its answer.
    fn idempotency_answer(
        &self,
        key: String,
        status: u16,
        body: String,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
    /// Forgets that it was begun.
    fn idempotency_forget(&self, key: String) -> impl Future<Output = Result<(), ApiError>> + Send;
}
