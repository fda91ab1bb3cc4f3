//! What a number says of its holder, for the issuers that encode name or birth in it.
//!
//! Sources, read on 22 November 2026: A. De Smet's pages on Florida, Illinois and Wisconsin, on Maryland, Michigan and
//! Minnesota, and on New Jersey; for Illinois also the newsgroup chi.general of November 1992; for Nova Scotia the
//! Registry of Motor Vehicles' page on master numbers; for Ontario reverseengineering.stackexchange.com, question 25693;
//! for Florida's change of 31 July 2024 its statute 322.14(1)(a) as a law office explains it. Minnesota's numbers since
//! December 2004 and New Hampshire's say nothing or have no source that is precise enough: not compared.
//!
//! Always holds: a number of another form than its issuer's gives no comparison. Sex is not compared: both of its codes
//! are accepted, because a sex on the card can be changed while the number stays.

use jiff::civil::Date;

use super::soundex::soundex;
use super::washington;

/// Whom the card is made out to.
#[derive(Debug)]
pub(in super::super) struct Holder<'a> {
    pub last: &'a str,
    pub first: Option<&'a str>,
    pub middle: Option<&'a str>,
    pub birth: Date,
    /// When the card was issued, as far as it says.
    pub issue: Option<Date>,
    /// Some issuers encode nothing in the numbers of their identity cards.
    pub is_license: bool,
}

/// What of a number fits the card; `None` for what the issuer does not encode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Comparison {
    pub name: Option<bool>,
    pub birth: Option<bool>,
    pub check_digit: Option<bool>,
    /// Whether the issuer has begun to give out numbers that say nothing: a replacement may have one beside an old date.
    pub is_renumbering: bool,
}

/// The day since which Florida's numbers end in four random digits.
const FLORIDA_RANDOM_SINCE: Date = jiff::civil::date(2024, 7, 31);

/// Compares a number, without separators and in capitals, with its holder; `None` when this issuer's numbers say nothing,
/// or when the number has not its form.
pub(in super::super) fn compare(code: &str, number: &str, holder: &Holder<'_>) -> Option<Comparison> {
    let number = number.as_bytes();
    match code {
        "FL" if holder.is_license && holder.issue.is_some_and(|issue| issue < FLORIDA_RANDOM_SINCE) => {
            let comparison = florida(number, holder, 13, 40, 500)?;
            Some(Comparison { is_renumbering: true, ..comparison })
        }
        "WI" => florida(number, holder, 14, 40, 500),
        "IL" => florida(number, holder, 12, 31, 600),
        "MD" | "MI" => {
            digits(number, 1..13)?;
            (number.len() == 13)
                .then(|| Comparison { name: Some(is_soundex(number, holder.last)), ..Comparison::default() })
        }
        "NJ" => {
            let [month, year] = pairs(number, 15, [10, 12])?;
            let birth = is_month(month, holder.birth) && is_year(year, holder.birth);
            Some(Comparison {
                name: Some(is_initial(number, holder.last)),
                birth: Some(birth),
                ..Comparison::default()
            })
        }
        "ON" => {
            let [year, month, day] = pairs(number, 15, [9, 11, 13])?;
            let birth = is_year(year, holder.birth) && is_month(month, holder.birth) && is_day(day, holder.birth);
            Some(Comparison {
                name: Some(is_initial(number, holder.last)),
                birth: Some(birth),
                ..Comparison::default()
            })
        }
        "NS" => nova_scotia(number, holder),
        "WA" => washington::compare(number, holder),
        _ => None,
    }
}

/// Letter and Soundex of the family name, three digits for the other names, two of the year, and a number for the day:
/// months of `month_days` days, with `other_sex` more for women.
fn florida(number: &[u8], holder: &Holder<'_>, length: usize, month_days: u16, other_sex: u16) -> Option<Comparison> {
    digits(number, 1..length)?;
    let lengths_fit = number.len() == length || (length == 12 && number.len() == 13);
    let year = u16::try_from(digits(number, 7..9)?).ok()?;
    let day = u16::try_from(digits(number, 9..12)?).ok()?;
    let month = u16::try_from(holder.birth.month()).ok()?;
    let expected = (month - 1) * month_days + u16::try_from(holder.birth.day()).ok()?;
    let birth = is_year(year, holder.birth) && (day == expected || day == expected + other_sex);
    let name = is_soundex(number, holder.last);
    lengths_fit.then_some(Comparison { name: Some(name), birth: Some(birth), ..Comparison::default() })
}

