//! The editions of the standard: which header version belongs to which year and what each demands.
//!
//! Source: AAMVA DL/ID-2000; DL/ID Card Design Specification 2003 and 2005; DL/ID Card Design Standard 2009 to 2025,
//! annex D, tables of mandatory and optional data elements. Of the optional elements it holds only which editions have them.

use super::elements::ElementId;

/// Newest header version that this program knows: the 2025 edition.
pub const NEWEST_VERSION: u8 = 11;

/// What one edition demands of the barcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    /// Version number in the header.
    pub version: u8,
    /// Year of publication.
    pub year: u16,
    /// Elements that licences and identity cards must carry.
    mandatory: &'static [&'static str],
    /// Elements that licences must carry besides.
    mandatory_on_licenses: &'static [&'static str],
}

impl Edition {
    /// The edition of a header version; `None` for version 0, which is older than any edition, and for newer ones.
    #[must_use]
    pub fn of_version(version: u8) -> Option<&'static Self> {
        EDITIONS.iter().find(|edition| edition.version == version)
    }

    /// The edition that a card with this header version is judged by: version 0 by the first, versions that are newer than
    /// any known by the newest.
    #[must_use]
    pub fn judging(version: u8) -> &'static Self {
        let last = &EDITIONS[EDITIONS.len() - 1];
        EDITIONS.iter().find(|edition| edition.version >= version).unwrap_or(last)
    }

    /// The year in which the next edition was published; `None` for the newest.
    #[must_use]
    pub fn superseded_in(&self) -> Option<u16> {
        EDITIONS.iter().find(|edition| edition.version > self.version).map(|edition| edition.year)
    }

    /// Elements that this edition demands of a licence or of an identity card.
    pub fn mandatory(&self, is_license: bool) -> impl Iterator<Item = ElementId> + '_ {
        let extra = if is_license { self.mandatory_on_licenses } else { &[] };
        self.mandatory.iter().chain(extra).map(|id| ElementId::known(id))
    }

    /// Elements that this edition demands of licences and identity cards alike, by name.
    pub(super) fn mandatory_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.mandatory.iter().copied()
    }

    /// Whether this edition has an element, mandatory or optional; what no edition knows is the issuer's own affair.
    #[must_use]
    pub fn may_have(&self, id: ElementId) -> bool {
        let is_in = |list: &[&str]| list.contains(&id.as_str());
        match self.version {
            1 => !matches!(id.as_str().as_bytes(), [b'D', b'C' | b'D', _]),
            2 | 3 => !is_in(ONLY_2000) && !is_in(SINCE_2009),
            _ => !is_in(ONLY_2000) && id != ElementId::known("DCT"),
        }
    }

    /// Whether this edition puts the year first in the dates of cards from the United States.
    #[must_use]
    pub fn puts_year_first_in_usa(&self) -> bool {
        self.version <= 1
    }
}

/// DL/ID-2000 names the holder in one element and has its own letters for class, restrictions and endorsements.
const MANDATORY_2000: &[&str] = &["DAA", "DAG", "DAI", "DAJ", "DAK", "DAQ", "DBA", "DBB", "DBC", "DBD"];
const MANDATORY_2000_LICENSE: &[&str] = &["DAR", "DAS", "DAT"];

/// From 2003 to 2005 all given names stand in one element.
const MANDATORY_2003: &[&str] =
    &["DBA", "DCS", "DCT", "DBD", "DBB", "DBC", "DAY", "DAU", "DAG", "DAI", "DAJ", "DAK", "DAQ", "DCF", "DCG"];

/// From 2009 given names are apart and each name says whether it was cut short.
const MANDATORY_2009: &[&str] = &[
    "DBA", "DCS", "DAC", "DAD", "DBD", "DBB", "DBC", "DAY", "DAU", "DAG", "DAI", "DAJ", "DAK", "DAQ", "DCF", "DCG",
    "DDE", "DDF", "DDG",
];
const MANDATORY_LICENSE: &[&str] = &["DCA", "DCB", "DCD"];

/// What only DL/ID-2000 has: names in one element or in its own parts, the residence address, its letters for class,
/// restrictions and endorsements, and what the holder wished to say.
const ONLY_2000: &[&str] = &[
    "DAA", "DAB", "DAE", "DAF", "DAL", "DAM", "DAN", "DAO", "DAP", "DAR", "DAS", "DAT", "DAV", "DBE", "DBF", "DBH",
    "DBI", "DBJ", "DBK", "DBL", "DBM", "DBO", "DBP", "DBQ", "DBR",
];

/// What came with the 2009 edition and later: truncation flags, under-age dates, donor and veteran.
const SINCE_2009: &[&str] = &["DDE", "DDF", "DDG", "DDH", "DDI", "DDJ", "DDK", "DDL"];

const fn edition(version: u8, year: u16) -> Edition {
    let (mandatory, mandatory_on_licenses) = match version {
        1 => (MANDATORY_2000, MANDATORY_2000_LICENSE),
        2 | 3 => (MANDATORY_2003, MANDATORY_LICENSE),
        _ => (MANDATORY_2009, MANDATORY_LICENSE),
    };
    Edition { version, year, mandatory, mandatory_on_licenses }
}

const EDITIONS: &[Edition] = &[
    edition(1, 2000),
    edition(2, 2003),
    edition(3, 2005),
    edition(4, 2009),
    edition(5, 2010),
    edition(6, 2011),
    edition(7, 2012),
    edition(8, 2013),
    edition(9, 2016),
    edition(10, 2020),
    edition(NEWEST_VERSION, 2025),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_from_one_to_the_newest_has_an_edition() {
        assert!((1..=NEWEST_VERSION).all(|version| Edition::of_version(version).is_some()));
        assert_eq!((Edition::of_version(0), Edition::of_version(NEWEST_VERSION + 1)), (None, None));
        let judged_by = |version| Edition::judging(version).version;
        assert_eq!([0, 1, 7, NEWEST_VERSION + 1].map(judged_by), [1, 1, 7, NEWEST_VERSION]);
        let superseded = |version| Edition::judging(version).superseded_in();
        assert_eq!((superseded(0), superseded(9), superseded(NEWEST_VERSION)), (Some(2003), Some(2020), None));
    }

    #[test]
    fn an_edition_has_its_own_elements_and_not_those_of_others() {
        let may = |version, id| Edition::of_version(version).unwrap().may_have(ElementId::known(id));
        assert!(may(1, "DAA") && may(1, "DAR") && !may(1, "DCS") && !may(1, "DDE"));
        assert!(may(3, "DCT") && !may(3, "DAA") && !may(3, "DDE"));
        assert!(may(10, "DAC") && !may(10, "DCT") && !may(10, "DAS"));
        assert!((1..=NEWEST_VERSION).all(|version| may(version, "DAQ") && may(version, "DBB") && may(version, "ZVA")));
    }

    #[test]
    fn no_edition_demands_what_it_does_not_have() {
        for edition in EDITIONS {
            assert!(edition.mandatory(true).all(|id| edition.may_have(id)), "{}", edition.version);
        }
    }

    #[test]
    fn an_identity_card_needs_no_vehicle_class() {
        let edition = Edition::of_version(10).unwrap();
        let class = ElementId::known("DCA");
        assert!(edition.mandatory(true).any(|id| id == class));
        assert!(!edition.mandatory(false).any(|id| id == class));
    }
}
