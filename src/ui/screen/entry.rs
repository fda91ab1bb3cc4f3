//! A screen on which something is typed: what was typed, the keys, and the buttons below.

use eframe::egui::{
    Align, Color32, CornerRadius, CursorIcon, Event, Id, Key, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo,
};

use super::{Canvas, GUARD, blend, message};
use crate::ui::design::{NOTE, bold, regular};
use crate::ui::returning::{Keys, Typed};
use crate::ui::text::{draw_centred, lay, lay_balanced};
use crate::ui::view::{Button, View};

/// The rows of keys for an address: letters in the order of most keyboards of the place, and what addresses need besides.
const ADDRESS: [&str; 4] = ["1234567890", "qwertyuiop", "asdfghjkl-", "zxcvbnm_.+"];
const BELOW_ADDRESS: [Typed; 3] = [Typed::Character('@'), Typed::Ending(".com"), Typed::Erase];
const DIGITS: [&str; 3] = ["123", "456", "789"];
const BELOW_DIGITS: [Typed; 2] = [Typed::Erase, Typed::Character('0')];

fn rows(keys: Keys) -> Vec<Vec<Typed>> {
    let (rows, last): (&[&str], &[Typed]) = match keys {
        Keys::Address => (&ADDRESS, &BELOW_ADDRESS),
        Keys::Digits => (&DIGITS, &BELOW_DIGITS),
    };
    let characters = rows.iter().map(|row| row.chars().map(Typed::Character).collect());
    characters.chain([last.to_vec()]).collect()
}

/// Where everything is.
struct Places {
    title: Pos2,
    field: Rect,
    keys: Rect,
    buttons: Vec<(Button, Rect)>,
}

impl Places {
    fn of(canvas: &Canvas<'_>, title: f32) -> Self {
        let (scale, area) = (canvas.scale, canvas.area);
        let buttons = message::place_buttons(canvas);
        let floor = buttons.iter().map(|(_, rect)| rect.top()).fold(area.bottom(), f32::min) - scale.gap();
        let top = area.top() + scale.margin();
        let width = (area.width() - 2.0 * scale.margin()).min(960.0 * scale.unit);
        let left = area.center().x - width / 2.0;
        let field =
            Rect::from_min_size(Pos2::new(left, top + title + scale.gap()), Vec2::new(width, 1.9 * scale.body()));
        let note = scale.small() * 1.8;
        let keys = Rect::from_min_max(Pos2::new(left, field.bottom() + note), Pos2::new(left + width, floor));
        Self { title: Pos2::new(area.center().x, top), field, keys, buttons }
    }
}

/// The places of one screen's words.
fn places(ui: &Ui, canvas: &Canvas<'_>) -> Places {
    let width = canvas.area.width() - 2.0 * canvas.scale.margin();
    let title = lay_balanced(ui.painter(), canvas.view.title, &bold(canvas.scale.title()), canvas.palette.text, width);
    Places::of(canvas, title.size().y)
}

/// Draws everything but the keys and returns where the buttons are.
pub(super) fn draw(ui: &Ui, canvas: &Canvas<'_>) -> Vec<(Button, Rect)> {
    let Some(entry) = &canvas.view.entry else { return Vec::new() };
    let (scale, palette, painter) = (canvas.scale, &canvas.palette, ui.painter());
    let width = canvas.area.width() - 2.0 * scale.margin();
    let title = lay_balanced(painter, canvas.view.title, &bold(scale.title()), palette.text, width);
    let places = places(ui, canvas);
    draw_centred(painter, &title, places.title);
    let rounding = CornerRadius::same(scale.corner());
    let edge = Stroke::new(2.5 * scale.unit, palette.main);
    painter.rect(places.field, rounding, Color32::WHITE, edge, StrokeKind::Inside);
    let empty = entry.text.0.is_empty();
    let (text, colour) = if empty { (canvas.view.detail, palette.soft) } else { (entry.text.0.as_str(), palette.text) };
    // The end of a long address is what is being typed.
    let mut shown = text;
    let laid = loop {
        let laid = lay(painter, shown, regular(scale.body()), colour, f32::INFINITY, Align::Center);
        let mut rest = shown.chars();
        if laid.size().x <= places.field.width() - 2.0 * scale.gap() || rest.next().is_none() {
            break laid;
        }
        shown = rest.as_str();
    };
    draw_centred(painter, &laid, places.field.center() - Vec2::new(0.0, laid.size().y / 2.0));
    if let Some(note) = canvas.view.note {
        let laid = lay(painter, note, bold(scale.small()), palette.text, width, Align::Center);
        let centre = Pos2::new(places.field.center().x, f32::midpoint(places.field.bottom(), places.keys.top()));
        let ground = Rect::from_center_size(centre, laid.size() + Vec2::new(2.0 * scale.gap(), 4.0 * scale.unit));
        painter.rect_filled(ground, rounding, NOTE);
        draw_centred(painter, &laid, centre - Vec2::new(0.0, laid.size().y / 2.0));
    }
    places.buttons
}

