use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::document::CheckResult;
use crate::imaging::Rect;

const TODAY: Date = date(2026, 11, 22);

fn line(text: &str, x: f32, y: f32) -> TextLine {
    TextLine::level(text, 0.95, Rect::new(x, y, 12.0 * text.chars().count() as f32, 20.0))
}

/// The example that Great Britain's authority gives of a driver number, as a front.
fn british() -> Vec<TextLine> {
    vec![
        line("DRIVING LICENCE", 300.0, 20.0),
        line("1. MORGAN", 400.0, 100.0),
        line("2. MRS SARAH MEREDYTH", 400.0, 150.0),
        line("3. 11.03.1976 UNITED KINGDOM", 400.0, 200.0),
        line("4a. 19.01.2023", 400.0, 250.0),
        line("4c. DVLA", 700.0, 250.0),
        line("4b. 18.01.2033", 400.0, 300.0),
        line("5. MORGA753116SM9IJ 35", 400.0, 350.0),
        line("8. 122 BURNS CRESCENT, EDINBURGH", 400.0, 450.0),
    ]
}

fn with(from: &str, to: &str) -> Vec<TextLine> {
    let replaced = |mut line: TextLine| {
        line.text = Personal::new(line.text.reveal().replace(from, to));
        line
    };
    british().into_iter().map(replaced).collect()
}

fn result(licence: &EuropeanLicence, name: &str) -> CheckResult {
    licence.checks.iter().find(|check| check.name == name).unwrap().result
}

fn revealed(text: Option<&Personal<String>>) -> &str {
    text.map_or("", |text| text.reveal().as_str())
}

#[test]
fn a_british_front_is_read_by_its_numbered_fields() {
    let licence = read_european_licence(&british(), TODAY).unwrap();
    let fields = &licence.fields;
    let names = [fields.last_name.as_ref(), fields.first_name.as_ref(), fields.middle_name.as_ref()].map(revealed);
    assert_eq!(names, ["MORGAN", "SARAH", "MEREDYTH"]);
    let dates = [&fields.date_of_birth, &fields.issue_date, &fields.expiration_date];
    let dates = dates.map(|date| date.as_ref().map(PersonalDate::reveal));
    assert_eq!(dates, [Some(date(1976, 3, 11)), Some(date(2023, 1, 19)), Some(date(2033, 1, 18))]);
    assert_eq!((revealed(fields.id_number.as_ref()), fields.country.as_deref()), ("MORGA753116SM9IJ", Some("GBR")));
    assert!(licence.checks.iter().all(|check| check.result == CheckResult::Pass), "{:?}", licence.checks);
}

#[test]
fn the_order_of_lines_and_numbers_that_stand_apart_change_nothing() {
    let whole = read_european_licence(&british(), TODAY).unwrap();
    let mut apart: Vec<TextLine> = Vec::new();
    for one in british() {
        let text = one.text.reveal().clone();
        match text.split_once(". ").filter(|(label, _)| label.len() <= 2) {
            Some((label, value)) => {
                apart.push(line(&format!("{label}."), one.bounds.x, one.bounds.y));
                apart.push(line(value, one.bounds.x + 50.0, one.bounds.y));
            }
            None => apart.push(one),
        }
    }
    apart.reverse();
    let apart = read_european_licence(&apart, TODAY).unwrap();
    assert!(apart.fields == whole.fields && apart.checks == whole.checks);
}

