//! What a card says, before anybody has decided how it is written.

use jiff::civil::{Date, date};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Whose cards are written: number, code of the place, whether it is Canadian.
pub const ISSUERS: [(&str, &str, bool); 22] = [
    ("636014", "CA", false),
    ("636001", "NY", false),
    ("636015", "TX", false),
    ("636010", "FL", false),
    ("636000", "VA", false),
    ("636045", "WA", false),
    ("636035", "IL", false),
    ("636025", "PA", false),
    ("636023", "OH", false),
    ("636055", "GA", false),
    ("636043", "DC", false),
    ("636059", "AK", false),
    ("636012", "ON", true),
    ("604428", "QC", true),
    ("604432", "AB", true),
    ("636048", "MB", true),
    ("636017", "NB", true),
    ("636016", "NL", true),
    ("636013", "NS", true),
    ("604426", "PE", true),
    ("636044", "SK", true),
    ("604429", "YT", true),
];

/// Words that no name is: the reader takes them for a suffix or for 'there is none'.
const NO_NAMES: [&str; 12] = ["JR", "SR", "II", "III", "IV", "VI", "VII", "VIII", "NONE", "UNAVL", "UNAVAIL", "NA"];

/// How a height is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `069 in`
    Inches,
    /// `175 cm`
    Centimetres,
    /// `509`, as DL/ID-2000 has it.
    FootAndInches,
    /// `5'-09"`
    Marks,
}

/// What happened to the table of subfiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Right,
    /// Every number is zero.
    Zeros,
    /// Every offset is off by this much.
    Shifted(i32),
    /// Every number is this one.
    Any(u16),
}

/// What a scanner does to the payload besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    None,
    /// A byte order mark or keys before the first character.
    Before(&'static str),
    /// Blank lines after the last one.
    After,
    /// The record separator does not arrive.
    NoRecordSeparator,
    /// Every value is padded with blanks.
    Padded,
}

/// How lines end when the payload arrives.
pub const LINE_ENDS: [&str; 3] = ["\n", "\r", "\r\n"];

#[derive(Debug, Clone)]
pub struct Person {
    pub last: String,
    pub first: String,
    pub middle: Option<String>,
    pub suffix: Option<&'static str>,
    pub birth: Date,
    pub sex: usize,
    pub height_inches: u16,
    pub height_cm: u16,
}

#[derive(Debug, Clone)]
pub struct Address {
    pub street: String,
    pub street_2: Option<String>,
    pub city: String,
    /// Five digits, four more, and letter, digit, letter, digit, letter, digit: which of them is used is the issuer's affair.
    pub zip: (u32, u32),
    pub canadian: String,
}

/// How the payload is put together; each number chooses among the forms that the edition has.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Form {
    pub version: u8,
    pub jurisdiction_version: u8,
    pub is_licence: bool,
    pub year_first: bool,
    pub unit: Unit,
    pub line_end: &'static str,
    pub table: Table,
    /// Whether every element ends with a line feed, or one stands between them.
    pub ends_each: bool,
    /// Choices of equal forms.
    pub choices: [usize; 6],
    pub flags: [usize; 3],
    /// Where each element goes.
    pub order: Vec<u16>,
    pub noise: Noise,
    /// Whether characters beyond ASCII arrive as UTF-8 and not as Latin-1.
    pub is_utf8: bool,
}

#[derive(Debug, Clone)]
pub struct Card {
    pub issuer: usize,
    pub person: Person,
    pub address: Address,
    pub number: String,
    pub issued: Date,
    pub expires: Date,
    pub form: Form,
    /// Values of the issuer's own elements, if it has a subfile of its own.
    pub own: Option<(char, Vec<(char, String)>)>,
    /// Values of optional elements.
    pub optional: Vec<(usize, String)>,
}

fn day(from: i16, to: i16) -> impl Strategy<Value = Date> {
    let first = date(from, 1, 1);
    let days = i64::from((date(to, 12, 31) - first).get_days());
    (0..=days).prop_map(move |days| first + jiff::Span::new().days(days))
}

/// A name of one or two words, hyphened or with an apostrophe, some with the identifier of an element inside.
fn name() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => "[A-Z]{2,12}",
        2 => "[A-Z]{1,4}(DAQ|DBB|DCS|DAC|DL|ID|ZVA|ANSI)[A-Z]{0,4}",
        1 => "[A-Z]{2,5}[ÀÂÇÈÉÊËÎÏÔÛÜÑ][A-Z]{1,5}",
        1 => "[OD]'[A-Z]{3,8}",
        1 => "[A-Z]{30,40}",
    ];
    let is_name = |name: &String| name.split(['-', ' ']).all(|word| !NO_NAMES.contains(&word));
    (word.clone(), option::weighted(0.3, (select(&["-", " "][..]), word)))
        .prop_map(|(one, other)| one + &other.map(|(joint, other)| format!("{joint}{other}")).unwrap_or_default())
        .prop_filter("a word that no name is", is_name)
}

