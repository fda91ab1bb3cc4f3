use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_hours(24);

fn status(code: u16) -> Answer {
    Answer::Status { code, retry_after: None, web_page: false }
}

fn settle(answer: &Answer) -> Settlement {
    Schedule::new(RetryBounds::default()).settle(1, 0, answer, Duration::ZERO, 0.5)
}

#[test]
fn only_2xx_acknowledges() {
    for code in 100..=599 {
        let acknowledged = settle(&status(code)) == Settlement::Acknowledged;
        assert_eq!(acknowledged, (200..300).contains(&code), "{code}");
    }
}

#[test]
fn only_410_is_a_dead_letter_at_once() {
    for code in 100..=599 {
        let dead = matches!(settle(&status(code)), Settlement::Dead { .. });
        assert_eq!(dead, code == 410, "{code}");
    }
}

#[test]
fn no_answer_of_any_kind_acknowledges_or_gives_up() {
    for why in [
        NoAnswer::Connect,
        NoAnswer::Tls,
        NoAnswer::Timeout,
        NoAnswer::Interrupted,
        NoAnswer::Clock,
        NoAnswer::UnknownEndpoint,
        NoAnswer::LiveOverHttp,
    ] {
        let mut schedule = Schedule::new(RetryBounds::default());
        for attempt in 0..2000 {
            let uptime = DAY * attempt;
            let settled = schedule.settle(1, attempt, &Answer::Nothing(why), uptime, 0.5);
            assert!(matches!(settled, Settlement::Retry { .. }), "{why}: {settled:?}");
        }
    }
}

#[test]
fn a_web_page_is_no_acknowledgement_whatever_its_status() {
    for code in [200, 204, 299] {
        let portal = Answer::Status { code, retry_after: None, web_page: true };
        assert!(matches!(settle(&portal), Settlement::Retry { .. }), "{code}");
    }
}

#[test]
fn a_refusal_dies_only_after_many_attempts_and_days() {
    let bounds = RetryBounds::default();
    let mut schedule = Schedule::new(bounds);
    let mut ask = |attempts, uptime| schedule.settle(7, attempts, &status(400), uptime, 0.5);
    for attempt in 0..1000 {
        let settled = ask(attempt, Duration::from_secs(attempt.into()));
        assert!(matches!(settled, Settlement::Retry { .. }), "many, but within minutes");
    }
    assert!(matches!(ask(1000, DAY * 2), Settlement::Retry { .. }));
    assert!(matches!(ask(1001, bounds.refused_for), Settlement::Dead { .. }));
    assert!(matches!(ask(0, bounds.refused_for), Settlement::Retry { .. }), "replayed by hand, it begins anew");

    let mut schedule = Schedule::new(bounds);
    for attempt in 0..bounds.refusals - 1 {
        let settled = schedule.settle(7, attempt, &status(404), DAY * attempt, 0.5);
        assert!(matches!(settled, Settlement::Retry { .. }), "days, but few");
    }
    assert!(matches!(schedule.settle(7, 19, &status(404), DAY * 19, 0.5), Settlement::Dead { .. }));
}

#[test]
fn an_event_that_got_the_number_of_another_does_not_inherit_its_refusals() {
    let mut schedule = Schedule::new(RetryBounds::default());
    for attempt in 0..19 {
        schedule.settle(7, attempt, &status(404), DAY * attempt, 0.5);
    }
    // The store was restored from a backup meanwhile.
    for attempt in 0..19 {
        let settled = schedule.settle(7, attempt, &status(404), DAY * (19 + attempt), 0.5);
        assert!(matches!(settled, Settlement::Retry { .. }), "{attempt}");
    }
}

#[test]
fn a_week_offline_does_not_make_the_first_refusal_a_dead_letter() {
    let mut schedule = Schedule::new(RetryBounds::default());
    for attempt in 0..500 {
        schedule.settle(7, attempt, &Answer::Nothing(NoAnswer::Connect), DAY / 48 * attempt, 0.5);
    }
    assert!(matches!(schedule.settle(7, 500, &status(401), DAY * 11, 0.5), Settlement::Retry { .. }));
}

