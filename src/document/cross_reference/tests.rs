use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::document::read_text::TextLine;
use crate::document::visual::read_visual_fields;
use crate::imaging::Rect;

fn front(lines: &[(&str, f32)]) -> VisualFields {
    let line = |(row, &(text, confidence)): (usize, &(&str, f32))| {
        let bounds = Rect::new(0.0, 40.0 * row as f32, 10.0 * text.chars().count() as f32, 20.0);
        TextLine::level(text, confidence, bounds)
    };
    read_visual_fields(&lines.iter().enumerate().map(line).collect::<Vec<_>>(), date(2026, 3, 1))
}

fn encoded(number: &str, last: &str, first: &str, birth: Date, expiry: Date) -> Fields {
    Fields {
        id_number: Some(number.into()),
        last_name: Some(last.into()),
        first_name: Some(first.into()),
        date_of_birth: Some(PersonalDate::new(birth)),
        expiration_date: Some(PersonalDate::new(expiry)),
        ..Fields::default()
    }
}

fn result(front: &VisualFields, fields: &Fields, field: &str) -> Agreement {
    cross_reference(front, fields)
        .into_iter()
        .find(|one| one.field == field)
        .map_or(Agreement::NotCompared, |one| one.result)
}

fn number(lines: &[(&str, f32)], value: &str) -> Agreement {
    let fields = Fields { id_number: Some(value.into()), ..Fields::default() };
    result(&front(lines), &fields, "id_number")
}

fn name(lines: &[(&str, f32)], value: &str) -> Agreement {
    let fields = Fields { last_name: Some(value.into()), ..Fields::default() };
    result(&front(lines), &fields, "last_name")
}

#[test]
fn a_number_is_found_with_and_without_a_label() {
    assert_eq!(number(&[("4d DLN P142-4558-7924", 0.98)], "P14245587924"), Agreement::Agrees);
    assert_eq!(number(&[("SOMETHING P142-4558-7924 MORE", 0.98)], "P14245587924"), Agreement::Agrees);
}

#[test]
fn another_digit_differs_and_another_number_altogether_too_where_it_is_labelled() {
    assert_eq!(number(&[("4d DLN P142-4558-7925", 0.98)], "P14245587924"), Agreement::Differs);
    assert_eq!(number(&[("4d DLN 123456789", 0.98)], "987654321"), Agreement::Differs);
}

#[test]
fn another_name_altogether_differs_where_it_is_labelled() {
    assert_eq!(name(&[("1 LN EXEMPLAR", 0.98)], "SAMPLE"), Agreement::Differs);
    assert_eq!(name(&[("1LN EXEMPLAR", 0.98)], "SAMPLE"), Agreement::Differs);
    assert_eq!(name(&[("SURNAME", 0.98), ("EXEMPLAR", 0.98)], "SAMPLE"), Agreement::Differs);
    assert_eq!(name(&[("SAMPLE STREET", 0.98), ("1 LN EXEMPLAR", 0.98)], "SAMPLE"), Agreement::Differs);
    assert_eq!(name(&[("1 LN SMITH", 0.98), ("JONES", 0.98)], "SMITH JONES"), Agreement::Agrees);
    assert_eq!(name(&[("1 LN EXEMPLAR", 0.6)], "SAMPLE"), Agreement::NotCompared);
    assert_eq!(name(&[("EXEMPLAR", 0.98)], "SAMPLE"), Agreement::NotCompared);
    assert_eq!(name(&[("1 LN SAMPLE", 0.98)], "SAMPLE"), Agreement::Agrees);
}

#[test]
fn a_front_with_two_contradictory_dates_of_birth_does_not_agree() {
    let fields = Fields { date_of_birth: Some(PersonalDate::new(date(1985, 3, 14))), ..Fields::default() };
    let both = [("3 DOB 03/14/1985", 0.98), ("DOB 03/14/2008", 0.98)];
    assert_eq!(result(&front(&both), &fields, "date_of_birth"), Agreement::NotCompared);
    assert_eq!(result(&front(&both[..1]), &fields, "date_of_birth"), Agreement::Agrees);
}

#[test]
fn nothing_similar_is_not_compared() {
    assert_eq!(number(&[("MAIN STREET", 0.98)], "987654321"), Agreement::NotCompared);
    assert_eq!(number(&[("4d DLN 123456789", 0.4)], "987654321"), Agreement::NotCompared);
}

