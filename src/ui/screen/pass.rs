//! A result with a QR code to be photographed: the code large, dark on white with a quiet zone, the words beside or above it.
//!
//! Always holds: every module is a whole number of the display's own pixels, so that none is blurred. Keeps nothing.

use eframe::egui::{Align, Color32, Pos2, Rect, Ui, Vec2};
use rxing::qrcode::common::ErrorCorrectionLevel;
use rxing::qrcode::encoder::qrcode_encoder::encode;

use super::Canvas;
use crate::session::PassText;
use crate::ui::design::{bold, regular};
use crate::ui::text::{draw_centred, lay, lay_balanced};

/// Modules of the quiet zone on every side (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;
/// Share of the shorter side of the window that the code takes, and of the width where it stands.
const SHARE: (f32, f32) = (0.78, 0.92);

/// A code: its side in modules, and which of them are dark, row by row.
pub(super) struct Code {
    side: usize,
    dark: Vec<bool>,
}

#[cfg(test)]
impl Code {
    /// Its side in modules.
    pub(super) fn side(&self) -> usize {
        self.side
    }
}

/// The code that says a pass; `None` when it cannot be written, and then the result is shown without.
pub(super) fn code_of(pass: &PassText) -> Option<Code> {
    let code = encode(pass.as_str(), ErrorCorrectionLevel::M).ok()?;
    let matrix = code.getMatrix().as_ref()?;
    let side = matrix.getWidth() as usize;
    let dark = (0..side * side).map(|at| matrix.get((at % side) as u32, (at / side) as u32) == 1).collect();
    Some(Code { side, dark })
}

/// Draws it, and returns where the words and the code are. There is nothing to press.
pub(super) fn draw(ui: &Ui, canvas: &Canvas<'_>, code: &Code) -> (Rect, Rect) {
    let (painter, scale, area) = (ui.painter(), canvas.scale, canvas.area);
    let points_a_pixel = 1.0 / ui.ctx().pixels_per_point();
    let modules = code.side + 2 * QUIET;
    let room = if scale.portrait { SHARE.1 * area.width() } else { SHARE.0 * area.height() };
    let module = (room / modules as f32 / points_a_pixel).floor().max(1.0) * points_a_pixel;
    let size = Vec2::splat(module * modules as f32);
    let width = if scale.portrait { area.width() } else { area.width() - size.x - 2.0 * scale.margin() };
    let inside = width - 2.0 * scale.margin();
    let text = canvas.palette.text;
    let title = lay_balanced(painter, canvas.view.title, &bold(scale.hero()), text, inside);
    let detail = lay(painter, canvas.view.detail, regular(scale.lead()), text, inside, Align::Center);
    let words = title.size().y + scale.gap() + detail.size().y;
    let (corner, top) = if scale.portrait {
        let top = area.top() + ((area.height() - words - 2.0 * scale.gap() - size.y) / 2.0).max(scale.margin());
        (Pos2::new(area.center().x - size.x / 2.0, top + words + 2.0 * scale.gap()), top)
    } else {
        let right = area.right() - 2.0 * scale.margin();
        (Pos2::new(right - size.x, area.center().y - size.y / 2.0), area.center().y - words / 2.0)
    };
    let middle = area.left() + width / 2.0;
    let height = draw_centred(painter, &title, Pos2::new(middle, top));
    draw_centred(painter, &detail, Pos2::new(middle, top + height + scale.gap()));
    let on_pixel = |at: f32| (at / points_a_pixel).round() * points_a_pixel;
    let corner = Pos2::new(on_pixel(corner.x), on_pixel(corner.y));
    let place = Rect::from_min_size(corner, size);
    painter.rect_filled(place, 0, Color32::WHITE);
    for (at, _) in code.dark.iter().enumerate().filter(|(_, dark)| **dark) {
        let place = Vec2::new((QUIET + at % code.side) as f32, (QUIET + at / code.side) as f32);
        painter.rect_filled(Rect::from_min_size(corner + place * module, Vec2::splat(module)), 0, Color32::BLACK);
    }
    let widest = title.size().x.max(detail.size().x);
    (Rect::from_min_size(Pos2::new(middle - widest / 2.0, top), Vec2::new(widest, words)), place)
}
