//! The decision: a pure, total function of evidence, policy and the place's day.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::document_findings::document_findings;
use super::evidence::{Evidence, FeedEvidence};
use super::policy::{Measure, Policy};
use super::reason::ReasonCode;
use super::returning::ReturnProof;
use crate::compliance::PlaceDays;
use crate::document::{Agreement, CheckResult, CheckStrength, FieldComparison};
use crate::liveness::{AgeTriage, FeedReport, FlashVerdict, MatchDecision, TurnVerdict};

/// The flag of frames that may not come from the camera's sensor.
pub(super) const INJECTION_SUSPECTED: &str = "injection_suspected";
/// The flag of a screen flash whose light nobody can have seen with the pinned camera.
pub(super) const FLASH_SIMULATED: &str = "screen_flash_simulated";

/// The flag of a document that was used for many verifications within a day.
pub(super) const DOCUMENT_OVERUSE: &str = "document_overuse";

/// The check of a face that needed no document. Where one was needed, nothing says that a face was looked at for that.
pub(super) const AGE_ESTIMATE: &str = "age_estimate";

/// Whether the person is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Everything that the policy requires was there and right.
    Verified,
    /// Something was wrong or missing.
    NotVerified,
}

/// One check by name, as the outcome lists it: no detail, because details quote the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCheck {
    /// Stable name in snake case.
    pub name: Cow<'static, str>,
    /// How it ended.
    pub result: CheckResult,
    /// How much that says.
    pub strength: CheckStrength,
}

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// Whether the person is verified.
    pub verdict: Verdict,
    /// Every reason against it, the most telling first; empty exactly when verified.
    pub reasons: Vec<ReasonCode>,
    /// Every check that was made.
    pub checks: Vec<NamedCheck>,
    /// Names of what was odd but is no reason to refuse.
    pub flags: Vec<Cow<'static, str>>,
}

/// Decides. Missing evidence is a reason against; nothing is assumed.
pub fn decide(evidence: &Evidence, policy: &Policy, days: PlaceDays) -> Decision {
    let mut findings = match &evidence.document {
        Some(document) => document_findings(document, policy, days),
        None if needs_no_document(evidence, policy) => BTreeSet::new(),
        None => BTreeSet::from([ReasonCode::DocumentMissing]),
    };
    findings.extend(capture_finding(evidence));
    findings.extend(liveness_finding(evidence, policy));
    findings.extend(match_finding(evidence, policy));
    findings.extend(flash_finding(evidence, policy));
    let checks = checks(evidence, policy, &findings);
    let flagged = checks.iter().filter(|check| check.result == CheckResult::Flag);
    Decision {
        verdict: if findings.is_empty() { Verdict::Verified } else { Verdict::NotVerified },
        reasons: findings.into_iter().collect(),
        flags: flagged.map(|check| check.name.clone()).collect(),
        checks,
    }
}

/// A decision against a person before everything was collected: on `reasons`, which must not be empty. What was never
/// asked for counts as not made, rather than as failed.
pub fn refuse(evidence: &Evidence, policy: &Policy, reasons: BTreeSet<ReasonCode>) -> Decision {
    let asked = Policy {
        require_liveness: policy.require_liveness && evidence.liveness.is_some(),
        require_face_match: policy.require_face_match && evidence.face_match.is_some(),
        require_flash: policy.require_flash && evidence.flash.is_some(),
        ..policy.clone()
    };
    let checks = checks(evidence, &asked, &reasons);
    let flagged = checks.iter().filter(|check| check.result == CheckResult::Flag);
    Decision {
        verdict: Verdict::NotVerified,
        flags: flagged.map(|check| check.name.clone()).collect(),
        reasons: reasons.into_iter().collect(),
        checks,
    }
}

