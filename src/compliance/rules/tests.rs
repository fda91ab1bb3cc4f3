use jiff::civil::date;

use super::*;
use crate::compliance::{AgeTier, AllowedMethod};

fn book() -> RuleBook {
    RuleBook::built_in().unwrap()
}

/// The day on which these tests stand.
fn today() -> PlaceDays {
    PlaceDays::single(date(2026, 11, 23))
}

fn place(code: &str) -> Jurisdiction {
    code.parse().unwrap()
}

#[test]
fn alcohol_and_tobacco_are_known_everywhere() {
    let book = book();
    assert_eq!(book.places().count(), 51 + 13 + 4 + 27);
    for (country, by_use_case) in book.coverage() {
        for use_case in [UseCase::AlcoholInPerson, UseCase::AlcoholDelivery, UseCase::TobaccoNicotine] {
            assert_eq!(by_use_case[&use_case].unknown, 0, "{use_case} in {country}");
        }
    }
    for place in book.places().filter(|code| code.starts_with("US-")) {
        let rule = book.resolve(UseCase::AlcoholInPerson, &place.parse().unwrap(), today()).unwrap();
        assert_eq!(rule.tier, AgeTier::Over21, "{place}");
    }
}

#[test]
fn at_most_two_fifths_of_the_table_are_unknown() {
    let coverage = book().coverage().into_values().flat_map(BTreeMap::into_values).collect::<Vec<_>>();
    let unknown: usize = coverage.iter().map(|cells| cells.unknown).sum();
    let all: usize = coverage.iter().map(|cells| cells.known + cells.unknown).sum();
    assert_eq!(all, 950);
    assert!(unknown * 5 <= all * 2, "{unknown} of {all}");
}

#[test]
fn every_rule_names_a_source_that_was_read_before_the_table_was_made() {
    let book = book();
    for entry in &book.table.entries {
        for source in &entry.sources {
            assert!(source.url.starts_with("https://") || source.url.starts_with("http://"), "{}", source.id);
            assert!(source.read_on <= book.made_on() && !source.says.is_empty() && !source.title.is_empty());
        }
    }
}

#[test]
fn what_the_table_does_not_say_is_unresolvable_and_never_guessed() {
    let book = book();
    // Neither what is no part of a country, nor a territory with a law and a day of its own, has that country's rules.
    let places = ["US-ZZ", "CH-ZH", "DE-ZZ", "FR-PF", "FR-974", "NL-AW", "NL-BQ1", "FI-01"];
    for (use_case, code) in places.map(|code| (UseCase::AlcoholInPerson, code)) {
        assert_eq!(book.days_at(&place(code), Timestamp::UNIX_EPOCH), None, "{code}");
        let error = book.resolve(use_case, &place(code), today()).unwrap_err();
        assert!(error.to_string().starts_with("jurisdiction_unresolvable"), "{error}");
        assert_eq!(book.merge(&[use_case], &place(code), today()), Err(error));
    }
}

#[test]
fn a_part_of_a_country_that_is_known_as_a_whole_has_its_rules_and_its_days() {
    let book = book();
    let rule = book.resolve(UseCase::AlcoholInPerson, &place("DE-BE"), today()).unwrap();
    assert_eq!((rule.jurisdiction.as_str(), rule.tier), ("DE-BE", AgeTier::Over18));
    assert!(book.days_at(&place("DE-BE"), Timestamp::UNIX_EPOCH).is_some());
    assert_eq!(book.days_at(&place("US-ZZ"), Timestamp::UNIX_EPOCH), None);
}

const HEAD: &str = r#"
    rule_version = "test"
    made_on = "2026-01-01"
    [terms]
    allowed_methods = ["document_face", "document_front_only"]
    consent_required = true
    consent_text = "check-1"
    biometric_retention_days = 0
    credential_validity_days = 1
    [[jurisdiction]]
    code = "US-CA"
    name = "California"
    time_zones = ["America/Los_Angeles"]
"#;

const SOURCE: &str = r#"
    [[source]]
    id = "a"
    title = "Act A"
    url = "https://law.example/a"
    read_on = "2025-12-31"
    says = "So."
"#;

fn with(rules: &str) -> Result<RuleBook, RuleBookError> {
    Table::parse(HEAD, &[&format!("{SOURCE}{rules}")]).map(|table| RuleBook { table, signed_by: None })
}

