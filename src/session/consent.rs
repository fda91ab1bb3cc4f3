//! What a person agreed to: which text was before them, in which language, and when they answered.
//!
//! Always holds: an answer names the text that it answers, so that an auditor can put the words beside it; neither holds
//! anything of the person. Does not hold the words themselves: the screen does, or the till.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A text by its version and language.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct ConsentText {
    version: String,
    language: String,
}

/// Not the name of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsentTextError {
    /// Of the version.
    #[error(
        "a version of a consent text has 1 to {} characters of a-z, 0-9, dot, hyphen and underscore",
        ConsentText::MAX_VERSION
    )]
    Version,
    /// Of the language.
    #[error("a language is named by a tag of RFC 5646 with a region at most, such as en or de-CH")]
    Language,
}

impl ConsentText {
    /// Longest version in characters.
    pub const MAX_VERSION: usize = 32;
    /// The device's own text. Whoever changes the words makes a new version.
    pub const OF_CHECK: &str = "check-1";
    /// The device's own text where the age of a face is estimated before a document is asked for.
    pub const OF_CHECK_WITH_AGE: &str = "check-with-age-1";

    /// A text that somebody else shows.
    ///
    /// # Errors
    /// [`ConsentTextError`] when either is not of the form.
    pub fn new(version: &str, language: &str) -> Result<Self, ConsentTextError> {
        let of_version = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        if !(1..=Self::MAX_VERSION).contains(&version.len()) || !version.bytes().all(of_version) {
            return Err(ConsentTextError::Version);
        }
        if !is_language(language) {
            return Err(ConsentTextError::Language);
        }
        Ok(Self { version: version.to_owned(), language: language.to_owned() })
    }

    /// The one language of the device's own words: English.
    pub const LANGUAGE: &str = "en";

    /// The device's own text, in its own language.
    #[must_use]
    pub fn own(estimates_age: bool) -> Self {
        let version = if estimates_age { Self::OF_CHECK_WITH_AGE } else { Self::OF_CHECK };
        Self { version: version.to_owned(), language: Self::LANGUAGE.to_owned() }
    }

    /// Which text.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// In which language: a tag of RFC 5646.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }
}

/// Whether a tag is a language of two or three letters, with a region at most (RFC 5646, sections 2.2.1 and 2.2.4): what stands in
/// an outcome for good has no room for anything else.
fn is_language(tag: &str) -> bool {
    let (language, region) = tag.split_once('-').map_or((tag, None), |(language, region)| (language, Some(region)));
    let named = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase());
    let letters = |region: &str| region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase());
    let digits = |region: &str| region.len() == 3 && region.bytes().all(|byte| byte.is_ascii_digit());
    named && region.is_none_or(|region| letters(region) || digits(region))
}

#[derive(Deserialize)]
struct Parts {
    version: String,
    language: String,
}

impl TryFrom<Parts> for ConsentText {
    type Error = ConsentTextError;

    fn try_from(parts: Parts) -> Result<Self, Self::Error> {
        Self::new(&parts.version, &parts.language)
    }
}

/// Who put the text before the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownBy {
    /// The device's own screen, whose words the program has.
    Display,
    /// A till, whose words are the shop's.
    Till,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Whether they agreed.
    pub given: bool,
    /// What was before them.
    #[serde(flatten)]
    pub text: ConsentText,
    /// Who showed it.
    pub shown_by: ShownBy,
    /// When they answered.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_named_by_short_versions_and_language_tags() {
        for own in [ConsentText::own(false), ConsentText::own(true)] {
            assert_eq!(ConsentText::new(own.version(), own.language()), Ok(own));
        }
        for version in [ConsentText::OF_CHECK, "2026-11_b.2"] {
            for language in ["en", "de-CH", "gsw", "es-419"] {
                let text = ConsentText::new(version, language).unwrap();
                assert_eq!((text.version(), text.language()), (version, language));
            }
        }
        for version in ["", "Check", "a b", "über", &"x".repeat(33)] {
            assert_eq!(ConsentText::new(version, "en"), Err(ConsentTextError::Version), "{version:?}");
        }
        for language in
            ["", "e", "english", "en-", "-en", "en_GB", "EN", "en-gb", "en-jane-doe", "en-Jane", "e1", "de-CH-1996"]
        {
            assert_eq!(ConsentText::new("check-1", language), Err(ConsentTextError::Language), "{language:?}");
        }
    }

    #[test]
    fn an_answer_comes_back_from_json_and_one_to_no_text_is_refused() {
        let text = ConsentText::own(false);
        let at = "2026-11-23T12:00:00Z".parse().unwrap();
        let answer = Consent { given: true, text, shown_by: ShownBy::Till, at };
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"given": true, "version": "check-1", "language": "en", "shown_by": "till",
                "at": "2026-11-23T12:00:00Z"})
        );
        assert_eq!(serde_json::from_value::<Consent>(json.clone()).unwrap(), answer);
        for (name, bad) in [("version", "Jane Doe"), ("language", "x")] {
            let mut json = json.clone();
            json[name] = bad.into();
            assert!(serde_json::from_value::<Consent>(json).is_err(), "{name}");
        }
    }
}
