//! The scenes of the demonstration: who comes to the counter, and how it has to end.

use crate::session::{ReasonCode, SessionState};
use crate::tools::simulated::Part;

/// One visit to the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scene {
    /// Its name in the table.
    pub name: &'static str,
    /// Who comes, and with what.
    pub part: Part,
    /// How it has to end; a refusal for one of these reasons, and for no other.
    pub expected: Expected,
    /// Whether the shop's receiver is down until after the end.
    pub receiver_down: bool,
}

/// How a scene has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// With a verified person.
    Verified,
    /// With a refusal for one of these reasons.
    Refused(&'static [ReasonCode]),
}

/// How a scene ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// The session's end.
    pub state: SessionState,
    /// The most telling reason, if it is a refusal.
    pub reason: Option<ReasonCode>,
    /// Whether the receiver has the event, with a right signature and attestation.
    pub delivered: bool,
}

/// Every scene, in the order in which they are played.
pub(super) const SCENES: [Scene; 6] = [
    Scene {
        name: "a genuine licence and its holder",
        part: Part::Genuine,
        expected: Expected::Verified,
        receiver_down: false,
    },
    Scene {
        name: "a licence whose print was altered",
        part: Part::Altered,
        expected: Expected::Refused(&[ReasonCode::DocumentFieldsDiffer]),
        receiver_down: false,
    },
    Scene {
        name: "an expired licence",
        part: Part::Expired,
        expected: Expected::Refused(&[ReasonCode::DocumentExpired]),
        receiver_down: false,
    },
    Scene {
        name: "somebody else's licence",
        part: Part::SomeoneElse,
        expected: Expected::Refused(&[ReasonCode::FaceMismatch]),
        receiver_down: false,
    },
    Scene {
        name: "a flat photo, held up and turned",
        part: Part::FlatPhoto,
        expected: Expected::Refused(&[ReasonCode::LivenessAttack]),
        receiver_down: false,
    },
    Scene {
        name: "the shop's receiver is down and comes back",
        part: Part::Genuine,
        expected: Expected::Verified,
        receiver_down: true,
    },
];

impl Scene {
    /// Whether it ended as it has to.
    pub(super) fn is_right(&self, ended: Ended) -> bool {
        let as_expected = match self.expected {
            Expected::Verified => ended.state == SessionState::Verified && ended.reason.is_none(),
            Expected::Refused(reasons) => {
                ended.state == SessionState::NotVerified && ended.reason.is_some_and(|reason| reasons.contains(&reason))
            }
        };
        as_expected && ended.delivered
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verified => formatter.write_str("verified"),
            Self::Refused(reasons) => {
                let names: Vec<&str> = reasons.iter().map(|reason| reason.as_str()).collect();
                write!(formatter, "refused: {}", names.join(" or "))
            }
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.state, self.reason) {
            (SessionState::Verified, _) => formatter.write_str("verified"),
            (SessionState::NotVerified, Some(reason)) => write!(formatter, "refused: {reason}"),
            (SessionState::NotVerified, None) => formatter.write_str("refused"),
            (SessionState::Canceled(_), _) => formatter.write_str("canceled"),
            (SessionState::Expired, _) => formatter.write_str("expired"),
            _ => formatter.write_str("not ended"),
        }?;
        if self.delivered { Ok(()) } else { formatter.write_str(", NOT DELIVERED") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_is_right_only_for_its_own_reason_and_when_it_was_delivered() {
        let expired = SCENES[2];
        let refused = |reason| Ended { state: SessionState::NotVerified, reason: Some(reason), delivered: true };
        assert!(expired.is_right(refused(ReasonCode::DocumentExpired)));
        assert!(!expired.is_right(refused(ReasonCode::FaceMismatch)));
        assert!(!expired.is_right(Ended { delivered: false, ..refused(ReasonCode::DocumentExpired) }));
        assert!(!expired.is_right(Ended { state: SessionState::Verified, reason: None, delivered: true }));
    }
}
