//! What speaks against a document, by itself and for a rule.

use std::collections::BTreeSet;

use super::evidence::{DocumentEvidence, EncodedSource};
use super::policy::{Measure, Policy};
use super::reason::ReasonCode;
use crate::compliance::{PlaceDays, reaches_age_on};
use crate::document::mrz::SPECIMEN;
use crate::document::{Agreement, CheckResult, ISSUER, PORTRAIT_QUALITY, RECAPTURE, Standing, standing};

/// The verdict on a document alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum DocumentVerdict {
    /// Everything that the policy asks of a document is there and right.
    Verified,
    /// Something about it is wrong.
    NotVerified,
    /// Not enough of it could be read to say.
    Undecided,
}

/// Every reason why this document cannot verify a person under `policy`; none means that it can.
#[must_use]
pub fn document_findings(document: &DocumentEvidence, policy: &Policy, days: PlaceDays) -> BTreeSet<ReasonCode> {
    let mut found = BTreeSet::new();
    let mut note = |wrong: bool, code| {
        if wrong {
            found.insert(code);
        }
    };
    let fields = &document.fields;
    note(document.encoded.is_none(), ReasonCode::DocumentUnreadable);
    let front_only = document.encoded == Some(EncodedSource::Front);
    note(front_only && !policy.accept_front_only, ReasonCode::DocumentFrontOnly);
    if document.encoded.is_some() {
        let accepted = document.kind.is_some_and(|kind| policy.accepted_kinds.contains(&kind));
        note(!accepted, ReasonCode::DocumentTypeNotSupported);
        let expiry = fields.expiration_date.as_ref().map(crate::privacy::PersonalDate::reveal);
        note(expiry.is_none(), ReasonCode::DocumentExpiryUnknown);
        let expired = expiry.is_some_and(|last_day| days.latest > last_day);
        note(expired && policy.counts(Measure::Expiry), ReasonCode::DocumentExpired);
        let birth = fields.date_of_birth.as_ref().map(crate::privacy::PersonalDate::reveal);
        note(birth.is_none(), ReasonCode::AgeUnknown);
        let of_age = |birth| days.earliest >= reaches_age_on(birth, policy.tier.years());
        note(birth.is_some_and(|birth| !of_age(birth)), ReasonCode::UnderAge);
    }
    let specimen = document.checks.iter().any(|c| c.name == SPECIMEN && c.result == CheckResult::Flag);
    note(specimen && !policy.admit_specimens, ReasonCode::DocumentCheckFailed);
    // Where a specimen is admitted, that it is one does not count towards a refusal either.
    let counted = document.checks.iter().filter(|c| c.name != SPECIMEN);
    note(standing(counted) == Standing::Refused, ReasonCode::DocumentCheckFailed);
    // That it looks like a card says nothing about what is encoded on it.
    let of_pictures = |name| [RECAPTURE, PORTRAIT_QUALITY].contains(&name);
    let recapture = document.checks.iter().find(|check| check.name == RECAPTURE).map(|check| check.result);
    note(policy.refuse_recapture && recapture == Some(CheckResult::Flag), ReasonCode::DocumentRecaptured);
    // Where a sign refuses, not to have looked for it is no pass.
    let unseen = !matches!(recapture, Some(CheckResult::Pass | CheckResult::Flag));
    note(policy.refuse_recapture && unseen, ReasonCode::DocumentFrontUnreadable);
    let sound = document.checks.iter().any(|c| c.result == CheckResult::Pass && !of_pictures(c.name));
    note(document.encoded.is_some() && !sound, ReasonCode::DocumentUnreadable);
    // Nothing is there to compare the print with: all of it has to be read instead.
    let unnamed = fields.id_number.is_none() || fields.last_name.is_none() || fields.first_name.is_none();
    note(front_only && unnamed, ReasonCode::DocumentFrontUnreadable);
    let named = |result| document.comparisons.iter().filter(move |c| c.result == result).map(|c| c.field);
    let crossed = !front_only && policy.counts(Measure::CrossReference);
    note(crossed && named(Agreement::Differs).next().is_some(), ReasonCode::DocumentFieldsDiffer);
    // That a front names the issuer says nothing about its holder.
    let agreeing: BTreeSet<&str> = named(Agreement::Agrees).filter(|field| *field != ISSUER).collect();
    let too_few = agreeing.len() < policy.min_agreeing_fields;
    // A field that differs was read: it has its own reason.
    let read = |field: &&str| named(Agreement::Agrees).chain(named(Agreement::Differs)).any(|name| name == *field);
    let lacks_one = !policy.required_fields.iter().all(read);
    note(crossed && (too_few || lacks_one), ReasonCode::DocumentFrontUnreadable);
    note(policy.require_face_match && !document.portrait_found, ReasonCode::PortraitMissing);
    found
}

