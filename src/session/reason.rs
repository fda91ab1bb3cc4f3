//! The one table of reason codes: what each means to the API, the person and the staff, and what helps.

use serde::Serialize;

/// Why a person was not verified. Device faults are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// No document was shown.
    DocumentMissing,
    /// The barcode or machine-readable zone could not be read.
    DocumentUnreadable,
    /// A kind of document that the policy does not accept.
    DocumentTypeNotSupported,
    /// The document breaks a rule that every genuine one keeps.
    DocumentCheckFailed,
    /// The front and the machine-readable part do not say the same.
    DocumentFieldsDiffer,
    /// Too few printed fields could be read to compare them.
    DocumentFrontUnreadable,
    /// No portrait of usable quality was found.
    PortraitMissing,
    /// The last day of validity has passed.
    DocumentExpired,
    /// The document states no last day of validity.
    DocumentExpiryUnknown,
    /// The document states no date of birth.
    AgeUnknown,
    /// The person is younger than the rule asks.
    UnderAge,
    /// The head turn was not completed.
    LivenessIncomplete,
    /// The head turn looks like a photo, a screen or a swap.
    LivenessAttack,
    /// The live face could not be compared with the portrait.
    FaceNotCompared,
    /// The live face is not the one on the document.
    FaceMismatch,
    /// Nothing says where the pictures came from.
    CaptureUnknown,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonEntry {
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

impl ReasonCode {
    /// Every code, in the order in which a decision names them: what makes later evidence worthless comes first.
    pub const ALL: [Self; 16] = [
        Self::CaptureUnknown,
        Self::DocumentMissing,
        Self::DocumentUnreadable,
        Self::DocumentTypeNotSupported,
        Self::DocumentCheckFailed,
        Self::DocumentFieldsDiffer,
        Self::DocumentExpired,
        Self::UnderAge,
        Self::DocumentExpiryUnknown,
        Self::AgeUnknown,
        Self::DocumentFrontUnreadable,
        Self::PortraitMissing,
        Self::LivenessAttack,
        Self::LivenessIncomplete,
        Self::FaceMismatch,
        Self::FaceNotCompared,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DocumentMissing => "document_missing",
            Self::DocumentUnreadable => "document_unreadable",
            Self::DocumentTypeNotSupported => "document_type_not_supported",
            Self::DocumentCheckFailed => "document_check_failed",
            Self::DocumentFieldsDiffer => "document_fields_differ",
            Self::DocumentFrontUnreadable => "document_front_unreadable",
            Self::PortraitMissing => "portrait_missing",
            Self::DocumentExpired => "document_expired",
            Self::DocumentExpiryUnknown => "document_expiry_unknown",
            Self::AgeUnknown => "age_unknown",
            Self::UnderAge => "under_age",
            Self::LivenessIncomplete => "liveness_incomplete",
            Self::LivenessAttack => "liveness_attack",
            Self::FaceNotCompared => "face_not_compared",
            Self::FaceMismatch => "face_mismatch",
            Self::CaptureUnknown => "capture_unknown",
        }
    }

    /// The code's line of the table.
    #[must_use]
    pub fn entry(self) -> ReasonEntry {
        let line = |recoverable, stripe, stile, person, staff, remedy| ReasonEntry {
            recoverable,
            stripe,
            stile,
            person,
            staff,
            remedy,
        };
        match self {
            Self::DocumentMissing => line(
                true,
                "document_unverified_other",
                "document_missing",
                "We did not see your document",
                "no document was shown in time",
                "show the document to the camera",
            ),
            Self::DocumentUnreadable => line(
                true,
                "document_unverified_other",
                "document_unreadable",
                "We could not read the code on your document",
                "the barcode or machine-readable zone was not readable",
                "wipe the card, avoid glare, hold it flat and close, or use another document",
            ),
            Self::DocumentTypeNotSupported => line(
                true,
                "document_type_not_supported",
                "document_type_not_supported",
                "We cannot accept this kind of document here",
                "the document is of a kind that this check does not accept",
                "use a driving licence, identity card or passport that the screen names",
            ),
            Self::DocumentCheckFailed => line(
                false,
                "document_unverified_other",
                "document_invalid",
                "We could not confirm this document",
                "the document breaks a rule that genuine ones keep; the checks name it",
                "look at the physical card; ask for another document",
            ),
            Self::DocumentFieldsDiffer => line(
                true,
                "document_unverified_other",
                "document_inconsistent",
                "The front and the code of your document do not match",
                "a printed field differs from the barcode or machine-readable zone",
                "show both sides of the same card again; if it stays, look at the physical card",
            ),
            Self::DocumentFrontUnreadable => line(
                true,
                "document_unverified_other",
                "document_unreadable",
                "We could not read the front of your document",
                "too few printed fields were readable to compare them with the code",
                "avoid glare, hold the card still and fill the frame with it",
            ),
            Self::PortraitMissing => line(
                true,
                "selfie_document_missing_photo",
                "portrait_missing",
                "We could not see the photo on your document",
                "no portrait of usable quality was found on the document",
                "move the card closer and avoid glare on the photo, or use another document",
            ),
            Self::DocumentExpired => line(
                true,
                "document_expired",
                "document_expired",
                "This document has expired",
                "the document's last day of validity has passed",
                "use a document that is still valid",
            ),
            Self::DocumentExpiryUnknown => line(
                true,
                "document_unverified_other",
                "document_unreadable",
                "We could not read how long your document is valid",
                "the document states no last day of validity",
                "show the document again, or use another one",
            ),
            Self::AgeUnknown => line(
                true,
                "document_unverified_other",
                "document_unreadable",
                "We could not read the date of birth",
                "the document states no complete date of birth",
                "show the document again, or use another one",
            ),
            Self::UnderAge => line(
                false,
                "under_supported_age",
                "under_age",
                "You are not old enough for this",
                "the person is younger than the rule of this place asks",
                "refuse the sale",
            ),
            Self::LivenessIncomplete => line(
                true,
                "selfie_unverified_other",
                "liveness_incomplete",
                "We could not follow your head turn",
                "the head turn was not completed as asked",
                "face the camera alone in even light and turn the head slowly to each side as shown",
            ),
            Self::LivenessAttack => line(
                false,
                "selfie_manipulated",
                "liveness_failed",
                "We could not confirm that a person is here",
                "the head turn looks like a photo, a screen or a change of person",
                "look who stands in front of the camera; check the person by hand",
            ),
            Self::FaceNotCompared => line(
                true,
                "selfie_unverified_other",
                "face_not_compared",
                "We could not see your face well enough",
                "no live frame was good enough to compare with the portrait",
                "face the camera in even light without hat or sunglasses",
            ),
            Self::FaceMismatch => line(
                true,
                "selfie_face_mismatch",
                "face_mismatch",
                "Your face does not match the document",
                "the live face is not like the portrait",
                "try once more facing the camera; if it stays, compare person and card by hand",
            ),
            Self::CaptureUnknown => line(
                true,
                "selfie_unverified_other",
                "capture_unknown",
                "Something went wrong with the pictures",
                "nothing says where the pictures came from",
                "start again",
            ),
        }
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
    use std::collections::BTreeSet;

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
    fn every_code_is_mapped_in_both_dialects_and_in_words() {
        for code in ReasonCode::ALL {
            let entry = code.entry();
            assert!(STRIPE.contains(&entry.stripe), "{code}: {}", entry.stripe);
            for words in [entry.stile, entry.person, entry.staff, entry.remedy] {
                assert!(!words.is_empty() && !words.ends_with('.'), "{code}: {words:?}");
            }
        }
    }

    #[test]
    fn the_list_holds_every_code_once_under_its_own_name() {
        let names: BTreeSet<&str> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ReasonCode::ALL.len());
        for code in ReasonCode::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("{:?}", code.as_str()));
        }
    }
}