/// At most five letters of the family name, day, month and year, and three digits.
fn nova_scotia(number: &[u8], holder: &Holder<'_>) -> Option<Comparison> {
    let letters = number.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let [day, month, year] = pairs(number.get(letters..)?, 9, [0, 2, 4])?;
    let birth = is_day(day, holder.birth) && is_month(month, holder.birth) && is_year(year, holder.birth);
    let name = (1..=5).contains(&letters) && capitals(holder.last).take(5).eq(number[..letters].iter().copied());
    Some(Comparison { name: Some(name), birth: Some(birth), ..Comparison::default() })
}

/// The letters of a name, as capitals.
pub(super) fn capitals(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().map(|byte| byte.to_ascii_uppercase()).filter(u8::is_ascii_uppercase)
}

/// The number in some places, when all of them are digits.
fn digits(number: &[u8], places: std::ops::Range<usize>) -> Option<u64> {
    let digits = number.get(places)?;
    digits.iter().try_fold(0_u64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

/// Two-digit numbers at some places of a number of the given length.
fn pairs<const N: usize>(number: &[u8], length: usize, places: [usize; N]) -> Option<[u16; N]> {
    let mut found = [0; N];
    for (pair, place) in found.iter_mut().zip(places) {
        *pair = u16::try_from(digits(number, place..place + 2)?).ok()?;
    }
    (number.len() == length).then_some(found)
}

fn is_year(year: u16, birth: Date) -> bool {
    i32::from(year) == i32::from(birth.year().rem_euclid(100))
}

/// The month, with 50 more for women.
fn is_month(month: u16, birth: Date) -> bool {
    i32::from(month % 50) == i32::from(birth.month())
}

fn is_day(day: u16, birth: Date) -> bool {
    i32::from(day) == i32::from(birth.day())
}

fn is_initial(number: &[u8], last: &str) -> bool {
    capitals(last).next().is_some_and(|letter| number.first() == Some(&letter))
}

fn is_soundex(number: &[u8], last: &str) -> bool {
    [false, true].into_iter().filter_map(|rule| soundex(last, rule)).any(|code| number.starts_with(&code))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn holder(last: &'static str, birth: Date) -> Holder<'static> {
        Holder {
            last,
            first: Some("JOHN"),
            middle: Some("BENNETT"),
            birth,
            issue: Some(date(2020, 1, 1)),
            is_license: true,
        }
    }

    fn seen(code: &str, number: &str, holder: &Holder<'_>) -> Option<(Option<bool>, Option<bool>)> {
        compare(code, number, holder).map(|comparison| (comparison.name, comparison.birth))
    }

    #[test]
    fn numbers_made_by_the_published_rules_fit_their_holders() {
        let smith = holder("SMITH", date(1991, 2, 27));
        for (code, number) in [
            ("FL", "S530429910670"),
            ("FL", "S530429915670"),
            ("WI", "S5304299106702"),
            ("IL", "S53042991058"),
            ("IL", "S53042991658"),
            ("NJ", "S53040000002914"),
            ("NJ", "S53040000052914"),
            ("ON", "S12345678910227"),
            ("ON", "S12345678915227"),
            ("NS", "SMITH270291001"),
        ] {
            assert_eq!(seen(code, number, &smith), Some((Some(true), Some(true))), "{code} {number}");
        }
        assert_eq!(seen("MI", "S530429085151", &smith), Some((Some(true), None)));
    }

    #[test]
    fn a_number_of_somebody_else_does_not_fit() {
        let smith = holder("SMITH", date(1991, 2, 27));
        for (code, number) in [
            ("FL", "J525429900670"),
            ("IL", "J52542991059"),
            ("NJ", "J53040000003914"),
            ("ON", "J12345678910228"),
            ("NS", "JONES280291001"),
        ] {
            assert_eq!(seen(code, number, &smith), Some((Some(false), Some(false))), "{code} {number}");
        }
    }

    #[test]
    fn a_short_name_and_one_with_an_apostrophe_fit() {
        assert_eq!(seen("NS", "LEE270291001", &holder("LEE", date(1991, 2, 27))), Some((Some(true), Some(true))));
        assert_eq!(seen("MD", "O600429085151", &holder("O'HARA", date(1991, 2, 27))), Some((Some(true), None)));
    }

    #[test]
    fn what_says_nothing_is_not_compared() {
        let smith = holder("SMITH", date(1991, 2, 27));
        for (code, number) in [("CA", "S1234567"), ("FL", "S5304299"), ("IL", "53042991058S"), ("ON", ""), ("NS", "1")]
        {
            assert_eq!(seen(code, number, &smith), None, "{code} {number}");
        }
        let card = Holder { is_license: false, ..holder("SMITH", date(1991, 2, 27)) };
        let recent = Holder { issue: Some(date(2024, 7, 31)), ..smith };
        assert_eq!((seen("FL", "S530429910670", &card), seen("FL", "S530429910670", &recent)), (None, None));
    }
}
