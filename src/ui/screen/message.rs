//! A screen of a sign and words, in the middle, with the buttons below.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{Align, Align2, Galley, Painter, Pos2, Rect, Ui, Vec2};

use super::Canvas;
use crate::ui::design::{bold, regular};
use crate::ui::signs::{self, Ink};
use crate::ui::text::{draw_centred, draw_left, lay, lay_balanced};
use crate::ui::view::{Button, Sign};

/// Steps in which type is made smaller until all of it fits.
const FITS: [f32; 5] = [1.0, 0.92, 0.84, 0.76, 0.6];
/// Time between the frames of what moves.
const FRAME: Duration = Duration::from_millis(50);

/// The words of a screen, measured.
struct Words {
    title: Arc<Galley>,
    detail: Option<Arc<Galley>>,
    points: Vec<Arc<Galley>>,
    staff: Option<Arc<Galley>>,
    sign: f32,
    gap: f32,
    /// Space before each point, for its mark.
    indent: f32,
}

/// Draws it and returns where the buttons are.
pub(super) fn draw_message(ui: &Ui, canvas: &Canvas<'_>) -> (f32, Vec<(Button, Rect)>) {
    let buttons = place_buttons(canvas);
    let floor = buttons.iter().map(|(_, rect)| rect.top()).fold(canvas.area.bottom(), f32::min);
    let margin = canvas.scale.margin();
    let top = canvas.area.top() + margin;
    let room = floor - margin - top;
    let (fit, words) = fitting(ui.painter(), canvas, room);
    let mut at = Pos2::new(canvas.area.center().x, top + ((room - words.height()) / 2.0).max(0.0));
    if let Some(sign) = canvas.view.sign {
        let ink = Ink { disc: canvas.palette.sign, mark: canvas.palette.mark };
        let centre = at + Vec2::new(0.0, words.sign);
        signs::draw(ui.painter(), sign, centre, words.sign, ink, ui.input(|input| input.time));
        if sign == Sign::Working {
            ui.ctx().request_repaint_after(FRAME);
        }
        at.y += 2.0 * words.sign + 1.4 * words.gap;
    }
    draw_words(ui.painter(), canvas, &words, at);
    (fit, buttons)
}

/// Draws it and returns where the buttons are.
pub(super) fn draw(ui: &Ui, canvas: &Canvas<'_>) -> Vec<(Button, Rect)> {
    draw_message(ui, canvas).1
}

fn draw_words(painter: &Painter, canvas: &Canvas<'_>, words: &Words, mut at: Pos2) {
    at.y += draw_centred(painter, &words.title, at) + words.gap;
    if let Some(detail) = &words.detail {
        at.y += draw_centred(painter, detail, at) + words.gap;
    }
    let widest = words.points.iter().map(|point| point.size().x).fold(0.0, f32::max);
    let left = at.x - f32::midpoint(widest, words.indent);
    for point in &words.points {
        let mark = Pos2::new(left + words.indent * 0.3, at.y + point.rows.first().map_or(0.0, |row| row.size.y / 2.0));
        painter.circle_filled(mark, words.indent * 0.2, canvas.palette.sign);
        at.y += draw_left(painter, point, Pos2::new(left + words.indent, at.y)) + words.gap;
    }
    if let Some(staff) = &words.staff {
        at.y += 0.5 * words.gap;
        draw_centred(painter, staff, at);
    }
}

/// The largest type with which everything fits, and the words set in it.
fn fitting(painter: &Painter, canvas: &Canvas<'_>, room: f32) -> (f32, Words) {
    let mut last = (FITS[0], Words::set(painter, canvas, FITS[0]));
    for fit in &FITS[1..] {
        if last.1.height() <= room {
            break;
        }
        last = (*fit, Words::set(painter, canvas, *fit));
    }
    last
}

impl Words {
    fn set(painter: &Painter, canvas: &Canvas<'_>, fit: f32) -> Self {
        let (view, scale, palette) = (canvas.view, canvas.scale, &canvas.palette);
        let room = canvas.area.width() - 2.0 * scale.margin();
        let width = room.min(960.0 * scale.unit);
        let body = scale.lead() * fit;
        let indent = body * 1.1;
        Self {
            title: lay_balanced(painter, view.title, &bold(scale.hero() * fit), palette.text, room),
            detail: (!view.detail.is_empty())
                .then(|| lay_balanced(painter, view.detail, &regular(body), palette.text, width)),
            points: (view.points.iter())
                .map(|point| lay(painter, point, regular(body), palette.text, width - indent, Align::Min))
                .collect(),
            staff: (view.staff.as_ref())
                .map(|staff| lay_balanced(painter, staff, &regular(scale.small() * fit), palette.soft, width)),
            sign: if view.sign.is_some() { scale.sign() * fit } else { 0.0 },
            gap: scale.gap() * fit,
            indent,
        }
    }

    fn height(&self) -> f32 {
        let lines = [Some(&self.title), self.detail.as_ref(), self.staff.as_ref()];
        let words: f32 = lines.into_iter().flatten().chain(&self.points).map(|line| line.size().y + self.gap).sum();
        let sign = if self.sign > 0.0 { 2.0 * self.sign + 1.4 * self.gap } else { 0.0 };
        sign + words
    }
}

/// Side by side where the window is wide, one above the other (what leads on first) where it is not.
pub(super) fn place_buttons(canvas: &Canvas<'_>) -> Vec<(Button, Rect)> {
    let (scale, area) = (canvas.scale, canvas.area);
    let buttons = &canvas.view.buttons;
    let (count, gap) = (buttons.len() as f32, scale.gap());
    if scale.portrait {
        let size = Vec2::new(area.width() - 2.0 * scale.margin(), scale.button());
        let bottom = area.bottom() - 1.5 * scale.margin();
        return (buttons.iter().enumerate())
            .map(|(k, &button)| {
                let foot = Pos2::new(area.center().x, bottom - k as f32 * (size.y + gap));
                (button, Align2::CENTER_BOTTOM.anchor_size(foot, size))
            })
            .collect();
    }
    let size = Vec2::new(320.0 * scale.unit, scale.button());
    let left = area.center().x - 0.5 * (count * size.x + (count - 1.0) * gap);
    let top = area.bottom() - 1.5 * scale.margin() - size.y;
    (buttons.iter().enumerate())
        .map(|(k, &button)| (button, Rect::from_min_size(Pos2::new(left + k as f32 * (size.x + gap), top), size)))
        .collect()
}

/// For tests: how far type had to be made smaller.
#[cfg(test)]
pub(super) fn fit(ui: &Ui, canvas: &Canvas<'_>) -> f32 {
    draw_message(ui, canvas).0
}
