//! The rule table as it is written: TOML in, checked values out.
//!
//! Always holds: a table with a cell that two rules speak of, with a rule that names no source or one that is not there, or
//! with a place that is not listed is refused as a whole.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Deserialize;

use super::jurisdiction::{Jurisdiction, JurisdictionError};
use super::rule::{AllowedMethod, Source, Terms};
use super::use_case::{AgeTier, UseCase};

/// The rule table itself is wrong.
#[derive(Debug, thiserror::Error)]
pub enum RuleBookError {
    /// Not TOML of the expected form.
    #[error("the rule table cannot be read: {0}; restore it from the release")]
    Form(#[from] toml::de::Error),
    /// A place's code is not one.
    #[error("the rule table names a place wrongly: {0}; restore it from the release")]
    Place(#[from] JurisdictionError),
    /// A place that is not listed.
    #[error("the rule table has a rule for {0}, which it does not list; restore it from the release")]
    PlaceUnknown(String),
    /// A time zone that the built-in database does not have.
    #[error("the rule table names the unknown time zone {0}; restore it from the release")]
    TimeZone(String),
    /// A rule that says neither an age nor that it is prohibited, or both.
    #[error("the rule table has a rule without one clear answer for {0}; restore it from the release")]
    Answer(String),
    /// A rule without a source, or with one that is not there.
    #[error("the rule table has a rule for {0} whose source is missing; restore it from the release")]
    Source(String),
    /// Two rules for one thing.
    #[error("the rule table has two rules for {0}; restore it from the release")]
    Twice(String),
}

/// A part of a country, or a country that the table knows as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PlaceKey {
    Part(Jurisdiction),
    Country(String),
}

impl PlaceKey {
    fn parse(code: &str) -> Result<Self, JurisdictionError> {
        let is_country = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_country { Ok(Self::Country(code.to_owned())) } else { code.parse().map(Self::Part) }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Part(part) => part.as_str(),
            Self::Country(country) => country,
        }
    }
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Tier(AgeTier),
    Prohibited,
}

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub verdict: Verdict,
    pub sources: Vec<Source>,
    pub regulator: Option<String>,
    pub note: Option<String>,
    pub terms: Terms,
}

/// Everything in it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub rule_version: String,
    pub made_on: Date,
    pub terms: Terms,
    pub places: BTreeMap<PlaceKey, Vec<TimeZone>>,
    /// Parts of countries that are known as a whole.
    pub parts: BTreeSet<Jurisdiction>,
    pub entries: Vec<Entry>,
    /// Number of the entry of each cell.
    pub cells: BTreeMap<(PlaceKey, UseCase), usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHead {
    rule_version: String,
    made_on: Date,
    terms: Terms,
    jurisdiction: Vec<WrittenPlace>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPlace {
    code: String,
    #[serde(rename = "name")]
    _name: String,
    time_zones: Vec<String>,
    /// Of a country that is known as a whole: its parts, as ISO 3166-2 has them after the hyphen.
    #[serde(default)]
    parts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRegion {
    #[serde(default)]
    source: Vec<Source>,
    #[serde(default)]
    rule: Vec<WrittenRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    use_cases: Vec<UseCase>,
    places: Vec<String>,
    tier: Option<AgeTier>,
    #[serde(default)]
    prohibited: bool,
    sources: Vec<String>,
    regulator: Option<String>,
    note: Option<String>,
    allowed_methods: Option<Vec<AllowedMethod>>,
}

impl Table {
    /// Reads a table: its places and terms, and its rules, region by region.
    pub(super) fn parse(head: &str, regions: &[&str]) -> Result<Self, RuleBookError> {
        let head: WrittenHead = toml::from_str(head)?;
        // The database that is compiled in: the same days on every machine, and nothing is read from disk.
        let database = TimeZoneDatabase::bundled();
        let zone = |name: &String| database.get(name).map_err(|_| RuleBookError::TimeZone(name.clone()));
        let (mut places, mut parts) = (BTreeMap::new(), BTreeSet::new());
        for place in &head.jurisdiction {
            for part in &place.parts {
                parts.insert(format!("{}-{part}", place.code).parse()?);
            }
            let zones = place.time_zones.iter().map(zone).collect::<Result<Vec<_>, _>>()?;
            places.insert(PlaceKey::parse(&place.code)?, zones);
        }
        let (entries, cells) = (Vec::new(), BTreeMap::new());
        let WrittenHead { rule_version, made_on, terms, .. } = head;
        let mut table = Self { rule_version, made_on, terms, places, parts, entries, cells };
        for region in regions {
            table.add(toml::from_str(region)?)?;
        }
        Ok(table)
    }

    fn add(&mut self, region: WrittenRegion) -> Result<(), RuleBookError> {
        let mut sources = BTreeMap::new();
        for source in region.source {
            if let Some(twice) = sources.insert(source.id.clone(), source) {
                return Err(RuleBookError::Twice(twice.id));
            }
        }
        for rule in region.rule {
            let name = || rule.places.join(", ");
            let verdict = match (rule.tier, rule.prohibited) {
                (Some(tier), false) => Verdict::Tier(tier),
                (None, true) => Verdict::Prohibited,
                _ => return Err(RuleBookError::Answer(name())),
            };
            let named = rule.sources.iter().map(|id| sources.get(id).cloned());
            let named: Option<Vec<_>> = named.collect();
            let read = named.filter(|named| !named.is_empty()).ok_or_else(|| RuleBookError::Source(name()))?;
            let mut terms = self.terms.clone();
            if let Some(methods) = rule.allowed_methods {
                terms.allowed_methods = methods;
            }
            let number = self.entries.len();
            for (place, use_case) in pairs(&rule.places, &rule.use_cases) {
                let key = PlaceKey::parse(place)?;
                if !self.places.contains_key(&key) {
                    return Err(RuleBookError::PlaceUnknown(place.clone()));
                }
                if self.cells.insert((key, use_case), number).is_some() {
                    return Err(RuleBookError::Twice(format!("{use_case} in {place}")));
                }
            }
            let (regulator, note) = (rule.regulator, rule.note);
            self.entries.push(Entry { verdict, sources: read, regulator, note, terms });
        }
        Ok(())
    }
}

/// Every place with every use case, each once.
fn pairs<'a>(places: &'a [String], use_cases: &[UseCase]) -> impl Iterator<Item = (&'a String, UseCase)> {
    let use_cases: BTreeSet<_> = use_cases.iter().copied().collect();
    places.iter().flat_map(move |place| use_cases.clone().into_iter().map(move |case| (place, case)))
}
