//! The picture itself, and what is drawn over it: the card's frame or the oval, what is done, and the arrow.

use std::f32::consts::TAU;

use eframe::egui::epaint::{Mesh, PathStroke, RectShape};
use eframe::egui::{Align, Color32, CornerRadius, Pos2, Rect, Shape, Stroke, Ui, Vec2};

use super::side;
use crate::ui::design::{ACCENT, DONE, INK, SHADE, regular};
use crate::ui::screen::Canvas;
use crate::ui::signs;
use crate::ui::text::{draw_centred, lay};
use crate::ui::view::Guide;
use crate::ui::words;

/// Width over height of an ID-1 card (ISO/IEC 7810).
const CARD_ASPECT: f32 = 1.586;
/// Points of an outline.
const OUTLINE: u32 = 240;

/// A closed line around a centre.
struct Outline {
    centre: Pos2,
    /// Half of its width and height.
    half: Vec2,
    /// Rounding of a card's corners; an oval has none.
    corner: Option<f32>,
}

/// Draws the picture into `rect` with everything over it.
pub(super) fn draw(ui: &Ui, canvas: &Canvas<'_>, rect: Rect) {
    let painter = ui.painter();
    let corner = f32::from(canvas.scale.corner());
    let rounding = CornerRadius::same(canvas.scale.corner());
    let guide = canvas.view.guide;
    let Some(picture) = canvas.picture else {
        painter.rect_filled(rect, rounding, INK);
        let size = regular(canvas.scale.body());
        let words = lay(painter, words::CAMERA_STARTING, size, Color32::WHITE, rect.width() * 0.8, Align::Center);
        draw_centred(painter, &words, rect.center() - Vec2::new(0.0, words.size().y / 2.0));
        return;
    };
    // A face is shown as in a mirror, a document as the camera sees it, so that its text reads rightly.
    let (left, right) = if guide == Some(Guide::Face) { (1.0, 0.0) } else { (0.0, 1.0) };
    let part = Rect { min: Pos2::new(left, 0.0), max: Pos2::new(right, 1.0) };
    painter.add(RectShape::filled(rect, rounding, Color32::WHITE).with_texture(picture.texture, part));

    let hole = outline(guide, rect);
    let edge = Outline { centre: rect.center(), half: rect.size() / 2.0, corner: Some(corner) };
    painter.add(Shape::mesh(shade(&hole, &edge)));
    let unit = canvas.scale.unit;
    let line = |points: Vec<Pos2>, width: f32, colour: Color32| {
        painter.add(Shape::closed_line(points, PathStroke::from(Stroke::new(width * unit, colour))))
    };
    line(hole.points(), 9.0, Color32::from_black_alpha(120));
    line(hole.points(), 5.0, Color32::WHITE);
    if let Some(progress) = canvas.view.progress.filter(|&progress| progress > 0.0) {
        let share = (progress.min(1.0) * OUTLINE as f32).round() as usize;
        let stroke = Stroke::new(11.0 * unit, DONE);
        painter.line(hole.points().into_iter().cycle().take(share + 1).collect(), PathStroke::from(stroke));
    }
    draw_arrow(ui, canvas, rect, &hole);
}

fn draw_arrow(ui: &Ui, canvas: &Canvas<'_>, rect: Rect, hole: &Outline) {
    let Some(side) = side(canvas.view.arrow) else { return };
    let space = rect.width() / 2.0 - hole.half.x;
    let radius = (0.14 * rect.height()).min(0.42 * space);
    let centre = Pos2::new(rect.center().x + side * (hole.half.x + space / 2.0), hole.centre.y);
    let seconds = ui.input(|input| input.time);
    let sway = side * radius * 0.1 * (seconds * 4.0).sin() as f32;
    ui.painter().circle_filled(centre, radius * 1.1, Color32::WHITE);
    ui.painter().circle_filled(centre, radius, ACCENT);
    signs::arrow(ui.painter(), centre + Vec2::new(sway, 0.0), radius * 1.15, side, Color32::WHITE);
}

