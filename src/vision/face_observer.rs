//! Frames to what a head-turn challenge needs of them.
//!
//! Always holds: the observation is of the largest face when it was first seen or detected again, and of that face in
//! between; the whole picture is searched in one of every few frames, and in all while a second face is there; the costly template is made only where the tracker wants it.
//! Does not judge: `liveness::TurnTracker` does.

use std::hash::{DefaultHasher, Hasher};

use super::face_crop::square_crop;
use super::face_embedding::{EmbeddingError, FaceEmbedder};
use super::face_reader::{FaceReader, FaceReading};
use super::pad_model::PadModel;
use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::{Frame, Point, Rect, Rgb, Similarity};
use crate::liveness::{
    FaceObservation, FaceTexture, MeshFace, ObservedFace, Pose, QualityGate, Scene, TEXTURE_SIDE, TurnTracker, framed,
    passive,
};

/// A second face with at least this share of the largest one's area stands as near to the camera.
const RIVAL_AREA: f32 = 0.4;
/// A face that is followed is detected anew in one of so many frames.
const DETECTED_EVERY: usize = 4;
/// Boxes of landmarks that overlap by more are of one face.
const SAME_FACE: f32 = 0.25;
/// Rows of a picture of which one goes into its fingerprint: noise differs in every one of them.
const FINGERPRINT_ROWS: usize = 5;
/// A face that the detector misses is searched where it was for so many frames.
const FOLLOWED_FRAMES: usize = 8;

/// Detector, mesh and embedding over the frames of one person, and an operator's model against attacks where there is one.
pub struct FaceObserver {
    reader: FaceReader,
    embedder: FaceEmbedder,
    pad: Option<PadModel>,
    previous: Option<FaceReading>,
    missed: usize,
    /// Frames since the whole picture was searched.
    followed: usize,
    rival: bool,
}