/// What speaks against a face that was looked at without a document; `None` when nothing does. That no flash was shown
/// does not: nobody is flashed at for an answer that the document has to give.
pub(super) fn face_finding(evidence: &Evidence, policy: &Policy) -> Option<ReasonCode> {
    let flash = flash_finding(evidence, policy).filter(|_| evidence.flash.is_some());
    [capture_finding(evidence), liveness_finding(evidence, policy), flash].into_iter().flatten().min()
}

/// Whether a live face alone answers what is asked: it looks clearly old enough, and policy takes that for an answer.
fn needs_no_document(evidence: &Evidence, policy: &Policy) -> bool {
    let asked = policy.age_threshold().is_some() && evidence.document.is_none();
    let live = evidence.liveness.is_some_and(|liveness| liveness.verdict == TurnVerdict::Live);
    asked && live && evidence.age == Some(AgeTriage::ClearlyAbove)
}

/// Whether a pass stands in for the head turn: its document is here, and it says what is asked. A head turn that was begun all
/// the same counts.
fn needs_no_face(evidence: &Evidence, policy: &Policy) -> bool {
    let unseen = evidence.liveness.is_none() && evidence.face_match.is_none() && evidence.flash.is_none();
    unseen && evidence.document.is_some() && evidence.pass.as_ref().is_some_and(|shown| shown.suits(policy))
}

/// A live capture whose frames nobody watched is as good as none.
fn capture_finding(evidence: &Evidence) -> Option<ReasonCode> {
    let Some(capture) = evidence.capture else { return Some(ReasonCode::CaptureUnknown) };
    let unwatched = |feed: &FeedEvidence| evidence.document.is_some() && feed.document.is_none();
    match &evidence.feed {
        Some(feed) if feed.face.as_ref().is_some_and(FeedReport::refuses) => Some(ReasonCode::CameraFeedSuspect),
        Some(feed) if unwatched(feed) => capture.provenance.is_live().then_some(ReasonCode::CaptureUnknown),
        Some(feed) if feed.face.is_some() || evidence.liveness.is_none() => None,
        Some(_) | None => capture.provenance.is_live().then_some(ReasonCode::CaptureUnknown),
    }
}

/// What was odd about the frames and refuses nothing by itself.
fn is_feed_odd(feed: &FeedEvidence) -> bool {
    let reports = [&feed.document, &feed.face];
    reports.into_iter().flatten().any(|report| !report.is_clean())
}

fn liveness_finding(evidence: &Evidence, policy: &Policy) -> Option<ReasonCode> {
    match evidence.liveness.map(|liveness| liveness.verdict) {
        _ if !policy.counts(Measure::Liveness) => None,
        // An attack that was seen counts also where nobody asked for a head turn.
        Some(TurnVerdict::Attack) => Some(ReasonCode::LivenessAttack),
        Some(TurnVerdict::Live) => None,
        None if needs_no_face(evidence, policy) => None,
        Some(TurnVerdict::Incomplete) | None => policy.require_liveness.then_some(ReasonCode::LivenessIncomplete),
    }
}

fn match_finding(evidence: &Evidence, policy: &Policy) -> Option<ReasonCode> {
    match evidence.face_match.map(|compared| compared.decision) {
        _ if !policy.counts(Measure::FaceMatch) => None,
        Some(MatchDecision::Match) => None,
        None if needs_no_document(evidence, policy) || needs_no_face(evidence, policy) => None,
        Some(MatchDecision::NonMatch) => Some(ReasonCode::FaceMismatch),
        Some(MatchDecision::NoProbe) | None => policy.require_face_match.then_some(ReasonCode::FaceNotCompared),
    }
}

fn flash_finding(evidence: &Evidence, policy: &Policy) -> Option<ReasonCode> {
    match evidence.flash.map(|flash| flash.verdict) {
        // What was shown and not followed counts also where nobody asked for it.
        Some(FlashVerdict::NotFollowed) => Some(ReasonCode::FlashNotFollowed),
        Some(FlashVerdict::Followed) => None,
        None if needs_no_face(evidence, policy) => None,
        Some(FlashVerdict::NotMeasurable) | None => policy.require_flash.then_some(ReasonCode::FlashNotMeasured),
    }
}

