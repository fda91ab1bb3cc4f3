//! The tokens of the design: colours, type and space, used by everything that draws.
//!
//! Always holds: text has a contrast of at least 4.5 to 1 against what it stands on (tested); a light ground, because the
//! screen also lights the face in front of the camera.

use std::sync::Arc;

use eframe::egui::{self, Color32, FontData, FontDefinitions, FontFamily, FontId, Rect, Vec2};

use super::view::Tone;
use crate::liveness::FlashColour;

/// The ground of most screens.
pub const PAPER: Color32 = Color32::from_rgb(0xF6, 0xF5, 0xF1);
/// Text on paper.
pub const INK: Color32 = Color32::from_rgb(0x1A, 0x24, 0x30);
/// Lesser text on paper.
pub const INK_SOFT: Color32 = Color32::from_rgb(0x48, 0x54, 0x63);
/// Lines and what is still to come.
pub const LINE: Color32 = Color32::from_rgb(0xB4, 0xBC, 0xC6);
/// What is asked, and the main button.
pub const ACCENT: Color32 = Color32::from_rgb(0x0B, 0x57, 0xA4);
/// The ground of a gentle note.
pub const NOTE: Color32 = Color32::from_rgb(0xFD, 0xEC, 0xC4);
/// What is done, over a picture.
pub const DONE: Color32 = Color32::from_rgb(0x3D, 0xD6, 0x7C);
/// Over the parts of the picture that do not matter.
pub const SHADE: Color32 = Color32::from_black_alpha(130);
/// The ground of a hint over the picture.
pub const PILL: Color32 = Color32::from_rgb(0x12, 0x1A, 0x24);

const SLATE: Color32 = Color32::from_rgb(0x3A, 0x50, 0x68);
const GREEN: Color32 = Color32::from_rgb(0x12, 0x6B, 0x38);
const RED: Color32 = Color32::from_rgb(0xA1, 0x2B, 0x2B);
const NIGHT: Color32 = Color32::from_rgb(0x2B, 0x3A, 0x4A);
const YELLOW: Color32 = Color32::from_rgb(0xFF, 0xC9, 0x4D);

/// The colours of one tone.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    /// What everything stands on.
    pub ground: Color32,
    /// Title and detail.
    pub text: Color32,
    /// Lesser text.
    pub soft: Color32,
    /// The disc of a sign.
    pub sign: Color32,
    /// What is drawn on the disc.
    pub mark: Color32,
    /// The main button.
    pub main: Color32,
    /// What stands on it.
    pub on_main: Color32,
}

/// The colours of a tone: results fill the whole screen, so that they are read from afar.
pub fn palette(tone: Tone) -> Palette {
    let on_paper = |sign| Palette {
        ground: PAPER,
        text: INK,
        soft: INK_SOFT,
        sign,
        mark: PAPER,
        main: ACCENT,
        on_main: Color32::WHITE,
    };
    let filled = |ground| Palette {
        ground,
        text: Color32::WHITE,
        soft: Color32::WHITE,
        sign: Color32::WHITE,
        mark: ground,
        main: Color32::WHITE,
        on_main: ground,
    };
    match tone {
        Tone::Calm => on_paper(SLATE),
        Tone::Ask => on_paper(ACCENT),
        Tone::Good => filled(GREEN),
        Tone::Bad => filled(RED),
        Tone::Fault => Palette { sign: YELLOW, ..filled(NIGHT) },
    }
}

/// The colours of a screen that lights the face: as much of it as can be is the light itself.
pub fn lit_palette(colour: FlashColour) -> Palette {
    let [red, green, blue] = colour.rgb();
    let ground = Color32::from_rgb(red, green, blue);
    // Everything but the blue is light enough for ink.
    let text = if colour == FlashColour::Blue { Color32::WHITE } else { Color32::BLACK };
    Palette { ground, text, soft: text, sign: text, mark: ground, main: text, on_main: ground }
}

/// Sizes in points for a window: everything grows with it.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// One point of the design: 1 at 1280 by 720 lying and at 480 by 854 standing.
    pub unit: f32,
    /// Whether it is higher than wide.
    pub portrait: bool,
}

impl Scale {
    /// For a window's area.
    pub fn of(area: Rect) -> Self {
        let portrait = area.height() > area.width();
        let design = if portrait { Vec2::new(480.0, 854.0) } else { Vec2::new(1280.0, 720.0) };
        let unit = (area.width() / design.x).min(area.height() / design.y);
        Self { unit: unit.clamp(0.4, 4.0), portrait }
    }

