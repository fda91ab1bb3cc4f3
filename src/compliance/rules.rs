//! The rule table: what holds, for what, and where.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::calendar::PlaceDays;
use super::jurisdiction::Jurisdiction;
use super::rule::{Merged, Rule, RuleError, Source, Terms};
use super::table::{Entry, PlaceKey, RuleBookError, Table, Verdict};
use super::use_case::UseCase;

/// All rules and places that are known.
#[derive(Debug, Clone)]
pub struct RuleBook {
    table: Table,
    signed_by: Option<String>,
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
        Ok(Self { table: Table::parse(include_str!("rules/places.toml"), &REGIONS)?, signed_by: None })
    }

    /// A table that a publisher has signed.
    pub(super) fn signed(places: &str, regions: &[&str], key_id: Option<String>) -> Result<Self, RuleBookError> {
        Ok(Self { table: Table::parse(places, regions)?, signed_by: key_id })
    }

    /// The identifier of the publisher's key that signed it; none for the table that the program was built with.
    #[must_use]
    pub fn signed_by(&self) -> Option<&str> {
        self.signed_by.as_deref()
    }

    /// Whether it is later than another: made on a later day, or on the same with a version that sorts later by its bytes.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.made_on(), self.version()) > (other.made_on(), other.version())
    }

    /// Version of the text by which people are asked, where a rule says nothing else.
    #[must_use]
    pub fn consent_text(&self) -> &str {
        &self.table.terms.consent_text
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

    /// The rule for a use case in a place on a day; a part of a country that the table knows as a whole is that country. A day
    /// before the table was made counts as the day on which it was.
    ///
    /// # Errors
    /// [`RuleError::Unresolvable`] when the table does not say, [`RuleError::Prohibited`] when nobody may.
    pub fn resolve(&self, use_case: UseCase, jurisdiction: &Jurisdiction, days: PlaceDays) -> Result<Rule, RuleError> {
        let Found { entry, terms, binds_methods } = self.entry(use_case, jurisdiction, days)?;
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
                terms,
                binds_methods,
                rule_version: self.table.rule_version.clone(),
            }),
        }
    }

    /// The rule at a moment, on the days that are kept in the place then.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_at(
        &self,
        use_case: UseCase,
        jurisdiction: &Jurisdiction,
        now: Timestamp,
    ) -> Result<Rule, RuleError> {
        let unresolvable = || RuleError::Unresolvable { use_case, jurisdiction: jurisdiction.clone() };
        self.resolve(use_case, jurisdiction, self.days_at(jurisdiction, now).ok_or_else(unresolvable)?)
    }

    /// What holds for several use cases together on a day: of every part the most restrictive.
    ///
    /// # Errors
    /// [`RuleError::Unresolvable`] when the table says nothing of one of them.
    pub fn merge(
        &self,
        use_cases: &[UseCase],
        jurisdiction: &Jurisdiction,
        days: PlaceDays,
    ) -> Result<Merged, RuleError> {
        let mut merged = Merged {
            prohibited: Vec::new(),
            tier: None,
            terms: self.table.terms.clone(),
            regulators: Vec::new(),
            sources: Vec::new(),
            binds_methods: false,
            rule_version: self.table.rule_version.clone(),
        };
        for (number, &use_case) in use_cases.iter().enumerate() {
            let Found { entry, terms, binds_methods } = self.entry(use_case, jurisdiction, days)?;
            match entry.verdict {
                Verdict::Tier(tier) => merged.tier = merged.tier.max(Some(tier)),
                Verdict::Prohibited => push_new(&mut merged.prohibited, &use_case),
            }
            merged.terms = if number == 0 { terms } else { merged.terms.and(&terms) };
            merged.binds_methods |= binds_methods;
            entry.regulator.iter().for_each(|regulator| push_new(&mut merged.regulators, regulator));
            entry.sources.iter().for_each(|source: &Source| push_new(&mut merged.sources, source));
        }
        Ok(merged)
    }

    /// The days after `day` on which another rule begins to hold for a use case in a place, or none does any more.
    #[must_use]
    pub fn changes_after(&self, use_case: UseCase, jurisdiction: &Jurisdiction, day: Date) -> BTreeSet<Date> {
        let entries = self.cell(use_case, jurisdiction);
        let changes = entries.flat_map(|entry| [entry.from, entry.until.and_then(|until| until.tomorrow().ok())]);
        changes.flatten().filter(|change| *change > day).collect()
    }

    /// What holds on a day. Where it is past midnight in only some of the place, both days' rules count, and the stricter of
    /// every part.
    fn entry(&self, use_case: UseCase, jurisdiction: &Jurisdiction, days: PlaceDays) -> Result<Found<'_>, RuleError> {
        let on = |day: Date| {
            let day = day.max(self.table.made_on);
            let held = self.cell(use_case, jurisdiction).find(|entry| entry.holds_on(day));
            held.ok_or_else(|| RuleError::Unresolvable { use_case, jurisdiction: jurisdiction.clone() })
        };
        let (first, last) = (on(days.earliest)?, on(days.latest)?);
        let (entry, other) = if first.verdict > last.verdict { (first, last) } else { (last, first) };
        let terms = entry.terms.clone().and(&other.terms);
        Ok(Found { entry, terms, binds_methods: entry.binds_methods || other.binds_methods })
    }

    fn cell(&self, use_case: UseCase, jurisdiction: &Jurisdiction) -> impl Iterator<Item = &Entry> {
        let cell = |key| self.table.cells.get(&(key, use_case));
        let part = || cell(PlaceKey::Part(jurisdiction.clone()));
        let country = || cell(self.country_of(jurisdiction)?);
        self.entries(part().or_else(country))
    }

    fn entries<'a>(&'a self, numbers: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a Entry> {
        numbers.into_iter().flatten().filter_map(|&number| self.table.entries.get(number))
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

    /// The first place without a rule for one of some use cases on the day on which the table was made.
    pub(super) fn first_unknown(&self, use_cases: &[UseCase]) -> Option<(UseCase, &str)> {
        let cells = self.table.places.keys().flat_map(|place| use_cases.iter().map(move |&case| (place, case)));
        let unknown = |&(place, case): &(&PlaceKey, UseCase)| {
            let numbers = self.table.cells.get(&(place.clone(), case));
            !self.entries(numbers).any(|entry| entry.holds_on(self.table.made_on))
        };
        cells.into_iter().find(unknown).map(|(place, case)| (case, place.as_str()))
    }

    /// How much of the table is known of each country, by its two letters, on the day on which it was made.
    #[must_use]
    pub fn coverage(&self) -> BTreeMap<&str, BTreeMap<UseCase, Coverage>> {
        let mut all: BTreeMap<&str, BTreeMap<UseCase, Coverage>> = BTreeMap::new();
        for place in self.table.places.keys() {
            let of_country = all.entry(&place.as_str()[..2]).or_default();
            for use_case in UseCase::ALL {
                let cells = of_country.entry(use_case).or_default();
                let numbers = self.table.cells.get(&(place.clone(), use_case));
                match self.entries(numbers).find(|entry| entry.holds_on(self.table.made_on)) {
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

/// What holds in a cell on a day.
struct Found<'a> {
    entry: &'a Entry,
    terms: Terms,
    binds_methods: bool,
}

fn push_new<T: Clone + PartialEq>(list: &mut Vec<T>, value: &T) {
    if !list.contains(value) {
        list.push(value.clone());
    }
}

#[cfg(test)]
mod tests;
