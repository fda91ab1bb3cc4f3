//! Points, boxes and four-cornered outlines, in pixels.

use serde::Serialize;

/// A point in pixels; serialised as `[x, y]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(into = "[f32; 2]")]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Downwards.
    pub y: f32,
}

impl Point {
    /// A point from its coordinates.
    #[must_use]
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Euclidean distance in pixels.
    #[must_use]
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The point a share `t` (0…1) of the way to `other`.
    #[must_use]
    pub fn lerp(self, other: Self, t: f32) -> Self {
        Self::new(self.x + (other.x - self.x) * t, self.y + (other.y - self.y) * t)
    }
}

impl From<Point> for [f32; 2] {
    fn from(point: Point) -> Self {
        [point.x, point.y]
    }
}

impl std::ops::Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl std::ops::Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl std::ops::Mul<f32> for Point {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

/// A landmark with a depth in the same unit as `x` and `y`, growing away from the camera.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point3 {
    /// To the right, in pixels.
    pub x: f32,
    /// Downwards, in pixels.
    pub y: f32,
    /// Away from the camera, in pixels, relative to the face.
    pub z: f32,
}

impl Point3 {
    /// The point in the picture.
    #[must_use]
    pub fn xy(self) -> Point {
        Point::new(self.x, self.y)
    }
}

/// An upright box; serialised as `[x, y, width, height]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(into = "[f32; 4]")]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width, never negative.
    pub width: f32,
    /// Height, never negative.
    pub height: f32,
}

impl Rect {
    /// A box from its left, top, width and height.
    #[must_use]
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }

    /// The smallest box around some points; empty at the origin when there are none.
    #[must_use]
    pub fn around(points: impl IntoIterator<Item = Point>) -> Self {
        let mut bounds: Option<(Point, Point)> = None;
        for p in points {
            let (low, high) = bounds.unwrap_or((p, p));
            bounds = Some((Point::new(low.x.min(p.x), low.y.min(p.y)), Point::new(high.x.max(p.x), high.y.max(p.y))));
        }
        bounds.map_or_else(Self::default, |(low, high)| Self::new(low.x, low.y, high.x - low.x, high.y - low.y))
    }

    /// The right edge.
    #[must_use]
    pub fn right(self) -> f32 {
        self.x + self.width
    }

    /// The bottom edge.
    #[must_use]
    pub fn bottom(self) -> f32 {
        self.y + self.height
    }

    /// The middle.
    #[must_use]
    pub fn centre(self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Area in square pixels.
    #[must_use]
    pub fn area(self) -> f32 {
        self.width * self.height
    }

    /// The common part; empty when the boxes do not meet.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let width = (self.right().min(other.right()) - x).max(0.0);
        let height = (self.bottom().min(other.bottom()) - y).max(0.0);
        Self::new(x, y, width, height)
    }

    /// Intersection over union, 0…1.
    #[must_use]
    pub fn iou(self, other: Self) -> f32 {
        let common = self.intersection(other).area();
        let union = self.area() + other.area() - common;
        if union > 0.0 { common / union } else { 0.0 }
    }

    /// The same centre, `factor` times as wide and high.
    #[must_use]
    pub fn scaled(self, factor: f32) -> Self {
        let centre = self.centre();
        let (width, height) = (self.width * factor, self.height * factor);
        Self::new(centre.x - width / 2.0, centre.y - height / 2.0, width, height)
    }
}

impl From<Rect> for [f32; 4] {
    fn from(rect: Rect) -> Self {
        [rect.x, rect.y, rect.width, rect.height]
    }
}

/// Four corners, clockwise in the picture, from the top-left of the thing itself (not of the picture).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Quad(pub [Point; 4]);

impl Quad {
    /// The outline of an upright box.
    #[must_use]
    pub fn from_rect(rect: Rect) -> Self {
        let (left, top, right, bottom) = (rect.x, rect.y, rect.right(), rect.bottom());
        Self([Point::new(left, top), Point::new(right, top), Point::new(right, bottom), Point::new(left, bottom)])
    }

    /// The smallest upright box around it.
    #[must_use]
    pub fn bounds(self) -> Rect {
        Rect::around(self.0)
    }