fn outline(guide: Option<Guide>, rect: Rect) -> Outline {
    let (width, height) = (rect.width(), rect.height());
    match guide {
        Some(Guide::Face) => {
            let half_height = 0.39 * height.min(width * 1.2);
            let half = Vec2::new(0.76 * half_height, half_height);
            Outline { centre: Pos2::new(rect.center().x, rect.top() + 0.44 * height), half, corner: None }
        }
        Some(Guide::Card) | None => {
            let half_width = (0.42 * width).min(0.4 * height * CARD_ASPECT);
            let half = Vec2::new(half_width, half_width / CARD_ASPECT);
            let centre = Pos2::new(rect.center().x, rect.top() + 0.45 * height);
            Outline { centre, half, corner: Some(half_width * 0.07) }
        }
    }
}

impl Outline {
    /// Its points clockwise from the top.
    fn points(&self) -> Vec<Pos2> {
        directions().map(|direction| self.centre + direction * self.reach(direction)).collect()
    }

    /// How far it is from the centre in a direction of length 1.
    fn reach(&self, direction: Vec2) -> f32 {
        let Some(corner) = self.corner else {
            return 1.0 / (direction / self.half).length();
        };
        let (dx, dy) = (direction.x.abs().max(1e-6), direction.y.abs().max(1e-6));
        let straight = (self.half.x / dx).min(self.half.y / dy);
        let hub = self.half - Vec2::splat(corner);
        let touch = Vec2::new(dx, dy) * straight;
        if touch.x <= hub.x || touch.y <= hub.y {
            return straight;
        }
        // Where the ray leaves the circle that rounds the corner.
        let along = dx * hub.x + dy * hub.y;
        along + (along * along - hub.length_sq() + corner * corner).max(0.0).sqrt()
    }
}

fn directions() -> impl Iterator<Item = Vec2> {
    (0..OUTLINE).map(|k| {
        let (sine, cosine) = (TAU * k as f32 / OUTLINE as f32).sin_cos();
        Vec2::new(sine, -cosine)
    })
}

/// The area between the outline and the picture's edge, which may have another centre.
fn shade(hole: &Outline, edge: &Outline) -> Mesh {
    let mut mesh = Mesh::default();
    let around = directions().map(|direction| edge.centre + direction * edge.reach(direction));
    for (inner, outer) in hole.points().into_iter().zip(around) {
        mesh.colored_vertex(inner, SHADE);
        mesh.colored_vertex(outer, SHADE);
    }
    for k in 0..OUTLINE {
        let next = (k + 1) % OUTLINE;
        mesh.add_triangle(2 * k, 2 * k + 1, 2 * next);
        mesh.add_triangle(2 * next, 2 * k + 1, 2 * next + 1);
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_s_outline_is_straight_between_round_corners() {
        let card = Outline { centre: Pos2::ZERO, half: Vec2::new(80.0, 50.0), corner: Some(10.0) };
        assert!((card.reach(Vec2::new(1.0, 0.0)) - 80.0).abs() < 1e-3);
        assert!((card.reach(Vec2::new(0.0, -1.0)) - 50.0).abs() < 1e-3);
        let diagonal = Vec2::new(80.0, 50.0).normalized();
        let reach = card.reach(diagonal);
        assert!(reach < Vec2::new(80.0, 50.0).length() - 1.0, "the corner is cut: {reach}");
        assert!(((diagonal * reach - Vec2::new(70.0, 40.0)).length() - 10.0).abs() < 1e-3);
    }

    #[test]
    fn the_guides_lie_within_the_picture() {
        for size in [Vec2::new(780.0, 585.0), Vec2::new(448.0, 336.0), Vec2::new(300.0, 500.0)] {
            let rect = Rect::from_min_size(Pos2::ZERO, size);
            for guide in [Guide::Card, Guide::Face] {
                let points = outline(Some(guide), rect).points();
                assert!(points.iter().all(|&point| rect.contains(point)), "{guide:?} in {size:?}");
            }
        }
    }
}
