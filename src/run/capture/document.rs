//! Reading a document that is being held up, frame by frame, whichever side comes first.
//!
//! The barcode is looked for anywhere in the frame. Print and portrait are read only inside the outline of a card or page:
//! a face beside or behind the card must never be taken for its portrait. Always holds: a verdict against a document
//! rests on two readings of its front, because one may be misread, and so does everything about a card that only its print
//! speaks for; what was read is kept in memory only. Does not judge:
//! the session does, and is asked here only whether reading on can help.

use super::Look;
use crate::document::{Agreement, Fields, TextLine, read_european_licence};
use crate::imaging::{
    CardOutline, Frame, Gray, ID1_ASPECT, Provenance, QuarterTurns, Rgb, TD3_ASPECT, crop, exposure, focus, glare,
    lay_flat, locate_card, motion, resize, rotate_quarter,
};
use crate::liveness::Template;
use crate::run::document_reading::{Encoded, document_evidence, printed_lines};
use crate::run::vision::{Vision, VisionError};
use crate::session::machine::DocumentSeen;
use crate::session::{
    DocumentSide, DocumentVerdict, EncodedSource, Hint, ModelDigests, document_findings, document_verdict,
};

/// Width to which a card is laid flat, in pixels: about what a 1080p camera gives of a card that fills two thirds.
const FLAT_WIDTH: usize = 1280;
/// Least width of a card in the frame, in pixels: below it the print is too small to read.
const LEAST_CARD_WIDTH: f32 = 560.0;
/// Most motion between two frames (see [`motion`]) of a document that is held still.
const STILL: f32 = 0.02;
/// Least sharpness (see [`focus`]) inside the outline.
const LEAST_SHARPNESS: f32 = 0.02;
/// Largest share of the card that a reflection may cover.
const MOST_GLARE: f32 = 0.04;
/// Mean brightness (0…1) below and above which nothing can be read.
const BRIGHTNESS: std::ops::Range<f32> = 0.12..0.92;
/// Readings of the front after which the best one counts.
const MOST_FRONT_READINGS: usize = 4;
/// Readings of the front that a verdict against the document needs.
const READINGS_AGAINST: usize = 2;
/// Width of the picture that motion is measured on, in pixels.
const MOTION_WIDTH: usize = 160;
/// One in so many frames of a side without portrait and barcode is searched for a zone, which costs most.
const ZONE_EVERY: usize = 3;

/// A front as it was read.
struct Front {
    lines: Vec<TextLine>,
    portrait: Template,
}

/// What a card says that only its print speaks for.
struct PrintOnly {
    fields: Fields,
    /// Whether two readings in a row said the same: nothing else would show a misread digit.
    confirmed: bool,
}

/// Reads one document.
pub(in crate::run) struct DocumentCapture {
    encoded: Option<Encoded>,
    print_only: Option<PrintOnly>,
    /// Whether a back without a code was seen since the front was read: the front may tell why.
    back_had_no_code: bool,
    front: Option<Front>,
    readings: usize,
    backs: usize,
    provenance: Option<Provenance>,
    last: Option<Gray>,
}

/// What one frame brought.
#[derive(Default)]
pub(in crate::run) struct DocumentStep {
    /// What would help.
    pub hint: Option<Hint>,
    /// A side that was read now for the first time.
    pub side: Option<DocumentSide>,
    /// The whole document, once enough of it was read.
    pub seen: Option<Box<DocumentSeen>>,
}

impl DocumentCapture {
    pub(in crate::run) fn new() -> Self {
        Self {
            encoded: None,
            print_only: None,
            back_had_no_code: false,
            front: None,
            readings: 0,
            backs: 0,
            provenance: None,
            last: None,
        }
    }

