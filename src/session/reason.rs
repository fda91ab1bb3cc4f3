//! The one table of reason codes: what each means to the API, the person and the staff, and what helps.

use serde::{Deserialize, Serialize};

/// Why a person was not verified. Device faults are not among them.
///
/// In the order in which a decision names them: what makes later evidence worthless comes first. The lines of the table
/// stand in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The person did not agree to the check.
    ConsentDeclined,
    /// Nothing says where the pictures came from.
    CaptureUnknown,
    /// The pictures of the head turn did not come as a camera's do.
    CameraFeedSuspect,
    /// No document was shown.
    DocumentMissing,
    /// The barcode or machine-readable zone could not be read.
    DocumentUnreadable,
    /// A kind of document that the policy does not accept.
    DocumentTypeNotSupported,
    /// A document that only its print speaks for, where the policy asks for a code.
    DocumentFrontOnly,
    /// The document breaks a rule that every genuine one keeps.
    DocumentCheckFailed,
    /// What was shown looks like a screen or a copy of a document.
    DocumentRecaptured,
    /// The front and the machine-readable part do not say the same.
    DocumentFieldsDiffer,
    /// The last day of validity has passed.
    DocumentExpired,
    /// The person is younger than the rule asks.
    UnderAge,
    /// The document states no last day of validity.
    DocumentExpiryUnknown,
    /// The document states no date of birth.
    AgeUnknown,
    /// Too few printed fields could be read to compare them.
    DocumentFrontUnreadable,
    /// No portrait of usable quality was found.
    PortraitMissing,
    /// The head turn looks like a photo, a screen or a swap.
    LivenessAttack,
    /// The head turn was not completed.
    LivenessIncomplete,
    /// The live face is not the one on the document.
    FaceMismatch,
    /// The live face could not be compared with the portrait.
    FaceNotCompared,
    /// The face did not follow the screen's colours.
    FlashNotFollowed,
    /// It could not be measured whether the face follows the screen's colours.
    FlashNotMeasured,
    /// Too many head turns with this document have failed within an hour.
    TooManyAttempts,
    /// Staff looked at the physical document and refused, or nobody looked in time.
    ReviewRefused,
    /// One of the staff set another decision over the device's.
    StaffRefused,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonEntry {
    /// The code.
    pub code: ReasonCode,
    /// Its stable name.
    pub name: &'static str,
    /// Whether another attempt can help.
    pub recoverable: bool,
    /// `last_error.code` in the Stripe dialect.
    pub stripe: &'static str,
    /// Failure code in the Stile dialect.
    pub stile: &'static str,
    /// What the person reads.
    pub person: &'static str,
    /// What the staff read.
    pub staff: &'static str,
    /// What helps.
    pub remedy: &'static str,
}

