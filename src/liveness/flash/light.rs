//! How much light comes from the skin and from the room behind it, in one frame.
//!
//! Always holds: the places follow the landmarks, so that they move with the head; a mean leaves out the brightest and the
//! darkest, so that a reflection on the skin or a lamp in the room does not lead it. Does not keep a pixel.

use super::super::face::MeshFace;
use crate::imaging::{Point, Rect, Rgb, linear_light};

/// Middle of the forehead, and of the cheeks beside the nose, in the `MediaPipe` mesh: they face the screen.
const FACING: [usize; 3] = [151, 205, 425];
/// Tip of the nose's bridge, and the sides of the face at the height of the ears.
const BRIDGE: usize = 5;
const SIDES: [usize; 2] = [234, 454];
/// How far from the bridge to a side the skin of the side is measured.
const TOWARDS_SIDE: f32 = 0.82;
/// Side of a measured square in shares of the face's width: facing, and at the sides.
const SQUARE: (f32, f32) = (0.15, 0.09);
/// Share of the skin's pixels that is left out at either end.
const SKIN_TRIM: f32 = 0.1;
/// The same of the room, which has lamps, windows and shadows.
const ROOM_TRIM: f32 = 0.2;
/// How far from the face the room begins, in widths of the face from its middle: hair and ears are not room.
const ROOM_FROM: f32 = 1.0;
/// Least share of the picture that has to be room.
const LEAST_ROOM: f32 = 0.03;
/// One pixel of so many each way is measured of the room.
const ROOM_STRIDE: usize = 3;
/// Least pixels of a measured square.
const LEAST_PIXELS: u32 = 12;
/// A value from which a channel may be clipped.
const CLIPPED: u8 = 250;

/// Light of one frame: red, green and blue, 0…1, proportional to what reached the sensor as far as it codes sRGB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlashLight {
    /// Of the skin that faces the screen: forehead and cheeks.
    pub skin: [f32; 3],
    /// Of the skin at the sides of the face; `None` where it lies outside the picture.
    pub sides: Option<[f32; 3]>,
    /// Of the room behind; `None` where the face leaves too little of it.
    pub room: Option<[f32; 3]>,
    /// Share of the skin's pixels of which a channel is clipped, 0…1.
    pub clipped: f32,
}

impl FlashLight {
    /// Measures a picture with a face; `None` when the skin lies outside it.
    #[must_use]
    pub fn measure(picture: &Rgb, face: &MeshFace) -> Option<Self> {
        let bounds = Rect::around(face.landmarks.iter().map(|p| p.xy()));
        if !(bounds.width.is_finite() && bounds.width > 0.0) {
            return None;
        }
        let mut skin = Histogram::default();
        for k in FACING {
            skin.add_square(picture, face.landmarks[k].xy(), SQUARE.0 * bounds.width)?;
        }
        let bridge = face.landmarks[BRIDGE].xy();
        let mut sides = Histogram::default();
        let seen = SIDES.iter().all(|&k| {
            let place = bridge.lerp(face.landmarks[k].xy(), TOWARDS_SIDE);
            sides.add_square(picture, place, SQUARE.1 * bounds.width).is_some()
        });
        Some(Self {
            skin: skin.mean(SKIN_TRIM)?,
            sides: if seen { sides.mean(SKIN_TRIM) } else { None },
            room: room(picture, bounds),
            clipped: skin.clipped(),
        })
    }
}

/// The room at both sides of the head, above the chin: shoulders are as near to the screen as the face.
fn room(picture: &Rgb, face: Rect) -> Option<[f32; 3]> {
    let middle = face.centre().x;
    let (left, right) = (middle - ROOM_FROM * face.width, middle + ROOM_FROM * face.width);
    let bottom = face.bottom().clamp(0.0, picture.height() as f32) as usize;
    let mut histogram = Histogram::default();
    for y in (0..bottom).step_by(ROOM_STRIDE) {
        for x in (0..picture.width()).step_by(ROOM_STRIDE) {
            let place = x as f32 + 0.5;
            if place < left || place > right {
                histogram.add(picture.pixel(x, y));
            }
        }
    }
    let whole = (picture.width() * picture.height() / (ROOM_STRIDE * ROOM_STRIDE)) as f32;
    if (histogram.count as f32) < LEAST_ROOM * whole { None } else { histogram.mean(ROOM_TRIM) }
}

/// How often each value occurs in each channel.
struct Histogram {
    bins: [[u32; 256]; 3],
    count: u32,
    clipped: u32,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: [[0; 256]; 3], count: 0, clipped: 0 }
    }
}

impl Histogram {
    fn add(&mut self, pixel: [u8; 3]) {
        for (bins, value) in self.bins.iter_mut().zip(pixel) {
            bins[usize::from(value)] += 1;
        }
        self.count += 1;
        self.clipped += u32::from(pixel.iter().any(|&value| value >= CLIPPED));
    }

    /// Adds the pixels of a square; `None` when it does not lie wholly within the picture or has too few.
    fn add_square(&mut self, picture: &Rgb, centre: Point, side: f32) -> Option<()> {
        let corner = |middle: f32| (middle - side / 2.0).round();
        let (left, top, side) = (corner(centre.x), corner(centre.y), side.round());
        let within = left >= 0.0
            && top >= 0.0
            && left + side <= picture.width() as f32
            && top + side <= picture.height() as f32
            && side * side >= LEAST_PIXELS as f32;
        if !within {
            return None;
        }
        let (left, top, side) = (left as usize, top as usize, side as usize);
        for y in top..top + side {
            for x in left..left + side {
                self.add(picture.pixel(x, y));
            }
        }
        Some(())
    }

    fn clipped(&self) -> f32 {
        self.clipped as f32 / self.count.max(1) as f32
    }

    /// The mean light between two shares of the pixels, each channel by itself; `None` without pixels.
    fn mean(&self, trim: f32) -> Option<[f32; 3]> {
        if self.count == 0 {
            return None;
        }
        let (from, to) = (trim * self.count as f32, (1.0 - trim) * self.count as f32);
        Some(self.bins.each_ref().map(|bins| {
            let (mut passed, mut sum) = (0.0, 0.0);
            for (value, &count) in bins.iter().enumerate() {
                let next = passed + count as f32;
                let kept = (next.min(to) - passed.max(from)).max(0.0);
                sum += kept * linear_light(value as u8);
                passed = next;
            }
            sum / (to - from).max(f32::MIN_POSITIVE)
        }))
    }
}
