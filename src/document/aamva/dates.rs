//! Dates as cards write them, in either order.
//!
//! The standard puts the month first on cards of the United States and the year first on Canadian ones and in DL/ID-2000,
//! but issuers mix them. Always holds: no eight digits read as a date in both orders, because no month begins as a
//! plausible year does; so the order is read off the digits, and nothing is guessed.

use jiff::civil::{Date, date};

/// Years that a date on a card can have; anything else is a placeholder.
const PLAUSIBLE_YEARS: std::ops::RangeInclusive<i16> = 1850..=2150;

/// Which part comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// MMDDCCYY.
    MonthFirst,
    /// CCYYMMDD.
    YearFirst,
}

/// Reads eight digits, with or without separators between the parts. `None` for placeholders and impossible days.
pub fn parse_date(text: &str) -> Option<(Date, DateOrder)> {
    let mut digits = [0_i16; 8];
    let mut count = 0;
    for character in text.trim().chars() {
        match character.to_digit(10) {
            Some(digit) if count < digits.len() => {
                digits[count] = digit as i16;
                count += 1;
            }
            None if matches!(character, '-' | '/' | '.' | ' ') => {}
            _ => return None,
        }
    }
    if count != digits.len() {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits[range].iter().fold(0_i16, |sum, digit| sum * 10 + digit);
    let valid = |year, month: i16, day: i16| {
        let date = Date::new(year, month as i8, day as i8).ok()?;
        PLAUSIBLE_YEARS.contains(&year).then_some(date)
    };
    let month_first = valid(number(4..8), number(0..2), number(2..4)).map(|date| (date, DateOrder::MonthFirst));
    month_first.or_else(|| valid(number(0..4), number(4..6), number(6..8)).map(|date| (date, DateOrder::YearFirst)))
}

/// The day on which someone born on `birth` reaches `years`, as `(earliest, latest)`: people born on 29 February reach
/// it on 28 February or 1 March in other years, by the law of the place.
pub fn birthday(birth: Date, years: i16) -> Option<(Date, Date)> {
    let year = birth.year().checked_add(years)?;
    match Date::new(year, birth.month(), birth.day()) {
        Ok(day) => Some((day, day)),
        Err(_) if (birth.month(), birth.day()) == (2, 29) && PLAUSIBLE_YEARS.contains(&year) => {
            Some((date(year, 2, 28), date(year, 3, 1)))
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_orders_are_read_with_and_without_separators() {
        for text in ["10031985", "10-03-1985", "10/03/1985 "] {
            assert_eq!(parse_date(text), Some((date(1985, 10, 3), DateOrder::MonthFirst)));
        }
        for text in ["19851003", "1985-10-03"] {
            assert_eq!(parse_date(text), Some((date(1985, 10, 3), DateOrder::YearFirst)));
        }
    }

    #[test]
    fn placeholders_and_impossible_days_are_no_dates() {
        for text in ["", "NONE", "MMDDCCYY", "00000000", "99999999", "02302001", "1003198", "100319855", "12319999"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_leap_day_birthday_falls_on_either_side_in_common_years() {
        assert_eq!(birthday(date(2004, 2, 29), 21), Some((date(2025, 2, 28), date(2025, 3, 1))));
        assert_eq!(birthday(date(2004, 2, 29), 20), Some((date(2024, 2, 29), date(2024, 2, 29))));
    }

    proptest! {
        #[test]
        fn a_date_written_in_one_order_never_reads_in_the_other(
            year in PLAUSIBLE_YEARS, month in 1..=12_i8, day in 1..=31_i8
        ) {
            let Ok(date) = Date::new(year, month, day) else { return Ok(()) };
            let month_first = format!("{month:02}{day:02}{year:04}");
            let year_first = format!("{year:04}{month:02}{day:02}");
            prop_assert_eq!(parse_date(&month_first), Some((date, DateOrder::MonthFirst)));
            prop_assert_eq!(parse_date(&year_first), Some((date, DateOrder::YearFirst)));
        }
    }
}
