//! Somebody who was verified before: what they still have, and whether it answers what is asked now.
//!
//! Always holds: a credential answers for its own tier and lower ones, never for a higher; only while it has not expired, and
//! not before it was earned; only in the mode that it was earned in; never where it is asked who somebody is, because the way
//! by which it is found again proves an address or a document and no name. Using it earns no other and makes none last longer.
//! Does not look anything up.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::decision::{Decision, NamedCheck, Verdict};
use super::outcome::Strength;
use super::policy::Policy;
use super::request::AllowedType;
use super::surroundings::Surroundings;
use crate::compliance::AgeTier;
use crate::document::{CheckResult, CheckStrength, DocumentKind};

/// What a verified person has left: no name, no date, no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its identifier, `cred_…`.
    pub id: String,
    /// Identifier of the outcome that it rests on.
    pub outcome: String,
    /// How old the person is at least.
    pub tier: AgeTier,
    /// The kind of document and the checks, such as `driving_license_barcode_face`.
    pub method: String,
    /// How strong the evidence was.
    pub strength: Strength,
    /// The rules that it was earned by.
    pub rule_version: String,
    /// When it was earned.
    pub verified_at: Timestamp,
    /// From when on it grants nothing.
    pub expires_at: Timestamp,
    /// Whether it came from the pinned camera.
    pub livemode: bool,
}

/// How it was made sure that a credential is this person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnProof {
    /// They read a code that was sent to the address that they had left. It proves the address, nothing else.
    EmailCode,
    /// They showed a pass of a box that is trusted, and with it the document that it was made with.
    Pass,
}

impl ReturnProof {
    /// The method of an outcome that rests on it.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::EmailCode => "returning_email_code",
            Self::Pass => "returning_pass",
        }
    }

    /// The check of an outcome that rests on it.
    pub(super) fn check(self) -> &'static str {
        match self {
            Self::EmailCode => "email_code",
            Self::Pass => "pass",
        }
    }
}

/// Somebody has come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// What they have.
    pub credential: Credential,
    /// How that was made sure.
    pub proof: ReturnProof,
}

/// What an outcome of somebody who came again refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reused {
    /// Identifier of the outcome that the credential rests on; none of a pass, which does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Of a pass: identifier of the key of the box that issued it (RFC 7638).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_key: Option<String>,
    /// When that was decided; of a pass, when it was issued, in whole hours.
    pub verified_at: Timestamp,
    /// How it was made sure that it is this person's.
    pub proof: ReturnProof,
}

/// Why a credential does not answer. Nobody has failed: the full check is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It is over, or from a time to come.
    #[error("it is not valid now")]
    Expired,
    /// It says less than is asked.
    #[error("it is of a lower age tier than is asked for")]
    Tier,
    /// The evidence was weaker than is asked.
    #[error("it rests on weaker evidence than is asked for")]
    Strength,
    /// It rests on a kind of document that is not accepted.
    #[error("it rests on a document that is not accepted here")]
    Kind,
    /// One was earned live, and the other is not.
    #[error("it was earned in the other mode, live or test")]
    Mode,
    /// It is asked who the person is.
    #[error("it says nothing of who the person is")]
    Identity,
    /// It came with another document than the one that it was made with.
    #[error("it was made with another document")]
    Document,
}

/// What somebody has from before, as far as it matters for what is asked now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// How old the person is at least.
    pub tier: AgeTier,
    /// The kind of document that it rests on; none where that is not known, or where it rests on none.
    pub kind: Option<DocumentKind>,
    /// How strong the evidence was.
    pub strength: Strength,
    /// Whether a live face was compared with the portrait.
    pub face: bool,
    /// Whether it was earned live.
    pub livemode: bool,
    /// When it was earned.
    pub earned_at: Timestamp,
    /// From when on it grants anything.
    pub from: Timestamp,
    /// From when on it does no more.
    pub until: Timestamp,
}

impl Claim {
    /// Whether it says what a policy asks, whenever and wherever that is.
    pub fn suits(&self, policy: &Policy) -> Result<(), NoAnswer> {
        let strong_enough = match self.strength {
            Strength::DocumentFace => true,
            Strength::Document => !policy.require_liveness && !policy.require_face_match,
            Strength::FrontOnly => {
                policy.accept_front_only && (self.face || !policy.require_liveness && !policy.require_face_match)
            }
            Strength::AgeEstimate => policy.age_threshold().is_some(),
        };
        let accepted = match self.kind {
            Some(kind) => policy.accepted_kinds.contains(&kind),
            None => self.strength == Strength::AgeEstimate,
        };
        match () {
            () if policy.asks_identity => Err(NoAnswer::Identity),
            () if self.tier < policy.tier => Err(NoAnswer::Tier),
            () if !strong_enough => Err(NoAnswer::Strength),
            () if !accepted => Err(NoAnswer::Kind),
            () => Ok(()),
        }
    }

