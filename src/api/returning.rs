//! People who come again: what they have, a code to their address, and a session that ends by that.
//!
//! Always holds: whoever asks holds a secret key, and sees what was earned in the key's own mode only; an address is read, hashed
//! or handed to the engine, and never echoed; a code proves an address and nothing else.

use jiff::SignedDuration;
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::backend::Backend;
use super::call::Answer;
use super::error::{ApiError, ErrorCode};
use super::operations::Call;
use super::params::Params;
use super::requests::invalid;
use crate::compliance::AgeTier;
use crate::privacy::{ContactKind, EmailAddress, OneTimeCode};
use crate::session::{Credential, SessionId, SessionState, Strength, Wanted};

/// Methods that one lookup may name.
const MOST_METHODS: usize = 16;
/// Longest name of a method.
const MOST_METHOD_CHARACTERS: usize = 64;

/// What a person has who was verified before.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VerifiedPersonLookup {
    /// Always `verified_person_lookup`.
    object: &'static str,
    /// Whether the device holds anything that answers the lookup.
    verified: bool,
    /// Names whoever has this address or number on this device, `vp_…`; null where nothing was found.
    verified_person_id: Option<String>,
    /// Whether it was looked up with a live key, and so among what was earned live.
    livemode: bool,
    /// What was found, the newest first.
    credentials: Vec<ShownCredential>,
}

/// One credential: what may be used again, once the person has shown that the address is theirs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ShownCredential {
    /// The kind of document and the checks, such as `driving_license_barcode_face`.
    method: String,
    /// `age_estimate`, `front_only`, `document` or `document_face`, the weakest first.
    #[schema(value_type = String)]
    strength: Strength,
    /// How old the person is at least: a higher tier answers for a lower one, never the reverse.
    #[schema(value_type = String)]
    age_tier: AgeTier,
    /// When it was earned, in seconds since 1970.
    verified_at: i64,
    /// From when on it grants nothing, in seconds since 1970.
    expires_at: i64,
    /// Version of the rules that it was earned by.
    rule_version: String,
}

/// A code that was sent.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VerifiedPersonCode {
    /// Always `verified_person_code`.
    object: &'static str,
    /// The session that it is for.
    session: String,
    /// Seconds for which it is taken.
    expires_in: u64,
}

/// By what a person can be found from now on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VerifiedPersonContact {
    /// Always `verified_person_contact`.
    object: &'static str,
    /// The session in which they were verified.
    session: String,
    /// Names whoever has this address or number on this device, `vp_…`.
    verified_person_id: String,
}

/// What is looked up.
#[derive(Debug)]
pub struct LookupRequest {
    kind: ContactKind,
    contact: Zeroizing<String>,
    wanted: Wanted,
}

/// What a person leaves who was verified.
#[derive(Debug)]
pub struct ContactRequest {
    session: SessionId,
    kind: ContactKind,
    contact: Zeroizing<String>,
}

/// Whom a code is to be sent to.
#[derive(Debug)]
pub struct CodeRequest {
    session: SessionId,
    address: EmailAddress,
    language: String,
}

/// A session that is to end by what somebody has.
#[derive(Debug)]
pub struct ReuseRequest {
    /// Which.
    pub session: SessionId,
    code: OneTimeCode,
}

impl LookupRequest {
    /// Reads `email` or `phone`, and what is asked of a credential: `methods`, `min_strength`, `min_age_tier`, `max_age` in
    /// seconds.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn read(mut params: Params) -> Result<Self, ApiError> {
        let (kind, contact) = one_contact(&mut params)?;
        let methods = params.list_of_text("methods")?.unwrap_or_default();
        let named = |method: &String| method.len() <= MOST_METHOD_CHARACTERS;
        if methods.len() > MOST_METHODS || !methods.iter().all(named) {
            return Err(invalid("methods", format!("Name at most {MOST_METHODS} methods, as credentials have them")));
        }
        let strength = named_value(params.text("min_strength")?, "min_strength", STRENGTHS)?;
        let tier = named_value(params.text("min_age_tier")?, "min_age_tier", TIERS)?;
        let max_age = params.integer("max_age")?;
        if max_age.is_some_and(|age| !(0..=i64::from(u32::MAX)).contains(&age)) {
            return Err(invalid("max_age", "Give the greatest age of a credential in seconds, from 0 on"));
        }
        params.finish()?;
        let max_age = max_age.map(SignedDuration::from_secs);
        Ok(Self { kind, contact, wanted: Wanted { tier, methods, strength, max_age } })
    }
}

impl ContactRequest {
    /// Reads `session`, and `email` or `phone`.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn read(mut params: Params) -> Result<Self, ApiError> {
        let session = session(&mut params)?;
        let (kind, contact) = one_contact(&mut params)?;
        params.finish()?;
        Ok(Self { session, kind, contact })
    }
}

