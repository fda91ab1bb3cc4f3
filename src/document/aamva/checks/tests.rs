//! Forgeries, as apps and hand-made templates make them, and genuine cards beside them.
//!
//! Every card here is made up. A forgery has the handful of errors that its tool is known for; each error alone is held
//! against a genuine card, too, and must not be a refusal.

use jiff::civil::date;

use super::super::{NEWEST_VERSION, parse};
use super::*;

const TODAY: Date = date(2026, 11, 22);

/// The elements of a card of the 2009 edition or later, in the order of the standard's table.
const ELEMENTS: [(&str, &str); 26] = [
    ("DAQ", "D4827163"),
    ("DCS", "EXEMPLAR"),
    ("DDE", "N"),
    ("DAC", "ROWENA"),
    ("DDF", "N"),
    ("DAD", "FAYE"),
    ("DDG", "N"),
    ("DCA", "C"),
    ("DCB", "NONE"),
    ("DCD", "NONE"),
    ("DBD", "03042023"),
    ("DBB", "07191988"),
    ("DBA", "07192028"),
    ("DBC", "2"),
    ("DAU", "066 in"),
    ("DAY", "GRN"),
    ("DAG", "18 SPECIMEN WAY"),
    ("DAI", "MODESTO"),
    ("DAJ", "CA"),
    ("DAK", "953540000  "),
    ("DCF", "03/04/202355812/BBFD/28"),
    ("DCG", "USA"),
    ("DAW", "140"),
    ("DCK", "23063D48271630401"),
    ("DDA", "F"),
    ("DDB", "08292017"),
];

/// A card that can be made wrong in one way after the other.
#[derive(Clone)]
struct Card {
    prelude: &'static str,
    iin: &'static str,
    version: u8,
    kind: &'static str,
    elements: Vec<(&'static str, String)>,
    own: Vec<(&'static str, &'static str)>,
    /// Offset and length that the table has for the first subfile, in place of the right ones.
    table: Option<&'static str>,
    end: &'static str,
}

impl Card {
    fn genuine() -> Self {
        Self {
            prelude: "@\n\u{1e}\rANSI ",
            iin: "636014",
            version: 10,
            kind: "DL",
            elements: ELEMENTS.map(|(id, value)| (id, value.to_owned())).to_vec(),
            own: vec![("ZCA", "BROWN"), ("ZCB", "NONE")],
            table: None,
            end: "\n",
        }
    }

    fn with(mut self, id: &'static str, value: &str) -> Self {
        match self.elements.iter_mut().find(|(known, _)| *known == id) {
            Some(element) => value.clone_into(&mut element.1),
            None => self.elements.push((id, value.to_owned())),
        }
        self
    }

    fn without(mut self, ids: &[&str]) -> Self {
        self.elements.retain(|(id, _)| !ids.contains(id));
        self
    }

    fn of(mut self, iin: &'static str, code: &str, own: &'static str) -> Self {
        self.iin = iin;
        self.own = vec![(own, "1")];
        self.with("DAJ", code)
    }

    fn text(&self) -> String {
        let lines = |kind: &str, elements: &[String]| format!("{kind}{}\r", elements.join(self.end));
        let holder: Vec<String> = self.elements.iter().map(|(id, value)| format!("{id}{value}")).collect();
        let own: Vec<String> = self.own.iter().map(|(id, value)| format!("{id}{value}")).collect();
        let holder = lines(self.kind, &holder);
        let own = self.own.first().map(|(id, _)| (id[..2].to_owned(), lines(&id[..2], &own)));
        let rows = 1 + usize::from(own.is_some());
        let start = 21 + 10 * rows;
        let right = format!("{start:04}{:04}", holder.len());
        let row = own
            .as_ref()
            .map_or(String::new(), |(name, own)| format!("{name}{:04}{:04}", start + holder.len(), own.len()));
        let table = format!("{}{}{row}", self.kind, self.table.unwrap_or(&right));
        let own = own.map_or(String::new(), |(_, own)| own);
        format!("{}{}{:02}00{rows:02}{table}{holder}{own}", self.prelude, self.iin, self.version)
    }

