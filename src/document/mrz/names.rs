//! The name field of a machine-readable zone (ICAO Doc 9303 part 3, section 4.6): `PRIMARY<IDENTIFIER<<SECONDARY<ONES`.

use crate::privacy::Personal;

/// Family name, first and further given names.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Names {
    pub last: Option<Personal<String>>,
    pub first: Option<Personal<String>>,
    pub middle: Option<Personal<String>>,
}

/// Takes a name field apart. A name without `<<` has a primary identifier only.
pub(super) fn split(field: &str) -> Names {
    let field = field.trim_matches('<');
    let (primary, secondary) = field.split_once("<<").unwrap_or((field, ""));
    let mut given = words(secondary);
    let first = given.next();
    Names { last: joined(words(primary)), first: first.map(Personal::from), middle: joined(given) }
}

fn words(part: &str) -> impl Iterator<Item = &str> {
    part.split('<').filter(|word| !word.is_empty())
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Option<Personal<String>> {
    let text = words.collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then(|| Personal::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_words_stay_in_their_identifier() {
        let names = split("DE<LA<CRUZ<<ANNA<MARIA<LOU<<<<");
        let text = |name: &Option<Personal<String>>| name.as_ref().map(|name| name.reveal().clone());
        assert_eq!(text(&names.last).as_deref(), Some("DE LA CRUZ"));
        assert_eq!(text(&names.first).as_deref(), Some("ANNA"));
        assert_eq!(text(&names.middle).as_deref(), Some("MARIA LOU"));
    }

    #[test]
    fn a_person_with_one_name_has_no_given_name() {
        let names = split("ARKFREITH<<<<<<<");
        assert_eq!((names.last, names.first), (Some("ARKFREITH".into()), None));
        assert_eq!(split("<<<<<<"), Names::default());
    }
}
