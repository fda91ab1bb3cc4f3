//! A card as an issuer writes it into the barcode, and as a scanner hands it on.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;

use super::card::{Card, ISSUERS, Noise, Table, Unit};

/// A payload, and what a reader has to find in it.
pub struct Written {
    pub bytes: Vec<u8>,
    pub fields: BTreeMap<&'static str, Option<String>>,
    /// Every element of the holder's subfile with its value.
    pub elements: Vec<(String, String)>,
}

/// Optional elements that every edition since 2003 has, with values that are no field.
const OPTIONAL: [&str; 12] = ["DAZ", "DCI", "DCJ", "DCK", "DBN", "DBG", "DBS", "DCL", "DCM", "DCN", "DCP", "DCQ"];

struct Draft<'a> {
    card: &'a Card,
    elements: Vec<(String, String)>,
    fields: BTreeMap<&'static str, Option<String>>,
}

impl Draft<'_> {
    fn put(&mut self, id: &str, value: impl Into<String>) {
        self.elements.push((id.to_owned(), value.into()));
    }

    fn expect(&mut self, field: &'static str, value: Option<&str>) {
        self.fields.insert(field, value.map(str::to_owned));
    }

    fn choice(&self, at: usize) -> usize {
        self.card.form.choices[at]
    }

    fn date(&self, day: Date) -> String {
        let (year, month, day) = (day.year(), day.month(), day.day());
        if self.card.form.year_first {
            format!("{year:04}{month:02}{day:02}")
        } else {
            format!("{month:02}{day:02}{year:04}")
        }
    }

    fn names(&mut self) {
        let person = &self.card.person;
        let (last, first) = (person.last.as_str(), person.first.as_str());
        let (middle, suffix) = (person.middle.as_deref(), person.suffix);
        match self.card.form.version {
            1 => {
                // A second part that holds a blank needs a third one beside it, or nothing tells where the first name ends.
                let parts = [last, first, middle.unwrap_or(""), suffix.unwrap_or("")];
                let open =
                    suffix.is_none() && (middle.is_some() || !first.contains(' ')) && self.choice(0).is_multiple_of(2);
                let count = if open { if middle.is_some() { 3 } else { 2 } } else { 4 };
                self.put("DAA", parts[..count].join(","));
                if self.choice(1).is_multiple_of(3) {
                    self.put("DAB", last);
                    self.put("DAC", first);
                    self.put("DAD", middle.unwrap_or("NONE"));
                    if let Some(suffix) = suffix {
                        self.put("DAE", suffix);
                    }
                }
            }
            2 | 3 => {
                let blank = middle.is_some() && !first.contains(' ') && self.choice(0).is_multiple_of(2);
                // A first name with a blank of its own needs the comma, also where no other follows.
                let joint = if blank { " " } else { "," };
                let given = match middle {
                    Some(middle) => format!("{first}{joint}{middle}"),
                    None if first.contains(' ') => format!("{first},"),
                    None => first.to_owned(),
                };
                self.put("DCS", last);
                self.put("DCT", given);
                self.put("DCU", suffix.unwrap_or(""));
            }
            _ => {
                self.put("DCS", last);
                self.put("DAC", first);
                // Some issuers leave a middle name that is not there blank.
                let is_blank = middle.is_none() && !first.contains(' ') && self.choice(0).is_multiple_of(4);
                self.put("DAD", middle.unwrap_or(if is_blank { "" } else { "NONE" }));
                if let Some(suffix) = suffix {
                    self.put("DCU", suffix);
                }
                for (id, flag) in ["DDE", "DDF", "DDG"].iter().zip(self.card.form.flags) {
                    self.put(id, ["T", "N", "U"][flag]);
                }
            }
        }
        self.expect("last_name", Some(last));
        self.expect("first_name", Some(first));
        self.expect("middle_name", middle);
        self.expect("suffix", suffix);
    }

    fn dates(&mut self) {
        let card = self.card;
        for (id, field, day) in [
            ("DBB", "date_of_birth", card.person.birth),
            ("DBD", "issue_date", card.issued),
            ("DBA", "expiration_date", card.expires),
        ] {
            self.put(id, self.date(day));
            self.expect(field, Some(&day.to_string()));
        }
    }

    fn body(&mut self) {
        let person = &self.card.person;
        let is_early = self.card.form.version == 1;
        let letters = is_early && self.choice(2).is_multiple_of(2);
        self.put("DBC", if letters { ["M", "F", "X"][person.sex] } else { ["1", "2", "9"][person.sex] });
        self.expect("sex", Some(["M", "F", "X"][person.sex]));
        let (feet, inches) = (person.height_inches / 12, person.height_inches % 12);
        let is_metric = self.card.form.unit == Unit::Centimetres;
        let value = match self.card.form.unit {
            Unit::Inches if self.choice(3).is_multiple_of(2) => format!("{:03} in", person.height_inches),
            Unit::Inches => format!("{:03} IN", person.height_inches),
            Unit::Centimetres if is_early => format!("{:03}", person.height_cm),
            Unit::Centimetres if self.choice(3).is_multiple_of(2) => format!("{:03} cm", person.height_cm),
            Unit::Centimetres => format!("{:03} CM", person.height_cm),
            Unit::FootAndInches => format!("{feet}{inches:02}"),
            Unit::Marks => format!("{feet}'-{inches:02}\""),
        };
        self.put(if is_early && is_metric { "DAV" } else { "DAU" }, value);
        let in_cm = (f64::from(person.height_inches) * 2.54).round();
        let cm = if is_metric { person.height_cm.to_string() } else { format!("{in_cm:.0}") };
        self.expect("height_cm", Some(&cm));
        self.put("DAY", "BRO");
    }

    fn address(&mut self) {
        let (_, code, is_canadian) = ISSUERS[self.card.issuer];
        let address = &self.card.address;
        let (zip, four) = address.zip;
        let form = self.choice(4) % 4;
        let (postal, plain) = match (is_canadian, form) {
            (true, 0) => {
                (format!("{} {}    ", &address.canadian[..3], &address.canadian[3..]), address.canadian.clone())
            }
            (true, 1) => (format!("{}00000", address.canadian), address.canadian.clone()),
            (true, _) => (format!("{}     ", address.canadian), address.canadian.clone()),
            (false, 0) => (format!("{zip:05}0000  "), format!("{zip:05}")),
            (false, 1) => (format!("{zip:05}-{four:04} "), format!("{zip:05}{four:04}")),
            (false, 2) => (format!("{zip:05}{four:04}  "), format!("{zip:05}{four:04}")),
            (false, _) => (format!("{zip:05}      "), format!("{zip:05}")),
        };
        // DL/ID-2000 has a mailing address and a residence address, and one of them is enough.
        let residence = self.card.form.version == 1 && self.choice(5).is_multiple_of(3);
        let [street, second, city, state, post] =
            if residence { ["DAL", "DAM", "DAN", "DAO", "DAP"] } else { ["DAG", "DAH", "DAI", "DAJ", "DAK"] };
        if self.card.form.version == 1 && !residence && self.choice(5) % 3 == 1 {
            // The mailing address is the one that counts where there are both.
            for (id, value) in [("DAL", "1 ELSEWHERE"), ("DAN", "ELSEWHERE"), ("DAO", "ZZ"), ("DAP", "00000")] {
                self.put(id, value);
            }
        }
        self.put(street, address.street.as_str());
        if let Some(line) = address.street_2.as_deref() {
            self.put(second, line);
        }
        self.put(city, address.city.as_str());
        self.put(state, code);
        self.put(post, postal);
        self.expect("street", Some(&address.street));
        self.expect("street_2", address.street_2.as_deref());
        self.expect("city", Some(&address.city));
        self.expect("jurisdiction_code", Some(code));
        self.expect("postal_code", Some(&plain));
        let country = if is_canadian { "CAN" } else { "USA" };
        if self.card.form.version > 1 {
            self.put("DCG", country);
        }
        self.expect("country", Some(country));
    }

    fn rest(&mut self) {
        let (card, version) = (self.card, self.card.form.version);
        self.put("DAQ", card.number.as_str());
        self.expect("id_number", Some(&card.number));
        if card.form.is_licence {
            let [class, restrictions, endorsements] =
                if version == 1 { ["DAR", "DAS", "DAT"] } else { ["DCA", "DCB", "DCD"] };
            self.put(class, "C");
            self.put(restrictions, if version == 1 { "" } else { "NONE" });
            self.put(endorsements, if version == 1 { "" } else { "NONE" });
        }
        if version > 1 {
            self.put("DCF", format!("{}/{}", card.number.replace(' ', ""), card.issuer));
            for (at, value) in &card.optional {
                if !self.elements.iter().any(|(id, _)| id == OPTIONAL[*at]) {
                    self.put(OPTIONAL[*at], value.as_str());
                }
            }
        }
    }
}