#[test]
fn a_look_alike_that_was_not_certain_is_no_difference() {
    assert_eq!(number(&[("4d DLN S1O0203", 0.8)], "S100203"), Agreement::Agrees);
    assert_eq!(number(&[("4d DLN S1O0203", 0.99)], "S100203"), Agreement::NotCompared);
    assert_eq!(number(&[("4d DLN S170203", 0.8)], "S100203"), Agreement::Differs);
}

#[test]
fn a_labelled_number_that_was_altered_is_not_saved_by_the_same_number_elsewhere() {
    assert_eq!(number(&[("4d DLN 123456789", 0.98), ("X 123456788", 0.98)], "123456788"), Agreement::Differs);
}

#[test]
fn names_agree_across_transliteration_and_glued_field_numbers() {
    assert_eq!(name(&[("1MÜLLER", 0.98)], "MUELLER"), Agreement::Agrees);
    assert_eq!(name(&[("1MÜLLER", 0.98)], "MULLER"), Agreement::Agrees);
    assert_eq!(name(&[("MULLER", 0.98)], "Müller"), Agreement::Agrees);
    assert_eq!(name(&[("O'BRIEN-SMITH", 0.98)], "OBRIEN SMITH"), Agreement::Agrees);
}

#[test]
fn a_letter_whose_diacritic_was_not_read_is_the_two_that_a_zone_writes_for_it() {
    let zone_name = |printed: &str, value: &str, names_are_transliterated| {
        let fields = Fields { last_name: Some(value.into()), names_are_transliterated, ..Fields::default() };
        result(&front(&[(printed, 0.98)]), &fields, "last_name")
    };
    for (printed, value) in [
        ("SURNAME MULLER", "MUELLER"),
        ("SURNAME MÜLLER", "MUELLER"),
        ("SURNAME MUELLER", "MUELLER"),
        ("SURNAME JAGER", "JAEGER"),
        ("SURNAME SORENSEN", "SOERENSEN"),
        ("SURNAME AKESSON", "AAKESSON"),
        ("SURNAME GROBE", "GROSSE"),
        ("SURNAME MULLER-LUDENSCHEIDT", "MUELLER LUEDENSCHEIDT"),
    ] {
        assert_eq!(zone_name(printed, value, true), Agreement::Agrees, "{printed}, {value}");
    }
    assert_ne!(zone_name("SURNAME KA", "KAAE", true), Agreement::Agrees, "one letter stands for two, not for three");
    // Of a barcode that is no agreement, and no alteration. Another letter is another name.
    assert_eq!(zone_name("1 MULLER", "MUELLER", false), Agreement::NotCompared);
    for (printed, value) in
        [("SURNAME MILLER", "MUELLER"), ("SURNAME MULLERS", "MUELLER"), ("SURNAME MELLER", "MUELLER")]
    {
        assert_eq!(zone_name(printed, value, true), Agreement::Differs, "{printed}, {value}");
    }
}

#[test]
fn a_particle_that_stands_apart_is_part_of_the_name_behind_it() {
    for (printed, value) in [
        ("1 LN O BRIEN", "O'BRIEN"),
        ("1 LN O.BRIEN", "OBRIEN"),
        ("1 LN O´BRIEN", "OBRIEN"),
        ("1 LN D ANGELO", "D'ANGELO"),
        ("1 LN MC DONALD", "MCDONALD"),
        ("1 LN DE LUCA", "DELUCA"),
        ("1 LN DE LUCA", "DE LUCA"),
    ] {
        assert_eq!(name(&[(printed, 0.98)], value), Agreement::Agrees, "{printed}, {value}");
    }
    assert_eq!(name(&[("1", 0.98), ("0", 0.98), ("BRIEN", 0.98)], "O'BRIEN"), Agreement::NotCompared);
    assert_eq!(name(&[("1 LN X BRIEN", 0.98)], "O'BRIEN"), Agreement::Differs);
    assert_eq!(name(&[("1 LN O BRIAN", 0.98)], "O'BRIEN"), Agreement::Differs);
}

/// There are about two to the power of thirty ways to take this line apart.
#[test]
fn a_line_that_names_can_be_taken_apart_into_in_many_ways_is_judged_in_time() {
    let line = format!("2{}X", "HE".repeat(40));
    let names = "H E HE EH HEH EHE HEHE";
    assert_ne!(name(&[(&line, 0.999)], names), Agreement::Agrees);
    let fields =
        Fields { last_name: Some(format!("A N {}", "ZEBQ ".repeat(240)).as_str().into()), ..Fields::default() };
    let front = front(&[(&*"ANNAANNAX".repeat(11), 0.999); 40]);
    assert_eq!(result(&front, &fields, "last_name"), Agreement::NotCompared, "no document has room for such a name");
    let endless = format!("2{}X", "HE".repeat(5000));
    assert_ne!(name(&[(&endless, 0.999)], names), Agreement::Agrees);
}

