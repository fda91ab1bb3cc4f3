//! Reading a document that is being held up, frame by frame, whichever side comes first.
//!
//! The barcode is looked for anywhere in the frame. Print and portrait are read only inside the outline of a card or page:
//! a face beside or behind the card must never be taken for its portrait. Always holds: a verdict against a document
//! rests on two readings of its front, because one may be misread, and of its zone, where it has one, and so does everything
//! about a card that only its print speaks for; each reading is of the best of the last few frames that could be read, of which one is kept; what was read
//! is kept in memory only. Does not judge: the session does, and is asked here only whether reading on can help.

use super::Look;
use super::outline::{FLAT_WIDTH, card_laid_flat, fills, likely_aspect, reaches_border, tilt};
use super::passes::PassesSeen;
use super::readings::{Differences, READINGS_AGAINST, ZoneReadings};
use crate::document::{
    Agreement, Check, Fields, ISSUER, PORTRAIT_QUALITY, RECAPTURE, RecaptureScores, TextLine, may_have_zone,
    read_european_licence,
};
use crate::imaging::{
    CardOutline, Frame, Gray, ID1_ASPECT, Provenance, Quad, QuarterTurns, Rgb, TD3_ASPECT, crop, exposure, focus,
    glare, locate_card, motion, recapture, resize, rotate_quarter,
};
use crate::liveness::Template;
use crate::privacy::Personal;
use crate::run::document_reading::{Encoded, document_evidence, printed_lines};
use crate::run::portrait::{ENOUGH_BETWEEN_EARS, Portrait};
use crate::run::vision::{Vision, VisionError};
use crate::session::machine::DocumentSeen;
use crate::session::{
    DocumentEvidence, DocumentSide, DocumentVerdict, EncodedSource, Hint, ModelDigests, document_findings,
    document_verdict,
};

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
/// Width of the picture that motion is measured on, in pixels.
const MOTION_WIDTH: usize = 160;
/// Frames out of which the best is read. At 15 frames a second they are a fifth of a second apart at most.
const BEST_OF: usize = 3;
/// Most that opposite sides of a card may differ in length: beyond, it is tilted so that one side is out of focus.
const MOST_TILT: f32 = 1.35;
/// One in so many frames of a side without portrait and barcode is searched for a zone, which costs most.
const ZONE_EVERY: usize = 3;

/// A front as it was read.
struct Front {
    lines: Vec<TextLine>,
    portrait: Template,
    quality: Check,
}

/// A card as it was found in a frame.
struct Sighting {
    card: CardOutline,
    /// How sharp, still and free of reflections it is: only to compare frames with each other.
    merit: f32,
}

/// The best frame of a front so far, laid flat and upright.
struct Candidate {
    /// The frame itself, and where the card lies in it.
    picture: Rgb,
    outline: Quad,
    /// Shape to which it is laid flat.
    aspect: f32,
    flat: Rgb,
    portrait: Portrait,
    quality: Check,
    merit: f32,
    provenance: Provenance,
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
    zone: ZoneReadings,
    /// Whether the zone is on the side without the portrait.
    zone_of_back: bool,
    differences: Differences,
    /// Width by height of the front, once one was read.
    aspect: Option<f32>,
    print_only: Option<PrintOnly>,
    /// Whether a back without a code was seen since the front was read: the front may tell why.
    back_had_no_code: bool,
    front: Option<Front>,
    readings: usize,
    backs: usize,
    best: Option<Candidate>,
    /// Frames among which `best` is the best.
    compared: usize,
    recapture: RecaptureScores,
    provenance: Option<Provenance>,
    last: Option<Gray>,
    passes: PassesSeen,
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
    /// What QR codes say that were seen now for the first time and look like passes.
    pub passes: Vec<Personal<String>>,
}

