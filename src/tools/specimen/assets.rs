//! The bundled portraits. Their sources and licences are in `assets/README.md`.

use super::SpecimenError;
use crate::camera::decode_image;
use crate::imaging::{Rect, Rgb, crop};

/// The bundled portraits, both in the public domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portrait {
    /// Eileen Collins, by NASA.
    EileenCollins,
    /// Grace Hopper, by the US Navy.
    GraceHopper,
}

impl Portrait {
    /// The whole bundled picture.
    ///
    /// # Errors
    /// [`SpecimenError::Asset`] when the program was built with a damaged file.
    pub fn picture(self) -> Result<Rgb, SpecimenError> {
        let (name, bytes): (_, &[u8]) = match self {
            Self::EileenCollins => ("eileen_collins.jpg", include_bytes!("assets/eileen_collins.jpg")),
            Self::GraceHopper => ("grace_hopper.jpg", include_bytes!("assets/grace_hopper.jpg")),
        };
        decode_image(bytes).map_err(|_| SpecimenError::Asset { name })
    }

    /// The part that a document shows, 4 wide by 5 high, with the face in the middle as ICAO Doc 9303-3 has it.
    ///
    /// # Errors
    /// [`SpecimenError::Asset`] when the program was built with a damaged file.
    pub fn for_document(self) -> Result<Rgb, SpecimenError> {
        let area = match self {
            Self::EileenCollins => Rect::new(102.0, 0.0, 196.0, 245.0),
            Self::GraceHopper => Rect::new(93.0, 2.0, 344.0, 430.0),
        };
        crop(&self.picture()?, area).ok_or(SpecimenError::Asset { name: "portrait" })
    }
}
