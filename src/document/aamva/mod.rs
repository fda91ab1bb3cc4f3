//! The AAMVA payload of North American licences and identity cards, from the barcode's bytes.
//!
//! Reads the header versions 1 (DL/ID-2000) to 11 (DL/ID Card Design Standard 2025), newer ones as far as they keep the
//! layout, and the layout of a magnetic stripe. Always holds: parsing never panics, looks at each byte a fixed number of
//! times, and leaves a field absent rather than guess it. What cards and scanners get wrong (offsets, line endings, lost
//! separators) is read all the same and left for [`checks()`] to judge. Does not decide whether a document is accepted.

mod address;
mod checks;
mod dates;
mod editions;
mod elements;
mod fields;
mod header;
#[cfg(test)]
mod hostile_payloads;
mod issuers;
mod magnetic;
mod measures;
mod names;
mod numbers;
mod scan;
mod structure;
#[cfg(test)]
mod tests;
mod work;

pub use checks::{PayloadOrigin, checks};
pub use dates::DateOrder;
pub use editions::{Edition, NEWEST_VERSION};
pub use elements::{ElementId, Elements, MAX_ELEMENTS};
pub use header::{Designator, FileType, Subfile};
pub use issuers::{ISSUERS, Issuer};
pub use structure::Structure;

use header::Header;

use super::{DocumentKind, Fields};
use crate::privacy::Personal;

/// Longest payload that is read. A PDF417 symbol holds at most 1,850 characters; the rest is room for scanners' noise.
pub const MAX_PAYLOAD_BYTES: usize = 16 * 1024;

/// How many elements of the standard a text without a header needs to be taken for a licence.
const MIN_ELEMENTS_WITHOUT_HEADER: usize = 6;

/// Why bytes are no licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AamvaError {
    /// More bytes than a barcode holds.
    #[error(
        "the payload has {bytes} bytes, more than the {MAX_PAYLOAD_BYTES} that are read; give the bytes of one barcode"
    )]
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// Neither a header nor enough elements.
    #[error("the payload is no AAMVA licence or identity card; scan the wide barcode on the back of the card")]
    NotAamva,
    /// A header without any element after it.
    #[error("the payload has an AAMVA header but none of a licence's elements; scan the barcode again")]
    NoElements,
}

/// How a payload is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Header and subfiles, as the standard's annex D has them.
    Subfiles(FileType),
    /// Elements without a readable header.
    Headerless,
    /// The tracks of a magnetic stripe.
    MagneticStripe,
}

/// A payload that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct AamvaDocument {
    /// How it is laid out.
    pub format: Format,
    /// Version in the header: 1 to 11 are known editions, 0 is older than any; `None` without a header.
    pub version: Option<u8>,
    /// Issuer Identification Number, six digits.
    pub iin: Option<String>,
    /// The issuer's own version of its layout; DL/ID-2000 has none.
    pub jurisdiction_version: Option<u8>,
    /// Who has issued it, by its number.
    pub issuer: Option<&'static Issuer>,
    /// Licence or identity card; `None` when neither the subfiles nor the elements say so.
    pub kind: Option<DocumentKind>,
    /// Every element as it stands on the card.
    pub elements: Elements,
    /// The elements read as fields.
    pub fields: Fields,
    /// What its form is like.
    pub structure: Structure,
}

/// Reads a payload.
///
/// Bytes that are no UTF-8 are taken for Latin-1, which is the standard's character set.
///
/// # Errors
/// [`AamvaError`] when the bytes are no licence or identity card at all; a damaged one is read as far as it goes.
pub fn parse(bytes: &[u8]) -> Result<AamvaDocument, AamvaError> {
    if bytes.len() > MAX_PAYLOAD_BYTES {
        return Err(AamvaError::TooLong { bytes: bytes.len() });
    }
    let text = decode(bytes);
    let text = text.reveal();
    if let Some(header) = Header::find(text) {
        return with_header(text, header);
    }
    if let Some(stripe) = magnetic::read(text) {
        return Ok(with_stripe(stripe));
    }
    without_header(text)
}

