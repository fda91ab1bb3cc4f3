//! Cuts the body of a payload into elements.
//!
//! The table's offsets and lengths are often wrong and line endings rarely arrive as they were encoded, so the body is
//! cut at any line break or record separator, and elements are found by their identifiers. Where separators were lost,
//! elements are found inside lines as far as they can be told. Always holds: every character is looked at a fixed
//! number of times. Does not keep personal data: all it returns are slices of the payload.

use super::elements::ElementId;
use super::header::Designator;
use super::work;

/// One element and its raw value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub id: ElementId,
    pub value: &'a str,
}

/// What a body consists of.
#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    pub tokens: Vec<Token<'a>>,
    /// Where subfiles begin, in bytes of the body.
    pub subfiles: Vec<(Designator, usize)>,
    pub line_feeds: usize,
    pub carriage_returns: usize,
    /// Elements that had to be cut out of the middle of a line.
    pub run_together: usize,
    /// Lines that begin with no identifier.
    pub stray_lines: usize,
}

/// Elements without which no card is useful, with what early cards have in their place; when some are missing,
/// separators may have been lost.
const ESSENTIAL: [[ElementId; 2]; 7] = [
    [ElementId::known("DAQ"); 2],
    [ElementId::known("DBA"); 2],
    [ElementId::known("DBB"); 2],
    [ElementId::known("DBC"); 2],
    [ElementId::known("DAG"), ElementId::known("DAL")],
    [ElementId::known("DAI"), ElementId::known("DAN")],
    [ElementId::known("DAJ"), ElementId::known("DAO")],
];

/// Cuts a body into elements.
pub(super) fn scan(body: &str) -> Body<'_> {
    let mut found = Body::default();
    let mut start = 0;
    for (at, character) in body.char_indices() {
        work::looked_at(1);
        match character {
            '\n' => found.line_feeds += 1,
            '\r' => found.carriage_returns += 1,
            // No value holds these; some scanners send a tabulator for a line feed.
            '\t' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1f}' => {}
            _ => continue,
        }
        found.scan_line(&body[start..at], start);
        start = at + character.len_utf8();
    }
    found.scan_line(&body[start..], start);
    let missing = ESSENTIAL.iter().filter(|ids| found.tokens.iter().all(|token| !ids.contains(&token.id))).count();
    if missing >= 2 {
        found.split_lines();
    }
    found
}

impl<'a> Body<'a> {
    fn scan_line(&mut self, line: &'a str, start: usize) {
        let mut rest = line;
        loop {
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
            work::looked_at(rest.len() - trimmed.len());
            rest = trimmed;
            let at = start + line.len() - rest.len();
            if let Some(designator) = leading_subfile(rest).filter(|designator| !self.is_inside(*designator)) {
                self.subfiles.push((designator, at));
                rest = &rest[2..];
            } else if let Some(id) = ElementId::leading(rest) {
                let value = &rest[3..];
                let Some(cut) = end_of_fixed_value(id, value) else {
                    return self.tokens.push(Token { id, value });
                };
                self.tokens.push(Token { id, value: &value[..cut] });
                self.run_together += 1;
                rest = skip_to_identifier(&value[cut..]);
            } else {
                self.stray_lines += usize::from(!rest.is_empty());
                return;
            }
        }
    }

    /// Whether an issuer's subfile has begun and no other since: its name does not come again, and what looks like it is the
    /// issuer's own element Z?Z with a value.
    fn is_inside(&self, designator: Designator) -> bool {
        designator.is_jurisdiction() && self.subfiles.last().is_some_and(|(last, _)| *last == designator)
    }

    /// Cuts values at identifiers that have not been seen on a line of their own.
    fn split_lines(&mut self) {
        let lines = std::mem::take(&mut self.tokens);
        // A table of what was seen keeps this linear: one look-up for each character.
        let mut seen: std::collections::HashSet<ElementId> = lines.iter().map(|token| token.id).collect();
        for token in lines {
            let (mut id, mut value) = (token.id, token.value);
            while let Some((at, skip)) = next_identifier(value, &seen) {
                self.tokens.push(Token { id, value: &value[..at] });
                self.run_together += 1;
                let rest = &value[at + skip..];
                let Some(next) = ElementId::leading(rest) else { break };
                seen.insert(next);
                (id, value) = (next, &rest[3..]);
            }
            self.tokens.push(Token { id, value });
        }
    }
}

/// The subfile that begins here: a designator before an element of its own, or alone on its line.
fn leading_subfile(text: &str) -> Option<Designator> {
    let designator = Designator::leading(text)?;
    let rest = &text[2..];
    work::looked_at(rest.len() - rest.trim_start().len());
    let owns_rest = if designator.is_jurisdiction() {
        rest.starts_with(designator.as_str()) && ElementId::leading(rest).is_some()
    } else {
        ElementId::leading(rest.trim_start()).is_some_and(ElementId::is_standard)
    };
    (owns_rest || rest.trim_start().is_empty()).then_some(designator)
}

/// Where a value of fixed length ends, if another element or subfile follows it on the same line.
fn end_of_fixed_value(id: ElementId, value: &str) -> Option<usize> {
    let length = id.fixed_length()?;
    if !id.accepts(value) || value.len() <= length || !value.is_char_boundary(length) {
        return None;
    }
    let rest = skip_to_identifier(&value[length..]);
    (!rest.is_empty()).then_some(length)
}

