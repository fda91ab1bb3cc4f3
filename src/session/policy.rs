//! What a verification asks for.

use crate::compliance::AgeTier;
use crate::document::DocumentKind;

/// What has to be shown. Every switch only tightens.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Which printed fields must be among those that agree.
    pub required_fields: Vec<&'static str>,
    /// Flags that turn a verified decision into a look by the staff.
    pub review_flags: Vec<&'static str>,
}

impl Policy {
    /// The default for an age tier: a document with a machine-readable part, whose front agrees in the date of birth and
    /// in two more fields, a live person, and the same person.
    #[must_use]
    pub fn for_tier(tier: AgeTier) -> Self {
        Self {
            tier,
            accepted_kinds: vec![DocumentKind::DrivingLicense, DocumentKind::IdCard, DocumentKind::Passport],
            require_liveness: true,
            require_face_match: true,
            min_agreeing_fields: 3,
            required_fields: vec!["date_of_birth"],
            review_flags: Vec::new(),
        }
    }
}
