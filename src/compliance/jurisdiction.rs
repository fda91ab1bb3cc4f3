//! Codes of places.

use serde::Serialize;

/// A subdivision of a country by ISO 3166-2, such as `US-CA`. That the code is well formed does not mean that a rule
/// for it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Jurisdiction(String);

/// Not the form of an ISO 3166-2 code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a jurisdiction; write it as ISO 3166-2 has it, such as US-CA")]
pub struct JurisdictionError(String);

impl Jurisdiction {
    /// The code, upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The two letters of the country (ISO 3166-1 alpha-2).
    #[must_use]
    pub fn country(&self) -> &str {
        &self.0[..2]
    }
}

impl std::str::FromStr for Jurisdiction {
    type Err = JurisdictionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = text.trim().to_ascii_uppercase();
        let well_formed = code.split_once('-').is_some_and(|(country, part)| {
            country.len() == 2
                && country.bytes().all(|b| b.is_ascii_uppercase())
                && (1..=3).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        if well_formed { Ok(Self(code)) } else { Err(JurisdictionError(text.chars().take(16).collect())) }
    }
}

impl std::fmt::Display for Jurisdiction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_in_either_case() {
        assert_eq!("us-ca".parse::<Jurisdiction>().map(|j| j.to_string()), Ok("US-CA".to_owned()));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "US", "US-", "USA-CA", "US_CA", "US-CALI", "U1-CA", "Ü-CA"] {
            assert!(text.parse::<Jurisdiction>().is_err(), "{text}");
        }
    }
}
