//! The outcome: the only type that may reach disk or network.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::consent::Consent;
use super::decision::{AGE_ESTIMATE, Decision, NamedCheck, Verdict};
use super::evidence::{EncodedSource, Evidence, FlashEvidence, Review};
use super::pass::TrustedPass;
use super::reason::ReasonCode;
use super::returning::{ReturnProof, Returned, Reused};
use super::surroundings::Surroundings;
use crate::compliance::{AgeTier, Rule};
use crate::document::{CheckResult, DocumentKind};
use crate::imaging::Provenance;
use crate::privacy::StaffId;

pub use super::evidence::ModelDigests;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeResult {
    /// The person is verified.
    Verified,
    /// The person is not.
    NotVerified,
}

/// How strong the evidence was, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// No document: a live face that looks clearly old enough.
    AgeEstimate,
    /// A document of which only the front was read, with whatever was shown besides.
    FrontOnly,
    /// A document whose machine-readable part and front agree.
    Document,
    /// The same, with a live person who matches the portrait.
    DocumentFace,
}

/// The kind of document and the checks that gave the result, such as `driving_license_barcode_face`; `age_estimate` where
/// a live face needed none, `returning_email_code` and `returning_pass` where somebody was verified before, and `staff` where one of them overrode
/// the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Method(String);

/// What an outcome of the staff refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overriding {
    /// Identifier of the outcome that ended the session.
    pub outcome: String,
    /// Which of the staff.
    pub staff: StaffId,
}

/// What the shell knows and the decision does not.
#[derive(Debug, Clone)]
pub struct OutcomeSeed {
    /// Identifier of this outcome, unguessable.
    pub id: String,
    /// Identifier of the session.
    pub session: String,
    /// Identifier of the device.
    pub device: String,
    /// Counts this device's outcomes from 1; 0 where nothing is chained.
    pub sequence: u64,
    /// Hash of the device's outcome before this one, if there is one.
    pub previous_hash: Option<String>,
    /// The moment of the decision.
    pub decided_at: Timestamp,
    /// When a verified outcome stops granting anything.
    pub expires_at: Timestamp,
    /// What the person answered when they were asked; none where nobody asked, as of files.
    pub consent: Option<Consent>,
    /// Whether the session is live: made with a live key or at the screen, on a device with a pinned camera.
    pub live_session: bool,
}

/// A decided verification. It has no field that could hold personal data. It is read back only out of an attestation that
/// holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    id: String,
    session: String,
    device: String,
    sequence: u64,
    previous_hash: Option<String>,
    result: OutcomeResult,
    reason: Option<ReasonCode>,
    reasons: Vec<ReasonCode>,
    tier: AgeTier,
    method: Option<Method>,
    strength: Option<Strength>,
    checks: Vec<NamedCheck>,
    flags: Vec<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flash: Option<FlashEvidence>,
    #[serde(default, skip_serializing_if = "Surroundings::is_unknown")]
    surroundings: Surroundings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consent: Option<Consent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review: Option<Review>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    overrides: Option<Overriding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reuses: Option<Reused>,
    rule_version: String,
    model_digests: ModelDigests,
    provenance: Option<Provenance>,
    livemode: bool,
    decided_at: Timestamp,
    expires_at: Timestamp,
}

