//! The portrait of a document: found among the faces on it, scored, and made into a template.
//!
//! Many documents show the portrait twice: a second one, the ghost, is smaller or fainter. Always holds: of several faces
//! the one that is largest and strongest counts, and a small portrait is accepted but said. Does not compare.

use crate::document::{Check, CheckResult, CheckStrength, PORTRAIT_QUALITY};
use crate::imaging::Rgb;
use crate::liveness::{QualityGate, QualityScore, Template};
use crate::vision::{EmbeddingError, FaceObserver, FaceReading, ModelError};

/// Pixels between the ears that a portrait should have: below, comparisons err more.
pub(super) const ENOUGH_BETWEEN_EARS: f32 = 70.0;
/// Contrast (standard deviation of luma) from which a portrait counts in full: ghosts are printed at half of it or less.
const FULL_CONTRAST: f32 = 40.0;
/// The points of the mesh beside the ears.
const EARS: (usize, usize) = (234, 454);

/// A portrait that is good enough to be compared.
pub(crate) struct Portrait {
    face: FaceReading,
    /// Distance between the ears in pixels of the picture that it was found in.
    pub between_ears: f32,
    /// Size, sharpness, exposure and pose in one.
    pub quality: QualityScore,
}

impl Portrait {
    /// Looks for the portrait; `None` when no face on the picture is good enough.
    pub fn find(faces: &mut FaceObserver, front: &Rgb) -> Result<Option<Self>, ModelError> {
        let found = faces.parts().0.read(front)?.into_iter();
        let fit = found.filter(|face| face.quality.fault(&QualityGate::REFERENCE).is_none());
        let strongest = fit.max_by(|a, b| strength(a).total_cmp(&strength(b)));
        Ok(strongest.map(|face| {
            let between_ears = face.mesh.landmarks[EARS.0].xy().distance(face.mesh.landmarks[EARS.1].xy());
            let quality = face.quality.score();
            Self { face, between_ears, quality }
        }))
    }

    /// Its template, which costs more than finding it; `None` when it cannot be aligned. `front` is the
    /// picture that it was found in.
    pub fn template(&self, faces: &mut FaceObserver, front: &Rgb) -> Result<Option<Template>, ModelError> {
        match faces.parts().1.embed_portrait(front, &self.face.mesh) {
            Ok(template) => Ok(Some(template)),
            Err(EmbeddingError::NotAlignable) => Ok(None),
            Err(EmbeddingError::Model(fault)) => Err(fault),
        }
    }

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

/// A portrait with what it is compared by.
pub(crate) struct PortraitReading {
    /// Where and how good it is.
    pub portrait: Portrait,
    /// For the comparison.
    pub template: Template,
}

/// The portrait, and what was seen.
pub(crate) fn read_portrait(
    faces: &mut FaceObserver,
    front: &Rgb,
) -> Result<(Option<PortraitReading>, String), ModelError> {
    let Some(portrait) = Portrait::find(faces, front)? else {
        return Ok((None, "no portrait of usable quality".to_owned()));
    };
    let Some(template) = portrait.template(faces, front)? else {
        return Ok((None, "found, but not alignable".to_owned()));
    };
    let seen =
        format!("found, {:.0} pixels between the ears, quality {:.2}", portrait.between_ears, portrait.quality.0);
    Ok((Some(PortraitReading { portrait, template }), seen))
}

/// Size, and how strongly it is printed.
fn strength(face: &FaceReading) -> f32 {
    face.quality.eye_distance * (face.quality.contrast / FULL_CONTRAST).min(1.0)
}
