//! A pass: what a verified person may take along as a QR code, to be let off the head turn at another box of the same fleet.
//!
//! Always holds: it names nobody: a reader without keys learns tier, kind of evidence, hours and box, and no more; it answers
//! only beside the very document that it was made with, which the other box reads and checks in full; never where it is asked
//! who somebody is; for its own tier and lower ones; in its own mode; within its hours. It earns nothing new, and makes nothing
//! last longer. It is no secret: **whoever has a stolen card and its holder's pass is let off the comparison with the
//! portrait**, until the pass is over. That is why nobody issues or takes any unless it is configured.
//! Does not check signatures: who puts a [`TrustedPass`] together has.

mod code;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::code::Body;
use super::decision::{Decision, Verdict};
use super::evidence::{EncodedSource, Evidence};
use super::outcome::{Strength, strength};
use super::policy::Policy;
use super::returning::{Claim, NoAnswer, ReturnProof, Reused};
use crate::compliance::{AgeTier, Rule};
use crate::document::DocumentKind;
use crate::imaging::Provenance;
use crate::privacy::PassAnchor;

pub use code::{PREFIX as PASS_PREFIX, TEXT_CHARACTERS as PASS_CHARACTERS};

/// How much the clocks of two boxes of a fleet may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);
const HOUR_S: i64 = 3_600;

const TIERS: [AgeTier; 6] =
    [AgeTier::Over16, AgeTier::Over18, AgeTier::Over19, AgeTier::Over20, AgeTier::Over21, AgeTier::Over25];

/// Kinds of documents and what was read of them, numbered from 1. A number never gets another meaning.
const KINDS: [(DocumentKind, EncodedSource); 5] = [
    (DocumentKind::DrivingLicense, EncodedSource::Barcode),
    (DocumentKind::DrivingLicense, EncodedSource::Mrz),
    (DocumentKind::IdCard, EncodedSource::Barcode),
    (DocumentKind::IdCard, EncodedSource::Mrz),
    (DocumentKind::Passport, EncodedSource::Mrz),
];

/// Strengths that a pass can have, numbered from 1. A number never gets another meaning.
const STRENGTHS: [Strength; 2] = [Strength::Document, Strength::DocumentFace];

/// The first bytes of the thumbprint of a device's key: enough to find the key among those that are trusted.
pub type DeviceHint = [u8; 8];

/// What a pass says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    tier: AgeTier,
    kind: (DocumentKind, EncodedSource),
    strength: Strength,
    /// In whole hours, so that the moment does not tie it to an outcome.
    issued_at: Timestamp,
    expires_at: Timestamp,
    livemode: bool,
    device: DeviceHint,
    anchor: PassAnchor,
    rules: [u8; 8],
}

/// What a session has earned that a pass can be made of.
#[derive(Debug, Clone, Copy)]
pub struct PassSeed<'a> {
    /// The document that was verified.
    pub anchor: PassAnchor,
    /// Which device signs.
    pub device: DeviceHint,
    /// By which rule it was decided.
    pub rule: &'a Rule,
    /// When.
    pub decided_at: Timestamp,
    /// When the outcome stops granting anything.
    pub expires_at: Timestamp,
    /// For how many hours a pass is good at most.
    pub hours: u16,
}

impl Pass {
    /// The pass that a verified session has earned: only one with a document and the live person who matches its portrait,
    /// and never by a pass. `None` for any other, and where not even an hour is left.
    #[must_use]
    pub fn earned(seed: PassSeed<'_>, decision: &Decision, evidence: &Evidence) -> Option<Self> {
        let earns = decision.verdict == Verdict::Verified && evidence.pass.is_none() && evidence.returned.is_none();
        let document = evidence.document.as_ref().filter(|_| earns)?;
        let strength = strength(evidence, decision).filter(|strength| *strength == Strength::DocumentFace)?;
        let kind = (document.kind?, document.encoded?);
        let issued_hour = seed.decided_at.as_second().div_euclid(HOUR_S);
        let left = seed.expires_at.as_second().div_euclid(HOUR_S).saturating_sub(issued_hour);
        let hours = u16::try_from(left.min(seed.hours.into())).ok()?;
        let rules = Sha256::digest(&seed.rule.rule_version);
        Self::of(&Body {
            livemode: evidence.capture?.provenance.is_live(),
            tier_years: u8::try_from(seed.rule.tier.years()).ok()?,
            kind: number_of(&KINDS, &kind)?,
            strength: number_of(&STRENGTHS, &strength)?,
            issued_hour: u32::try_from(issued_hour).ok()?,
            hours,
            device: seed.device,
            anchor: seed.anchor.to_bytes(),
            rules: *rules.first_chunk()?,
        })
    }

    fn of(body: &Body) -> Option<Self> {
        let issued_at = Timestamp::from_second(i64::from(body.issued_hour) * HOUR_S).ok()?;
        let expires_at = issued_at.checked_add(SignedDuration::from_hours(body.hours.into())).ok()?;
        Some(Self {
            tier: TIERS.into_iter().find(|tier| tier.years() == i16::from(body.tier_years))?,
            kind: *of_number(&KINDS, body.kind)?,
            strength: *of_number(&STRENGTHS, body.strength)?,
            issued_at,
            expires_at,
            livemode: body.livemode,
            device: body.device,
            anchor: PassAnchor::from_bytes(body.anchor),
            rules: body.rules,
        })
        .filter(|_| body.hours > 0)
    }

