//! A screen with the preview: the picture as large as fits, what to do beside it (or above and below it, standing).

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{Align, Color32, FontId, Galley, Painter, Pos2, Rect, Stroke, Ui, Vec2};

use super::Canvas;
use crate::ui::design::{ACCENT, INK, INK_SOFT, LINE, NOTE, PILL, bold, regular};
use crate::ui::text::{draw_centred, draw_left, lay, lay_balanced};
use crate::ui::view::{Arrow, Button, Steps};
use crate::ui::words;

mod overlay;

/// Steps in which type is made smaller until all of it fits.
const FITS: [f32; 5] = [1.0, 0.92, 0.84, 0.76, 0.6];
/// Narrowest column of words beside a picture, in points of the design.
const COLUMN: f32 = 404.0;
/// Width over height of a preview before its first picture.
const ASPECT: f32 = 4.0 / 3.0;
/// Time between two looks at whether the picture is still fresh, and between the frames of an arrow.
const FRAME: Duration = Duration::from_millis(66);

/// Draws it and returns where the buttons are.
pub(super) fn draw(ui: &Ui, canvas: &Canvas<'_>) -> Vec<(Button, Rect)> {
    ui.ctx().request_repaint_after(FRAME);
    if canvas.scale.portrait { draw_portrait(ui, canvas) } else { draw_landscape(ui, canvas) }.1
}

/// For tests: how far type had to be made smaller.
#[cfg(test)]
pub(super) fn fit(ui: &Ui, canvas: &Canvas<'_>) -> f32 {
    if canvas.scale.portrait { draw_portrait(ui, canvas) } else { draw_landscape(ui, canvas) }.0
}

fn aspect(canvas: &Canvas<'_>) -> f32 {
    canvas.picture.map_or(ASPECT, |picture| picture.size.x / picture.size.y.max(1.0)).clamp(0.4, 2.5)
}

fn draw_landscape(ui: &Ui, canvas: &Canvas<'_>) -> (f32, Vec<(Button, Rect)>) {
    let (scale, area) = (canvas.scale, canvas.area);
    let margin = scale.margin();
    let aspect = aspect(canvas);
    let widest = area.width() - COLUMN * scale.unit - 3.0 * margin;
    let height = (widest / aspect).min(area.height() - 2.0 * margin);
    let size = Vec2::new(height * aspect, height);
    let picture = Rect::from_min_size(Pos2::new(area.left() + margin, area.center().y - height / 2.0), size);
    overlay::draw(ui, canvas, picture);
    if let Some(hint) = canvas.view.hint {
        let galley = hint_text(ui.painter(), canvas, hint, picture.width() - 4.0 * margin);
        let high = galley.size().y + 0.9 * margin;
        pill(ui.painter(), canvas, &galley, Pos2::new(picture.center().x, picture.bottom() - 0.5 * margin - high));
    }

    let column = Rect::from_min_max(
        Pos2::new(picture.right() + margin, picture.top()),
        Pos2::new(area.right() - margin, picture.bottom().max(area.top() + 0.8 * area.height())),
    );
    let buttons = buttons_at_foot(canvas, column);
    let room = column.height() - scale.button() - scale.gap();
    let (fit, words) = fitting(ui.painter(), canvas, column.width(), room, Align::Min, true);
    words.draw(ui.painter(), canvas, column.left_top(), column.width());
    (fit, buttons)
}

