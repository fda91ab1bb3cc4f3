//! Everything that looks at pixels, in one place: the models, and the decoder that runs outside this process.
//!
//! Used by one thread. Always holds: a fault here is the device's.

use jiff::civil::Date;

use super::portrait::Portrait;
use super::worker::{DecoderWorker, WorkerError};
use crate::document::TextLine;
use crate::imaging::{Frame, Gray, Rgb};
use crate::liveness::{EstimatedAge, FaceObservation, FlashTracker, MeshFace, Template, TurnTracker};
use crate::session::ModelDigests;
use crate::vision::{
    AgeEstimator, BarcodeOptions, Digest, FaceObserver, FoundZone, ModelError, Runtime, Symbol, TextReader,
};

/// Why looking failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum VisionError {
    /// A model fails.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The decoder failed again and again.
    #[error(transparent)]
    Decoder(WorkerError),
}

/// Failures of the decoder, one after the other, that are more than a bad frame.
const MOST_DECODER_FAILURES: u32 = 3;

/// What decodes the bytes that nobody vouches for.
pub enum Decoder {
    /// A process of its own, which can be killed.
    Outside(DecoderWorker),
    /// This process: for tests that have no program to start.
    #[cfg(test)]
    Inside,
}

impl Decoder {
    fn forget(&self) {
        match self {
            Self::Outside(worker) => worker.forget(),
            #[cfg(test)]
            Self::Inside => {}
        }
    }

    fn read_barcodes(&self, gray: &Gray, options: &BarcodeOptions) -> Result<Vec<Symbol>, WorkerError> {
        match self {
            Self::Outside(worker) => worker.read_barcodes(gray, options),
            #[cfg(test)]
            Self::Inside => Ok(crate::vision::read_barcodes(gray, options)),
        }
    }
}

/// The models and the decoder.
pub(super) struct Vision {
    text: TextReader,
    faces: FaceObserver,
    /// Only where policy may ask for it.
    ages: Option<AgeEstimator>,
    decoder: Decoder,
    decoder_failures: u32,
}

impl Vision {
    /// Opens the models.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub(super) fn open(runtime: &Runtime, decoder: Decoder) -> Result<Self, ModelError> {
        let (text, faces) = (TextReader::open(runtime)?, FaceObserver::open(runtime)?);
        Ok(Self { text, faces, ages: None, decoder, decoder_failures: 0 })
    }

    /// Opens the optional model that estimates ages, too.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub(super) fn estimating_ages(self, runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self { ages: Some(AgeEstimator::open(runtime)?), ..self })
    }

    /// The barcodes of a frame. One that the decoder fails over has none: the next frame is another chance.
    pub(super) fn read_barcodes(&mut self, gray: &Gray, options: &BarcodeOptions) -> Result<Vec<Symbol>, VisionError> {
        match self.decoder.read_barcodes(gray, options) {
            Ok(symbols) => {
                self.decoder_failures = 0;
                Ok(symbols)
            }
            Err(error) if self.decoder_failures + 1 < MOST_DECODER_FAILURES => {
                tracing::warn!("{error}");
                self.decoder_failures += 1;
                Ok(Vec::new())
            }
            Err(error) => {
                self.decoder_failures = 0;
                Err(VisionError::Decoder(error))
            }
        }
    }

    /// The lines of print.
    pub(super) fn read_text(&mut self, picture: &Rgb) -> Result<Vec<TextLine>, VisionError> {
        Ok(self.text.read(picture)?)
    }

    /// The machine-readable zone, right or wrong.
    pub(super) fn read_zone(&mut self, picture: &Rgb, today: Date) -> Result<Option<FoundZone>, VisionError> {
        Ok(self.text.read_mrz(picture, today)?)
    }

    /// The portrait of a document that is laid flat.
    pub(super) fn portrait(&mut self, flat: &Rgb) -> Result<Option<Portrait>, VisionError> {
        Ok(Portrait::find(&mut self.faces, flat)?)
    }

    /// What a portrait is compared by; `None` when it cannot be aligned.
    pub(super) fn portrait_template(
        &mut self,
        flat: &Rgb,
        portrait: &Portrait,
    ) -> Result<Option<Template>, VisionError> {
        Ok(portrait.template(&mut self.faces, flat)?)
    }

    /// What the portrait in a picture that has one is compared by.
    #[cfg(test)]
    pub(super) fn template_of(&mut self, flat: &Rgb) -> Template {
        let portrait = self.portrait(flat).unwrap().expect("a face is in the picture");
        self.portrait_template(flat, &portrait).unwrap().expect("it can be aligned")
    }

    /// Forgets what frames have shown of a document.
    pub(super) fn forget_document(&self) {
        self.decoder.forget();
    }

    /// Forgets the last person.
    pub(super) fn forget_face(&mut self) {
        self.faces.reset();
    }

    /// The face in one frame.
    pub(super) fn observe_face(&mut self, frame: &Frame, turn: &TurnTracker) -> Result<FaceObservation, VisionError> {
        Ok(self.faces.observe(frame, turn)?)
    }

    /// The face in one frame of a flash.
    pub(super) fn observe_lit_face(
        &mut self,
        frame: &Frame,
        flash: &FlashTracker,
    ) -> Result<FaceObservation, VisionError> {
        Ok(self.faces.observe_where(frame, |pose| pose.is_frontal() && flash.wants_template())?)
    }

    /// How old a face looks; `None` where it gives no age, and on a device that does not estimate any.
    pub(super) fn estimate_age(&mut self, picture: &Rgb, face: &MeshFace) -> Result<Option<EstimatedAge>, VisionError> {
        match &mut self.ages {
            Some(ages) => Ok(ages.estimate(picture, face)?),
            None => Ok(None),
        }
    }

    /// The model that estimates ages.
    pub(super) fn age_models(&self) -> ModelDigests {
        named(self.ages.iter().map(|ages| (AgeEstimator::MODEL, ages.digest())))
    }

    /// The models that read documents.
    pub(super) fn document_models(&self) -> ModelDigests {
        let [detection, recognition] = self.text.digests();
        named([("text_detection", detection), ("text_recognition", recognition)].into_iter())
    }

    /// The models that look at faces.
    pub(super) fn face_models(&self) -> ModelDigests {
        named(self.faces.digests())
    }
}

/// Models as an outcome names them.
pub(super) fn named<'a>(models: impl Iterator<Item = (&'static str, &'a Digest)>) -> ModelDigests {
    models.map(|(name, digest)| (name.to_owned(), digest.as_str().to_owned())).collect()
}
