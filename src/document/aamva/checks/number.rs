//! The licence number against its issuer and its holder.

use super::super::numbers::{Holder, NumberFormat, bare, compare};
use super::super::{AamvaDocument, Format};
use super::{Oddities, flag, not_applicable, pass};
use crate::document::CheckStrength::{Moderate, Strong, Weak};
use crate::document::{Check, DocumentKind};
use crate::privacy::PersonalDate;

/// Whether the number has a form that its issuer gives numbers. Issuers change forms and our sources are not theirs, so
/// that another form is a flag.
pub(super) fn number_format(document: &AamvaDocument) -> Check {
    const NAME: &str = "number_format";
    if document.format == Format::MagneticStripe {
        return not_applicable(NAME, "a magnetic stripe writes letters as digits");
    }
    let Some(issuer) = document.issuer else {
        return not_applicable(NAME, "the issuer is not known");
    };
    let Some(format) = NumberFormat::of(issuer) else {
        return not_applicable(NAME, format!("no form of {}'s numbers is known", issuer.name));
    };
    let Some(number) = document.elements.stated("DAQ") else {
        return not_applicable(NAME, "there is no number");
    };
    if format.admits(bare(number).reveal()) {
        return pass(NAME, Moderate, format!("a form of {}'s numbers", issuer.name));
    }
    // The forms are those of licences; some issuers number identity cards apart.
    let strength = if document.kind == Some(DocumentKind::IdCard) { Weak } else { format.strength };
    flag(NAME, strength, format!("{} gives numbers of another form", issuer.name))
}

/// Whether name, birth and check digit fit where the issuer encodes them. A name may change while the number stays, in
/// some places; a birth does not.
pub(super) fn number_holder(document: &AamvaDocument) -> Check {
    const NAME: &str = "number_holder";
    if document.format == Format::MagneticStripe {
        return not_applicable(NAME, "a magnetic stripe writes letters as digits");
    }
    let fields = &document.fields;
    let code = document.issuer.and_then(|issuer| issuer.code);
    let parts = (code, &fields.id_number, &fields.last_name, &fields.date_of_birth);
    let (Some(code), Some(number), Some(last), Some(birth)) = parts else {
        return not_applicable(NAME, "issuer, number, name or birth is not known");
    };
    let holder = Holder {
        last: last.reveal(),
        first: fields.first_name.as_ref().map(|name| name.reveal().as_str()),
        middle: fields.middle_name.as_ref().map(|name| name.reveal().as_str()),
        birth: birth.reveal(),
        issue: fields.issue_date.as_ref().map(PersonalDate::reveal),
        is_license: document.kind == Some(DocumentKind::DrivingLicense),
    };
    let Some(comparison) = compare(code, bare(number.reveal()).reveal(), &holder) else {
        return not_applicable(NAME, "this issuer's numbers say nothing that is publicly known");
    };
    let mut odd = Oddities::default();
    if comparison.check_digit == Some(false) {
        odd.add(Strong, "the check digit is wrong");
    }
    if comparison.birth == Some(false) {
        let strength = if comparison.is_renumbering { Moderate } else { Strong };
        odd.add(strength, "the number encodes another birth");
    }
    if comparison.name == Some(false) {
        odd.add(Weak, "the number encodes another name");
    }
    let strength = if comparison.birth.is_some() { Strong } else { Moderate };
    odd.into_check(NAME, strength, "the number encodes this holder")
}
