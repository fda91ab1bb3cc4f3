//! Who is portrayed: a bundled portrait with its measures, or any photo of one frontal face with measures from its
//! landmarks.
//!
//! Always holds: a photo is levelled, and scaled to the face, onto a canvas of fixed size, so that photos of any size
//! render alike. Limits: the depths are one adult's for everybody, hair is painted on the skull, and clothes are plain.

use std::borrow::Cow;

use super::super::SpecimenError;
use super::super::assets::Portrait;
use super::super::random::{Random, smooth_noise};
use super::curve::curve;
use super::fit::Fit;
use super::texture::inside;
use crate::imaging::{Point, Rgb, resize, warp};
use crate::liveness::{MeshFace, Pose};

/// Canvas of a fitted photo in millimetres of the face, and the place of the eyes on it.
const CANVAS_MM: (f32, f32) = (520.0, 580.0);
const EYES_MM: (f32, f32) = (260.0, 170.0);
/// Millimetres a pixel of that canvas: about two samples of the renderer.
const MM_PER_PIXEL: f32 = 0.7;
/// Distance of the outer eye corners that sets the scale, as in the bundled fits.
const OUTER_EYES_MM: f32 = 88.0;
/// Above this height the outline comes from the bundled fit, because landmarks end at the forehead.
const OUTLINE_TOP_MM: f32 = -30.0;
/// Half a face's width at that height in the bundled fit.
const TEMPLE_HALF_MM: f32 = 69.5;
/// Height of the chin in the bundled fit.
const CHIN_MM: f32 = 105.0;
/// A photo that is turned further has no frontal texture.
const MOST_YAW: f32 = 12.0;
/// The face's oval from forehead to chin, on the image's right and left, in the `MediaPipe` mesh.
#[rustfmt::skip]
const OVAL: [[usize; 17]; 2] = [
    [10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 176, 152],
    [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 400, 152],
];

/// A picture of a face, and where things are in it.
#[derive(Debug, Clone)]
pub struct Sitter {
    pub(super) picture: Rgb,
    pub(super) fit: Fit,
    /// What the body takes its colours from; `None` where the picture shows one.
    pub(super) clothes: Option<Rgb>,
}

impl Sitter {
    /// A bundled portrait.
    ///
    /// # Errors
    /// [`SpecimenError::Asset`] when the program was built with a damaged file.
    pub fn bundled(portrait: Portrait) -> Result<Self, SpecimenError> {
        Ok(Self { picture: portrait.picture()?, fit: Fit::of(portrait).clone(), clothes: None })
    }

    /// The face of a photo, by its landmarks; `None` when it is turned too far or does not span a face.
    #[must_use]
    pub fn fitted(photo: &Rgb, face: &MeshFace, pose: Pose) -> Option<Self> {
        let [right, left] = [33, 263].map(|k| face.landmarks[k].xy());
        let between = right.distance(left) / pose.yaw_degrees.to_radians().cos();
        if pose.yaw_degrees.abs() > MOST_YAW || between.is_nan() || between < 12.0 {
            return None;
        }
        let scale = OUTER_EYES_MM / between;
        let level = Fit {
            eyes: (f32::midpoint(right.x, left.x), f32::midpoint(right.y, left.y)),
            roll_degrees: (left.y - right.y).atan2(left.x - right.x).to_degrees(),
            mm_per_pixel: scale,
            ..Fit::of(Portrait::EileenCollins).clone()
        };
        let side = |k: usize| -> Vec<(f32, f32)> {
            let mut row = Vec::new();
            for landmark in OVAL[k] {
                let (x, y) = level.place_of(face.landmarks[landmark].x, face.landmarks[landmark].y);
                if row.last().is_none_or(|last: &(f32, f32)| y > last.0 + 0.5) {
                    row.push((y, x));
                }
            }
            row
        };
        let sides = [side(0), side(1)];
        let chin = level.place_of(face.landmarks[152].x, face.landmarks[152].y).1;
        if !(75.0..135.0).contains(&chin) || sides.iter().any(|side| side.len() < 8) {
            return None;
        }
        let picture = levelled(photo, &level);
        let fit = Fit {
            eyes: (EYES_MM.0 / MM_PER_PIXEL, EYES_MM.1 / MM_PER_PIXEL),
            roll_degrees: 0.0,
            mm_per_pixel: MM_PER_PIXEL,
            face: outline(&level, &sides, chin),
            hair: Cow::Borrowed(&[]),
            body: level.body.iter().map(|&(x, y)| (x, y + chin - CHIN_MM)).collect(),
            face_seen_degrees: 60.0,
            face_repeat_degrees: Cow::Borrowed(&[(0.0, 3.0)]),
            ..level
        };
        let clothes = Some(clothes(&picture, &fit, chin));
        Some(Self { picture, fit, clothes })
    }

