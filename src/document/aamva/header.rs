//! The header: compliance indicator, file type, issuer, version and the table of subfiles (annex D, header).
//!
//! Real payloads come with leading garbage, lost control characters, a missing jurisdiction version or a table that is
//! wrong, so the fields are told apart by how many digits follow the file type, not by the version that they state.
//! Always holds: positions are bytes of the decoded text. Does not look at elements.

use super::issuers::Issuer;
use super::work;

/// What a genuine payload begins with: compliance indicator, element separator, record separator, segment terminator.
const STANDARD_PRELUDE: &str = "@\n\u{1e}\r";

/// What South Carolina's and Kentucky's begin with: the file separator in place of the record separator. Sources: the
/// payload of South Carolina that py-aamva carries as a test, and readers that tell Kentucky's cards by it.
const PRELUDE_WITH_FILE_SEPARATOR: &str = "@\n\u{1c}\r";

/// Subfiles that the table is read for at most; the standard's examples have two.
const MAX_SUBFILES: usize = 10;

/// The two characters that name a subfile, such as `DL` or `ZV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Designator([u8; 2]);

impl Designator {
    /// A driving licence.
    pub const LICENSE: Self = Self(*b"DL");
    /// An identity card.
    pub const ID_CARD: Self = Self(*b"ID");
    /// An enhanced document, as the 2020 edition has it.
    pub const ENHANCED: Self = Self(*b"EN");

    /// The designator that a text begins with: one of the standard, or Z with the issuer's letter.
    pub(super) fn leading(text: &str) -> Option<Self> {
        work::looked_at(2);
        let pair: [u8; 2] = text.as_bytes().get(..2)?.try_into().ok()?;
        matches!(&pair, b"DL" | b"ID" | b"EN" | [b'Z', b'A'..=b'Z']).then_some(Self(pair))
    }

    /// The two characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in, so that this never falls back.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether it holds an issuer's own elements.
    #[must_use]
    pub fn is_jurisdiction(self) -> bool {
        self.0[0] == b'Z'
    }
}

/// How the file type is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// `ANSI `.
    Ansi,
    /// `AAMVA`, as some issuers wrote it with DL/ID-2000.
    Aamva,
}

/// One row of the subfile table, with what the payload really has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subfile {
    /// Name of the subfile.
    pub designator: Designator,
    /// Where the table says that it begins, counted from the compliance indicator; `None` when it is no number.
    pub declared_offset: Option<usize>,
    /// How many characters long the table says that it is.
    pub declared_length: Option<usize>,
    /// Where it begins, as if nothing had been lost or added before the file type; `None` when it is not there.
    pub found_offset: Option<usize>,
    /// How many characters long it is, with its terminator.
    pub found_length: Option<usize>,
}

/// A header as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub file_type: FileType,
    pub prelude_is_standard: bool,
    pub has_compliance_indicator: bool,
    pub has_record_separator: bool,
    pub iin: Option<String>,
    pub version: Option<u8>,
    pub jurisdiction_version: Option<u8>,
    pub declared_entries: Option<u8>,
    pub subfiles: Vec<Subfile>,
    /// Where the file type begins.
    pub start: usize,
    /// Where the subfile table ends and the first subfile should begin.
    pub end: usize,
}

impl Header {
    /// Finds and reads the header, wherever it stands.
    pub fn find(text: &str) -> Option<Self> {
        let ansi = find_file_type(text, "ANSI").map(|at| (at, FileType::Ansi));
        let aamva = find_file_type(text, "AAMVA").map(|at| (at, FileType::Aamva));
        let (start, file_type) = [ansi, aamva].into_iter().flatten().min_by_key(|(at, _)| *at)?;
        let name = if file_type == FileType::Ansi { "ANSI" } else { "AAMVA" };
        let rest = &text[start + name.len()..];
        let digits_at = start + name.len() + (rest.len() - rest.trim_start_matches(' ').len());
        let digits = leading_digits(&text[digits_at..]);
        let numbers = Numbers::read(digits);
        let (subfiles, table_length) = read_table(&text[digits_at + digits.len()..]);
        let prelude = &text[..start];
        Some(Self {
            file_type,
            prelude_is_standard: [STANDARD_PRELUDE, PRELUDE_WITH_FILE_SEPARATOR].contains(&prelude),
            has_compliance_indicator: prelude.contains('@'),
            has_record_separator: prelude.contains(['\u{1e}', '\u{1c}']),
            iin: numbers.iin,
            version: numbers.version,
            jurisdiction_version: numbers.jurisdiction_version,
            declared_entries: numbers.entries,
            subfiles,
            start,
            end: digits_at + digits.len() + table_length,
        })
    }

    /// The offset of a byte as the table counts it: from a compliance indicator four characters before the file type.
    pub fn offset_of(&self, text: &str, position: usize) -> usize {
        let after = text.get(self.start..position).unwrap_or_default().chars().count();
        work::looked_at(after);
        after + STANDARD_PRELUDE.len()
    }
}