/// As the recogniser reads a small, soft picture of one.
#[test]
fn small_numbers_that_were_lost_or_misread_are_made_up_for_by_their_place() {
    let rows = [
        ("DRIVING LICENGEMPLE STATE", 300.0, 20.0),
        ("n. SAMPLE", 400.0, 100.0),
        ("EILEEN MARIE", 430.0, 150.0),
        ("3.1", 400.0, 200.0),
        ("14.03.1985 LAKESIDE", 450.0, 200.0),
        ("4a", 400.0, 250.0),
        ("22.11.2024", 450.0, 250.0),
        ("4 4c.DVLA", 600.0, 250.0),
        ("4b.", 400.0, 300.0),
        (".21.11.2034", 450.0, 300.0),
        ("5.SAMPL853145EM9XX", 400.0, 350.0),
        ("8. 1280 EXAMPLE AVE, SACRAMENTO", 400.0, 400.0),
    ];
    let lines: Vec<TextLine> = rows.iter().map(|(text, x, y)| line(text, *x, *y)).collect();
    let licence = read_european_licence(&lines, TODAY).unwrap();
    let fields = &licence.fields;
    let names = [fields.last_name.as_ref(), fields.first_name.as_ref(), fields.middle_name.as_ref()].map(revealed);
    assert_eq!(names, ["SAMPLE", "EILEEN", "MARIE"]);
    let dates = [&fields.date_of_birth, &fields.issue_date, &fields.expiration_date];
    let dates = dates.map(|date| date.as_ref().map(PersonalDate::reveal));
    assert_eq!(dates, [Some(date(1985, 3, 14)), Some(date(2024, 11, 22)), Some(date(2034, 11, 21))]);
    assert!(licence.checks.iter().all(|check| check.result == CheckResult::Pass), "{:?}", licence.checks);
}

#[test]
fn a_holder_may_be_born_or_live_where_america_is_named_and_a_card_that_names_it_elsewhere_is_american() {
    for (from, to) in [("11.03.1976", "11.03.1976 CANADA"), ("11.03.1976", "11.03.1976 NEW YORK USA")] {
        assert!(read_european_licence(&with(from, to), TODAY).is_some(), "{to}");
    }
    for (text, is_read) in [
        ("8. 12 CANADA STREET, LONDON SE16 7BB", true),
        ("QUEBEC CANADA", false),
        ("DRIVER'S LICENCE", false),
        ("CLASS 5 DRIVER LICENSE", false),
    ] {
        let mut lines = british();
        lines.push(line(text, 400.0, 520.0));
        assert_eq!(read_european_licence(&lines, TODAY).is_some(), is_read, "{text}");
    }
}

#[test]
fn a_number_of_another_holder_is_refused() {
    for (from, to) in [
        ("1. MORGAN", "1. MORTON"),
        ("2. MRS SARAH", "2. MRS CLARA"),
        ("11.03.1976", "11.03.1966"),
        ("11.03.1976", "12.03.1976"),
        ("753116", "753117"),
    ] {
        let licence = read_european_licence(&with(from, to), TODAY).unwrap();
        assert_eq!(result(&licence, "number_structure"), CheckResult::Fail, "{to}");
    }
}

#[test]
fn letters_and_digits_of_a_british_number_are_told_apart_by_their_place() {
    let licence = read_european_licence(&with("MORGA753116SM9IJ 35", "M0RGA7531I6SM91J"), TODAY).unwrap();
    assert_eq!(revealed(licence.fields.id_number.as_ref()), "MORGA753116SM9IJ");
    assert_eq!(result(&licence, "number_structure"), CheckResult::Pass);
}

#[test]
fn a_german_number_keeps_its_check_digit() {
    let german = |number: &str| {
        let mut lines = with("DRIVING LICENCE", "FÜHRERSCHEIN BUNDESREPUBLIK DEUTSCHLAND");
        lines.retain(|line| !line.text.reveal().starts_with("5.") && !line.text.reveal().starts_with("4c."));
        lines.push(line("4c. Landratsamt", 700.0, 250.0));
        lines.push(line(&format!("5. {number}"), 400.0, 350.0));
        read_european_licence(&lines, TODAY).unwrap()
    };
    let genuine = german("B072RRE2I55");
    assert_eq!(
        (genuine.fields.country.as_deref(), result(&genuine, "number_structure")),
        (Some("D"), CheckResult::Pass)
    );
    assert_eq!(result(&german("B072RRE2I65"), "number_structure"), CheckResult::Flag);
}

