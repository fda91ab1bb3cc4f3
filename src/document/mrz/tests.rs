use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::document::read_text::Candidates;
use crate::privacy::PersonalDate;

const TODAY: Date = date(2026, 3, 1);

fn parse(lines: &[&str]) -> MrzDocument {
    MrzDocument::parse(lines, TODAY).unwrap()
}

fn failed(document: &MrzDocument) -> Vec<&'static str> {
    document.checks.iter().filter(|check| check.result == CheckResult::Fail).map(|check| check.name).collect()
}

fn shown(text: Option<&Personal<String>>) -> &str {
    text.map_or("", |text| text.reveal())
}

const PASSPORT: [&str; 2] =
    ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];

#[test]
fn the_specimen_passport_of_doc_9303_is_read() {
    let document = parse(&PASSPORT);
    assert!(document.valid && document.format == MrzFormat::Td3);
    let fields = &document.fields;
    assert_eq!(shown(fields.last_name.as_ref()), "ERIKSSON");
    assert_eq!(shown(fields.first_name.as_ref()), "ANNA");
    assert_eq!(shown(fields.middle_name.as_ref()), "MARIA");
    assert_eq!(shown(fields.document_number.as_ref()), "L898902C3");
    assert_eq!(fields.date_of_birth.as_ref().map(PersonalDate::reveal), Some(date(1974, 8, 12)));
    assert_eq!(fields.expiration_date.as_ref().map(PersonalDate::reveal), Some(date(2012, 4, 15)));
    assert_eq!((fields.issuing_state.as_deref(), shown(fields.nationality.as_ref())), (Some("UTO"), "UTO"));
}

#[test]
fn each_format_is_told_by_its_shape_and_code() {
    let zones: [(&[&str], MrzFormat); 5] = [
        (
            &["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"],
            MrzFormat::Td1,
        ),
        (&["I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"], MrzFormat::Td2),
        (
            &["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"],
            MrzFormat::MrvA,
        ),
        (&["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"], MrzFormat::MrvB),
        (&["IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<", "9409923102854CORINNE<<<<<<<6512068F4"], MrzFormat::FrenchId),
    ];
    for (lines, format) in zones {
        let document = parse(lines);
        assert_eq!((document.format, failed(&document)), (format, vec![]));
    }
}

#[test]
fn a_long_number_of_a_card_goes_on_in_its_optional_data() {
    // Doc 9303 part 5, appendix B: the number D23145890734 with check digit 9.
    let document =
        parse(&["I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", "STEVENSON<<PETER<JOHN<<<<<<<<<"]);
    assert_eq!(shown(document.fields.document_number.as_ref()), "D23145890734");
    assert!(document.valid, "{:?}", failed(&document));
}

#[test]
fn an_unknown_day_of_birth_is_no_failure_and_no_guess() {
    let birth = "80<<<<";
    let digit = char::from(check_digit(birth.bytes()).unwrap());
    let data = format!("L8988901C4XXX{birth}{digit}F9612109<<<<<<<<");
    let document = parse(&["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", &data]);
    assert!(document.valid && document.fields.date_of_birth.is_none());
}

#[test]
fn a_long_number_of_a_larger_card_goes_on_in_its_optional_data() {
    let number = "D23145890734";
    let digit = char::from(check_digit(number.bytes()).unwrap());
    let lower = format!("D23145890<UTO7408122F1204159734{digit}<<<");
    let covered = [&lower[..10], &lower[13..20], &lower[21..35]].concat();
    let composite = char::from(check_digit(covered.bytes()).unwrap());
    let document = parse(&["I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<", &format!("{}{composite}", &lower[..35])]);
    assert!(document.valid, "{:?}", failed(&document));
    assert_eq!(shown(document.fields.document_number.as_ref()), number);
    // Visas and passports have no such rule: a filler in place of the check digit is wrong there.
    assert!(MrzFormat::Td3.layout().long_number.is_none() && MrzFormat::MrvB.layout().long_number.is_none());
}