#[test]
fn refusals_that_are_broken_by_something_else_are_not_in_a_row() {
    let mut schedule = Schedule::new(RetryBounds::default());
    for attempt in 0..200 {
        let answer = if attempt % 10 == 9 { status(503) } else { status(403) };
        let settled = schedule.settle(7, attempt, &answer, DAY * attempt, 0.5);
        assert!(matches!(settled, Settlement::Retry { .. }));
    }
}

#[test]
fn remembered_refusals_are_bounded() {
    let mut schedule = Schedule::new(RetryBounds::default());
    for delivery in 0..20_000 {
        schedule.settle(delivery, 0, &status(400), Duration::ZERO, 0.5);
    }
    assert_eq!(schedule.refused.len(), MAX_REMEMBERED);
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let now = httpdate::parse_http_date("Sun, 22 Nov 2026 12:00:00 GMT").unwrap();
    let of = |value| retry_after(value, now);
    assert_eq!(of("120"), Some(Duration::from_mins(2)));
    assert_eq!(of(" 0 "), Some(Duration::ZERO));
    assert_eq!(of("Sun, 22 Nov 2026 12:01:30 GMT"), Some(Duration::from_secs(90)));
    assert_eq!(of("Sunday, 22-Nov-26 12:01:30 GMT"), Some(Duration::from_secs(90)), "the form of RFC 850");
    assert_eq!(of("Sun Nov 22 12:01:30 2026"), Some(Duration::from_secs(90)), "the form of asctime");
    assert_eq!(of("Sun, 22 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO), "a date that has passed");
    assert_eq!(of("99999999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
    for nonsense in ["", "-5", "+5", "1.5", "5s", "soon", "22 Nov 2026"] {
        assert_eq!(of(nonsense), None, "{nonsense:?}");
    }
}

#[test]
fn retry_after_is_obeyed_within_its_cap() {
    let bounds = RetryBounds::default();
    let asked = |seconds| bounds.pause(0, 0.0, Some(Duration::from_secs(seconds)));
    assert_eq!(asked(7), Duration::from_secs(7));
    assert_eq!(asked(7200), Duration::from_hours(2), "also beyond the longest pause of our own");
    assert_eq!(asked(u64::MAX), bounds.longest_retry_after);
    assert_eq!(asked(0), bounds.least, "a receiver cannot ask to be hammered");
    let limited = Answer::Status { code: 429, retry_after: Some(Duration::from_secs(90)), web_page: false };
    assert!(matches!(settle(&limited), Settlement::Retry { after_ms: 90_000, .. }));
}

#[test]
fn reasons_fit_the_message_that_carries_them() {
    let mut schedule = Schedule::new(RetryBounds::default());
    for code in 100..=599 {
        for web_page in [false, true] {
            let answer = Answer::Status { code, retry_after: None, web_page };
            match schedule.settle(1, 0, &answer, Duration::ZERO, 0.5) {
                Settlement::Retry { why, .. } | Settlement::Dead { why } => assert!(why.len() <= 200, "{why}"),
                Settlement::Acknowledged | Settlement::Untried => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn pauses_stay_within_their_bounds(attempts: u32, random: f64, asked in proptest::option::of(any::<u64>())) {
        let bounds = RetryBounds::default();
        let asked = asked.map(Duration::from_secs);
        let pause = bounds.pause(attempts, random, asked);
        let floor = bounds.least.max(asked.unwrap_or_default().min(bounds.longest_retry_after));
        prop_assert!(pause >= floor && pause <= bounds.longest.max(bounds.longest_retry_after));
        if asked.is_none() {
            prop_assert!(pause <= bounds.longest);
        }
    }

    #[test]
    fn the_ceiling_doubles_and_jitter_spreads_below_it(attempts in 0_u32..10, random in 0.0_f64..1.0) {
        let bounds = RetryBounds::default();
        let ceiling = bounds.pause(attempts, 1.0, None);
        prop_assert_eq!(ceiling, bounds.first * 2_u32.pow(attempts));
        prop_assert!(bounds.pause(attempts, random, None) <= ceiling);
    }
}
