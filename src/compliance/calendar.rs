//! Calendar days of a place, and when a person reaches an age.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The calendar days that are kept at one moment anywhere in a place: two where a place has several time zones and it
/// is past midnight in only some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceDays {
    /// The day where it is earliest: an age counts from here, so that nobody is of age too soon.
    pub earliest: Date,
    /// The day where it is latest: an expiry counts from here, so that nothing is valid too long.
    pub latest: Date,
}

impl PlaceDays {
    /// The same day everywhere.
    #[must_use]
    pub fn single(day: Date) -> Self {
        Self { earliest: day, latest: day }
    }

    /// The days at `now` in some time zones; `None` when there are no zones.
    #[must_use]
    pub fn at(now: Timestamp, zones: &[TimeZone]) -> Option<Self> {
        let days = zones.iter().map(|zone| now.to_zoned(zone.clone()).date());
        Some(Self { earliest: days.clone().min()?, latest: days.max()? })
    }
}

/// The first day on which a person born on `birth` is `years` old. Somebody born on 29 February reaches an age on
/// 1 March of a common year: the later of the two readings that laws have.
#[must_use]
pub fn reaches_age_on(birth: Date, years: i16) -> Date {
    let year = birth.year().saturating_add(years);
    let same_day = Date::new(year, birth.month(), birth.day());
    same_day.unwrap_or_else(|_| date(9999, 12, 31).min(birth.saturating_add(years.years()).saturating_add(1.day())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_age_is_reached_on_the_birthday() {
        assert_eq!(reaches_age_on(date(2005, 11, 22), 21), date(2026, 11, 22));
    }

    #[test]
    fn a_leap_day_birthday_falls_on_the_first_of_march_in_common_years() {
        assert_eq!(reaches_age_on(date(2004, 2, 29), 21), date(2025, 3, 1));
        assert_eq!(reaches_age_on(date(2004, 2, 29), 20), date(2024, 2, 29));
    }

    #[test]
    fn a_place_with_two_zones_has_two_days_around_midnight() {
        let zone = |hours| TimeZone::fixed(jiff::tz::offset(hours));
        let now: Timestamp = "2026-11-22T05:30:00Z".parse().unwrap();
        let days = PlaceDays::at(now, &[zone(-5), zone(-6)]).unwrap();
        assert_eq!((days.earliest, days.latest), (date(2026, 11, 21), date(2026, 11, 22)));
        assert_eq!(PlaceDays::at(now, &[]), None);
    }

    proptest! {
        #[test]
        fn an_age_is_never_reached_before_its_years_have_passed(day in 0i32..45_000, years in 0i16..120) {
            let birth = date(1880, 1, 1).saturating_add(day.days());
            let reached = reaches_age_on(birth, years);
            prop_assert!(reached >= birth.saturating_add(years.years()));
            prop_assert!(reached <= birth.saturating_add(years.years()).saturating_add(1.day()));
        }
    }
}
