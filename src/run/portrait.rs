//! The portrait of a document: found among the faces on it, scored, and made into a template.
//!
//! Many documents show the portrait twice: a second one, the ghost, is smaller or fainter. Always holds: of several faces
//! the one that is largest and strongest counts, and a small portrait is accepted but said. Does not compare.

use crate::document::{Check, CheckResult, CheckStrength, PORTRAIT_QUALITY};
use crate::imaging::Rgb;
use crate::liveness::{QualityFault, QualityGate, QualityScore, Template};
use crate::vision::{EmbeddingError, FaceObserver, FaceReading, ModelError};

/// Pixels between the ears that a portrait should have: below, comparisons err more.
pub(super) const ENOUGH_BETWEEN_EARS: f32 = 70.0;
/// Contrast (standard deviation of luma) from which a portrait counts in full: ghosts are printed at half of it or less.
const FULL_CONTRAST: f32 = 40.0;
/// The points of the mesh beside the ears.
const EARS: (usize, usize) = (234, 454);

/// A portrait that can be compared.
pub(super) struct Portrait {
    /// For the comparison.
    pub template: Template,
    /// Distance between the ears in pixels of the picture that it was found in.
    pub between_ears: f32,
    /// Size, sharpness, exposure and pose in one.
    pub quality: QualityScore,
}

impl Portrait {
    /// What its quality says for the outcome: a small one is flagged, because nothing could be done about it. `scale` is
    /// how many pixels of the camera one of the picture's is.
    pub fn check(&self, scale: f32) -> Check {
        let ears = self.between_ears * scale;
        let result = if ears >= ENOUGH_BETWEEN_EARS { CheckResult::Pass } else { CheckResult::Flag };
        Check::new(
            PORTRAIT_QUALITY,
            result,
            format!("{ears:.0} pixels between the ears, quality {:.2}", self.quality.0),
        )
        .with_strength(CheckStrength::Weak)
    }
}

/// The portrait, and what was seen.
pub(super) fn read_portrait(faces: &mut FaceObserver, front: &Rgb) -> Result<(Option<Portrait>, String), ModelError> {
    let (reader, embedder) = faces.parts();
    let found = reader.read(front)?;
    let fit = |face: &&FaceReading| fault(face).is_none();
    let strongest = |a: &&FaceReading, b: &&FaceReading| strength(a).total_cmp(&strength(b));
    let Some(face) = found.iter().filter(fit).max_by(strongest) else {
        return Ok((None, "no portrait of usable quality".to_owned()));
    };
    let between_ears = face.mesh.landmarks[EARS.0].xy().distance(face.mesh.landmarks[EARS.1].xy());
    let quality = face.quality.score();
    let seen = format!("found, {between_ears:.0} pixels between the ears, quality {:.2}", quality.0);
    match embedder.embed(front, &face.mesh) {
        Ok(template) => Ok((Some(Portrait { template, between_ears, quality }), seen)),
        Err(EmbeddingError::NotAlignable) => Ok((None, "found, but not alignable".to_owned())),
        Err(EmbeddingError::Model(fault)) => Err(fault),
    }
}

fn fault(face: &FaceReading) -> Option<QualityFault> {
    face.quality.fault(&QualityGate::REFERENCE)
}

/// Size, and how strongly it is printed.
fn strength(face: &FaceReading) -> f32 {
    face.quality.eye_distance * (face.quality.contrast / FULL_CONTRAST).min(1.0)
}