fn person() -> impl Strategy<Value = Person> {
    let suffixes = select(&["JR", "SR", "II", "III", "IV", "VI", "1ST", "3RD"][..]);
    (
        name(),
        name(),
        option::weighted(0.7, name()),
        option::weighted(0.2, suffixes),
        day(1915, 2010),
        0..3_usize,
        54..84_u16,
        137..214_u16,
    )
        .prop_map(|(last, first, middle, suffix, birth, sex, height_inches, height_cm)| Person {
            last,
            first,
            middle,
            suffix,
            birth,
            sex,
            height_inches,
            height_cm,
        })
}

fn address() -> impl Strategy<Value = Address> {
    let street = "[1-9][0-9]{0,4} [A-Z]{2,10}( [A-Z0-9]{2,8})?( (ST|AVE|RD|DAG RD|ZVA|DL ST))?";
    let second = "(APT|UNIT|STE) #?[0-9]{1,4}[A-Z]?";
    let city = "[A-Z]{3,12}( [A-Z]{2,8})?";
    let canadian = "[ABCEGHJ-NPRSTVXY][0-9][A-Z][0-9][A-Z][0-9]";
    (street, option::weighted(0.3, second), city, (501..99_951_u32, 1..10_000_u32), canadian)
        .prop_map(|(street, street_2, city, zip, canadian)| Address { street, street_2, city, zip, canadian })
}

fn form() -> impl Strategy<Value = Form> {
    let unit = select(&[Unit::Inches, Unit::Centimetres, Unit::FootAndInches, Unit::Marks][..]);
    let table = prop_oneof![
        4 => Just(Table::Right),
        1 => Just(Table::Zeros),
        1 => (-40..40_i32).prop_map(Table::Shifted),
        1 => (0..10_000_u16).prop_map(Table::Any),
    ];
    let noise = prop_oneof![
        6 => Just(Noise::None),
        1 => select(&["\u{feff}", "~", "]L2", "\r\n"][..]).prop_map(Noise::Before),
        1 => Just(Noise::After),
        1 => Just(Noise::NoRecordSeparator),
        1 => Just(Noise::Padded),
    ];
    let written = (1..=11_u8, 0..20_u8, any::<bool>(), any::<bool>(), any::<bool>(), noise);
    let laid_out = (unit, select(&LINE_ENDS[..]), table, any::<bool>());
    (
        written,
        laid_out,
        [0..12_usize, 0..12, 0..12, 0..12, 0..12, 0..12],
        [0..3_usize, 0..3, 0..3],
        vec(any::<u16>(), 64),
    )
        .prop_map(|(written, (unit, line_end, table, ends_each), choices, flags, order)| {
            let (version, jurisdiction_version, is_licence, year_first, is_utf8, noise) = written;
            Form {
                version,
                jurisdiction_version,
                is_licence,
                year_first,
                unit,
                line_end,
                table,
                ends_each,
                choices,
                flags,
                order,
                noise,
                is_utf8,
            }
        })
}

impl Card {
    /// Any card of any edition.
    pub fn any() -> impl Strategy<Value = Self> {
        let number = prop_oneof![
            4 => "[A-Z0-9]{1,3}([A-Z0-9 -]{0,8}[A-Z0-9]{3,12})",
            1 => "(DAQ|DBB|DCS|ZV|DL|ID|EN)[A-Z0-9]{4,12}",
        ];
        let value = prop_oneof![4 => "[A-Z0-9][A-Z0-9 ./-]{0,18}", 1 => "[A-Z](DAQ|DBB|ZVA)?[A-Z0-9]{2,8}"];
        let last = select(('A'..='Z').chain('0'..='9').collect::<Vec<char>>());
        let own = option::weighted(0.7, (select(('A'..='Z').collect::<Vec<char>>()), vec((last, value), 1..6)));
        let optional = vec((0..12_usize, "[A-Z0-9]{1,8}"), 0..8);
        (0..ISSUERS.len(), person(), address(), number, day(2005, 2025), day(2026, 2040), form(), own, optional)
            .prop_map(|(issuer, person, address, number, issued, expires, form, own, optional)| Self {
                issuer,
                person,
                address,
                number,
                issued,
                expires,
                form,
                own,
                optional,
            })
    }
}