    fn checks(&self) -> Vec<Check> {
        checks(&parse(self.text().as_bytes()).unwrap(), PayloadOrigin::Symbol, TODAY)
    }
}

/// Flags and failures with their points, for messages of the tests.
fn seen(checks: &[Check]) -> String {
    let odd = checks.iter().filter(|check| points(check) > 0);
    let lines = odd.map(|check| format!("\n  {} {:?}: {}", check.name, check.strength, check.detail.reveal()));
    lines.collect::<Vec<_>>().concat()
}

fn assert_refused(forgeries: &[(&str, Card)]) {
    for (what, card) in forgeries {
        let checks = card.checks();
        assert_eq!(standing(&checks), Standing::Refused, "{what}:{}", seen(&checks));
    }
}

fn assert_only_odd(cards: &[(&str, Card)]) {
    for (what, card) in cards {
        let checks = card.checks();
        assert_ne!(standing(&checks), Standing::Refused, "{what}:{}", seen(&checks));
        assert!(checks.iter().any(|check| check.result == CheckResult::Flag), "{what} is not seen");
    }
}

#[test]
fn a_genuine_card_passes_every_check_in_every_edition_since_2009() {
    // The date of issue fits editions up to 2020; the newest needs a later one.
    for version in 4..=NEWEST_VERSION {
        let card = Card { version, ..Card::genuine() }.with("DBD", "03042025");
        let odd: Vec<Check> = card.checks().into_iter().filter(|check| check.result != CheckResult::Pass).collect();
        let names: Vec<&str> = odd.iter().map(|check| check.name).collect();
        assert_eq!(names, ["stripe_tracks", "number_holder", "under_age_dates"], "{version}:{}", seen(&odd));
    }
}

#[test]
fn genuine_cards_of_other_issuers_pass() {
    let florida = Card::genuine().of("636010", "FL", "ZFA").with("DAQ", "E251770887590").with("DCF", "N882303040012");
    let wisconsin = Card::genuine().of("636031", "WI", "ZWA").with("DAQ", "E2517708875904");
    let texas = Card::genuine().of("636015", "TX", "ZTA").with("DAQ", "48271635");
    let card = Card { kind: "ID", ..Card::genuine() }.without(&["DCA", "DCB", "DCD"]);
    for (what, card) in [("Florida", florida), ("Wisconsin", wisconsin), ("Texas", texas), ("identity card", card)] {
        let checks = card.checks();
        assert_eq!(standing(&checks), Standing::Sound, "{what}:{}", seen(&checks));
    }
}

#[test]
fn one_odd_element_is_a_flag() {
    let genuine = Card::genuine;
    assert_only_odd(&[
        ("an address in another state", genuine().with("DAJ", "NV")),
        ("an unknown issuer", Card { iin: "636099", ..genuine() }),
        ("another issuer's subfile", Card { own: vec![("ZNA", "1")], ..genuine() }),
        ("a number of another form", genuine().with("DAQ", "123456789")),
        ("no truncation flags", genuine().without(&["DDE", "DDF", "DDG"])),
        ("a missing element", genuine().without(&["DCF"])),
        ("an identity card with a class", Card { kind: "ID", ..genuine() }),
        (
            "year first",
            genuine().with("DBB", "19880719").with("DBA", "20280719").with("DBD", "20230304").with("DDB", "20170829"),
        ),
        ("issued before the design was revised", genuine().with("DDB", "03052023")),
        ("issued before the edition", Card { version: 11, ..genuine() }),
        ("small letters", genuine().with("DCS", "Exemplar").with("DAC", "Rowena")),
        ("an example's discriminator", genuine().with("DCF", "2424244747474786102204")),
        ("a filled inventory number", genuine().with("DCK", "12345678900000000000")),
        ("a table that was kept", Card { table: Some("00410298"), ..genuine() }),
        ("a table of zeros", Card { table: Some("00000000"), ..genuine() }),
        ("carriage returns", Card { end: "\r\n", ..genuine() }),
        ("no line ends of its own", Card { prelude: "@\rANSI ", end: "\r", ..genuine() }),
        ("a holder under 21 without dates", genuine().with("DBB", "07192003")),
        ("an old element", genuine().with("DAR", "C")),
        ("a validity of 60 years", genuine().with("DBA", "07192088")),
        ("a number for someone else's birth", genuine().of("636010", "FL", "ZFA").with("DAQ", "E251770717590")),
        ("a version from the future", Card { version: 12, ..genuine() }),
    ]);
}

/// Takes the payload of one state and writes another issuer into it.
#[test]
fn a_template_of_another_state_is_refused() {
    assert_refused(&[
        ("only the issuer's number", Card { iin: "636001", ..Card::genuine() }),
        ("only the address", Card::genuine().of("636014", "NY", "ZNA").with("DAQ", "123456789")),
        ("Florida's number in a Californian template", Card { iin: "636010", ..Card::genuine() }),
        ("Canada's issuer", Card { iin: "636012", ..Card::genuine() }),
    ]);
}

/// Fills in the standard's example: its table, its discriminator and its inventory number stay.
#[test]
fn the_standards_example_with_another_name_is_refused() {
    let example = Card { iin: "636000", table: Some("00410278"), own: vec![("ZVA", "01")], ..Card::genuine() };
    let example = example.with("DCF", "2424244747474786102204").with("DCK", "123456789").with("DAJ", "VA");
    assert_refused(&[
        ("with the address kept", example.clone().with("DAQ", "T64235789")),
        ("with another state", example.with("DAJ", "NJ").with("DAQ", "E12345678901234")),
    ]);
}

/// The table keeps what it was for the first holder, and the number is not made for the holder, either.
#[test]
fn a_table_and_a_number_of_the_first_holder_are_refused() {
    let wisconsin = Card::genuine().of("636031", "WI", "ZWA").with("DAQ", "S5304296206702");
    let kept = |length| Card { table: Some(length), ..wisconsin.clone() };
    assert_refused(&[("longer", kept("00410400")), ("shorter", kept("00410290")), ("zeros", kept("00000000"))]);
    assert_refused(&[("far off", Card { table: Some("00410900"), ..Card::genuine() })]);
}

/// A library of the year 2000 with the version of today in its header.
#[test]
fn elements_of_2000_under_a_current_version_are_refused() {
    let old = Card::genuine()
        .without(&["DCS", "DAC", "DAD", "DDE", "DDF", "DDG", "DCA", "DCB", "DCD", "DCF", "DCG", "DCK"])
        .with("DAA", "EXEMPLAR,ROWENA,FAYE")
        .with("DAR", "C")
        .with("DAS", "")
        .with("DAT", "");
    let mixed = Card::genuine()
        .without(&["DDE", "DDF", "DDG"])
        .with("DAA", "EXEMPLAR,ROWENA,FAYE")
        .with("DAB", "EXEMPLAR")
        .with("DAR", "C")
        .with("DBH", "N");
    assert_refused(&[("all of them", old), ("some of them beside the new ones", mixed)]);
    let early = Card { version: 1, ..Card::genuine() };
    assert_refused(&[("elements of today under the first version", early)]);
}

/// A form on a phone: what its fields do not ask for is missing, and what was typed stays as it was typed.
#[test]
fn a_form_filled_in_on_a_phone_is_refused() {
    let short = Card::genuine().without(&["DDE", "DDF", "DDG", "DCF", "DCK", "DDA", "DDB"]);
    let typed = short.clone().with("DCS", "Exemplar").with("DAC", "Rowena").with("DAG", "18 Specimen Way");
    assert_refused(&[
        ("typed, with no table", Card { table: Some("00000000"), ..typed.clone() }),
        ("typed, with a number of its own", typed.clone().with("DAQ", "12345678")),
        ("typed, with the dates the other way", typed.with("DBB", "19880719").with("DBA", "20280719")),
        ("no header at all", Card { prelude: "", iin: "", ..short }),
    ]);
}

/// The birth is made earlier, and what was computed from it stays.
#[test]
fn a_birth_that_was_moved_is_refused() {
    let young = Card::genuine().with("DBB", "07192007").with("DDH", "07192025").with("DDJ", "07192028");
    assert_refused(&[
        ("the under-21 date stays", young.with("DBB", "07192004")),
        ("it is after the issue", Card::genuine().with("DBB", "07192024")),
        ("it is in the future", Card::genuine().with("DBB", "07192027")),
        (
            "the number of Wisconsin stays, and the under-21 date is left out, as is the discriminator",
            Card::genuine().of("636031", "WI", "ZWA").with("DAQ", "E2517700475904").with("DCF", "00000000000"),
        ),
    ]);
}

/// Two births in one symbol: readers differ in which of them they take.
#[test]
fn two_births_expiries_or_numbers_in_one_symbol_are_refused() {
    let twice =
        |id: &'static str, value: &'static str| Card { own: vec![("ZCA", "1"), (id, value)], ..Card::genuine() };
    let beside = |id: &'static str, value: &str| {
        let mut card = Card::genuine();
        let at = card.elements.iter().position(|(known, _)| *known == id).unwrap();
        card.elements.insert(at + 1, (id, value.to_owned()));
        card
    };
    let mut forgeries = Vec::new();
    for (id, value) in [("DBB", "07192001"), ("DBA", "07192033"), ("DAQ", "D4827164")] {
        forgeries.push(("in the subfile of the holder", beside(id, value)));
        forgeries.push(("in the issuer's own subfile", twice(id, value)));
    }
    assert_refused(&forgeries);
    // The same value again is an issuer's habit, and what types a payload may have typed another one as well.
    assert_only_odd(&[("the same birth", beside("DBB", "07191988"))]);
    let elsewhere = parse(beside("DBB", "07192001").text().as_bytes()).unwrap();
    let elsewhere = checks(&elsewhere, PayloadOrigin::Elsewhere, TODAY);
    assert_eq!(standing(&elsewhere), Standing::Odd, "{}", seen(&elsewhere));
}

