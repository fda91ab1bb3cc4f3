//! Names, from the elements of whichever edition wrote them.
//!
//! DL/ID-2000 has one element for the whole name (DAA, family name first, commas between the parts) and optional ones
//! for its parts (DAB to DAE); 2003 and 2005 have the family name (DCS) and all given names together (DCT); since 2009
//! first and middle names are apart (DAC, DAD). Always holds: a word that stands for 'no name' is never a name.

use super::elements::{Elements, is_placeholder};

/// A name in its parts, each absent when the card has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub first: Option<&'a str>,
    pub middle: Option<&'a str>,
    pub last: Option<&'a str>,
    pub suffix: Option<&'a str>,
}

/// Suffixes that the standard lists, as they are written at the end of a name.
const SUFFIXES: [&str; 16] =
    ["JR", "SR", "II", "III", "IV", "VI", "VII", "VIII", "1ST", "2ND", "3RD", "4TH", "5TH", "6TH", "JR.", "SR."];

/// Reads the name from the elements; parts win over the whole.
pub(super) fn name(elements: &Elements) -> Name<'_> {
    let whole = elements.stated("DAA").map(whole_name).unwrap_or_default();
    let family = elements.stated("DCS").or_else(|| elements.stated("DAB"));
    // A comma never stands inside a family name; some issuers put one before a suffix that they have no element for.
    let (family, family_suffix) = match family {
        Some(family) if family.contains(',') => split_suffix(family),
        family => (family, None),
    };
    let (first, middle) = given_names(elements);
    Name {
        first: first.or(whole.first),
        middle: if first.is_some() { middle.or(matching_middle(first, &whole)) } else { middle.or(whole.middle) },
        last: family.or(whole.last),
        suffix: elements.stated("DCU").or_else(|| elements.stated("DAE")).or(whole.suffix).or(family_suffix),
    }
}

/// The whole name's middle name, unless its first name is another than the one that stands apart.
fn matching_middle<'a>(first: Option<&str>, whole: &Name<'a>) -> Option<&'a str> {
    whole.middle.filter(|_| first == whole.first)
}

fn given_names(elements: &Elements) -> (Option<&str>, Option<&str>) {
    let middle = elements.stated("DAD");
    if let Some(first) = elements.stated("DAC") {
        // A blank middle name where the standard demands a name or NONE: some issuers put both names in the first, which
        // the name rule of the AAMVA D20 data dictionary does not let have blanks of its own.
        let is_unsaid = elements.text("DAD").is_none();
        return match first.rsplit_once([' ', ',']) {
            Some((before, after)) if is_unsaid => (stated(before), stated(after)),
            _ => (Some(first), middle),
        };
    }
    match elements.stated("DCT") {
        Some(given) => {
            let (first, rest) = split_given(given);
            (first, middle.or(rest))
        }
        None => (None, middle),
    }
}

/// Splits a list of given names: at the first comma or `$` if there is one, else at the first blank.
fn split_given(given: &str) -> (Option<&str>, Option<&str>) {
    let parts = given.split_once([',', '$']).or_else(|| given.split_once(' '));
    match parts {
        Some((first, rest)) => (stated(first), stated(rest)),
        None => (stated(given), None),
    }
}

/// Splits a whole name. With separators it is family name, first name, middle name, suffix; without any it is written
/// as it is spoken, the family name last.
pub(super) fn whole_name(text: &str) -> Name<'_> {
    let Some(separator) = [',', '$', '@'].into_iter().find(|separator| text.contains(*separator)) else {
        return spoken_name(text);
    };
    let mut parts = text.split(separator).map(|part| part.trim_matches([' ', ',', '$', '@']));
    let mut next = || parts.next();
    let (last, first, middle, suffix) = (next(), next(), next(), next());
    let mut name = Name {
        last: last.and_then(stated),
        first: first.and_then(stated),
        middle: middle.and_then(stated),
        suffix: suffix.and_then(stated),
    };
    if name.suffix.is_none() && name.middle.is_some_and(is_suffix) {
        name.suffix = name.middle.take();
    }
    // Only two parts: the second holds all given names, and perhaps the suffix. A third part that is blank says that there is no middle name.
    if middle.is_none() {
        let (given, suffix) = name.first.map_or((None, None), split_suffix);
        (name.first, name.middle) = given.map_or((None, None), split_given);
        name.suffix = suffix;
    }
    name
}

fn spoken_name(text: &str) -> Name<'_> {
    let (rest, suffix) = split_suffix(text.trim());
    let Some((given, last)) = rest.unwrap_or_default().rsplit_once(' ') else {
        return Name { last: rest.and_then(stated), suffix, ..Name::default() };
    };
    let (first, middle) = split_given(given.trim_end());
    Name { first, middle, last: stated(last), suffix }
}

