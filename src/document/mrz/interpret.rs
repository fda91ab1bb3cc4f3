//! From lines of a known format to check results and fields.

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::check_digit::check_digit;
use super::layout::{CheckSpec, MrzFormat, NUMBER_CHECK, Span};
use super::names::{self, Names};
use crate::document::check::{Check, CheckResult, CheckStrength};
use crate::document::fields::{Fields, Sex};
use crate::privacy::{Personal, PersonalDate};

/// A year of expiry is the one of its two digits that is nearest to today: at most this far ahead.
const EXPIRY_AHEAD_YEARS: i16 = 50;

/// The document number with its check digit, both as stated.
pub(super) struct Number {
    pub text: Zeroizing<Vec<u8>>,
    pub digit: u8,
}

fn at<'a>(lines: &[&'a [u8]], span: &Span) -> &'a [u8] {
    lines.get(span.line).and_then(|line| line.get(span.columns.clone())).unwrap_or_default()
}

fn byte(lines: &[&[u8]], (line, column): (usize, usize)) -> u8 {
    lines.get(line).and_then(|line| line.get(column)).copied().unwrap_or(b'<')
}

/// The text of some spans, with what is put between them.
fn text(lines: &[&[u8]], spans: &[Span], between: &str) -> Personal<String> {
    // Joined at once, in a buffer of the right length; a zone is ASCII.
    let parts: Vec<&str> = spans.iter().map(|span| std::str::from_utf8(at(lines, span)).unwrap_or_default()).collect();
    Personal::new(parts.join(between))
}

fn code(bytes: &[u8]) -> Option<Personal<String>> {
    let code = std::str::from_utf8(bytes).unwrap_or_default().trim_matches('<');
    (!code.is_empty()).then(|| Personal::from(code))
}

/// Reads the document number, which goes on in the optional data when a filler stands in place of its check digit
/// (Doc 9303 part 5, section 4.2.2.1, note j).
pub(super) fn document_number(format: MrzFormat, lines: &[&[u8]]) -> Number {
    let layout = format.layout();
    let head = at(lines, &layout.number);
    let digit = layout.checks.iter().find(|check| check.name == NUMBER_CHECK).map_or(b'<', |c| byte(lines, c.digit));
    let rest = layout.long_number.as_ref().map(|span| at(lines, span)).unwrap_or_default();
    let rest = rest.split(|&c| c == b'<').next().unwrap_or_default();
    match rest.split_last() {
        Some((&last, tail)) if digit == b'<' && !head.ends_with(b"<") => {
            Number { text: [head, tail].concat().into(), digit: last }
        }
        _ => Number { text: head.to_vec().into(), digit },
    }
}

/// Every check digit of the format, in the order of the layout.
pub(super) fn check_digits(format: MrzFormat, lines: &[&[u8]], number: &Number) -> Vec<Check> {
    let judge = |check: &CheckSpec| {
        let (covered, digit) = if check.name == NUMBER_CHECK {
            (number.text.clone(), number.digit)
        } else {
            let spans: Vec<&[u8]> = check.covers.iter().map(|span| at(lines, span)).collect();
            (spans.concat().into(), byte(lines, check.digit))
        };
        let empty = covered.iter().all(|&c| c == b'<');
        let expected = check_digit(covered.iter().copied());
        let right = expected == Some(digit) || (empty && check.filler_when_empty && digit == b'<');
        let detail = match expected {
            Some(expected) => format!("stated {}, computed {}", char::from(digit), char::from(expected)),
            None => "not computable".to_owned(),
        };
        let result = if right { CheckResult::Pass } else { CheckResult::Fail };
        Check::new(check.name, result, detail).with_strength(CheckStrength::Strong)
    };
    format.layout().checks.iter().map(judge).collect()
}

/// What the zone states. Names stay transliterated and in upper case.
pub(super) fn fields(format: MrzFormat, lines: &[&[u8]], number: &Number, today: Date) -> Fields {
    let layout = format.layout();
    let expires = layout.expiry.as_ref().and_then(|span| expiry(at(lines, span), today));
    let born = birth(at(lines, &layout.birth), expires.map_or(today, |last| last.min(today)));
    let number = code(&number.text);
    let issuer = code(at(lines, &layout.issuer)).map(|code| code.reveal().clone());
    let Names { last, first, middle } = match layout.names.as_slice() {
        // The French card keeps family and given names apart.
        spans @ [_, _] => names::split(text(lines, spans, "<<").reveal()),
        spans => names::split(text(lines, spans, "").reveal()),
    };
    // A filler at the end says that all of it is there.
    let name_is_cut_off = layout.names.iter().any(|span| !at(lines, span).ends_with(b"<"));
    Fields {
        name_is_cut_off,
        first_name: first,
        middle_name: middle,
        last_name: last,
        names_are_transliterated: true,
        date_of_birth: born.map(PersonalDate::new),
        expiration_date: expires.map(PersonalDate::new),
        sex: match byte(lines, layout.sex) {
            b'M' => Some(Sex::M),
            b'F' => Some(Sex::F),
            b'X' | b'<' => Some(Sex::X),
            _ => None,
        },
        country: issuer.clone(),
        issuing_state: issuer,
        nationality: layout.nationality.and_then(|span| code(at(lines, &span))),
        id_number: number.clone(),
        document_number: number,
        ..Fields::default()
    }
}