fn rule(use_case: &str, more: &str) -> String {
    format!("[[rule]]\nuse_cases = [\"{use_case}\"]\nplaces = [\"US-CA\"]\nsources = [\"a\"]\n{more}\n")
}

#[test]
fn of_several_use_cases_the_most_restrictive_of_every_part_holds() {
    let book = with(&format!(
        "{}{}{}",
        rule("social_media", "tier = \"over_16\"\nregulator = \"R\""),
        rule("firearms", "tier = \"over_21\"\nregulator = \"R\"\nallowed_methods = [\"document_face\"]"),
        rule("cannabis_delivery", "prohibited = true"),
    ))
    .unwrap();
    let here = place("US-CA");
    let (media, arms, cannabis) = (UseCase::SocialMedia, UseCase::Firearms, UseCase::CannabisDelivery);
    for order in [[media, arms], [arms, media]] {
        let merged = book.merge(&order, &here, today()).unwrap();
        assert_eq!((merged.tier, merged.prohibited.is_empty()), (Some(AgeTier::Over21), true));
        assert_eq!(merged.terms.allowed_methods, [AllowedMethod::DocumentFace]);
        assert_eq!((merged.regulators.len(), merged.sources.len()), (1, 1));
    }
    let all = book.merge(&[media, cannabis, arms, cannabis], &here, today()).unwrap();
    assert_eq!((all.tier, all.prohibited), (Some(AgeTier::Over21), vec![cannabis]));
    // What is not known of one is not known of all.
    assert!(book.merge(&[media, UseCase::AdultContent], &here, today()).is_err());
    let prohibited = book.resolve(cannabis, &here, today()).unwrap_err();
    assert!(prohibited.to_string().starts_with("use_case_prohibited") && prohibited.to_string().contains("Act A"));
}

#[test]
fn a_table_that_contradicts_itself_or_has_no_source_is_refused() {
    use RuleBookError as E;
    let tier = "tier = \"over_18\"";
    let one = rule("firearms", tier);
    assert!(with(&one).is_ok());
    assert!(matches!(with(&format!("{one}{one}")), Err(E::Twice(_))));
    assert!(matches!(with(&rule("firearms", "")), Err(E::Answer(_))));
    assert!(matches!(with(&rule("firearms", "prohibited = true\ntier = \"over_18\"")), Err(E::Answer(_))));
    assert!(matches!(with(&one.replace("\"a\"", "\"b\"")), Err(E::Source(_))));
    assert!(matches!(with(&one.replace("[\"a\"]", "[]")), Err(E::Source(_))));
    assert!(matches!(with(&one.replace("US-CA", "US-NV")), Err(E::PlaceUnknown(_))));
    assert!(matches!(with(&one.replace("US-CA", "California")), Err(E::Place(_))));
    assert!(matches!(with(&one.replace("firearms", "beer")), Err(E::Form(_))));
    assert!(matches!(with(&format!("{one}colour = \"red\"")), Err(E::Form(_))));
    assert!(matches!(with(&format!("{one}{SOURCE}")), Err(E::Twice(_))));
    let zone = HEAD.replace("America/Los_Angeles", "America/Atlantis");
    assert!(matches!(Table::parse(&zone, &[]), Err(E::TimeZone(_))));
}

#[test]
fn a_table_whose_terms_no_device_keeps_is_refused() {
    use RuleBookError as E;
    let parsed = |from: &str, to: &str| Table::parse(&HEAD.replace(from, to), &[]).map(drop);
    assert!(parsed("", "").is_ok());
    assert!(matches!(parsed("retention_days = 0", "retention_days = 1"), Err(E::Retention)));
    assert!(matches!(parsed("validity_days = 1", "validity_days = 0"), Err(E::Validity)));
    assert!(matches!(parsed("validity_days = 1", "validity_days = 367"), Err(E::Validity)));
    assert!(matches!(parsed("\"document_face\", ", ""), Err(E::Methods(_))));
    assert!(matches!(parsed("\"test\"", "\"\""), Err(E::Version)));
    assert!(matches!(parsed("\"test\"", "\"a b\""), Err(E::Version)));
    let estimate = rule("firearms", "tier = \"over_18\"\nallowed_methods = [\"age_estimate\"]");
    assert!(matches!(with(&estimate), Err(E::Methods(_))));
    assert!(matches!(with(&rule("firearms", "tier = \"over_18\"\ncredential_validity_days = 0")), Err(E::Validity)));
}

