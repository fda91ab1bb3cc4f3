use jiff::civil::date;

use super::*;
use crate::imaging::Rect;

const TODAY: Date = date(2026, 3, 1);

/// Lines from their left, top and text; every character is 10 wide and 20 high.
fn front(lines: &[(f32, f32, &str)]) -> VisualFields {
    let line = |&(x, y, text): &(f32, f32, &str)| {
        TextLine::level(text, 0.98, Rect::new(x, y, 10.0 * text.chars().count() as f32, 20.0))
    };
    read_visual_fields(&lines.iter().map(line).collect::<Vec<_>>(), TODAY)
}

fn birth(fields: &VisualFields) -> Option<Date> {
    fields.date_of_birth.as_ref().map(PersonalDate::reveal)
}

fn expiry(fields: &VisualFields) -> Option<Date> {
    fields.expiration_date.as_ref().map(PersonalDate::reveal)
}

fn number(fields: &VisualFields) -> &str {
    fields.id_number.as_ref().map_or("", |number| number.reveal())
}

#[test]
fn labels_in_the_line_beside_and_above_are_followed() {
    let fields = front(&[
        (0.0, 0.0, "4d DLN"),
        (80.0, 0.0, "D08954796"),
        (0.0, 40.0, "3 DOB01/31/1974"),
        (300.0, 40.0, "Date of expiry"),
        (300.0, 65.0, "03/01/2034"),
        (0.0, 90.0, "4aISS03/01/2016"),
    ]);
    assert_eq!((birth(&fields), expiry(&fields)), (Some(date(1974, 1, 31)), Some(date(2034, 3, 1))));
    assert!(number(&fields) == "D08954796" && fields.id_number_is_labelled);
}

#[test]
fn without_labels_the_earliest_date_is_the_birth_and_the_latest_the_expiry() {
    let fields = front(&[(0.0, 0.0, "03/16/2018"), (0.0, 40.0, "12/12/2026"), (0.0, 80.0, "12/13/1979")]);
    assert_eq!((birth(&fields), expiry(&fields)), (Some(date(1979, 12, 13)), Some(date(2026, 12, 12))));
}

#[test]
fn a_lone_unlabelled_date_is_neither() {
    let fields = front(&[(0.0, 0.0, "03/16/2018")]);
    assert_eq!((birth(&fields), expiry(&fields)), (None, None));
}

#[test]
fn one_unmistakable_date_tells_the_order_of_all() {
    let fields = front(&[(0.0, 0.0, "Date of birth 05/04/1990"), (0.0, 40.0, "Expires 23/04/2031")]);
    assert_eq!(birth(&fields), Some(date(1990, 4, 5)));
    let fields = front(&[(0.0, 0.0, "Date of birth 05/04/1990"), (0.0, 40.0, "Expires 04/23/2031")]);
    assert_eq!(birth(&fields), Some(date(1990, 5, 4)));
}

#[test]
fn the_two_digit_years_of_a_passport_are_completed() {
    let fields = front(&[
        (0.0, 0.0, "Date of birth/Date de naissance"),
        (0.0, 25.0, "12 AUG/AOUT 74"),
        (0.0, 80.0, "Date of expiry/Date d'expiration"),
        (0.0, 105.0, "15 APR/AVR 32"),
    ]);
    assert_eq!((birth(&fields), expiry(&fields)), (Some(date(1974, 8, 12)), Some(date(2032, 4, 15))));
}

#[test]
fn the_discriminator_and_the_postal_code_are_not_the_number() {
    let fields = front(&[
        (0.0, 0.0, "214471252"),
        (0.0, 40.0, "SPRINGFIELD, IL 62723-0001"),
        (0.0, 80.0, "5DD20160210993DT0328"),
        (0.0, 120.0, "DD0130002456789"),
    ]);
    assert!(number(&fields) == "214471252" && !fields.id_number_is_labelled);
}

#[test]
fn a_label_glued_to_its_number_is_taken_off() {
    for (text, expected) in [
        ("4dLICNo:P142-4558-7924", "P142-4558-7924"),
        ("4d DLNO.999999999", "999999999"),
        ("ID123456789", "123456789"),
        ("4d DLN 99 999 999", "99 999 999"),
        ("4d0N0T123456789", "T123456789"),
    ] {
        assert_eq!(number(&front(&[(0.0, 0.0, text)])), expected);
    }
}

#[test]
fn names_are_the_numbered_lines_or_those_above_the_address() {
    let words = |fields: VisualFields| fields.names.iter().map(|name| name.reveal().clone()).collect::<Vec<_>>();
    let numbered = front(&[(0.0, 0.0, "1SAMPLE"), (0.0, 25.0, "2SUSAN CATHERINE"), (0.0, 50.0, "8123 STATE STREET")]);
    assert_eq!(words(numbered), ["SAMPLE", "SUSAN", "CATHERINE"]);
    let plain = front(&[
        (0.0, 0.0, "DRIVER LICENSE"),
        (0.0, 60.0, "MOTORIST"),
        (0.0, 85.0, "MICHAEL,M"),
        (0.0, 110.0, "2345 ANYWHERE STREET"),
    ]);
    assert_eq!(words(plain), ["MOTORIST", "MICHAEL", "M"]);
}

proptest::proptest! {
    #[test]
    fn arbitrary_lines_never_panic(texts in proptest::collection::vec("\\PC{0,40}", 0..6)) {
        let lines: Vec<(f32, f32, &str)> = texts.iter().enumerate().map(|(row, text)| (0.0, 25.0 * row as f32, text.as_str())).collect();
        let _ = front(&lines);
    }

    #[test]
    fn lines_of_digits_and_separators_never_panic(texts in proptest::collection::vec("[0-9OIDLN/. 4d:-]{0,30}", 0..6)) {
        let lines: Vec<(f32, f32, &str)> = texts.iter().enumerate().map(|(row, text)| (0.0, 25.0 * row as f32, text.as_str())).collect();
        let _ = front(&lines);
    }
}