/// The verdict that the findings amount to: what was seen to be wrong outweighs what could not be read.
pub fn document_verdict(findings: &BTreeSet<ReasonCode>) -> DocumentVerdict {
    let unread = |code: &ReasonCode| {
        matches!(
            code,
            ReasonCode::DocumentMissing
                | ReasonCode::DocumentUnreadable
                | ReasonCode::DocumentFrontUnreadable
                | ReasonCode::DocumentExpiryUnknown
                | ReasonCode::AgeUnknown
                | ReasonCode::PortraitMissing
        )
    };
    if findings.is_empty() {
        DocumentVerdict::Verified
    } else if findings.iter().all(unread) {
        DocumentVerdict::Undecided
    } else {
        DocumentVerdict::NotVerified
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::compliance::AgeTier;
    use crate::document::{Check, CheckStrength, DocumentKind, FieldComparison, Fields};
    use crate::session::EncodedSource;

    fn evidence(checks: Vec<Check>) -> DocumentEvidence {
        let agrees = |field| FieldComparison { field, printed: None, encoded: None, result: Agreement::Agrees };
        DocumentEvidence {
            encoded: Some(EncodedSource::Barcode),
            kind: Some(DocumentKind::IdCard),
            fields: Fields::default(),
            checks,
            comparisons: ["date_of_birth", "expiration_date", "id_number"].map(agrees).into(),
            portrait_found: true,
        }
    }

    fn findings(checks: Vec<Check>, refuse_recapture: bool) -> BTreeSet<ReasonCode> {
        let document = evidence(checks);
        let policy = Policy { refuse_recapture, ..Policy::for_tier(AgeTier::Over21) };
        document_findings(&document, &policy, PlaceDays::single(date(2026, 11, 22)))
    }

    #[test]
    fn signs_of_a_recapture_refuse_only_where_the_policy_says_so() {
        let flagged = || vec![Check::new(RECAPTURE, CheckResult::Flag, "")];
        assert!(!findings(flagged(), false).contains(&ReasonCode::DocumentRecaptured));
        assert!(findings(flagged(), true).contains(&ReasonCode::DocumentRecaptured));
        let passed = vec![Check::new(RECAPTURE, CheckResult::Pass, "")];
        assert!(!findings(passed, true).contains(&ReasonCode::DocumentRecaptured));
    }

    #[test]
    fn where_a_sign_refuses_not_to_have_looked_is_no_pass() {
        let verdict_on = |result, refuse| {
            let mut document = evidence(vec![Check::new("date_order", CheckResult::Pass, "")]);
            document.checks.extend(result);
            let policy = Policy { refuse_recapture: refuse, ..Policy::for_tier(AgeTier::Over21) };
            let findings = document_findings(&document, &policy, PlaceDays::single(date(2026, 11, 22)));
            findings.contains(&ReasonCode::DocumentFrontUnreadable)
        };
        let not_looked = Check::new(RECAPTURE, CheckResult::NotApplicable, "");
        assert!(verdict_on(Some(not_looked.clone()), true) && verdict_on(None, true));
        assert!(!verdict_on(Some(not_looked), false));
        assert!(!verdict_on(Some(Check::new(RECAPTURE, CheckResult::Pass, "")), true));
    }

    #[test]
    fn a_specimen_verifies_only_where_the_policy_admits_it() {
        let refused = |result, admit_specimens| {
            let strong = Check::new(SPECIMEN, result, "").with_strength(CheckStrength::Strong);
            let moderate = Check::new("some_other", CheckResult::Flag, "");
            let policy = Policy { admit_specimens, ..Policy::for_tier(AgeTier::Over21) };
            let document = evidence(vec![strong, moderate]);
            let findings = document_findings(&document, &policy, PlaceDays::single(date(2026, 11, 22)));
            findings.contains(&ReasonCode::DocumentCheckFailed)
        };
        assert!(!Policy::for_tier(AgeTier::Over21).admit_specimens);
        assert!(refused(CheckResult::Flag, false) && !refused(CheckResult::Flag, true));
        assert!(!refused(CheckResult::Pass, false));
    }

    #[test]
    fn a_last_day_that_nobody_compared_is_not_trusted() {
        let mut document = evidence(Vec::new());
        document.comparisons.retain(|comparison| comparison.field != "expiration_date");
        let policy = Policy::for_tier(AgeTier::Over21);
        let findings = document_findings(&document, &policy, PlaceDays::single(date(2026, 11, 22)));
        assert!(findings.contains(&ReasonCode::DocumentFrontUnreadable));
    }

    #[test]
    fn a_picture_that_looks_right_makes_no_code_readable() {
        let looks =
            vec![Check::new(RECAPTURE, CheckResult::Pass, ""), Check::new(PORTRAIT_QUALITY, CheckResult::Pass, "")];
        assert!(findings(looks, false).contains(&ReasonCode::DocumentUnreadable));
        let sound = vec![Check::new("date_order", CheckResult::Pass, "")];
        assert!(!findings(sound, false).contains(&ReasonCode::DocumentUnreadable));
    }
}
