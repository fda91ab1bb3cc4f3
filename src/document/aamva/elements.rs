//! Data elements: their identifiers, and the values that a payload gives them.
//!
//! Always holds: an element keeps its first value that is not blank, so that a repeated identifier further down (an
//! added subfile, a scanner's echo) cannot replace what stood there. Does not interpret values.

use super::work;
use crate::privacy::Personal;

/// How many different elements a payload may have; the standard defines fewer than a hundred and issuers add a few.
pub const MAX_ELEMENTS: usize = 256;

/// The three characters that name an element, such as `DAQ` or `ZVA`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ElementId([u8; 3]);

impl ElementId {
    /// An identifier of the standard, written out in this program.
    ///
    /// # Panics
    /// When the text has not three characters, which no text of this program has.
    #[must_use]
    pub const fn known(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        assert!(bytes.len() == 3, "an element identifier has three characters");
        Self([bytes[0], bytes[1], bytes[2]])
    }

    /// The identifier that a line begins with: of the standard (D, and P for permits) or of an issuer (Z).
    #[must_use]
    pub fn leading(line: &str) -> Option<Self> {
        work::looked_at(3);
        let id: [u8; 3] = line.as_bytes().get(..3)?.try_into().ok()?;
        let is_id = match id {
            [b'D', b'A'..=b'D', b'A'..=b'Z'] | [b'P', b'A', b'A'..=b'F'] => true,
            [b'Z', b'A'..=b'Z', last] => last.is_ascii_uppercase() || last.is_ascii_digit(),
            _ => false,
        };
        is_id.then_some(Self(id))
    }

    /// The three characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in, so that this never falls back.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether the standard defines it in any edition.
    #[must_use]
    pub fn is_standard(self) -> bool {
        match self.0 {
            [b'D', b'A', last] => last.is_ascii_uppercase(),
            [b'D', b'B', last] => matches!(last, b'A'..=b'S'),
            [b'D', b'C', last] => matches!(last, b'A'..=b'U'),
            [b'D', b'D', last] => matches!(last, b'A'..=b'P'),
            _ => false,
        }
    }

    /// Whether it is an issuer's own.
    #[must_use]
    pub fn is_jurisdiction(self) -> bool {
        self.0[0] == b'Z'
    }

    /// Number of characters of an element whose length the standard fixes, among those whose values can be told from
    /// what follows them.
    #[must_use]
    pub fn fixed_length(self) -> Option<usize> {
        match &self.0 {
            b"DBA" | b"DBB" | b"DBD" | b"DDB" | b"DDC" | b"DDH" | b"DDI" | b"DDJ" => Some(8),
            b"DCG" => Some(3),
            b"DAJ" => Some(2),
            b"DBC" | b"DDA" | b"DDD" | b"DDE" | b"DDF" | b"DDG" | b"DDK" | b"DDL" => Some(1),
            _ => None,
        }
    }

    /// Whether a text looks like the beginning of a value of this element.
    #[must_use]
    pub fn accepts(self, value: &str) -> bool {
        let bytes = value.as_bytes();
        let first = bytes.first().copied().unwrap_or_default();
        match &self.0 {
            b"DBA" | b"DBB" | b"DBD" | b"DDB" | b"DDC" | b"DDH" | b"DDI" | b"DDJ" => {
                bytes.get(..8).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
            }
            b"DAJ" => bytes.get(..2).is_some_and(|letters| letters.iter().all(u8::is_ascii_uppercase)),
            b"DCG" => ["USA", "CAN", "CDN", "MEX"].iter().any(|country| value.starts_with(country)),
            b"DBC" => matches!(first, b'0'..=b'9' | b'M' | b'F' | b'X'),
            b"DDE" | b"DDF" | b"DDG" => matches!(first, b'T' | b'N' | b'U'),
            b"DDA" => matches!(first, b'F' | b'N' | b'M'),
            b"DDD" | b"DDK" | b"DDL" => matches!(first, b'0'..=b'9' | b'N' | b'Y'),
            b"DAU" | b"DAV" | b"DAW" | b"DAX" | b"DCE" => first.is_ascii_digit(),
            _ => true,
        }
    }
}