/// A form with nothing filled in has all of its elements, and no value to compare.
#[test]
fn elements_without_a_value_are_not_there() {
    let blanked = |ids: &[&'static str], word: &str| ids.iter().fold(Card::genuine(), |card, id| card.with(id, word));
    for word in ["", "NONE", "unavl", "----"] {
        assert_refused(&[
            ("no number", blanked(&["DAQ"], word)),
            ("no birth", blanked(&["DBB"], word)),
            ("no expiry", blanked(&["DBA"], word)),
            ("no family name", blanked(&["DCS"], word)),
            ("no address", blanked(&["DAG", "DAI", "DAJ"], word)),
            (
                "no sex, issue and discriminator, and another issuer",
                blanked(&["DBC", "DBD", "DCF"], word).of("636777", "CA", "ZCA"),
            ),
            (
                "thirteen elements",
                blanked(
                    &["DBD", "DBC", "DAU", "DAY", "DAG", "DAI", "DAJ", "DAK", "DCF", "DCG", "DAD", "DCA", "DCB"],
                    word,
                ),
            ),
        ]);
        assert_only_odd(&[
            ("no date of issue", blanked(&["DBD"], word)),
            ("no discriminator", blanked(&["DCF"], word)),
            ("no street", blanked(&["DAG"], word)),
            ("no country", blanked(&["DCG"], word)),
        ]);
    }
    let points_of = |ids: &[&'static str]| {
        let checks = blanked(ids, "").checks();
        points(checks.iter().find(|check| check.name == "stated_values").unwrap())
    };
    let blank: [&[&str]; 4] = [&["DAD", "DCB", "DCD"], &["DCF"], &["DCF", "DBD"], &["DBC"]];
    assert_eq!(blank.map(points_of), [0, 0, 2, 2]);
}

/// A line of a stripe's text in a barcode leaves most checks nothing to look at.
#[test]
fn the_text_of_a_stripe_is_refused_in_a_symbol_unless_it_is_british_columbias_to_the_letter() {
    let whole = "%BCVICTORIA^EXEMPLAR,$ADA^18 SPECIMEN WAY$VICTORIA BC  V8V 1V1^?;6360281234567=310619810131=?\
                 _%0AV8V1V1                     F165 62BRNBLU9876543210                E$''C(R2S6L?";
    let judged = |text: &str, origin| checks(&parse(text.as_bytes()).unwrap(), origin, TODAY);
    assert_eq!(standing(&judged(whole, PayloadOrigin::Symbol)), Standing::Sound);
    for (what, text) in [
        ("one line", "%BCX^SAMPLE,$EILEEN^?;636028X=299919850314?".to_owned()),
        ("two tracks", whole[..whole.find('_').unwrap()].to_owned()),
        ("California's number", whole.replace("636028", "636014")),
        ("California's letters", whole.replace("%BC", "%CA")),
        ("a letter in the number", whole.replace("1234567=", "E123456=")),
        ("a Californian postal code", whole.replace("0AV8V1V1", "0A958140")),
        (
            "the stripe of another state",
            "%TXAUSTIN^DOE$JOHN^12345 ROAD^?;63601538774194=311519810101?#\" 78729      C               1505130BLKBLK?"
                .to_owned(),
        ),
    ] {
        let checks = judged(&text, PayloadOrigin::Symbol);
        assert_eq!(standing(&checks), Standing::Refused, "{what}:{}", seen(&checks));
        let failed = checks.iter().find(|check| check.name == "stripe_tracks").unwrap();
        assert_eq!(failed.result, CheckResult::Fail, "{what}");
    }
}

/// Dates that a maker has not thought through.
#[test]
fn dates_that_do_not_fit_the_design_are_refused() {
    let early = Card { version: 11, ..Card::genuine() }.with("DBD", "03042019").with("DDB", "08292020");
    assert_refused(&[
        ("issued before edition and design, valid for 60 years", early.with("DBA", "07192088")),
        ("expired before it was issued", Card::genuine().with("DBA", "07192022")),
        ("issued tomorrow week", Card::genuine().with("DBD", "11292026")),
        (
            "both orders, before the design, with a made-up number",
            Card::genuine().with("DBB", "19880719").with("DDB", "03052023").with("DAQ", "1234567"),
        ),
    ]);
}

#[test]
fn a_licence_turned_into_an_identity_card_with_its_class_is_refused() {
    let card = Card { kind: "ID", ..Card::genuine() };
    assert_refused(&[
        ("and a moved address", card.clone().with("DAJ", "TX")),
        ("and kept lengths", Card { table: Some("00410300"), ..card.clone() }),
        ("and a filled discriminator", card.with("DCF", "1234567890123")),
    ]);
}

/// Separators typed or pasted: the line ends are a phone's, everywhere.
#[test]
fn a_pasted_text_is_refused() {
    let pasted = Card { end: "\r\n", table: Some("00310278"), ..Card::genuine() };
    assert_refused(&[
        ("with a discriminator that repeats itself", pasted.clone().with("DCF", "1111111111")),
        ("with two holders", Card { own: vec![("ZCA", "1"), ("DCS", "SPECIMEN")], ..pasted.clone() }),
        ("under a number of no issuer", Card { iin: "123456", ..pasted }),
    ]);
}

#[test]
fn an_invented_issuer_and_version_are_refused() {
    assert_refused(&[
        ("both", Card { iin: "999999", version: 42, ..Card::genuine() }),
        ("an unknown issuer and another letter's subfile", {
            let card = Card { iin: "636777", ..Card::genuine() };
            card.with("DCF", "XXXXXXXXXX")
        }),
    ]);
}

/// What a forger can leave out or change so that there is less to compare with.
#[test]
fn a_payload_that_evades_the_checks_is_refused() {
    let genuine = Card::genuine();
    let body = genuine.text().split_off(41);
    let refused = |text: &str, origin| {
        let checks = checks(&parse(text.as_bytes()).unwrap(), origin, TODAY);
        assert_eq!(standing(&checks), Standing::Refused, "{text:?}:{}", seen(&checks));
    };
    for header in ["@\n\u{1e}\rANSI 636014100000", "@\n\u{1e}\rANSI 636014000000"] {
        // No table, under the newest version and under one that is older than any edition.
        refused(&format!("{header}{body}"), PayloadOrigin::Elsewhere);
        refused(&format!("{header}{body}"), PayloadOrigin::Symbol);
    }
    // Without the separator that says that nothing was changed on the way.
    let pasted = Card { prelude: "@\r\nANSI ", end: "\r\n", table: Some("00390900"), ..genuine.clone() };
    refused(&pasted.text(), PayloadOrigin::Symbol);
    // An edition of long ago has fewer elements to get right.
    let old = Card { version: 1, ..genuine }.without(&["DCS", "DAC", "DAD", "DDE", "DDF", "DDG", "DCA", "DCB", "DCD"]);
    let old = old.with("DAA", "SPECIMEN,ADA,QUILL").with("DAR", "C").with("DAS", "NONE").with("DAT", "NONE");
    let checks = old.checks();
    assert!(checks.iter().any(|check| check.name == "edition_date" && points(check) == 1), "{}", seen(&checks));
}

/// A scanner that types what it reads may lose what stands before the file type; a symbol that is read here may not.
#[test]
fn what_stands_before_the_file_type_counts_only_where_it_was_read_here() {
    let text = Card { prelude: "@\n\rANSI ", ..Card::genuine() }.text();
    let header = |origin| {
        let checks = checks(&parse(text.as_bytes()).unwrap(), origin, TODAY);
        points(checks.iter().find(|check| check.name == "header").unwrap())
    };
    assert_eq!((header(PayloadOrigin::Elsewhere), header(PayloadOrigin::Symbol)), (0, 1));
}

#[test]
fn every_flag_that_counts_is_named_with_its_points() {
    let checks = Card { iin: "636001", ..Card::genuine() }.checks();
    let last = checks.last().unwrap();
    assert_eq!((last.name, last.result), ("flags_together", CheckResult::Fail));
    assert_eq!(last.detail.reveal(), "3 points of 3 that refuse: issuer_address (1), issuer_subfile (2)");
}
