//! Whether a front of the model agrees with itself.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use super::layout::{FieldNumber, Layout};
use super::number::LicenceNumber;
use crate::document::check::{Check, CheckResult, CheckStrength};
use crate::document::date_order::date_order;
use crate::document::fields::Fields;
use crate::privacy::PersonalDate;

/// Youngest age at which any state of the model licenses a moped.
const YOUNGEST_YEARS: i32 = 14;
/// Longest validity that the directive allows (article 7, paragraph 2), for cards issued since it applies.
const LONGEST_VALIDITY_YEARS: i32 = 15;
/// The day from which it applies (article 16).
const DIRECTIVE_APPLIES: Date = date(2013, 1, 19);
/// Older people are not believed.
const OLDEST_YEARS: i32 = 125;

/// Every check, always the same in the same order.
pub(super) fn all(layout: &Layout, fields: &Fields, number: Option<&LicenceNumber>, today: Date) -> Vec<Check> {
    let day = |date: &Option<PersonalDate>| date.as_ref().map(PersonalDate::reveal);
    let (birth, issue, expiry) = (day(&fields.date_of_birth), day(&fields.issue_date), day(&fields.expiration_date));
    let unknown = || Check::new("number_structure", CheckResult::NotApplicable, "no number was read");
    vec![
        completeness(layout),
        date_order(birth, issue, expiry),
        date_of_birth(birth, issue, today),
        issue_date(issue, today),
        validity(issue, expiry),
        number.map_or_else(unknown, |number| number.check(fields)),
    ]
}

fn completeness(layout: &Layout) -> Check {
    const NAME: &str = "numbered_fields";
    let wanted = [
        (FieldNumber::Surname, "1"),
        (FieldNumber::GivenNames, "2"),
        (FieldNumber::Birth, "3"),
        (FieldNumber::Issue, "4a"),
        (FieldNumber::Expiry, "4b"),
        (FieldNumber::Authority, "4c"),
        (FieldNumber::Number, "5"),
    ];
    let missing: Vec<&str> =
        wanted.iter().filter(|(number, _)| layout.text(*number).is_none()).map(|(_, name)| *name).collect();
    if missing.is_empty() {
        Check::new(NAME, CheckResult::Pass, "1 to 5 stand in their order")
    } else {
        // What was not found was not read, far more often than it is not there.
        let seen = format!("not found: {}", missing.join(", "));
        Check::new(NAME, CheckResult::Flag, seen).with_strength(CheckStrength::Weak)
    }
}

fn date_of_birth(birth: Option<Date>, issue: Option<Date>, today: Date) -> Check {
    const NAME: &str = "date_of_birth";
    let Some(birth) = birth else { return Check::new(NAME, CheckResult::Flag, "there is no readable date of birth") };
    let reached = |years: i32, on: Date| birth.checked_add(years.years()).is_ok_and(|day| day <= on);
    if birth > today || reached(OLDEST_YEARS, today) {
        Check::new(NAME, CheckResult::Fail, "nobody can be born then")
    } else if issue.is_some_and(|issue| !reached(YOUNGEST_YEARS, issue)) {
        Check::new(NAME, CheckResult::Fail, format!("issued before the age of {YOUNGEST_YEARS}"))
    } else {
        Check::new(NAME, CheckResult::Pass, "plausible")
    }
}

fn issue_date(issue: Option<Date>, today: Date) -> Check {
    const NAME: &str = "issue_date";
    match issue {
        None => Check::new(NAME, CheckResult::NotApplicable, "there is no readable date of issue"),
        // A card issued in another time zone may be from tomorrow.
        Some(issue) if today.tomorrow().is_ok_and(|tomorrow| issue > tomorrow) => {
            Check::new(NAME, CheckResult::Fail, "in the future")
        }
        Some(_) => Check::new(NAME, CheckResult::Pass, "not in the future"),
    }
}

fn validity(issue: Option<Date>, expiry: Option<Date>) -> Check {
    const NAME: &str = "validity";
    let Some((issue, expiry)) = issue.zip(expiry) else {
        return Check::new(NAME, CheckResult::NotApplicable, "issue and expiry are not both readable");
    };
    let last = issue.checked_add(LONGEST_VALIDITY_YEARS.years()).unwrap_or(Date::MAX);
    if issue >= DIRECTIVE_APPLIES && expiry > last {
        Check::new(NAME, CheckResult::Flag, format!("more than {LONGEST_VALIDITY_YEARS} years"))
    } else {
        Check::new(NAME, CheckResult::Pass, "plausible")
    }
}