/// The elements of a payload in the order in which they stood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elements {
    entries: Vec<(ElementId, Personal<String>)>,
    /// Elements that came again with another value.
    repeated: Vec<ElementId>,
    /// Elements that came again with the value that they had.
    echoed: Vec<ElementId>,
    /// Elements beyond [`MAX_ELEMENTS`], which were not kept.
    dropped: usize,
}

impl Elements {
    /// The value of an element as it stands on the card, without padding.
    #[must_use]
    pub fn get(&self, id: ElementId) -> Option<&Personal<String>> {
        work::looked_at(self.entries.len());
        self.entries.iter().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    /// Whether the element is there, blank or not.
    #[must_use]
    pub fn contains(&self, id: ElementId) -> bool {
        self.get(id).is_some()
    }

    /// Every element with its value, in the payload's order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ElementId, &Personal<String>)> {
        self.entries.iter().map(|(id, value)| (*id, value))
    }

    /// Elements that came more than once with different values; the first value was kept.
    #[must_use]
    pub fn repeated(&self) -> &[ElementId] {
        &self.repeated
    }

    /// Elements that came more than once with the same value.
    #[must_use]
    pub fn echoed(&self) -> &[ElementId] {
        &self.echoed
    }

    /// How many elements were not kept because there were too many.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The value of an element of the standard, unless it is missing or blank.
    pub(super) fn text(&self, id: &'static str) -> Option<&str> {
        let value = self.get(ElementId::known(id))?.reveal().as_str();
        (!value.is_empty()).then_some(value)
    }

    /// The value of an element of the standard, unless it is missing, blank or a word that stands for 'no value'.
    pub(super) fn stated(&self, id: &'static str) -> Option<&str> {
        self.text(id).filter(|value| !is_placeholder(value))
    }

    /// Adds an element; the padding around its value is dropped.
    pub(super) fn add(&mut self, id: ElementId, value: &str) {
        work::looked_at(value.len() + self.entries.len());
        let value = value.trim();
        let is_full = self.entries.len() >= MAX_ELEMENTS;
        match self.entries.iter_mut().find(|(known, _)| *known == id) {
            Some((_, kept)) if kept.reveal().is_empty() => *kept = Personal::from(value),
            Some(_) if value.is_empty() => {}
            Some((_, kept)) => {
                let list = if kept.reveal() == value { &mut self.echoed } else { &mut self.repeated };
                if !list.contains(&id) {
                    list.push(id);
                }
            }
            None if is_full => self.dropped += 1,
            None => self.entries.push((id, Personal::from(value))),
        }
    }
}

/// Whether a value stands for 'there is none' (NONE) or 'it is not available' (unavl), as annex D prescribes for
/// mandatory elements without a value.
pub(super) fn is_placeholder(value: &str) -> bool {
    ["NONE", "UNAVL", "UNAVAIL", "N/A"].iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.chars().all(|c| matches!(c, '-' | '.' | '*' | ' ' | ','))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: ElementId = ElementId::known("DAQ");

    #[test]
    fn an_identifier_is_of_the_standard_or_of_an_issuer() {
        for line in ["DAQ123", "DDP1", "PAA5", "ZVA01", "ZF1"] {
            assert_eq!(ElementId::leading(line).unwrap().as_str(), &line[..3]);
        }
        for line in ["", "DA", "DEA", "dAQ", "ZvA", "@DAQ", "D\u{c5}Q"] {
            assert_eq!(ElementId::leading(line), None, "{line}");
        }
    }

    #[test]
    fn the_first_value_that_is_not_blank_is_kept() {
        let mut elements = Elements::default();
        for value in ["  ", "A1 ", "A1", "B2"] {
            elements.add(NUMBER, value);
        }
        assert_eq!((elements.text("DAQ"), elements.repeated()), (Some("A1"), &[NUMBER][..]));
        assert_eq!(elements.echoed(), [NUMBER]);
    }

    #[test]
    fn words_for_no_value_are_not_stated() {
        let mut elements = Elements::default();
        elements.add(NUMBER, "unavl");
        assert_eq!((elements.text("DAQ"), elements.stated("DAQ")), (Some("unavl"), None));
    }
}
