//! Who may issue a document, and whose national its holder may be: the codes of ICAO Doc 9303 part 3, section 5.
//!
//! Always holds: a code that is in doubt or not stated is not judged. That a code is listed says little for a document:
//! anybody can write it. Does not know which of them issue documents of which kind.

use crate::document::check::{Check, CheckResult, CheckStrength};
use crate::document::fields::Fields;

/// The check whether the issuing state or organisation is one that there is.
pub const ISSUING_STATE: &str = "issuing_state_known";
/// The check whether the nationality is one that there is.
pub const NATIONALITY: &str = "nationality_known";
/// The check whether the document is a specimen of Utopia, the state that the standard invented for its examples.
pub const SPECIMEN: &str = "specimen";

/// The code of Utopia.
const UTOPIA: &str = "UTO";

/// ISO 3166-1 alpha-3, its 249 officially assigned codes as of 2026.
const STATES: &str = "\
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH \
    BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB \
    CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO \
    GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN \
    IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA \
    MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER \
    NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU \
    RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA \
    TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT \
    WLF WSM YEM ZAF ZMB ZWE";

/// What Doc 9303 part 3, section 5, 8th edition 2021, has besides: Germany and the Republic of Kosovo, kinds of British
/// nationals, the European Union, the United Nations, other organisations that issue documents, and Utopia.
const OTHERS: &str = "\
    D RKS GBD GBN GBO GBP GBS EUE UNO UNA UNK \
    XBA XCC XCE XCO XDC XEC XES XIM XMP XOM XPO UTO";

/// Stateless persons, refugees and persons of unspecified nationality (the same section): nobody issues documents as these.
const NO_STATE: &str = "XXA XXB XXC XXX";

fn is_in(list: &str, code: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == code)
}

/// Whether a state or organisation of this code issues documents, Utopia among them.
pub(super) fn is_issuer(code: &str) -> bool {
    is_in(STATES, code) || is_in(OTHERS, code)
}

/// Judges the codes that a zone states; those that are missing or in doubt do not apply.
///
/// An unlisted issuer fails: the list is closed, so that no genuine document has another, and one that was misread is in
/// doubt. An unlisted nationality flags: issuers write that of others, and now and then one that no longer is. A specimen
/// flags, whose weight the policy decides on.
pub(super) fn state_checks(fields: &Fields) -> [Check; 3] {
    let judge = |name, code: Option<&str>, is_listed: fn(&str) -> bool, otherwise| {
        let (result, detail) = match code {
            None => (CheckResult::NotApplicable, "not stated, or not read with certainty".to_owned()),
            Some(code) if is_listed(code) => (CheckResult::Pass, format!("{code} is listed")),
            Some(code) => (otherwise, format!("{code} is no code of Doc 9303 part 3, section 5")),
        };
        let passed = CheckStrength::Weak;
        let check = Check::new(name, result, detail);
        if result == CheckResult::Pass { check.with_strength(passed) } else { check }
    };
    let issuer = fields.issuing_state.as_deref();
    let nationality = fields.nationality.as_ref().map(|code| code.reveal().as_str());
    let is_national = |code: &str| is_issuer(code) || is_in(NO_STATE, code);
    let (result, detail) = match (issuer, nationality) {
        (Some(UTOPIA), _) => (CheckResult::Flag, "issued by Utopia, the state of specimens"),
        (_, Some(UTOPIA)) => (CheckResult::Flag, "of a national of Utopia, the state of specimens"),
        (None, None) => (CheckResult::NotApplicable, "neither issuer nor nationality is known"),
        _ => (CheckResult::Pass, "not of Utopia"),
    };
    let strength = if result == CheckResult::Flag { CheckStrength::Strong } else { CheckStrength::Weak };
    [
        judge(ISSUING_STATE, issuer, is_issuer, CheckResult::Fail),
        judge(NATIONALITY, nationality, is_national, CheckResult::Flag),
        Check::new(SPECIMEN, result, detail).with_strength(strength),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::Personal;

    fn results(issuer: &str, nationality: &str) -> [(CheckResult, CheckStrength); 3] {
        let code = |code: &str| (!code.is_empty()).then(|| code.to_owned());
        let (issuing_state, nationality) = (code(issuer), code(nationality).map(Personal::new));
        let fields = Fields { nationality, issuing_state, ..Fields::default() };
        state_checks(&fields).map(|check| (check.result, check.strength))
    }

    #[test]
    fn every_code_stands_once_and_has_its_form() {
        let all: Vec<&str> = [STATES, OTHERS, NO_STATE].into_iter().flat_map(str::split_ascii_whitespace).collect();
        let mut unique = all.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!((STATES.split_ascii_whitespace().count(), unique.len()), (249, all.len()));
        assert!(all.iter().all(|code| *code == "D" || code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())));
    }

    #[test]
    fn an_invented_issuer_fails_and_an_invented_nationality_flags() {
        let [issuer, nationality, _] = results("QZV", "QZV");
        assert_eq!(issuer, (CheckResult::Fail, CheckStrength::Strong));
        assert_eq!(nationality, (CheckResult::Flag, CheckStrength::Moderate));
        for code in ["USA", "D", "RKS", "EUE", "UNO", "XPO", "GBN"] {
            assert!(results(code, code)[..2].iter().all(|(result, _)| *result == CheckResult::Pass), "{code}");
        }
    }

    #[test]
    fn a_person_may_be_stateless_and_an_issuer_may_not() {
        let [issuer, nationality, _] = results("XXA", "XXA").map(|(result, _)| result);
        assert_eq!((issuer, nationality), (CheckResult::Fail, CheckResult::Pass));
    }

    #[test]
    fn a_specimen_is_told_by_issuer_or_nationality() {
        for (issuer, nationality) in [("UTO", "UTO"), ("UTO", "USA"), ("USA", "UTO"), ("", "UTO")] {
            assert_eq!(results(issuer, nationality)[2], (CheckResult::Flag, CheckStrength::Strong));
        }
        assert_eq!(results("USA", "FRA")[2].0, CheckResult::Pass);
    }

    #[test]
    fn what_is_not_stated_or_in_doubt_is_not_judged() {
        assert!(results("", "").iter().all(|(result, _)| *result == CheckResult::NotApplicable));
        assert_eq!(results("FRA", "")[1].0, CheckResult::NotApplicable);
    }
}