#[test]
fn a_part_of_a_name_is_that_name_only_where_the_code_cut_it_off() {
    let cut = |name_is_cut_off| {
        let fields = Fields { last_name: Some("PAPANDROP".into()), name_is_cut_off, ..Fields::default() };
        result(&front(&[("PAPANDROPOULOUS", 0.98)]), &fields, "last_name")
    };
    assert_eq!((cut(true), cut(false)), (Agreement::Agrees, Agreement::NotCompared));
    for (printed, encoded) in [("1SAMPLE", "SAMPL"), ("1SAMPLE", "AMPLE"), ("1SAMPLE", "SAMPLER"), ("1SAMPLE", "SAPLE")]
    {
        assert_eq!(name(&[(printed, 0.98)], encoded), Agreement::Differs, "{encoded}");
    }
    assert_eq!(name(&[("1JOHNSON", 0.98)], "JOHN"), Agreement::NotCompared);
    assert_eq!(name(&[("1 LN JOHNSON", 0.98)], "JOHN"), Agreement::Differs);
    // A recogniser may lose one of two like letters.
    assert_eq!(name(&[("1MILER", 0.98)], "MILLER"), Agreement::NotCompared);
}

#[test]
fn the_holders_names_may_be_glued_to_each_other() {
    let fields = Fields {
        last_name: Some("PUBLIC".into()),
        first_name: Some("JOHN".into()),
        middle_name: Some("QUINCY".into()),
        suffix: Some("JR".into()),
        ..Fields::default()
    };
    for line in ["2JOHNQUINCY", "2JOHNQ", "1PUBLICJOHN", "FNJOHN", "1PUBLICJR", "2 JOHN QUINCY PUBLIC"] {
        let both = [("1PUBLIC", 0.98), ("2JOHN", 0.98), (line, 0.98)];
        assert_eq!(
            result(&front(&both[2..]), &fields, if line.contains("JOHN") { "first_name" } else { "last_name" }),
            Agreement::Agrees,
            "{line}"
        );
        assert_eq!(result(&front(&both), &fields, "first_name"), Agreement::Agrees, "{line}");
    }
}

#[test]
fn a_part_of_a_number_is_another_number() {
    for encoded in ["E123456", "1234567", "E12345678", "XE1234567", "E124567"] {
        assert_eq!(number(&[("4d DLN E1234567", 0.98)], encoded), Agreement::Differs, "{encoded}");
        assert_ne!(number(&[("E1234567", 0.98)], encoded), Agreement::Agrees, "{encoded}");
        assert_ne!(number(&[("4dE1234567", 0.98)], encoded), Agreement::Agrees, "{encoded}");
    }
    for front in ["E1234567", "4dE1234567", "4d DLN E1234567", "LIC#E1234567", "DLE1234567", "E1234567EXP 01/01/2030"] {
        assert_eq!(number(&[(front, 0.98)], "E1234567"), Agreement::Agrees, "{front}");
    }
    // The number of the next field is none of it, nor is a group of which nobody knows.
    assert_eq!(number(&[("4d DLN E1234567 9 CLASS C", 0.98)], "E1234567"), Agreement::Agrees);
    assert_eq!(number(&[("4d DLN 1234567 89", 0.98)], "1234567"), Agreement::NotCompared);
    // One of two like characters may be lost on the way.
    assert_eq!(number(&[("4d DLN E112345", 0.98)], "E1112345"), Agreement::NotCompared);
}

#[test]
fn neither_a_signature_nor_a_street_makes_up_for_another_name_in_the_line_of_names() {
    let front = [("1SAMPLE", 0.98), ("2MARK ALLEN", 0.98), ("123 SIMPLE STREET", 0.98), ("MankSample", 0.9)];
    assert_eq!(name(&front, "SAMPLE"), Agreement::Agrees);
    assert_eq!(name(&front, "SIMPLE"), Agreement::Differs);
    assert_eq!(name(&front, "MANK"), Agreement::Differs);
}

#[test]
fn a_change_that_is_no_confusion_of_print_differs_however_like_it_looks() {
    assert_eq!(number(&[("4d DLN 12345672", 0.7)], "1234567Z"), Agreement::Differs);
    assert_eq!(number(&[("4d DLN 12345671", 0.7)], "1234567L"), Agreement::Differs);
    assert_eq!(name(&[("1PUBLIC", 0.9)], "PUBIIC"), Agreement::Differs);
    assert_eq!(name(&[("1MlLLER", 0.9)], "MILLER"), Agreement::Agrees);
}

