//! A bent card in front of a pinhole camera.
//!
//! The card is part of a cylinder; each pixel's rays are met with it, and the place is unrolled. With a bend of zero the
//! cylinder is a plane.

use super::super::document::CARD_MM;
use super::super::random::Random;
use super::FRAME;
use super::card::DrawnCard;
use super::parameters::FrameParameters;
use crate::imaging::{Gray, Point, Quad};

/// Rays a pixel, along and across.
const RAYS: usize = 3;
/// Pixels that a symbol keeps from the frame's edges.
const MARGIN: f32 = 10.0;
/// Half of the camera's horizontal field in degrees.
const HALF_FIELD_DEGREES: f32 = 27.0;
/// A frame without a symbol shows a card of this many millimetres a pixel.
const EMPTY_MM_A_PIXEL: f32 = 0.1;

type Vector = [f32; 3];

/// Camera, card and where they are.
pub struct Scene {
    focal: f32,
    /// From the card's axes (right, down, away) to the camera's.
    turn: [Vector; 3],
    /// The symbol's middle in the camera's axes, millimetres.
    place: Vector,
    /// The symbol's middle on the card from the card's middle, millimetres.
    middle: (f32, f32),
    /// Radius of the cylinder in millimetres, positive when its axis lies behind the card; infinite for a plane.
    radius: f32,
    /// Sine and cosine of the direction across the axis on the card.
    across: (f32, f32),
    /// Pixels a millimetre of the drawn card.
    scale: f32,
}

impl Scene {
    /// Puts the card before the camera, such that the symbol can be seen.
    pub fn new(parameters: &FrameParameters, card: Option<&DrawnCard>, random: &mut Random) -> Self {
        let focal = FRAME.0 as f32 / (2.0 * HALF_FIELD_DEGREES.to_radians().tan());
        let scale = card.map_or(10.0, |card| card.image.width() as f32 / CARD_MM.0);
        let millimetres = card.map_or(EMPTY_MM_A_PIXEL, |_| DrawnCard::module() / scale / parameters.module_px);
        let middle = card.map_or((0.0, 0.0), |card| {
            let centre = card.symbol.centre();
            (centre.x / scale - CARD_MM.0 / 2.0, centre.y / scale - CARD_MM.1 / 2.0)
        });
        let bend = parameters.bend_degrees.to_radians();
        let axis = (parameters.bend_axis_degrees - 90.0).to_radians().sin_cos();
        let mut scene = Self {
            focal,
            turn: orientation(parameters),
            place: [0.0, 0.0, focal * millimetres],
            middle,
            radius: if bend.abs() < 1e-3 { f32::INFINITY } else { CARD_MM.0 / bend },
            across: axis,
            scale,
        };
        if let Some(card) = card {
            scene.place_symbol(card, parameters.offset);
        } else {
            let mut shift = |room: f32| random.between(-room, room);
            (scene.place[0], scene.place[1]) = (shift(50.0), shift(30.0));
        }
        scene
    }

    /// Moves the card so that the symbol lies as far from the middle as it may.
    fn place_symbol(&mut self, card: &DrawnCard, offset: [f32; 2]) {
        let bounds = self.corners(card).bounds();
        let room = |low: f32, high: f32, size: f32, offset: f32| {
            let (least, most) = (MARGIN - low, size - MARGIN - high);
            if least > most { f32::midpoint(least, most) } else { least + (most - least) * (0.5 + 0.5 * offset) }
        };
        let shift = [
            room(bounds.x, bounds.right(), FRAME.0 as f32, offset[0]),
            room(bounds.y, bounds.bottom(), FRAME.1 as f32, offset[1]),
        ];
        let millimetres = self.place[2] / self.focal;
        // Perspective changes the outline a little when it moves, which the margin and a second step make good.
        (self.place[0], self.place[1]) = (shift[0] * millimetres, shift[1] * millimetres);
        let bounds = self.corners(card).bounds();
        let inside = |low: f32, high: f32, size: f32| (MARGIN - low).max(0.0) + (size - MARGIN - high).min(0.0);
        self.place[0] += inside(bounds.x, bounds.right(), FRAME.0 as f32) * millimetres;
        self.place[1] += inside(bounds.y, bounds.bottom(), FRAME.1 as f32) * millimetres;
    }

    /// Where the symbol's middle is in the frame.
    pub fn centre(&self) -> Point {
        self.seen(self.place)
    }

    /// Where the symbol's corners are in the frame.
    pub fn corners(&self, card: &DrawnCard) -> Quad {
        let corners = Quad::from_rect(card.symbol).0;
        Quad(corners.map(|corner| {
            self.project((corner.x / self.scale - CARD_MM.0 / 2.0, corner.y / self.scale - CARD_MM.1 / 2.0))
        }))
    }

    fn seen(&self, at: Vector) -> Point {
        let centre = Point::new(FRAME.0 as f32 / 2.0, FRAME.1 as f32 / 2.0);
        Point::new(self.focal * at[0] / at[2], self.focal * at[1] / at[2]) + centre
    }

    /// Where a place on the card, in millimetres from its middle, is in the frame.
    fn project(&self, place: (f32, f32)) -> Point {
        let (x, y) = (place.0 - self.middle.0, place.1 - self.middle.1);
        let (sin, cos) = self.across;
        let (s, t) = (x * cos + y * sin, y * cos - x * sin);
        let (s, n) = if self.radius.is_finite() {
            let angle = s / self.radius;
            (self.radius * angle.sin(), self.radius * (1.0 - angle.cos()))
        } else {
            (s, 0.0)
        };
        let on_card = [s * cos - t * sin, s * sin + t * cos, n];
        let mut at = self.place;
        for (k, value) in at.iter_mut().enumerate() {
            *value += (0..3).map(|j| self.turn[k][j] * on_card[j]).sum::<f32>();
        }
        self.seen(at)
    }

