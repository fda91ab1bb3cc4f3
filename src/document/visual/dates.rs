//! Dates among lines of text, which of them is which, and how the front orders day and month.

use jiff::civil::Date;

use super::labels::{LabelKind, last_label};
use super::neighbours::{above, left_of, part_of};
use crate::document::read_text::TextLine;
use crate::privacy::text_of;

mod scan;

use scan::{RawDate, Written, scan};

/// Birth and expiry, or issue, lie at least this many years apart, also on a child's card.
const MIN_SPAN_YEARS: i16 = 7;

/// A line with more digits than a field number and its misread letters is no label.
const MIN_NUMBER_DIGITS: usize = 4;

/// What a label says a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateLabel {
    /// Date of birth.
    Birth,
    /// Last day of validity.
    Expiry,
    /// Day of issue, or of the card's revision.
    Issue,
}

/// A date in a line.
#[derive(Debug, Clone)]
pub(super) struct FoundDate {
    pub date: Date,
    /// The day if day and month stand the other way round, where nothing on the front tells.
    pub other: Option<Date>,
    pub label: Option<DateLabel>,
    /// Whether the year was written with all four digits.
    pub full_year: bool,
    pub line: usize,
    /// Characters of the line that it takes up.
    pub characters: std::ops::Range<usize>,
}

/// Which number of `01/02/1980` is the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    MonthDay,
    DayMonth,
}

/// Every date in reading order.
pub(super) fn find(lines: &[TextLine], today: Date) -> Vec<FoundDate> {
    let raw: Vec<(usize, Vec<RawDate>)> =
        lines.iter().enumerate().map(|(index, line)| (index, scan(line.text.reveal()))).collect();
    let order = order(raw.iter().flat_map(|(_, dates)| dates));
    let mut found = Vec::new();
    for (index, dates) in raw {
        let mut after = 0;
        for date in dates {
            let label = label_of(lines, index, &date, after);
            after = date.characters.end;
            if let Some((day, other)) = resolve(&date.written, order, label, today) {
                let full_year = date.written.has_full_year();
                found.push(FoundDate { date: day, other, label, full_year, line: index, characters: date.characters });
            }
        }
    }
    found
}

/// Birth and expiry: as labelled where that makes sense, else the earliest and the latest.
pub(super) fn birth_and_expiry(found: &[FoundDate]) -> (Option<Date>, Option<Date>) {
    let labelled = |label: DateLabel| found.iter().filter(move |date| date.label == Some(label));
    let latest = found.iter().filter(|date| date.full_year).map(|date| date.date).max();
    let well_before = |early: Date, late: Date| late.year() - early.year() >= MIN_SPAN_YEARS;
    let unlabelled = || found.iter().filter(|date| matches!(date.label, None | Some(DateLabel::Birth)));
    let full_birth = labelled(DateLabel::Birth).filter(|date| date.full_year).map(|date| date.date).min();
    let earliest = unlabelled().filter(|date| date.full_year).map(|date| date.date).min();
    let short = labelled(DateLabel::Birth).chain(unlabelled()).filter(|date| !date.full_year).map(|date| date.date);
    let birth = full_birth
        .or_else(|| earliest.filter(|early| latest.is_some_and(|late| well_before(*early, late))))
        // The small second print of a birth date often has a two-digit year.
        .or_else(|| short.min().filter(|early| latest.is_none_or(|late| well_before(*early, late))));
    let after_birth = |date: &Date| birth.is_none_or(|birth| well_before(birth, *date));
    let expiry = labelled(DateLabel::Expiry).map(|date| date.date).max().filter(after_birth);
    let last = found.iter().filter(|date| date.label.is_none() && date.full_year).map(|date| date.date).max();
    // An unlabelled last date is an expiry only beside an earlier one: alone it may be anything.
    let issue = labelled(DateLabel::Issue).map(|date| date.date).max();
    let last = last.filter(after_birth).filter(|date| birth.is_some() && issue.is_none_or(|issue| issue < *date));
    (birth, expiry.or(last))
}

