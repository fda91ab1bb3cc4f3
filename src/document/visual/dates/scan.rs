//! The date patterns of one line, found character by character.
//!
//! Always holds: matches do not overlap and come from left to right. A separator that was read as a look-alike (`1`, `7`,
//! `V`) is accepted beside one that was read well. Does not know which number is the month.

use crate::privacy::characters_of;

use std::ops::Range;

/// A date as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::document::visual) enum Written {
    /// Two numbers whose order is the front's, and a year of two or four digits.
    Numbers { first: i8, second: i8, year: i16, separator: char },
    /// Year first, or a month by name; the year has two or four digits.
    Whole { year: i16, month: i8, day: i8 },
}

impl Written {
    pub fn has_full_year(&self) -> bool {
        let (Self::Numbers { year, .. } | Self::Whole { year, .. }) = self;
        *year >= 100
    }
}

/// A date and the characters that it takes up.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::document::visual) struct RawDate {
    pub written: Written,
    pub characters: Range<usize>,
    /// 0 for a pattern that was read without a doubt, more for every leniency.
    penalty: u8,
}

/// Years that a document states.
const YEARS: Range<i16> = 1900..2100;
/// More leniency than this makes a date of anything.
const MAX_PENALTY: u8 = 3;

/// Month names by their beginnings: English, French, German, Spanish, Dutch (upper case, without accents).
const MONTHS: [(&str, i8); 29] = [
    ("JUIN", 6),
    ("JUIL", 7),
    ("JAN", 1),
    ("FEB", 2),
    ("MAR", 3),
    ("APR", 4),
    ("MAY", 5),
    ("JUN", 6),
    ("JUL", 7),
    ("AUG", 8),
    ("SEP", 9),
    ("OCT", 10),
    ("NOV", 11),
    ("DEC", 12),
    ("FEV", 2),
    ("AVR", 4),
    ("MAI", 5),
    ("AOU", 8),
    ("MRZ", 3),
    ("OKT", 10),
    ("DEZ", 12),
    ("ENE", 1),
    ("ABR", 4),
    ("AGO", 8),
    ("DIC", 12),
    ("MRT", 3),
    ("MEI", 5),
    ("FVR", 2),
    ("AUT", 8),
];

/// Every date pattern of a line.
pub(in crate::document::visual) fn scan(text: &str) -> Vec<RawDate> {
    let text = characters_of(text.chars().map(plain), text.len());
    let mut all: Vec<RawDate> = (0..text.len())
        .flat_map(|at| [year_last(&text, at, 4), year_last(&text, at, 2), year_first(&text, at), named(&text, at)])
        .flatten()
        .filter(|date| date.penalty <= MAX_PENALTY)
        .collect();
    all.sort_by_key(|date| (date.penalty, date.characters.start));
    let mut kept: Vec<RawDate> = Vec::new();
    for date in all {
        let overlaps = |other: &RawDate| {
            date.characters.start < other.characters.end && other.characters.start < date.characters.end
        };
        if !kept.iter().any(overlaps) {
            kept.push(date);
        }
    }
    kept.sort_by_key(|date| date.characters.start);
    kept
}

/// Upper case without the accents of month names.
fn plain(character: char) -> char {
    match character {
        'é' | 'É' | 'è' | 'È' => 'E',
        'û' | 'Û' | 'ü' | 'Ü' => 'U',
        'ä' | 'Ä' => 'A',
        other => other.to_ascii_uppercase(),
    }
}

/// A place in the text with the leniency spent so far.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    text: &'a [char],
    at: usize,
    penalty: u8,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    /// A number of exactly `digits` digits; an `O` counts as 0 and an `I` as 1, with a penalty.
    fn number(&mut self, digits: usize) -> Option<i16> {
        let mut value = 0;
        for _ in 0..digits {
            let digit = match self.peek()? {
                c @ '0'..='9' => i16::from(c as u8 - b'0'),
                'O' => {
                    self.penalty += 2;
                    0
                }
                'I' => {
                    self.penalty += 2;
                    1
                }
                _ => return None,
            };
            value = value * 10 + digit;
            self.at += 1;
        }
        Some(value)
    }

    fn day_or_month(&mut self) -> Option<i8> {
        self.number(2).filter(|value| (1..=31).contains(value)).and_then(|value| i8::try_from(value).ok())
    }

    fn separator(&mut self) -> Option<char> {
        let separator = match self.peek()? {
            c @ ('/' | '-' | '.' | ' ') => c,
            '–' | '—' => '-',
            '1' | '7' | 'I' | '|' | 'V' | '\\' => {
                self.penalty += 2;
                '?'
            }
            _ => return None,
        };
        self.at += 1;
        Some(separator)
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn is_digit_next(&self) -> bool {
        self.peek().is_some_and(|c| c.is_ascii_digit())
    }
}

fn start(text: &[char], at: usize) -> Cursor<'_> {
    let digit_before = at > 0 && text[at - 1].is_ascii_digit();
    Cursor { text, at, penalty: u8::from(digit_before) }
}

/// The two separators must be the same; one may be a look-alike.
fn common(a: char, b: char) -> Option<char> {
    match (a, b) {
        ('?', '?') => None,
        ('?', known) | (known, '?') => Some(known),
        _ => (a == b).then_some(a),
    }
}