    /// Looks at one frame. Reading print takes a second: `reads` is called just before.
    pub(in crate::run) fn observe(
        &mut self,
        frame: &Frame,
        vision: &mut Vision,
        look: &Look,
        reads: impl FnOnce(),
    ) -> Result<DocumentStep, VisionError> {
        let gray = frame.image.to_gray();
        let light = exposure(&gray);
        if !BRIGHTNESS.contains(&light.mean) {
            let hint = if light.mean < BRIGHTNESS.start { Hint::MoreLight } else { Hint::LessLight };
            return Ok(DocumentStep { hint: Some(hint), ..DocumentStep::default() });
        }
        let moved = self.motion(&gray);
        let mut step = DocumentStep::default();
        if self.encoded.is_none()
            && let Some((encoded, _)) = Encoded::of_symbols(&vision.read_barcodes(&gray)?, look.days.latest)
        {
            self.take_encoded(encoded, frame.provenance);
            step.side = Some(DocumentSide::Back);
            // What the barcode does not say stands on the other side.
            step.seen = self.complete(vision, look);
            return Ok(step);
        }
        step.hint = match Self::find_card(&gray, moved) {
            Err(hint) => Some(hint),
            Ok(card) => {
                let had_front = self.front.is_some();
                let hint = self.read_card(frame, &card, vision, look, reads)?;
                if self.front.is_some() && !had_front && self.print_only.is_none() {
                    step.side = Some(DocumentSide::Front);
                }
                hint
            }
        };
        step.seen = self.complete(vision, look);
        Ok(step)
    }

    /// Change since the frame before, 0…1; the first frame counts as moved.
    fn motion(&mut self, gray: &Gray) -> f32 {
        let height = (gray.height() * MOTION_WIDTH / gray.width().max(1)).max(1);
        let small = resize(gray, MOTION_WIDTH, height);
        let moved = self.last.as_ref().and_then(|before| motion(before, &small)).unwrap_or(1.0);
        self.last = Some(small);
        moved
    }

    /// The outline of a card that is worth reading, or what would help.
    fn find_card(gray: &Gray, moved: f32) -> Result<CardOutline, Hint> {
        let card = locate_card(gray).ok_or(Hint::ShowDocument)?;
        if card.outline.mean_width() < LEAST_CARD_WIDTH {
            return Err(Hint::DocumentCloser);
        }
        if moved > STILL {
            return Err(Hint::HoldStill);
        }
        let bounds = card.outline.bounds();
        if glare(gray, bounds).largest_share > MOST_GLARE {
            return Err(Hint::AvoidGlare);
        }
        match crop(gray, bounds) {
            Some(part) if focus(&part).sharpness < LEAST_SHARPNESS => Err(Hint::OutOfFocus),
            Some(_) | None => Ok(card),
        }
    }

    /// Reads what stands on the card: the print and portrait of a front or page, or the zone of a back.
    fn read_card(
        &mut self,
        frame: &Frame,
        card: &CardOutline,
        vision: &mut Vision,
        look: &Look,
        reads: impl FnOnce(),
    ) -> Result<Option<Hint>, VisionError> {
        let Some(flat) = card_laid_flat(&frame.image, card) else { return Ok(Some(Hint::DocumentInFrame)) };
        let Some((flat, portrait)) = upright(flat, vision)? else { return self.read_back(frame, card, vision, look) };
        if self.encoded.is_none() && self.readings > 0 && self.print_only.is_none() && !self.back_had_no_code {
            return Ok(Some(Hint::TurnOver));
        }
        reads();
        if self.encoded.is_none() {
            // A passport and some cards have their zone beside the portrait.
            if let Some(encoded) = vision.read_zone(&flat, look.days.latest)?.and_then(Encoded::of_zone) {
                self.take_encoded(encoded, frame.provenance);
            }
        }
        let front = Front { lines: vision.read_text(&flat)?, portrait };
        self.readings += 1;
        self.back_had_no_code = false;
        self.note(frame.provenance);
        self.take_print(&front, look);
        if self.print_only.is_some()
            || self.front.as_ref().is_none_or(|kept| self.merit(&front, look) >= self.merit(kept, look))
        {
            self.front = Some(front);
        }
        Ok(None)
    }

    /// A side without a portrait: its barcode was not readable in this frame, or it has a zone.
    fn read_back(
        &mut self,
        frame: &Frame,
        card: &CardOutline,
        vision: &mut Vision,
        look: &Look,
    ) -> Result<Option<Hint>, VisionError> {
        if self.encoded.is_some() {
            return Ok(Some(Hint::TurnOver));
        }
        self.backs += 1;
        self.back_had_no_code = true;
        if self.backs.is_multiple_of(ZONE_EVERY)
            && let Some(flat) = card_laid_flat(&frame.image, card)
            && let Some(encoded) = vision.read_zone(&flat, look.days.latest)?.and_then(Encoded::of_zone)
        {
            self.take_encoded(encoded, frame.provenance);
            return Ok(None);
        }
        Ok(Some(Hint::DocumentCloser))
    }

