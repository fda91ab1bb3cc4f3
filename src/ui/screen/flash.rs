//! The screen that lights the face: one colour over all of it, a small oval to look at, a word and the way out.

use eframe::egui::epaint::PathStroke;
use eframe::egui::{Align, Align2, Pos2, Rect, Shape, Stroke, Ui, Vec2};

use super::Canvas;
use crate::ui::design::bold;
use crate::ui::text::{draw_centred, lay};
use crate::ui::view::Button;

/// Height of the oval in shares of the window's shorter side, and its width in shares of its height.
const OVAL: (f32, f32) = (0.2, 0.76);
/// Points of its outline.
const OUTLINE: u32 = 96;
/// Width of the button in points of the design: smaller than elsewhere, because it takes light away.
const BUTTON: f32 = 240.0;

/// Draws it and returns where the buttons are.
pub(super) fn draw(ui: &Ui, canvas: &Canvas<'_>) -> Vec<(Button, Rect)> {
    let (painter, scale, area) = (ui.painter(), canvas.scale, canvas.area);
    let height = OVAL.0 * area.width().min(area.height());
    let half = Vec2::new(OVAL.1 * height, height) / 2.0;
    let middle = Pos2::new(area.center().x, area.top() + 0.42 * area.height());
    let points = (0..OUTLINE).map(|k| {
        let (sine, cosine) = (std::f32::consts::TAU * k as f32 / OUTLINE as f32).sin_cos();
        middle + half * Vec2::new(sine, -cosine)
    });
    let stroke = PathStroke::from(Stroke::new(4.0 * scale.unit, canvas.palette.text));
    painter.add(Shape::closed_line(points.collect(), stroke));
    let words = canvas.view.hint.unwrap_or(canvas.view.title);
    let width = area.width() - 2.0 * scale.margin();
    let galley = lay(painter, words, bold(scale.body()), canvas.palette.text, width, Align::Center);
    draw_centred(painter, &galley, Pos2::new(middle.x, middle.y + half.y + scale.gap()));
    let size = Vec2::new(BUTTON * scale.unit, scale.button());
    let foot = Pos2::new(area.center().x, area.bottom() - 1.5 * scale.margin());
    let rise = Vec2::new(0.0, size.y + scale.gap());
    let places = canvas.view.buttons.iter().enumerate();
    places.map(|(k, &button)| (button, Align2::CENTER_BOTTOM.anchor_size(foot - rise * k as f32, size))).collect()
}
