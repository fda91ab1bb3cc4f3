//! A face as a vector, and how alike two of them are.

use serde::Serialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Cosine of the angle between two templates, −1…1. Not a probability and not a detection score.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Similarity(pub f32);

/// A face embedding of unit length. Wiped on drop; cannot be printed or serialised.
///
/// The numbers lie behind a pointer, so that moving a template, or growing a list of them, leaves no copy behind that
/// nobody wipes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Template(Box<[f32]>);

/// The vector cannot be a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an embedding needs {expected} finite numbers that are not all zero; check the embedding model in models/manifest.toml", expected = Template::LENGTH)]
pub struct TemplateShapeError;

impl Template {
    /// Numbers in one template.
    pub const LENGTH: usize = 192;

    /// Scales a raw embedding to unit length.
    ///
    /// # Errors
    /// [`TemplateShapeError`] when it has another length, is all zero, or is not finite.
    pub fn from_embedding(raw: &[f32]) -> Result<Self, TemplateShapeError> {
        let norm = raw.iter().map(|v| v * v).sum::<f32>().sqrt();
        if raw.len() != Self::LENGTH || !norm.is_finite() || norm <= 0.0 {
            return Err(TemplateShapeError);
        }
        let mut template = Self(raw.into());
        template.0.iter_mut().for_each(|value| *value /= norm);
        Ok(template)
    }

    /// The middle of several templates of one face, in which their noise weighs less; `None` without any.
    #[must_use]
    pub fn mean(templates: &[Self]) -> Option<Self> {
        let mut sum = Zeroizing::new(vec![0.0; Self::LENGTH]);
        for template in templates {
            for (total, value) in sum.iter_mut().zip(template.0.iter()) {
                *total += value;
            }
        }
        Self::from_embedding(sum.as_slice()).ok()
    }

    /// How alike two faces are.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> Similarity {
        Similarity(self.0.iter().zip(other.0.iter()).map(|(a, b)| a * b).sum())
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_is_most_like_itself() {
        let raw: Vec<f32> = (0..Template::LENGTH).map(|k| (k as f32 * 0.7).sin()).collect();
        let template = Template::from_embedding(&raw).unwrap();
        assert!((template.similarity(&template).0 - 1.0).abs() < 1e-5);
    }

    #[test]
    fn the_mean_of_noisy_templates_is_more_like_the_face_than_each_of_them() {
        let face = |noise: f32| {
            let raw = (0..Template::LENGTH).map(|k| (k as f32 * 0.7).sin() + (k as f32 * noise * 3.1).cos());
            Template::from_embedding(&raw.collect::<Vec<f32>>()).unwrap()
        };
        let clean =
            Template::from_embedding(&(0..Template::LENGTH).map(|k| (k as f32 * 0.7).sin()).collect::<Vec<_>>());
        let noisy: Vec<Template> = [1.0, 1.7, 2.9, 4.1].map(face).into();
        let clean = clean.unwrap();
        assert!(Template::mean(&noisy).unwrap().similarity(&clean).0 > noisy[0].similarity(&clean).0);
        assert!(Template::mean(&[]).is_none());
    }

    #[test]
    fn a_template_is_wiped_on_drop_and_moving_it_leaves_no_copy() {
        fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<Template>();
        assert_eq!(size_of::<Template>(), size_of::<Box<[f32]>>(), "what moves is a pointer");
        let mut template = Template::from_embedding(&[1.0; Template::LENGTH]).unwrap();
        template.zeroize();
        assert!(template.0.iter().all(|&value| value == 0.0));
    }

    #[test]
    fn a_broken_embedding_is_no_template() {
        assert!(Template::from_embedding(&[0.0; Template::LENGTH]).is_err());
        assert!(Template::from_embedding(&[f32::NAN; Template::LENGTH]).is_err());
        assert!(Template::from_embedding(&[1.0; 3]).is_err());
    }
}