/// What stands before the date in its line, to its left or above it.
fn label_of(lines: &[TextLine], index: usize, date: &RawDate, after: usize) -> Option<DateLabel> {
    let line = &lines[index];
    let text = line.text.reveal();
    let before = text_of(text.chars().take(date.characters.start).skip(after), text.len());
    let place = part_of(line, date.characters.clone());
    let neighbour = |line: Option<&TextLine>| {
        let text = line?.text.reveal();
        // A label in a line that goes on with a date of its own belongs to that date.
        let used = scan(text).last().map_or(0, |date| date.characters.end);
        let rest = text_of(text.chars().skip(used), text.len());
        let rest = rest.reveal();
        // Nor is a number a label, however much it looks like one.
        let is_number = rest.chars().filter(char::is_ascii_digit).count() >= MIN_NUMBER_DIGITS;
        if is_number { None } else { last_label(rest) }
    };
    let kind = last_label(before.reveal())
        .or_else(|| neighbour(left_of(lines, place).filter(|_| date.characters.start < 4)))
        .or_else(|| neighbour(above(lines, place)))?;
    match kind {
        LabelKind::Birth => Some(DateLabel::Birth),
        LabelKind::Expiry => Some(DateLabel::Expiry),
        LabelKind::Issue | LabelKind::Discriminator => Some(DateLabel::Issue),
        LabelKind::Number | LabelKind::Name => None,
    }
}

/// The order that the unmistakable dates of a front use; month first where none is, but for dots.
fn order<'a>(dates: impl Iterator<Item = &'a RawDate>) -> Option<Order> {
    let mut votes = 0_i32;
    for date in dates {
        if let Written::Numbers { first, second, .. } = date.written {
            votes += i32::from(second > 12 && first <= 12) - i32::from(first > 12 && second <= 12);
        }
    }
    match votes.signum() {
        1 => Some(Order::MonthDay),
        -1 => Some(Order::DayMonth),
        _ => None,
    }
}

/// The day, and the other one that it may be where neither the front nor the separator tells day from month.
fn resolve(
    written: &Written,
    order: Option<Order>,
    label: Option<DateLabel>,
    today: Date,
) -> Option<(Date, Option<Date>)> {
    let (year, parts) = match *written {
        Written::Whole { year, month, day } => (year, vec![(month, day)]),
        Written::Numbers { first, second, year, separator } => {
            let by_separator = if separator == '.' { Order::DayMonth } else { Order::MonthDay };
            let both = match order.unwrap_or(by_separator) {
                Order::MonthDay => vec![(first, second), (second, first)],
                Order::DayMonth => vec![(second, first), (first, second)],
            };
            (year, both)
        }
    };
    let on = |&(month, day): &(i8, i8)| in_century(year, label, today, |year| Date::new(year, month, day).ok());
    let mut days = parts.iter().filter_map(on);
    let day = days.next()?;
    let told = order.is_some() || matches!(*written, Written::Numbers { separator: '.', .. });
    Some((day, days.next().filter(|other| !told && *other != day)))
}

/// The dates of a text that writes the day before the month, whatever separates them.
pub(in crate::document) fn day_first(text: &str, label: DateLabel, today: Date) -> Vec<Date> {
    let date = |raw: RawDate| {
        let (year, month, day) = match raw.written {
            Written::Whole { year, month, day } => (year, month, day),
            Written::Numbers { first, second, year, .. } => (year, second, first),
        };
        in_century(year, Some(label), today, |year| Date::new(year, month, day).ok())
    };
    scan(text).into_iter().filter_map(date).collect()
}

/// A date whose year may have lost its century.
fn in_century(year: i16, label: Option<DateLabel>, today: Date, on: impl Fn(i16) -> Option<Date>) -> Option<Date> {
    if year >= 100 {
        return on(year);
    }
    let century = today.year() / 100 * 100;
    match label {
        // The nearest year of those digits; a validity of more than fifty years is none.
        Some(DateLabel::Expiry | DateLabel::Issue) => {
            let earliest = today.year() - 49;
            on(earliest + (year - earliest).rem_euclid(100))
        }
        Some(DateLabel::Birth) | None => {
            [century, century - 100].into_iter().filter_map(|base| on(base + year)).find(|day| *day <= today)
        }
    }
}
