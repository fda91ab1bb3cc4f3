//! What a request says, in either dialect's words, as one set of values.
//!
//! Always holds: an unknown parameter is an error that names it; a value that cannot be carried out is refused, and never
//! silently ignored; what is only echoed is said so in the documentation. Pure.

mod staff;

pub use staff::{CancelRequest, StaffRequest};

use crate::compliance::{Jurisdiction, UseCase};
use crate::session::{
    AllowedType, CanceledBy, CreatedRange, Dialect, DocumentOptions, Metadata, ReasonCode, SessionDetails,
    SessionFilter, SessionId, SessionState, SessionStates,
};

use super::backend::{SessionSnapshot, TestOutcome};
use super::error::{ApiError, ErrorCode};
use super::params::{Pairs, Params};

/// The metadata key by which a test key chooses the outcome.
pub const TEST_OUTCOME: &str = "carded_test_outcome";
/// Sessions on a page, where nothing is said.
const DEFAULT_LIMIT: u8 = 10;
/// Sessions on a page at most.
const MAX_LIMIT: i64 = 100;
/// Things that may be expanded at most.
const MAX_EXPANDED: usize = 4;

/// A session that somebody asks for.
#[derive(Debug, Clone)]
pub struct CreateRequest {
    /// What the person wants to do; the site's own where nothing is said.
    pub use_case: Option<UseCase>,
    /// Where; the site's own where nothing is said.
    pub jurisdiction: Option<Jurisdiction>,
    /// What is said of it.
    pub details: SessionDetails,
    /// The person's e-mail address, on its way to becoming a keyed hash.
    pub email: Option<zeroize::Zeroizing<String>>,
    /// The person's telephone number, likewise.
    pub phone: Option<zeroize::Zeroizing<String>>,
    /// Whether the report is to stand in the answer.
    pub expand: bool,
    /// An idempotency key in the body, as Stile has it.
    pub idempotency_key: Option<String>,
}

/// What is to be changed of a session.
#[derive(Debug, Clone)]
pub struct UpdateRequest {
    metadata: Option<Pairs>,
    allowed_types: Option<Vec<AllowedType>>,
    options: DocumentOptions,
    return_url: Option<String>,
    /// Whether the report is to stand in the answer.
    pub expand: bool,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// Which sessions.
    pub filter: SessionFilter,
    /// How many.
    pub limit: u8,
    /// Those after this one.
    pub starting_after: Option<SessionId>,
    /// Those before this one.
    pub ending_before: Option<SessionId>,
    /// Whether the reports are to stand in the answer.
    pub expand: bool,
}

impl CreateRequest {
    /// Reads the parameters of a session to be made.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn read(mut params: Params, dialect: Dialect, livemode: bool) -> Result<Self, ApiError> {
        let mut details = SessionDetails::new(dialect, livemode);
        set_reference(&mut details, &mut params)?;
        details.metadata = changed(&Metadata::default(), params.pairs("metadata")?)?;
        let mut request = match dialect {
            Dialect::Stripe => Self::read_stripe(&mut params, details)?,
            Dialect::Stile => Self::read_stile(&mut params, details)?,
        };
        request.expand = expands(&mut params, Some("last_verification_report"))?;
        params.finish()?;
        if !livemode {
            test_outcome(&request.details)?;
        }
        Ok(request)
    }

    fn of(details: SessionDetails) -> Self {
        Self {
            use_case: None,
            jurisdiction: None,
            details,
            email: None,
            phone: None,
            expand: false,
            idempotency_key: None,
        }
    }

    fn read_stripe(params: &mut Params, mut details: SessionDetails) -> Result<Self, ApiError> {
        match params.text("type")?.as_deref() {
            None | Some("document") => {}
            Some("id_number") => {
                return Err(ApiError::of_param(
                    ErrorCode::NotSupported,
                    "type",
                    "This device reads documents and looks nobody up by a number; use type=document",
                ));
            }
            Some(_) => return Err(invalid("type", "This is no type of verification; use document")),
        }
        if let Some(mut options) = params.map("options")? {
            details.options = read_options(options.map("document")?)?;
            options.finish()?;
        }
        set_return_url(&mut details, params.text("return_url")?.as_deref())?;
        let mut request = Self::of(details);
        request.read_provided(params)?;
        if let Some(mut own) = params.map("carded")? {
            request.use_case = parsed(own.text("use_case")?, "carded[use_case]")?;
            request.jurisdiction = place(own.text("jurisdiction")?, "carded[jurisdiction]")?;
            own.finish()?;
        }
        Ok(request)
    }

    fn read_stile(params: &mut Params, mut details: SessionDetails) -> Result<Self, ApiError> {
        details.asks_identity = match params.text("type")?.as_deref() {
            None | Some("age") => false,
            Some("identity") => true,
            Some(_) => return Err(invalid("type", "This is no type of verification; use age or identity")),
        };
        let mut request = Self::of(details);
        request.use_case = parsed(params.text("use_case")?, "use_case")?;
        let (here, there) = (params.text("jurisdiction")?, params.text("delivery_jurisdiction")?);
        if here.is_some() && there.is_some() && here != there {
            let message = "Say jurisdiction or delivery_jurisdiction; both were given, and differ";
            return Err(invalid("delivery_jurisdiction", message));
        }
        let name = if there.is_some() { "delivery_jurisdiction" } else { "jurisdiction" };
        request.jurisdiction = place(there.or(here), name)?;
        request.idempotency_key = params.text("idempotency_key")?;
        request.read_provided(params)?;
        Ok(request)
    }

    /// By what the person can be found again, where the integrator says that.
    fn read_provided(&mut self, params: &mut Params) -> Result<(), ApiError> {
        if let Some(mut provided) = params.map("provided_details")? {
            self.email = provided.text("email")?.map(Into::into);
            self.phone = provided.text("phone")?.map(Into::into);
            provided.finish()?;
        }
        Ok(())
    }
}

