//! What an integrator says of a session beside place and use case, when it is asked for over the API.
//!
//! Always holds: the texts are within their limits once they went through the setters; options only tighten the rule of the
//! place ([`Policy::narrowed_by`](super::Policy::narrowed_by)); what is redacted stays so. Holds no personal data of the
//! device's: the integrator's texts are theirs, are never printed, and are erased by redaction.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::dialect::Dialect;
use super::metadata::Metadata;
use crate::document::DocumentKind;

/// A kind of document that an integrator may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllowedType {
    /// A driving licence.
    DrivingLicense,
    /// An identity card.
    IdCard,
    /// A passport.
    Passport,
}

impl AllowedType {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::DrivingLicense, Self::IdCard, Self::Passport];

    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DrivingLicense => "driving_license",
            Self::IdCard => "id_card",
            Self::Passport => "passport",
        }
    }

    /// The kind that a word names, also by the words `drivers_license` and `national_id_card` of some guides.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "driving_license" | "drivers_license" => Some(Self::DrivingLicense),
            "id_card" | "national_id_card" => Some(Self::IdCard),
            "passport" => Some(Self::Passport),
            _ => None,
        }
    }

    /// The kinds that words name, each once, in the order of the first mention.
    ///
    /// # Errors
    /// The place of the first word that names none.
    pub fn list(words: &[impl AsRef<str>]) -> Result<Vec<Self>, usize> {
        let mut kinds = Vec::new();
        for (place, word) in words.iter().enumerate() {
            let kind = Self::parse(word.as_ref()).ok_or(place)?;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Ok(kinds)
    }

    /// The document of that kind.
    #[must_use]
    pub fn kind(self) -> DocumentKind {
        match self {
            Self::DrivingLicense => DocumentKind::DrivingLicense,
            Self::IdCard => DocumentKind::IdCard,
            Self::Passport => DocumentKind::Passport,
        }
    }
}

/// What the options of the request say; absent where they say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DocumentOptions {
    /// Kinds that are allowed, each once; empty for every kind that the place accepts.
    pub allowed_types: Vec<AllowedType>,
    /// Always in force on a device that sees the person itself.
    pub require_live_capture: Option<bool>,
    /// Whether the person has to match the portrait; `false` changes nothing.
    pub require_matching_selfie: Option<bool>,
    /// Whether a number is to be looked up, which no device can do: what asks for it is refused before a session is made.
    pub require_id_number: Option<bool>,
}

/// A text that cannot be kept with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DetailError {
    /// Of the reference.
    #[error(
        "a client reference has at most {} characters and no control characters; shorten it",
        SessionDetails::MAX_REFERENCE
    )]
    Reference,
    /// Of the return address.
    #[error(
        "a return URL has at most {} characters and begins with https://, http:// or an app's scheme; correct it",
        SessionDetails::MAX_RETURN_URL
    )]
    ReturnUrl,
}

/// What an integrator said of a session. Theirs: capped, and erased by redaction.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionDetails {
    /// The dialect in which it was made.
    pub dialect: Dialect,
    /// Whether it was made with a live key.
    pub livemode: bool,
    /// Whether it asks who the person is: Stile's type `identity`.
    pub asks_identity: bool,
    /// The integrator's own name for it: 1 to 200 characters.
    pub client_reference_id: Option<String>,
    /// The integrator's notes.
    pub metadata: Metadata,
    /// What they ask of the document.
    pub options: DocumentOptions,
    /// An address that is echoed and never opened: at most 2,048 characters.
    pub return_url: Option<String>,
    /// When it was redacted.
    pub redacted_at: Option<Timestamp>,
}

impl SessionDetails {
    /// Longest reference in characters.
    pub const MAX_REFERENCE: usize = 200;
    /// Longest return address in characters.
    pub const MAX_RETURN_URL: usize = 2_048;

    /// A session of which nothing was said.
    #[must_use]
    pub fn new(dialect: Dialect, livemode: bool) -> Self {
        Self {
            dialect,
            livemode,
            asks_identity: false,
            client_reference_id: None,
            metadata: Metadata::default(),
            options: DocumentOptions::default(),
            return_url: None,
            redacted_at: None,
        }
    }

    /// Sets the reference; none or an empty one unsets it.
    ///
    /// # Errors
    /// [`DetailError::Reference`] when it is too long; it stays as it was then.
    pub fn set_client_reference_id(&mut self, reference: Option<&str>) -> Result<(), DetailError> {
        let reference = reference.filter(|text| !text.is_empty());
        let good = |text: &str| text.chars().count() <= Self::MAX_REFERENCE && !text.contains(char::is_control);
        if !reference.is_none_or(good) {
            return Err(DetailError::Reference);
        }
        self.client_reference_id = reference.map(str::to_owned);
        Ok(())
    }

    /// Sets the return address; none or an empty one unsets it.
    ///
    /// # Errors
    /// [`DetailError::ReturnUrl`] when it is too long or no such address; it stays as it was then.
    pub fn set_return_url(&mut self, url: Option<&str>) -> Result<(), DetailError> {
        let url = url.filter(|text| !text.is_empty());
        if !url.is_none_or(|text| text.chars().count() <= Self::MAX_RETURN_URL && is_return_url(text)) {
            return Err(DetailError::ReturnUrl);
        }
        self.return_url = url.map(str::to_owned);
        Ok(())
    }