impl FaceObserver {
    /// Opens the models `face_detection`, `face_mesh` and `face_embedding`, and what `pad.toml` in their folder states.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        Ok(Self {
            reader: FaceReader::open(runtime)?,
            embedder: FaceEmbedder::open(runtime)?,
            pad: PadModel::find(runtime)?,
            previous: None,
            missed: 0,
            followed: 0,
            rival: false,
        })
    }

    /// Name and SHA-256 of every model that looks at faces here.
    pub fn digests(&self) -> impl Iterator<Item = (&'static str, &Digest)> {
        let [detector, mesh] = self.reader.digests();
        let always = [("face_detection", detector), ("face_mesh", mesh), ("face_embedding", self.embedder.digest())];
        always.into_iter().chain(self.pad.iter().map(|pad| (PadModel::MODEL, pad.digest())))
    }

    /// The models themselves, for the portrait of the same verification.
    pub fn parts(&mut self) -> (&mut FaceReader, &mut FaceEmbedder) {
        (&mut self.reader, &mut self.embedder)
    }

    /// Forgets the last person.
    pub fn reset(&mut self) {
        (self.previous, self.missed, self.followed, self.rival) = (None, 0, 0, false);
    }

    /// Looks at one frame. `tracker` says whether a template is wanted.
    ///
    /// # Errors
    /// [`ModelError`] when a model fails.
    pub fn observe(&mut self, frame: &Frame, tracker: &TurnTracker) -> Result<FaceObservation, ModelError> {
        self.observe_where(frame, |pose| tracker.wants_template(pose))
    }

    /// Looks at one frame. `wants_template` says whether a template of a face in a pose is wanted.
    ///
    /// # Errors
    /// [`ModelError`] when a model fails.
    pub fn observe_where(
        &mut self,
        frame: &Frame,
        wants_template: impl Fn(&Pose) -> bool,
    ) -> Result<FaceObservation, ModelError> {
        let reading = match self.keep_up(frame)? {
            Some(reading) => Some(reading),
            None => self.search(frame)?,
        };
        let face = match &reading {
            Some(reading) => Some(self.observed(frame, reading, wants_template(&reading.pose))?),
            None => None,
        };
        self.previous = reading.or_else(|| self.previous.take());
        let fingerprint = Some(fingerprint(&frame.image));
        Ok(FaceObservation { at: frame.captured_at, face, rival: self.rival, fingerprint })
    }

    /// The face of the frame before, without a search of the picture; `None` when it is time for one.
    fn keep_up(&mut self, frame: &Frame) -> Result<Option<FaceReading>, ModelError> {
        let Some(previous) = &self.previous else { return Ok(None) };
        if self.rival || self.missed > 0 || self.followed + 1 >= DETECTED_EVERY {
            return Ok(None);
        }
        self.followed += 1;
        self.reader.follow(&frame.image, previous)
    }

    /// Searches the whole picture.
    fn search(&mut self, frame: &Frame) -> Result<Option<FaceReading>, ModelError> {
        self.followed = 0;
        let mut readings = self.reader.read(&frame.image)?.into_iter();
        let largest = readings.next();
        self.rival = match (&largest, readings.next()) {
            (Some(first), Some(second)) => second.detection.bounds.area() >= RIVAL_AREA * first.detection.bounds.area(),
            _ => false,
        };
        let Some(largest) = largest else { return self.follow(frame) };
        self.missed = 0;
        // In a wide turn the detector's box is poor, and the mesh that starts from it may be fiction: of two readings of
        // the same face the one counts of which the mesh is surer.
        let kept_up = match &self.previous {
            Some(previous) => self.reader.follow(&frame.image, previous)?,
            None => None,
        };
        Ok(Some(match kept_up {
            Some(kept_up) if overlap(&kept_up, &largest) && kept_up.mesh.presence >= largest.mesh.presence => kept_up,
            Some(_) | None => largest,
        }))
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
        wants_template: bool,
    ) -> Result<ObservedFace, ModelError> {
        // What the live face is matched by has to be fit for it; a turned face only has to stay the same.
        let fit = !reading.pose.is_frontal() || reading.quality.fault(&QualityGate::PROBE).is_none();
        let template = if fit && wants_template {
            let embedded = if reading.pose.is_frontal() {
                self.embedder.embed_probe(&frame.image, &reading.mesh)
            } else {
                self.embedder.embed(&frame.image, &reading.mesh)
            };
            match embedded {
                Ok(template) => Some(template),
                Err(EmbeddingError::NotAlignable) => None,
                Err(EmbeddingError::Model(fault)) => return Err(fault),
            }
        } else {
            None
        };
        // Of what every frame costs the passive cues, turning it grey is the most: it is done once for all of them.
        let grey = frame.image.to_gray();
        let bounds = bounds(reading);
        let looks_ahead = template.is_some() && reading.pose.is_frontal();
        let framed = looks_ahead.then(|| framed(&grey, bounds));
        let pad = match &mut self.pad {
            Some(pad) if looks_ahead => pad.score(&frame.image, bounds)?,
            Some(_) | None => None,
        };
        // The pattern of a screen shows best where the face is frontal, and there the tracker uses it.
        let score = if template.is_some() { passive(&frame.image, reading.detection.bounds) } else { None };
        Ok(ObservedFace {
            mesh: reading.mesh.clone(),
            pose: reading.pose,
            found: self.missed == 0,
            template,
            passive: score.map(|result| result.live_score),
            framed,
            pad,
            scene: Scene::of(&grey, bounds),
            texture: levelled(&frame.image, &reading.mesh),
        })
    }
}

/// Forehead to chin and cheek to cheek.
fn bounds(reading: &FaceReading) -> Rect {
    Rect::around(reading.mesh.landmarks.iter().map(|p| p.xy()))
}

/// Whether two readings are of one face.
fn overlap(a: &FaceReading, b: &FaceReading) -> bool {
    bounds(a).iou(bounds(b)) > SAME_FACE
}

/// The face upright and to scale.
fn levelled(picture: &Rgb, mesh: &MeshFace) -> Option<FaceTexture> {
    let (centre, degrees, scale) = FaceTexture::frame(mesh)?;
    let middle = TEXTURE_SIDE as f32 / 2.0;
    let to_crop = Similarity::about(centre, -degrees, scale, Point::new(middle, middle));
    Some(FaceTexture(square_crop(picture, &to_crop, TEXTURE_SIDE)?.to_gray()))
}

/// A number that two pictures share by chance only once in 2⁶⁴.
fn fingerprint(picture: &Rgb) -> u64 {
    let mut hasher = DefaultHasher::new();
    for y in (0..picture.height()).step_by(FINGERPRINT_ROWS) {
        hasher.write(picture.row(y));
    }
    hasher.finish()
}