    fn either(self, landscape: f32, portrait: f32) -> f32 {
        self.unit * if self.portrait { portrait } else { landscape }
    }

    /// Space at the edges and between parts.
    pub fn margin(self) -> f32 {
        self.either(32.0, 16.0)
    }

    /// Space between lines that belong together.
    pub fn gap(self) -> f32 {
        self.either(20.0, 14.0)
    }

    /// Title beside a preview.
    pub fn title(self) -> f32 {
        self.either(40.0, 34.0)
    }

    /// Title of a screen without a preview.
    pub fn hero(self) -> f32 {
        self.either(56.0, 40.0)
    }

    /// Running text.
    pub fn body(self) -> f32 {
        self.either(28.0, 24.0)
    }

    /// Running text of a screen without a preview.
    pub fn lead(self) -> f32 {
        self.either(32.0, 25.0)
    }

    /// The smallest text.
    pub fn small(self) -> f32 {
        self.unit * 22.0
    }

    /// Height of a button.
    pub fn button(self) -> f32 {
        self.either(84.0, 72.0)
    }

    /// Radius of a sign.
    pub fn sign(self) -> f32 {
        self.either(92.0, 76.0)
    }

    /// Rounding of corners.
    pub fn corner(self) -> u8 {
        (18.0 * self.unit).clamp(0.0, 255.0) as u8
    }
}

/// The font of running text.
pub fn regular(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// The font of titles, hints and buttons.
pub fn bold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("bold".into()))
}

/// Sets up type and touch for a window.
pub fn prepare(context: &egui::Context) {
    let mut fonts = FontDefinitions::default();
    let faces: [(&str, &'static [u8]); 2] = [
        ("regular", include_bytes!("../tools/specimen/assets/DejaVuSans-latin1.ttf")),
        ("bold", include_bytes!("../tools/specimen/assets/DejaVuSans-Bold-latin1.ttf")),
    ];
    for (name, bytes) in faces {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let fallback = fonts.families.entry(FontFamily::Proportional).or_default();
    fallback.insert(0, "regular".to_owned());
    let mut heavy = fallback.clone();
    heavy.insert(0, "bold".to_owned());
    fonts.families.insert(FontFamily::Name("bold".into()), heavy);
    context.set_fonts(fonts);
    context.set_theme(egui::Theme::Light);
    context.options_mut(|options| {
        options.zoom_with_keyboard = false;
        // A finger presses for long and slides: it is still a press.
        options.input_options.max_click_duration = 5.0;
        options.input_options.max_click_dist = 48.0;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast by WCAG 2.2, 1.4.3.
    fn contrast(one: Color32, other: Color32) -> f32 {
        let luminance = |colour: Color32| {
            let [r, g, b, _] = egui::Rgba::from(colour).to_array();
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn all_text_has_enough_contrast() {
        for tone in [Tone::Calm, Tone::Ask, Tone::Good, Tone::Bad, Tone::Fault] {
            let palette = palette(tone);
            for (on, colour) in [
                (palette.ground, palette.text),
                (palette.ground, palette.soft),
                (palette.ground, palette.sign),
                (palette.sign, palette.mark),
                (palette.main, palette.on_main),
            ] {
                assert!(contrast(on, colour) >= 4.5, "{tone:?}: {on:?} {colour:?} {}", contrast(on, colour));
            }
        }
        for colour in FlashColour::ALL {
            let palette = lit_palette(colour);
            assert!(contrast(palette.ground, palette.text) >= 4.5, "{colour:?}");
        }
        assert!(contrast(NOTE, INK) >= 4.5 && contrast(PILL, Color32::WHITE) >= 4.5);
    }

    #[test]
    fn sizes_keep_what_the_design_promises_and_grow_with_the_window() {
        let scale = |width, height| Scale::of(Rect::from_min_size(egui::Pos2::ZERO, Vec2::new(width, height)));
        for scale in [scale(1280.0, 720.0), scale(480.0, 854.0)] {
            assert!(scale.small() >= 22.0 && scale.body() >= 22.0 && scale.button() >= 64.0);
        }
        assert!(scale(1280.0, 720.0).title() >= 40.0);
        assert!((scale(1920.0, 1080.0).title() - 60.0).abs() < 0.01);
        assert!(scale(720.0, 1280.0).portrait);
    }
}
