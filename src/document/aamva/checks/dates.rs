//! The dates against each other, the edition and today.

use jiff::civil::Date;

use super::super::dates::{DateOrder, birthday, parse_date};
use super::super::editions::Edition;
use super::super::{AamvaDocument, Format};
use super::{Oddities, fail, flag, not_applicable, pass};
use crate::document::CheckStrength::{Moderate, Weak};
use crate::document::{Check, DocumentKind, date_order};
use crate::privacy::{Personal, PersonalDate};

/// Oldest age that is believed without a flag, and the oldest that is believed at all.
const ODD_AGE_YEARS: i16 = 105;
const IMPOSSIBLE_AGE_YEARS: i16 = 125;
/// Youngest age at which a licence or permit is issued anywhere in the United States or Canada.
const YOUNGEST_DRIVER_YEARS: i16 = 14;
/// Longest validity without a flag: Arizona's cards are valid until the holder turns 65.
const LONG_VALIDITY_YEARS: i16 = 52;

/// Issuers whose cards have the order of the other country, by payloads of theirs that public parsers carry as tests.
const OTHER_ORDER: [&str; 2] = ["NB", "WY"];

/// Header version since which cards may say until when the holder is under age.
const UNDER_AGE_DATES_SINCE: u8 = 4;

/// Every element that is a date.
const DATES: [&str; 8] = ["DBA", "DBB", "DBD", "DDB", "DDC", "DDH", "DDI", "DDJ"];

fn day(date: Option<&PersonalDate>) -> Option<Date> {
    date.map(PersonalDate::reveal)
}

/// Whether dates are in the order of the edition and country; some issuers use the other one on all their cards, so an
/// odd order is a flag, and so is a card that mixes both.
pub(super) fn date_format(document: &AamvaDocument) -> Check {
    const NAME: &str = "date_format";
    if document.format == Format::MagneticStripe {
        return not_applicable(NAME, "a magnetic stripe has dates of its own form");
    }
    let is_american = document.fields.country.as_deref() == Some("USA");
    let edition = document.version.and_then(Edition::of_version);
    let code = document.issuer.and_then(|issuer| issuer.code);
    let is_other = code.is_some_and(|code| OTHER_ORDER.contains(&code));
    let year_first = (is_american == is_other) || edition.is_some_and(Edition::puts_year_first_in_usa);
    let expected = if year_first { DateOrder::YearFirst } else { DateOrder::MonthFirst };
    let mut odd = Oddities::default();
    let (mut seen_expected, mut seen_other) = (false, false);
    for id in DATES {
        let Some(text) = document.elements.stated(id) else { continue };
        match parse_date(text) {
            Some((_, order)) if order == expected => seen_expected = true,
            Some(_) => seen_other = true,
            // Zeros and the pattern itself stand where an issuer has no date.
            None if text == "MMDDCCYY" || text.bytes().all(|byte| byte == b'0') => {}
            None => odd.add(Weak, format!("{id} is no date")),
        }
    }
    if seen_other && seen_expected {
        odd.add(Moderate, "both orders of day, month and year");
    } else if seen_other {
        odd.add(Moderate, "the other order of day, month and year than the edition's");
    }
    odd.into_check(NAME, Weak, "dates are in the order of the edition")
}

/// Birth before issue before expiry.
pub(super) fn date_order(document: &AamvaDocument) -> Check {
    let fields = &document.fields;
    let [birth, issue, expiry] =
        [&fields.date_of_birth, &fields.issue_date, &fields.expiration_date].map(|date| day(date.as_ref()));
    date_order::date_order(birth, issue, expiry)
}

/// Whether someone can be born then, and hold this kind of card.
pub(super) fn date_of_birth(document: &AamvaDocument, today: Date) -> Check {
    const NAME: &str = "date_of_birth";
    let Some(birth) = day(document.fields.date_of_birth.as_ref()) else {
        return fail(NAME, "there is no readable date of birth");
    };
    if birth > today {
        return fail(NAME, "in the future");
    }
    let reached = |years| birthday(birth, years).is_some_and(|(earliest, _)| earliest <= today);
    if reached(IMPOSSIBLE_AGE_YEARS) {
        return fail(NAME, format!("more than {IMPOSSIBLE_AGE_YEARS} years ago"));
    }
    if reached(ODD_AGE_YEARS) {
        return flag(NAME, Moderate, format!("more than {ODD_AGE_YEARS} years ago"));
    }
    let issue = day(document.fields.issue_date.as_ref());
    let youngest = birthday(birth, YOUNGEST_DRIVER_YEARS);
    let is_license = document.kind == Some(DocumentKind::DrivingLicense);
    match issue.zip(youngest) {
        Some((issue, (earliest, _))) if is_license && issue < earliest => {
            flag(NAME, Moderate, format!("a licence issued before the age of {YOUNGEST_DRIVER_YEARS}"))
        }
        _ => pass(NAME, Weak, "plausible"),
    }
}

