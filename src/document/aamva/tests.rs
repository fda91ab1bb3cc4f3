//! Whole payloads: what holds for any bytes, and what is read of well-formed and damaged cards.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::document::{Check, CheckResult, Sex};

const TODAY: jiff::civil::Date = date(2026, 1, 15);

/// The elements of a card of the 2009 edition or later.
const ELEMENTS: [(&str, &str); 22] = [
    ("DAQ", "T64235789"),
    ("DCS", "SAMPLE"),
    ("DDE", "N"),
    ("DAC", "MICHAEL"),
    ("DDF", "N"),
    ("DAD", "JOHN"),
    ("DDG", "N"),
    ("DCA", "D"),
    ("DCB", "K"),
    ("DCD", "PH"),
    ("DBD", "06062024"),
    ("DBB", "06062008"),
    ("DBA", "12102029"),
    ("DBC", "1"),
    ("DAU", "068 in"),
    ("DAY", "BRO"),
    ("DAG", "2300 WEST BROAD STREET"),
    ("DAI", "RICHMOND"),
    ("DAJ", "VA"),
    ("DAK", "232690000  "),
    ("DCF", "4711061120240815550042"),
    ("DCG", "USA"),
];

/// A well-formed payload with some elements replaced or added.
fn payload(version: u8, changes: &[(&'static str, &str)]) -> String {
    let mut elements: Vec<(&str, &str)> = ELEMENTS.to_vec();
    for (id, value) in changes {
        match elements.iter_mut().find(|(known, _)| known == id) {
            Some(element) => element.1 = value,
            None => elements.push((id, value)),
        }
    }
    let lines: Vec<String> = elements.iter().map(|(id, value)| format!("{id}{value}")).collect();
    let license = format!("DL{}\n\r", lines.join("\n"));
    let own = "ZVZVA01\r";
    let table = format!("DL0041{:04}ZV{:04}{:04}", license.len(), 41 + license.len(), own.len());
    format!("@\n\u{1e}\rANSI 636000{version:02}0102{table}{license}{own}")
}

fn result(document: &AamvaDocument, name: &str) -> CheckResult {
    checks(document, PayloadOrigin::Elsewhere, TODAY).into_iter().find(|check| check.name == name).unwrap().result
}

fn result_of(changes: &[(&'static str, &str)], name: &str) -> CheckResult {
    result(&parse(payload(10, changes).as_bytes()).unwrap(), name)
}

#[test]
fn a_well_formed_card_is_read_and_passes_every_check() {
    for version in 4..=NEWEST_VERSION {
        let document = parse(payload(version, &[("DDJ", "06062029")]).as_bytes()).unwrap();
        let fields = &document.fields;
        assert_eq!(document.version, Some(version));
        assert_eq!(document.issuer.unwrap().code, Some("VA"));
        assert_eq!(fields.first_name.as_ref().unwrap().reveal(), "MICHAEL");
        assert_eq!(fields.date_of_birth.as_ref().unwrap().reveal(), date(2008, 6, 6));
        assert_eq!((fields.sex, fields.height_cm), (Some(Sex::M), Some(173)));
        assert_eq!(document.elements.get(ElementId::known("ZVA")).unwrap().reveal(), "01");
        // Virginia's numbers say nothing of their holders, and no payload with a header is a stripe's text.
        let inapplicable = |check: &Check| ["number_holder", "stripe_tracks"].contains(&check.name);
        for check in checks(&document, PayloadOrigin::Elsewhere, TODAY).into_iter().filter(|check| !inapplicable(check))
        {
            assert_eq!(check.result, CheckResult::Pass, "{}: {}", check.name, check.detail.reveal());
        }
    }
}

#[test]
fn a_newer_version_is_read_with_a_flag() {
    let document = parse(payload(23, &[]).as_bytes()).unwrap();
    assert_eq!(result(&document, "version"), CheckResult::Flag);
    assert_eq!(document.fields.last_name.unwrap().reveal(), "SAMPLE");
}

#[test]
fn altered_line_endings_give_the_same_fields() {
    let whole = payload(9, &[]);
    let fields = parse(whole.as_bytes()).unwrap().fields;
    for altered in [
        whole.replace('\n', "\r\n"),
        whole.replace('\r', ""),
        whole.replace('\u{1e}', ""),
        format!("\u{feff}garbage {whole}"),
        whole.replace("@\n\u{1e}\r", ""),
        whole.replace("00410", "09990"),
        whole.replace("0102DL", "0199DL"),
    ] {
        assert_eq!(parse(altered.as_bytes()).unwrap().fields, fields);
    }
}

#[test]
fn a_card_whose_header_was_lost_is_read_without_an_issuer() {
    let whole = payload(9, &[]);
    let body = &whole[whole.find("DLDAQ").unwrap()..];
    let document = parse(body.as_bytes()).unwrap();
    assert_eq!((document.format, document.issuer), (Format::Headerless, None));
    assert_eq!(document.kind, Some(DocumentKind::DrivingLicense));
    assert_eq!(document.fields.country.as_deref(), Some("USA"));
    assert_eq!(result(&document, "header"), CheckResult::Flag);
}

#[test]
fn latin_1_names_are_read() {
    let mut bytes = payload(9, &[("DCS", "C?T")]).into_bytes();
    let at = bytes.windows(3).position(|window| window == b"C?T").unwrap();
    bytes[at + 1] = 0xd4;
    assert_eq!(parse(&bytes).unwrap().fields.last_name.unwrap().reveal(), "CÔT");
}

#[test]
fn what_is_no_licence_is_an_error_without_its_content() {
    assert_eq!(parse(b""), Err(AamvaError::NotAamva));
    assert_eq!(parse(b"https://example.org/DAQ"), Err(AamvaError::NotAamva));
    assert_eq!(parse(b"@\n\x1e\rANSI 636000100102DL00410278"), Err(AamvaError::NoElements));
    assert_eq!(parse(&vec![b'D'; MAX_PAYLOAD_BYTES + 1]), Err(AamvaError::TooLong { bytes: MAX_PAYLOAD_BYTES + 1 }));
}

#[test]
fn a_document_prints_nothing_personal() {
    let text = payload(9, &[]);
    let printed = format!(
        "{:?} {:?}",
        parse(text.as_bytes()),
        checks(&parse(text.as_bytes()).unwrap(), PayloadOrigin::Elsewhere, TODAY)
    );
    for personal in ["SAMPLE", "MICHAEL", "T64235789", "2008", "06062008", "BROAD"] {
        assert!(!printed.contains(personal), "{personal}");
    }
}

#[test]
fn dates_that_cannot_be_fail() {
    assert_eq!(result_of(&[("DBB", "06062025")], "date_order"), CheckResult::Fail);
    assert_eq!(result_of(&[("DBA", "01012024")], "date_order"), CheckResult::Fail);
    assert_eq!(result_of(&[("DBB", "01162026")], "date_of_birth"), CheckResult::Fail);
    assert_eq!(result_of(&[("DBB", "01011899")], "date_of_birth"), CheckResult::Fail);
    assert_eq!(result_of(&[("DBB", "NONE")], "date_of_birth"), CheckResult::Fail);
    assert_eq!(result_of(&[("DBD", "01172026")], "issue_date"), CheckResult::Fail);
}

#[test]
fn odd_dates_are_flagged() {
    assert_eq!(result_of(&[("DBB", "01011920")], "date_of_birth"), CheckResult::Flag);
    assert_eq!(result_of(&[("DBB", "06062012")], "date_of_birth"), CheckResult::Flag);
    assert_eq!(result_of(&[("DBD", "01162026")], "issue_date"), CheckResult::Flag);
    assert_eq!(result_of(&[("DDB", "06072024")], "issue_date"), CheckResult::Flag);
    assert_eq!(result_of(&[("DBA", "06062099")], "validity"), CheckResult::Flag);
    assert_eq!(result_of(&[("DBB", "20080606")], "date_format"), CheckResult::Flag);
}

#[test]
fn an_expired_card_fails_no_check() {
    let document = parse(payload(10, &[("DBA", "06062025")]).as_bytes()).unwrap();
    assert!(checks(&document, PayloadOrigin::Elsewhere, TODAY).iter().all(|check| check.result != CheckResult::Fail));
}

#[test]
fn under_age_dates_must_be_the_birthdays() {
    assert_eq!(result_of(&[("DDH", "06062026"), ("DDJ", "06062029")], "under_age_dates"), CheckResult::Pass);
    assert_eq!(result_of(&[("DDJ", "06052029")], "under_age_dates"), CheckResult::Flag);
    assert_eq!(result_of(&[("DDJ", "06062024")], "under_age_dates"), CheckResult::Fail);
    assert_eq!(result_of(&[("DDJ", "662029")], "under_age_dates"), CheckResult::Pass);
    for day in ["02282029", "03012029"] {
        assert_eq!(result_of(&[("DBB", "02292008"), ("DDJ", day)], "under_age_dates"), CheckResult::Pass);
    }
    assert_eq!(result_of(&[("DBB", "02292008"), ("DDJ", "03032029")], "under_age_dates"), CheckResult::Fail);
}

#[test]
fn another_state_in_the_address_is_flagged_and_another_country_fails() {
    assert_eq!(result_of(&[("DAJ", "MD")], "issuer_address"), CheckResult::Flag);
    assert_eq!(result_of(&[("DCG", "CAN")], "issuer_country"), CheckResult::Fail);
    assert_eq!(result_of(&[("DCG", "U5A")], "issuer_country"), CheckResult::Flag);
}

#[test]
fn a_missing_element_is_flagged_and_a_missing_essential_one_fails() {
    let without = |id: &str| {
        let whole = payload(10, &[]);
        let line = whole.lines().find(|line| line.trim_start_matches("DL").starts_with(id)).unwrap().to_owned();
        result(&parse(whole.replace(&format!("{line}\n"), "").as_bytes()).unwrap(), "mandatory_elements")
    };
    assert_eq!(without("DCF"), CheckResult::Flag);
    assert_eq!(without("DBA"), CheckResult::Fail);
}

#[test]
fn a_table_that_fits_another_holder_fails() {
    let whole = payload(10, &[]);
    let length = &whole[27..31];
    assert_eq!(result(&parse(whole.as_bytes()).unwrap(), "subfile_table"), CheckResult::Pass);
    let wrong = |declared: &str| whole.replacen(&format!("DL0041{length}"), &format!("DL0041{declared}"), 1);
    assert_eq!(result(&parse(wrong("0290").as_bytes()).unwrap(), "subfile_table"), CheckResult::Flag);
    assert_eq!(result(&parse(wrong("0900").as_bytes()).unwrap(), "subfile_table"), CheckResult::Fail);
}

#[test]
fn an_element_with_two_values_is_flagged() {
    let text = payload(10, &[]).replace("ZVA01", "ZVA01\nDBB06061990");
    let document = parse(text.as_bytes()).unwrap();
    assert_eq!(result(&document, "repeated_elements"), CheckResult::Flag);
    assert_eq!(document.fields.date_of_birth.unwrap().reveal(), date(2008, 6, 6));
}

/// Four times the bytes are four times the work, but for what is paid once: a reader that went back over what it had read
/// would do sixteen times as much.
#[test]
fn the_work_grows_as_a_hostile_payload_does() {
    let works = |length| -> Vec<(&str, usize)> {
        let work = |payload: &str| {
            let judge = |document: &AamvaDocument| checks(document, PayloadOrigin::Symbol, TODAY);
            work::count(|| drop(parse(payload.as_bytes()).map(|document| judge(&document))))
        };
        hostile_payloads::hostile_payloads(length).map(|(name, payload)| (name, work(&payload))).collect()
    };
    for ((name, short), (_, long)) in works(4096).into_iter().zip(works(MAX_PAYLOAD_BYTES)) {
        assert!(short > 4096, "{name}: nothing was counted");
        assert!(long < 5 * short, "{name}: {short} characters of 4 KiB, {long} of 16 KiB");
    }
}

/// Text that resembles payloads more than random bytes do.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        Just("@\n\u{1e}\rANSI 636000100102DL00410278ZV03190008".to_owned()),
        Just("AAMVA6360060101DL00290179".to_owned()),
        Just("%FLCITY^DOE$JOHN^1 ROAD^?;636010046=2101198701010=?#! 33435".to_owned()),
        "(DA[A-Z]|DB[A-S]|DC[A-U]|DD[A-P]|Z[A-Z][A-Z]|DL|ID|EN)",
        "[\n\r\u{1e} ,$^?;=%]",
        "[0-9]{1,9}",
        "[A-Z ]{0,6}",
        "\\PC{0,3}",
    ];
    let text = proptest::collection::vec(fragment, 0..200).prop_map(|parts| parts.concat().into_bytes());
    prop_oneof![text, proptest::collection::vec(any::<u8>(), 0..2000)]
}

proptest! {
    #[test]
    fn no_bytes_make_parsing_or_checking_panic(bytes in fragments()) {
        if let Ok(document) = parse(&bytes) {
            prop_assert_eq!(checks(&document, PayloadOrigin::Elsewhere, TODAY).len(), 29);
            prop_assert!(document.elements.iter().len() <= MAX_ELEMENTS);
        }
    }

    /// Elements are disjoint slices in the order of the text, so that no byte is read into two of them.
    #[test]
    fn every_byte_belongs_to_one_element_at_most(bytes in fragments()) {
        let text = decode(&bytes);
        let body = scan::scan(text.reveal());
        let mut end = text.reveal().as_ptr() as usize;
        for token in &body.tokens {
            let start = token.value.as_ptr() as usize;
            prop_assert!(start >= end + 3);
            end = start + token.value.len();
        }
        prop_assert!(body.subfiles.len() <= text.reveal().len() / 2);
    }

    #[test]
    fn names_and_numbers_of_any_card_are_read_back(
        last in "[A-Z][A-Z'-]{1,30}", first in "[B-Z]{2,20}", number in "[A-Z0-9]{5,20}", version in 4..=NEWEST_VERSION
    ) {
        prop_assume!(["UNAVL", "NONE"].iter().all(|word| ![&last, &first, &number].iter().any(|value| value == word)));
        let changes = [("DCS", last.as_str()), ("DAC", first.as_str()), ("DAQ", number.as_str())];
        let fields = parse(payload(version, &changes).as_bytes()).unwrap().fields;
        prop_assert_eq!(fields.last_name.as_ref().unwrap().reveal(), &last);
        prop_assert_eq!(fields.first_name.as_ref().unwrap().reveal(), &first);
        prop_assert_eq!(fields.id_number.as_ref().unwrap().reveal(), &number);
    }
}

#[test]
fn the_text_of_a_stripe_is_a_card_of_british_columbia_and_of_nobody_else() {
    let columbia = "%BCVICTORIA^DOE,$JOHN PAUL^1 ROAD$VICTORIA BC  V8V 1V1^?;6360281234567=310619810131=?\
                    _%0AV8V1V1                     M183 82BRNBLU9876543210?";
    let document = parse(columbia.as_bytes()).unwrap();
    assert_eq!(document.kind, Some(DocumentKind::IdCard));
    let judged = checks(&document, PayloadOrigin::Symbol, TODAY);
    assert_eq!(crate::document::standing(&judged), crate::document::Standing::Sound);
    assert!(judged.iter().any(|check| check.result == CheckResult::Pass));
    let texas = "%TXAUSTIN^DOE$JOHN^12345 SHERBOURNE ST^?;63601538774194=311519810101?#\" 78729      C               1505130BLKBLK?";
    assert_eq!(parse(texas.as_bytes()).unwrap().kind, None);
}
