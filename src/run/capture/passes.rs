//! QR codes among the frames of a capture that say they are passes.
//!
//! Always holds: nothing is looked for where no pass is accepted; each text is given out once, and only so many. Does not
//! check them.

use super::Look;
use crate::imaging::Gray;
use crate::privacy::Personal;
use crate::run::vision::{Vision, VisionError};
use crate::session::{PASS_CHARACTERS, PASS_PREFIX};
use crate::vision::{BarcodeOptions, Format, Symbol};

/// One in so many frames is searched.
const PASS_EVERY: usize = 2;
/// Texts that are given out in one capture.
const MOST_PASSES: usize = 4;

/// What was seen of passes in a capture.
#[derive(Default)]
pub(in crate::run) struct PassesSeen {
    frames: usize,
    texts: Vec<Personal<String>>,
}

impl PassesSeen {
    /// The symbols of the next frame: bars where they are wanted, and QR codes where it is their turn.
    pub(super) fn read_beside(
        &mut self,
        bars: bool,
        gray: &Gray,
        vision: &mut Vision,
        look: &Look,
    ) -> Result<Vec<Symbol>, VisionError> {
        self.frames += 1;
        let turn = look.accepts_passes && self.frames.is_multiple_of(PASS_EVERY) && self.texts.len() < MOST_PASSES;
        match (bars, turn) {
            (false, false) => Ok(Vec::new()),
            (true, turn) => vision.read_barcodes(gray, &BarcodeOptions { qr_codes: turn, ..BarcodeOptions::live() }),
            (false, true) => vision.read_barcodes(gray, &BarcodeOptions::live_qr_codes()),
        }
    }

    /// What the next frame shows of passes that were not seen before.
    pub(in crate::run) fn look(
        &mut self,
        gray: &Gray,
        vision: &mut Vision,
        look: &Look,
    ) -> Result<Vec<Personal<String>>, VisionError> {
        let symbols = self.read_beside(false, gray, vision, look)?;
        Ok(self.new_among(&symbols))
    }

    /// What looks like a pass and was not seen before.
    pub(super) fn new_among(&mut self, symbols: &[Symbol]) -> Vec<Personal<String>> {
        let before = self.texts.len();
        for symbol in symbols.iter().filter(|symbol| symbol.format == Format::QrCode) {
            let text = symbol.text.reveal();
            let is_new = !self.texts.contains(&symbol.text) && self.texts.len() < MOST_PASSES;
            if is_new && text.len() == PASS_CHARACTERS && text.starts_with(PASS_PREFIX) {
                self.texts.push(symbol.text.clone());
            }
        }
        self.texts[before..].to_vec()
    }
}