fn checks(evidence: &Evidence, policy: &Policy, findings: &BTreeSet<ReasonCode>) -> Vec<NamedCheck> {
    let mut checks = Vec::new();
    if let Some(document) = &evidence.document {
        checks.extend(document.checks.iter().map(|c| NamedCheck {
            name: Cow::Borrowed(c.name),
            result: c.result,
            strength: c.strength,
        }));
        checks.extend(document.comparisons.iter().map(comparison_check));
    }
    let mut judged = |name, required, codes: &[ReasonCode]| {
        let result = match (required, codes.iter().any(|code| findings.contains(code))) {
            (_, true) => CheckResult::Fail,
            (true, false) => CheckResult::Pass,
            (false, false) => CheckResult::NotApplicable,
        };
        checks.push(NamedCheck { name: Cow::Borrowed(name), result, strength: CheckStrength::Strong });
    };
    let read = evidence.document.as_ref().is_some_and(|document| document.encoded.is_some());
    judged("expiry", read, &[ReasonCode::DocumentExpired, ReasonCode::DocumentExpiryUnknown]);
    judged("age", read, &[ReasonCode::UnderAge, ReasonCode::AgeUnknown]);
    let by_pass = needs_no_face(evidence, policy);
    judged(
        "liveness",
        policy.require_liveness && !by_pass,
        &[ReasonCode::LivenessAttack, ReasonCode::LivenessIncomplete],
    );
    let turned = evidence.feed.as_ref().is_some_and(|feed| feed.face.is_some());
    judged("camera_feed", turned, &[ReasonCode::CameraFeedSuspect]);
    let by_age = needs_no_document(evidence, policy);
    judged(
        "face_match",
        policy.require_face_match && !by_age && !by_pass,
        &[ReasonCode::FaceMismatch, ReasonCode::FaceNotCompared],
    );
    let of_flash = [ReasonCode::FlashNotFollowed, ReasonCode::FlashNotMeasured];
    let flashed = evidence.flash.is_some() || of_flash.iter().any(|code| findings.contains(code));
    // Most devices never flash: their outcomes do not speak of it.
    if policy.require_flash && !by_pass || flashed {
        judged("screen_flash", true, &of_flash);
    }
    if by_age {
        let (name, result) = (Cow::Borrowed(AGE_ESTIMATE), CheckResult::Pass);
        checks.push(NamedCheck { name, result, strength: CheckStrength::Moderate });
    }
    if by_pass {
        let (name, result) = (Cow::Borrowed(ReturnProof::Pass.check()), CheckResult::Pass);
        checks.push(NamedCheck { name, result, strength: CheckStrength::Moderate });
    }
    let odd = [
        (INJECTION_SUSPECTED, evidence.feed.as_ref().is_some_and(is_feed_odd)),
        (FLASH_SIMULATED, evidence.flash.is_some_and(|flash| flash.simulated)),
    ];
    let odd = odd.into_iter().filter_map(|(name, is_odd)| is_odd.then_some(name));
    for name in odd.chain(evidence.surroundings.flags()) {
        let (name, strength) = (Cow::Borrowed(name), CheckStrength::Weak);
        checks.push(NamedCheck { name, result: CheckResult::Flag, strength });
    }
    checks
}

fn comparison_check(comparison: &FieldComparison) -> NamedCheck {
    let result = match comparison.result {
        Agreement::Agrees => CheckResult::Pass,
        Agreement::Differs => CheckResult::Fail,
        Agreement::NotCompared => CheckResult::NotApplicable,
    };
    NamedCheck {
        name: Cow::Owned(format!("cross_reference_{}", comparison.field)),
        result,
        strength: CheckStrength::Strong,
    }
}