    /// Whether it answers what a policy asks at a moment, in a session that is live or not.
    pub fn answers(&self, policy: &Policy, livemode: bool, now: Timestamp) -> Result<(), NoAnswer> {
        match () {
            () if policy.asks_identity => Err(NoAnswer::Identity),
            () if self.livemode != livemode => Err(NoAnswer::Mode),
            () if !(self.from..self.until).contains(&now) => Err(NoAnswer::Expired),
            // It may have been earned by a rule that grants longer than this one does.
            () if now.duration_since(self.earned_at) >= policy.earned_within => Err(NoAnswer::Expired),
            () => self.suits(policy),
        }
    }
}

impl Credential {
    /// Whether it grants anything at a moment.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.verified_at..self.expires_at).contains(&now)
    }

    /// Whether it answers what a policy asks, in a session that is live or not.
    ///
    /// # Errors
    /// [`NoAnswer`], the first reason why not.
    pub fn answers(&self, policy: &Policy, livemode: bool, now: Timestamp) -> Result<(), NoAnswer> {
        let kind = AllowedType::ALL.into_iter().find(|kind| self.method.starts_with(kind.as_str()));
        let claim = Claim {
            tier: self.tier,
            kind: kind.map(AllowedType::kind),
            strength: self.strength,
            face: self.method.ends_with("_face"),
            livemode: self.livemode,
            earned_at: self.verified_at,
            from: self.verified_at,
            until: self.expires_at,
        };
        claim.answers(policy, livemode, now)
    }
}

impl Returned {
    /// Decides for somebody who has come again; there is no decision against anybody.
    ///
    /// # Errors
    /// [`NoAnswer`] when the credential does not answer what is asked.
    pub fn decide(
        &self,
        policy: &Policy,
        livemode: bool,
        now: Timestamp,
        surroundings: Surroundings,
    ) -> Result<Decision, NoAnswer> {
        self.credential.answers(policy, livemode, now)?;
        let check = |name, result, strength| NamedCheck { name: Cow::Borrowed(name), result, strength };
        let passed =
            ["credential", self.proof.check()].map(|name| check(name, CheckResult::Pass, CheckStrength::Moderate));
        // What is odd about the device is as odd for somebody who comes again.
        let odd = || surroundings.flags();
        let flagged = odd().map(|name| check(name, CheckResult::Flag, CheckStrength::Weak));
        Ok(Decision {
            verdict: Verdict::Verified,
            reasons: Vec::new(),
            checks: passed.into_iter().chain(flagged).collect(),
            flags: odd().map(Cow::Borrowed).collect(),
        })
    }

    /// What the outcome says of it.
    #[must_use]
    pub fn reused(&self) -> Reused {
        Reused {
            outcome: Some(self.credential.outcome.clone()),
            device_key: None,
            verified_at: self.credential.verified_at,
            proof: self.proof,
        }
    }
}

/// What somebody asks of a credential who looks one up; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The least age tier.
    pub tier: Option<AgeTier>,
    /// The methods that will do; any where none is named.
    pub methods: Vec<String>,
    /// The least strength.
    pub strength: Option<Strength>,
    /// The greatest age.
    pub max_age: Option<SignedDuration>,
}

