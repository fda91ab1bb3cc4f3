//! Frames to what a head-turn challenge needs of them.
//!
//! Always holds: the observation is of the largest face; the costly template is made only where the tracker wants it.
//! Does not judge: `liveness::TurnTracker` does.

use super::face_embedding::{EmbeddingError, FaceEmbedder};
use super::face_reader::{FaceReader, FaceReading};
use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::Frame;
use crate::liveness::{FaceObservation, ObservedFace, QualityGate, TurnTracker, passive};

/// A second face with at least this share of the largest one's area stands as near to the camera.
const RIVAL_AREA: f32 = 0.4;
/// A face that the detector misses is searched where it was for so many frames.
const FOLLOWED_FRAMES: usize = 8;

/// Detector, mesh and embedding over the frames of one person.
pub struct FaceObserver {
    reader: FaceReader,
    embedder: FaceEmbedder,
    previous: Option<FaceReading>,
    missed: usize,
}

impl FaceObserver {
    /// Opens the models `face_detection`, `face_mesh` and `face_embedding`.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self {
            reader: FaceReader::open(runtime)?,
            embedder: FaceEmbedder::open(runtime)?,
            previous: None,
            missed: 0,
        })
    }

    /// SHA-256 of detector, mesh and embedding model.
    #[must_use]
    pub fn digests(&self) -> [&Digest; 3] {
        let [detector, mesh] = self.reader.digests();
        [detector, mesh, self.embedder.digest()]
    }

    /// The models themselves, for the portrait of the same verification.
    pub fn parts(&mut self) -> (&mut FaceReader, &mut FaceEmbedder) {
        (&mut self.reader, &mut self.embedder)
    }

    /// Forgets the last person.
    pub fn reset(&mut self) {
        (self.previous, self.missed) = (None, 0);
    }

    /// Looks at one frame. `tracker` says whether a template is wanted.
    ///
    /// # Errors
    /// [`ModelError`] when a model fails.
    pub fn observe(&mut self, frame: &Frame, tracker: &TurnTracker) -> Result<FaceObservation, ModelError> {
        let mut readings = self.reader.read(&frame.image)?.into_iter();
        let largest = readings.next();
        let rival = match (&largest, readings.next()) {
            (Some(first), Some(second)) => second.detection.bounds.area() >= RIVAL_AREA * first.detection.bounds.area(),
            _ => false,
        };
        let reading = match largest {
            Some(reading) => {
                self.missed = 0;
                Some(reading)
            }
            None => self.follow(frame)?,
        };
        let face = match &reading {
            Some(reading) => Some(self.observed(frame, reading, tracker)?),
            None => None,
        };
        self.previous = reading.or_else(|| self.previous.take());
        Ok(FaceObservation { at: frame.captured_at, face, rival })
    }

    fn follow(&mut self, frame: &Frame) -> Result<Option<FaceReading>, ModelError> {
        self.missed += 1;
        match &self.previous {
            Some(previous) if self.missed <= FOLLOWED_FRAMES => self.reader.follow(&frame.image, previous),
            Some(_) | None => Ok(None),
        }
    }

    fn observed(
        &mut self,
        frame: &Frame,
        reading: &FaceReading,
        tracker: &TurnTracker,
    ) -> Result<ObservedFace, ModelError> {
        // What the live face is matched by has to be fit for it; a turned face only has to stay the same.
        let fit = !reading.pose.is_frontal() || reading.quality.fault(&QualityGate::PROBE).is_none();
        let template = if fit && tracker.wants_template(&reading.pose) {
            match self.embedder.embed(&frame.image, &reading.mesh) {
                Ok(template) => Some(template),
                Err(EmbeddingError::NotAlignable) => None,
                Err(EmbeddingError::Model(fault)) => return Err(fault),
            }
        } else {
            None
        };
        // The pattern of a screen shows best where the face is frontal, and there the tracker uses it.
        let score = if template.is_some() { passive(&frame.image, reading.detection.bounds) } else { None };
        Ok(ObservedFace {
            mesh: reading.mesh.clone(),
            pose: reading.pose,
            template,
            passive: score.map(|result| result.live_score),
        })
    }
}