#[test]
fn dates_that_cannot_be_are_refused_and_long_ones_flagged() {
    for (from, to, check, wanted) in [
        ("4a. 19.01.2023", "4a. 19.01.2034", "date_order", CheckResult::Fail),
        ("4a. 19.01.2023", "4a. 19.01.1986", "date_of_birth", CheckResult::Fail),
        ("4a. 19.01.2023", "4a. 19.01.2027", "issue_date", CheckResult::Fail),
        ("4b. 18.01.2033", "4b. 18.01.2043", "validity", CheckResult::Flag),
        ("3. 11.03.1976", "3. 11.03.1900", "date_of_birth", CheckResult::Fail),
        ("4c. ", "", "numbered_fields", CheckResult::Flag),
    ] {
        let licence = read_european_licence(&with(from, to), TODAY).unwrap();
        assert_eq!(result(&licence, check), wanted, "{to}");
    }
}

#[test]
fn days_come_before_months_and_short_years_find_their_century() {
    let lines = with("3. 11.03.1976", "3. 03.08.64");
    assert_eq!(
        read_european_licence(&lines, TODAY).unwrap().fields.date_of_birth,
        Some(PersonalDate::new(date(1964, 8, 3)))
    );
    let lines = with("4b. 18.01.2033", "4b. 05/04/33");
    assert_eq!(
        read_european_licence(&lines, TODAY).unwrap().fields.expiration_date,
        Some(PersonalDate::new(date(2033, 4, 5)))
    );
}

#[test]
fn other_fronts_are_not_of_this_model() {
    // Numbered alike, and American.
    let mut american = with("DRIVING LICENCE", "DRIVER LICENSE");
    assert!(read_european_licence(&american, TODAY).is_none());
    american.push(line("PERMIS DE CONDUIRE QUÉBEC", 300.0, 40.0));
    assert!(read_european_licence(&american, TODAY).is_none());
    // A title alone, fields alone, too few fields, fields in another order.
    assert!(read_european_licence(&british()[..1], TODAY).is_none());
    assert!(read_european_licence(&british()[1..], TODAY).is_none());
    assert!(read_european_licence(&with("5. MORGA", "MORGA"), TODAY).is_none());
    let mut upside_down = british();
    for line in &mut upside_down[1..] {
        line.bounds.y = 600.0 - line.bounds.y;
    }
    assert!(read_european_licence(&upside_down, TODAY).is_none());
}

#[test]
fn an_empty_line_beside_a_number_is_no_value() {
    let mut lines = vec![line("1.", 400.0, 100.0), line("", 440.0, 100.0)];
    assert!(read_european_licence(&lines, TODAY).is_none());
    lines.extend(british());
    assert!(read_european_licence(&lines, TODAY).is_some());
}

proptest! {
    #[test]
    fn whatever_is_printed_is_read_without_a_panic(
        texts in proptest::collection::vec(("[ -~À-ž]{0,40}", 0.0_f32..1000.0, 0.0_f32..600.0), 0..40)
    ) {
        let lines: Vec<TextLine> = texts.iter().map(|(text, x, y)| line(text, *x, *y)).collect();
        let _ = read_european_licence(&lines, TODAY);
        let mut all = british();
        all.extend(lines);
        let _ = read_european_licence(&all, TODAY);
    }

    #[test]
    fn no_single_digit_of_a_birth_date_can_be_changed_unnoticed(at in 0_usize..8, digit in 0_u8..10) {
        let mut birth: Vec<char> = "11031976".chars().collect();
        let other = char::from(b'0' + digit);
        prop_assume!(birth[at] != other && at != 4 && at != 5);
        birth[at] = other;
        let birth: String = birth.into_iter().collect();
        let printed = format!("{}.{}.{}", &birth[..2], &birth[2..4], &birth[4..]);
        let licence = read_european_licence(&with("11.03.1976", &printed), TODAY).unwrap();
        let unread = licence.fields.date_of_birth.is_none();
        prop_assert!(unread || result(&licence, "number_structure") == CheckResult::Fail);
    }
}