const TABLE: [ReasonEntry; 25] = [
    ReasonEntry {
        code: ReasonCode::ConsentDeclined,
        name: "consent_declined",
        recoverable: false,
        stripe: "consent_declined",
        stile: "consent_declined",
        person: "You did not agree to the check",
        staff: "the person did not agree to the check on this device",
        remedy: "check the document by hand, or start again if the person changes their mind",
    },
    ReasonEntry {
        code: ReasonCode::CaptureUnknown,
        name: "capture_unknown",
        recoverable: true,
        stripe: "selfie_unverified_other",
        stile: "capture_unknown",
        person: "Something went wrong with the pictures",
        staff: "nothing says where the pictures came from",
        remedy: "start again",
    },
    ReasonEntry {
        code: ReasonCode::CameraFeedSuspect,
        name: "camera_feed_suspect",
        recoverable: true,
        stripe: "selfie_manipulated",
        stile: "camera_feed_suspect",
        person: "The camera's pictures were interrupted",
        staff: "the camera's pictures stood still, came again or came at impossible times during the head turn",
        remedy: "look whether something is connected between camera and device; if it stays, check the person by hand",
    },
    ReasonEntry {
        code: ReasonCode::DocumentMissing,
        name: "document_missing",
        recoverable: true,
        stripe: "document_unverified_other",
        stile: "document_missing",
        person: "We did not see your document",
        staff: "no document was shown in time",
        remedy: "show the document to the camera",
    },
    ReasonEntry {
        code: ReasonCode::DocumentUnreadable,
        name: "document_unreadable",
        recoverable: true,
        stripe: "document_unverified_other",
        stile: "document_unreadable",
        person: "We could not read the code on your document",
        staff: "the barcode or machine-readable zone was not readable",
        remedy: "wipe the card, avoid glare, hold it flat and close, or use another document",
    },
    ReasonEntry {
        code: ReasonCode::DocumentTypeNotSupported,
        name: "document_type_not_supported",
        recoverable: true,
        stripe: "document_type_not_supported",
        stile: "document_type_not_supported",
        person: "We cannot accept this kind of document here",
        staff: "the document is of a kind that this check does not accept",
        remedy: "use a driving licence, identity card or passport that the screen names",
    },
    ReasonEntry {
        code: ReasonCode::DocumentFrontOnly,
        name: "document_front_only",
        recoverable: true,
        stripe: "document_type_not_supported",
        stile: "document_type_not_supported",
        person: "We need a document with a code that we can read",
        staff: "the card has neither barcode nor machine-readable zone, and this check asks for one",
        remedy: "use a passport or an identity card, or look at the physical card",
    },
    ReasonEntry {
        code: ReasonCode::DocumentCheckFailed,
        name: "document_check_failed",
        recoverable: false,
        stripe: "document_unverified_other",
        stile: "document_invalid",
        person: "We could not confirm this document",
        staff: "the document breaks a rule that genuine ones keep; the checks name it",
        remedy: "look at the physical card; ask for another document",
    },
    ReasonEntry {
        code: ReasonCode::DocumentRecaptured,
        name: "document_recaptured",
        recoverable: true,
        stripe: "document_unverified_other",
        stile: "document_recaptured",
        person: "Please show the document itself, not a picture of it",
        staff: "what was shown looks like a screen, a photocopy or a print of a document",
        remedy: "show the physical card in even light; if it stays, look at the physical card",
    },
    ReasonEntry {
        code: ReasonCode::DocumentFieldsDiffer,
        name: "document_fields_differ",
        recoverable: true,
        stripe: "document_unverified_other",
        stile: "document_inconsistent",
        person: "The front and the code of your document do not match",
        staff: "a printed field differs from the barcode or machine-readable zone",
        remedy: "show both sides of the same card again; if it stays, look at the physical card",
    },
    ReasonEntry {
        code: ReasonCode::DocumentExpired,
        name: "document_expired",
        recoverable: true,
        stripe: "document_expired",
        stile: "document_expired",
        person: "This document has expired",
        staff: "the document's last day of validity has passed",
        remedy: "use a document that is still valid",
    },
    ReasonEntry {
        code: ReasonCode::UnderAge,
        name: "under_age",
        recoverable: false,
        stripe: "under_supported_age",
        stile: "under_age",
        person: "You are not old enough for this",
        staff: "the person is younger than the rule of this place asks",
        remedy: "refuse the sale",
    },
    ReasonEntry {
        code: ReasonCode::DocumentExpiryUnknown,
        name: "document_expiry_unknown",
        recoverable: true,
        stripe: "document_unverified_other",
        stile: "document_unreadable",
        person: "We could not read how long your document is valid",
        staff: "the document states no last day of validity",
        remedy: "show the document again, or use another one",
    },
    ReasonEntry {
        code: ReasonCode::AgeUnknown,
        name: "age_unknown",
        recoverable: true,
        stripe: "document_unverified_other",
        stile: "document_unreadable",
        person: "We could not read the date of birth",
        staff: "the document states no complete date of birth",
        remedy: "show the document again, or use another one",
    },
    ReasonEntry {
        code: ReasonCode::DocumentFrontUnreadable,
        name: "document_front_unreadable",
        recoverable: true,
        stripe: "document_unverified_other",
        stile: "document_unreadable",
        person: "We could not read the front of your document",
        staff: "too few printed fields were readable to compare them with the code",
        remedy: "avoid glare, hold the card still and fill the frame with it",
    },
    ReasonEntry {
        code: ReasonCode::PortraitMissing,
        name: "portrait_missing",
        recoverable: true,
        stripe: "selfie_document_missing_photo",
        stile: "portrait_missing",
        person: "We could not see the photo on your document",
        staff: "no portrait of usable quality was found on the document",
        remedy: "move the card closer and avoid glare on the photo, or use another document",
    },
    ReasonEntry {
        code: ReasonCode::LivenessAttack,
        name: "liveness_attack",
        recoverable: false,
        stripe: "selfie_manipulated",
        stile: "liveness_failed",
        person: "We could not confirm that a person is here",
        staff: "the head turn looks like a photo, a screen or a change of person",
        remedy: "look who stands in front of the camera; check the person by hand",
    },
    ReasonEntry {
        code: ReasonCode::LivenessIncomplete,
        name: "liveness_incomplete",
        recoverable: true,
        stripe: "selfie_unverified_other",
        stile: "liveness_incomplete",
        person: "We could not follow your head turn",
        staff: "the head turn was not completed as asked",
        remedy: "face the camera alone in even light and turn the head slowly to each side as shown",
    },
    ReasonEntry {
        code: ReasonCode::FaceMismatch,
        name: "face_mismatch",
        recoverable: true,
        stripe: "selfie_face_mismatch",
        stile: "face_mismatch",
        person: "Your face does not match the document",
        staff: "the live face is not like the portrait",
        remedy: "try once more facing the camera; if it stays, compare person and card by hand",
    },
    ReasonEntry {
        code: ReasonCode::FaceNotCompared,
        name: "face_not_compared",
        recoverable: true,
        stripe: "selfie_unverified_other",
        stile: "face_not_compared",
        person: "We could not see your face well enough",
        staff: "no live frame was good enough to compare with the portrait",
        remedy: "face the camera in even light without hat or sunglasses",
    },
    ReasonEntry {
        code: ReasonCode::FlashNotFollowed,
        name: "flash_not_followed",
        recoverable: true,
        stripe: "selfie_unverified_other",
        stile: "flash_not_followed",
        person: "We did not see the screen's light on your face",
        staff: "the face did not follow the screen's colours: the room is too bright, or what is shown is a recording",
        remedy: "come closer to the screen, away from sun and lamps; if it stays, check the person by hand",
    },
    ReasonEntry {
        code: ReasonCode::FlashNotMeasured,
        name: "flash_not_measured",
        recoverable: true,
        stripe: "selfie_unverified_other",
        stile: "flash_not_measured",
        person: "We could not measure the screen's light on your face",
        staff: "the face was not seen well enough while the screen flashed",
        remedy: "face the screen alone and hold still until it stops; if it stays, check the person by hand",
    },
    ReasonEntry {
        code: ReasonCode::TooManyAttempts,
        name: "too_many_attempts",
        recoverable: false,
        stripe: "document_unverified_other",
        stile: "too_many_attempts",
        person: "This document was tried too often",
        staff: "too many head turns with this document failed within an hour",
        remedy: "compare person and card by hand; the device takes this document again an hour after the failures",
    },
    ReasonEntry {
        code: ReasonCode::ReviewRefused,
        name: "review_refused",
        recoverable: false,
        stripe: "document_unverified_other",
        stile: "review_refused",
        person: "The staff could not confirm your document",
        staff: "the review was refused, or nobody answered it in time",
        remedy: "look at the physical card, and start again if it is good",
    },
    ReasonEntry {
        code: ReasonCode::StaffRefused,
        name: "staff_refused",
        recoverable: false,
        stripe: "document_unverified_other",
        stile: "staff_refused",
        person: "The staff did not accept your document",
        staff: "one of the staff overrode the device's decision; the outcome says which",
        remedy: "ask them why, by the name in the outcome",
    },
];

