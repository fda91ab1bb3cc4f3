//! The text of a magnetic stripe in a barcode.
//!
//! Only British Columbia is known to put the three tracks of a stripe into its PDF417 symbol. Most checks of elements do
//! not apply to them, so that the tracks have to be laid out to the letter: what anybody can write in a line is no card.
//! Source: the layout as the province's own reader of its cards documents it (bcgov, `bc-wallet-mobile`), and annex F of
//! the AAMVA standards (magnetic stripe) for the widths. Does not judge what the tracks say; the other checks do.

use super::super::{AamvaDocument, Format};
use super::{PayloadOrigin, fail, flag, not_applicable, pass};
use crate::document::Check;
use crate::document::CheckStrength::{Moderate, Weak};

/// Whether the tracks are those of British Columbia. From elsewhere they may have come out of a stripe of anybody's, which
/// is no barcode, and whose reader may have left out a track.
pub(super) fn stripe_tracks(document: &AamvaDocument, origin: PayloadOrigin) -> Check {
    const NAME: &str = "stripe_tracks";
    if document.format != Format::MagneticStripe {
        return not_applicable(NAME, "no magnetic stripe's text");
    }
    let odd = document.structure.stripe_oddities.join("; ");
    match (origin, odd.is_empty()) {
        (_, true) => pass(NAME, Moderate, "three tracks as British Columbia writes them"),
        (PayloadOrigin::Symbol, false) => fail(NAME, odd),
        (PayloadOrigin::Elsewhere, false) => flag(NAME, Weak, odd),
    }
}