/// Splits a suffix off the end of a name that has something before it.
fn split_suffix(text: &str) -> (Option<&str>, Option<&str>) {
    match text.rsplit_once([' ', ',']) {
        Some((before, after)) if is_suffix(after) => (stated(before), Some(after)),
        _ => (stated(text), None),
    }
}

fn is_suffix(word: &str) -> bool {
    SUFFIXES.contains(&word)
}

fn stated(text: &str) -> Option<&str> {
    let text = text.trim_matches([' ', ',', '$']);
    (!text.is_empty() && !is_placeholder(text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::elements::ElementId;
    use super::*;

    fn read(list: &[(&'static str, &str)]) -> [Option<String>; 4] {
        let mut elements = Elements::default();
        for (id, value) in list {
            elements.add(ElementId::known(id), value);
        }
        let name = name(&elements);
        [name.first, name.middle, name.last, name.suffix].map(|part| part.map(str::to_owned))
    }

    fn is(parts: [&str; 4]) -> [Option<String>; 4] {
        parts.map(|part| (!part.is_empty()).then(|| part.to_owned()))
    }

    #[test]
    fn a_whole_name_has_the_family_name_first() {
        assert_eq!(read(&[("DAA", "PUBLIC,JOHN,QUINCY,JR")]), is(["JOHN", "QUINCY", "PUBLIC", "JR"]));
        assert_eq!(read(&[("DAA", "PUBLIC,JOHN,,3RD")]), is(["JOHN", "", "PUBLIC", "3RD"]));
        assert_eq!(read(&[("DAA", "PUBLIC,JOHN, QUINCY")]), is(["JOHN", "QUINCY", "PUBLIC", ""]));
        assert_eq!(read(&[("DAA", "PUBLIC$JOHN$")]), is(["JOHN", "", "PUBLIC", ""]));
    }

    #[test]
    fn given_names_in_one_part_of_a_whole_name_are_told_apart() {
        assert_eq!(read(&[("DAA", "PUBLIC, JOHN QUINCY")]), is(["JOHN", "QUINCY", "PUBLIC", ""]));
        assert_eq!(read(&[("DAA", "PUBLIC,MARY ANN,,")]), is(["MARY ANN", "", "PUBLIC", ""]));
        assert_eq!(read(&[("DAA", "PUBLIC,$JOHN QUINCY")]), is(["JOHN", "QUINCY", "PUBLIC", ""]));
        assert_eq!(read(&[("DAA", "PUBLIC,JOHN QUINCY JR")]), is(["JOHN", "QUINCY", "PUBLIC", "JR"]));
    }

    #[test]
    fn a_suffix_after_the_family_name_is_told_from_it() {
        assert_eq!(read(&[("DCS", "DOE, JR"), ("DAC", "JOHN")]), is(["JOHN", "", "DOE", "JR"]));
        assert_eq!(read(&[("DCS", "DOE SR"), ("DAC", "JOHN")]), is(["JOHN", "", "DOE SR", ""]));
    }

    #[test]
    fn a_whole_name_without_separators_is_read_as_it_is_spoken() {
        assert_eq!(read(&[("DAA", "JOHN Q PUBLIC JR")]), is(["JOHN", "Q", "PUBLIC", "JR"]));
        assert_eq!(read(&[("DAA", "JOHN PUBLIC")]), is(["JOHN", "", "PUBLIC", ""]));
        assert_eq!(read(&[("DAA", "PUBLIC")]), is(["", "", "PUBLIC", ""]));
    }

    #[test]
    fn a_list_of_given_names_is_split_at_a_comma_before_a_blank() {
        assert_eq!(read(&[("DCS", "DOE"), ("DCT", "MARY ANN,LEE")]), is(["MARY ANN", "LEE", "DOE", ""]));
        assert_eq!(read(&[("DCS", "DOE"), ("DCT", "MARY LEE")]), is(["MARY", "LEE", "DOE", ""]));
    }

    #[test]
    fn words_for_no_name_are_no_names() {
        let parts = [("DCS", "DOE"), ("DAC", "MARY ANN"), ("DAD", "NONE"), ("DCU", "unavl")];
        assert_eq!(read(&parts), is(["MARY ANN", "", "DOE", ""]));
    }

    #[test]
    fn a_first_name_holds_the_middle_name_when_that_is_left_blank() {
        assert_eq!(read(&[("DCS", "DOE"), ("DAC", "MARY E"), ("DAD", "")]), is(["MARY", "E", "DOE", ""]));
    }

    #[test]
    fn parts_win_over_the_whole() {
        let parts = [("DAA", "DOE,MARY,E"), ("DAB", "DOE"), ("DAC", "MARY"), ("DAE", "JR")];
        assert_eq!(read(&parts), is(["MARY", "E", "DOE", "JR"]));
    }
}
