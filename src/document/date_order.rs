//! Birth before issue before expiry: the rule that all documents share.

use jiff::civil::Date;

use super::check::{Check, CheckResult, CheckStrength};

/// Whether the dates that are known follow each other.
pub(super) fn date_order(birth: Option<Date>, issue: Option<Date>, expiry: Option<Date>) -> Check {
    const NAME: &str = "date_order";
    let pairs =
        [(birth, issue, "birth", "issue"), (issue, expiry, "issue", "expiry"), (birth, expiry, "birth", "expiry")];
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (before, after, earlier, later) in pairs {
        if let Some((before, after)) = before.zip(after) {
            compared += 1;
            if before >= after {
                wrong.push(format!("{earlier} is not before {later}"));
            }
        }
    }
    match (compared, wrong.is_empty()) {
        (0, _) => Check::new(NAME, CheckResult::NotApplicable, "there are not two dates to compare")
            .with_strength(CheckStrength::Weak),
        (_, true) => Check::new(NAME, CheckResult::Pass, "birth, issue and expiry follow each other")
            .with_strength(CheckStrength::Weak),
        (_, false) => Check::new(NAME, CheckResult::Fail, wrong.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_pair_that_is_known_has_to_follow() {
        let [early, middle, late] = [date(1990, 1, 1), date(2020, 1, 1), date(2030, 1, 1)].map(Some);
        let result = |birth, issue, expiry| date_order(birth, issue, expiry).result;
        assert_eq!(result(early, middle, late), CheckResult::Pass);
        assert_eq!(result(early, None, late), CheckResult::Pass);
        assert_eq!(result(None, late, middle), CheckResult::Fail);
        assert_eq!(result(late, None, early), CheckResult::Fail);
        assert_eq!(result(early, early, None), CheckResult::Fail);
        assert_eq!(result(early, None, None), CheckResult::NotApplicable);
    }
}