#[test]
fn an_outcome_grants_for_as_long_as_its_rule_says_and_otherwise_as_the_table_does() {
    let terms = "tier = \"over_21\"\ncredential_validity_days = 30";
    let book = with(&format!("{}{}", rule("firearms", terms), rule("social_media", "tier = \"over_16\""))).unwrap();
    let decided: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    let until = |case| book.resolve(case, &place("US-CA"), today()).unwrap().outcome_expires_at(decided).to_string();
    assert_eq!(until(UseCase::Firearms), "2026-12-23T10:00:00Z");
    assert_eq!(until(UseCase::SocialMedia), "2026-11-24T10:00:00Z");
}

#[test]
fn only_what_a_rule_itself_says_of_methods_binds() {
    let named = rule("firearms", "tier = \"over_21\"\nallowed_methods = [\"document_face\"]");
    let book = with(&format!("{named}{}", rule("social_media", "tier = \"over_16\""))).unwrap();
    let resolved = |case| book.resolve(case, &place("US-CA"), today()).unwrap();
    let (arms, media) = (resolved(UseCase::Firearms), resolved(UseCase::SocialMedia));
    assert!(arms.leaves_open(AllowedMethod::DocumentFace) && !arms.leaves_open(AllowedMethod::DocumentFrontOnly));
    assert!(media.leaves_open(AllowedMethod::AgeEstimate), "the operator has the last word");
    let merged = |cases: &[UseCase]| book.merge(cases, &place("US-CA"), today()).unwrap().binds_methods;
    assert!(merged(&[UseCase::SocialMedia, UseCase::Firearms]) && !merged(&[UseCase::SocialMedia]));
}

/// One cell with three rules, one after the other.
const CHANGING: [&str; 3] = [
    "tier = \"over_18\"\nuntil = \"2026-12-31\"",
    "tier = \"over_21\"\nfrom = \"2027-01-01\"\nuntil = \"2027-06-30\"\nallowed_methods = [\"document_face\"]",
    "prohibited = true\nfrom = \"2027-09-01\"",
];

#[test]
fn a_rule_begins_and_ends_on_its_days_and_between_two_rules_nothing_is_guessed() {
    let book = with(&CHANGING.map(|more| rule("tobacco_nicotine", more)).concat()).unwrap();
    let on = |day: Date| book.resolve(UseCase::TobaccoNicotine, &place("US-CA"), PlaceDays::single(day));
    let tier = |day| on(day).unwrap().tier;
    assert_eq!((tier(date(2026, 12, 31)), tier(date(2027, 1, 1))), (AgeTier::Over18, AgeTier::Over21));
    assert_eq!(tier(date(2027, 6, 30)), AgeTier::Over21);
    for day in [date(2027, 7, 1), date(2027, 8, 31)] {
        assert!(matches!(on(day), Err(RuleError::Unresolvable { .. })), "{day}");
    }
    assert!(matches!(on(date(2027, 9, 1)), Err(RuleError::Prohibited { .. })));
    // The table does not speak of days before it was made: a clock that is wrong finds the rule of that day.
    assert_eq!(tier(date(1970, 1, 1)), AgeTier::Over18);
    let changes = book.changes_after(UseCase::TobaccoNicotine, &place("US-CA"), date(2027, 1, 1));
    assert_eq!(changes.into_iter().collect::<Vec<_>>(), [date(2027, 7, 1), date(2027, 9, 1)]);
    assert_eq!(book.coverage()["US"][&UseCase::TobaccoNicotine].known, 1);
}

#[test]
fn while_it_is_two_days_in_a_place_the_stricter_of_both_rules_holds() {
    let mut written = CHANGING.map(|more| rule("tobacco_nicotine", more));
    let changing = |written: &[String; 3], earliest, latest| {
        let days = PlaceDays { earliest, latest };
        with(&written.concat()).unwrap().resolve(UseCase::TobaccoNicotine, &place("US-CA"), days)
    };
    let (last, first) = (date(2026, 12, 31), date(2027, 1, 1));
    let rising = changing(&written, last, first).unwrap();
    assert_eq!((rising.tier, rising.binds_methods), (AgeTier::Over21, true));
    // Also where the age falls.
    written[0] = written[0].replace("over_18", "over_25");
    let falling = changing(&written, last, first).unwrap();
    assert_eq!((falling.tier, falling.binds_methods), (AgeTier::Over25, true));
    assert_eq!(falling.terms.allowed_methods, [AllowedMethod::DocumentFace]);
    // And what is unknown on one of both days is unknown.
    assert!(changing(&written, date(2027, 6, 30), date(2027, 7, 1)).is_err());
}

