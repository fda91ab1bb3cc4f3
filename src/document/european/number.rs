//! Field 5: the licence's number, and what some states' numbers say about the holder.
//!
//! Sources: the driver number of Great Britain as the Driver and Vehicle Licensing Agency explains it to drivers (the two
//! last characters are computed in a way that is not public); the tenth character of Germany's number as encyclopaedias
//! describe it, which the number on the published specimen keeps. Northern Ireland's eight digits say nothing.

use jiff::civil::Date;

use crate::document::check::{Check, CheckResult};
use crate::document::fields::Fields;
use crate::document::similarity::{spellings, transliterated};
use crate::privacy::{Personal, PersonalDate, characters_of, text_of};

/// Shortest and longest number that any state of the model prints.
const LENGTHS: std::ops::RangeInclusive<usize> = 5..=18;
/// Length of Great Britain's.
const BRITISH: usize = 16;
/// Length of Germany's.
const GERMAN: usize = 11;

/// Which rules a number keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    British,
    German,
    Other,
}

/// A number as it was read.
pub(super) struct LicenceNumber {
    /// Capital letters and digits alone.
    pub(super) text: Personal<String>,
    form: Form,
}

impl LicenceNumber {
    /// Reads field 5. `None` when it cannot be a number.
    pub(super) fn read(text: &str, country: Option<&str>) -> Option<Self> {
        let kept = text.chars().filter(char::is_ascii_alphanumeric);
        let mut kept = characters_of(kept.map(|c| c.to_ascii_uppercase()), text.len());
        let british = country == Some("GBR") && kept.len() >= BRITISH;
        if british {
            // An issue number of two digits stands behind it.
            kept.truncate(BRITISH);
            kept.iter_mut().enumerate().for_each(|(at, c)| *c = of_class(*c, at));
        }
        let form = match country {
            Some("GBR") if british && is_british(&kept) => Form::British,
            Some("D") if kept.len() == GERMAN => Form::German,
            _ => Form::Other,
        };
        let has_digit = kept.iter().any(char::is_ascii_digit);
        (LENGTHS.contains(&kept.len()) && has_digit)
            .then(|| Self { text: text_of(kept.iter().copied(), kept.len()), form })
    }

    /// The number against itself and the other fields.
    pub(super) fn check(&self, fields: &Fields) -> Check {
        const NAME: &str = "number_structure";
        let text = self.text.reveal().as_str();
        let wrong = match self.form {
            Form::British => against_holder(text, fields),
            Form::German if !has_german_check_digit(text) => vec!["the check digit"],
            Form::German => Vec::new(),
            Form::Other => {
                return Check::new(NAME, CheckResult::NotApplicable, "a number whose structure is not known");
            }
        };
        match (self.form, wrong.is_empty()) {
            (_, true) => Check::new(NAME, CheckResult::Pass, "as the issuer computes it"),
            // Nothing tells a misread character from a wrong one.
            (Form::German, false) => Check::new(NAME, CheckResult::Flag, "the check digit is wrong"),
            (_, false) => {
                Check::new(NAME, CheckResult::Fail, format!("not the number of this holder: {}", wrong.join(", ")))
            }
        }
    }
}

/// What stands at a place of Great Britain's number: letters and digits that print alike are told apart by their place.
fn of_class(character: char, at: usize) -> char {
    let is_digit = matches!(at, 5..=10 | 13);
    match (character, is_digit) {
        ('O' | 'Q' | 'D', true) => '0',
        ('I' | 'L', true) => '1',
        ('Z', true) => '2',
        ('S', true) => '5',
        ('B', true) => '8',
        ('0', false) => 'O',
        ('1', false) => 'I',
        ('5', false) => 'S',
        ('8', false) => 'B',
        _ => character,
    }
}

fn is_british(number: &[char]) -> bool {
    number.iter().enumerate().all(|(at, c)| match at {
        0..=4 | 11..=12 => c.is_ascii_uppercase() || *c == '9',
        5..=10 | 13 => c.is_ascii_digit(),
        _ => c.is_ascii_alphanumeric(),
    })
}