    /// What redaction leaves: what the device decided on, and none of the integrator's texts.
    #[must_use]
    pub fn redacted(&self, at: Timestamp) -> Self {
        Self {
            dialect: self.dialect,
            livemode: self.livemode,
            asks_identity: self.asks_identity,
            client_reference_id: None,
            metadata: Metadata::default(),
            options: self.options.clone(),
            return_url: None,
            redacted_at: Some(self.redacted_at.unwrap_or(at)),
        }
    }
}

/// An address of the web, or of an app by its scheme (RFC 3986, section 3.1). A scheme by which a page could be made to run
/// what the address says is none.
fn is_return_url(text: &str) -> bool {
    const RUNS_OR_READS: [&str; 6] = ["javascript", "vbscript", "data", "blob", "file", "about"];
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme = scheme.to_ascii_lowercase();
    let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let named = scheme.starts_with(|c: char| c.is_ascii_lowercase()) && scheme.chars().all(of_scheme);
    let clean = !text.contains(|c: char| c.is_control() || c.is_whitespace());
    let web = ["http", "https"].contains(&scheme.as_str());
    let has_host = rest.strip_prefix("//").is_some_and(|rest| rest.starts_with(|c: char| !"/?#:".contains(c)));
    clean && named && !RUNS_OR_READS.contains(&scheme.as_str()) && (!web || has_host)
}

/// Shows none of the integrator's texts.
impl std::fmt::Debug for SessionDetails {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SessionDetails")
            .field("dialect", &self.dialect)
            .field("livemode", &self.livemode)
            .field("asks_identity", &self.asks_identity)
            .field("client_reference_id", &self.client_reference_id.as_ref().map(|_| "[redacted]"))
            .field("metadata", &self.metadata)
            .field("options", &self.options)
            .field("return_url", &self.return_url.as_ref().map(|_| "[redacted]"))
            .field("redacted_at", &self.redacted_at)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> SessionDetails {
        let mut details = SessionDetails::new(Dialect::Stripe, true);
        details.set_client_reference_id(Some("order 17")).unwrap();
        details.set_return_url(Some("https://shop.example/done?x=1")).unwrap();
        details.metadata = details.metadata.updated(&[("till".to_owned(), Some("three".to_owned()))], false).unwrap();
        details.options.allowed_types = vec![AllowedType::Passport];
        details
    }

    #[test]
    fn kinds_are_known_by_the_words_of_the_api_and_of_guides() {
        for kind in AllowedType::ALL {
            assert_eq!(AllowedType::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        let words = ["passport", "drivers_license", "national_id_card", "driving_license"];
        assert_eq!(
            AllowedType::list(&words),
            Ok(vec![AllowedType::Passport, AllowedType::DrivingLicense, AllowedType::IdCard])
        );
        assert_eq!(AllowedType::list(&["passport", "visa"]), Err(1));
        assert_eq!(AllowedType::list(&["Passport"]), Err(0));
    }

    #[test]
    fn a_reference_is_kept_to_its_limit_and_unset_by_an_empty_one() {
        let mut details = details();
        details.set_client_reference_id(Some(&"ü".repeat(200))).unwrap();
        assert_eq!(details.set_client_reference_id(Some(&"ü".repeat(201))), Err(DetailError::Reference));
        assert_eq!(details.set_client_reference_id(Some("a\0b")), Err(DetailError::Reference));
        assert_eq!(details.client_reference_id, Some("ü".repeat(200)));
        details.set_client_reference_id(Some("")).unwrap();
        assert_eq!(details.client_reference_id, None);
    }

    #[test]
    fn a_return_address_is_one_of_the_web_or_of_an_app() {
        let mut details = details();
        for good in
            ["http://a", "HTTPS://shop.example/?q=1#f", "myapp://done", "com.example.app:/done", "https://[::1]:8/"]
        {
            assert_eq!(details.set_return_url(Some(good)), Ok(()), "{good}");
        }
        let long = format!("https://shop.example/{}", "x".repeat(2_028));
        for bad in [
            "shop.example",
            "javascript:alert(1)",
            "JavaScript:x",
            "data:text/html,x",
            "https:///x",
            "https:x",
            "1a://x",
            "https://a b",
            "https://a\n",
            "://x",
            &long,
        ] {
            assert_eq!(details.set_return_url(Some(bad)), Err(DetailError::ReturnUrl), "{bad}");
        }
        details.set_return_url(None).unwrap();
        assert_eq!(details.return_url, None);
    }

    #[test]
    fn redaction_leaves_none_of_the_texts_and_happens_once() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let first = details().redacted(at("2026-11-22T12:00:00Z"));
        let expected = SessionDetails {
            options: details().options,
            redacted_at: Some(at("2026-11-22T12:00:00Z")),
            ..SessionDetails::new(Dialect::Stripe, true)
        };
        assert_eq!(first, expected);
        assert_eq!(first.redacted(at("2027-01-01T00:00:00Z")), first);
    }

    #[test]
    fn printed_they_show_none_of_the_texts() {
        let printed = format!("{:?}", details());
        for text in ["order", "shop", "till", "three"] {
            assert!(!printed.contains(text), "{printed}");
        }
    }

    #[test]
    fn options_come_back_from_json_and_absent_ones_say_nothing() {
        let options = details().options;
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<DocumentOptions>(&json).unwrap(), options);
        assert_eq!(serde_json::from_str::<DocumentOptions>("{}").unwrap(), DocumentOptions::default());
    }
}
