//! The rule table: what holds, for what, and where.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::calendar::PlaceDays;
use super::jurisdiction::Jurisdiction;
use super::rule::{Merged, Rule, RuleError, Source};
use super::table::{Entry, PlaceKey, RuleBookError, Table, Verdict};
use super::use_case::UseCase;

/// All rules and places that are known.
#[derive(Debug, Clone)]
pub struct RuleBook {
    table: Table,
}

/// How much of the table is known, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// An age, or that it is prohibited.
    pub known: usize,
    /// Of those, prohibited.
    pub prohibited: usize,
    /// Nothing was read.
    pub unknown: usize,
}

impl RuleBook {
    /// The table that the program was built with.
    ///
    /// # Errors
    /// [`RuleBookError`] when the table is wrong, which a test rules out.
    pub fn built_in() -> Result<Self, RuleBookError> {
        const REGIONS: [&str; 4] = [
            include_str!("rules/us.toml"),
            include_str!("rules/ca.toml"),
            include_str!("rules/gb.toml"),
            include_str!("rules/eu.toml"),
        ];
        Ok(Self { table: Table::parse(include_str!("rules/places.toml"), &REGIONS)? })
    }

    /// The day on which the table was made.
    #[must_use]
    pub fn made_on(&self) -> Date {
        self.table.made_on
    }

    /// Whether a clock that says it is `day` somewhere can be right: not before the table was made. One day is allowed,
    /// because the calendar is not the same everywhere at one moment.
    #[must_use]
    pub fn is_plausible(&self, day: Date) -> bool {
        day.saturating_add(1.day()) >= self.table.made_on
    }

    /// The time before which no clock can be right: one day before the table was made, anywhere.
    #[must_use]
    pub fn earliest_time(&self) -> Timestamp {
        let day = self.table.made_on.saturating_sub(1.day());
        day.to_zoned(TimeZone::UTC).map_or(Timestamp::MIN, |midnight| midnight.timestamp())
    }

    /// Whether a place is part of a country that the table knows as a whole.
    #[must_use]
    pub fn is_part_of_whole(&self, jurisdiction: &Jurisdiction) -> bool {
        let is_place = self.table.places.contains_key(&PlaceKey::Part(jurisdiction.clone()));
        !is_place && self.country_of(jurisdiction).is_some()
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.table.rule_version
    }

    /// The rule for a use case in a place; a part of a country that the table knows as a whole is that country.
    ///
    /// # Errors
    /// [`RuleError::Unresolvable`] when the table does not say, [`RuleError::Prohibited`] when nobody may.
    pub fn resolve(&self, use_case: UseCase, jurisdiction: &Jurisdiction) -> Result<Rule, RuleError> {
        let entry = self.entry(use_case, jurisdiction)?;
        match entry.verdict {
            Verdict::Prohibited => Err(RuleError::Prohibited {
                use_case,
                jurisdiction: jurisdiction.clone(),
                by: entry.sources.first().map(|source| source.title.clone()).unwrap_or_default(),
            }),
            Verdict::Tier(tier) => Ok(Rule {
                use_case,
                jurisdiction: jurisdiction.clone(),
                tier,
                regulator: entry.regulator.clone(),
                sources: entry.sources.clone(),
                note: entry.note.clone(),
                terms: entry.terms.clone(),
                rule_version: self.table.rule_version.clone(),
            }),
        }
    }

    /// What holds for several use cases together: of every part the most restrictive.
    ///
    /// # Errors
    /// [`RuleError::Unresolvable`] when the table says nothing of one of them.
    pub fn merge(&self, use_cases: &[UseCase], jurisdiction: &Jurisdiction) -> Result<Merged, RuleError> {
        let mut merged = Merged {
            prohibited: Vec::new(),
            tier: None,
            terms: self.table.terms.clone(),
            regulators: Vec::new(),
            sources: Vec::new(),
            rule_version: self.table.rule_version.clone(),
        };
        for (number, &use_case) in use_cases.iter().enumerate() {
            let entry = self.entry(use_case, jurisdiction)?;
            match entry.verdict {
                Verdict::Tier(tier) => merged.tier = merged.tier.max(Some(tier)),
                Verdict::Prohibited => push_new(&mut merged.prohibited, &use_case),
            }
            merged.terms = if number == 0 { entry.terms.clone() } else { merged.terms.and(&entry.terms) };
            entry.regulator.iter().for_each(|regulator| push_new(&mut merged.regulators, regulator));
            entry.sources.iter().for_each(|source: &Source| push_new(&mut merged.sources, source));
        }
        Ok(merged)
    }

    fn entry(&self, use_case: UseCase, jurisdiction: &Jurisdiction) -> Result<&Entry, RuleError> {
        let cell = |key| self.table.cells.get(&(key, use_case));
        let part = || cell(PlaceKey::Part(jurisdiction.clone()));
        let country = || cell(self.country_of(jurisdiction)?);
        let number = part().or_else(country).copied();
        number
            .and_then(|number| self.table.entries.get(number))
            .ok_or_else(|| RuleError::Unresolvable { use_case, jurisdiction: jurisdiction.clone() })
    }

    /// The country that a part belongs to, where the table knows that as a whole. A code that is no part of it, or a territory
    /// with a law of its own, belongs to none.
    fn country_of(&self, part: &Jurisdiction) -> Option<PlaceKey> {
        self.table.parts.contains(part).then(|| PlaceKey::Country(part.country().to_owned()))
    }

    /// The calendar days that are kept in a place at `now`; `None` for a place that the table does not hold.
    #[must_use]
    pub fn days_at(&self, jurisdiction: &Jurisdiction, now: Timestamp) -> Option<PlaceDays> {
        let places = &self.table.places;
        let part = places.get(&PlaceKey::Part(jurisdiction.clone()));
        let zones = part.or_else(|| places.get(&self.country_of(jurisdiction)?));
        PlaceDays::at(now, zones?)
    }

    /// The codes of every place of the table: parts of countries by ISO 3166-2, and countries that are known as a whole.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.table.places.keys().map(PlaceKey::as_str)
    }

    /// How much of the table is known of each country, by its two letters.
    #[must_use]
    pub fn coverage(&self) -> BTreeMap<&str, BTreeMap<UseCase, Coverage>> {
        let mut all: BTreeMap<&str, BTreeMap<UseCase, Coverage>> = BTreeMap::new();
        for place in self.table.places.keys() {
            let of_country = all.entry(&place.as_str()[..2]).or_default();
            for use_case in UseCase::ALL {
                let cells = of_country.entry(use_case).or_default();
                let entry = self.table.cells.get(&(place.clone(), use_case));
                match entry.and_then(|&number| self.table.entries.get(number)) {
                    None => cells.unknown += 1,
                    Some(entry) => {
                        cells.known += 1;
                        cells.prohibited += usize::from(entry.verdict == Verdict::Prohibited);
                    }
                }
            }
        }
        all
    }
}

fn push_new<T: Clone + PartialEq>(list: &mut Vec<T>, value: &T) {
    if !list.contains(value) {
        list.push(value.clone());
    }
}

#[cfg(test)]
mod tests;