#[test]
fn parts_of_a_date_may_be_unknown_as_fillers_or_as_crosses() {
    for birth in ["8001<<", "80<<<<", "<<<<<<", "8001XX", "80XXXX"] {
        let digit = char::from(check_digit(birth.bytes()).unwrap());
        let document =
            parse(&["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", &format!("L8988901C4XXX{birth}{digit}F9612109<<<<<<<<")]);
        let check = document.checks.iter().find(|check| check.name == "birth_date").unwrap();
        assert_eq!((document.valid, check.result), (true, CheckResult::NotApplicable), "{birth}");
        assert!(document.fields.date_of_birth.is_none() && document.fields.expiration_date.is_some());
    }
}

#[test]
fn a_doubtful_place_takes_its_field_away_and_no_other() {
    let with = |places: &[Place]| parse(&PASSPORT).with_doubts(places);
    let none = with(&[]);
    assert!(none.valid && none.fields == parse(&PASSPORT).fields);
    assert_eq!(
        none.checks.last().map(|check| (check.name, check.result)),
        Some((UNCHECKED_CHARACTERS, CheckResult::Pass))
    );
    let name = with(&[(0, 6)]);
    assert!(
        !name.valid && name.check_digits_right && name.fields.last_name.is_none() && name.fields.first_name.is_none()
    );
    assert!(name.fields.document_number.is_some() && name.fields.date_of_birth.is_some());
    assert_eq!(name.checks.last().map(|check| check.result), Some(CheckResult::Flag));
    assert!(with(&[(1, 2)]).fields.document_number.is_none());
    assert!(with(&[(1, 11)]).fields.nationality.is_none());
    assert!(with(&[(1, 20)]).fields.sex.is_none());
    assert!(with(&[(0, 3)]).fields.issuing_state.is_none());
}

#[test]
fn lines_of_no_format_are_a_typed_error() {
    let refused = |lines: &[&str]| MrzDocument::parse(lines, TODAY).unwrap_err();
    assert_eq!(refused(&PASSPORT[..1]), MrzError::LineCount(1));
    assert_eq!(refused(&["P<UTO", PASSPORT[1]]), MrzError::LineLength { line: 1, length: 5, count: 2 });
    assert_eq!(refused(&[PASSPORT[0], "L8989"]), MrzError::LineLength { line: 2, length: 5, count: 2 });
    let lower = PASSPORT[1].to_lowercase();
    assert_eq!(refused(&[PASSPORT[0], &lower]), MrzError::Character { line: 2, column: 1 });
    assert_eq!(refused(&["1710GVA123451ROBERTA<<<<<<<9112311F2"; 2]), MrzError::DocumentCode);
}

#[test]
fn errors_and_debug_output_hold_nothing_personal() {
    let document = format!("{:?}", parse(&PASSPORT));
    assert!(!document.contains("ERIKSSON") && !document.contains("L898902C3"), "{document}");
}

fn read(lines: &[&str]) -> Vec<Vec<Candidates>> {
    lines.iter().map(|line| line.chars().map(|c| vec![(c, 0.9)].into()).collect()).collect()
}

fn repaired(format: MrzFormat, lines: &[&str]) -> (Vec<String>, usize) {
    let repaired = repair(format, &read(lines)).unwrap();
    (repaired.lines.iter().map(|line| line.reveal().clone()).collect(), repaired.substitutions)
}

#[test]
fn look_alikes_give_way_to_the_alphabet_of_their_place() {
    let lines = ["P<UT0ERIK55ON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UT074O8I22F12O4I59ZE184226B<<<<<1O"];
    assert_eq!(repaired(MrzFormat::Td3, &lines), (PASSPORT.map(str::to_owned).to_vec(), 0));
}

#[test]
fn a_look_alike_in_the_number_is_settled_by_the_check_digit() {
    let lines = [PASSPORT[0], "L8989O2C36UTO7408122F1204159ZE184226B<<<<<10"];
    assert_eq!(repaired(MrzFormat::Td3, &lines), (PASSPORT.map(str::to_owned).to_vec(), 1));
}