impl UpdateRequest {
    /// Reads the parameters of a change.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn read(mut params: Params) -> Result<Self, ApiError> {
        let mut options = DocumentOptions::default();
        let mut allowed_types = None;
        if let Some(mut given) = params.map("options")? {
            if let Some(document) = given.map("document")? {
                options = read_options(Some(document))?;
                allowed_types = (!options.allowed_types.is_empty()).then(|| options.allowed_types.clone());
            }
            given.finish()?;
        }
        let request = Self {
            metadata: params.pairs("metadata")?,
            allowed_types,
            options,
            return_url: params.text("return_url")?,
            expand: expands(&mut params, Some("last_verification_report"))?,
        };
        params.finish()?;
        Ok(request)
    }

    /// The details of a session with the change made.
    ///
    /// # Errors
    /// [`ApiError`] when the session has gone too far for it, or the metadata would be too much.
    pub fn made_to(&self, session: &SessionSnapshot) -> Result<SessionDetails, ApiError> {
        let (state, details) = (session.record.state, &session.details);
        let not_open = |message: &str| Err(ApiError::new(ErrorCode::SessionNotOpen, message));
        if !state.waits_for_somebody() || details.redacted_at.is_some() {
            return not_open("This session can no longer be changed: it is processed or has ended");
        }
        if self.options != DocumentOptions::default() && state != SessionState::Created {
            return not_open(
                "The person is being checked by these options already; cancel the session and make one with others",
            );
        }
        self.applied_to(details)
    }

    /// Whether this change was made to them.
    #[must_use]
    pub fn is_made_in(&self, details: &SessionDetails) -> bool {
        self.applied_to(details).is_ok_and(|changed| changed == *details)
    }

    fn applied_to(&self, details: &SessionDetails) -> Result<SessionDetails, ApiError> {
        let mut changed_details = details.clone();
        changed_details.metadata = changed(&details.metadata, self.metadata.clone())?;
        let (options, new) = (&mut changed_details.options, &self.options);
        if let Some(types) = &self.allowed_types {
            options.allowed_types.clone_from(types);
        }
        options.require_live_capture = new.require_live_capture.or(options.require_live_capture);
        options.require_matching_selfie = new.require_matching_selfie.or(options.require_matching_selfie);
        options.require_id_number = new.require_id_number.or(options.require_id_number);
        if self.return_url.is_some() {
            set_return_url(&mut changed_details, self.return_url.as_deref())?;
        }
        if !changed_details.livemode {
            test_outcome(&changed_details)?;
        }
        Ok(changed_details)
    }
}

