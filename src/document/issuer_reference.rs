//! The issuer that a barcode states against the one that the front names.
//!
//! Always holds: the front contradicts only where a line of it is another issuer's name and nothing else but words of the
//! form, while the stated issuer's name stands nowhere; a front that names nobody is not compared. Does not know states by
//! their looks, and does not tell a name inside another (Virginia in West Virginia) from it.

use super::aamva::{ISSUERS, Issuer};
use super::cross_reference::{Agreement, FieldComparison};
use super::fields::Fields;
use super::read_text::TextLine;
use super::similarity::{capitals, glyphs_of, nearest};
use super::visual::is_vocabulary;
use crate::privacy::{Personal, characters_of, text_of};

/// Name of this comparison among those of fields.
pub const ISSUER: &str = "issuer";

/// From this mean confidence on, a line that is another issuer's name is one.
const SURE: f32 = 0.85;
/// A name with at most one character in this many different is the stated issuer's, misread. Shorter names must be right:
/// MAINE is one letter from the MAIN ST of any other state.
const SIMILAR_SHARE: usize = 8;

/// Compares the front with the issuer of the barcode. Names of states are also names of people, towns and streets: `holder`
/// says which of them the card has for its holder and address.
pub fn compare_issuer(lines: &[TextLine], issuer: &Issuer, holder: &Fields) -> FieldComparison {
    let own = letters(issuer.name);
    let own = own.reveal();
    let is_ambiguous = is_of_holder(issuer.name, holder);
    let is_own = |line: &TextLine| if is_ambiguous { is_name(line, issuer) } else { holds(line, own) };
    let is_other = |other: &&Issuer| !own.contains(letters(other.name).reveal()) && !is_of_holder(other.name, holder);
    let others = || ISSUERS.iter().filter(|other| other.iin != issuer.iin).filter(is_other);
    let other =
        || lines.iter().filter(|line| line.confidence >= SURE).find_map(|line| others().find(|o| is_name(line, o)));
    let by_code = |code: &str| lines.iter().any(|line| is_in_address(line, code));
    let (printed, result) = if lines.iter().any(is_own) {
        (Some(issuer.name), Agreement::Agrees)
    } else if let Some(other) = other() {
        (Some(other.name), Agreement::Differs)
    } else if let Some(code) = issuer.code.filter(|code| by_code(code)) {
        (Some(code), Agreement::Agrees)
    } else {
        (None, Agreement::NotCompared)
    };
    FieldComparison { field: ISSUER, printed: printed.map(Personal::from), encoded: Some(issuer.name.into()), result }
}

/// The letters of a text in upper case.
fn letters(text: &str) -> Personal<String> {
    text_of(text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()), text.len())
}

/// Whether a line holds a name, be it glued to other words or, where it is long, misread or in pieces.
fn holds(line: &TextLine, name: &str) -> bool {
    let all = capitals(line.text.reveal());
    let name: Vec<char> = name.chars().collect();
    let is_near = |read: &[char]| {
        let read = glyphs_of(read, 0.0);
        nearest(&read, &name).is_some_and(|(distance, _)| distance.different * SIMILAR_SHARE <= name.len())
    };
    if name.len() < SIMILAR_SHARE {
        return all.split(|c| !c.is_ascii_alphanumeric()).any(is_near);
    }
    is_near(&characters_of(all.iter().copied().filter(char::is_ascii_alphanumeric), all.len()))
}

/// Whether a line is this issuer's name and nothing else but words of the form.
fn is_name(line: &TextLine, issuer: &Issuer) -> bool {
    let upper = |word: &str| text_of(word.chars().map(|c| c.to_ascii_uppercase()), word.len());
    let words = line.text.reveal().split(|c: char| !c.is_ascii_alphanumeric()).map(upper);
    let words: Vec<Personal<String>> = words.filter(|word| !is_vocabulary(word.reveal())).collect();
    let rest = text_of(words.iter().flat_map(|word| word.reveal().chars()), line.text.reveal().len());
    rest == letters(issuer.name)
}