impl Outcome {
    /// Puts a decision into the form that is stored and signed.
    #[must_use]
    pub fn new(seed: OutcomeSeed, decision: &Decision, evidence: &Evidence, rule: &Rule) -> Self {
        let provenance = evidence.capture.map(|capture| capture.provenance);
        let returned = evidence.returned.as_ref();
        let pass = by_pass(evidence, decision);
        let until = returned.map(|returned| returned.credential.expires_at);
        let until = until.or_else(|| pass.map(|shown| shown.pass().expires_at()));
        let (result, strength) = match decision.verdict {
            Verdict::Verified => (OutcomeResult::Verified, strength(evidence, decision)),
            Verdict::NotVerified => (OutcomeResult::NotVerified, None),
        };
        Self {
            id: seed.id,
            session: seed.session,
            device: seed.device,
            sequence: seed.sequence,
            previous_hash: seed.previous_hash,
            result,
            reason: decision.reasons.first().copied(),
            reasons: decision.reasons.clone(),
            tier: rule.tier,
            method: method(evidence, decision),
            strength,
            checks: decision.checks.clone(),
            flags: decision.flags.clone(),
            flash: evidence.flash,
            surroundings: evidence.surroundings,
            consent: seed.consent,
            review: evidence.review.clone(),
            overrides: None,
            reuses: returned.map(Returned::reused).or_else(|| pass.map(TrustedPass::reused)),
            rule_version: rule.rule_version.clone(),
            model_digests: evidence.models.clone(),
            provenance,
            // Who comes again brings no pictures: what they have came from them. Of a person who was refused before any picture was
            // taken, the session's mode is all that there is.
            livemode: match (returned, provenance) {
                (Some(returned), _) => seed.live_session && returned.credential.livemode,
                (None, Some(provenance)) => provenance.is_live() && pass.is_none_or(|shown| shown.pass().livemode()),
                (None, None) => seed.live_session && result == OutcomeResult::NotVerified,
            },
            decided_at: seed.decided_at,
            // Nothing lasts longer for being used.
            expires_at: until.map_or(seed.expires_at, |until| until.min(seed.expires_at)),
        }
    }

    /// The outcome that one of the staff sets over the one that ended a session. It rests on what they saw: no check of the
    /// device's speaks for it, and it earns no credential. It is live where the first one is; a verified one only
    /// where that has pictures of the pinned camera.
    #[must_use]
    pub fn overriding(first: &Self, seed: OutcomeSeed, staff: StaffId, result: OutcomeResult) -> Self {
        let reason = match result {
            OutcomeResult::Verified => None,
            OutcomeResult::NotVerified => Some(ReasonCode::StaffRefused),
        };
        Self {
            id: seed.id,
            session: seed.session,
            device: seed.device,
            sequence: seed.sequence,
            previous_hash: seed.previous_hash,
            result,
            reason,
            reasons: reason.into_iter().collect(),
            tier: first.tier,
            method: Some(Method("staff".to_owned())),
            strength: None,
            checks: Vec::new(),
            flags: Vec::new(),
            flash: None,
            surroundings: Surroundings::default(),
            consent: first.consent.clone(),
            review: None,
            reuses: None,
            overrides: Some(Overriding { outcome: first.id.clone(), staff }),
            rule_version: first.rule_version.clone(),
            model_digests: ModelDigests::new(),
            provenance: first.provenance,
            livemode: first.livemode && (first.provenance.is_some() || result == OutcomeResult::NotVerified),
            decided_at: seed.decided_at,
            expires_at: seed.expires_at,
        }
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The shared part of its session's identifier.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Names of what was odd and is no reason to refuse.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(AsRef::as_ref)
    }

