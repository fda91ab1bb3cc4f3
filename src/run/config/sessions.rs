//! How sessions go on this device: attempts, what is accepted, and what is asked besides.

use serde::Deserialize;

use crate::compliance::{AllowedMethod, Jurisdiction, Rule, UseCase};
use crate::liveness::{AgeBuffer, CameraMount};
use crate::session::{AttemptsLeft, ConsentText, Policy, ReviewFlag};
use crate::store::AttemptLimits;

/// How often a person may try.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// Attempts at the document, 1 to 10.
    pub document_attempts: u8,
    /// Attempts at the head turn, 1 to 10.
    pub face_attempts: u8,
    /// Attempts that may fail on the device within an hour, at documents and at head turns each, 1 to 10000.
    pub failed_attempts_per_hour: u16,
    /// Head turns that may fail with one document within an hour, 1 to 100.
    pub failed_faces_per_document: u16,
    /// Verifications with one document within 24 hours that are nothing odd, 1 to 1000; from the next one on outcomes have the
    /// flag `document_overuse`.
    pub document_uses_per_day: u16,
    /// Whether cards without barcode and machine-readable zone are accepted for what their front says, but where a rule itself
    /// does not allow it.
    pub accept_front_only: bool,
    /// What signs of a photo, a photocopy or a print instead of the document lead to.
    pub recapture: Recapture,
    /// Whether the screen lights the face after the head turn.
    pub screen_flash: ScreenFlash,
    /// Whether the camera stands, or somebody holds the device; `None` where nobody said, and then the device's kind decides.
    pub camera_mount: Option<CameraMount>,
    /// Where a live face that looks clearly old enough needs no document; nowhere by default.
    pub age_triage: Option<AgeTriageConfig>,
    /// What has one of the staff look at the physical document before anybody is verified; nothing by default. It needs a till
    /// that answers.
    pub review_flags: Vec<ReviewFlag>,
    /// Versions of the shop's own consent texts, which its tills show; the device's own is known without.
    #[serde(deserialize_with = "consent_texts")]
    pub consent_texts: Vec<String>,
}

/// Where, for what and with which buffer a live face that looks clearly old enough needs no document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgeTriageConfig {
    /// Years that the face has to look older than the rule asks, 0 to 20.
    #[serde(deserialize_with = "age_buffer")]
    pub buffer_years: AgeBuffer,
    /// The places whose law allows it: the operator has to know that where a rule does not say which methods are allowed.
    #[serde(deserialize_with = "jurisdictions")]
    pub jurisdictions: Vec<Jurisdiction>,
    /// What it may be used for there.
    pub use_cases: Vec<UseCase>,
}

/// What a sign leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recapture {
    /// The outcome says it, and nothing else follows.
    #[default]
    Flag,
    /// The attempt fails, and the person is asked for the document itself.
    Refuse,
}

/// Whether the display lights the face with random colours, which the skin has to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenFlash {
    /// It does not.
    #[default]
    Off,
    /// It does, and nobody is verified without: for devices whose display is close to the face.
    Require,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            document_attempts: 3,
            face_attempts: 3,
            failed_attempts_per_hour: 60,
            failed_faces_per_document: 5,
            document_uses_per_day: 10,
            accept_front_only: false,
            recapture: Recapture::Flag,
            screen_flash: ScreenFlash::Off,
            camera_mount: None,
            age_triage: None,
            review_flags: Vec::new(),
            consent_texts: Vec::new(),
        }
    }
}

impl SessionConfig {
    /// The same on a device that somebody holds: so its camera is in a hand, unless the configuration says what it is.
    #[must_use]
    pub fn in_hand(self) -> Self {
        Self { camera_mount: self.camera_mount.or(Some(CameraMount::InHand)), ..self }
    }

    /// The policy of a rule with what is configured for this device. Where the rule itself says which methods are allowed, no
    /// configuration accepts another.
    #[must_use]
    pub fn policy(&self, rule: &Rule) -> Policy {
        let applies = |triage: &&AgeTriageConfig| {
            triage.jurisdictions.contains(&rule.jurisdiction)
                && triage.use_cases.contains(&rule.use_case)
                && rule.leaves_open(AllowedMethod::AgeEstimate)
        };
        Policy {
            age_triage: self.age_triage.as_ref().filter(applies).map(|triage| triage.buffer_years),
            asks_identity: rule.use_case.asks_identity(),
            earned_within: rule.outcomes_count_for(),
            accept_front_only: self.accept_front_only && rule.leaves_open(AllowedMethod::DocumentFrontOnly),
            refuse_recapture: self.recapture == Recapture::Refuse,
            require_flash: self.screen_flash == ScreenFlash::Require,
            camera_mount: self.camera_mount.unwrap_or_default(),
            review_flags: self.review_flags.iter().map(|flag| flag.as_str()).collect(),
            ..Policy::for_tier(rule.tier)
        }
    }

    /// As the session counts them.
    #[must_use]
    pub fn budget(&self) -> AttemptsLeft {
        AttemptsLeft { document: self.document_attempts, face: self.face_attempts }
    }

    /// As the store counts them over all sessions of an hour.
    #[must_use]
    pub fn limits(&self) -> AttemptLimits {
        AttemptLimits { per_device: self.failed_attempts_per_hour, per_document: self.failed_faces_per_document }
    }
}

fn jurisdictions<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<Vec<Jurisdiction>, D::Error> {
    let codes = Vec::<String>::deserialize(deserializer)?;
    codes.iter().map(|code| code.parse().map_err(serde::de::Error::custom)).collect()
}

fn consent_texts<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let versions = Vec::<String>::deserialize(deserializer)?;
    for version in &versions {
        ConsentText::new(version, "en").map_err(serde::de::Error::custom)?;
    }
    Ok(versions)
}

fn age_buffer<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<AgeBuffer, D::Error> {
    let most = AgeBuffer::MOST_YEARS;
    let buffer = AgeBuffer::from_years(u8::deserialize(deserializer)?);
    buffer.ok_or_else(|| serde::de::Error::custom(format!("buffer_years must be 0 to {most}")))
}