#[test]
fn a_number_elsewhere_that_is_a_look_alike_does_not_hide_another_one_in_its_place() {
    let front = [("4d DLN 12345678", 0.98), ("5 DD 12345670012345", 0.98)];
    assert_eq!(number(&front, "1234567O"), Agreement::Differs);
    assert_eq!(number(&front, "12345678"), Agreement::Agrees);
}

#[test]
fn an_unlabelled_last_day_differs_from_the_day_of_issue() {
    let front = front(&[("02/01/1979", 0.98), ("02/01/2019", 0.98), ("02/01/2013", 0.98)]);
    let expires = |day| encoded("1", "X", "Y", date(1979, 2, 1), day);
    assert_eq!(result(&front, &expires(date(2019, 2, 1)), "expiration_date"), Agreement::Agrees);
    assert_eq!(result(&front, &expires(date(2013, 2, 1)), "expiration_date"), Agreement::Differs);
}

#[test]
fn another_name_differs_when_it_is_like_and_is_not_compared_when_it_is_not() {
    assert_eq!(name(&[("1MILLER", 0.98)], "MULLER"), Agreement::Differs);
    assert_eq!(name(&[("1SMITH", 0.98)], "GARCIA"), Agreement::NotCompared);
    assert_eq!(name(&[("3 DOB", 0.98), ("1DOE", 0.98)], "DOB"), Agreement::Differs);
}

#[test]
fn a_labelled_date_that_is_another_differs_even_if_the_encoded_one_stands_elsewhere() {
    let front = front(&[("3 DOB 01/31/1990", 0.98), ("4a ISS 01/31/1980", 0.98)]);
    let fields = encoded("1", "X", "Y", date(1980, 1, 31), date(2030, 1, 1));
    assert_eq!(result(&front, &fields, "date_of_birth"), Agreement::Differs);
}

#[test]
fn a_date_whose_order_nothing_tells_agrees_either_way_round_and_with_nothing_else() {
    let page = front(&[("DATE OF BIRTH 03 04 1985", 0.98), ("DATE OF EXPIRY 11 05 2028", 0.98)]);
    let compared = |birth, country: &str| {
        let mut fields = encoded("X1234567", "DOE", "ADA", birth, date(2028, 5, 11));
        fields.country = Some(country.to_owned());
        result(&page, &fields, "date_of_birth")
    };
    assert_eq!(compared(date(1985, 4, 3), "UTO"), Agreement::Agrees);
    assert_eq!(compared(date(1985, 3, 4), "UTO"), Agreement::Agrees);
    assert_eq!(compared(date(1985, 5, 3), "UTO"), Agreement::Differs);
    // Cards of the United States have the month first.
    assert_eq!(compared(date(1985, 4, 3), "USA"), Agreement::Differs);
    // A date that cannot be otherwise tells the order of all.
    let told = front(&[("DATE OF BIRTH 03 04 1985", 0.98), ("DATE OF EXPIRY 25 05 2028", 0.98)]);
    let fields = encoded("X1234567", "DOE", "ADA", date(1985, 3, 4), date(2028, 5, 25));
    assert_eq!(result(&told, &fields, "date_of_birth"), Agreement::Differs);
}

#[test]
fn a_front_without_text_compares_nothing() {
    let fields = encoded("12345678", "DOE", "JOHN", date(1980, 1, 31), date(2030, 1, 1));
    let all = cross_reference(&front(&[]), &fields);
    assert!(all.len() == 5 && all.iter().all(|one| one.result == Agreement::NotCompared));
}

/// The value with one character changed to another of its kind that is no look-alike.
fn altered(value: &str, pick: usize, by: u8) -> String {
    let mut characters: Vec<char> = value.chars().collect();
    let at = pick % characters.len();
    let (base, count) = if characters[at].is_ascii_digit() { (b'0', 10) } else { (b'A', 26) };
    let old = characters[at];
    let turned = (0..count).map(|step| char::from(base + (old as u8 - base + by % count + step) % count));
    let changed = turned.into_iter().find(|&new| new != old && !crate::document::similarity::is_confusable(new, old));
    characters[at] = changed.unwrap();
    characters.into_iter().collect()
}