/// Decodes the bytes, without byte order marks and the C1 controls that keyboard scanners strew in.
fn decode(bytes: &[u8]) -> Personal<String> {
    let keep = |c: &char| !matches!(c, '\u{80}'..='\u{9f}' | '\u{feff}');
    work::looked_at(bytes.len());
    // The capacity is taken at once: a string that grows leaves copies of itself behind that are not wiped.
    let mut text = String::with_capacity(2 * bytes.len());
    match std::str::from_utf8(bytes) {
        Ok(utf8) => text.extend(utf8.chars().filter(keep)),
        Err(_) => text.extend(bytes.iter().map(|byte| char::from(*byte)).filter(keep)),
    }
    Personal::new(text)
}

fn with_header(text: &str, header: Header) -> Result<AamvaDocument, AamvaError> {
    let body = scan::scan(&text[header.end..]);
    let elements = collect(&body);
    if elements.iter().all(|(id, _)| !id.is_standard()) {
        return Err(AamvaError::NoElements);
    }
    let issuer = header.iin.as_deref().and_then(Issuer::by_iin);
    let structure = Structure::with_header(text, &header, &body);
    let declared = structure.subfiles.iter().map(|subfile| subfile.designator);
    Ok(AamvaDocument {
        format: Format::Subfiles(header.file_type),
        version: header.version,
        jurisdiction_version: header.jurisdiction_version,
        issuer,
        kind: kind(declared.chain(structure.found_subfiles.iter().copied()), &elements),
        fields: fields::fields(&elements, issuer),
        iin: header.iin,
        elements,
        structure,
    })
}

fn without_header(text: &str) -> Result<AamvaDocument, AamvaError> {
    let body = scan::scan(text);
    let elements = collect(&body);
    if elements.iter().filter(|(id, _)| id.is_standard()).count() < MIN_ELEMENTS_WITHOUT_HEADER {
        return Err(AamvaError::NotAamva);
    }
    let structure =
        Structure { has_compliance_indicator: text.trim_start().starts_with('@'), ..Structure::of_body(&body) };
    Ok(AamvaDocument {
        format: Format::Headerless,
        version: None,
        iin: None,
        jurisdiction_version: None,
        issuer: None,
        kind: kind(structure.found_subfiles.iter().copied(), &elements),
        fields: fields::fields(&elements, None),
        elements,
        structure,
    })
}

fn with_stripe(stripe: magnetic::Stripe) -> AamvaDocument {
    let issuer = stripe.iin.as_deref().and_then(Issuer::by_iin);
    AamvaDocument {
        format: Format::MagneticStripe,
        version: None,
        iin: stripe.iin,
        jurisdiction_version: None,
        issuer,
        kind: stripe_kind(issuer, &stripe.elements),
        fields: fields::fields(&stripe.elements, issuer),
        elements: stripe.elements,
        structure: Structure { stripe_oddities: stripe.oddities, ..Structure::default() },
    }
}

/// Licence or identity card, by whether there is a class. Only British Columbia is known to put the tracks of a stripe into
/// its barcode; a stripe's text in anybody else's is no kind of card that there is.
fn stripe_kind(issuer: Option<&Issuer>, elements: &Elements) -> Option<DocumentKind> {
    let is_known = issuer.is_some_and(|issuer| issuer.code == Some("BC"));
    let has_class = elements.stated("DAR").is_some_and(|class| !class.trim().is_empty());
    is_known.then_some(if has_class { DocumentKind::DrivingLicense } else { DocumentKind::IdCard })
}

fn collect(body: &scan::Body<'_>) -> Elements {
    let mut elements = Elements::default();
    for token in &body.tokens {
        elements.add(token.id, token.value);
    }
    elements
}

/// Licence or identity card, by the subfiles; an enhanced document by whether it has a vehicle class.
fn kind(designators: impl Iterator<Item = Designator>, elements: &Elements) -> Option<DocumentKind> {
    let mut is_enhanced = false;
    for designator in designators {
        match designator {
            Designator::LICENSE => return Some(DocumentKind::DrivingLicense),
            Designator::ID_CARD => return Some(DocumentKind::IdCard),
            Designator::ENHANCED => is_enhanced = true,
            _ => {}
        }
    }
    let has_class = elements.stated("DCA").or_else(|| elements.stated("DAR")).is_some();
    match (has_class, is_enhanced) {
        (true, _) => Some(DocumentKind::DrivingLicense),
        (false, true) => Some(DocumentKind::IdCard),
        (false, false) => None,
    }
}