/// Which part of a verification a reason speaks about, and so which part to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The document.
    Document,
    /// The head turn and the comparison.
    Face,
    /// Neither: nothing can be tried again.
    None,
}

impl ReasonCode {
    /// Whether it rests on what was read from print, which one picture may misread, and not on what is encoded with
    /// check digits or error correction.
    #[must_use]
    pub fn is_of_print(self) -> bool {
        matches!(
            self,
            Self::DocumentRecaptured
                | Self::DocumentFieldsDiffer
                | Self::DocumentFrontUnreadable
                | Self::PortraitMissing
        )
    }

    /// Which part to try again.
    #[must_use]
    pub fn phase(self) -> Phase {
        match self {
            Self::DocumentMissing
            | Self::DocumentUnreadable
            | Self::DocumentTypeNotSupported
            | Self::DocumentFrontOnly
            | Self::DocumentCheckFailed
            | Self::DocumentRecaptured
            | Self::DocumentFieldsDiffer
            | Self::DocumentExpired
            | Self::UnderAge
            | Self::DocumentExpiryUnknown
            | Self::AgeUnknown
            | Self::DocumentFrontUnreadable
            | Self::PortraitMissing => Phase::Document,
            Self::CaptureUnknown
            | Self::CameraFeedSuspect
            | Self::LivenessAttack
            | Self::LivenessIncomplete
            | Self::FaceMismatch
            | Self::FaceNotCompared
            | Self::FlashNotFollowed
            | Self::FlashNotMeasured => Phase::Face,
            Self::ConsentDeclined | Self::TooManyAttempts | Self::ReviewRefused | Self::StaffRefused => Phase::None,
        }
    }

    /// Every code, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|entry| entry.code)
    }

    /// The code's line of the table.
    #[must_use]
    pub fn entry(self) -> &'static ReasonEntry {
        &TABLE[self as usize]
    }

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }
}

impl std::fmt::Display for ReasonCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of Stripe's `last_error` codes (API version 2026-10-28).
    const STRIPE: [&str; 19] = [
        "abandoned",
        "consent_declined",
        "country_not_supported",
        "device_not_supported",
        "document_expired",
        "document_type_not_supported",
        "document_unverified_other",
        "email_unverified_other",
        "email_verification_declined",
        "id_number_insufficient_document_data",
        "id_number_mismatch",
        "id_number_unverified_other",
        "phone_unverified_other",
        "phone_verification_declined",
        "selfie_document_missing_photo",
        "selfie_face_mismatch",
        "selfie_manipulated",
        "selfie_unverified_other",
        "under_supported_age",
    ];

    #[test]
    fn every_code_finds_its_own_line_under_its_own_name() {
        for code in ReasonCode::all() {
            assert_eq!(code.entry().code, code);
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("{:?}", code.as_str()));
        }
    }

    #[test]
    fn every_code_is_mapped_in_both_dialects_and_in_words() {
        for code in ReasonCode::all() {
            let entry = code.entry();
            assert!(STRIPE.contains(&entry.stripe), "{code}: {}", entry.stripe);
            for words in [entry.stile, entry.person, entry.staff, entry.remedy] {
                assert!(!words.is_empty() && !words.ends_with('.'), "{code}: {words:?}");
            }
        }
    }
}