impl ListRequest {
    /// Reads the parameters of a list of sessions.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn sessions(mut params: Params, dialect: Dialect, livemode: bool) -> Result<Self, ApiError> {
        let mut filter = SessionFilter::new(livemode);
        filter.states = params.text("status")?.map(|status| states(dialect, &status)).transpose()?;
        filter.client_reference_id = params.text("client_reference_id")?;
        filter.created = created(&mut params)?;
        if dialect == Dialect::Stripe {
            for name in ["related_customer", "related_customer_account"] {
                if params.text(name)?.is_some() {
                    let message = "Customers are not known on the device; filter by client_reference_id";
                    return Err(ApiError::of_param(ErrorCode::NotSupported, name, message));
                }
            }
        }
        let of_session = |id: &str| SessionId::of_dialect(dialect, id);
        Self::read(params, filter, of_session, Some("data.last_verification_report"))
    }

    /// Reads the parameters of a list of reports.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn reports(mut params: Params, livemode: bool) -> Result<Self, ApiError> {
        let mut filter = SessionFilter::new(livemode);
        filter.client_reference_id = params.text("client_reference_id")?;
        filter.created = created(&mut params)?;
        if let Some(id) = params.text("verification_session")? {
            let unknown = || invalid("verification_session", "This is not the form of a session's identifier: vs_…");
            filter.session = Some(SessionId::of_dialect(Dialect::Stripe, &id).ok_or_else(unknown)?);
        }
        match params.text("type")?.as_deref() {
            None | Some("document") => {}
            Some("id_number") => filter.nothing = true,
            Some(_) => return Err(invalid("type", "This is no type of report; use document")),
        }
        Self::read(params, filter, report_session, None)
    }

    fn read(
        mut params: Params,
        filter: SessionFilter,
        id_of: impl Fn(&str) -> Option<SessionId>,
        expandable: Option<&str>,
    ) -> Result<Self, ApiError> {
        let limit = match params.integer("limit")? {
            None => DEFAULT_LIMIT,
            Some(limit @ 1..=MAX_LIMIT) => u8::try_from(limit).unwrap_or(DEFAULT_LIMIT),
            Some(_) => return Err(invalid("limit", "A page has 1 to 100 entries")),
        };
        let mut cursor = |name: &str| {
            let unknown = || invalid(name, "This is not the form of an identifier of this list");
            params.text(name)?.map(|id| id_of(&id).ok_or_else(unknown)).transpose()
        };
        let (starting_after, ending_before) = (cursor("starting_after")?, cursor("ending_before")?);
        if starting_after.is_some() && ending_before.is_some() {
            return Err(invalid("ending_before", "Give starting_after or ending_before, not both"));
        }
        let expand = expands(&mut params, expandable)?;
        params.finish()?;
        Ok(Self { filter, limit, starting_after, ending_before, expand })
    }
}

/// Reads the parameters of a request for one object.
///
/// # Errors
/// [`ApiError`] that names the parameter.
pub fn read_expand(mut params: Params, expandable: Option<&str>) -> Result<bool, ApiError> {
    let expand = expands(&mut params, expandable)?;
    params.finish()?;
    Ok(expand)
}

/// The session of a report's identifier.
#[must_use]
pub fn report_session(text: &str) -> Option<SessionId> {
    SessionId::try_from(text.strip_prefix("vr_")?.to_owned()).ok()
}

/// How a test session is to end, if its metadata says.
///
/// # Errors
/// [`ApiError`] when that is no outcome.
pub fn test_outcome(details: &SessionDetails) -> Result<Option<TestOutcome>, ApiError> {
    let Some(chosen) = details.metadata.get(TEST_OUTCOME) else { return Ok(None) };
    let outcome = match chosen {
        "verified" => Some(TestOutcome::Verified),
        "canceled" | "cancelled" => Some(TestOutcome::Canceled(CanceledBy::Person)),
        "expired" | "abandoned" => Some(TestOutcome::Expired),
        reason => {
            // Stripe's codes too, each as the first reason that it stands for.
            let named = ReasonCode::all().find(|code| code.as_str() == reason);
            let stripe = || ReasonCode::all().find(|code| code.entry().stripe == reason);
            named.or_else(stripe).map(TestOutcome::NotVerified)
        }
    };
    let unknown = || {
        let message = "This is no outcome; use verified, canceled, expired, or a reason code such as document_expired";
        invalid(format!("metadata[{TEST_OUTCOME}]"), message)
    };
    outcome.map(Some).ok_or_else(unknown)
}

pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> ApiError {
    ApiError::of_param(ErrorCode::ParameterInvalid, param, message)
}

fn set_reference(details: &mut SessionDetails, params: &mut Params) -> Result<(), ApiError> {
    let text = params.text("client_reference_id")?;
    details.set_client_reference_id(text.as_deref()).map_err(|error| invalid("client_reference_id", error.to_string()))
}

fn set_return_url(details: &mut SessionDetails, url: Option<&str>) -> Result<(), ApiError> {
    details.set_return_url(url).map_err(|error| invalid("return_url", error.to_string()))
}

