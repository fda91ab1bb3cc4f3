//! Drawing of specimens: a canvas measured in millimetres, shapes, pictures and text.
//!
//! Always holds: the same calls give the same pixels. Knows nothing of documents.

mod canvas;
mod filter;
mod text;

pub use canvas::{Area, Canvas};
pub use filter::{add_noise, blur, encode_jpeg, recompress};
pub use text::{Fonts, Typeface};
