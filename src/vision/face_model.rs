//! What the face networks share: one picture in, flat outputs of known length out.
//!
//! Always holds: the input buffer is wiped after use, and an output of another length is an error, never read past its
//! end. ONNX Runtime keeps its own working memory, which this file cannot wipe.

use ort::inputs;
use ort::session::Session;
use ort::value::TensorRef;
use zeroize::Zeroizing;

use super::runtime::{Digest, ModelError, Runtime};
use crate::imaging::Rgb;

/// How a sample 0…255 becomes a network's input: `(sample - mean) / deviation`, with a mean for each channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scaling {
    pub mean: [f32; 3],
    pub deviation: f32,
}

/// One open network that takes a picture of `[1, 3, height, width]`, its channels in the picture's order.
pub(super) struct FaceModel {
    name: &'static str,
    session: Session,
    digest: Digest,
    scaling: Scaling,
}

impl FaceModel {
    pub fn open(runtime: &Runtime, name: &'static str, scaling: Scaling) -> Result<Self, ModelError> {
        let (session, digest) = runtime.open(name)?;
        Ok(Self::of(name, session, digest, scaling))
    }

    /// A network that was opened already.
    pub fn of(name: &'static str, session: Session, digest: Digest, scaling: Scaling) -> Self {
        Self { name, session, digest, scaling }
    }

    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Runs the network and copies out its first `N` outputs, each of the stated length.
    pub fn run<const N: usize>(
        &mut self,
        picture: &Rgb,
        lengths: [usize; N],
    ) -> Result<[Zeroizing<Vec<f32>>; N], ModelError> {
        let planes = self.planes(picture);
        let shape = [1, 3, picture.height(), picture.width()];
        let failed = |source| ModelError::Inference { model: self.name.to_owned(), source };
        let tensor = TensorRef::from_array_view((shape, planes.as_slice())).map_err(failed)?;
        let outputs = self.session.run(inputs![tensor]).map_err(failed)?;
        let mut copied = lengths.map(|_| Zeroizing::new(Vec::new()));
        for (k, length) in lengths.into_iter().enumerate() {
            let misshapen = |shape: Vec<usize>| ModelError::Shape { model: self.name.to_owned(), shape };
            if k >= outputs.len() {
                return Err(misshapen(Vec::new()));
            }
            let (shape, values) = outputs[k].try_extract_tensor::<f32>().map_err(failed)?;
            if values.len() != length {
                return Err(misshapen(shape.iter().map(|&side| side as usize).collect()));
            }
            copied[k].extend_from_slice(values);
        }
        Ok(copied)
    }

    /// Interleaved bytes to scaled planes.
    fn planes(&self, picture: &Rgb) -> Zeroizing<Vec<f32>> {
        let Scaling { mean, deviation } = self.scaling;
        let area = picture.width() * picture.height();
        let mut planes = Zeroizing::new(vec![0.0; 3 * area]);
        for (k, pixel) in picture.data().chunks_exact(3).enumerate() {
            for (channel, &sample) in pixel.iter().enumerate() {
                planes[channel * area + k] = (f32::from(sample) - mean[channel]) / deviation;
            }
        }
        planes
    }
}

/// The logistic function: a raw score to 0…1.
pub(super) fn sigmoid(raw: f32) -> f32 {
    1.0 / (1.0 + (-raw.clamp(-50.0, 50.0)).exp())
}
