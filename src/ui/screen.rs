//! Draws a view: the ground, one of two arrangements, and the buttons.
//!
//! [`message`] is for screens of words and a sign, [`guided`] for those with the preview, [`flash`] for the one that lights
//! the face, [`entry`] for those on which something is typed, [`pass`] for a result with a code to take along. Does not decide
//! anything.

pub(super) mod entry;
mod flash;
mod guided;
mod message;
mod pass;

use std::time::Duration;

use eframe::egui::{
    Align, Color32, CornerRadius, CursorIcon, Id, Key, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo,
};

use super::design::{Palette, Scale, bold, lit_palette, palette};
use super::preview::Picture;
use super::text;
use super::view::{Button, View};

/// So soon after a screen came, nothing can be pressed: a second tap meant for the screen before must not agree to
/// anything.
pub(super) const GUARD: Duration = Duration::from_millis(400);

/// What one frame needs.
struct Canvas<'a> {
    view: &'a View,
    picture: Option<Picture>,
    palette: Palette,
    scale: Scale,
    area: Rect,
}

/// Draws `view`, which has stood for `elapsed`, over the whole of `ui`, and returns what was pressed.
pub(super) fn show(ui: &mut Ui, view: &View, picture: Option<Picture>, elapsed: Duration) -> Option<Button> {
    let area = ui.max_rect();
    let canvas = canvas(view, picture, area);
    ui.painter().rect_filled(area, 0, canvas.palette.ground);
    let places = draw(ui, &canvas);
    let mut pressed = None;
    for (button, rect) in places {
        // Every button is drawn, whichever was pressed.
        if draw_button(ui, &canvas, button, rect) {
            pressed = Some(button);
        }
    }
    let pressed = pressed.or_else(|| key(ui, view));
    pressed.filter(|_| elapsed >= GUARD)
}

fn canvas(view: &View, picture: Option<Picture>, area: Rect) -> Canvas<'_> {
    let palette = view.light.map_or_else(|| palette(view.tone), lit_palette);
    Canvas { view, picture, palette, scale: Scale::of(area), area }
}

/// Draws what the view arranges, and returns where the buttons are.
fn draw(ui: &Ui, canvas: &Canvas<'_>) -> Vec<(Button, Rect)> {
    if canvas.view.light.is_some() {
        flash::draw(ui, canvas)
    } else if canvas.view.entry.is_some() {
        entry::draw(ui, canvas)
    } else if canvas.view.preview() {
        guided::draw(ui, canvas)
    } else if let Some(code) = canvas.view.pass.as_ref().and_then(pass::code_of) {
        let _ = pass::draw(ui, canvas, &code);
        Vec::new()
    } else {
        message::draw(ui, canvas)
    }
}

/// What a key presses, unless a button has the focus: then Enter is that button's.
fn key(ui: &Ui, view: &View) -> Option<Button> {
    let fresh = |wanted: Key| {
        ui.input(|input| {
            input.events.iter().any(|event| {
                matches!(event, eframe::egui::Event::Key { key, pressed: true, repeat: false, .. } if *key == wanted)
            })
        })
    };
    let focused = ui.memory(|memory| memory.focused().is_some());
    let of = |is: fn(Button) -> bool| view.buttons.iter().copied().find(|&button| is(button));
    if fresh(Key::Escape) {
        return of(Button::is_way_out);
    }
    if fresh(Key::Enter) && !focused { of(Button::is_main) } else { None }
}

/// Draws a button and returns whether it was pressed.
fn draw_button(ui: &Ui, canvas: &Canvas<'_>, button: Button, rect: Rect) -> bool {
    let response =
        ui.interact(rect, Id::unique(button.label()), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, button.label()));
    paint_button(ui, canvas, button, rect, &response);
    response.clicked()
}

fn paint_button(ui: &Ui, canvas: &Canvas<'_>, button: Button, rect: Rect, response: &Response) {
    let (palette, unit) = (&canvas.palette, canvas.scale.unit);
    let rounding = CornerRadius::same(canvas.scale.corner());
    let (mut fill, colour, edge) = if button.is_main() {
        (palette.main, palette.on_main, palette.main)
    } else {
        (palette.ground, palette.text, palette.soft)
    };
    if response.is_pointer_button_down_on() {
        fill = blend(fill, colour, 0.16);
    } else if response.hovered() {
        fill = blend(fill, colour, 0.07);
    }
    ui.painter().rect(rect, rounding, fill, Stroke::new(2.5 * unit, edge), StrokeKind::Inside);
    if response.has_focus() {
        let around = rect.expand(6.0 * unit);
        ui.painter().rect_stroke(around, rounding, Stroke::new(4.0 * unit, palette.text), StrokeKind::Outside);
    }
    let size = canvas.scale.body().min(rect.height() * 0.4);
    let label = text::lay(ui.painter(), button.label(), bold(size), colour, rect.width(), Align::Center);
    text::draw_centred(ui.painter(), &label, rect.center() - Vec2::new(0.0, label.size().y / 2.0));
}

fn blend(one: Color32, other: Color32, share: f32) -> Color32 {
    one.lerp_to_gamma(other, share)
}

#[cfg(test)]
mod tests;
