//! Payloads laid out like the three tracks of a magnetic stripe.
//!
//! Some issuers, British Columbia among them, put the tracks of DL/ID-2000's magnetic stripe into their barcode, and
//! readers of stripes give the same text. Track 1 is state, city, name and address; track 2 issuer, number, expiry and
//! birth; track 3 postal code, class and description. The result is the elements that DL/ID-2000 has for the same.
//! Does not undo how some issuers write a letter of the licence number as two digits on the numeric track.

use jiff::civil::Date;

use super::dates::parse_date;
use super::elements::{ElementId, Elements};
use crate::privacy::Personal;

/// What the tracks say.
#[derive(Debug)]
pub(super) struct Stripe {
    pub iin: Option<String>,
    pub elements: Elements,
    /// What is not as British Columbia writes it, see [`layout_oddities`].
    pub oddities: Vec<&'static str>,
}

/// Longest city, after which its separator is left out.
const CITY_LENGTH: usize = 13;

/// Reads the tracks, if the text begins with track 1 as the standard lays it out.
pub(super) fn read(text: &str) -> Option<Stripe> {
    let track_1 = text.trim_start().strip_prefix('%')?;
    let state = track_1.get(..2).filter(|state| state.bytes().all(|byte| byte.is_ascii_uppercase()))?;
    let (track_1, rest) = split_track(&track_1[2..]);
    if !track_1.contains('^') {
        return None;
    }
    let oddities = layout_oddities(text.trim_start());
    let mut stripe = Stripe { iin: None, elements: Elements::default(), oddities };
    stripe.set("DAJ", state);
    stripe.read_track_1(track_1);
    if let Some((_, track_2)) = rest.split_once(';') {
        let (track_2, rest) = split_track(track_2);
        stripe.read_track_2(track_2);
        stripe.read_track_3(split_track(rest).0);
    }
    Some(stripe)
}

/// Longest tracks in characters, sentinels included: ISO/IEC 7811-2 for tracks 1 and 2, the AAMVA standards' annex F for
/// track 3, which is written as densely as track 1.
const MAX_TRACK_1: usize = 82;
const MAX_TRACK_2: usize = 40;
const MAX_TRACK_3: usize = 82;
/// Characters of track 3 up to the personal health number or the blanks in its place: sentinel, versions, postal code,
/// class, restrictions, endorsements, sex, height, weight, hair, eyes and that number.
const LEAST_TRACK_3: usize = 53;
/// Digits of British Columbia's numbers: of licences, and of identity cards.
const NUMBER_LENGTHS: [usize; 2] = [7, 9];

/// What of the text is not laid out as British Columbia has it: `%BC` city `^` family name `,$` given names `^` address,
/// perhaps `^`, `?`; `;636028` number `=` expiry and birth in twelve digits `=?`; `_%` and fields of fixed width, `?`.
fn layout_oddities(text: &str) -> Vec<&'static str> {
    let mut tracks = text.split_inclusive('?');
    let mut track = || tracks.next().filter(|track| track.ends_with('?'));
    let parts = [track(), track(), track()];
    let rules = [is_track_1 as fn(&str) -> bool, is_track_2, is_track_3];
    let said = ["track 1 is not laid out so", "track 2 is not laid out so", "track 3 is not laid out so"];
    let is_odd = |&at: &usize| !parts[at].is_some_and(|track| rules[at](track));
    let mut oddities: Vec<&'static str> = (0..3).filter(is_odd).map(|at| said[at]).collect();
    if tracks.any(|rest| !rest.trim().is_empty()) {
        oddities.push("something follows the third track");
    }
    oddities
}

fn is_track_1(track: &str) -> bool {
    let Some(body) = track.strip_prefix("%BC").and_then(|track| track.strip_suffix('?')) else { return false };
    let fields: Vec<&str> = body.strip_suffix('^').unwrap_or(body).split('^').collect();
    // A city of full length is followed by the name without a separator.
    let (city, name, address) = match fields.as_slice() {
        [city, name, address] => (*city, *name, *address),
        [both, address] if both.is_char_boundary(CITY_LENGTH) && both.len() > CITY_LENGTH => {
            (&both[..CITY_LENGTH], &both[CITY_LENGTH..], *address)
        }
        _ => return false,
    };
    // Some people have one name.
    let is_name = name.split_once(",$").is_some_and(|(family, _)| has_letters(family));
    let is_address = address.split_once('$').is_some_and(|(street, place)| has_letters(street) && has_letters(place));
    let fits = track.chars().count() <= MAX_TRACK_1 && city.chars().count() <= CITY_LENGTH;
    fits && has_letters(city) && is_name && is_address
}

