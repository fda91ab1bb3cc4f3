//! What all checks of a document amount to: the one rule by which flags together are a refusal.
//!
//! A failure refuses by itself. A flag counts points by its strength, and [`REFUSAL_POINTS`] refuse: two strong flags, a
//! strong and a moderate one, or three moderate ones. Weak flags never count, however many there are: scanners and old
//! cards have several at once, and they have a common cause. Always holds: no single flag refuses, and one flag more never
//! makes a document look better. Does not know what was checked.

use super::check::{Check, CheckResult, CheckStrength};

/// Points at which flags together are a refusal.
///
/// Chosen so that it takes two independent oddities of which at least one is an issuer's mistake at best, or three that
/// are each rare. A genuine card with two independent moderate flags still passes.
pub const REFUSAL_POINTS: u32 = 3;

/// What the checks of a document amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Standing {
    /// Nothing counts against it.
    Sound,
    /// Odd, but not enough to refuse it.
    Odd,
    /// No genuine document is like this.
    Refused,
}

/// How many points one check counts.
#[must_use]
pub fn points(check: &Check) -> u32 {
    match (check.result, check.strength) {
        (CheckResult::Fail, _) => REFUSAL_POINTS,
        (CheckResult::Flag, CheckStrength::Strong) => 2,
        (CheckResult::Flag, CheckStrength::Moderate) => 1,
        (CheckResult::Flag, CheckStrength::Weak) | (CheckResult::Pass | CheckResult::NotApplicable, _) => 0,
    }
}

/// What these checks amount to.
pub fn standing<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Standing {
    match checks.into_iter().map(points).fold(0, u32::saturating_add) {
        0 => Standing::Sound,
        sum if sum < REFUSAL_POINTS => Standing::Odd,
        _ => Standing::Refused,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(result: CheckResult, strength: CheckStrength) -> Check {
        Check::new("some_check", result, "").with_strength(strength)
    }

    fn flags(strengths: &[CheckStrength]) -> Vec<Check> {
        strengths.iter().map(|strength| check(CheckResult::Flag, *strength)).collect()
    }

    #[test]
    fn one_flag_of_any_strength_is_no_refusal() {
        for strength in [CheckStrength::Weak, CheckStrength::Moderate, CheckStrength::Strong] {
            assert_ne!(standing(&flags(&[strength])), Standing::Refused, "{strength:?}");
        }
    }

    #[test]
    fn weak_flags_never_add_up() {
        assert_eq!(standing(&flags(&[CheckStrength::Weak; 20])), Standing::Sound);
        assert_eq!(
            standing(&flags(&[&[CheckStrength::Weak; 20][..], &[CheckStrength::Strong]].concat())),
            Standing::Odd
        );
    }

    #[test]
    fn two_strong_or_a_strong_and_a_moderate_or_three_moderate_flags_refuse() {
        use CheckStrength::{Moderate, Strong};
        for together in [&[Strong, Strong][..], &[Strong, Moderate], &[Moderate, Moderate, Moderate]] {
            assert_eq!(standing(&flags(together)), Standing::Refused, "{together:?}");
        }
        assert_eq!(standing(&flags(&[Moderate, Moderate])), Standing::Odd);
    }

    #[test]
    fn a_failure_refuses_by_itself_and_passes_never_do() {
        assert_eq!(standing(&[check(CheckResult::Fail, CheckStrength::Weak)]), Standing::Refused);
        assert_eq!(standing(&[check(CheckResult::Pass, CheckStrength::Strong)]), Standing::Sound);
        assert_eq!(standing(&[]), Standing::Sound);
    }

    fn any_check() -> impl Strategy<Value = Check> {
        let results = [CheckResult::Pass, CheckResult::Fail, CheckResult::Flag, CheckResult::NotApplicable];
        let strengths = [CheckStrength::Weak, CheckStrength::Moderate, CheckStrength::Strong];
        (0..4_usize, 0..3_usize).prop_map(move |(result, strength)| check(results[result], strengths[strength]))
    }

    proptest! {
        #[test]
        fn more_evidence_never_takes_a_refusal_back(
            checks in proptest::collection::vec(any_check(), 0..12), more in any_check()
        ) {
            let before = standing(&checks);
            let after = standing(checks.iter().chain([&more]));
            prop_assert!(before != Standing::Refused || after == Standing::Refused);
        }
    }
}