/// Writes a card.
pub fn write(card: &Card) -> Written {
    let mut draft = Draft { card, elements: Vec::new(), fields: BTreeMap::new() };
    draft.names();
    draft.dates();
    draft.body();
    draft.address();
    draft.rest();
    let Draft { mut elements, mut fields, .. } = draft;
    let order = &card.form.order;
    let mut keyed: Vec<(u16, (String, String))> =
        elements.drain(..).enumerate().map(|(at, element)| (order[at % order.len()], element)).collect();
    keyed.sort_by_key(|(key, _)| *key);
    let elements: Vec<(String, String)> = keyed.into_iter().map(|(_, element)| element).collect();
    let kind = if card.form.is_licence { "DL" } else { "ID" };
    fields.insert("kind", Some(kind.to_owned()));
    fields.insert("version", Some(card.form.version.to_string()));
    fields.insert("iin", Some(ISSUERS[card.issuer].0.to_owned()));
    let text = payload(card, kind, &elements);
    // As a scanner hands it on: every line feed another line end, in the header too.
    let text = if card.form.line_end == "\n" { text } else { text.replace('\n', card.form.line_end) };
    let text = match card.form.noise {
        Noise::Before(noise) => format!("{noise}{text}"),
        Noise::After => format!("{text}\r\n\r\n"),
        Noise::NoRecordSeparator => text.replace('\u{1e}', ""),
        Noise::None | Noise::Padded => text,
    };
    let latin_1 = || text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect();
    // A byte order mark has no place in Latin-1.
    let bytes = if card.form.is_utf8 || text.contains('\u{feff}') { text.clone().into_bytes() } else { latin_1() };
    let mut elements = elements;
    elements.extend(card.own.iter().flat_map(|(letter, values)| own_elements(*letter, values)));
    Written { bytes, fields, elements }
}