fn draw_portrait(ui: &Ui, canvas: &Canvas<'_>) -> (f32, Vec<(Button, Rect)>) {
    let (scale, area) = (canvas.scale, canvas.area);
    let margin = scale.margin();
    let width = area.width() - 2.0 * margin;
    let painter = ui.painter();
    let title = lay_balanced(painter, canvas.view.title, &bold(scale.title()), INK, width);
    let head = (2.6 * scale.title()).max(title.size().y);
    let top = area.top() + 1.25 * margin;
    draw_centred(painter, &title, Pos2::new(area.center().x, top + (head - title.size().y) / 2.0));

    let top = top + head + margin;
    let foot = area.bottom() - 1.5 * margin - scale.button();
    let high = (width / aspect(canvas)).min((foot - top) * 0.62);
    let size = Vec2::new(high * aspect(canvas), high);
    let picture = Rect::from_min_size(Pos2::new(area.center().x - size.x / 2.0, top), size);
    overlay::draw(ui, canvas, picture);

    let mut at = Pos2::new(area.center().x, picture.bottom() + 0.9 * margin);
    if let Some(hint) = canvas.view.hint {
        let galley = hint_text(painter, canvas, hint, width - 2.0 * margin);
        at.y += pill(painter, canvas, &galley, at) + margin;
    }
    let column = Rect::from_min_max(Pos2::new(area.left() + margin, at.y), Pos2::new(area.right() - margin, foot));
    let (fit, words) = fitting(painter, canvas, width, column.height() - margin, Align::Center, false);
    words.draw(painter, canvas, at, width);
    let whole = Rect::from_min_max(column.min, Pos2::new(column.right(), area.bottom() - 1.5 * margin));
    (fit, buttons_at_foot(canvas, whole))
}

fn buttons_at_foot(canvas: &Canvas<'_>, column: Rect) -> Vec<(Button, Rect)> {
    let height = canvas.scale.button();
    let step = height + canvas.scale.gap();
    (canvas.view.buttons.iter().enumerate())
        .map(|(k, &button)| {
            let top = column.bottom() - height - k as f32 * step;
            (button, Rect::from_min_size(Pos2::new(column.left(), top), Vec2::new(column.width(), height)))
        })
        .collect()
}

fn hint_text(painter: &Painter, canvas: &Canvas<'_>, hint: &str, width: f32) -> Arc<Galley> {
    lay_balanced(painter, hint, &bold(canvas.scale.body()), Color32::WHITE, width)
}

/// Draws the hint with the middle of its upper edge at `top`, and returns its height.
fn pill(painter: &Painter, canvas: &Canvas<'_>, galley: &Arc<Galley>, top: Pos2) -> f32 {
    let margin = 32.0 * canvas.scale.unit;
    let size = galley.size() + Vec2::new(1.6, 0.9) * margin;
    let rect = Rect::from_min_size(top - Vec2::new(size.x / 2.0, 0.0), size);
    painter.rect_filled(rect, size.y / 2.0, PILL);
    draw_centred(painter, galley, Pos2::new(top.x, rect.center().y - galley.size().y / 2.0));
    size.y
}

/// What stands beside or below the picture, measured.
struct Words {
    align: Align,
    steps: Option<(Steps, Arc<Galley>)>,
    title: Option<Arc<Galley>>,
    detail: Option<Arc<Galley>>,
    note: Option<[Arc<Galley>; 2]>,
    gap: f32,
    /// Radius of a step's dot.
    dot: f32,
}

/// The largest type with which everything fits, and the words set in it.
fn fitting(
    painter: &Painter,
    canvas: &Canvas<'_>,
    width: f32,
    room: f32,
    align: Align,
    with_title: bool,
) -> (f32, Words) {
    let set = |fit| Words::set(painter, canvas, width, fit, align, with_title);
    let mut last = (FITS[0], set(FITS[0]));
    for &fit in &FITS[1..] {
        if last.1.height() <= room {
            break;
        }
        last = (fit, set(fit));
    }
    last
}

