//! The screens: a display, never an authority.
//!
//! [`View::of`] turns what the engine says into what is shown, [`words`] holds every English word of it, and [`show`]
//! opens the window. Always holds: the window knows prompts and preview pictures only; a preview picture is in memory only
//! while a screen needs it, and is overwritten as soon as none does; what the person does becomes a [`Command`], which
//! the engine may refuse. Does not know sockets, sessions' rules or results beyond what a prompt says.

mod app;
mod design;
mod handle;
mod preview;
mod returning;
mod screen;
mod signs;
mod steady;
mod text;
mod view;
pub mod words;

pub use app::{Command, Layout, UiError, WindowOptions, show};
pub use handle::{UiHandle, Update};
pub use returning::{Ask, Entry, Keys, Returning, Typed};
pub use view::{Arrow, Button, Guide, LinkState, Sign, Steps, Tone, View};