fn one_contact(params: &mut Params) -> Result<(ContactKind, Zeroizing<String>), ApiError> {
    let mut text = |name: &str| params.text(name).map(|text| text.map(Zeroizing::new));
    match (text("email")?, text("phone")?) {
        (Some(email), None) => Ok((ContactKind::Email, email)),
        (None, Some(phone)) => Ok((ContactKind::Phone, phone)),
        _ => Err(invalid("email", "Give either an email or a phone")),
    }
}

impl CodeRequest {
    /// Reads `session`, `email` and the `language` of the letter, English where none is named.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn read(mut params: Params) -> Result<Self, ApiError> {
        let session = session(&mut params)?;
        let email = params.text("email")?.map(Zeroizing::new);
        let address = email.as_deref().and_then(|text| EmailAddress::parse(text)).ok_or_else(no_address)?;
        let language = params.text("language")?.unwrap_or_else(|| "en".to_owned());
        let tag = |text: &str| {
            (2..=35).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !tag(&language) {
            return Err(invalid("language", "Name a language by a tag of RFC 5646, such as en"));
        }
        params.finish()?;
        Ok(Self { session, address, language })
    }
}

impl ReuseRequest {
    /// Reads `session` and the `code` that the person has entered.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn read(mut params: Params) -> Result<Self, ApiError> {
        let session = session(&mut params)?;
        let code = params.text("code")?.map(Zeroizing::new);
        let unformed = || invalid("code", "A code has six digits; the person finds it in the newest letter");
        let code = code.as_deref().and_then(|text| OneTimeCode::parse(text.trim())).ok_or_else(unformed)?;
        params.finish()?;
        Ok(Self { session, code })
    }
}

fn session(params: &mut Params) -> Result<SessionId, ApiError> {
    let text = params.text("session")?.unwrap_or_default();
    let unknown = || invalid("session", "Name the session that the person is at, vks_…");
    SessionId::of_dialect(crate::session::Dialect::Stile, &text).ok_or_else(unknown)
}

fn no_address() -> ApiError {
    invalid("email", "This is no e-mail address; give one such as name@shop.example")
}

const STRENGTHS: &str = "age_estimate, front_only, document or document_face";
const TIERS: &str = "over_16, over_18, over_19, over_20, over_21 or over_25";

fn named_value<T: serde::de::DeserializeOwned>(
    text: Option<String>,
    name: &str,
    choices: &str,
) -> Result<Option<T>, ApiError> {
    let unknown = |_| invalid(name, format!("Choose one of {choices}"));
    text.map(|text| serde_json::from_value(text.into()).map_err(unknown)).transpose()
}

impl ShownCredential {
    fn of(credential: Credential) -> Self {
        Self {
            method: credential.method,
            strength: credential.strength,
            age_tier: credential.tier,
            verified_at: credential.verified_at.as_second(),
            expires_at: credential.expires_at.as_second(),
            rule_version: credential.rule_version,
        }
    }
}

impl<B: Backend> Call<'_, B> {
    /// What somebody has who can be written to so.
    pub(super) async fn look_up(self, request: LookupRequest) -> Result<Answer, ApiError> {
        let LookupRequest { kind, contact, wanted } = request;
        let contact = self.anchor(kind, &contact)?;
        let (livemode, now) = (self.caller.key.livemode, self.backend.judged_expiry().await?);
        let found = self.backend.credentials(kind, contact.clone()).await?;
        let met = found.into_iter().filter(|credential| wanted.is_met_by(credential, livemode, now));
        let credentials: Vec<_> = met.map(ShownCredential::of).collect();
        let verified = !credentials.is_empty();
        let verified_person_id = verified.then(|| self.backend.secrets().verified_person_id(&contact));
        let object = "verified_person_lookup";
        answer(&VerifiedPersonLookup { object, verified, verified_person_id, livemode, credentials })
    }

    /// Keeps by what a person can be found again who was verified in a session.
    pub(super) async fn leave_contact(self, request: ContactRequest) -> Result<Answer, ApiError> {
        let ContactRequest { session, kind, contact } = request;
        let contact = self.anchor(kind, &contact)?;
        self.snapshot(&session).await?;
        if !self.backend.leave_contact(session.clone(), kind, contact.clone()).await? {
            let message = "Nobody has anything left of this session that could be found again: see its outcome";
            return Err(ApiError::new(ErrorCode::CredentialMissing, message));
        }
        let verified_person_id = self.backend.secrets().verified_person_id(&contact);
        answer(&VerifiedPersonContact {
            object: "verified_person_contact",
            session: session.stile(),
            verified_person_id,
        })
    }

    fn anchor(self, kind: ContactKind, contact: &str) -> Result<String, ApiError> {
        self.backend.secrets().contact(kind, contact).ok_or_else(|| match kind {
            ContactKind::Email => no_address(),
            ContactKind::Phone => {
                invalid("phone", "This is no telephone number; give it with its country, such as +14155550100")
            }
        })
    }

    /// Sends a code to the address of somebody who comes again.
    pub(super) async fn send_code(self, request: CodeRequest) -> Result<Answer, ApiError> {
        let CodeRequest { session, address, language } = request;
        self.snapshot(&session).await?;
        self.backend.send_code(session.clone(), address, language).await?;
        let expires_in = OneTimeCode::LIFETIME.as_secs();
        answer(&VerifiedPersonCode { object: "verified_person_code", session: session.stile(), expires_in })
    }

    /// Ends a session by what somebody has who has entered their code.
    pub(super) async fn reuse(self, request: ReuseRequest, again: bool) -> Result<Answer, ApiError> {
        let ReuseRequest { session, code } = request;
        let before = self.snapshot(&session).await?;
        let reused = |kept: &crate::session::KeptOutcome| kept.outcome.reuses().is_some();
        let is_done = before.record.state == SessionState::Verified && before.outcome.as_ref().is_some_and(reused);
        if !(again && is_done) {
            self.backend.enter_code(session.clone(), code).await?;
        }
        Ok(self.answer(&self.snapshot(&session).await?, false))
    }
}

