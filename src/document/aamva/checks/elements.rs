//! The elements against the edition's tables of mandatory and optional elements (annex D).

use super::super::editions::Edition;
use super::super::elements::{ElementId, is_placeholder};
use super::super::{AamvaDocument, Format};
use super::{Oddities, PayloadOrigin, fail, flag, not_applicable, pass};
use crate::document::CheckStrength::{Moderate, Strong, Weak};
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
    let Some(edition) = document.version.map(Edition::judging) else {
        return not_applicable(NAME, "no edition is stated whose elements could be demanded");
    };
    let is_license = document.kind == Some(DocumentKind::DrivingLicense);
    let all: Vec<ElementId> = edition.mandatory(is_license).collect();
    let missing: Vec<&ElementId> = all.iter().filter(|id| !has(document, **id)).collect();
    let detail = missing.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    if missing.is_empty() {
        pass(NAME, Weak, format!("all {} elements of the edition are there", all.len()))
    } else if 2 * missing.len() > all.len() {
        fail(NAME, format!("most are missing: {detail}"))
    } else {
        let strength = match missing.len() {
            1 => Weak,
            some if 3 * some < all.len() => Moderate,
            _ => Strong,
        };
        flag(NAME, strength, format!("missing: {detail}"))
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

/// So many elements out of form are an issuer's habit.
const FEW: usize = 2;

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
    match odd.len() {
        0 => pass(NAME, Weak, "every element is of its form"),
        1..=FEW => flag(NAME, Weak, odd.join("; ")),
        _ => flag(NAME, Moderate, odd.join("; ")),
    }
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

/// Elements whose text the standard has in capitals: its type `A` is A to Z.
const CAPITALS: [&str; 9] = ["DCS", "DAC", "DAD", "DCT", "DAA", "DAG", "DAI", "DAJ", "DAY"];

/// Small letters where issuers' systems print capitals. One may be a clerk's; more are a form that was filled in by hand.
pub(super) fn letter_case(document: &AamvaDocument) -> Check {
    const NAME: &str = "letter_case";
    let is_small =
        |id: &&'static str| document.elements.stated(id).is_some_and(|value| value.chars().any(char::is_lowercase));
    let small: Vec<&str> = CAPITALS.into_iter().filter(is_small).collect();
    match small.len() {
        0 => pass(NAME, Weak, "capitals"),
        1 => flag(NAME, Weak, format!("{} has small letters", small.join(", "))),
        _ => flag(NAME, Moderate, format!("{} have small letters", small.join(", "))),
    }
}

/// Elements that say who the holder is: two values of one of them are two people's.
const HOLDER: [&str; 6] = ["DAQ", "DBB", "DBA", "DCS", "DAC", "DBC"];
/// Those of them that decide, and that no issuer is known to write twice.
const DECIDING: [&str; 3] = ["DAQ", "DBB", "DBA"];

/// The same element with two values is how a patched payload looks; some issuers repeat elements in their own subfile.
/// Number, birth or expiry with two values are a fail where the payload was read out of its symbol: elsewhere, what types
/// may have typed two cards.
pub(super) fn repeated_elements(document: &AamvaDocument, origin: PayloadOrigin) -> Check {
    const NAME: &str = "repeated_elements";
    let names = |ids: &[ElementId]| ids.iter().map(ElementId::as_str).collect::<Vec<_>>().join(", ");
    let (repeated, echoed) = (document.elements.repeated(), document.elements.echoed());
    let has = |of: &[&str]| repeated.iter().any(|id| of.contains(&id.as_str()));
    match (repeated.is_empty(), echoed.is_empty()) {
        (true, true) => pass(NAME, Weak, "every element comes once"),
        (true, false) => flag(NAME, Weak, format!("more than once with the same value: {}", names(echoed))),
        (false, _) => {
            let detail = format!("more than one value: {}", names(repeated));
            if origin == PayloadOrigin::Symbol && has(&DECIDING) {
                return fail(NAME, detail);
            }
            flag(NAME, if has(&HOLDER) { Strong } else { Weak }, detail)
        }
    }
}

/// A licence has a vehicle class; an identity card has none that permits driving.
pub(super) fn document_type(document: &AamvaDocument) -> Check {
    const NAME: &str = "document_type";
    let class = document.elements.stated("DCA").or_else(|| document.elements.stated("DAR"));
    let has_element = ["DCA", "DAR"].iter().any(|id| document.elements.contains(ElementId::known(id)));
    match document.kind {
        Some(DocumentKind::IdCard) if class.is_some_and(|class| !is_no_class(class)) => {
            flag(NAME, Strong, "an identity card with a vehicle class")
        }
        Some(DocumentKind::DrivingLicense) if !has_element => flag(NAME, Moderate, "a licence without a vehicle class"),
        Some(DocumentKind::IdCard) => pass(NAME, Weak, "an identity card"),
        Some(DocumentKind::DrivingLicense) => pass(NAME, Weak, "a licence"),
        _ if document.format == Format::MagneticStripe => not_applicable(NAME, "a magnetic stripe does not say"),
        _ => flag(NAME, Moderate, "neither a licence nor an identity card by its subfiles"),
    }
}

/// What identity cards have in place of a class: `ID`, `I`, `NA` or the like.
fn is_no_class(class: &str) -> bool {
    ["ID", "I", "NA", "ID CARD"].iter().any(|word| class.eq_ignore_ascii_case(word))
}

/// Since 2009 each name says whether it was cut (T), was not (N), or that this is unknown (U).
pub(super) fn truncation(document: &AamvaDocument) -> Check {
    const NAME: &str = "truncation";
    let flags = [("DDE", "DCS"), ("DDF", "DAC"), ("DDG", "DAD")];
    if flags.iter().all(|(id, _)| !document.elements.contains(ElementId::known(id))) {
        return not_applicable(NAME, "no truncation flags");
    }
    let mut odd = Oddities::default();
    let mut cut = Vec::new();
    for (id, name) in flags {
        match document.elements.text(id) {
            Some("N" | "U") => {}
            Some("T") if document.elements.stated(name).is_none() => {
                odd.add(Moderate, format!("{name} is cut but not there"));
            }
            Some("T") => cut.push(name),
            Some(_) => odd.add(Moderate, format!("{id} is none of T, N, U")),
            None => odd.add(Weak, format!("{id} is missing")),
        }
    }
    let said = if cut.is_empty() { "no name is cut".to_owned() } else { format!("cut: {}", cut.join(", ")) };
    odd.into_check(NAME, Weak, said)
}
