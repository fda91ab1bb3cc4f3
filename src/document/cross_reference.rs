//! The printed front against the barcode or machine-readable zone, field by field.
//!
//! Always holds: a field agrees only when what is encoded was read on the front; it differs only when something else was
//! read in its place; anything in between is not compared, and missing evidence is never agreement. Look-alikes
//! (0 and O, 1 and I, …) that were not read with certainty are no difference; another digit is one. Does not decide what
//! a difference means for the person.

use jiff::civil::Date;
use serde::Serialize;

use super::fields::Fields;
use super::name_reference::{compare_family_name, compare_given_name};
use super::number_reference::compare_number;
use super::visual::{DateLabel, PrintedDate, VisualFields};
use crate::privacy::{Personal, PersonalDate};

/// Whether the two statements of one field agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum Agreement {
    /// Both were read and say the same.
    Agrees,
    /// Both were read and do not say the same.
    Differs,
    /// One of them is missing or was not readable.
    NotCompared,
}

/// One field's comparison.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct FieldComparison {
    /// Name of the field, as in [`Fields`].
    pub field: &'static str,
    /// What is printed, if it was read.
    pub printed: Option<Personal<String>>,
    /// What is encoded, if it was read.
    pub encoded: Option<Personal<String>>,
    /// How they compare.
    pub result: Agreement,
}

/// What a field's comparison found on the front.
pub(super) struct Found {
    pub printed: Option<Personal<String>>,
    pub result: Agreement,
}

impl Found {
    pub(super) fn nothing() -> Self {
        Self { printed: None, result: Agreement::NotCompared }
    }
}

/// Compares a front with the encoded fields: number, date of birth, day of expiry, last and first name. Each field that is
/// encoded gives one comparison, in this order.
#[must_use]
pub fn cross_reference(printed: &VisualFields, encoded: &Fields) -> Vec<FieldComparison> {
    let text =
        |field, value: Option<&Personal<String>>, found: Option<Found>| Some(comparison(field, found?, value?.clone()));
    let number = encoded.id_number.as_ref().map(|number| compare_number(printed, number.reveal()));
    // Cards of the United States have the month first, whatever else may be printed there.
    let order_is_known = encoded.country.as_deref() == Some("USA");
    let date = |field, value: Option<&PersonalDate>, found: Option<&PersonalDate>, label| {
        let value = value?.reveal();
        let own = found.map(PersonalDate::reveal);
        let dates: Vec<ShownDate> =
            printed.dates.iter().map(|date| ShownDate::of(date, value, order_is_known)).collect();
        let own = own.map(|own| dates.iter().find(|date| date.read == own).map_or(own, |date| date.day));
        let found = compare_date(&dates, own, value, label);
        Some(comparison(field, found, shown(value)))
    };
    let birth = printed.date_of_birth.as_ref();
    let expiry = printed.expiration_date.as_ref();
    [
        text("id_number", encoded.id_number.as_ref(), number),
        date("date_of_birth", encoded.date_of_birth.as_ref(), birth, DateLabel::Birth),
        date("expiration_date", encoded.expiration_date.as_ref(), expiry, DateLabel::Expiry),
        text("last_name", encoded.last_name.as_ref(), compare_family_name(printed, encoded)),
        text("first_name", encoded.first_name.as_ref(), compare_given_name(printed, encoded)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn comparison(field: &'static str, found: Found, encoded: Personal<String>) -> FieldComparison {
    let Found { printed, result } = found;
    FieldComparison { field, printed, encoded: Some(encoded), result }
}

/// A day as comparisons state it.
fn shown(date: Date) -> Personal<String> {
    Personal::new(date.to_string())
}

/// A date of the front, as it is compared with one that is encoded.
struct ShownDate {
    /// As it was read, by the order that is the likelier.
    read: Date,
    /// The same, or with day and month the other way round where the front does not tell and that is what is encoded: a
    /// guess at the order is no difference.
    day: Date,
    label: Option<DateLabel>,
}

impl ShownDate {
    fn of(printed: &PrintedDate, encoded: Date, order_is_known: bool) -> Self {
        let read = printed.date.reveal();
        let other = printed.other.as_ref().map(PersonalDate::reveal).filter(|_| !order_is_known);
        Self { read, day: other.filter(|other| *other == encoded).unwrap_or(read), label: printed.label }
    }
}

/// A date agrees when the front's own date of that kind is the same. A front whose date of that kind was not told apart
/// agrees when it shows the encoded date and no other that is as close to it as one digit.
fn compare_date(front: &[ShownDate], own: Option<Date>, encoded: Date, label: DateLabel) -> Found {
    let shown = |date: Date, result| Found { printed: Some(shown(date)), result };
    if let Some(own) = own {
        let labelled = front.iter().any(|date| date.label == Some(label) && date.day == own);
        // A front that says it twice, and differently, says nothing.
        let rival = |date: &ShownDate| date.label == Some(label) && date.day != encoded;
        let elsewhere = front.iter().any(|date| date.label.is_none() && date.day == encoded);
        let result = match own == encoded {
            true if front.iter().any(rival) => Agreement::NotCompared,
            true => Agreement::Agrees,
            // Which date is which was only a guess, though none is born on a later day than the earliest on the card, and
            // no card ends before the latest.
            false if !labelled && elsewhere && is_further_out(encoded, own, label) => Agreement::NotCompared,
            false => Agreement::Differs,
        };
        return shown(own, result);
    }
    let others = front.iter().filter(|date| date.label.is_none_or(|other| other == label));
    let mut near = others.map(|date| date.day).filter(|date| digits_apart(*date, encoded) <= 1);
    match (near.next(), near.next()) {
        (Some(date), None) if date == encoded => shown(date, Agreement::Agrees),
        (Some(date), None) => shown(date, Agreement::Differs),
        (Some(date), Some(other)) if date == other && date == encoded => shown(date, Agreement::Agrees),
        _ => Found::nothing(),
    }
}

/// Whether a date lies before an earliest one, or after a latest one.
fn is_further_out(date: Date, than: Date, label: DateLabel) -> bool {
    match label {
        DateLabel::Birth => date < than,
        DateLabel::Expiry => date > than,
        DateLabel::Issue => true,
    }
}

fn digits_apart(a: Date, b: Date) -> usize {
    shown(a).reveal().chars().zip(shown(b).reveal().chars()).filter(|(a, b)| a != b).count()
}

#[cfg(test)]
mod tests;