/// Skips at most one stray character (a terminator that a keyboard scanner turned into a letter) and blanks before an
/// identifier; empty when none follows.
fn skip_to_identifier(text: &str) -> &str {
    let begins = |text: &str| {
        let is_element = ElementId::leading(text).is_some_and(|id| id.is_standard() && id.accepts(&text[3..]));
        is_element || (text.len() > 2 && leading_subfile(text).is_some())
    };
    work::looked_at(text.len() - text.trim_start().len());
    let text = text.trim_start();
    let mut next = text.chars();
    next.next();
    [text, next.as_str()].into_iter().find(|text| begins(text)).unwrap_or_default()
}

/// The next place in a value where an unseen element begins, and how many characters of a subfile designator precede
/// its identifier.
fn next_identifier(value: &str, seen: &std::collections::HashSet<ElementId>) -> Option<(usize, usize)> {
    (0..value.len()).find_map(|at| {
        work::looked_at(1);
        let rest = value.get(at..)?;
        // At the very beginning, where a blank value would end, only a whole date is telling enough.
        if at == 0 && ElementId::leading(rest).is_none_or(|id| id.fixed_length() != Some(8)) {
            return None;
        }
        let is_new = |text: &str| ElementId::leading(text).is_some_and(|id| !seen.contains(&id));
        match ElementId::leading(rest) {
            Some(id) if id.is_standard() && !seen.contains(&id) && id.accepts(&rest[3..]) => Some((at, 0)),
            _ => (leading_subfile(rest).is_some() && is_new(&rest[2..])).then_some((at, 2)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(body: &str) -> Vec<(String, String)> {
        let tokens = scan(body).tokens;
        tokens.iter().map(|token| (token.id.as_str().to_owned(), token.value.trim().to_owned())).collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect()
    }

    const CARD: [(&str, &str); 10] = [
        ("DAQ", "T1"),
        ("DCS", "DOE"),
        ("DAC", "JOHN"),
        ("DBB", "06061986"),
        ("DBA", "12102024"),
        ("DBC", "1"),
        ("DAG", "1 ROAD"),
        ("DAI", "TOWN"),
        ("DAJ", "VA"),
        ("ZVA", "01"),
    ];

    fn joined(separator: &str) -> String {
        let mut body = CARD.map(|(id, value)| format!("{id}{value}")).join(separator);
        body.insert_str(body.find("ZVA").unwrap(), "ZV");
        format!("DL{body}")
    }

    #[test]
    fn any_separator_cuts_elements() {
        for separator in ["\n", "\r", "\r\n", "\u{1e}", " \n", "\t"] {
            assert_eq!(elements(&joined(separator)), pairs(&CARD), "{separator:?}");
        }
    }

    #[test]
    fn elements_are_found_when_every_separator_was_lost() {
        for separator in ["", " "] {
            assert_eq!(elements(&joined(separator)), pairs(&CARD), "{separator:?}");
        }
    }

    #[test]
    fn a_blank_element_before_a_date_is_told_from_it_without_separators() {
        let found = elements("DLDAQ1DCUDBD03222016DBB04021955");
        assert_eq!(found, pairs(&[("DAQ", "1"), ("DCU", ""), ("DBD", "03222016"), ("DBB", "04021955")]));
    }

    #[test]
    fn a_terminator_typed_as_a_letter_ends_a_date() {
        let body = "DAQ1\nDDB09212009MZIZIC457\nZIDDONOR";
        assert_eq!(elements(body), pairs(&[("DAQ", "1"), ("DDB", "09212009"), ("ZIC", "457"), ("ZID", "DONOR")]));
        assert_eq!(scan(body).subfiles.len(), 1);
    }

    #[test]
    fn a_subfile_designator_may_stand_alone_or_be_missing() {
        assert_eq!(elements("DL\nDCAR\nDAQ1\nZD \n"), pairs(&[("DCA", "R"), ("DAQ", "1")]));
        assert_eq!(elements("DL DCAR DAQ1"), pairs(&[("DCA", "R"), ("DAQ", "1")]));
        assert_eq!(elements("DCAC\nDAQ1"), pairs(&[("DCA", "C"), ("DAQ", "1")]));
    }

    #[test]
    fn names_that_hold_an_identifier_are_not_cut_when_lines_are_whole() {
        let body = "DAQ1\nDBA12102024\nDBB06061986\nDBC1\nDAGDADE ST\nDAIMCDADE\nDAJFL";
        assert!(elements(body).contains(&("DAI".to_owned(), "MCDADE".to_owned())));
    }

    #[test]
    fn inside_an_issuer_s_subfile_its_name_begins_an_element() {
        let found = elements("DLDAQ1\rZVZVZVA1\nZVZVB2\nZVA3\r");
        assert_eq!(found, pairs(&[("DAQ", "1"), ("ZVZ", "VA1"), ("ZVZ", "VB2"), ("ZVA", "3")]));
        assert_eq!(scan("DLDAQ1\rZVZVA1\nZVZVB2\r").subfiles.len(), 2);
    }

    #[test]
    fn lines_without_an_identifier_are_counted() {
        assert_eq!(scan("DAQ1\n\\928\\111\n\n").stray_lines, 1);
    }
}
