//! Whether elements that are there say anything: a form that was filled in by hand leaves blanks, or writes NONE.
//!
//! Source: annex D lets NONE and unavl stand for a value that there is not, and issuers use both, but not for everything:
//! what they do leave out is by payloads of theirs that public parsers carry as tests. Does not look at what values are.

use super::super::AamvaDocument;
use super::super::editions::Edition;
use super::super::elements::ElementId;
use super::{fail, flag, pass};
use crate::document::Check;
use crate::document::CheckStrength::{Moderate, Strong, Weak};

/// What every card says of its holder, with what early cards have in its place: sex, street, city, and state.
const NEVER_BLANK: [[&str; 2]; 4] = [["DBC", "DBC"], ["DAG", "DAL"], ["DAI", "DAN"], ["DAJ", "DAO"]];

/// So many of them without a value are nobody's card.
const TOO_MANY: usize = 3;

/// Elements that editions demand and that issuers do leave blank, or write NONE into: middle name, class, restrictions,
/// endorsements, their letters of the first edition, and the flags of names, which have a check of their own.
const MAY_BE_BLANK: [&str; 11] = ["DAD", "DCT", "DCA", "DCB", "DCD", "DAR", "DAS", "DAT", "DDE", "DDF", "DDG"];

/// The document discriminator: payloads of Maine, Arkansas and New York have none.
const OFTEN_BLANK: &str = "DCF";

/// Elements that are judged apart from the others that an edition demands.
const COUNTED_APART: [&str; 11] = ["DAQ", "DBB", "DBA", "DCS", "DAA", "DAC", "DBC", "DAG", "DAI", "DAJ", "DCG"];

/// Number, birth, expiry and family name are what a card is for. Sex, address and country always have a value; of the
/// other elements one may have none (Texas: date of issue), but no issuer is known to leave out two.
pub(super) fn stated_values(document: &AamvaDocument) -> Check {
    const NAME: &str = "stated_values";
    let elements = &document.elements;
    let deciding = ["DAQ", "DBB", "DBA"].into_iter().filter(|id| elements.stated(id).is_none());
    let nameless = document.fields.last_name.is_none().then_some("the family name");
    let unsaid: Vec<&str> = deciding.chain(nameless).collect();
    if !unsaid.is_empty() {
        return fail(NAME, format!("{} has no value", unsaid.join(", ")));
    }
    let of_holder =
        NEVER_BLANK.iter().filter(|ids| ids.iter().all(|id| elements.stated(id).is_none())).map(|ids| ids[0]);
    let country = ["DCG"].into_iter().filter(|id| is_blank(document, id));
    let never: Vec<&str> = of_holder.chain(country).collect();
    let seldom = seldom_blank(document);
    let detail = format!("without a value: {}", [never.as_slice(), seldom.as_slice()].concat().join(", "));
    match (never.len(), seldom.len()) {
        (0, 0) => pass(NAME, Weak, "what every card states has a value"),
        (TOO_MANY.., _) => fail(NAME, detail),
        (0, 1) if seldom == [OFTEN_BLANK] => flag(NAME, Weak, detail),
        (0, 1) => flag(NAME, Moderate, detail),
        _ => flag(NAME, Strong, detail),
    }
}

/// Elements that are there without a value, though the edition demands them and all issuers but a few fill them; and the
/// given names, which only people with one name lack.
fn seldom_blank(document: &AamvaDocument) -> Vec<&'static str> {
    let nameless = document.fields.first_name.is_none().then_some("the given names");
    let edition = document.version.map(Edition::judging);
    let demanded = edition.into_iter().flat_map(Edition::mandatory_names);
    let counts = |id: &&str| !MAY_BE_BLANK.contains(id) && !COUNTED_APART.contains(id);
    nameless.into_iter().chain(demanded.filter(counts).filter(|id| is_blank(document, id))).collect()
}

/// Whether an element is there, but says nothing.
fn is_blank(document: &AamvaDocument, id: &'static str) -> bool {
    document.elements.contains(ElementId::known(id)) && document.elements.stated(id).is_none()
}
