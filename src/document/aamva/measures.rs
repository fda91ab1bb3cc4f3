//! Height and sex as cards write them.
//!
//! Always holds: a height outside what people measure is absent, not clamped.

use crate::document::Sex;
use crate::privacy::Personal;

/// Heights that are believed, in centimetres.
const PLAUSIBLE_CM: std::ops::RangeInclusive<u32> = 60..=260;

/// Reads a height in inches (`069 IN`), centimetres (`183 cm`) or feet and inches (`5'-11"`, `511`).
///
/// Three digits without a unit are inches after a zero, centimetres from 100 to 250, else a foot and two digits of
/// inches as DL/ID-2000 writes them; two digits are inches.
pub fn height_cm(text: &str) -> Option<u16> {
    let text = Personal::new(text.trim().to_ascii_uppercase());
    let text = text.reveal();
    let mut groups = text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty());
    let first = groups.next()?;
    let second = groups.next();
    let number = |digits: &str| digits.parse::<u32>().ok().filter(|number| *number < 10_000);
    let value = number(first)?;
    let cm = if text.contains("CM") {
        value
    } else if let Some(inches) = second {
        feet_and_inches(value, number(inches)?)?
    } else if text.contains('\'') || text.contains("FT") {
        feet_and_inches(value, 0)?
    } else {
        match (first.len(), value) {
            (3, 100..=250) if !text.contains("IN") => value,
            (3, 300..=811) => feet_and_inches(value / 100, value % 100)?,
            (2 | 3, _) => inches(value),
            _ => return None,
        }
    };
    PLAUSIBLE_CM.contains(&cm).then_some(cm as u16)
}

fn feet_and_inches(feet: u32, rest: u32) -> Option<u32> {
    (feet <= 8 && rest < 12).then(|| inches(feet * 12 + rest))
}

/// Inches in whole centimetres, halves up.
fn inches(inches: u32) -> u32 {
    (inches * 254 + 50) / 100
}

/// Reads a sex: 1, 2 and 9 of the standard (ANSI D20), or the letters and words that early cards have.
pub fn sex(text: &str) -> Option<Sex> {
    match text.trim() {
        "1" | "M" | "MALE" => Some(Sex::M),
        "2" | "F" | "FEMALE" => Some(Sex::F),
        "9" | "X" => Some(Sex::X),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_read_in_every_unit() {
        for text in
            ["071 in", "71 IN", " 71", "071", "5'-11\"", "5'11", "5-11", "5 11", "511", "5FT11IN", "180 cm", "180"]
        {
            assert_eq!(height_cm(text), Some(180), "{text}");
        }
        assert_eq!(height_cm("6'"), Some(183));
        assert_eq!(height_cm("600"), Some(183));
    }

    #[test]
    fn impossible_heights_are_absent() {
        for text in ["", "NONE", "009", "570", "5'-12\"", "999 CM", "5", "99999999999", "000"] {
            assert_eq!(height_cm(text), None, "{text}");
        }
    }

    #[test]
    fn sexes_are_read_as_digit_or_letter() {
        assert_eq!(
            ["1", "2 ", "9", "M", "F", "X"].map(sex),
            [Some(Sex::M), Some(Sex::F), Some(Sex::X), Some(Sex::M), Some(Sex::F), Some(Sex::X)]
        );
        assert_eq!(["", "0", "MAN"].map(sex), [None; 3]);
    }
}