/// Draws the keys, and returns what was typed by them or on a keyboard.
pub(in crate::ui) fn keys_of(ui: &mut Ui, view: &View, stood: std::time::Duration) -> Vec<Typed> {
    let Some(entry) = &view.entry else { return Vec::new() };
    let canvas = super::canvas(view, None, ui.max_rect());
    let area = places(ui, &canvas).keys;
    let mut typed = from_keyboard(ui);
    for (key, rect) in arranged(entry.keys, area, canvas.scale.unit) {
        if draw_key(ui, &canvas, key, rect) {
            typed.push(key);
        }
    }
    typed.retain(|_| stood >= GUARD);
    typed
}

fn from_keyboard(ui: &Ui) -> Vec<Typed> {
    ui.input(|input| {
        let mut typed = Vec::new();
        for event in &input.events {
            match event {
                Event::Text(text) | Event::Paste(text) => typed.extend(text.chars().map(Typed::Character)),
                Event::Key { key: Key::Backspace, pressed: true, .. } => typed.push(Typed::Erase),
                _ => {}
            }
        }
        typed
    })
}

/// The keys and where they are: rows of the same height, each as wide as all.
fn arranged(keys: Keys, area: Rect, unit: f32) -> Vec<(Typed, Rect)> {
    let rows = rows(keys);
    let width = match keys {
        Keys::Address => area.width(),
        Keys::Digits => area.width().min(480.0 * unit),
    };
    let gap = 6.0 * unit;
    let height = (area.height() + gap) / rows.len() as f32 - gap;
    let left = area.center().x - width / 2.0;
    let mut all = Vec::new();
    for (k, row) in rows.iter().enumerate() {
        let top = area.top() + k as f32 * (height + gap);
        let wide = (width + gap) / row.len() as f32 - gap;
        for (n, key) in row.iter().enumerate() {
            let at = Pos2::new(left + n as f32 * (wide + gap), top);
            all.push((*key, Rect::from_min_size(at, Vec2::new(wide, height))));
        }
    }
    all
}

fn draw_key(ui: &Ui, canvas: &Canvas<'_>, key: Typed, rect: Rect) -> bool {
    let label = match key {
        Typed::Character(c) => c.to_string(),
        Typed::Ending(ending) => ending.to_owned(),
        Typed::Erase => "Delete".to_owned(),
    };
    let id = Id::unique(("key", &label));
    let response = ui.interact(rect, id, Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    let (palette, unit) = (&canvas.palette, canvas.scale.unit);
    let pressed = response.is_pointer_button_down_on();
    let fill = blend(Color32::WHITE, palette.text, if pressed { 0.2 } else { 0.0 });
    let rounding = CornerRadius::same(canvas.scale.corner() / 2);
    ui.painter().rect(rect, rounding, fill, Stroke::new(1.5 * unit, palette.soft), StrokeKind::Inside);
    if response.has_focus() {
        let stroke = Stroke::new(4.0 * unit, palette.text);
        ui.painter().rect_stroke(rect.expand(2.0 * unit), rounding, stroke, StrokeKind::Outside);
    }
    let size = canvas.scale.body().min(rect.height() * 0.55);
    let text = lay(ui.painter(), &label, bold(size), palette.text, rect.width(), Align::Center);
    draw_centred(ui.painter(), &text, rect.center() - Vec2::new(0.0, text.size().y / 2.0));
    response.clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_large_enough_for_a_finger_and_clear_of_the_others() {
        for (keys, size, least) in [
            (Keys::Address, Vec2::new(448.0, 300.0), 38.0),
            (Keys::Digits, Vec2::new(448.0, 300.0), 60.0),
            (Keys::Address, Vec2::new(960.0, 340.0), 56.0),
        ] {
            let area = Rect::from_min_size(Pos2::new(16.0, 200.0), size);
            let all = arranged(keys, area, 1.0);
            for (k, (key, rect)) in all.iter().enumerate() {
                assert!(rect.width() >= least && rect.height() >= 50.0, "{key:?} {rect:?}");
                assert!(area.expand(0.1).contains_rect(*rect));
                assert!(all[..k].iter().all(|(other, taken)| other != key && !taken.intersects(*rect)), "{key:?}");
            }
        }
    }
}
