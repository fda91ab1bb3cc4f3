//! What a verification asks for.

use jiff::SignedDuration;
use serde::Deserialize;

use super::decision::{DOCUMENT_OVERUSE, FLASH_SIMULATED, INJECTION_SUSPECTED};
use super::request::DocumentOptions;
use super::surroundings::{CLOCK_HOLDOVER, GEOLOCATION_MISMATCH, IP_LOCATION_MISMATCH, VPN_SUSPECTED};
use crate::compliance::AgeTier;
use crate::document::{DocumentKind, RECAPTURE};
use crate::liveness::{AgeBuffer, AgeThreshold, CameraMount};

/// A measure of the decision. Test builds can leave one out, to show what it alone catches; the released program cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The front must agree with what is encoded.
    CrossReference,
    /// The document must not have expired.
    Expiry,
    /// The live face must be the portrait's.
    FaceMatch,
    /// A live person must turn the head.
    Liveness,
}

/// Something odd that refuses nobody by itself, and that an operator may have the staff look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewFlag {
    /// The document looks like a photo, a photocopy or a print.
    Recapture,
    /// The frames may not come from the camera's sensor.
    InjectionSuspected,
    /// The light of the screen flash was simulated.
    ScreenFlashSimulated,
    /// The document was used for many verifications within a day.
    DocumentOveruse,
    /// The device is not where the session is said to be.
    GeolocationMismatch,
    /// The device's public address is in another country.
    IpLocationMismatch,
    /// The device's way to the network goes through a tunnel.
    VpnSuspected,
    /// No trusted source has confirmed the clock for a while.
    ClockHoldover,
}

impl ReviewFlag {
    /// The flag's name, as an outcome has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recapture => RECAPTURE,
            Self::InjectionSuspected => INJECTION_SUSPECTED,
            Self::ScreenFlashSimulated => FLASH_SIMULATED,
            Self::DocumentOveruse => DOCUMENT_OVERUSE,
            Self::GeolocationMismatch => GEOLOCATION_MISMATCH,
            Self::IpLocationMismatch => IP_LOCATION_MISMATCH,
            Self::VpnSuspected => VPN_SUSPECTED,
            Self::ClockHoldover => CLOCK_HOLDOVER,
        }
    }
}

/// What has to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Policy {
    /// How old the person has to be.
    pub tier: AgeTier,
    /// Documents that are accepted.
    pub accepted_kinds: Vec<DocumentKind>,
    /// Whether a live person has to turn the head.
    pub require_liveness: bool,
    /// Whether that person has to match the portrait.
    pub require_face_match: bool,
    /// How many printed fields must have been read and agree with the machine-readable part.
    pub min_agreeing_fields: usize,
    /// Whether a card without barcode and machine-readable zone is accepted for what its front says.
    pub accept_front_only: bool,
    /// Which printed fields must be among those that agree.
    pub required_fields: Vec<&'static str>,
    /// Flags that turn a verified decision into a look by the staff.
    pub review_flags: Vec<&'static str>,
    /// Whether signs of a recapture refuse; otherwise they flag. The rates that this rests on are in
    /// `docs/documents/recapture.md`.
    pub refuse_recapture: bool,
    /// Whether a specimen of Utopia, the state that ICAO invented for its examples, may verify: only where nothing real hangs
    /// on the outcome.
    pub admit_specimens: bool,
    /// Whether the person's skin has to follow colours that the screen shows after the head turn.
    pub require_flash: bool,
    /// How the camera is held, which says what a moving background means.
    pub camera_mount: CameraMount,
    /// How much older than the tier a live face has to look for no document to be needed; `None` where the document is
    /// always asked for.
    pub age_triage: Option<AgeBuffer>,
    /// Whether the verification is to say who the person is, and not only how old at least. A face says nothing of that.
    pub asks_identity: bool,
    /// How long after it was earned something counts that a person brings from before: a credential, a pass. It ends by itself,
    /// too.
    pub earned_within: SignedDuration,
    /// What a test leaves out.
    #[cfg(test)]
    pub left_out: Option<Measure>,
}

impl Policy {
    /// The default for an age tier: a document with a machine-readable part (print alone is not accepted), whose front
    /// agrees in the dates of birth and expiry and in one more field, a live person, and the same person.
    #[must_use]
    pub fn for_tier(tier: AgeTier) -> Self {
        Self {
            tier,
            accepted_kinds: vec![DocumentKind::DrivingLicense, DocumentKind::IdCard, DocumentKind::Passport],
            require_liveness: true,
            require_face_match: true,
            min_agreeing_fields: 3,
            accept_front_only: false,
            // A last day that nobody compares could be any.
            required_fields: vec!["date_of_birth", "expiration_date"],
            review_flags: Vec::new(),
            refuse_recapture: false,
            admit_specimens: false,
            require_flash: false,
            camera_mount: CameraMount::Mounted,
            age_triage: None,
            asks_identity: false,
            earned_within: SignedDuration::MAX,
            #[cfg(test)]
            left_out: None,
        }
    }

    /// This policy with what an integrator asks besides, which never loosens it: kinds that they do not allow are accepted no
    /// more (none may be left), and a face that has to match a portrait needs a document to match. What they wave is
    /// waved nowhere.
    #[must_use]
    pub fn narrowed_by(mut self, options: &DocumentOptions, asks_identity: bool) -> Self {
        let allowed = &options.allowed_types;
        self.accepted_kinds.retain(|kind| allowed.is_empty() || allowed.iter().any(|allowed| allowed.kind() == *kind));
        if options.require_matching_selfie == Some(true) {
            self.require_liveness = true;
            self.require_face_match = true;
            // The head turn would otherwise open the way on which a face needs no document.
            self.age_triage = None;
        }
        self.asks_identity |= asks_identity;
        self
    }

    /// From which estimate on a face needs no document; `None` where every face does: by default, where the person is asked
    /// who they are, and where nobody has to show that they are alive.
    #[must_use]
    pub fn age_threshold(&self) -> Option<AgeThreshold> {
        let may = self.require_liveness && !self.asks_identity && self.counts(Measure::Liveness);
        self.age_triage.filter(|_| may).map(|buffer| buffer.above(self.tier.years()))
    }

    /// Whether a measure counts: always, but for the one that a test leaves out.
    #[cfg(test)]
    pub(super) fn counts(&self, measure: Measure) -> bool {
        self.left_out != Some(measure)
    }

    /// Whether a measure counts: always.
    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "the same call as in test builds")]
    pub(super) const fn counts(&self, _measure: Measure) -> bool {
        true
    }
}
