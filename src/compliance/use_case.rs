//! What a person wants to do, and how old they have to be for it.

use serde::{Deserialize, Serialize};

/// What the person wants to do; the names are those of the session API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UseCase {
    /// Alcohol brought to a door.
    AlcoholDelivery,
    /// Alcohol over a counter.
    AlcoholInPerson,
    /// Cannabis in a dispensary.
    CannabisDispensary,
    /// Cannabis brought to a door.
    CannabisDelivery,
    /// Gambling on a network.
    GamblingOnline,
    /// Gambling on the premises.
    GamblingInPerson,
    /// Tobacco and nicotine.
    TobaccoNicotine,
    /// Adult content.
    AdultContent,
    /// Social media.
    SocialMedia,
    /// Firearms and ammunition.
    Firearms,
}

impl UseCase {
    /// All ten.
    pub const ALL: [Self; 10] = [
        Self::AlcoholDelivery,
        Self::AlcoholInPerson,
        Self::CannabisDispensary,
        Self::CannabisDelivery,
        Self::GamblingOnline,
        Self::GamblingInPerson,
        Self::TobaccoNicotine,
        Self::AdultContent,
        Self::SocialMedia,
        Self::Firearms,
    ];

    /// Whether it is asked who the person is, and not only how old at least: a sale of firearms is recorded under the
    /// buyer's name, read from an identity document (27 CFR 478.124(c)).
    #[must_use]
    pub fn asks_identity(self) -> bool {
        match self {
            Self::Firearms => true,
            Self::AlcoholDelivery
            | Self::AlcoholInPerson
            | Self::CannabisDispensary
            | Self::CannabisDelivery
            | Self::GamblingOnline
            | Self::GamblingInPerson
            | Self::TobaccoNicotine
            | Self::AdultContent
            | Self::SocialMedia => false,
        }
    }

    /// The name in the session API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlcoholDelivery => "alcohol_delivery",
            Self::AlcoholInPerson => "alcohol_in_person",
            Self::CannabisDispensary => "cannabis_dispensary",
            Self::CannabisDelivery => "cannabis_delivery",
            Self::GamblingOnline => "gambling_online",
            Self::GamblingInPerson => "gambling_in_person",
            Self::TobaccoNicotine => "tobacco_nicotine",
            Self::AdultContent => "adult_content",
            Self::SocialMedia => "social_media",
            Self::Firearms => "firearms",
        }
    }
}

/// Not one of the ten use cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a use case; use one of alcohol_delivery, alcohol_in_person, cannabis_dispensary, cannabis_delivery, gambling_online, gambling_in_person, tobacco_nicotine, adult_content, social_media, firearms"
)]
pub struct UseCaseError(String);

impl std::str::FromStr for UseCase {
    type Err = UseCaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|case| case.as_str() == text);
        named.ok_or_else(|| UseCaseError(text.chars().take(32).collect()))
    }
}

impl std::fmt::Display for UseCase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How old a person has to be. A higher tier satisfies a lower one, never the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgeTier {
    /// 16 years.
    #[serde(rename = "over_16")]
    Over16,
    /// 18 years.
    #[serde(rename = "over_18")]
    Over18,
    /// 19 years.
    #[serde(rename = "over_19")]
    Over19,
    /// 20 years.
    #[serde(rename = "over_20")]
    Over20,
    /// 21 years.
    #[serde(rename = "over_21")]
    Over21,
    /// 25 years.
    #[serde(rename = "over_25")]
    Over25,
}

impl AgeTier {
    /// The name in the session API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Over16 => "over_16",
            Self::Over18 => "over_18",
            Self::Over19 => "over_19",
            Self::Over20 => "over_20",
            Self::Over21 => "over_21",
            Self::Over25 => "over_25",
        }
    }

    /// The age in whole years.
    #[must_use]
    pub fn years(self) -> i16 {
        match self {
            Self::Over16 => 16,
            Self::Over18 => 18,
            Self::Over19 => 19,
            Self::Over20 => 20,
            Self::Over21 => 21,
            Self::Over25 => 25,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_case_is_read_by_its_name() {
        for case in UseCase::ALL {
            assert_eq!(case.to_string().parse(), Ok(case));
            assert_eq!(serde_json::to_string(&case).unwrap(), format!("{:?}", case.as_str()));
        }
        assert!("beer".parse::<UseCase>().is_err());
    }
}
