//! What a payload's form is like: facts for the checks that judge it, without judging them.
//!
//! Always holds: it keeps no text of the payload, so that nothing personal is in it.

use super::header::{Designator, Header, Subfile};
use super::scan::Body;
use super::work;

/// What a payload's form is like, for the checks that judge it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Structure {
    /// Compliance indicator, separators and file type stand as the standard has them.
    pub prelude_is_standard: bool,
    /// The payload begins with `@`, perhaps after garbage.
    pub has_compliance_indicator: bool,
    /// The record separator before the file type has arrived, or the file separator that some issuers have there.
    pub has_record_separator: bool,
    /// How many subfiles the header says that there are.
    pub declared_entries: Option<u8>,
    /// The subfile table, with what was found for each row.
    pub subfiles: Vec<Subfile>,
    /// Subfiles that begin in the body, whether the table has them or not.
    pub found_subfiles: Vec<Designator>,
    /// Line feeds after the header; the standard ends elements with them.
    pub line_feeds: usize,
    /// Carriage returns after the header; the standard ends subfiles with them.
    pub carriage_returns: usize,
    /// Elements that stood on one line with another.
    pub run_together: usize,
    /// Lines that are no element.
    pub stray_lines: usize,
    /// What the tracks of a magnetic stripe have that those in British Columbia's barcode do not, or lack.
    pub stripe_oddities: Vec<&'static str>,
}

impl Structure {
    /// The form of a body.
    pub(super) fn of_body(body: &Body<'_>) -> Self {
        Self {
            found_subfiles: body.subfiles.iter().map(|(designator, _)| *designator).collect(),
            line_feeds: body.line_feeds,
            carriage_returns: body.carriage_returns,
            run_together: body.run_together,
            stray_lines: body.stray_lines,
            ..Self::default()
        }
    }

    /// The form of a payload with a header.
    pub(super) fn with_header(text: &str, header: &Header, body: &Body<'_>) -> Self {
        Self {
            prelude_is_standard: header.prelude_is_standard,
            has_compliance_indicator: header.has_compliance_indicator,
            has_record_separator: header.has_record_separator,
            declared_entries: header.declared_entries,
            subfiles: locate_subfiles(text, header, body),
            ..Self::of_body(body)
        }
    }
}

/// Sets beside each row of the subfile table where its subfile really begins and how long it is.
fn locate_subfiles(text: &str, header: &Header, body: &Body<'_>) -> Vec<Subfile> {
    let mut subfiles = header.subfiles.clone();
    let mut is_first = true;
    for subfile in &mut subfiles {
        let place = body.subfiles.iter().position(|(designator, _)| *designator == subfile.designator);
        let (start, next) = match place {
            Some(place) => (body.subfiles[place].1, body.subfiles.get(place + 1)),
            // Some issuers leave the name of the first subfile out: its elements follow the table at once.
            None if is_first => (0, body.subfiles.first()),
            None => continue,
        };
        is_first = false;
        work::looked_at(place.unwrap_or(body.subfiles.len()));
        let start = header.end + start;
        let end = next.map_or_else(|| start + end_of_last(&text[start..], body), |(_, at)| header.end + at);
        subfile.found_offset = Some(header.offset_of(text, start));
        subfile.found_length = Some(text[start..end].chars().count());
        work::looked_at(end - start);
    }
    subfiles
}

/// Where the last subfile ends: with its terminator, unless carriage returns end elements, too.
fn end_of_last(text: &str, body: &Body<'_>) -> usize {
    let terminator = text.find('\r').filter(|_| body.carriage_returns <= 2 * body.subfiles.len());
    terminator.map_or(text.trim_end().len(), |at| at + 1)
}