/// `01/31/1980`, `31.01.1980`, `01-31-80`.
fn year_last(text: &[char], at: usize, year_digits: usize) -> Option<RawDate> {
    let mut cursor = start(text, at);
    let first = cursor.day_or_month()?;
    let a = cursor.separator()?;
    let second = cursor.day_or_month()?;
    let b = cursor.separator()?;
    let year = cursor.number(year_digits)?;
    let separator = common(a, b)?;
    let follows = cursor.is_digit_next();
    if year_digits == 2 && (follows || cursor.penalty > 2)
        || year_digits == 4 && !YEARS.contains(&year)
        || first > 12 && second > 12
    {
        return None;
    }
    let penalty = cursor.penalty + u8::from(follows) + u8::from(year_digits == 2);
    Some(RawDate { written: Written::Numbers { first, second, year, separator }, characters: at..cursor.at, penalty })
}

/// `1980-01-31`, `1980/01/31`.
fn year_first(text: &[char], at: usize) -> Option<RawDate> {
    let mut cursor = start(text, at);
    let year = cursor.number(4).filter(|year| YEARS.contains(year))?;
    let a = cursor.separator()?;
    let month = cursor.day_or_month().filter(|month| *month <= 12)?;
    let b = cursor.separator()?;
    let day = cursor.day_or_month()?;
    common(a, b)?;
    let penalty = cursor.penalty + u8::from(cursor.is_digit_next());
    Some(RawDate { written: Written::Whole { year, month, day }, characters: at..cursor.at, penalty })
}

/// `31 JAN 1980`, `12 AUG/AOUT 74`, `JAN 31, 1980`.
fn named(text: &[char], at: usize) -> Option<RawDate> {
    let gap = |c: char| matches!(c, ' ' | '.' | '-' | '/' | ',');
    let mut cursor = start(text, at);
    if cursor.penalty > 0 {
        return None;
    }
    let (month, day) = if cursor.is_digit_next() {
        let mut two = cursor;
        let day = if two.number(2).is_some_and(|_| !two.is_digit_next()) {
            cursor.day_or_month()?
        } else {
            i8::try_from(cursor.number(1)?).ok()?
        };
        cursor.skip(gap);
        (month_name(&mut cursor)?, day)
    } else {
        let month = month_name(&mut cursor)?;
        cursor.skip(gap);
        (month, cursor.day_or_month()?)
    };
    cursor.skip(gap);
    let mut four = cursor;
    let year = match four.number(4).filter(|year| YEARS.contains(year)) {
        Some(year) => {
            cursor = four;
            year
        }
        None => cursor.number(2)?,
    };
    if cursor.is_digit_next() || !(1..=31).contains(&day) {
        return None;
    }
    let penalty = cursor.penalty + u8::from(year < 100);
    Some(RawDate { written: Written::Whole { year, month, day }, characters: at..cursor.at, penalty })
}

/// A month's name, or the same in two languages with a slash between; one of the two has to be known.
fn month_name(cursor: &mut Cursor<'_>) -> Option<i8> {
    let mut month = None;
    for round in 0..2 {
        let rest = cursor.text.get(cursor.at..)?;
        let letters = rest.iter().take_while(|c| c.is_alphabetic()).count();
        if letters < 3 {
            break;
        }
        let begins = |name: &str| name.chars().count() <= letters && name.chars().zip(rest).all(|(a, b)| a == *b);
        month = month.or(MONTHS.iter().find(|(name, _)| begins(name)).map(|(_, month)| *month));
        cursor.at += letters;
        if round == 0 {
            let mut next = *cursor;
            next.skip(|c| matches!(c, ' ' | '.'));
            if next.peek() != Some('/') {
                break;
            }
            next.at += 1;
            next.skip(|c| c == ' ');
            if next.peek().is_some_and(char::is_alphabetic) {
                *cursor = next;
            }
        }
    }
    month
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Written {
        let found = scan(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found[0].written.clone()
    }

    #[test]
    fn dates_are_found_however_they_are_written() {
        let whole = Written::Whole { year: 1980, month: 1, day: 31 };
        for text in ["1980-01-31", "DOB 1980/01/31", "31 JAN 1980", "31JAN1980", "31 Jan/Janv 1980", "JAN 31, 1980"] {
            assert_eq!(only(text), whole, "{text}");
        }
        assert_eq!(only("12 AUG/AOÛT 74"), Written::Whole { year: 74, month: 8, day: 12 });
        assert_eq!(only("13LIP/JUL2016"), Written::Whole { year: 2016, month: 7, day: 13 });
        assert_eq!(only("31.01.1980"), Written::Numbers { first: 31, second: 1, year: 1980, separator: '.' });
        assert_eq!(only("3 DOB01/31/1980"), Written::Numbers { first: 1, second: 31, year: 1980, separator: '/' });
    }

    #[test]
    fn one_separator_may_be_read_as_a_look_alike() {
        let whole = Written::Numbers { first: 7, second: 1, year: 1954, separator: '/' };
        assert_eq!(
            (only("07101/1954"), only("07/0111954"), only("807/01/1954")),
            (whole.clone(), whole.clone(), whole)
        );
    }

    #[test]
    fn numbers_of_documents_and_heights_are_no_dates() {
        for text in
            ["1234-56-7890", "K01-75-4269", "A123-456-789-123", "5'-09\"", "6-04 200", "10271980", "NC27697-0002"]
        {
            assert_eq!(scan(text), [], "{text}");
        }
    }
}