impl DocumentCapture {
    pub(in crate::run) fn new() -> Self {
        Self {
            encoded: None,
            zone: ZoneReadings::default(),
            zone_of_back: false,
            differences: Differences::default(),
            aspect: None,
            print_only: None,
            back_had_no_code: false,
            front: None,
            readings: 0,
            backs: 0,
            best: None,
            compared: 0,
            recapture: RecaptureScores::default(),
            provenance: None,
            last: None,
            passes: PassesSeen::default(),
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
        // A back may have a zone beside its barcode, which says more and may be what glares in the first frames.
        let looks_for_bars = self.encoded.is_none() || self.zone_of_back;
        let symbols = self.passes.read_beside(looks_for_bars, &gray, vision, look)?;
        step.passes = self.passes.new_among(&symbols);
        if looks_for_bars && let Some((encoded, parsed)) = Encoded::of_symbols(&symbols, look.days.latest) {
            self.take_barcode(encoded, may_have_zone(&parsed), frame.provenance, look);
            if let Some(card) = locate_card(&gray) {
                self.recapture.note_back(recapture(&frame.image, card.outline).map(|seen| seen.score));
            }
            step.side = Some(DocumentSide::Back);
            // What the barcode does not say stands on the other side.
            step.seen = self.complete(vision, look);
            return Ok(step);
        }
        if !step.passes.is_empty() {
            // What holds the pass up is no card.
            return Ok(step);
        }
        let (had_front, had_code) = (self.front.is_some(), self.encoded.is_some());
        step.hint = match Self::find_card(&gray, moved) {
            // What was found in the frames before can be read although this one cannot.
            Err(_) if self.best.is_some() => self.read_best(vision, look, reads)?,
            Err(hint) => Some(hint),
            Ok(sighting) => self.read_card(frame, &sighting, vision, look, reads)?,
        };
        if self.front.is_some() && !had_front && self.print_only.is_none() {
            step.side = Some(DocumentSide::Front);
        } else if self.zone_of_back && !had_code {
            step.side = Some(DocumentSide::Back);
        }
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
    fn find_card(gray: &Gray, moved: f32) -> Result<Sighting, Hint> {
        let card = locate_card(gray).ok_or(Hint::ShowDocument)?;
        if card.outline.mean_width() < LEAST_CARD_WIDTH {
            return Err(Hint::DocumentCloser);
        }
        if reaches_border(card.outline, gray) {
            return Err(Hint::DocumentInFrame);
        }
        if tilt(card.outline) > MOST_TILT {
            return Err(Hint::DocumentFlat);
        }
        if moved > STILL {
            return Err(Hint::HoldStill);
        }
        let bounds = card.outline.bounds();
        let glare = glare(gray, bounds);
        if glare.largest_share > MOST_GLARE {
            return Err(Hint::AvoidGlare);
        }
        let sharpness = crop(gray, bounds).map_or(0.0, |part| focus(&part).sharpness);
        if sharpness < LEAST_SHARPNESS {
            return Err(Hint::OutOfFocus);
        }
        let merit = sharpness * (1.0 - glare.share / MOST_GLARE / 2.0).max(0.1) * (1.0 - moved / STILL / 2.0);
        Ok(Sighting { card, merit })
    }

    /// The shape of the front: that of its first reading, so that places in one flat picture are places in all.
    fn aspect_of(&self, card: &CardOutline) -> f32 {
        self.aspect.unwrap_or_else(|| likely_aspect(card))
    }

    /// Takes in a card that can be read: a front or page is compared with the frames before, and the best is read; of a
    /// back the zone is read.
    fn read_card(
        &mut self,
        frame: &Frame,
        sighting: &Sighting,
        vision: &mut Vision,
        look: &Look,
        reads: impl FnOnce(),
    ) -> Result<Option<Hint>, VisionError> {
        let outline = sighting.card.outline;
        let aspect = self.aspect_of(&sighting.card);
        let Some(flat) = card_laid_flat(&frame.image, &sighting.card, aspect) else {
            return Ok(Some(Hint::DocumentInFrame));
        };
        let Some((flat, portrait)) = upright(flat, vision)? else {
            return self.read_back(frame, &sighting.card, vision, look, reads);
        };
        if self.zone_of_back && self.zone.is_open() && self.readings >= READINGS_AGAINST {
            return Ok(Some(Hint::TurnOver));
        }
        // A passport's page has no other side.
        let has_back = aspect > f32::midpoint(TD3_ASPECT, ID1_ASPECT);
        if has_back
            && self.encoded.is_none()
            && self.readings > 0
            && self.print_only.is_none()
            && !self.back_had_no_code
        {
            return Ok(Some(Hint::TurnOver));
        }
        let scale = outline.mean_width() / FLAT_WIDTH as f32;
        if portrait.between_ears * scale < ENOUGH_BETWEEN_EARS && !fills(outline, &frame.image) {
            return Ok(Some(Hint::DocumentCloser));
        }
        let merit = sighting.merit * (0.5 + 0.5 * portrait.quality.0);
        if self.best.as_ref().is_none_or(|best| merit > best.merit) {
            let quality = portrait.check(scale);
            let (picture, provenance) = (frame.image.clone(), frame.provenance);
            self.best = Some(Candidate { picture, outline, aspect, flat, portrait, quality, merit, provenance });
        }
        self.compared += 1;
        if self.compared < BEST_OF { Ok(None) } else { self.read_best(vision, look, reads) }
    }

    /// Reads the print and the portrait of the best frame.
    fn read_best(
        &mut self,
        vision: &mut Vision,
        look: &Look,
        reads: impl FnOnce(),
    ) -> Result<Option<Hint>, VisionError> {
        self.compared = 0;
        let Some(best) = self.best.take() else { return Ok(None) };
        reads();
        // Of the frames that were compared only this one's template is needed.
        let Some(portrait) = vision.portrait_template(&best.flat, &best.portrait)? else { return Ok(None) };
        // As the camera saw it: laying flat blurs what is looked for. It costs as much as a third of a reading, so that the
        // frames that are only compared are spared.
        self.recapture.note_front(recapture(&best.picture, best.outline).map(|seen| seen.score));
        if self.encoded.is_none() || self.zone.is_open() {
            // A passport and some cards have their zone beside the portrait. Every flat picture of a side is alike, so that
            // its place holds for the readings to come.
            if let Some(encoded) = vision.read_zone(&best.flat, look.days.latest)?.and_then(Encoded::of_zone) {
                self.zone_of_back = false;
                self.take_zone(encoded, best.provenance, look);
            }
        }
        let lines = vision.read_text(&best.flat)?;
        let front = Front { lines, portrait, quality: best.quality };
        self.readings += 1;
        self.aspect.get_or_insert(best.aspect);
        self.back_had_no_code = false;
        self.note(best.provenance);
        self.take_print(&front, look);
        self.differences.note(&self.evidence_with(&front, look).comparisons);
        if self.print_only.is_some()
            || self.front.as_ref().is_none_or(|kept| self.merit(&front, look) >= self.merit(kept, look))
        {
            self.front = Some(front);
        }
        Ok(None)
    }

    /// A side without a portrait: its barcode was not readable in this frame, or it has a zone. That is read until two
    /// readings say the same, as long as the side is shown.
    fn read_back(
        &mut self,
        frame: &Frame,
        card: &CardOutline,
        vision: &mut Vision,
        look: &Look,
        reads: impl FnOnce(),
    ) -> Result<Option<Hint>, VisionError> {
        if self.encoded.is_some() && !(self.zone_of_back && self.zone.is_open()) {
            return Ok(Some(Hint::TurnOver));
        }
        self.backs += 1;
        self.back_had_no_code = self.encoded.is_none();
        if self.backs.is_multiple_of(ZONE_EVERY)
            && let Some(flat) = card_laid_flat(&frame.image, card, likely_aspect(card))
        {
            reads();
            // A page's zone stands beside the portrait, which was only not found in this frame.
            let zone = vision.read_zone(&flat, look.days.latest)?.and_then(Encoded::of_zone);
            if let Some(encoded) = zone.filter(|zone| !zone.is_of_page()) {
                self.recapture.note_back(recapture(&frame.image, card.outline).map(|seen| seen.score));
                self.back_had_no_code = false;
                self.zone_of_back = true;
                self.take_zone(encoded.of_another_picture(), frame.provenance, look);
            }
        }
        Ok(match self.encoded {
            Some(_) => Some(Hint::HoldStill),
            None if fills(card.outline, &frame.image) => Some(Hint::HoldStill),
            None => Some(Hint::DocumentCloser),
        })
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

    fn take_zone(&mut self, zone: Encoded, provenance: Provenance, look: &Look) {
        if self.zone.take(&zone, self.encoded.as_ref()) {
            self.take_encoded(zone, provenance, look);
        }
    }

    /// A barcode counts instead of a zone on the same side, and is held against it where such a card has one.
    fn take_barcode(&mut self, barcode: Encoded, may_have_zone: bool, provenance: Provenance, look: &Look) {
        let was_read = self.encoded.as_ref().is_some_and(Encoded::is_sure) || self.zone.is_confirmed();
        let zone = self.encoded.take().filter(|_| may_have_zone && was_read);
        self.zone = ZoneReadings::default();
        self.zone_of_back = false;
        let barcode = if zone.is_some() { barcode.with_zone(zone) } else { barcode };
        self.take_encoded(barcode, provenance, look);
    }

    fn take_encoded(&mut self, encoded: Encoded, provenance: Provenance, look: &Look) {
        // A front that was read with nothing to hold it against was not chosen by how well it can be compared.
        if self.encoded.replace(encoded).is_none() {
            self.readings = usize::from(self.front.is_some());
        }
        self.note(provenance);
        self.differences.forget();
        if let Some(front) = &self.front {
            self.differences.note(&self.evidence_with(front, look).comparisons);
        }
    }

    /// What a front and the encoded part say together.
    fn evidence_with(&self, front: &Front, look: &Look) -> DocumentEvidence {
        let printed = printed_lines(front.lines.clone(), self.encoded.as_ref());
        document_evidence(self.encoded.clone(), &printed, true, look.days.latest)
    }

    /// How much of a front agrees with what is encoded.
    fn merit(&self, front: &Front, look: &Look) -> (usize, usize) {
        let agreeing = self.evidence_with(front, look).comparisons;
        let agreeing = agreeing.iter().filter(|c| c.result == Agreement::Agrees && c.field != ISSUER).count();
        (agreeing, printed_lines(front.lines.clone(), self.encoded.as_ref()).len())
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
        let is_last = self.readings >= MOST_FRONT_READINGS;
        self.differences.settle(&mut evidence.comparisons, is_last);
        let confirmed = match evidence.encoded {
            Some(EncodedSource::Front) => self.print_only.as_ref().is_some_and(|print| print.confirmed),
            Some(EncodedSource::Mrz) => self.zone.is_confirmed(),
            Some(EncodedSource::Barcode) | None => true,
        };
        if of_front && !confirmed && !is_last {
            return None;
        }
        evidence.checks.extend(front.map(|front| front.quality.clone()));
        evidence.checks.push(self.recapture.check());
        let findings = document_findings(&evidence, &look.policy, look.days);
        let verdict = document_verdict(&findings);
        if !confirmed && (of_front || is_last && verdict == DocumentVerdict::NotVerified) {
            // No two readings were the same: nothing of it was read, and nothing of what was is held against anybody.
            evidence.fields = Fields::default();
            evidence.comparisons.clear();
            evidence.checks.retain(|check| [PORTRAIT_QUALITY, RECAPTURE].contains(&check.name));
        }
        let done = match verdict {
            _ if of_front || is_last => true,
            // A zone that was read with doubt says less than it may say the next time.
            DocumentVerdict::Verified => confirmed || encoded.is_some_and(Encoded::is_sure),
            DocumentVerdict::Undecided => false,
            DocumentVerdict::NotVerified => {
                let by_print = findings.iter().all(|code| code.is_of_print());
                confirmed && (!by_print || self.readings >= READINGS_AGAINST && self.differences.are_settled())
            }
        };
        let models: ModelDigests = vision.document_models();
        done.then(|| Box::new(DocumentSeen { evidence, portrait, provenance, feed: None, models, pass_anchor: None }))
    }
}

/// The card with its portrait upright, and the portrait; `None` when it has none either way up.
fn upright(flat: Rgb, vision: &mut Vision) -> Result<Option<(Rgb, Portrait)>, VisionError> {
    if let Some(portrait) = vision.portrait(&flat)? {
        return Ok(Some((flat, portrait)));
    }
    let turned = rotate_quarter(&flat, QuarterTurns::Two);
    Ok(vision.portrait(&turned)?.map(|portrait| (turned, portrait)))
}

#[cfg(test)]
mod tests;
