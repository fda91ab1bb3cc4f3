//! Washington's numbers until September 2018: name, birth and a check digit in twelve characters.
//!
//! Source: A. De Smet, 'Washington Driver's License Numbers (Prior to 2018)', and the same decoded by an insurance
//! agency; the newer numbers begin with WDL and say nothing (bill report SB 5409, 2023).

use jiff::civil::Date;

use super::holder::{Comparison, Holder, capitals};

/// Two letters stand for each month, the second for people who would share a number otherwise.
const MONTHS: [[u8; 2]; 12] =
    [*b"BS", *b"CT", *b"DU", *b"J1", *b"K2", *b"L3", *b"M4", *b"N5", *b"O6", *b"P7", *b"Q8", *b"R9"];

/// One character stands for each day.
const DAYS: &[u8; 31] = b"ABCDEFGHZSJKLMNWPQR0123456789TU";

/// Compares a bare number with its holder; `None` for the newer numbers and other forms.
pub(super) fn compare(number: &[u8], holder: &Holder<'_>) -> Option<Comparison> {
    let number: &[u8; 12] = number.try_into().ok()?;
    if number.starts_with(b"WDL") || !number[7].is_ascii_digit() || !number[8].is_ascii_digit() {
        return None;
    }
    Some(Comparison {
        name: Some(number[..7] == name_part(holder)),
        birth: Some(is_birth(number, holder.birth)),
        check_digit: Some(check_digit(number) == Some(number[9])),
        is_renumbering: false,
    })
}

/// Five letters of the family name, and the initials; asterisks where there are none.
fn name_part(holder: &Holder<'_>) -> [u8; 7] {
    let mut part = *b"*******";
    for (place, letter) in part.iter_mut().take(5).zip(capitals(holder.last)) {
        *place = letter;
    }
    for (place, name) in [(5, holder.first), (6, holder.middle)] {
        if let Some(letter) = name.and_then(|name| capitals(name).next()) {
            part[place] = letter;
        }
    }
    part
}

fn is_birth(number: &[u8; 12], birth: Date) -> bool {
    let encoded = (number[7] - b'0') * 10 + (number[8] - b'0');
    let year = (100 - birth.year().rem_euclid(100)) % 100;
    let month = MONTHS.get(usize::try_from(birth.month() - 1).unwrap_or_default());
    let day = DAYS.get(usize::try_from(birth.day() - 1).unwrap_or_default());
    i16::from(encoded) == year && month.is_some_and(|letters| letters.contains(&number[10])) && day == Some(&number[11])
}

/// The tenth character, from the other eleven with alternating signs.
fn check_digit(number: &[u8; 12]) -> Option<u8> {
    let mut sum = 0_i32;
    for (place, character) in number.iter().enumerate().filter(|(place, _)| *place != 9) {
        let value = value(*character)?;
        // The signs alternate over the characters that count: the check digit's own place is left out of the turn.
        let is_positive = if place < 9 { place % 2 == 0 } else { place % 2 == 1 };
        sum += if is_positive { value } else { -value };
    }
    u8::try_from(sum.unsigned_abs() % 10).ok().map(|digit| b'0' + digit)
}

fn value(character: u8) -> Option<i32> {
    match character {
        b'*' => Some(4),
        b'0'..=b'9' => Some(i32::from(character - b'0')),
        b'A'..=b'I' => Some(i32::from(character - b'A') + 1),
        b'J'..=b'R' => Some(i32::from(character - b'J') + 1),
        b'S'..=b'Z' => Some(i32::from(character - b'S') + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn holder(last: &'static str, first: &'static str, middle: Option<&'static str>, birth: Date) -> Holder<'static> {
        Holder { last, first: Some(first), middle, birth, issue: None, is_license: true }
    }

    #[test]
    fn the_published_examples_fit_their_holders() {
        for (number, holder) in [
            (b"WOO**JT546KA", holder("Woo", "John", Some("T"), date(1946, 5, 1))),
            (b"WALKECR579DU", holder("Walken", "Christopher", Some("R"), date(1943, 3, 31))),
        ] {
            let all =
                Comparison { name: Some(true), birth: Some(true), check_digit: Some(true), is_renumbering: false };
            assert_eq!(compare(number, &holder), Some(all));
        }
    }

    #[test]
    fn another_birth_and_a_wrong_check_digit_are_seen() {
        let other = holder("Woo", "John", Some("T"), date(1946, 5, 2));
        assert_eq!(compare(b"WOO**JT546KA", &other).unwrap().birth, Some(false));
        assert_eq!(compare(b"WOO**JT547KA", &other).unwrap().check_digit, Some(false));
    }

    #[test]
    fn a_newer_number_says_nothing() {
        let holder = holder("Wdl", "John", None, date(1990, 1, 1));
        assert_eq!(compare(b"WDLABC123XYZ", &holder), None);
    }
}
