//! The signs, drawn as shapes: no glyph of a font that may be missing.

use eframe::egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, epaint::PathStroke};

use super::view::Sign;

/// The colours of a sign.
#[derive(Clone, Copy)]
pub struct Ink {
    /// Of the disc.
    pub disc: Color32,
    /// Of what is drawn on it.
    pub mark: Color32,
}

/// Draws a sign within `radius` around `centre`. `seconds` moves what moves.
pub fn draw(painter: &Painter, sign: Sign, centre: Pos2, radius: f32, ink: Ink, seconds: f64) {
    let at = |x: f32, y: f32| centre + Vec2::new(x, y) * radius;
    let stroke = Stroke::new(radius * 0.16, ink.mark);
    match sign {
        Sign::Tick => {
            painter.circle_filled(centre, radius, ink.disc);
            bent_line(painter, &[at(-0.42, 0.04), at(-0.12, 0.34), at(0.46, -0.32)], stroke);
        }
        Sign::Cross => {
            painter.circle_filled(centre, radius, ink.disc);
            bent_line(painter, &[at(-0.34, -0.34), at(0.34, 0.34)], stroke);
            bent_line(painter, &[at(0.34, -0.34), at(-0.34, 0.34)], stroke);
        }
        Sign::Stop => {
            painter.circle_filled(centre, radius, ink.disc);
            bent_line(painter, &[at(-0.42, 0.0), at(0.42, 0.0)], stroke);
        }
        Sign::Clock => {
            painter.circle_filled(centre, radius, ink.disc);
            bent_line(painter, &[at(0.0, -0.55), at(0.0, 0.06), at(0.36, 0.28)], Stroke::new(radius * 0.13, ink.mark));
        }
        Sign::Person => {
            painter.circle_filled(centre, radius, ink.disc);
            painter.circle_filled(at(0.0, -0.27), radius * 0.27, ink.mark);
            painter.add(half_disc(at(0.0, 0.56), Vec2::new(0.5, 0.46) * radius, ink.mark));
        }
        Sign::Alert => alert(painter, at, radius, ink),
        Sign::Card => card(painter, centre, radius, ink),
        Sign::Working => {
            for (k, x) in [-0.62_f32, 0.0, 0.62].into_iter().enumerate() {
                let beat = (seconds * 3.0 - k as f64 * 0.7).sin() as f32;
                painter.circle_filled(at(x, 0.0), radius * (0.17 + 0.05 * beat), ink.disc);
            }
        }
    }
}

/// Draws a wide arrow of `length` that points to `side` (-1 left, 1 right).
pub fn arrow(painter: &Painter, centre: Pos2, length: f32, side: f32, colour: Color32) {
    let at = |x: f32, y: f32| centre + Vec2::new(x * side, y) * (length / 2.0);
    painter.rect_filled(Rect::from_two_pos(at(-1.0, -0.26), at(0.12, 0.26)), length * 0.05, colour);
    painter.add(Shape::convex_polygon(vec![at(1.0, 0.0), at(0.0, -0.82), at(0.0, 0.82)], colour, Stroke::NONE));
}

/// A line with round ends and corners.
fn bent_line(painter: &Painter, points: &[Pos2], stroke: Stroke) {
    painter.line(points.to_vec(), PathStroke::from(stroke));
    for &point in points {
        painter.circle_filled(point, stroke.width / 2.0, stroke.color);
    }
}

/// The upper half of an ellipse that stands on `base`.
fn half_disc(base: Pos2, half: Vec2, colour: Color32) -> Shape {
    let points = (0..=32).map(|k| {
        let (sine, cosine) = (std::f32::consts::PI * (1.0 + k as f32 / 32.0)).sin_cos();
        base + Vec2::new(half.x * cosine, half.y * sine)
    });
    Shape::convex_polygon(points.collect(), colour, Stroke::NONE)
}

fn alert(painter: &Painter, at: impl Fn(f32, f32) -> Pos2, radius: f32, ink: Ink) {
    let corners = [at(0.0, -0.8), at(0.92, 0.76), at(-0.92, 0.76)];
    painter.add(Shape::convex_polygon(corners.to_vec(), ink.disc, Stroke::new(radius * 0.22, ink.disc)));
    for corner in corners {
        painter.circle_filled(corner, radius * 0.11, ink.disc);
    }
    bent_line(painter, &[at(0.0, -0.26), at(0.0, 0.28)], Stroke::new(radius * 0.17, ink.mark));
    painter.circle_filled(at(0.0, 0.58), radius * 0.105, ink.mark);
}

/// An identity card: a portrait and lines.
fn card(painter: &Painter, centre: Pos2, radius: f32, ink: Ink) {
    let half = Vec2::new(1.5, 0.95) * radius;
    let rect = Rect::from_center_size(centre, half * 2.0);
    painter.rect_filled(rect, radius * 0.2, ink.disc);
    let portrait = Rect::from_center_size(centre + Vec2::new(-0.8, 0.0) * radius, Vec2::new(0.95, 1.2) * radius);
    painter.rect_stroke(portrait, radius * 0.1, Stroke::new(radius * 0.06, ink.mark), StrokeKind::Inside);
    painter.circle_filled(portrait.center() - Vec2::new(0.0, 0.16 * radius), radius * 0.2, ink.mark);
    let base = portrait.center() + Vec2::new(0.0, 0.44 * radius);
    painter.add(half_disc(base, Vec2::new(0.34, 0.34) * radius, ink.mark));
    for (y, width) in [(-0.46, 1.25), (-0.12, 1.25), (0.22, 0.9), (0.5, 0.6)] {
        let line = Rect::from_min_size(centre + Vec2::new(-0.05, y) * radius, Vec2::new(width, 0.13) * radius);
        painter.rect_filled(line, radius * 0.06, ink.mark);
    }
}
