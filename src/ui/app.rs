//! The window: takes over what is new, draws the view, and passes on what was pressed.
//!
//! Always holds: it never panics out of [`show`], also when the display's libraries do; when a session ends or the window
//! closes, the preview is wiped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eframe::egui::{self, ViewportBuilder, ViewportCommand};

use super::design;
use super::handle::UiHandle;
use super::preview::{Preview, STALE};
use super::returning::Ask;
use super::screen;
use super::steady::{STANDS, SteadyLight};
use super::view::{Button, View};

/// After something was pressed, nothing else can be for so long, unless another screen comes.
const PRESSED: Duration = Duration::from_secs(1);
/// Time between two looks at whether a screen has stood for long.
const TICK: Duration = Duration::from_secs(1);
/// Time between two tries to overwrite a buffer that is being uploaded.
const WIPE: Duration = Duration::from_millis(20);

/// What the person wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Begin a session.
    Start,
    /// Agree to the check, or not.
    Consent {
        /// Whether.
        given: bool,
    },
    /// End the session.
    Cancel,
    /// Say that they were here before.
    ComeAgain,
    /// Show that they were here before.
    Return(Ask),
}

/// The window's first shape. What it draws follows its actual shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Lying, 1280 by 720 points.
    Kiosk,
    /// Standing, 480 by 854 points.
    Handheld,
}

impl Layout {
    fn size(self) -> [f32; 2] {
        match self {
            Self::Kiosk => [1280.0, 720.0],
            Self::Handheld => [480.0, 854.0],
        }
    }
}

/// How the window is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowOptions {
    /// Its first shape.
    pub layout: Layout,
    /// Whether it fills the display, without a border.
    pub fullscreen: bool,
}

/// Why there is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UiError {
    /// It could not be opened.
    #[error(
        "the window cannot be opened ({why}); start this in a graphical session, or set WAYLAND_DISPLAY or DISPLAY, and \
         install what .ci/prerequisites --tests names for the window"
    )]
    NoDisplay {
        /// What the display said.
        why: String,
    },
    /// It was open, and the display ended it.
    #[error("the window was lost ({why}); start it again")]
    Lost {
        /// What the display said.
        why: String,
    },
}

/// Runs the window on this thread, which has to be the program's main one, until [`super::Update::Quit`] or until it is
/// closed. `started` is called on a thread of its own once the window exists, and may stay there as long as
/// [`UiHandle::is_open`]; `commands` is called on this thread and must not block.
///
/// # Errors
/// [`UiError::NoDisplay`] when there is no display or the window cannot be opened, [`UiError::Lost`] when the display goes.
pub fn show(
    options: &WindowOptions,
    started: impl FnOnce(UiHandle) + Send + 'static,
    commands: impl Fn(Command) + Send + 'static,
) -> Result<(), UiError> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"].into_iter().any(set) {
        return Err(UiError::NoDisplay { why: "neither WAYLAND_DISPLAY nor DISPLAY is set".to_owned() });
    }
    let opened = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&opened);
    let native = native_options(*options);
    let run = || {
        eframe::run_native(
            "carded",
            native,
            Box::new(move |creation| {
                design::prepare(&creation.egui_ctx);
                let handle = UiHandle::new(creation.egui_ctx.clone());
                let theirs = handle.clone();
                std::thread::Builder::new().name("ui-updates".to_owned()).spawn(move || started(theirs))?;
                noted.store(true, Ordering::Relaxed);
                Ok(Box::new(Window {
                    handle,
                    preview: Preview::default(),
                    light: SteadyLight::default(),
                    pressed: None,
                    commands,
                }))
            }),
        )
    };
    // The libraries below panic where the display's own libraries are missing.
    let why = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "a library of the display failed".to_owned(),
    };
    Err(if opened.load(Ordering::Relaxed) { UiError::Lost { why } } else { UiError::NoDisplay { why } })
}

fn native_options(options: WindowOptions) -> eframe::NativeOptions {
    let viewport = ViewportBuilder::default()
        .with_title("carded")
        .with_app_id("carded")
        .with_icon(egui::IconData::default())
        .with_inner_size(options.layout.size())
        .with_min_inner_size([320.0, 320.0])
        .with_decorations(!options.fullscreen)
        .with_fullscreen(options.fullscreen);
    eframe::NativeOptions { viewport, dithering: false, system_font_fallback: false, ..Default::default() }
}

struct Window<C: Fn(Command)> {
    handle: UiHandle,
    preview: Preview,
    light: SteadyLight,
    /// When something was pressed, and since when the screen of that moment stood.
    pressed: Option<(Instant, Instant)>,
    commands: C,
}

impl<C: Fn(Command)> Window<C> {
    /// Takes over what is new; returns the view, how long and since when it stands.
    fn look(&mut self, context: &egui::Context) -> (View, Duration, Instant) {
        let (mut view, elapsed, since, picture) = {
            let mut inbox = self.handle.inbox();
            if inbox.quit {
                context.send_viewport_cmd(ViewportCommand::Close);
            }
            let elapsed = inbox.elapsed();
            (inbox.view(elapsed), elapsed, inbox.since, inbox.preview.take())
        };
        let wanted = view.light;
        view.light = self.light.take(wanted, Instant::now());
        if view.light != wanted {
            context.request_repaint_after(STANDS / 8);
        }
        if view.preview() {
            if let Some(picture) = picture {
                self.preview.take(context, &picture);
            }
            context.request_repaint_after(STALE);
        } else {
            self.preview.wipe();
        }
        if !self.preview.settle() {
            context.request_repaint_after(WIPE);
        }
        (view, elapsed, since)
    }

    fn press(&mut self, button: Button, since: Instant) {
        let again = self.pressed.is_some_and(|(at, screen)| screen == since && at.elapsed() < PRESSED);
        if !again {
            self.pressed = Some((Instant::now(), since));
            let command = self.handle.inbox().press(button);
            if let Some(command) = command {
                (self.commands)(command);
            }
        }
    }
}

impl<C: Fn(Command)> eframe::App for Window<C> {
    fn logic(&mut self, context: &egui::Context, _: &mut eframe::Frame) {
        self.look(context);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _: &mut eframe::Frame) {
        let (view, elapsed, since) = self.look(ui.ctx());
        if let Some(button) = screen::show(ui, &view, self.preview.picture(), elapsed) {
            self.press(button, since);
        }
        let typed = screen::entry::keys_of(ui, &view, elapsed);
        if !typed.is_empty() {
            self.handle.inbox().take_typed(&typed);
            ui.ctx().request_repaint();
        }
        if view.changes_with_time() {
            ui.ctx().request_repaint_after(TICK);
        }
    }

    fn on_exit(&mut self, _: Option<&eframe::glow::Context>) {
        self.handle.inbox().close();
        self.preview.wipe();
        self.preview.settle();
    }

    fn clear_color(&self, _: &egui::Visuals) -> [f32; 4] {
        design::PAPER.to_normalized_gamma_f32()
    }
}
