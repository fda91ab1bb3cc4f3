//! Lines of text that are measured before they are drawn, so that a screen can be arranged to fit.

use std::sync::Arc;

use eframe::egui::{Align, Color32, FontId, Galley, Painter, Pos2, text::LayoutJob};

/// Lays out text at most `width` points wide.
pub fn lay(painter: &Painter, text: &str, font: FontId, colour: Color32, width: f32, align: Align) -> Arc<Galley> {
    let mut job = LayoutJob::simple(text.to_owned(), font, colour, width);
    job.halign = align;
    painter.layout_job(job)
}

/// The same, centred, with lines of about the same length: no word stands alone on the last one.
pub fn lay_balanced(painter: &Painter, text: &str, font: &FontId, colour: Color32, width: f32) -> Arc<Galley> {
    let set = |share: f32| lay(painter, text, font.clone(), colour, width * share, Align::Center);
    let widest = set(1.0);
    let narrower = [0.55, 0.65, 0.75, 0.85].map(set).into_iter().find(|set| set.rows.len() == widest.rows.len());
    narrower.filter(|_| widest.rows.len() > 1).unwrap_or(widest)
}

/// Draws centred text with the middle of its upper edge at `top`, and returns its height.
pub fn draw_centred(painter: &Painter, galley: &Arc<Galley>, top: Pos2) -> f32 {
    painter.galley(top, Arc::clone(galley), Color32::PLACEHOLDER);
    galley.size().y
}

/// Draws text with its upper left corner at `at`, and returns its height.
pub fn draw_left(painter: &Painter, galley: &Arc<Galley>, at: Pos2) -> f32 {
    painter.galley(at, Arc::clone(galley), Color32::PLACEHOLDER);
    galley.size().y
}
