//! What the passive cues need of a frame: the picture, shrunk, and where its face is.
//!
//! Always holds: small and of one width whatever the camera's, so that the cost of a frame is bounded and lengths in pixels
//! mean the same for all cameras; wiped when dropped, as pictures are. Shows nothing of it in logs.

use super::softness::{Softness, softness};
use crate::imaging::{Gray, Rect, resize};

/// Width of a scene in pixels.
pub(super) const WIDTH: usize = 320;
/// Heights of pictures that are looked at, in shares of the width.
const ASPECT: std::ops::Range<f32> = 0.4..2.4;

/// A frame, shrunk.
#[derive(Clone)]
pub struct Scene {
    /// 320 pixels wide, smoothed a little.
    pub(super) picture: Gray,
    /// Forehead to chin and cheek to cheek, in the pixels of the scene.
    pub(super) face: Rect,
    /// How soft the face and what surrounds it are at full size.
    pub(super) softness: Option<Softness>,
    /// 2nd and 98th centile of luma.
    pub(super) tones: [u8; 2],
}

/// Shows nothing of the picture.
impl std::fmt::Debug for Scene {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Scene {
    /// Of the luma of a picture with a face from forehead to chin; `None` when the picture is too small or narrow, or the
    /// box is empty.
    #[must_use]
    pub fn of(picture: &Gray, face: Rect) -> Option<Self> {
        let scale = WIDTH as f32 / picture.width().max(1) as f32;
        let height = picture.height() as f32 * scale;
        let sound = face.width >= 1.0 && face.height >= 1.0 && face.x.is_finite() && face.y.is_finite();
        if picture.width() < WIDTH / 2 || !ASPECT.contains(&(height / WIDTH as f32)) || !sound {
            return None;
        }
        let small = resize(picture, WIDTH, height.round() as usize);
        Some(Self {
            tones: tones(&small),
            picture: smoothed(&small),
            face: Rect::new(face.x * scale, face.y * scale, face.width * scale, face.height * scale),
            softness: softness(picture, face),
        })
    }

    pub(super) fn height(&self) -> usize {
        self.picture.height()
    }
}

/// The 3×3 binomial, so that gradients are steadier than the sensor's noise.
fn smoothed(picture: &Gray) -> Gray {
    let (width, height) = (picture.width(), picture.height());
    let row = |y: usize| picture.row(y);
    let mut smooth = picture.clone();
    for y in 1..height.saturating_sub(1) {
        let (above, here, below) = (row(y - 1), row(y), row(y + 1));
        let column = |x: usize| u32::from(above[x]) + 2 * u32::from(here[x]) + u32::from(below[x]);
        let target = &mut smooth.data_mut()[y * width..(y + 1) * width];
        for (x, value) in target.iter_mut().enumerate().take(width - 1).skip(1) {
            *value = ((column(x - 1) + 2 * column(x) + column(x + 1) + 8) / 16) as u8;
        }
    }
    smooth
}

fn tones(picture: &Gray) -> [u8; 2] {
    let mut counts = [0usize; 256];
    picture.data().iter().for_each(|&value| counts[usize::from(value)] += 1);
    [0.02, 0.98].map(|share| {
        let wanted = (picture.data().len() as f32 * share) as usize;
        let mut passed = 0;
        let reached = counts.iter().position(|&count| {
            passed += count;
            passed > wanted
        });
        reached.unwrap_or(255) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_is_of_one_width_and_shows_nothing_in_logs() {
        let picture = Gray::from_fn(1280, 720, |x, _| [(x / 8) as u8]);
        let scene = Scene::of(&picture, Rect::new(600.0, 300.0, 100.0, 120.0)).unwrap();
        assert_eq!((scene.picture.width(), scene.height()), (WIDTH, 180));
        assert_eq!(scene.face, Rect::new(150.0, 75.0, 25.0, 30.0));
        assert!(scene.tones[0] < 8 && scene.tones[1] > 150);
        assert_eq!(format!("{scene:?}"), "[redacted]");
    }

    #[test]
    fn a_tiny_picture_or_an_empty_face_has_no_scene() {
        let face = Rect::new(1.0, 1.0, 20.0, 20.0);
        assert!(Scene::of(&Gray::filled(90, 90, [1]), face).is_none());
        assert!(Scene::of(&Gray::filled(900, 90, [1]), face).is_none());
        assert!(Scene::of(&Gray::filled(640, 480, [1]), Rect::default()).is_none());
        assert!(Scene::of(&Gray::filled(640, 480, [1]), Rect::new(f32::NAN, 0.0, 9.0, 9.0)).is_none());
    }
}