/// What of surname, date of birth, sex and initials the number contradicts.
fn against_holder(number: &str, fields: &Fields) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    if let Some(surname) = &fields.last_name {
        // With and without what Doc 9303 makes of a diacritic: the agency's spelling is not published.
        let is_named = spellings(surname.reveal()).into_iter().any(|letters| {
            let short = letters.strip_prefix(&['M', 'A', 'C']);
            let short = short.map(|rest| padded(['M', 'C'].iter().chain(rest).copied(), 5));
            let long = padded(letters.iter().copied(), 5);
            [Some(long), short].iter().flatten().any(|name| number[..5] == **name.reveal())
        });
        if !is_named {
            wrong.push("surname");
        }
    }
    if let Some(birth) = fields.date_of_birth.as_ref().map(PersonalDate::reveal)
        && !says_birth(&number[5..11], birth)
    {
        wrong.push("date of birth");
    }
    if let Some(first) = &fields.first_name {
        let initial = |name: &str| transliterated(name).chars().next();
        let further = fields.middle_name.iter().flat_map(|names| names.reveal().split_whitespace());
        let names: Vec<&str> = [first.reveal().as_str()].into_iter().chain(further).collect();
        let is_initialled = |names: &[&str]| {
            let initials = names.iter().take(2).filter_map(|name| initial(name));
            number[11..13] == **padded(initials, 2).reveal()
        };
        // The first word may be a form of address: there are more of them than any list has.
        let untitled = names.get(1..).filter(|names| !names.is_empty());
        if ![Some(&names[..]), untitled].into_iter().flatten().any(is_initialled) {
            wrong.push("given names");
        }
    }
    wrong
}

/// The first letters, with nines behind where there are too few.
fn padded(letters: impl Iterator<Item = char>, length: usize) -> Personal<String> {
    text_of(letters.chain(std::iter::repeat('9')), length)
}

/// Tens of the year, month (50 more for women), day, units of the year.
fn says_birth(digits: &str, birth: Date) -> bool {
    let year = birth.year().rem_euclid(100);
    [0, 50]
        .map(|sex| Personal::new(format!("{}{:02}{:02}{}", year / 10, birth.month() + sex, birth.day(), year % 10)))
        .iter()
        .any(|stated| digits == stated.reveal())
}

/// The tenth character: the sum of the nine before, weighted 9 to 1, modulo 11; ten is an X, and letters count from 10.
fn has_german_check_digit(number: &str) -> bool {
    let value = |c: char| c.to_digit(36);
    let sum: Option<u32> = number.chars().take(9).zip((1..=9).rev()).map(|(c, weight)| Some(value(c)? * weight)).sum();
    let stated = number.chars().nth(9);
    sum.is_some_and(|sum| match sum % 11 {
        10 => stated == Some('X'),
        digit => stated.and_then(value) == Some(digit),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surname_with_a_diacritic_is_the_number_s_in_either_spelling() {
        let wrong = |number: &str, surname: &str| {
            let fields = Fields { last_name: Some(surname.into()), ..Fields::default() };
            against_holder(number, &fields)
        };
        for number in ["MULLE753116SM9IJ", "MUELL753116SM9IJ"] {
            assert_eq!(wrong(number, "MÜLLER"), Vec::<&str>::new(), "{number}");
        }
        assert_eq!(wrong("MILLE753116SM9IJ", "MÜLLER"), ["surname"]);
        assert_eq!(wrong("MCDON753116SM9IJ", "MacDonald"), Vec::<&str>::new());
    }

    #[test]
    fn initials_are_those_of_the_given_names_with_a_form_of_address_or_without() {
        let wrong = |first: &str, middle: Option<&str>| {
            let fields =
                Fields { first_name: Some(first.into()), middle_name: middle.map(Into::into), ..Fields::default() };
            against_holder("MORGA753116SM9IJ", &fields)
        };
        for (first, middle) in
            [("SARAH", Some("MEREDYTH")), ("PROF", Some("SARAH MEREDYTH")), ("LADY", Some("SARAH M"))]
        {
            assert_eq!(wrong(first, middle), Vec::<&str>::new(), "{first}");
        }
        for (first, middle) in [("SARAH", None), ("MEREDYTH", Some("SARAH")), ("PROF", Some("MEREDYTH SARAH"))] {
            assert_eq!(wrong(first, middle), ["given names"], "{first}");
        }
    }
}