impl Wanted {
    /// Whether a credential is of use at a moment, in a mode.
    #[must_use]
    pub fn is_met_by(&self, credential: &Credential, livemode: bool, now: Timestamp) -> bool {
        let age = now.duration_since(credential.verified_at);
        credential.livemode == livemode
            && credential.is_valid_at(now)
            && self.tier.is_none_or(|tier| credential.tier >= tier)
            && (self.methods.is_empty() || self.methods.contains(&credential.method))
            && self.strength.is_none_or(|strength| credential.strength >= strength)
            && self.max_age.is_none_or(|most| age <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::DocumentOptions;
    use proptest::prelude::*;

    const TIERS: [AgeTier; 6] =
        [AgeTier::Over16, AgeTier::Over18, AgeTier::Over19, AgeTier::Over20, AgeTier::Over21, AgeTier::Over25];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn credential() -> Credential {
        Credential {
            id: "cred_0".to_owned(),
            outcome: "out_0".to_owned(),
            tier: AgeTier::Over21,
            method: "driving_license_barcode_face".to_owned(),
            strength: Strength::DocumentFace,
            rule_version: "1".to_owned(),
            verified_at: at(0),
            expires_at: at(86_400),
            livemode: true,
        }
    }

    fn answer(credential: &Credential, policy: &Policy) -> Result<(), NoAnswer> {
        credential.answers(policy, true, at(60))
    }

    #[test]
    fn a_credential_answers_for_its_tier_and_lower_ones_and_never_for_a_higher() {
        for has in TIERS {
            for asked in TIERS {
                let credential = Credential { tier: has, ..credential() };
                let said = answer(&credential, &Policy::for_tier(asked));
                assert_eq!(said, if has >= asked { Ok(()) } else { Err(NoAnswer::Tier) }, "{has:?} for {asked:?}");
                let wanted = Wanted { tier: Some(asked), ..Wanted::default() };
                assert_eq!(wanted.is_met_by(&credential, true, at(60)), has >= asked);
            }
        }
    }

    #[test]
    fn nothing_is_answered_before_it_was_earned_or_once_it_is_over() {
        let policy = Policy::for_tier(AgeTier::Over18);
        for (second, valid) in [(-1, false), (0, true), (86_399, true), (86_400, false), (1 << 30, false)] {
            let said = credential().answers(&policy, true, at(second));
            assert_eq!(said, if valid { Ok(()) } else { Err(NoAnswer::Expired) }, "{second}");
            assert_eq!(Wanted::default().is_met_by(&credential(), true, at(second)), valid, "{second}");
        }
    }

    #[test]
    fn a_rule_that_grants_for_less_long_does_not_count_what_is_older() {
        let policy = Policy { earned_within: SignedDuration::from_hours(1), ..Policy::for_tier(AgeTier::Over18) };
        for (second, valid) in [(0, true), (3_599, true), (3_600, false), (86_399, false)] {
            let said = credential().answers(&policy, true, at(second));
            assert_eq!(said, if valid { Ok(()) } else { Err(NoAnswer::Expired) }, "{second}");
        }
    }

    #[test]
    fn what_was_earned_in_one_mode_is_worth_nothing_in_the_other() {
        let policy = Policy::for_tier(AgeTier::Over18);
        assert_eq!(credential().answers(&policy, false, at(60)), Err(NoAnswer::Mode));
        let tried = Credential { livemode: false, ..credential() };
        assert_eq!((answer(&tried, &policy), tried.answers(&policy, false, at(60))), (Err(NoAnswer::Mode), Ok(())));
        assert!(!Wanted::default().is_met_by(&tried, true, at(60)));
    }

    #[test]
    fn weaker_evidence_answers_only_where_the_policy_would_take_it_now() {
        let usual = Policy::for_tier(AgeTier::Over18);
        let with = |strength, method: &str| Credential { strength, method: method.to_owned(), ..credential() };
        let front = with(Strength::FrontOnly, "id_card_front_face");
        assert_eq!(answer(&front, &usual), Err(NoAnswer::Strength));
        assert_eq!(answer(&front, &Policy { accept_front_only: true, ..usual.clone() }), Ok(()));
        let document = with(Strength::Document, "passport_mrz");
        assert_eq!(answer(&document, &usual), Err(NoAnswer::Strength));
        let faceless = Policy { require_liveness: false, require_face_match: false, ..usual.clone() };
        assert_eq!(answer(&document, &faceless), Ok(()));
        let estimate = with(Strength::AgeEstimate, "age_estimate");
        assert_eq!(answer(&estimate, &usual), Err(NoAnswer::Strength));
    }

    #[test]
    fn who_somebody_is_and_other_kinds_of_document_are_not_answered() {
        let policy = Policy { asks_identity: true, ..Policy::for_tier(AgeTier::Over18) };
        assert_eq!(answer(&credential(), &policy), Err(NoAnswer::Identity));
        let passports = DocumentOptions { allowed_types: vec![AllowedType::Passport], ..DocumentOptions::default() };
        let policy = Policy::for_tier(AgeTier::Over18).narrowed_by(&passports, false);
        assert_eq!(answer(&credential(), &policy), Err(NoAnswer::Kind));
        let odd = Credential { method: "staff".to_owned(), ..credential() };
        assert_eq!(answer(&odd, &Policy::for_tier(AgeTier::Over18)), Err(NoAnswer::Kind));
    }

    #[test]
    fn a_lookup_gets_what_it_asks_for() {
        let met = |wanted: &Wanted| wanted.is_met_by(&credential(), true, at(3_600));
        let of = |methods: &[&str]| Wanted {
            methods: methods.iter().map(|&method| method.to_owned()).collect(),
            ..Wanted::default()
        };
        assert!(met(&of(&["passport_mrz_face", "driving_license_barcode_face"])) && !met(&of(&["passport_mrz_face"])));
        let strong = |strength| Wanted { strength: Some(strength), ..Wanted::default() };
        assert!(met(&strong(Strength::AgeEstimate)) && met(&strong(Strength::DocumentFace)));
        let young = |seconds| Wanted { max_age: Some(SignedDuration::from_secs(seconds)), ..Wanted::default() };
        assert!(met(&young(3_600)) && !met(&young(3_599)));
    }

    proptest! {
        #[test]
        fn a_decision_is_made_exactly_when_the_credential_answers(
            tier in 0usize..6, asked in 0usize..6, second in -10i64..90_000, livemode: bool, mine: bool, identity: bool,
        ) {
            let credential = Credential { tier: TIERS[tier], livemode: mine, ..credential() };
            let policy = Policy { asks_identity: identity, ..Policy::for_tier(TIERS[asked]) };
            let answers = credential.answers(&policy, livemode, at(second));
            let returned = Returned { credential, proof: ReturnProof::EmailCode };
            let decision = returned.decide(&policy, livemode, at(second), Surroundings::default());
            let may = tier >= asked && livemode == mine && !identity && (0..86_400).contains(&second);
            prop_assert_eq!((answers.is_ok(), decision.is_ok()), (may, may));
            if let Ok(decision) = decision {
                prop_assert!(decision.verdict == Verdict::Verified && decision.reasons.is_empty());
            }
        }
    }
}