    /// Mean length of the top and bottom edges.
    #[must_use]
    pub fn mean_width(self) -> f32 {
        let [a, b, c, d] = self.0;
        f32::midpoint(a.distance(b), d.distance(c))
    }

    /// Mean length of the left and right edges.
    #[must_use]
    pub fn mean_height(self) -> f32 {
        let [a, b, c, d] = self.0;
        f32::midpoint(a.distance(d), b.distance(c))
    }

    /// Which share of its area, 0…1, lies inside another convex outline; 0 when it has no area. Cut along one side of the
    /// other after the other (Sutherland and Hodgman 1974).
    #[must_use]
    pub fn share_inside(self, other: Self) -> f32 {
        let (area, turn) = (signed_area(&self.0).abs(), signed_area(&other.0).signum());
        if area <= 0.0 {
            return 0.0;
        }
        let sides = (0..4).map(|k| (other.0[k], other.0[(k + 1) % 4]));
        let inside = sides.fold(self.0.to_vec(), |part, (from, to)| {
            let side = to - from;
            cut(&part, |p| turn * (side.x * (p.y - from.y) - side.y * (p.x - from.x)))
        });
        (signed_area(&inside).abs() / area).min(1.0)
    }
}

/// Area of a polygon in square pixels, positive when its corners run clockwise in the picture.
fn signed_area(corners: &[Point]) -> f32 {
    let next = corners.iter().cycle().skip(1);
    corners.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum::<f32>() / 2.0
}

/// The part of a polygon where `depth`, which has to be linear, is not negative.
fn cut(corners: &[Point], depth: impl Fn(Point) -> f32) -> Vec<Point> {
    let mut kept = Vec::with_capacity(corners.len() + 1);
    for (&from, &to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
        let (here, there) = (depth(from), depth(to));
        if here >= 0.0 {
            kept.push(from);
        }
        if (here >= 0.0) != (there >= 0.0) {
            kept.push(from.lerp(to, here / (here - there)));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_that_do_not_meet_have_no_overlap() {
        assert!(Rect::new(0.0, 0.0, 2.0, 2.0).iou(Rect::new(5.0, 5.0, 2.0, 2.0)).abs() < f32::EPSILON);
    }

    #[test]
    fn half_covered_boxes_share_a_third_of_their_union() {
        let overlap = Rect::new(0.0, 0.0, 2.0, 2.0).iou(Rect::new(1.0, 0.0, 2.0, 2.0));
        assert!((overlap - 1.0 / 3.0).abs() < 1e-6);
    }

    fn upright(x: f32, y: f32, width: f32, height: f32) -> Quad {
        Quad::from_rect(Rect::new(x, y, width, height))
    }

    #[test]
    fn the_share_of_a_box_inside_another_is_what_is_common_to_both() {
        let share = |a: Quad, b: Quad| (a.share_inside(b) * 100.0).round();
        let wide = upright(0.0, 0.0, 100.0, 10.0);
        assert_eq!((share(wide, wide), share(wide, upright(0.0, 20.0, 100.0, 10.0))), (100.0, 0.0));
        assert_eq!(
            (share(upright(10.0, 5.0, 20.0, 10.0), wide), share(upright(90.0, 2.0, 20.0, 4.0), wide)),
            (50.0, 50.0)
        );
        assert_eq!(
            (share(wide, upright(10.0, 5.0, 20.0, 10.0)), share(upright(5.0, 5.0, 0.0, 0.0), wide)),
            (10.0, 0.0)
        );
    }

    #[test]
    fn a_tilted_box_inside_a_tilted_one_is_told_from_its_upright_bounds() {
        let (sin, cos) = 20_f32.to_radians().sin_cos();
        let turned = |quad: Quad| Quad(quad.0.map(|p| Point::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos)));
        let (row, part) = (turned(upright(0.0, 0.0, 400.0, 20.0)), turned(upright(50.0, 1.0, 120.0, 18.0)));
        assert!((part.share_inside(row) - 1.0).abs() < 1e-3);
        assert!(Quad::from_rect(part.bounds()).share_inside(row) < 0.5);
        let [a, b, c, d] = row.0;
        assert!((part.share_inside(Quad([d, c, b, a])) - 1.0).abs() < 1e-3, "the other way round is the same outline");
    }
}
