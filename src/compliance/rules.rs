//! The rule table: how old a person has to be, for what, and where.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::calendar::PlaceDays;
use super::jurisdiction::Jurisdiction;

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

/// What holds for one use case in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// For what.
    pub use_case: UseCase,
    /// Where.
    pub jurisdiction: Jurisdiction,
    /// How old the person has to be.
    pub tier: AgeTier,
    /// Where it is written.
    pub citations: Vec<String>,
    /// Version of the table that it comes from.
    pub rule_version: String,
}

/// No rule for that pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The table holds no such pair; nothing is guessed.
    #[error(
        "jurisdiction_unresolvable: no rule is known for {use_case} in {jurisdiction}; choose another place or update the rules"
    )]
    Unresolvable {
        /// For what.
        use_case: UseCase,
        /// Where.
        jurisdiction: Jurisdiction,
    },
}

/// The rule table itself is wrong.
#[derive(Debug, thiserror::Error)]
pub enum RuleBookError {
    /// Not TOML of the expected form.
    #[error("the rule table cannot be read: {0}; restore it from the release")]
    Form(#[from] toml::de::Error),
    /// A place's code is not one.
    #[error("the rule table names a place wrongly: {0}")]
    Place(#[from] super::jurisdiction::JurisdictionError),
    /// A time zone that the built-in database does not have.
    #[error("the rule table names the unknown time zone {0}; restore it from the release")]
    TimeZone(String),
}

/// All rules and places that are known.
#[derive(Debug, Clone)]
pub struct RuleBook {
    places: BTreeMap<Jurisdiction, Vec<TimeZone>>,
    rules: Vec<RuleEntry>,
    rule_version: String,
    made_on: Date,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    rule_version: String,
    made_on: Date,
    rule: Vec<RuleEntry>,
    jurisdiction: Vec<PlaceEntry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    use_cases: Vec<UseCase>,
    country: String,
    tier: AgeTier,
    citations: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceEntry {
    code: String,
    #[serde(rename = "name")]
    _name: String,
    time_zones: Vec<String>,
}

impl RuleBook {
    /// The table that the program was built with.
    ///
    /// # Errors
    /// [`RuleBookError`] when the table is wrong, which a test rules out.
    pub fn built_in() -> Result<Self, RuleBookError> {
        Self::parse(include_str!("rules/us.toml"))
    }

    fn parse(text: &str) -> Result<Self, RuleBookError> {
        let table: Table = toml::from_str(text)?;
        // The database that is compiled in: the same days on every machine, and nothing is read from disk.
        let database = TimeZoneDatabase::bundled();
        let zone = |name: &String| database.get(name).map_err(|_| RuleBookError::TimeZone(name.clone()));
        let mut places = BTreeMap::new();
        for place in &table.jurisdiction {
            places.insert(place.code.parse()?, place.time_zones.iter().map(zone).collect::<Result<_, _>>()?);
        }
        Ok(Self { places, rules: table.rule, rule_version: table.rule_version, made_on: table.made_on })
    }

    /// The day on which the table was made.
    #[must_use]
    pub fn made_on(&self) -> Date {
        self.made_on
    }

    /// Whether a clock that says it is `day` somewhere can be right: not before the table was made. One day is allowed,
    /// because the calendar is not the same everywhere at one moment.
    #[must_use]
    pub fn is_plausible(&self, day: Date) -> bool {
        day.saturating_add(1.day()) >= self.made_on
    }

    /// The rule for a use case in a place.
    ///
    /// # Errors
    /// [`RuleError::Unresolvable`] when the table does not hold the pair.
    pub fn resolve(&self, use_case: UseCase, jurisdiction: &Jurisdiction) -> Result<Rule, RuleError> {
        let unresolvable = || RuleError::Unresolvable { use_case, jurisdiction: jurisdiction.clone() };
        let known = self.places.contains_key(jurisdiction);
        let applies = |rule: &&RuleEntry| rule.country == jurisdiction.country() && rule.use_cases.contains(&use_case);
        let entry = self.rules.iter().find(applies).filter(|_| known).ok_or_else(unresolvable)?;
        Ok(Rule {
            use_case,
            jurisdiction: jurisdiction.clone(),
            tier: entry.tier,
            citations: entry.citations.clone(),
            rule_version: self.rule_version.clone(),
        })
    }

    /// The calendar days that are kept in a place at `now`; `None` for a place that the table does not hold.
    #[must_use]
    pub fn days_at(&self, jurisdiction: &Jurisdiction, now: Timestamp) -> Option<PlaceDays> {
        PlaceDays::at(now, self.places.get(jurisdiction)?)
    }

    /// Every place of the table.
    pub fn places(&self) -> impl Iterator<Item = &Jurisdiction> {
        self.places.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alcohol_and_tobacco_have_a_tier_in_every_us_state_and_dc() {
        let book = RuleBook::built_in().unwrap();
        assert_eq!(book.places().count(), 51);
        for place in book.places() {
            for use_case in [UseCase::AlcoholInPerson, UseCase::AlcoholDelivery, UseCase::TobaccoNicotine] {
                let rule = book.resolve(use_case, place).unwrap();
                assert_eq!((rule.tier, rule.citations.is_empty()), (AgeTier::Over21, false), "{use_case} in {place}");
            }
        }
    }

    #[test]
    fn a_pair_without_a_rule_is_unresolvable() {
        let book = RuleBook::built_in().unwrap();
        let resolve = |case, place: &str| book.resolve(case, &place.parse().unwrap());
        assert!(resolve(UseCase::Firearms, "US-CA").unwrap_err().to_string().starts_with("jurisdiction_unresolvable"));
        assert!(resolve(UseCase::AlcoholInPerson, "US-ZZ").is_err());
        assert!(resolve(UseCase::AlcoholInPerson, "FR-75").is_err());
    }

    #[test]
    fn a_clock_before_the_rules_is_wrong_and_another_calendar_is_not() {
        let book = RuleBook::built_in().unwrap();
        assert!(book.is_plausible(book.made_on()) && book.is_plausible(book.made_on() - 1.day()));
        assert!(!book.is_plausible(book.made_on() - 2.days()));
    }

    #[test]
    fn the_day_is_the_place_s_own() {
        let book = RuleBook::built_in().unwrap();
        let now: Timestamp = "2026-11-22T05:30:00Z".parse().unwrap();
        let days = |place: &str| book.days_at(&place.parse().unwrap(), now).unwrap();
        assert_eq!(days("US-NY").earliest.to_string(), "2026-11-22");
        assert_eq!(days("US-HI").latest.to_string(), "2026-11-21");
        assert_ne!(days("US-FL").earliest, days("US-FL").latest);
    }

    #[test]
    fn every_use_case_is_read_by_its_name() {
        for case in UseCase::ALL {
            assert_eq!(case.to_string().parse(), Ok(case));
            assert_eq!(serde_json::to_string(&case).unwrap(), format!("{:?}", case.as_str()));
        }
        assert!("beer".parse::<UseCase>().is_err());
    }
}