    /// Whether the front is of a card that has no code, and says the same as before.
    fn take_print(&mut self, front: &Front, look: &Look) {
        let before = self.print_only.take();
        if self.encoded.is_some() {
            return;
        }
        self.print_only = read_european_licence(&front.lines, look.days.latest).map(|licence| {
            let confirmed = before.is_some_and(|before| before.fields == licence.fields);
            PrintOnly { fields: licence.fields, confirmed }
        });
    }

    fn take_encoded(&mut self, encoded: Encoded, provenance: Provenance) {
        self.encoded = Some(encoded);
        self.note(provenance);
    }

    /// How much of a front agrees with what is encoded.
    fn merit(&self, front: &Front, look: &Look) -> (usize, usize) {
        let printed = printed_lines(front.lines.clone(), self.encoded.as_ref());
        let evidence = document_evidence(self.encoded.clone(), &printed, true, look.days.latest);
        let agreeing = evidence.comparisons.iter().filter(|c| c.result == Agreement::Agrees).count();
        (agreeing, printed.len())
    }

    fn note(&mut self, provenance: Provenance) {
        self.provenance = Some(self.provenance.map_or(provenance, |known| known.least_trusted(provenance)));
    }

    /// The document, when reading on cannot help.
    fn complete(&self, vision: &Vision, look: &Look) -> Option<Box<DocumentSeen>> {
        let provenance = self.provenance?;
        if self.encoded.is_none() && self.print_only.is_none() {
            return None;
        }
        let (encoded, front) = (self.encoded.as_ref(), self.front.as_ref());
        let printed = front.map(|front| printed_lines(front.lines.clone(), encoded)).unwrap_or_default();
        let portrait = front.map(|front| front.portrait.clone());
        let mut evidence = document_evidence(encoded.cloned(), &printed, portrait.is_some(), look.days.latest);
        let of_front = evidence.encoded == Some(EncodedSource::Front);
        let confirmed = self.print_only.as_ref().is_some_and(|print| print.confirmed);
        if of_front && !confirmed {
            if self.readings < MOST_FRONT_READINGS {
                return None;
            }
            // No two readings were the same: nothing of it was read.
            evidence.fields = Fields::default();
        }
        let findings = document_findings(&evidence, &look.policy, look.days);
        let done = match document_verdict(&findings) {
            _ if of_front => true,
            DocumentVerdict::Verified => true,
            DocumentVerdict::Undecided => self.readings >= MOST_FRONT_READINGS,
            DocumentVerdict::NotVerified => {
                let by_print = findings.iter().all(|code| code.is_of_print());
                !by_print || self.readings >= READINGS_AGAINST
            }
        };
        let models: ModelDigests = vision.document_models();
        done.then(|| Box::new(DocumentSeen { evidence, portrait, provenance, models }))
    }
}

/// The card as if it were scanned: level, and of the shape of a card or of a passport's page.
fn card_laid_flat(picture: &Rgb, card: &CardOutline) -> Option<Rgb> {
    let seen = card.outline.mean_width() / card.outline.mean_height().max(1.0);
    let aspect = if (seen - TD3_ASPECT).abs() < (seen - ID1_ASPECT).abs() { TD3_ASPECT } else { ID1_ASPECT };
    let height = (FLAT_WIDTH as f32 / aspect).round();
    lay_flat(picture, card.outline, FLAT_WIDTH, height as usize)
}

/// The card with its portrait upright, and the portrait; `None` when it has none either way up.
fn upright(flat: Rgb, vision: &mut Vision) -> Result<Option<(Rgb, Template)>, VisionError> {
    if let Some(portrait) = vision.portrait(&flat)? {
        return Ok(Some((flat, portrait)));
    }
    let turned = rotate_quarter(&flat, QuarterTurns::Two);
    Ok(vision.portrait(&turned)?.map(|portrait| (turned, portrait)))
}