fn has_letters(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn is_track_2(track: &str) -> bool {
    let Some(body) = track.strip_prefix(";636028").and_then(|track| track.strip_suffix("=?")) else { return false };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_right = |(number, dates): (&str, &str)| {
        NUMBER_LENGTHS.contains(&number.len()) && dates.len() == 12 && is_digits(number) && is_digits(dates)
    };
    track.len() <= MAX_TRACK_2 && body.split_once('=').is_some_and(is_right)
}

fn is_track_3(track: &str) -> bool {
    let track = track.strip_prefix('_').unwrap_or(track);
    let length = track.len() - 1;
    if !track.is_ascii() || !(LEAST_TRACK_3..MAX_TRACK_3).contains(&length) {
        return false;
    }
    let bytes = track.as_bytes();
    let is_blank = |field: &[u8]| field.iter().all(|byte| *byte == b' ');
    // Identity cards have blanks for what describes the holder.
    let is_number = |field: &[u8]| is_blank(field) || field.trim_ascii().iter().all(u8::is_ascii_digit);
    let is_word = |field: &[u8]| is_blank(field) || field.iter().all(u8::is_ascii_uppercase);
    let is_postal = bytes[3..9]
        .iter()
        .enumerate()
        .all(|(at, byte)| if at % 2 == 0 { byte.is_ascii_uppercase() } else { byte.is_ascii_digit() });
    bytes[0] == b'%'
        && is_postal
        && is_blank(&bytes[9..14])
        && matches!(bytes[30], b'M' | b'F' | b'X')
        && is_number(&bytes[31..34])
        && is_number(&bytes[34..37])
        && is_word(&bytes[37..40])
        && is_word(&bytes[40..43])
        && is_number(&bytes[43..53])
}

/// A track up to its end sentinel, and what follows it.
fn split_track(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

/// Cuts a field of fixed width off the front.
fn take<'a>(text: &mut &'a str, width: usize) -> &'a str {
    let end = text.char_indices().nth(width).map_or(text.len(), |(at, _)| at);
    let (field, rest) = text.split_at(end);
    *text = rest;
    field
}

impl Stripe {
    fn set(&mut self, id: &'static str, value: &str) {
        if !value.trim().is_empty() {
            self.elements.add(ElementId::known(id), value);
        }
    }

    fn read_track_1(&mut self, track: &str) {
        let mut rest = track;
        let separator = track.char_indices().find(|(_, c)| *c == '^').map_or(track.len(), |(at, _)| at);
        let city = take(&mut rest, CITY_LENGTH.min(track[..separator].chars().count()));
        self.set("DAI", city);
        let mut fields = rest.strip_prefix('^').unwrap_or(rest).split('^');
        self.set("DAA", fields.next().unwrap_or_default());
        let mut lines = fields.next().unwrap_or_default().split('$');
        self.set("DAG", lines.next().unwrap_or_default());
        self.set("DAH", lines.next().unwrap_or_default());
    }

    /// Issuer and number, `=`, expiry as YYMM, birth as CCYYMMDD, and the digits of the number that did not fit.
    fn read_track_2(&mut self, track: &str) {
        let Some((mut account, mut rest)) = track.split_once('=') else { return };
        let iin = take(&mut account, 6);
        self.iin = (iin.len() == 6 && iin.bytes().all(|byte| byte.is_ascii_digit())).then(|| iin.to_owned());
        let (expiry, birth) = (take(&mut rest, 4), take(&mut rest, 8));
        let overflow = rest.trim_end_matches(['=', ' ']);
        self.set("DAQ", Personal::new(format!("{account}{overflow}")).reveal());
        self.set("DBB", birth);
        if let Some(day) = expiry_day(expiry, birth) {
            self.set("DBA", Personal::new(day.strftime("%Y%m%d").to_string()).reveal());
        }
    }

    fn read_track_3(&mut self, track: &str) {
        // A barcode marks the track with an underscore before the sentinel; the sentinel is any of several characters.
        let rest = track.trim_start_matches(['\r', '\n']);
        let mut rest = rest.strip_prefix('_').unwrap_or(rest);
        let _sentinel_and_versions = take(&mut rest, 3);
        for (id, width) in [
            ("DAK", 11),
            ("DAR", 2),
            ("DAS", 10),
            ("DAT", 4),
            ("DBC", 1),
            ("DAU", 3),
            ("DAW", 3),
            ("DAZ", 3),
            ("DAY", 3),
        ] {
            let value = take(&mut rest, width);
            self.set(id, value);
        }
    }
}

/// The last valid day of an expiry in year and month. Month 88 stands for the end of the month of birth and 99 for the
/// birthday; 77 says that the document does not expire, which is no day.
fn expiry_day(expiry: &str, birth: &str) -> Option<Date> {
    let number = |at: usize| expiry.get(at..at + 2)?.parse::<i8>().ok();
    let (year, month) = (2000 + i16::from(number(0)?), number(2)?);
    let birth = parse_date(birth).map(|(date, _)| date);
    match month {
        99 => birth.map(|birth| Date::new(year, birth.month(), birth.day()).unwrap_or_else(|_| end_of_february(year))),
        88 => Some(Date::new(year, birth?.month(), 1).ok()?.last_of_month()),
        _ => Some(Date::new(year, month, 1).ok()?.last_of_month()),
    }
}