/// Whether the dates make sense; an unknown part of a date is allowed: `<<` in the zone by Doc 9303 part 3, section 4.8,
/// and `XX` as some issuers copy it from the print.
pub(super) fn date_checks(format: MrzFormat, lines: &[&[u8]], fields: &Fields, today: Date) -> Vec<Check> {
    let layout = format.layout();
    let judge = |name, stated: &[u8], date: Option<&PersonalDate>| match date {
        Some(_) => Check::new(name, CheckResult::Pass, "a calendar day"),
        None if stated.contains(&b'<') || stated.contains(&b'X') => {
            Check::new(name, CheckResult::NotApplicable, "not wholly known")
        }
        None => Check::new(name, CheckResult::Fail, "no calendar day"),
    };
    let mut checks = vec![judge("birth_date", at(lines, &layout.birth), fields.date_of_birth.as_ref())];
    if let Some(expiry) = &layout.expiry {
        checks.push(judge("expiry_date", at(lines, expiry), fields.expiration_date.as_ref()));
        let result = match fields.expiration_date.as_ref().map(PersonalDate::reveal) {
            Some(expiry) if expiry < today => CheckResult::Flag,
            Some(_) => CheckResult::Pass,
            None => CheckResult::NotApplicable,
        };
        // Expiry is the policy's: it says nothing against the document.
        let check = Check::new("not_expired", result, "day of expiry against today");
        checks.push(check.with_strength(CheckStrength::Weak));
    }
    checks
}

/// Year, month and day of `YYMMDD`, each `None` where it is a filler or no number.
fn parts(field: &[u8]) -> [Option<i8>; 3] {
    let two = |at: usize| {
        let pair = field.get(at..at + 2)?;
        let digit = |c: u8| c.is_ascii_digit().then(|| c - b'0');
        Some((digit(pair[0])? * 10 + digit(pair[1])?).cast_signed())
    };
    [two(0), two(2), two(4)]
}

/// The latest day with these digits that is not after `latest`: today, or the day of expiry where that is earlier, because
/// nobody is born after the document has expired. Of two centuries that fit, the holder is the younger one.
fn birth(field: &[u8], latest: Date) -> Option<Date> {
    let [Some(year), Some(month), Some(day)] = parts(field) else { return None };
    let century = latest.year() / 100 * 100;
    let years = [century, century - 100].map(|century| century + i16::from(year));
    years.into_iter().filter_map(|year| Date::new(year, month, day).ok()).find(|date| *date <= latest)
}

/// The day with these digits whose year is nearest to today's.
fn expiry(field: &[u8], today: Date) -> Option<Date> {
    let [Some(year), Some(month), Some(day)] = parts(field) else { return None };
    let earliest = today.year() - (99 - EXPIRY_AHEAD_YEARS);
    let year = earliest + (i16::from(year) - earliest).rem_euclid(100);
    Date::new(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_birth_is_never_in_the_future() {
        let today = date(2025, 6, 15);
        assert_eq!(birth(b"250615", today), Some(today));
        assert_eq!(birth(b"250616", today), Some(date(1925, 6, 16)));
        assert_eq!(birth(b"000229", today), Some(date(2000, 2, 29)));
    }

    #[test]
    fn an_expiry_is_near() {
        let today = date(2025, 6, 15);
        assert_eq!(expiry(b"940623", today), Some(date(1994, 6, 23)));
        assert_eq!(expiry(b"340623", today), Some(date(2034, 6, 23)));
        assert_eq!(expiry(b"340231", today), None);
    }

    #[test]
    fn nobody_is_born_after_the_document_has_expired() {
        assert_eq!(birth(b"240101", date(2021, 5, 1)), Some(date(1924, 1, 1)));
    }

    #[test]
    fn an_unknown_part_makes_a_date_absent() {
        assert_eq!(birth(b"80<<<<", date(2025, 6, 15)), None);
        assert_eq!(birth(b"8O0101", date(2025, 6, 15)), None);
    }
}