fn answer(body: &impl Serialize) -> Result<Answer, ApiError> {
    let body = serde_json::to_value(body).map_err(|_| ApiError::new(ErrorCode::Internal, "Report this request"))?;
    Ok(Answer::ok(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Params {
        Params::json(text.as_bytes()).unwrap()
    }

    const SESSION: &str = "vks_000000000000000000000000";

    #[test]
    fn a_lookup_is_by_one_contact_and_says_what_is_wrong() {
        let asked = LookupRequest::read(json(
            r#"{"email":"a@b.example","methods":["passport_mrz_face"],"min_strength":"document","min_age_tier":"over_21","max_age":60}"#,
        ))
        .unwrap();
        let wanted = Wanted {
            tier: Some(AgeTier::Over21),
            methods: vec!["passport_mrz_face".to_owned()],
            strength: Some(Strength::Document),
            max_age: Some(SignedDuration::from_secs(60)),
        };
        assert_eq!((asked.kind, asked.wanted), (ContactKind::Email, wanted));
        assert_eq!(LookupRequest::read(json(r#"{"phone":"+14155550100"}"#)).unwrap().wanted, Wanted::default());
        for (wrong, param) in [
            ("{}", "email"),
            (r#"{"email":"a@b","phone":"+14155550100"}"#, "email"),
            (r#"{"email":"a@b","min_strength":"strong"}"#, "min_strength"),
            (r#"{"email":"a@b","min_age_tier":"over_17"}"#, "min_age_tier"),
            (r#"{"email":"a@b","max_age":-1}"#, "max_age"),
            (r#"{"email":"a@b","tier":"over_18"}"#, "tier"),
        ] {
            let error = LookupRequest::read(json(wrong)).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{wrong}");
        }
    }

    #[test]
    fn a_code_is_asked_for_a_session_and_an_address_and_neither_is_printed() {
        let text = format!(r#"{{"session":"{SESSION}","email":"Ana@Shop.Example"}}"#);
        let asked = CodeRequest::read(json(&text)).unwrap();
        assert_eq!((asked.address.reveal(), asked.language.as_str()), ("ana@shop.example", "en"));
        assert!(!format!("{asked:?}").contains("shop"));
        for (wrong, param) in [
            (r#"{"session":"vs_000000000000000000000000","email":"a@b"}"#.to_owned(), "session"),
            (format!(r#"{{"session":"{SESSION}","email":"a"}}"#), "email"),
            (format!(r#"{{"session":"{SESSION}","email":"a@b","language":"e"}}"#), "language"),
        ] {
            assert_eq!(CodeRequest::read(json(&wrong)).unwrap_err().param.as_deref(), Some(param), "{wrong}");
        }
    }

    #[test]
    fn one_contact_is_left_with_the_session_in_which_somebody_was_verified() {
        let read = |more: &str| ContactRequest::read(json(&format!(r#"{{"session":"{SESSION}"{more}}}"#)));
        assert_eq!(read(r#","email":"a@b.example""#).unwrap().kind, ContactKind::Email);
        assert_eq!(read(r#","phone":"+14155550100""#).unwrap().kind, ContactKind::Phone);
        for wrong in ["", r#","email":"a@b","phone":"+14155550100""#] {
            assert_eq!(read(wrong).unwrap_err().param.as_deref(), Some("email"), "{wrong}");
        }
        assert_eq!(ContactRequest::read(json(r#"{"email":"a@b"}"#)).unwrap_err().param.as_deref(), Some("session"));
    }

    #[test]
    fn a_code_has_six_digits() {
        let read = |code: &str| ReuseRequest::read(json(&format!(r#"{{"session":"{SESSION}","code":"{code}"}}"#)));
        assert!(read("123 456").is_ok() && read(" 123456").is_ok());
        for wrong in ["", "12345", "1234567", "abcdef"] {
            assert_eq!(read(wrong).unwrap_err().param.as_deref(), Some("code"), "{wrong}");
        }
    }
}