/// The issuer's own elements, each identifier once.
fn own_elements(letter: char, values: &[(char, String)]) -> Vec<(String, String)> {
    let mut own: Vec<(String, String)> = Vec::new();
    for (last, value) in values {
        let id = format!("Z{letter}{last}");
        if own.iter().all(|(known, _)| *known != id) {
            own.push((id, value.clone()));
        }
    }
    own
}

fn subfile(card: &Card, name: &str, elements: &[(String, String)]) -> String {
    let padding = if card.form.noise == Noise::Padded { "   " } else { "" };
    let lines: Vec<String> = elements.iter().map(|(id, value)| format!("{id}{value}{padding}")).collect();
    let last = if card.form.ends_each { "\n" } else { "" };
    format!("{name}{}{last}\r", lines.join("\n"))
}

/// Header, table and subfiles. Offsets count characters, which are bytes in Latin-1.
fn payload(card: &Card, kind: &str, elements: &[(String, String)]) -> String {
    let mut subfiles = vec![(kind.to_owned(), subfile(card, kind, elements))];
    if let Some((letter, values)) = &card.own {
        let name = format!("Z{letter}");
        let text = subfile(card, &name, &own_elements(*letter, values));
        subfiles.push((name, text));
    }
    let (form, iin) = (&card.form, ISSUERS[card.issuer].0);
    let file_type = if form.version == 1 && form.choices[0] % 3 == 0 { "AAMVA" } else { "ANSI " };
    let versions = if form.version == 1 {
        format!("{:02}", form.version)
    } else {
        format!("{:02}{:02}", form.version, form.jurisdiction_version)
    };
    let mut text = format!("@\n\u{1e}\r{file_type}{iin}{versions}{:02}", subfiles.len());
    let mut offset = text.chars().count() + 10 * subfiles.len();
    for (name, body) in &subfiles {
        let length = body.chars().count();
        let (stated, long) = match form.table {
            Table::Right => (offset, length),
            Table::Zeros => (0, 0),
            Table::Shifted(by) => (offset.saturating_add_signed(by as isize), length),
            Table::Any(number) => (usize::from(number), usize::from(number)),
        };
        let _ = write!(text, "{name}{stated:04}{long:04}");
        offset += length;
    }
    text.extend(subfiles.iter().map(|(_, body)| body.as_str()));
    text
}
