//! The camera's picture in the window: a texture, and buffers that are used again and overwritten at the end.
//!
//! Always holds: after [`Preview::wipe`] the texture's pixels and every buffer are black before they are given back; a
//! buffer that the window is still uploading is overwritten at the next frame, by [`Preview::settle`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{self, Color32, ColorImage, ImageData, TextureHandle, TextureId, TextureOptions, Vec2};

use crate::imaging::Rgb;

/// Buffers at most: one that is uploaded, one that waits, one to fill.
const MAX_BUFFERS: usize = 3;
/// A picture that is older is not shown: it would look as if the person did not move.
pub(super) const STALE: Duration = Duration::from_secs(2);

/// What can be drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    /// The texture.
    pub texture: TextureId,
    /// Its size in pixels.
    pub size: Vec2,
}

/// The newest picture.
#[derive(Default)]
pub(super) struct Preview {
    texture: Option<TextureHandle>,
    buffers: Vec<Arc<ColorImage>>,
    to_wipe: Vec<Arc<ColorImage>>,
    arrived: Option<Instant>,
}

impl Preview {
    /// Takes over a picture; its own pixels are wiped. Left out when all buffers are still being uploaded.
    pub(super) fn take(&mut self, context: &egui::Context, picture: &Rgb) {
        let Some(buffer) = self.filled(picture) else { return };
        let data = ImageData::Color(buffer);
        match &mut self.texture {
            Some(texture) => texture.set(data, TextureOptions::LINEAR),
            none => *none = Some(context.load_texture("preview", data, TextureOptions::LINEAR)),
        }
        self.arrived = Some(Instant::now());
    }

    /// What to draw, if a picture came lately.
    pub(super) fn picture(&self) -> Option<Picture> {
        let fresh = self.arrived.is_some_and(|arrived| arrived.elapsed() < STALE);
        self.texture
            .as_ref()
            .filter(|_| fresh)
            .map(|texture| Picture { texture: texture.id(), size: texture.size_vec2() })
    }

    /// Overwrites and forgets every pixel.
    pub(super) fn wipe(&mut self) {
        if let Some(mut texture) = self.texture.take() {
            let black = ColorImage::filled(texture.size(), Color32::BLACK);
            texture.set_partial([0, 0], black, TextureOptions::LINEAR);
        }
        self.arrived = None;
        self.to_wipe.append(&mut self.buffers);
        self.settle();
    }

    /// Overwrites what could not be overwritten before. Returns whether nothing is left.
    pub(super) fn settle(&mut self) -> bool {
        self.to_wipe.retain_mut(|buffer| match Arc::get_mut(buffer) {
            Some(image) => {
                image.pixels.fill(Color32::BLACK);
                // Keeps the compiler from leaving out a write that nobody reads.
                std::hint::black_box(&mut image.pixels);
                false
            }
            None => true,
        });
        self.to_wipe.is_empty()
    }

    /// A buffer that nobody else holds, with the picture's pixels.
    fn filled(&mut self, picture: &Rgb) -> Option<Arc<ColorImage>> {
        let free = self.buffers.iter_mut().position(|buffer| Arc::get_mut(buffer).is_some());
        let index = match free {
            Some(index) => index,
            None if self.buffers.len() < MAX_BUFFERS => {
                self.buffers.push(Arc::default());
                self.buffers.len() - 1
            }
            None => return None,
        };
        let image = Arc::get_mut(&mut self.buffers[index])?;
        let length = picture.width() * picture.height();
        if image.pixels.len() > length {
            image.pixels[length..].fill(Color32::BLACK);
        } else if image.pixels.capacity() < length {
            // Growing in place could leave the old pixels behind in memory that is given back.
            image.pixels.fill(Color32::BLACK);
            std::hint::black_box(&mut image.pixels);
            image.pixels = Vec::with_capacity(length);
        }
        image.pixels.resize(length, Color32::BLACK);
        image.size = [picture.width(), picture.height()];
        image.source_size = Vec2::new(picture.width() as f32, picture.height() as f32);
        for (pixel, sample) in image.pixels.iter_mut().zip(picture.data().chunks_exact(3)) {
            *pixel = Color32::from_rgb(sample[0], sample[1], sample[2]);
        }
        Some(Arc::clone(&self.buffers[index]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(value: u8) -> Rgb {
        Rgb::filled(8, 6, [value; 3])
    }

    #[test]
    fn a_wiped_preview_leaves_no_pixel_behind_even_while_one_is_uploaded() {
        let context = egui::Context::default();
        let mut preview = Preview::default();
        preview.take(&context, &picture(200));
        let uploading = Arc::clone(&preview.buffers[0]);
        assert!(preview.picture().is_some());
        preview.wipe();
        assert!(preview.picture().is_none());
        assert!(!preview.settle(), "the upload still holds it");
        drop(uploading);
        // The window's own texture queue holds it until the next frame has been taken.
        context.run_ui(egui::RawInput::default(), |_| {}).textures_delta.clear();
        assert!(preview.settle());
        assert!(preview.buffers.is_empty());
    }

    #[test]
    fn the_buffers_are_bounded_whatever_the_window_does() {
        let context = egui::Context::default();
        let mut preview = Preview::default();
        let mut held = Vec::new();
        for value in 0..10 {
            preview.take(&context, &picture(value));
            held.extend(preview.buffers.iter().cloned());
        }
        assert_eq!(preview.buffers.len(), MAX_BUFFERS);
        context.run_ui(egui::RawInput::default(), |_| {}).textures_delta.clear();
    }
}