fn parsed<T>(text: Option<String>, name: &str) -> Result<Option<T>, ApiError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.map(|text| text.parse().map_err(|error: T::Err| invalid(name, error.to_string()))).transpose()
}

pub(super) fn place(text: Option<String>, name: &str) -> Result<Option<Jurisdiction>, ApiError> {
    let unknown = |text: &str| {
        let quoted: String = text.chars().filter(char::is_ascii_graphic).take(16).collect();
        let message = format!("{quoted} is not a code of ISO 3166-2, such as US-CA");
        ApiError::of_param(ErrorCode::JurisdictionUnresolvable, name, message)
    };
    text.map(|text| text.parse().map_err(|_| unknown(&text))).transpose()
}

fn changed(metadata: &Metadata, changes: Option<Pairs>) -> Result<Metadata, ApiError> {
    let Some(changes) = changes else { return Ok(metadata.clone()) };
    metadata.updated(&changes.changes, changes.unset_all).map_err(|error| {
        let param = error.key().map_or_else(|| "metadata".to_owned(), |key| format!("metadata[{key}]"));
        invalid(param, error.to_string())
    })
}

fn read_options(document: Option<Params>) -> Result<DocumentOptions, ApiError> {
    const NAME: &str = "options[document]";
    let Some(mut document) = document else { return Ok(DocumentOptions::default()) };
    let mut allowed_types = Vec::new();
    for (k, text) in document.list_of_text("allowed_types")?.unwrap_or_default().into_iter().enumerate() {
        let unknown = || {
            let message = "This is no kind of document; use driving_license, id_card or passport";
            invalid(format!("{NAME}[allowed_types][{k}]"), message)
        };
        let kind = AllowedType::parse(&text).ok_or_else(unknown)?;
        if !allowed_types.contains(&kind) {
            allowed_types.push(kind);
        }
    }
    let options = DocumentOptions {
        allowed_types,
        require_live_capture: document.flag("require_live_capture")?,
        require_matching_selfie: document.flag("require_matching_selfie")?,
        require_id_number: document.flag("require_id_number")?,
    };
    document.finish()?;
    if options.require_id_number == Some(true) {
        return Err(ApiError::of_param(
            ErrorCode::NotSupported,
            format!("{NAME}[require_id_number]"),
            "This device looks nobody up by a number; leave it out or say false",
        ));
    }
    Ok(options)
}

fn expands(params: &mut Params, expandable: Option<&str>) -> Result<bool, ApiError> {
    let wanted = params.list_of_text("expand")?.unwrap_or_default();
    if wanted.len() > MAX_EXPANDED {
        return Err(invalid("expand", format!("At most {MAX_EXPANDED} things can be expanded")));
    }
    let mut expand = false;
    for (k, name) in wanted.iter().enumerate() {
        match name.as_str() {
            name if Some(name) == expandable => expand = true,
            // Always null: what was read of the person is purged before anybody is told.
            "verified_outputs" | "verified_outputs.dob" | "data.verified_outputs" if expandable.is_some() => {}
            _ => {
                let message = format!("This cannot be expanded here; {} can", expandable.unwrap_or("nothing"));
                return Err(invalid(format!("expand[{k}]"), message));
            }
        }
    }
    Ok(expand)
}

fn created(params: &mut Params) -> Result<CreatedRange, ApiError> {
    // A form's `created=5`, or `created[gte]=5`.
    if let Ok(Some(second)) = params.clone().integer("created") {
        params.integer("created")?;
        return Ok(CreatedRange { gte: Some(second), lte: Some(second), ..CreatedRange::default() });
    }
    let Some(mut range) = params.map("created")? else { return Ok(CreatedRange::default()) };
    let bounds = CreatedRange {
        gt: range.integer("gt")?,
        gte: range.integer("gte")?,
        lt: range.integer("lt")?,
        lte: range.integer("lte")?,
    };
    range.finish()?;
    Ok(bounds)
}

fn states(dialect: Dialect, status: &str) -> Result<SessionStates, ApiError> {
    let states = match dialect {
        Dialect::Stripe => SessionStates::of_stripe(status),
        Dialect::Stile => SessionStates::of_stile(status),
    };
    states.ok_or_else(|| {
        let known = match dialect {
            Dialect::Stripe => "requires_input, processing, verified or canceled",
            Dialect::Stile => "created, pending, processing, requires_input, verified, failed, cancelled or expired",
        };
        invalid("status", format!("This is no status; use {known}"))
    })
}

#[cfg(test)]
mod tests;