proptest! {
    #[test]
    fn one_changed_character_differs_wherever_the_unchanged_value_agrees(
        value in "[A-Z]{0,2}[0-9]{6,10}", last in "[A-Z]{5,10}", first in "[A-Z]{5,10}", labelled: bool,
        pick in 0_usize..100, by in 0_u8..26, birth in -20_000_i32..-10_000, expiry in 0_i32..3_000,
    ) {
        let day = |days: i32| date(2026, 3, 1).checked_add(jiff::Span::new().days(days)).unwrap();
        let (birth, expiry) = (day(birth), day(expiry));
        let us = |date: Date| date.strftime("%m/%d/%Y").to_string();
        let lines = [
            format!("{}{value}", if labelled { "4d DLN " } else { "" }),
            format!("{}{}", if labelled { "3 DOB " } else { "" }, us(birth)),
            format!("{}{}", if labelled { "4b EXP " } else { "" }, us(expiry)),
            format!("1{last}"),
            format!("2{first}"),
        ];
        let lines: Vec<(&str, f32)> = lines.iter().map(|line| (line.as_str(), 0.97)).collect();
        let front = front(&lines);
        let unchanged = encoded(&value, &last, &first, birth, expiry);
        let shifted = |date: Date| Date::new(date.year() - 1, date.month(), 1 + date.day() % 28).unwrap();
        let changed = encoded(&altered(&value, pick, by), &altered(&last, pick, by), &altered(&first, pick, by), shifted(birth), shifted(expiry));
        for (before, after) in cross_reference(&front, &unchanged).iter().zip(cross_reference(&front, &changed)) {
            prop_assert_eq!(before.result, Agreement::Agrees, "{}", before.field);
            prop_assert_eq!(after.result, Agreement::Differs, "{}", after.field);
        }
    }

    #[test]
    fn arbitrary_fronts_and_fields_never_panic(text in "\\PC{0,40}", value in "\\PC{0,20}") {
        let fields = encoded(&value, &value, &value, date(1980, 1, 31), date(2030, 1, 1));
        let _ = cross_reference(&front(&[(text.as_str(), 0.9), (value.as_str(), 0.9)]), &fields);
    }
}

#[test]
fn short_names_particles_and_a_name_that_is_a_letter_longer_than_another_are_told_apart() {
    use Agreement::{Agrees, Differs, NotCompared};
    let holder = |first: &str, middle: Option<&str>, last: &str| Fields {
        first_name: Some(first.into()),
        middle_name: middle.map(Into::into),
        last_name: Some(last.into()),
        ..Fields::default()
    };
    let compared = |lines: &[(&str, f32)], fields: &Fields| {
        (result(&front(lines), fields, "last_name"), result(&front(lines), fields, "first_name"))
    };
    // An initial that is glued to a short name makes it no other one.
    let joe = holder("JOE", Some("QUINCY"), "PUBLIC");
    assert_ne!(compared(&[("1PUBLIC", 0.98), ("2JOEQ", 0.98)], &joe).1, Differs);
    // Nor does one that the code does not have.
    assert_eq!(compared(&[("1PUBLIC", 0.98), ("2JANEQ", 0.98)], &holder("JANE", None, "PUBLIC")).1, NotCompared);
    // A particle is like every other letter.
    let angelo = holder("JOHN", Some("QUINCY"), "D ANGELO");
    assert_ne!(compared(&[("1D'ANGELO", 0.98), ("2JOHN Q", 0.98)], &angelo).0, Differs);
    // Another of the holder's names is no alteration of this one.
    let roberts = holder("ROBERT", None, "ROBERTS");
    assert_eq!(compared(&[("1ROBERTS", 0.8), ("2ROBERT", 0.98)], &roberts), (Agrees, Agrees));
    // The first letter of another name explains nothing at the end of this one.
    let robert = holder("SAM", None, "ROBERT");
    assert_eq!(compared(&[("1ROBERTS", 0.98), ("2SAM", 0.98)], &robert), (Differs, Agrees));
    // A suffix that the code does not have is none of the name.
    assert_eq!(compared(&[("1ROBERTJR", 0.98), ("2SAM", 0.98)], &robert).0, NotCompared);
}

#[test]
fn what_a_recogniser_loses_or_adds_is_no_difference_of_numbers() {
    assert_eq!(number(&[("4d DLN E23456", 0.98)], "E213456"), Agreement::NotCompared);
    assert_eq!(number(&[("4d DLN E213456", 0.98)], "E23456"), Agreement::Differs);
    assert_eq!(number(&[("4d DLN 01234567", 0.98)], "1234567"), Agreement::NotCompared);
    assert_eq!(number(&[("4d DLN E1234567", 0.87)], "E123456"), Agreement::NotCompared);
}