    /// The frame without the sensor's doing: paper and ink times the light, over the background.
    pub fn photograph(&self, card: Option<&DrawnCard>, background: &Gray, gain: impl Fn(Point) -> f32) -> Vec<f32> {
        let blank = Gray::filled((CARD_MM.0 * self.scale) as usize, (CARD_MM.1 * self.scale) as usize, [205]);
        let image = card.map_or(&blank, |card| &card.image);
        let half = (CARD_MM.0 / 2.0, CARD_MM.1 / 2.0);
        let corners = [(-half.0, -half.1), (half.0, -half.1), (half.0, half.1), (-half.0, half.1)];
        let bounds = Quad(corners.map(|place| self.project(place))).bounds().scaled(1.25);
        let step = 1.0 / RAYS as f32;
        let mut picture = Vec::with_capacity(FRAME.0 * FRAME.1);
        for y in 0..FRAME.1 {
            for x in 0..FRAME.0 {
                let (left, top) = (x as f32, y as f32);
                let ground = f32::from(background.data()[y * FRAME.0 + x]);
                let near = left > bounds.x && left < bounds.right() && top > bounds.y && top < bounds.bottom();
                let mut value = ground;
                if near {
                    value = 0.0;
                    for k in 0..RAYS * RAYS {
                        let at = ((k % RAYS) as f32 + 0.5, (k / RAYS) as f32 + 0.5);
                        let seen = self.unproject(left + at.0 * step, top + at.1 * step);
                        value += seen.and_then(|(u, v)| sample(image, u, v)).unwrap_or(ground);
                    }
                    value *= step * step;
                }
                picture.push(value * gain(Point::new(left + 0.5, top + 0.5)));
            }
        }
        picture
    }

    /// Which pixel of the drawn card a place of the frame shows.
    fn unproject(&self, x: f32, y: f32) -> Option<(f32, f32)> {
        let ray = [(x - FRAME.0 as f32 / 2.0) / self.focal, (y - FRAME.1 as f32 / 2.0) / self.focal, 1.0];
        // The inverse of a turn is its transpose.
        let to_card = |v: Vector| -> Vector { std::array::from_fn(|k| (0..3).map(|j| self.turn[j][k] * v[j]).sum()) };
        let (origin, ray) = (to_card(self.place.map(|v| -v)), to_card(ray));
        let (sin, cos) = self.across;
        let turned = |v: Vector| [v[0] * cos + v[1] * sin, v[1] * cos - v[0] * sin, v[2]];
        let (o, d) = (turned(origin), turned(ray));
        let (s, t) = if self.radius.is_finite() {
            let n = o[2] - self.radius;
            let (a, b) = (d[0] * d[0] + d[2] * d[2], o[0] * d[0] + n * d[2]);
            let c = o[0] * o[0] + n * n - self.radius * self.radius;
            let root = (b * b - a * c).sqrt();
            // Of the two sides of the cylinder, the one that touches the card's own plane.
            let hits = [(-b - root) / a, (-b + root) / a];
            let hit = hits.into_iter().find(|&k| k > 0.0 && (1.0 - (o[2] + k * d[2]) / self.radius) > 0.0)?;
            let angle = ((o[0] + hit * d[0]) / self.radius).atan2(1.0 - (o[2] + hit * d[2]) / self.radius);
            (self.radius * angle, o[1] + hit * d[1])
        } else {
            let hit = -o[2] / d[2];
            (o[0] + hit * d[0], o[1] + hit * d[1])
        };
        let (x, y) = (s * cos - t * sin + self.middle.0, s * sin + t * cos + self.middle.1);
        Some(((x + CARD_MM.0 / 2.0) * self.scale, (y + CARD_MM.1 / 2.0) * self.scale))
    }
}

/// The turn in the picture's plane, then the tilt about an axis in it.
fn orientation(parameters: &FrameParameters) -> [Vector; 3] {
    let (ts, tc) = parameters.turn_degrees.to_radians().sin_cos();
    let (ps, pc) = parameters.tilt_degrees.to_radians().sin_cos();
    let (ay, ax) = parameters.tilt_axis_degrees.to_radians().sin_cos();
    let tilt = [
        [pc + ax * ax * (1.0 - pc), ax * ay * (1.0 - pc), ay * ps],
        [ax * ay * (1.0 - pc), pc + ay * ay * (1.0 - pc), -ax * ps],
        [-ay * ps, ax * ps, pc],
    ];
    let turn = [[tc, -ts, 0.0], [ts, tc, 0.0], [0.0, 0.0, 1.0]];
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| tilt[i][k] * turn[k][j]).sum()))
}

/// Bilinear brightness of the drawn card; `None` beside it.
fn sample(image: &Gray, u: f32, v: f32) -> Option<f32> {
    let (width, height) = (image.width(), image.height());
    if !(u >= 0.0 && v >= 0.0 && u < width as f32 && v < height as f32) {
        return None;
    }
    let (x, y) = ((u - 0.5).max(0.0), (v - 0.5).max(0.0));
    let (left, top) = (x as usize, y as usize);
    let (right, below) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (fx, fy) = (x - left as f32, y - top as f32);
    let at = |x: usize, y: usize| f32::from(image.data()[y * width + x]);
    let upper = at(left, top) + (at(right, top) - at(left, top)) * fx;
    let lower = at(left, below) + (at(right, below) - at(left, below)) * fx;
    Some(upper + (lower - upper) * fy)
}