/// Whether the card can have been issued then: not after today, and not before its design was.
pub(super) fn issue_date(document: &AamvaDocument, today: Date) -> Check {
    const NAME: &str = "issue_date";
    let Some(issue) = day(document.fields.issue_date.as_ref()) else {
        return not_applicable(NAME, "there is no readable date of issue");
    };
    // A card issued in another time zone may be from tomorrow.
    if today.tomorrow().is_ok_and(|tomorrow| issue > tomorrow) {
        return fail(NAME, "in the future");
    }
    let revision = document.elements.stated("DDB").and_then(parse_date).map(|(date, _)| date);
    match revision {
        Some(revision) if revision > issue => flag(NAME, Moderate, "before the design of the card was revised"),
        _ if issue > today => flag(NAME, Weak, "tomorrow"),
        _ => pass(NAME, Weak, "not in the future"),
    }
}

/// Whether a card is valid for as long as issuers let them be.
pub(super) fn validity(document: &AamvaDocument) -> Check {
    const NAME: &str = "validity";
    let fields = &document.fields;
    let Some(expiry) = day(fields.expiration_date.as_ref()) else {
        return flag(NAME, Weak, "there is no readable date of expiry");
    };
    let Some(issue) = day(fields.issue_date.as_ref()) else {
        return not_applicable(NAME, "there is no readable date of issue");
    };
    let is_long = birthday(issue, LONG_VALIDITY_YEARS).is_some_and(|(_, latest)| expiry > latest);
    if is_long {
        flag(NAME, Moderate, format!("more than {LONG_VALIDITY_YEARS} years"))
    } else {
        pass(NAME, Weak, "plausible")
    }
}

/// Whether the dates until which the holder is under 18, 19 and 21 are those birthdays.
///
/// People born on 29 February come of age on 28 February or 1 March by the law of the place: both pass. A day more or
/// less is a flag (some issuers state the last day before the birthday), anything else a fail: the issuer's system
/// computes these dates, while forgers forget to.
pub(super) fn under_age_dates(document: &AamvaDocument) -> Check {
    const NAME: &str = "under_age_dates";
    let Some(birth) = day(document.fields.date_of_birth.as_ref()) else {
        return not_applicable(NAME, "there is no readable date of birth");
    };
    let (mut odd, mut wrong, mut compared) = (Oddities::default(), Vec::new(), 0);
    for (id, years) in [("DDH", 18), ("DDI", 19), ("DDJ", 21)] {
        let Some(text) = document.elements.stated(id) else { continue };
        let Some((earliest, latest)) = birthday(birth, years) else { continue };
        match parse_date(text) {
            Some((date, _)) if earliest <= date && date <= latest => compared += 1,
            Some((date, _)) if is_next_to(date, earliest) || is_next_to(date, latest) => {
                odd.add(Weak, format!("{id} is a day off the birthday"));
            }
            Some(_) => wrong.push(format!("{id} is not the birthday on which the holder turns {years}")),
            None if text == unpadded(latest).reveal() => compared += 1,
            None if text.bytes().all(|byte| byte == b'0') => {}
            None => odd.add(Weak, format!("{id} is no date")),
        }
    }
    if !wrong.is_empty() {
        return fail(NAME, wrong.join("; "));
    }
    if odd.seen.is_empty() && compared == 0 {
        let lacks_them = is_expected_to_have_them(document, birth);
        return if lacks_them {
            flag(NAME, Weak, "the holder was under 21 at issue, and no date says until when")
        } else {
            not_applicable(NAME, "no such dates")
        };
    }
    odd.into_check(NAME, Moderate, "they are the birthdays")
}

/// Cards of the United States say until when someone is under 21 who was so at issue, though the standard leaves it free.
fn is_expected_to_have_them(document: &AamvaDocument, birth: Date) -> bool {
    let issue = day(document.fields.issue_date.as_ref());
    let was_under_21 = birthday(birth, 21).zip(issue).is_some_and(|((earliest, _), issue)| issue < earliest);
    let is_american = document.issuer.is_some_and(|issuer| issuer.country == "USA");
    was_under_21 && is_american && document.version.is_some_and(|version| version >= UNDER_AGE_DATES_SINCE)
}

fn is_next_to(date: Date, other: Date) -> bool {
    other.tomorrow().is_ok_and(|day| day == date) || other.yesterday().is_ok_and(|day| day == date)
}

/// Month, day and year without zeros before them, as West Virginia writes these dates.
fn unpadded(date: Date) -> Personal<String> {
    Personal::new(format!("{}{}{}", date.month(), date.day(), date.year()))
}