/// Finds the file type where at least an issuer's digits follow it.
fn find_file_type(text: &str, name: &str) -> Option<usize> {
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let rest = text[at + name.len()..].trim_start_matches(' ');
        work::looked_at(text.len() - at - rest.len());
        leading_digits(rest).len() >= 6
    })
}

fn leading_digits(text: &str) -> &str {
    // A header has at most twelve digits; a run of thousands must not be walked again and again.
    let end = text.bytes().take(16).take_while(u8::is_ascii_digit).count();
    work::looked_at(end);
    &text[..end]
}

/// The numbers between file type and subfile table.
#[derive(Debug, Default, PartialEq, Eq)]
struct Numbers {
    iin: Option<String>,
    version: Option<u8>,
    jurisdiction_version: Option<u8>,
    entries: Option<u8>,
}

impl Numbers {
    /// Tells the numbers apart. DL/ID-2000 has no jurisdiction version, whatever version a header states; some early
    /// cards drop the leading 6 of their issuer's number.
    fn read(digits: &str) -> Self {
        let with_six = format!("6{digits}");
        let number = |text: &str| Issuer::by_iin(text.get(..6).unwrap_or_default()).is_some();
        let digits = if !number(digits) && number(&with_six) { with_six.as_str() } else { digits };
        let pair = |at: usize| digits.get(at..at + 2).and_then(|pair| pair.parse().ok());
        Self {
            iin: digits.get(..6).map(str::to_owned),
            version: pair(6),
            jurisdiction_version: if digits.len() >= 12 { pair(8) } else { None },
            entries: if digits.len() >= 12 { pair(10) } else { pair(8) },
        }
    }
}

/// Reads rows of the subfile table while there are some; a row is a designator, an offset and a length.
///
/// The declared count of entries is not trusted. Some issuers leave letters where the offset should be.
fn read_table(text: &str) -> (Vec<Subfile>, usize) {
    const ROW: usize = 10;
    let mut subfiles = Vec::new();
    let mut end = 0;
    while subfiles.len() < MAX_SUBFILES {
        let Some(row) = text.get(end..end + ROW).filter(|row| row.is_ascii()) else { break };
        let Some(designator) = Designator::leading(row) else { break };
        let (offset, length) = row[2..].split_at(4);
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_filler = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !is_filler(offset) || !is_number(length) {
            break;
        }
        subfiles.push(Subfile {
            designator,
            declared_offset: offset.parse().ok(),
            declared_length: length.parse().ok(),
            found_offset: None,
            found_length: None,
        });
        end += ROW;
    }
    (subfiles, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_header_is_read() {
        let header = Header::find("@\n\u{1e}\rANSI 636000100102DL00410278ZV03190008DLDAQT1").unwrap();
        assert_eq!(header.iin.as_deref(), Some("636000"));
        assert_eq!(
            (header.version, header.jurisdiction_version, header.declared_entries),
            (Some(10), Some(1), Some(2))
        );
        assert_eq!(header.subfiles.iter().map(|file| file.declared_offset).collect::<Vec<_>>(), [Some(41), Some(319)]);
        assert!(header.prelude_is_standard);
        assert_eq!((header.end, header.start), (41, 4));
        let other = Header::find("@\n\u{1c}\rANSI 6360050101DL00300201DLDAQ1").unwrap();
        assert!(other.prelude_is_standard && other.has_record_separator);
    }

    #[test]
    fn an_early_header_has_no_jurisdiction_version_whatever_version_it_states() {
        for version in ["01", "03"] {
            let header = Header::find(&format!("@\n\u{1e}\rAAMVA636035{version}01DL00290179DAA")).unwrap();
            assert_eq!((header.jurisdiction_version, header.declared_entries), (None, Some(1)));
            assert_eq!(header.subfiles.len(), 1);
        }
    }

    #[test]
    fn an_issuer_without_its_leading_six_is_recognised() {
        let header = Header::find("@\n\nAAMVA36004001DL00280200DLDABDOE").unwrap();
        assert_eq!((header.iin.as_deref(), header.version), (Some("636004"), Some(0)));
        assert_eq!(header.subfiles[0].declared_length, Some(200));
    }

    #[test]
    fn letters_in_place_of_an_offset_do_not_end_the_table() {
        let header = Header::find("@\n\u{1e}\rANSI 604432030001DLabac0233DLDCA5").unwrap();
        assert_eq!(header.subfiles[0].declared_offset, None);
        assert_eq!(header.subfiles[0].declared_length, Some(233));
    }

    #[test]
    fn letters_of_several_bytes_end_the_table() {
        let header = Header::find("@\n\u{1e}\rANSI 604432030001DL000\u{a67d}023DLDCA5").unwrap();
        assert!(header.subfiles.is_empty());
    }

    #[test]
    fn garbage_before_the_file_type_does_not_shift_offsets() {
        let text = "@acANSI 636060040002DL00410266ZW03070036DCAC";
        let header = Header::find(text).unwrap();
        assert_eq!(header.offset_of(text, header.end), 41);
        assert!(!header.prelude_is_standard && header.has_compliance_indicator);
    }

    #[test]
    fn words_without_a_number_are_no_header() {
        assert_eq!(Header::find("ANSI AAMVA 63600"), None);
    }
}