    /// Its number among this device's outcomes.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The kind of document and the checks that gave the result, as far as it could be told.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.method.as_ref().map(|method| method.0.as_str())
    }

    /// How strong the evidence was; none when not verified, and of a test key's chosen outcome.
    #[must_use]
    pub fn strength(&self) -> Option<Strength> {
        self.strength
    }

    /// The moment of the decision.
    #[must_use]
    pub fn decided_at(&self) -> Timestamp {
        self.decided_at
    }

    /// When it stops granting anything.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// How it ended.
    #[must_use]
    pub fn result(&self) -> OutcomeResult {
        self.result
    }

    /// The most telling reason; none when verified.
    #[must_use]
    pub fn reason(&self) -> Option<ReasonCode> {
        self.reason
    }

    /// Every reason against it, the most telling first.
    #[must_use]
    pub fn reasons(&self) -> &[ReasonCode] {
        &self.reasons
    }

    /// How old the person had to be.
    #[must_use]
    pub fn tier(&self) -> AgeTier {
        self.tier
    }

    /// Every check that was made.
    #[must_use]
    pub fn checks(&self) -> &[NamedCheck] {
        &self.checks
    }

    /// How the screen flash went, where there was one.
    #[must_use]
    pub fn flash(&self) -> Option<FlashEvidence> {
        self.flash
    }

    /// What the device knew about itself when it decided.
    #[must_use]
    pub fn surroundings(&self) -> Surroundings {
        self.surroundings
    }

    /// What the person answered when they were asked to agree; none where nobody was.
    #[must_use]
    pub fn consent(&self) -> Option<&Consent> {
        self.consent.as_ref()
    }

    /// What the staff found when they were asked to look; none where they were not.
    #[must_use]
    pub fn review(&self) -> Option<&Review> {
        self.review.as_ref()
    }

    /// What it refers to, where one of the staff overrode another outcome; none of the one that ended its session.
    #[must_use]
    pub fn overrides(&self) -> Option<&Overriding> {
        self.overrides.as_ref()
    }

    /// What it refers to, where somebody was verified by what they had left before; such an outcome earns nothing new.
    #[must_use]
    pub fn reuses(&self) -> Option<&Reused> {
        self.reuses.as_ref()
    }

    /// The least trusted source among its pictures; none where none was taken.
    #[must_use]
    pub fn provenance(&self) -> Option<Provenance> {
        self.provenance
    }

    /// The version of the rules that it was decided by.
    #[must_use]
    pub fn rule_version(&self) -> &str {
        &self.rule_version
    }

    /// Whether it came from the pinned camera.
    #[must_use]
    pub fn livemode(&self) -> bool {
        self.livemode
    }
}

fn passed(decision: &Decision, name: &str) -> bool {
    decision.checks.iter().any(|check| check.name == name && check.result == CheckResult::Pass)
}

/// The pass that a decision rests on.
fn by_pass<'a>(evidence: &'a Evidence, decision: &Decision) -> Option<&'a TrustedPass> {
    evidence.pass.as_ref().filter(|_| passed(decision, ReturnProof::Pass.check()))
}

/// The strength follows from the checks that passed, so that a relaxed policy cannot claim more than was shown; of a test
/// key's chosen outcome, for which nothing was shown, there is none.
pub(super) fn strength(evidence: &Evidence, decision: &Decision) -> Option<Strength> {
    if let Some(returned) = &evidence.returned {
        return Some(returned.credential.strength);
    }
    if let Some(shown) = by_pass(evidence, decision) {
        let front_only = evidence.document.as_ref()?.encoded? == EncodedSource::Front;
        let here = if front_only { Strength::FrontOnly } else { Strength::DocumentFace };
        return Some(shown.pass().strength().min(here));
    }
    if passed(decision, AGE_ESTIMATE) {
        return Some(Strength::AgeEstimate);
    }
    Some(match evidence.document.as_ref()?.encoded? {
        EncodedSource::Front => Strength::FrontOnly,
        EncodedSource::Barcode | EncodedSource::Mrz
            if passed(decision, "liveness") && passed(decision, "face_match") =>
        {
            Strength::DocumentFace
        }
        EncodedSource::Barcode | EncodedSource::Mrz => Strength::Document,
    })
}

fn method(evidence: &Evidence, decision: &Decision) -> Option<Method> {
    if let Some(returned) = &evidence.returned {
        return Some(Method(returned.proof.method().to_owned()));
    }
    if by_pass(evidence, decision).is_some() {
        return Some(Method(ReturnProof::Pass.method().to_owned()));
    }
    if passed(decision, AGE_ESTIMATE) {
        return Some(Method(AGE_ESTIMATE.to_owned()));
    }
    let document = evidence.document.as_ref()?;
    let kind = match document.kind? {
        DocumentKind::DrivingLicense => "driving_license",
        DocumentKind::IdCard => "id_card",
        DocumentKind::Passport => "passport",
        DocumentKind::Visa => "visa",
    };
    let source = match document.encoded? {
        EncodedSource::Barcode => "barcode",
        EncodedSource::Mrz => "mrz",
        EncodedSource::Front => "front",
    };
    let face = if passed(decision, "face_match") { "_face" } else { "" };
    Some(Method(format!("{kind}_{source}{face}")))
}
