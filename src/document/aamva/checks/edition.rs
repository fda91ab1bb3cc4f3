//! The payload against the edition that its header states: elements of other editions, and the date of issue.

use super::super::editions::Edition;
use super::super::elements::ElementId;
use super::super::{AamvaDocument, Format};
use super::{flag, not_applicable, pass};
use crate::document::Check;
use crate::document::CheckStrength::{Moderate, Strong, Weak};
use crate::privacy::PersonalDate;

/// So many elements of another edition are a card of that edition with another version in its header.
const FEW: usize = 2;

/// Elements that the stated edition does not have. One or two are an issuer that has kept some; more are a payload put
/// together from two editions, which the system of no issuer does.
pub(super) fn edition_elements(document: &AamvaDocument) -> Check {
    const NAME: &str = "edition_elements";
    let edition = match document.format {
        Format::Subfiles(_) => document.version.map(Edition::judging),
        Format::Headerless | Format::MagneticStripe => None,
    };
    let Some(edition) = edition else {
        return not_applicable(NAME, "no edition is stated");
    };
    let foreign: Vec<ElementId> =
        document.elements.iter().map(|(id, _)| id).filter(|id| !edition.may_have(*id)).collect();
    let names = foreign.iter().map(ElementId::as_str).collect::<Vec<_>>().join(", ");
    match foreign.len() {
        0 => pass(NAME, Weak, format!("every element is one of the edition of {}", edition.year)),
        1..=FEW => flag(NAME, Weak, format!("not of the edition of {}: {names}", edition.year)),
        _ => flag(
            NAME,
            Strong,
            format!("{} elements are not of the edition of {}: {names}", foreign.len(), edition.year),
        ),
    }
}

/// Years for which issuers are known to go on with an edition after the next one was published, and a few more.
const LATE_YEARS: i32 = 15;

/// A card cannot be issued before its edition was; the year before is let be, because editions circulate as drafts.
/// Some issuers keep the date of the first issue on a replacement, so that it is a flag. So is a card of an edition that
/// was superseded long before the issue: an old edition has fewer elements that a forger would have to get right.
pub(super) fn edition_date(document: &AamvaDocument) -> Check {
    const NAME: &str = "edition_date";
    let Some(edition) = document.version.map(Edition::judging) else {
        return not_applicable(NAME, "no edition is stated");
    };
    let Some(issue) = document.fields.issue_date.as_ref().map(PersonalDate::reveal) else {
        return not_applicable(NAME, "there is no readable date of issue");
    };
    let (edition_year, issue_year) = (i32::from(edition.year), i32::from(issue.year()));
    let is_late = |next: u16| issue_year > i32::from(next) + LATE_YEARS;
    if issue_year < edition_year - 1 {
        flag(NAME, Moderate, format!("issued before the edition of {edition_year} was published"))
    } else if let Some(next) = edition.superseded_in().filter(|next| is_late(*next)) {
        flag(NAME, Moderate, format!("issued more than {LATE_YEARS} years after the next edition, of {next}"))
    } else {
        pass(NAME, Weak, format!("issued after the edition of {edition_year}"))
    }
}
