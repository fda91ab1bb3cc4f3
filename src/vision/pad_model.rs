//! The slot for an operator's model against presentation attacks, which no package ships.
//!
//! Always holds: without `pad.toml` the slot is empty and everything works; with it the model is exactly the one that is
//! stated, was asked once before anybody stood there, and every answer is a share of 0 to 1. Does not judge: its
//! answers are one more passive cue, which can keep a challenge from being passed and never helps to pass one.

use ort::session::Session;
use ort::value::{TensorElementType, ValueType};

use super::face_model::{FaceModel, Scaling};
use super::pad_entry::{Answer, Channels, PadEntry, PadSlotError};
use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::{Rect, Rgb, crop, resize};
use crate::liveness::PadScore;

/// Most deviation of the sum of the shares from 1: models of half precision are off by less.
const SUM_WITHIN: f32 = 0.02;
/// Colours that the model is asked about when it is opened.
const TRIALS: [[u8; 3]; 3] = [[0; 3], [255; 3], [200, 150, 120]];

/// The operator's model. One input at a time; every thread opens its own.
pub(super) struct PadModel {
    model: FaceModel,
    entry: PadEntry,
}

impl PadModel {
    /// Name of the model among the digests of an outcome.
    pub const MODEL: &str = "pad_model";

    /// Opens the model that `pad.toml` states; `None` where there is no such file.
    ///
    /// # Errors
    /// [`ModelError::PadSlot`] where anything is not as stated.
    pub fn find(runtime: &Runtime) -> Result<Option<Self>, ModelError> {
        let Some(entry) = PadEntry::find(runtime.folder())? else { return Ok(None) };
        let path = runtime.folder().join(&entry.file);
        let bytes = std::fs::read(&path).map_err(|source| PadSlotError::Unreadable { path: path.clone(), source })?;
        let digest = Digest::of(&bytes);
        if digest.as_str() != entry.sha256 {
            let found = digest.as_str().to_owned();
            return Err(PadSlotError::Altered { path, stated: entry.sha256, found }.into());
        }
        let session = runtime.session(&bytes).map_err(|source| PadSlotError::NotUsable { path, source })?;
        check_input(&session, entry.input_pixels)?;
        let [low, high] = entry.values;
        let deviation = 255.0 / (high - low);
        let scaling = Scaling { mean: [-low * deviation; 3], deviation };
        let mut model = Self { model: FaceModel::of(Self::MODEL, session, digest, scaling), entry };
        for colour in TRIALS {
            let side = model.entry.input_pixels;
            model.live_share(&Rgb::filled(side, side, colour))?;
        }
        Ok(Some(model))
    }

    /// SHA-256 of the model file.
    pub fn digest(&self) -> &Digest {
        self.model.digest()
    }

    /// What it says of a face with this box from forehead to chin; `None` where the box is empty or outside the picture.
    pub fn score(&mut self, picture: &Rgb, face: Rect) -> Result<Option<PadScore>, ModelError> {
        let area = surroundings(face, self.entry.crop_scale, (picture.width() as f32, picture.height() as f32));
        let Some(part) = area.and_then(|area| crop(picture, area)) else { return Ok(None) };
        let side = self.entry.input_pixels;
        let mut input = resize(&part, side, side);
        match self.entry.channels {
            Channels::Rgb => {}
            Channels::Bgr => input.data_mut().chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2)),
        }
        let live = self.live_share(&input)?;
        Ok(Some(PadScore { live, least: self.entry.threshold }))
    }

    fn live_share(&mut self, input: &Rgb) -> Result<f32, ModelError> {
        let [mut answer] = self.model.run(input, [self.entry.classes]).map_err(|error| match error {
            ModelError::Shape { shape, .. } => {
                PadSlotError::Output { classes: self.entry.classes, found: shape }.into()
            }
            other => other,
        })?;
        match self.entry.output {
            Answer::Shares => {}
            Answer::Logits => softmax(&mut answer),
        }
        let within = answer.iter().all(|share| (-SUM_WITHIN..=1.0 + SUM_WITHIN).contains(share));
        if !within || (answer.iter().sum::<f32>() - 1.0).abs() > SUM_WITHIN {
            return Err(PadSlotError::NoShares.into());
        }
        Ok(answer[self.entry.live_class].clamp(0.0, 1.0))
    }
}

/// Whether the model takes one square picture; dimensions that it leaves open are what they have to be.
fn check_input(session: &Session, side: usize) -> Result<(), PadSlotError> {
    let wanted = [1, 3, side as i64, side as i64];
    let fits = |kind: &ValueType| match kind {
        ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } => {
            shape.len() == wanted.len() && shape.iter().zip(wanted).all(|(&found, wanted)| found == wanted || found < 0)
        }
        _ => false,
    };
    match session.inputs() {
        [input] if fits(input.dtype()) => Ok(()),
        inputs => {
            let found: Vec<String> = inputs.iter().map(|input| input.dtype().to_string()).collect();
            Err(PadSlotError::Input {
                side,
                found: if found.is_empty() { "nothing".to_owned() } else { found.join(" and ") },
            })
        }
    }
}

/// The square around a face: moved inside where it reaches over the picture's border, and smaller where the picture is,
/// so that nothing is black that no camera saw.
fn surroundings(face: Rect, factor: f32, (width, height): (f32, f32)) -> Option<Rect> {
    let sound = [face.x, face.y, face.width, face.height].iter().all(|value| value.is_finite());
    let inside = Rect::new(0.0, 0.0, width, height).intersection(face);
    if !sound || inside.area() < 1.0 {
        return None;
    }
    let side = (face.width.max(face.height) * factor).min(width).min(height);
    let centre = face.centre();
    let at = |middle: f32, length: f32| (middle - side / 2.0).clamp(0.0, length - side);
    Some(Rect::new(at(centre.x, width), at(centre.y, height), side, side))
}

fn softmax(values: &mut [f32]) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for value in values.iter_mut() {
        *value = (*value - largest).exp();
    }
    let sum: f32 = values.iter().sum();
    for value in values.iter_mut() {
        *value /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crop_is_a_square_around_the_face_that_stays_within_the_picture() {
        let picture = (640.0, 480.0);
        let free = surroundings(Rect::new(280.0, 200.0, 60.0, 80.0), 2.5, picture).unwrap();
        assert_eq!(free, Rect::new(210.0, 140.0, 200.0, 200.0));
        let aside = surroundings(Rect::new(10.0, 5.0, 60.0, 80.0), 2.5, picture).unwrap();
        assert_eq!(aside, Rect::new(0.0, 0.0, 200.0, 200.0), "moved inside");
        let near = surroundings(Rect::new(200.0, 100.0, 240.0, 300.0), 2.7, picture).unwrap();
        assert_eq!(near, Rect::new(80.0, 0.0, 480.0, 480.0), "as large as the picture");
    }

    #[test]
    fn a_face_that_is_not_in_the_picture_has_no_crop() {
        for face in [Rect::default(), Rect::new(900.0, 0.0, 50.0, 50.0), Rect::new(f32::NAN, 0.0, 50.0, 50.0)] {
            assert_eq!(surroundings(face, 2.7, (640.0, 480.0)), None);
        }
    }

    #[test]
    fn logits_become_shares_however_large_they_are() {
        let mut values = [900.0, 900.0, -900.0];
        softmax(&mut values);
        assert!(values.iter().zip([0.5, 0.5, 0.0]).all(|(share, wanted)| (share - wanted).abs() < 1e-6), "{values:?}");
    }
}
