//! The input and output that both text models share: one BGR picture in, one float tensor out.

use ort::session::Session;
use ort::value::Tensor;

use super::runtime::ModelError;
use crate::imaging::Rgb;

/// Runs a text model on one picture and hands back its only output with its shape.
///
/// Samples become `(x - 127.5) / 127.5` in the order blue, green, red, planar, as the `PaddleOCR` model cards state; columns
/// from the picture's width up to `padded_width` are 0 (mid grey).
pub(super) fn infer(
    session: &mut Session,
    model: &str,
    image: &Rgb,
    padded_width: usize,
) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
    let failed = |source| ModelError::Inference { model: model.to_owned(), source };
    let shape = [1, 3, image.height(), padded_width];
    let input = Tensor::from_array((shape, planar_bgr(image, padded_width))).map_err(failed)?;
    let outputs = session.run(ort::inputs![input]).map_err(failed)?;
    let unexpected = |shape: Vec<usize>| ModelError::Shape { model: model.to_owned(), shape };
    let (_, output) = outputs.iter().next().ok_or_else(|| unexpected(Vec::new()))?;
    let (shape, data) = output.try_extract_tensor::<f32>().map_err(failed)?;
    Ok((shape.iter().map(|&length| usize::try_from(length).unwrap_or(0)).collect(), data.to_vec()))
}

fn planar_bgr(image: &Rgb, padded_width: usize) -> Vec<f32> {
    let (width, height) = (image.width().min(padded_width), image.height());
    let mut data = vec![0.0; 3 * padded_width * height];
    for y in 0..height {
        for (x, pixel) in image.row(y).chunks_exact(3).take(width).enumerate() {
            for (plane, &sample) in pixel.iter().rev().enumerate() {
                data[(plane * height + y) * padded_width + x] = (f32::from(sample) - 127.5) / 127.5;
            }
        }
    }
    data
}
