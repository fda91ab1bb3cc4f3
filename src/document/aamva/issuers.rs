//! Who issues licences: the Issuer Identification Numbers of AAMVA's members.
//!
//! Source: AAMVA, 'Issuer Identification Numbers (IIN)', the list that the DL/ID Card Design Standard refers to in its
//! annex D for the header of the barcode. Numbers are never reused, so an unknown one means a new issuer or a made-up one.
//! Does not hold the letters that older cards used for the same place, except those in [`Issuer::is_called`].

/// One issuing authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issuer {
    /// Issuer Identification Number, six digits.
    pub iin: u32,
    /// Two-letter code of the state, province or territory; `None` for the State Department.
    pub code: Option<&'static str>,
    /// Name of the place.
    pub name: &'static str,
    /// Country, three letters.
    pub country: &'static str,
}

impl Issuer {
    /// The issuer with this number, if AAMVA lists it.
    #[must_use]
    pub fn by_iin(iin: &str) -> Option<&'static Self> {
        let number: u32 = iin.parse().ok()?;
        ISSUERS.iter().find(|issuer| issuer.iin == number)
    }

    /// The issuer with this two-letter code, in its present or an older spelling.
    #[must_use]
    pub fn by_code(code: &str) -> Option<&'static Self> {
        ISSUERS.iter().find(|issuer| issuer.is_called(code))
    }

    /// Whether an address may call this place so. Cards of Newfoundland and Quebec also carry their former letters.
    #[must_use]
    pub fn is_called(&self, code: &str) -> bool {
        let former = match self.code {
            Some("NL") => Some("NF"),
            Some("QC") => Some("PQ"),
            _ => None,
        };
        self.code == Some(code) || former == Some(code)
    }
}

const fn usa(iin: u32, code: &'static str, name: &'static str) -> Issuer {
    Issuer { iin, code: Some(code), name, country: "USA" }
}

const fn canada(iin: u32, code: &'static str, name: &'static str) -> Issuer {
    Issuer { iin, code: Some(code), name, country: "CAN" }
}

const fn mexico(iin: u32, code: &'static str, name: &'static str) -> Issuer {
    Issuer { iin, code: Some(code), name, country: "MEX" }
}

/// Every issuer that AAMVA lists, by number.
pub const ISSUERS: &[Issuer] = &[
    canada(604_426, "PE", "Prince Edward Island"),
    usa(604_427, "AS", "American Samoa"),
    canada(604_428, "QC", "Quebec"),
    canada(604_429, "YT", "Yukon"),
    usa(604_430, "MP", "Northern Mariana Islands"),
    usa(604_431, "PR", "Puerto Rico"),
    canada(604_432, "AB", "Alberta"),
    canada(604_433, "NU", "Nunavut"),
    canada(604_434, "NT", "Northwest Territories"),
    usa(636_000, "VA", "Virginia"),
    usa(636_001, "NY", "New York"),
    usa(636_002, "MA", "Massachusetts"),
    usa(636_003, "MD", "Maryland"),
    usa(636_004, "NC", "North Carolina"),
    usa(636_005, "SC", "South Carolina"),
    usa(636_006, "CT", "Connecticut"),
    usa(636_007, "LA", "Louisiana"),
    usa(636_008, "MT", "Montana"),
    usa(636_009, "NM", "New Mexico"),
    usa(636_010, "FL", "Florida"),
    usa(636_011, "DE", "Delaware"),
    canada(636_012, "ON", "Ontario"),
    canada(636_013, "NS", "Nova Scotia"),
    usa(636_014, "CA", "California"),
    usa(636_015, "TX", "Texas"),
    canada(636_016, "NL", "Newfoundland and Labrador"),
    canada(636_017, "NB", "New Brunswick"),
    usa(636_018, "IA", "Iowa"),
    usa(636_019, "GU", "Guam"),
    usa(636_020, "CO", "Colorado"),
    usa(636_021, "AR", "Arkansas"),
    usa(636_022, "KS", "Kansas"),
    usa(636_023, "OH", "Ohio"),
    usa(636_024, "VT", "Vermont"),
    usa(636_025, "PA", "Pennsylvania"),
    usa(636_026, "AZ", "Arizona"),
    Issuer { iin: 636_027, code: None, name: "State Department", country: "USA" },
    canada(636_028, "BC", "British Columbia"),
    usa(636_029, "OR", "Oregon"),
    usa(636_030, "MO", "Missouri"),
    usa(636_031, "WI", "Wisconsin"),
    usa(636_032, "MI", "Michigan"),
    usa(636_033, "AL", "Alabama"),
    usa(636_034, "ND", "North Dakota"),
    usa(636_035, "IL", "Illinois"),
    usa(636_036, "NJ", "New Jersey"),
    usa(636_037, "IN", "Indiana"),
    usa(636_038, "MN", "Minnesota"),
    usa(636_039, "NH", "New Hampshire"),
    usa(636_040, "UT", "Utah"),
    usa(636_041, "ME", "Maine"),
    usa(636_042, "SD", "South Dakota"),
    usa(636_043, "DC", "District of Columbia"),
    canada(636_044, "SK", "Saskatchewan"),
    usa(636_045, "WA", "Washington"),
    usa(636_046, "KY", "Kentucky"),
    usa(636_047, "HI", "Hawaii"),
    canada(636_048, "MB", "Manitoba"),
    usa(636_049, "NV", "Nevada"),
    usa(636_050, "ID", "Idaho"),
    usa(636_051, "MS", "Mississippi"),
    usa(636_052, "RI", "Rhode Island"),
    usa(636_053, "TN", "Tennessee"),
    usa(636_054, "NE", "Nebraska"),
    usa(636_055, "GA", "Georgia"),
    mexico(636_056, "CU", "Coahuila"),
    mexico(636_057, "HL", "Hidalgo"),
    usa(636_058, "OK", "Oklahoma"),
    usa(636_059, "AK", "Alaska"),
    usa(636_060, "WY", "Wyoming"),
    usa(636_061, "WV", "West Virginia"),
    usa(636_062, "VI", "Virgin Islands"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_listed_once_and_in_order() {
        assert!(ISSUERS.windows(2).all(|pair| pair[0].iin < pair[1].iin));
    }

    #[test]
    fn every_state_the_district_and_every_province_is_listed() {
        let count = |country| ISSUERS.iter().filter(|issuer| issuer.country == country).count();
        // 50 states, DC, five territories and the State Department; ten provinces and three territories.
        assert_eq!((count("USA"), count("CAN"), count("MEX")), (57, 13, 2));
    }

    #[test]
    fn none_of_them_is_left_out() {
        let places = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH \
                      OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI \
                      AB BC MB NB NL NS NT NU ON PE QC SK YT";
        for code in places.split_whitespace() {
            assert!(Issuer::by_code(code).is_some(), "{code}");
        }
    }

    #[test]
    fn former_letters_of_a_province_find_it() {
        assert_eq!(Issuer::by_code("NF"), Issuer::by_iin("636016"));
        assert_eq!(Issuer::by_code("PQ"), Issuer::by_code("QC"));
        assert_eq!(Issuer::by_code("XX"), None);
    }
}