#[test]
fn two_rules_for_one_day_or_one_that_ends_before_it_begins_are_refused() {
    let on = |first: &str, second: &str| {
        let more = |days: &str| rule("firearms", &format!("tier = \"over_18\"\n{days}"));
        with(&format!("{}{}", more(first), more(second)))
    };
    let (until, from) = ("until = \"2026-12-31\"", "from = \"2027-01-01\"");
    assert!(on(until, from).is_ok() && on(from, until).is_ok());
    for (first, second) in [(until, ""), ("", from), (until, "from = \"2026-12-31\""), (until, until), (from, from)] {
        assert!(matches!(on(first, second), Err(RuleBookError::Twice(_))), "{first} {second}");
    }
    let backwards = "from = \"2027-01-02\"\nuntil = \"2027-01-01\"";
    assert!(matches!(on(until, backwards), Err(RuleBookError::Days(_))));
}

#[test]
fn a_clock_before_the_rules_is_wrong_and_another_calendar_is_not() {
    let book = book();
    assert!(book.is_plausible(book.made_on()) && book.is_plausible(book.made_on() - 1.day()));
    assert!(!book.is_plausible(book.made_on() - 2.days()));
}

#[test]
fn the_day_is_the_place_s_own() {
    let book = book();
    let now: Timestamp = "2026-11-22T05:30:00Z".parse().unwrap();
    let days = |code: &str| book.days_at(&place(code), now).unwrap();
    assert_eq!(days("US-NY").earliest.to_string(), "2026-11-22");
    assert_eq!(days("US-HI").latest.to_string(), "2026-11-21");
    assert_ne!(days("US-FL").earliest, days("US-FL").latest);
    assert_eq!(days("DE-BE").earliest.to_string(), "2026-11-22");
}

/// The tier of a cell of the built-in table on a day; `None` where nothing is known.
fn tier_on(use_case: UseCase, code: &str, day: Date) -> Option<AgeTier> {
    book().resolve(use_case, &place(code), PlaceDays::single(day)).ok().map(|rule| rule.tier)
}

#[test]
fn the_ages_of_tobacco_that_are_to_come_are_in_the_table() {
    let on = |code, year, month, day| tier_on(UseCase::TobaccoNicotine, code, date(year, month, day));
    for nation in ["GB-ENG", "GB-SCT", "GB-WLS", "GB-NIR"] {
        assert_eq!(on(nation, 2026, 12, 31), Some(AgeTier::Over18), "{nation}");
        assert_eq!(on(nation, 2027, 1, 1), Some(AgeTier::Over19), "{nation}");
        assert_eq!(on(nation, 2034, 1, 1), None, "{nation}: no tier keeps the ban any more");
    }
    assert_eq!(on("IE-D", 2028, 1, 31), Some(AgeTier::Over18));
    assert_eq!(on("IE-D", 2028, 2, 1), Some(AgeTier::Over21));
}

#[test]
fn nobody_born_in_2009_or_later_is_old_enough_for_tobacco_in_the_uk_from_2027_on() {
    let days = date(2027, 1, 1).series(1.day()).take_while(|day| day.year() < 2034);
    let book = book();
    for day in days {
        let rule = book.resolve(UseCase::TobaccoNicotine, &place("GB-NIR"), PlaceDays::single(day)).unwrap();
        assert!(crate::compliance::reaches_age_on(date(2009, 1, 1), rule.tier.years()) > day, "{day}");
    }
}

#[test]
fn the_methods_that_sources_name_bind_and_all_others_are_the_operator_s() {
    let open =
        |use_case, code: &str, method| book().resolve(use_case, &place(code), today()).unwrap().leaves_open(method);
    let (print, age) = (AllowedMethod::DocumentFrontOnly, AllowedMethod::AgeEstimate);
    for state in book().places().filter(|code| code.starts_with("US-")) {
        assert!(!open(UseCase::TobaccoNicotine, state, age) && open(UseCase::TobaccoNicotine, state, print), "{state}");
    }
    assert!(!open(UseCase::AlcoholDelivery, "US-AL", print) && !open(UseCase::AlcoholDelivery, "DK-84", age));
    assert!(open(UseCase::AlcoholInPerson, "DK-84", age), "no source says");
    assert!(open(UseCase::AdultContent, "GB-ENG", age));
}