#[test]
fn a_digit_that_nobody_proposed_stays_wrong() {
    let lines = [PASSPORT[0], "L898903C36UTO7408122F1204159ZE184226B<<<<<10"];
    let (repaired, _) = repaired(MrzFormat::Td3, &lines);
    assert!(!MrzDocument::parse(&repaired, TODAY).unwrap().valid);
}

#[test]
fn names_are_never_changed_by_a_check_digit() {
    let mut lines = read(&PASSPORT);
    lines[0][5] = vec![('F', 0.5), ('E', 0.49)].into();
    let repaired = repair(MrzFormat::Td3, &lines).unwrap();
    assert!(repaired.lines[0].reveal().starts_with("P<UTOFRIKSSON"));
}

/// Fills in the check digits of some format's lines.
fn with_check_digits(format: MrzFormat, mut lines: Vec<Vec<u8>>) -> Vec<String> {
    for check in format.layout().checks {
        let covered = check.covers.iter().flat_map(|span| lines[span.line][span.columns.clone()].to_vec());
        let digit = check_digit(covered.collect::<Vec<_>>()).unwrap();
        lines[check.digit.0][check.digit.1] = digit;
    }
    lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
}

prop_compose! {
    fn formats()(index in 0_usize..6) -> MrzFormat {
        [MrzFormat::Td1, MrzFormat::Td2, MrzFormat::Td3, MrzFormat::MrvA, MrzFormat::MrvB, MrzFormat::FrenchId][index]
    }
}