impl Words {
    fn set(painter: &Painter, canvas: &Canvas<'_>, width: f32, fit: f32, align: Align, with_title: bool) -> Self {
        let (view, scale) = (canvas.view, canvas.scale);
        let small = scale.small() * fit;
        let inside = width - 2.0 * scale.gap();
        let set = |text: &str, font: FontId, width: f32| match align {
            Align::Center => lay_balanced(painter, text, &font, INK, width),
            Align::Min | Align::Max => lay(painter, text, font, INK, width, align),
        };
        Self {
            align,
            steps: view.steps.map(|steps| {
                let words = format!("{} of {}", (steps.done + 1).min(steps.of), steps.of);
                (steps, lay(painter, &words, bold(small), INK_SOFT, width, Align::Min))
            }),
            title: with_title.then(|| set(view.title, bold(scale.title() * fit), width)),
            // Standing there is little room, and the note is more telling.
            detail: (with_title || view.note.is_none()).then(|| set(view.detail, regular(scale.body() * fit), width)),
            note: view.note.map(|note| [set(words::TRY_AGAIN, bold(small), inside), set(note, regular(small), inside)]),
            gap: scale.gap() * fit,
            dot: 11.0 * scale.unit,
        }
    }

    fn height(&self) -> f32 {
        let steps = self.steps.as_ref().map_or(0.0, |(_, words)| words.size().y + self.gap);
        let title = self.title.as_ref().map_or(0.0, |title| title.size().y + self.gap);
        let note = self.note.as_ref().map_or(0.0, |[head, body]| head.size().y + body.size().y + 2.6 * self.gap);
        let detail = self.detail.as_ref().map_or(0.0, |detail| detail.size().y);
        steps + title + detail + note
    }

    /// Draws them from `at`: the left end, or the middle when centred.
    fn draw(&self, painter: &Painter, canvas: &Canvas<'_>, mut at: Pos2, width: f32) {
        let put = |galley: &Arc<Galley>, at: Pos2| draw_left(painter, galley, at);
        if let Some((steps, words)) = &self.steps {
            at.y += self.draw_steps(painter, *steps, words, at) + self.gap;
        }
        if let Some(title) = &self.title {
            at.y += put(title, at) + self.gap;
        }
        if let Some(detail) = &self.detail {
            at.y += put(detail, at) + self.gap;
        }
        if let Some([head, body]) = &self.note {
            let pad = 0.8 * self.gap;
            let high = head.size().y + body.size().y + 2.0 * pad;
            let left = if self.align == Align::Center { at.x - width / 2.0 } else { at.x };
            let around = Rect::from_min_size(Pos2::new(left, at.y), Vec2::new(width, high));
            painter.rect_filled(around, canvas.scale.corner(), NOTE);
            let inset = if self.align == Align::Center { 0.0 } else { canvas.scale.gap() };
            let line = Pos2::new(at.x + inset, around.top() + pad);
            let below = put(head, line);
            put(body, line + Vec2::new(0.0, below));
        }
    }

    /// A dot a step (filled when done, thick when it is the one to do), then the words; returns the height.
    fn draw_steps(&self, painter: &Painter, steps: Steps, words: &Arc<Galley>, at: Pos2) -> f32 {
        let pitch = 2.0 * self.dot + self.gap * 0.6;
        let width = f32::from(steps.of) * pitch + words.size().x;
        let left = if self.align == Align::Center { at.x - width / 2.0 } else { at.x };
        let middle = at.y + words.size().y / 2.0;
        for step in 0..steps.of {
            let centre = Pos2::new(left + self.dot + f32::from(step) * pitch, middle);
            if step < steps.done {
                painter.circle_filled(centre, self.dot, ACCENT);
            } else {
                let (width, colour) = if step == steps.done { (0.34, ACCENT) } else { (0.2, LINE) };
                let stroke = Stroke::new(self.dot * width, colour);
                painter.circle_stroke(centre, self.dot - stroke.width / 2.0, stroke);
            }
        }
        draw_left(painter, words, Pos2::new(left + f32::from(steps.of) * pitch + 0.2 * self.gap, at.y));
        words.size().y
    }
}

/// Which side an arrow stands at: -1 left, 1 right, none for the centre.
fn side(arrow: Option<Arrow>) -> Option<f32> {
    match arrow {
        Some(Arrow::Left) => Some(-1.0),
        Some(Arrow::Right) => Some(1.0),
        Some(Arrow::Centre) | None => None,
    }
}