    fn body(&self) -> Body {
        let hour = |at: Timestamp| at.as_second().div_euclid(HOUR_S);
        Body {
            livemode: self.livemode,
            tier_years: self.tier.years() as u8,
            kind: number_of(&KINDS, &self.kind).unwrap_or_default(),
            strength: number_of(&STRENGTHS, &self.strength).unwrap_or_default(),
            issued_hour: hour(self.issued_at) as u32,
            hours: (hour(self.expires_at) - hour(self.issued_at)) as u16,
            device: self.device,
            anchor: self.anchor.to_bytes(),
            rules: self.rules,
        }
    }

    /// What the device signs.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        self.body().message()
    }

    /// The pass with its signature, as its QR code says it.
    #[must_use]
    pub fn signed(&self, signature: &[u8; 64]) -> PassText {
        PassText(code::text_of(&self.body(), signature))
    }

    /// How old its holder is at least.
    #[must_use]
    pub fn tier(&self) -> AgeTier {
        self.tier
    }

    /// How strong the evidence was.
    #[must_use]
    pub fn strength(&self) -> Strength {
        self.strength
    }

    /// When it was issued, in whole hours.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// From when on it grants nothing.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Whether it was earned live.
    #[must_use]
    pub fn livemode(&self) -> bool {
        self.livemode
    }

    fn claim(&self) -> Claim {
        Claim {
            tier: self.tier,
            kind: Some(self.kind.0),
            strength: self.strength,
            face: true,
            livemode: self.livemode,
            earned_at: self.issued_at,
            // The other box's clock may be ahead of this one's.
            from: self.issued_at.saturating_sub(CLOCKS_DIFFER).unwrap_or(Timestamp::MIN),
            until: self.expires_at,
        }
    }
}

fn number_of<T: PartialEq>(table: &[T], wanted: &T) -> Option<u8> {
    table.iter().position(|known| known == wanted).and_then(|at| u8::try_from(at + 1).ok())
}

fn of_number<T>(table: &[T], number: u8) -> Option<&T> {
    table.get(usize::from(number).checked_sub(1)?)
}

/// What the QR code of a pass says. It is shown to its holder and nobody else, and stands in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PassText(String);

impl PassText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PassText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// A text is no pass of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no pass that this version reads; do the full check")]
pub struct NoPass;

/// A pass with a signature that nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPass {
    pass: Pass,
    signature: [u8; 64],
}

impl SignedPass {
    /// Reads the text of a QR code.
    ///
    /// # Errors
    /// [`NoPass`] for any other text than the one that a pass has.
    pub fn parse(text: &str) -> Result<Self, NoPass> {
        let (body, signature) = code::parse(text).ok_or(NoPass)?;
        Ok(Self { pass: Pass::of(&body).ok_or(NoPass)?, signature })
    }

    /// Which device's key it names.
    #[must_use]
    pub fn device(&self) -> DeviceHint {
        self.pass.device
    }

    /// What has to be signed.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        self.pass.message()
    }

    /// By what.
    #[must_use]
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The pass, for one who has checked the signature.
    ///
    /// `device_key` is the identifier of the key that it is by; `provenance` is where the picture that showed it came from.
    #[must_use]
    pub fn trusted(self, device_key: String, provenance: Provenance) -> TrustedPass {
        TrustedPass { pass: self.pass, device_key, provenance }
    }
}

/// A pass whose signature is by a box that is trusted here. The shell has made sure of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedPass {
    pass: Pass,
    device_key: String,
    provenance: Provenance,
}

impl TrustedPass {
    /// What it says.
    #[must_use]
    pub fn pass(&self) -> &Pass {
        &self.pass
    }

    /// Where the picture that showed it came from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// Whether it may answer at a moment what a policy asks, if its document comes with it.
    ///
    /// # Errors
    /// [`NoAnswer`], the first reason why not.
    pub fn may_answer(&self, policy: &Policy, now: Timestamp) -> Result<(), NoAnswer> {
        self.pass.claim().answers(policy, self.provenance.is_live(), now)
    }

    /// Whether it answers beside a document that is known to the fleet by `anchor`, whose pictures came from `provenance`.
    ///
    /// # Errors
    /// [`NoAnswer`], the first reason why not.
    pub fn answers(
        &self,
        anchor: Option<PassAnchor>,
        provenance: Provenance,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), NoAnswer> {
        if anchor != Some(self.pass.anchor) {
            return Err(NoAnswer::Document);
        }
        self.pass.claim().answers(policy, self.provenance.least_trusted(provenance).is_live(), now)
    }

    /// Whether it says what a policy asks, whenever that is.
    pub(super) fn suits(&self, policy: &Policy) -> bool {
        self.pass.claim().suits(policy).is_ok()
    }

    /// What the outcome says of it.
    #[must_use]
    pub fn reused(&self) -> Reused {
        Reused {
            outcome: None,
            device_key: Some(self.device_key.clone()),
            verified_at: self.pass.issued_at,
            proof: ReturnProof::Pass,
        }
    }
}

/// For tests of other files: a pass for a document, issued at an hour and good for a day.
#[cfg(test)]
pub(in crate::session) fn pass_for_tests(
    anchor: PassAnchor,
    tier: AgeTier,
    issued_hour: u32,
    provenance: Provenance,
) -> TrustedPass {
    let body = Body {
        livemode: provenance.is_live(),
        tier_years: tier.years() as u8,
        kind: 1,
        strength: 2,
        issued_hour,
        hours: 24,
        device: [1; 8],
        anchor: anchor.to_bytes(),
        rules: [3; 8],
    };
    let signed = SignedPass::parse(&code::text_of(&body, &[9; 64])).ok();
    #[allow(clippy::expect_used, reason = "of tests alone")]
    signed.expect("a pass is read back").trusted("other-box".to_owned(), provenance)
}
