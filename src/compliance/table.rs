//! The rule table as it is written: TOML in, checked values out.
//!
//! Always holds: a table with a cell that two rules speak of on one day, with a rule that names no source or one that is not
//! there, with a place that is not listed, or with terms that the device cannot keep is refused as a whole.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Deserialize;

use super::jurisdiction::{Jurisdiction, JurisdictionError};
use super::rule::{AllowedMethod, Source, Terms};
use super::use_case::{AgeTier, UseCase};

/// Longest time in days for which an outcome may grant anything.
const MAX_VALIDITY_DAYS: u16 = 366;
/// Longest version in characters.
const MAX_VERSION: usize = 32;

/// The rule table itself is wrong.
#[derive(Debug, thiserror::Error)]
pub enum RuleBookError {
    /// Not TOML of the expected form.
    #[error("the rule table cannot be read: {0}; take another table from its publisher")]
    Form(#[from] toml::de::Error),
    /// A place's code is not one.
    #[error("the rule table names a place wrongly: {0}; take another table from its publisher")]
    Place(#[from] JurisdictionError),
    /// A place that is not listed.
    #[error("the rule table has a rule for {0}, which it does not list; take another table from its publisher")]
    PlaceUnknown(String),
    /// A time zone that the built-in database does not have.
    #[error("the rule table names the unknown time zone {0}; take another table from its publisher")]
    TimeZone(String),
    /// A rule that says neither an age nor that it is prohibited, or both.
    #[error("the rule table has a rule without one clear answer for {0}; take another table from its publisher")]
    Answer(String),
    /// A rule without a source, or with one that is not there.
    #[error("the rule table has a rule for {0} whose source is missing; take another table from its publisher")]
    Source(String),
    /// Two rules for one thing on one day.
    #[error("the rule table has two rules for {0}; take another table from its publisher")]
    Twice(String),
    /// A rule that ends before it begins.
    #[error("the rule table has a rule for {0} that ends before it begins; take another table from its publisher")]
    Days(String),
    /// A version that is no short name.
    #[error(
        "the rule table's version is not 1 to 32 of a-z, 0-9, dot, hyphen and underscore; take another table from its publisher"
    )]
    Version,
    /// A rule without the one method that every device has.
    #[error(
        "the rule table does not allow document_face for {0}, without which nobody is verified; take another table from its publisher"
    )]
    Methods(String),
    /// Outcomes that grant for no time, or for years.
    #[error(
        "the rule table has outcomes grant for other than 1 to {MAX_VALIDITY_DAYS} days; take another table from its publisher"
    )]
    Validity,
    /// Faces are to be kept, which no device does.
    #[error(
        "the rule table asks that faces are kept, and this device keeps none; take another table from its publisher"
    )]
    Retention,
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

/// What a rule says; the later is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Whether the rule itself says which methods are allowed.
    pub binds_methods: bool,
    /// The first day on which it holds; ever since, where nothing is said.
    pub from: Option<Date>,
    /// The last day on which it holds; for good, where nothing is said.
    pub until: Option<Date>,
}

impl Entry {
    /// Whether it holds on a day.
    pub(super) fn holds_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    fn meets(&self, other: &Self) -> bool {
        let begins_by_end = |a: &Self, b: &Self| a.from.zip(b.until).is_none_or(|(from, until)| from <= until);
        begins_by_end(self, other) && begins_by_end(other, self)
    }
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
    /// Numbers of the entries of each cell: several where the law changes on a day that is known.
    pub cells: BTreeMap<(PlaceKey, UseCase), Vec<usize>>,
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
    credential_validity_days: Option<u16>,
    from: Option<Date>,
    until: Option<Date>,
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
        let in_version = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        if !(1..=MAX_VERSION).contains(&rule_version.len()) || !rule_version.bytes().all(in_version) {
            return Err(RuleBookError::Version);
        }
        check_terms(&terms, || "what it does not say".to_owned())?;
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
            if rule.from.zip(rule.until).is_some_and(|(from, until)| until < from) {
                return Err(RuleBookError::Days(name()));
            }
            let mut terms = self.terms.clone();
            let binds_methods = rule.allowed_methods.is_some();
            if let Some(methods) = rule.allowed_methods.clone() {
                terms.allowed_methods = methods;
            }
            if let Some(days) = rule.credential_validity_days {
                terms.credential_validity_days = days;
            }
            check_terms(&terms, name)?;
            let (from, until) = (rule.from, rule.until);
            let (regulator, note) = (rule.regulator.clone(), rule.note.clone());
            let entry = Entry { verdict, sources: read, regulator, note, terms, binds_methods, from, until };
            self.place(&rule, entry)?;
        }
        Ok(())
    }

    /// Puts a rule into its cells.
    fn place(&mut self, rule: &WrittenRule, entry: Entry) -> Result<(), RuleBookError> {
        let number = self.entries.len();
        for (place, use_case) in pairs(&rule.places, &rule.use_cases) {
            let key = PlaceKey::parse(place)?;
            if !self.places.contains_key(&key) {
                return Err(RuleBookError::PlaceUnknown(place.clone()));
            }
            let cell = self.cells.entry((key, use_case)).or_default();
            let same_day = |&other: &usize| other == number || self.entries.get(other).is_some_and(|e| e.meets(&entry));
            if cell.iter().any(same_day) {
                return Err(RuleBookError::Twice(format!("{use_case} in {place}")));
            }
            cell.push(number);
        }
        self.entries.push(entry);
        Ok(())
    }
}

/// Refuses what the device cannot keep to.
fn check_terms(terms: &Terms, name: impl Fn() -> String) -> Result<(), RuleBookError> {
    if terms.biometric_retention_days != 0 {
        return Err(RuleBookError::Retention);
    }
    if !(1..=MAX_VALIDITY_DAYS).contains(&terms.credential_validity_days) {
        return Err(RuleBookError::Validity);
    }
    if !terms.allowed_methods.contains(&AllowedMethod::DocumentFace) {
        return Err(RuleBookError::Methods(name()));
    }
    Ok(())
}

/// Every place with every use case, each once.
fn pairs<'a>(places: &'a [String], use_cases: &[UseCase]) -> impl Iterator<Item = (&'a String, UseCase)> {
    let use_cases: BTreeSet<_> = use_cases.iter().copied().collect();
    places.iter().flat_map(move |place| use_cases.clone().into_iter().map(move |case| (place, case)))
}