/// Whether a line is the end of an address in the place with this code: the code before a postal code.
fn is_in_address(line: &TextLine, code: &str) -> bool {
    let words: Vec<&str> =
        line.text.reveal().split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let is_postal = |word: &str| word.len() >= 3 && word.bytes().any(|byte| byte.is_ascii_digit());
    words.windows(2).any(|pair| pair[0] == code && is_postal(pair[1]))
}

fn is_of_holder(name: &str, holder: &Fields) -> bool {
    let name = letters(name);
    let fields = [&holder.first_name, &holder.middle_name, &holder.last_name, &holder.city, &holder.street];
    fields.into_iter().flatten().any(|value| letters(value.reveal()).reveal().contains(name.reveal()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::Rect;

    fn front(lines: &[&str]) -> Vec<TextLine> {
        let line = |text: &&str| TextLine::level(text, 0.95, Rect::default());
        lines.iter().map(line).collect()
    }

    fn result(lines: &[&str], code: &str, holder: &Fields) -> Agreement {
        compare_issuer(&front(lines), Issuer::by_code(code).unwrap(), holder).result
    }

    #[test]
    fn another_states_name_contradicts_and_the_own_one_agrees() {
        let nobody = Fields::default();
        for lines in
            [["California USA", "DRIVER LICENSE"], ["CALIFORNIA DRIVER LICENSE", "C"], ["State of California", ""]]
        {
            assert_eq!(result(&lines, "CA", &nobody), Agreement::Agrees, "{lines:?}");
            assert_eq!(result(&lines, "BC", &nobody), Agreement::Differs, "{lines:?}");
        }
        assert_eq!(result(&["CAL1F0RNIA"], "CA", &nobody), Agreement::Agrees);
    }

    #[test]
    fn a_front_that_names_nobody_is_not_compared() {
        assert_eq!(
            result(&["DRIVER LICENSE", "EXEMPLAR", "12 SPECIMEN WAY"], "BC", &Fields::default()),
            Agreement::NotCompared
        );
        assert_eq!(result(&[], "BC", &Fields::default()), Agreement::NotCompared);
    }

    #[test]
    fn a_street_that_is_like_a_short_name_is_not_that_name() {
        for street in ["12 MAIN ST", "12 MAIN EAST", "12 MAINS"] {
            assert_eq!(result(&["Texas", street], "ME", &Fields::default()), Agreement::Differs, "{street}");
        }
        for own in ["Maine", "MAINEDRIVERLICENSE", "State of Maine"] {
            assert_eq!(result(&[own, "12 MAIN ST"], "ME", &Fields::default()), Agreement::Agrees, "{own}");
        }
        let in_texas = Fields { street: Some("12 MAINE AVE".into()), ..Fields::default() };
        assert_eq!(result(&["Texas", "12 MAINE AVE"], "ME", &in_texas), Agreement::Differs);
        assert_eq!(result(&["MAINE", "12 MAINE AVE"], "ME", &in_texas), Agreement::Agrees);
    }

    #[test]
    fn the_code_in_the_address_agrees_unless_another_name_stands_above() {
        let address = "VICTORIA BC  V8V 1V1";
        assert_eq!(result(&["DRIVER'S LICENCE", address], "BC", &Fields::default()), Agreement::Agrees);
        assert_eq!(result(&["CALIFORNIA", address], "BC", &Fields::default()), Agreement::Differs);
    }

    #[test]
    fn a_states_name_that_is_the_holders_or_the_citys_contradicts_nothing() {
        let holder = Fields { first_name: Some("VIRGINIA".into()), city: Some("DELAWARE".into()), ..Fields::default() };
        assert_eq!(result(&["VIRGINIA", "DELAWARE"], "OH", &holder), Agreement::NotCompared);
        assert_eq!(result(&["WEST", "VIRGINIA"], "WV", &Fields::default()), Agreement::NotCompared);
        assert_eq!(
            result(&["12 CALIFORNIA AVE", "KANSAS CITY, MO 64101"], "MO", &Fields::default()),
            Agreement::Agrees
        );
    }
}
