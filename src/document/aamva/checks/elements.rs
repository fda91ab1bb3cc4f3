//! The elements against the edition's tables of mandatory and optional elements (annex D).

use super::super::editions::{Edition, NEWEST_VERSION};
use super::super::elements::{ElementId, is_placeholder};
use super::super::{AamvaDocument, Format};
use super::{fail, flag, flag_each, not_applicable, pass};
use crate::document::{Check, DocumentKind};

/// Elements without which a card says nothing about its holder; every edition demands them.
const ESSENTIAL: [&str; 3] = ["DAQ", "DBA", "DBB"];

/// Genuine cards of several issuers lack elements that their edition demands, so a few are a flag; a card that lacks an
/// essential one or most of them was not made by an issuer.
pub(super) fn mandatory_elements(document: &AamvaDocument) -> Check {
    const NAME: &str = "mandatory_elements";
    let essential: Vec<&str> =
        ESSENTIAL.into_iter().filter(|id| !document.elements.contains(ElementId::known(id))).collect();
    if !essential.is_empty() {
        return fail(NAME, format!("{} is missing", essential.join(", ")));
    }
    if document.format == Format::MagneticStripe {
        return not_applicable(NAME, "a magnetic stripe has fields of fixed width");
    }
    let Some(edition) = document.version.map(|version| version.min(NEWEST_VERSION)).and_then(Edition::of_version)
    else {
        return not_applicable(NAME, "no edition is stated whose elements could be demanded");
    };
    let is_license = document.kind == Some(DocumentKind::DrivingLicense);
    let all: Vec<ElementId> = edition.mandatory(is_license).collect();
    let missing: Vec<&ElementId> = all.iter().filter(|id| !has(document, **id)).collect();
    let detail = missing.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    if missing.is_empty() {
        pass(NAME, format!("all {} elements of the edition are there", all.len()))
    } else if 2 * missing.len() > all.len() {
        fail(NAME, format!("most are missing: {detail}"))
    } else {
        flag(NAME, format!("missing: {detail}"))
    }
}

/// Whether an element is there, or what issuers put in its place.
fn has(document: &AamvaDocument, id: ElementId) -> bool {
    let instead: &[&str] = match id.as_str() {
        "DAA" => &["DAB", "DCS"],
        "DAG" => &["DAL"],
        "DAI" => &["DAN"],
        "DAJ" => &["DAO"],
        "DAK" => &["DAP"],
        "DCT" => &["DAC"],
        "DAC" => &["DCT"],
        _ => &[],
    };
    document.elements.contains(id) || instead.iter().any(|id| document.elements.contains(ElementId::known(id)))
}

/// Lengths and characters of elements that the standard fixes.
pub(super) fn element_formats(document: &AamvaDocument) -> Check {
    const NAME: &str = "element_formats";
    if document.format == Format::MagneticStripe {
        return not_applicable(NAME, "a magnetic stripe has fields of fixed width");
    }
    let odd: Vec<String> = document
        .elements
        .iter()
        .filter(|(id, value)| is_odd(*id, value.reveal()))
        .map(|(id, _)| format!("{} is not of its form", id.as_str()))
        .collect();
    flag_each(NAME, &odd, "every element is of its form")
}

fn is_odd(id: ElementId, value: &str) -> bool {
    if value.is_empty() || is_placeholder(value) || !id.is_standard() {
        return false;
    }
    let longest = match id.as_str() {
        "DAQ" | "DCF" | "DCJ" | "DCK" => 30,
        "DCS" | "DAC" | "DAD" | "DAG" | "DAH" => 45,
        "DAI" => 25,
        "DAK" => 11,
        "DCT" => 85,
        _ => 130,
    };
    let length = value.chars().count();
    length > longest || id.fixed_length().is_some_and(|fixed| length != fixed || !id.accepts(value))
}

/// The same element with two values is how a patched payload looks; some issuers repeat elements in their own subfile.
pub(super) fn repeated_elements(document: &AamvaDocument) -> Check {
    const NAME: &str = "repeated_elements";
    let repeated: Vec<&str> = document.elements.repeated().iter().map(ElementId::as_str).collect();
    if repeated.is_empty() {
        pass(NAME, "every element has one value")
    } else {
        flag(NAME, format!("more than one value: {}", repeated.join(", ")))
    }
}

/// A licence has a vehicle class; an identity card has none that permits driving.
pub(super) fn document_type(document: &AamvaDocument) -> Check {
    const NAME: &str = "document_type";
    let class = document.elements.stated("DCA").or_else(|| document.elements.stated("DAR"));
    let has_element = ["DCA", "DAR"].iter().any(|id| document.elements.contains(ElementId::known(id)));
    match document.kind {
        Some(DocumentKind::IdCard) if class.is_some_and(|class| class != "ID") => {
            flag(NAME, "an identity card with a vehicle class")
        }
        Some(DocumentKind::DrivingLicense) if !has_element => flag(NAME, "a licence without a vehicle class"),
        Some(DocumentKind::IdCard) => pass(NAME, "an identity card"),
        Some(DocumentKind::DrivingLicense) => pass(NAME, "a licence"),
        _ if document.format == Format::MagneticStripe => not_applicable(NAME, "a magnetic stripe does not say"),
        _ => flag(NAME, "neither a licence nor an identity card by its subfiles"),
    }
}

/// Since 2009 each name says whether it was cut (T), was not (N), or that this is unknown (U).
pub(super) fn truncation(document: &AamvaDocument) -> Check {
    const NAME: &str = "truncation";
    let flags = [("DDE", "DCS"), ("DDF", "DAC"), ("DDG", "DAD")];
    if flags.iter().all(|(id, _)| !document.elements.contains(ElementId::known(id))) {
        return not_applicable(NAME, "no truncation flags");
    }
    let mut odd = Vec::new();
    let mut cut = Vec::new();
    for (id, name) in flags {
        match document.elements.text(id) {
            Some("N" | "U") => {}
            Some("T") if document.elements.stated(name).is_none() => odd.push(format!("{name} is cut but not there")),
            Some("T") => cut.push(name),
            Some(_) => odd.push(format!("{id} is none of T, N, U")),
            None => odd.push(format!("{id} is missing")),
        }
    }
    let said = if cut.is_empty() { "no name is cut".to_owned() } else { format!("cut: {}", cut.join(", ")) };
    flag_each(NAME, &odd, &said)
}
