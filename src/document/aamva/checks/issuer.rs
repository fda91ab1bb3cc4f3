//! The issuer's number against the rest of the payload.

use super::super::address::country_code;
use super::super::{AamvaDocument, Issuer};
use super::{fail, flag, not_applicable, pass};
use crate::document::Check;
use crate::document::CheckStrength::{Moderate, Strong, Weak};

pub(super) fn issuer_known(document: &AamvaDocument) -> Check {
    const NAME: &str = "issuer_known";
    match (&document.iin, document.issuer) {
        (Some(iin), Some(issuer)) => pass(NAME, Weak, format!("{iin}: {}", issuer.name)),
        // The list grows, if rarely: a number that it lacks is not yet proof.
        (Some(iin), None) => flag(NAME, Strong, format!("{iin} is no issuer that AAMVA is known to list")),
        (None, _) => flag(NAME, Moderate, "no issuer is stated"),
    }
}

/// Holders move, students and soldiers keep the card of their home state: another state in the address is only a flag.
pub(super) fn issuer_address(document: &AamvaDocument) -> Check {
    const NAME: &str = "issuer_address";
    let Some(issuer) = document.issuer.filter(|issuer| issuer.code.is_some()) else {
        return not_applicable(NAME, "the issuer is no state or province, or not known");
    };
    match &document.fields.jurisdiction_code {
        None => not_applicable(NAME, "the address has no state or province"),
        Some(code) if issuer.is_called(code) => pass(NAME, Weak, format!("{code} issued it")),
        Some(code) => flag(NAME, Moderate, format!("the address is in {code}, the issuer is {}", issuer.name)),
    }
}

/// The country of issue is a constant of the issuer's system, so that another country is no genuine card's.
pub(super) fn issuer_country(document: &AamvaDocument) -> Check {
    const NAME: &str = "issuer_country";
    let Some(issuer) = document.issuer else {
        return not_applicable(NAME, "the issuer is not known");
    };
    let Some(stated) = document.elements.stated("DCG") else {
        return not_applicable(NAME, "no country is stated");
    };
    match country_code(stated) {
        Some(country) if country == issuer.country => pass(NAME, Weak, country),
        Some(country) if ["USA", "CAN", "MEX"].contains(&country.as_str()) => {
            fail(NAME, format!("{country} is stated, {} is in {}", issuer.name, issuer.country))
        }
        _ => flag(NAME, Moderate, "the country is not of the form that cards have"),
    }
}

/// An issuer's own subfile is called Z and the first letter of the place.
pub(super) fn issuer_subfile(document: &AamvaDocument) -> Check {
    const NAME: &str = "issuer_subfile";
    let declared = document.structure.subfiles.iter().map(|subfile| subfile.designator);
    let found = document.structure.found_subfiles.iter().copied();
    let Some(subfile) = declared.chain(found).find(|designator| designator.is_jurisdiction()) else {
        return not_applicable(NAME, "no subfile of the issuer's own");
    };
    let Some(issuer) = document.issuer else {
        return not_applicable(NAME, "the issuer is not known");
    };
    if subfile.as_str().get(1..) == first_letter(issuer) {
        pass(NAME, Weak, subfile.as_str())
    } else {
        flag(NAME, Strong, format!("{} is not the subfile of {}", subfile.as_str(), issuer.name))
    }
}

fn first_letter(issuer: &Issuer) -> Option<&str> {
    issuer.name.get(..1)
}