/// A birthday on 29 February in a common year.
fn end_of_february(year: i16) -> Date {
    jiff::civil::date(year, 2, 1).last_of_month()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT_CITY: &str = "%TXAUSTIN^DOE$JOHN^12345 SHERBOURNE ST^?;63601538774194=150819810101?#\" 78729      C               1505130BLKBLK?";

    fn values(stripe: &Stripe, ids: &[&'static str]) -> Vec<String> {
        ids.iter().map(|id| stripe.elements.text(id).unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn the_three_tracks_are_read() {
        let stripe = read(SHORT_CITY).unwrap();
        assert_eq!(stripe.iin.as_deref(), Some("636015"));
        let ids = ["DAI", "DAA", "DAG", "DAQ", "DBA", "DBB", "DAK", "DBC", "DAU", "DAY"];
        let expected = "AUSTIN|DOE$JOHN|12345 SHERBOURNE ST|38774194|20150831|19810101|78729|1|505|BLK";
        assert_eq!(values(&stripe, &ids).join("|"), expected);
    }

    #[test]
    fn a_city_of_full_length_has_no_separator() {
        let stripe = read("%FLNORTH MIAMI BDOE$JANE^1 ROAD^?").unwrap();
        assert_eq!(values(&stripe, &["DAI", "DAA", "DAG"]), ["NORTH MIAMI B", "DOE$JANE", "1 ROAD"]);
    }

    #[test]
    fn a_barcode_of_british_columbia_is_read() {
        let text = "%BCVICTORIA^DOE,$JOHN PAUL^1 ROAD$VICTORIA BC  V8V 1V1^?;6360281234567=250619810131=?\
                    _%0AV8V1V1                     M183 82BRNBLU9876543210?";
        let stripe = read(text).unwrap();
        let ids = ["DAA", "DAQ", "DBA", "DAK", "DBC", "DAU", "DAW"];
        let expected = ["DOE,$JOHN PAUL", "1234567", "20250630", "V8V1V1", "M", "183", "82"];
        assert_eq!(values(&stripe, &ids), expected);
    }

    #[test]
    fn the_layouts_of_british_columbia_have_nothing_odd() {
        let blank = " ".repeat(21);
        let licence = format!(
            "%BCVICTORIA^EXEMPLAR,$ADA^18 SPECIMEN WAY$VICTORIA BC  V8V 1V1^?;6360281234567=310619810131=?\
             _%0AV8V1V1{blank}F165 62BRNBLU9876543210                E$''C(R2S6L?"
        );
        // The identity card has no caret before the first sentinel, nine digits, and nothing that describes the holder.
        let card = format!(
            "%BCVICTORIA^EXEMPLAR,$ADA^18 SPECIMEN WAY$VICTORIA BC V8V 1V1?;636028001234567=310619810131=?\
             _%0AV8V1V1{blank}F            9876543210                00C00015303?"
        );
        let long = licence.replace("VICTORIA^EXEMPLAR", "NEW WESTMINSTEXEMPLAR");
        for text in [&licence, &card, &long] {
            assert_eq!(read(text).unwrap().oddities, [""; 0], "{text}");
        }
        for (what, text) in [
            ("another province", licence.replace("%BC", "%AB")),
            ("another issuer", licence.replace("636028", "636014")),
            ("a number of another length", licence.replace("1234567=", "12345678=")),
            ("letters in the number", licence.replace("1234567=", "E123456=")),
            ("no third track", licence[..licence.find('_').unwrap()].to_owned()),
            ("a third track cut off", licence[..licence.len() - 1].to_owned()),
            ("another postal code", licence.replace("0AV8V1V1", "0A958140")),
            ("a missing column", licence.replace("F165", "F16")),
            ("no address", licence.replace("18 SPECIMEN WAY$VICTORIA BC  V8V 1V1", "")),
            ("a fourth track", format!("{licence};1=2?")),
        ] {
            assert_ne!(read(&text).unwrap().oddities, [""; 0], "{what}");
        }
    }

    #[test]
    fn an_expiry_may_refer_to_the_birthday() {
        let day = |text| expiry_day(text, "19810215").map(|day| day.to_string());
        assert_eq!(day("2599").as_deref(), Some("2025-02-15"));
        assert_eq!(day("2588").as_deref(), Some("2025-02-28"));
        assert_eq!(day("2577"), None);
    }

    #[test]
    fn other_text_is_no_stripe() {
        for text in ["", "%", "%B4111^DOE/JOHN^2512?", "%FL no separator", "@\nANSI"] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