prop_compose! {
    fn zones()(format in formats(), number in "[A-Z0-9]{9}", optional in "[A-Z0-9]{0,7}", last in "[A-Z]{2,12}",
               first in "[A-Z]{1,8}", birth in 3_000_i64..30_000, expiry in -3_000_i64..9_000)
              -> (MrzFormat, Vec<String>, [String; 3], [Date; 2]) {
        let day = |days: i64| TODAY.checked_add(jiff::Span::new().days(days)).unwrap();
        let short = |date: Date| date.strftime("%y%m%d").to_string();
        let (birth, expiry) = (day(-birth), day(expiry));
        let (length, b, e) = (format.shape().1, short(birth), short(expiry));
        let pad = |text: String| format!("{text:<<length$}").into_bytes();
        let names = format!("{last}<<{first}");
        let number = if format == MrzFormat::FrenchId { format!("{number}123") } else { number };
        let lines = match format {
            MrzFormat::Td1 => vec![format!("I<UTO{number}<{optional}"), format!("{b}<F{e}<UTO"), names],
            MrzFormat::FrenchId => vec![format!("IDFRA{last}"), format!("{number}<{first:<<14}{b}<F<")],
            MrzFormat::Td2 => vec![format!("I<UTO{names}"), format!("{number}<UTO{b}<F{e}<{optional}")],
            MrzFormat::Td3 => vec![format!("P<UTO{names}"), format!("{number}<UTO{b}<F{e}<{optional}")],
            MrzFormat::MrvA | MrzFormat::MrvB => vec![format!("V<UTO{names}"), format!("{number}<UTO{b}<F{e}<{optional}")],
        };
        let lines = with_check_digits(format, lines.into_iter().map(pad).collect());
        (format, lines, [number, last, first], [birth, expiry])
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(lines in prop::collection::vec("\\PC{0,50}", 0..5)) {
        let _ = MrzDocument::parse(&lines, TODAY);
    }

    #[test]
    fn arbitrary_characters_of_the_right_shape_never_panic(format in formats(), text in "[A-Z0-9<]{90}") {
        let (count, length) = format.shape();
        let lines: Vec<&str> = (0..count).map(|line| &text[line * length..(line + 1) * length]).collect();
        let _ = MrzDocument::parse(&lines, TODAY);
        let lines = repaired(format, &lines).0;
        let _ = MrzDocument::parse(&lines, TODAY);
    }

    #[test]
    fn a_generated_zone_is_read_back((format, lines, [number, last, first], [birth, expiry]) in zones()) {
        let document = MrzDocument::parse(&lines, TODAY).unwrap();
        prop_assert!(document.valid && document.format == format);
        let fields = document.fields;
        prop_assert_eq!(shown(fields.id_number.as_ref()), number);
        prop_assert_eq!(shown(fields.last_name.as_ref()), last);
        prop_assert_eq!(shown(fields.first_name.as_ref()), first);
        prop_assert_eq!(fields.date_of_birth.as_ref().map(PersonalDate::reveal), Some(birth));
        let expected = (format != MrzFormat::FrenchId).then_some(expiry);
        prop_assert_eq!(fields.expiration_date.as_ref().map(PersonalDate::reveal), expected);
        prop_assert_eq!(repaired(format, &lines.iter().map(String::as_str).collect::<Vec<_>>()), (lines, 0));
    }

    /// Nobody is born after today or after the document has expired, whatever the century of either.
    #[test]
    fn a_birth_lies_before_today_and_before_the_expiry(birth in "[0-9]{6}", expiry in "[0-9]{6}") {
        let digit = |field: &str| char::from(check_digit(field.bytes()).unwrap());
        let data = format!("L8988901C4XXX{birth}{}F{expiry}{}<<<<<<<<", digit(&birth), digit(&expiry));
        let fields = MrzDocument::parse(&["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", &data], TODAY).unwrap().fields;
        let born = fields.date_of_birth.as_ref().map(PersonalDate::reveal);
        let expires = fields.expiration_date.as_ref().map(PersonalDate::reveal);
        prop_assert!(born.is_none_or(|born| born <= TODAY));
        prop_assert!(expires.is_none_or(|expires| (expires.year() - TODAY.year()).abs() <= 50));
        if let (Some(born), Some(expires)) = (born, expires) {
            prop_assert!(born <= expires);
        }
        let digits = |date: Option<Date>| date.map(|date| date.strftime("%y%m%d").to_string());
        prop_assert!(digits(born).is_none_or(|digits| digits == birth));
        prop_assert!(digits(expires).is_none_or(|digits| digits == expiry));
    }

    /// A look-alike of the wrong kind cannot stand: letters where only letters may be, digits where only digits may be.
    #[test]
    fn every_place_takes_only_the_alphabet_of_its_class((format, lines, ..) in zones()) {
        let swap = |class: layout::Class, c: char| match (class, c) {
            (layout::Class::Letters, 'O') => '0',
            (layout::Class::Letters, 'I') => '1',
            (layout::Class::Letters, 'Z') => '2',
            (layout::Class::Letters, 'S') => '5',
            (layout::Class::Letters, 'B') => '8',
            (layout::Class::Digits | layout::Class::CheckDigit, '0') => 'O',
            (layout::Class::Digits | layout::Class::CheckDigit, '1') => 'I',
            (layout::Class::Digits | layout::Class::CheckDigit, '2') => 'Z',
            (layout::Class::Digits | layout::Class::CheckDigit, '5') => 'S',
            (layout::Class::Digits | layout::Class::CheckDigit, '8') => 'B',
            (_, c) => c,
        };
        let misread: Vec<String> = lines.iter().enumerate()
            .map(|(index, line)| line.chars().zip(format.classes(index)).map(|(c, class)| swap(class, c)).collect())
            .collect();
        // The number's own check digit may be a filler where numbers can be long, so that it is a place for either.
        let misread: Vec<&str> = misread.iter().map(String::as_str).collect();
        prop_assert_eq!(repaired(format, &misread), (lines, 0));
    }

    #[test]
    fn any_single_altered_digit_of_a_checked_field_is_found((format, lines, ..) in zones(), pick in 0_usize..1000, by in 1_u8..10) {
        let layout = format.layout();
        let checked = layout.checks.iter().flat_map(|check| {
            let covered = check.covers.iter().flat_map(|span| span.columns.clone().map(|column| (span.line, column)));
            covered.chain([check.digit]).collect::<Vec<_>>()
        });
        let digits: Vec<_> = checked.filter(|&(line, column)| lines[line].as_bytes()[column].is_ascii_digit()).collect();
        let (line, column) = digits[pick % digits.len()];
        let mut altered: Vec<Vec<u8>> = lines.iter().map(|line| line.clone().into_bytes()).collect();
        let digit = &mut altered[line][column];
        *digit = b'0' + (*digit - b'0' + by) % 10;
        let altered: Vec<String> = altered.into_iter().map(|line| String::from_utf8(line).unwrap()).collect();
        prop_assert!(!MrzDocument::parse(&altered, TODAY).unwrap().valid);
    }

    #[test]
    fn one_look_alike_is_put_right_or_left_invalid((format, lines, ..) in zones(), pick in 0_usize..500) {
        let mut read: Vec<Vec<Candidates>> =
            lines.iter().map(|line| line.chars().map(|c| vec![(c, 0.98)].into()).collect()).collect();
        let number = format.layout().number;
        let place = &mut read[number.line][number.columns.start + pick % 9];
        let swapped = match place[0].0 { '0' => 'O', '1' => 'I', '5' => 'S', 'O' => '0', 'S' => '5', other => other };
        *place = vec![(swapped, 0.6), (place[0].0, 0.3)].into();
        let repaired: Vec<String> =
            repair(format, &read).unwrap().lines.iter().map(|line| line.reveal().clone()).collect();
        prop_assert!(repaired == lines || !MrzDocument::parse(&repaired, TODAY).unwrap().valid);
    }
}

fn result_of(document: &MrzDocument, name: &str) -> CheckResult {
    let mut named = document.checks.iter().filter(|check| check.name == name);
    let result = named.next().unwrap().result;
    assert!(named.next().is_none(), "{name} once");
    result
}

#[test]
fn an_issuer_that_there_is_none_of_fails_though_every_check_digit_is_right() {
    let invented = parse(&[&PASSPORT[0].replace("UTO", "QZV"), &PASSPORT[1].replace("UTO", "QZV")]);
    assert!(invented.valid && invented.has_unknown_issuer());
    assert_eq!(failed(&invented), [ISSUING_STATE]);
    assert_eq!(result_of(&invented, NATIONALITY), CheckResult::Flag);
    let known = parse(&[&PASSPORT[0].replace("UTO", "D<<"), &PASSPORT[1].replace("UTO", "XXB")]);
    assert!(failed(&known).is_empty() && result_of(&known, SPECIMEN) == CheckResult::Pass);
}

#[test]
fn an_issuer_in_doubt_is_neither_unknown_nor_a_specimen() {
    let doubtful = parse(&PASSPORT).with_doubts(&[(0, 2), (1, 11)]);
    for name in [ISSUING_STATE, NATIONALITY, SPECIMEN] {
        assert_eq!(result_of(&doubtful, name), CheckResult::NotApplicable);
    }
    assert_eq!(result_of(&parse(&PASSPORT).with_doubts(&[]), SPECIMEN), CheckResult::Flag);
}

#[test]
fn a_date_in_doubt_is_not_stated() {
    let zone =
        || parse(&["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]);
    assert!(zone().fields.date_of_birth.is_some() && zone().fields.expiration_date.is_some());
    let doubted = zone().with_doubts(&[(1, 17)]);
    assert!(doubted.fields.date_of_birth.is_none() && doubted.fields.expiration_date.is_some() && !doubted.valid);
    assert!(zone().with_doubts(&[(1, 26)]).fields.expiration_date.is_none());
}

#[test]
fn a_zone_that_begins_as_no_document_does_is_of_no_kind() {
    let kind = |first: char| {
        parse(&[
            &format!("{first}<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"),
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
        ])
        .kind()
    };
    assert_eq!(kind('P'), Some(DocumentKind::Passport));
    assert_eq!((kind('X'), kind('I')), (None, None));
}