    /// The same with glasses painted on.
    #[must_use]
    pub fn with_glasses(mut self, random: &mut Random) -> Self {
        let (half, high) = (random.between(22.0, 28.0), random.between(15.0, 22.0));
        let (rim, middle) = (random.between(1.3, 3.6), random.between(31.0, 35.0));
        let colour = [[24.0, 22.0, 24.0], [92.0, 66.0, 44.0], [150.0, 130.0, 90.0]][random.below(3) as usize];
        let glare = random.between(0.0, 0.35);
        let (width, height) = (self.picture.width(), self.picture.height());
        for y in 0..height {
            for x in 0..width {
                let (u, v) = self.fit.place_of(x as f32 + 0.5, y as f32 + 0.5);
                if u.abs() > 78.0 || !(-30.0..40.0).contains(&v) {
                    continue;
                }
                let (du, dv) = ((u.abs() - middle) / half, (v - 3.0) / high);
                let radius = (du.abs().powf(2.6) + dv.abs().powf(2.6)).powf(1.0 / 2.6);
                let off_rim = (radius - 1.0).abs() * high.min(half) - rim;
                let off_bar =
                    if u.abs() < middle - half || u.abs() > middle + half { (v + 4.0).abs() - rim } else { rim };
                let frame = (0.5 - off_rim.min(off_bar) / self.fit.mm_per_pixel).clamp(0.0, 1.0);
                let streak = if radius < 1.0 { glare * (1.0 - ((u + 1.6 * v) / 9.0).powi(2)).max(0.0) } else { 0.0 };
                let pixel = self.picture.pixel(x, y).map(f32::from);
                let mixed = std::array::from_fn(|k| {
                    let lens = pixel[k] + (245.0 - pixel[k]) * streak;
                    (lens + (colour[k] - lens) * frame + 0.5) as u8
                });
                self.picture.set_pixel(x, y, mixed);
            }
        }
        self
    }
}

/// The photo on the canvas, upright and to scale; its border goes on where it ends.
fn levelled(photo: &Rgb, level: &Fit) -> Rgb {
    let shrink = (level.mm_per_pixel / MM_PER_PIXEL).min(1.0);
    let fit = |length: usize| ((length as f32 * shrink).round() as usize).max(2);
    let small = resize(photo, fit(photo.width()), fit(photo.height()));
    let (kx, ky) = (small.width() as f32 / photo.width() as f32, small.height() as f32 / photo.height() as f32);
    let pixels = |mm: f32| (mm / MM_PER_PIXEL) as usize;
    warp(&small, pixels(CANVAS_MM.0), pixels(CANVAS_MM.1), [128; 3], |p| {
        let [x, y] = level.pixel_of(p.x * MM_PER_PIXEL - EYES_MM.0, p.y * MM_PER_PIXEL - EYES_MM.1);
        let (x, y) = (x * kx, y * ky);
        Point::new(x.clamp(0.5, small.width() as f32 - 0.5), y.clamp(0.5, small.height() as f32 - 0.5))
    })
}

/// Outline of face and skull: the landmarks' oval, and above it the bundled fit's, as wide as the temples are.
fn outline(level: &Fit, sides: &[Vec<(f32, f32)>; 2], chin: f32) -> Cow<'static, [(f32, f32, f32)]> {
    let at = |y: f32| (curve(&sides[0], y), curve(&sides[1], y));
    let (left, right) = at(OUTLINE_TOP_MM);
    let (middle, wider) = (f32::midpoint(left, right), (right - left) / 2.0 / TEMPLE_HALF_MM);
    let row = |&(y, low, high): &(f32, f32, f32)| {
        if y < OUTLINE_TOP_MM {
            return (y, middle + low * wider, middle + high * wider);
        }
        let y = if y > 0.0 { y * chin / CHIN_MM } else { y };
        let (left, right) = at(y);
        (y, left.min(right - 3.0), right.max(left + 3.0))
    };
    level.face.iter().map(row).collect()
}

/// Plain clothes of a colour that the picture decides, with the neck in the colour of the cheeks.
fn clothes(picture: &Rgb, fit: &Fit, chin: f32) -> Rgb {
    let cheek = |x: f32| {
        let [u, v] = fit.pixel_of(x, 34.0);
        picture.pixel(u as usize, v as usize).map(|value| u32::from(value) * 9 / 20)
    };
    let (a, b) = (cheek(-34.0), cheek(34.0));
    let neck = [0, 1, 2].map(|k| (a[k] + b[k]) as u8);
    let sum = picture.data().iter().step_by(97).map(|&v| u64::from(v)).sum::<u64>();
    let mut random = Random::new(sum, 32);
    let cloth = [0; 3].map(|_: u8| random.between(30.0, 190.0));
    let collar = [(-48.0, 0.0), (48.0, 0.0), (40.0, chin + 16.0), (0.0, chin + 48.0), (-40.0, chin + 16.0)];
    Rgb::from_fn(picture.width(), picture.height(), |x, y| {
        let (u, v) = fit.place_of(x as f32 + 0.5, y as f32 + 0.5);
        if inside(&collar, u, v) {
            return neck;
        }
        let weave = 9.0 * smooth_noise(u / 30.0, v / 60.0, 3) + 4.0 * smooth_noise(u / 2.0, v / 2.0, 4);
        cloth.map(|value| (value + weave).clamp(0.0, 255.0) as u8)
    })
}
