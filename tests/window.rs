//! The real window, in a display without a screen: every screen in both shapes, looked at pixel by pixel.
//!
//! A window needs the main thread, so this test has no harness: it starts Xvfb, then itself again inside of it. What the
//! window drew is read from Xvfb's frame buffer, and kept as PNGs in `target/tmp/screens` to be looked at.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use carded::imaging::Rgb;
use carded::liveness::Direction;
use carded::session::{
    CanceledBy, DeviceFault, DocumentSide, Hint, PASS_CHARACTERS, PASS_PREFIX, PassNote, Prompt, ReasonCode, Screen,
};
use carded::ui::{Layout, UiError, UiHandle, Update, WindowOptions, show};
use carded::vision::{BarcodeOptions, read_barcodes};
use support::display::Xvfb;

/// What the child is to do; its presence makes this process the child.
const ROLE: &str = "CARDED_WINDOW_TEST";
/// Nothing takes longer.
const LIMIT: Duration = Duration::from_secs(20);
/// Between two looks at the frame buffer.
const LOOK: Duration = Duration::from_millis(4);
const DISPLAY: (usize, usize) = (1280, 900);

type Pixel = [u8; 3];
const GREEN: Pixel = [0x12, 0x6B, 0x38];
const RED: Pixel = [0xA1, 0x2B, 0x2B];
const NIGHT: Pixel = [0x2B, 0x3A, 0x4A];
const BLUE: Pixel = [0x0B, 0x57, 0xA4];
const SLATE: Pixel = [0x3A, 0x50, 0x68];
const PAPER: Pixel = [0xF6, 0xF5, 0xF1];
/// Of the left and the right half of the pictures that are sent; the screens' own colours have nothing like them.
const LEFT: Pixel = [230, 40, 230];
const RIGHT: Pixel = [40, 230, 230];

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        println!("window: test");
        return ExitCode::SUCCESS;
    }
    match std::env::var(ROLE).ok().as_deref() {
        Some("no display") => without_a_display_the_error_says_what_to_do(),
        Some(folder) => in_display(Path::new(folder)),
        None => return in_xvfb(),
    }
    ExitCode::SUCCESS
}

/// Starts itself again with another environment.
fn again(role: &str, display: Option<&str>) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.env(ROLE, role).env("LIBGL_ALWAYS_SOFTWARE", "1");
    for name in ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"] {
        child.env_remove(name);
    }
    if let Some(display) = display {
        child.env("DISPLAY", display);
    }
    child.status().unwrap().success()
}

fn in_xvfb() -> ExitCode {
    assert!(again("no display", None), "without any display");
    assert!(again("no display", Some(":4095")), "with the name of a display that is not there");
    let folder = tempfile::tempdir().unwrap();
    let screen = format!("{}x{}x24", DISPLAY.0, DISPLAY.1);
    let server = match Xvfb::start(&screen, &[OsStr::new("-fbdir"), folder.path().as_os_str()]) {
        Ok(server) => server,
        Err(error) => {
            println!("SKIPPED: the window's screens were not looked at: Xvfb does not start ({error})");
            return ExitCode::SUCCESS;
        }
    };
    assert!(again(folder.path().to_str().unwrap(), Some(&server.display)));
    ExitCode::SUCCESS
}

fn without_a_display_the_error_says_what_to_do() {
    let options = WindowOptions { layout: Layout::Kiosk, fullscreen: false };
    let error = show(&options, |_| panic!("there is no window"), |_| {}).unwrap_err();
    assert!(matches!(error, UiError::NoDisplay { .. }), "{error:?}");
    assert!(error.to_string().contains("set WAYLAND_DISPLAY or DISPLAY"), "{error}");
}

fn in_display(folder: &Path) {
    for layout in [Layout::Kiosk, Layout::Handheld] {
        let eye = Eye::new(folder.join("Xvfb_screen0"), layout);
        let (done, finished) = std::sync::mpsc::channel();
        let script = move |ui: UiHandle| {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| script(&eye, &ui)));
            let _ = done.send(result.is_ok());
            ui.update(Update::Quit);
        };
        show(&WindowOptions { layout, fullscreen: false }, script, |_| {}).unwrap();
        assert!(finished.recv().unwrap(), "{layout:?}");
    }
}

fn script(eye: &Eye, ui: &UiHandle) {
    let started = Instant::now();
    eye.see("starting", |picture| picture.share(PAPER) > 0.5 && picture.share(SLATE) > 0.0005);
    ui.update(Update::Connected);
    the_results_fill_the_screen_with_their_tone(eye, ui);
    a_new_pass_can_be_read_off_the_screen(eye, ui);
    the_screens_of_words_are_drawn(eye, ui);
    the_document_is_shown_as_the_camera_sees_it(eye, ui);
    the_face_is_shown_as_in_a_mirror(eye, ui);
    nothing_of_the_preview_remains_after_the_end(eye, ui);
    if eye.layout == Layout::Kiosk {
        the_preview_keeps_up_with_the_camera(eye, ui);
    }
    println!("{:?}: every screen looked at in {:.1} s", eye.layout, started.elapsed().as_secs_f32());
}

fn prompt(screen: Screen) -> Update {
    Update::Prompt(Prompt { screen, ..Prompt::idle() })
}

fn the_results_fill_the_screen_with_their_tone(eye: &Eye, ui: &UiHandle) {
    let fault = Screen::Fault { fault: DeviceFault::CameraSilent };
    let refused = |reason| Screen::NotVerified { reason };
    for (name, screen, tone) in [
        ("verified", Screen::Verified, GREEN),
        ("not-verified-expired", refused(ReasonCode::DocumentExpired), RED),
        ("fault", fault, NIGHT),
        ("not-verified-attack", refused(ReasonCode::LivenessAttack), RED),
    ] {
        ui.update(prompt(screen));
        eye.see(name, |picture| picture.share(tone) > 0.6 && picture.share([255; 3]) > 0.01);
    }
}

fn a_new_pass_can_be_read_off_the_screen(eye: &Eye, ui: &UiHandle) {
    let text = format!("{PASS_PREFIX}{}", "7K".repeat(79) + "0");
    assert_eq!(text.len(), PASS_CHARACTERS);
    let new_pass = serde_json::from_value(text.clone().into()).unwrap();
    ui.update(Update::Prompt(Prompt { screen: Screen::Verified, new_pass: Some(new_pass), ..Prompt::idle() }));
    eye.see("verified-with-pass", |picture| {
        let symbols = read_barcodes(&picture.0.to_gray(), &BarcodeOptions::thorough());
        picture.share(GREEN) > 0.2 && symbols.iter().any(|symbol| *symbol.text.reveal() == text)
    });
}

fn the_screens_of_words_are_drawn(eye: &Eye, ui: &UiHandle) {
    for (name, screen, colour) in [
        ("idle", Screen::Idle, SLATE),
        ("consent", Screen::Consent, BLUE),
        ("deciding", Screen::Deciding, SLATE),
        ("review", Screen::Review, BLUE),
        ("expired", Screen::Expired, SLATE),
        ("consent-declined", Screen::NotVerified { reason: ReasonCode::ConsentDeclined }, SLATE),
        ("canceled", Screen::Canceled { by: CanceledBy::Person }, SLATE),
    ] {
        ui.update(prompt(screen));
        eye.see(name, |picture| picture.share(PAPER) > 0.5 && picture.share(colour) > 0.0005);
    }
}

fn the_document_is_shown_as_the_camera_sees_it(eye: &Eye, ui: &UiHandle) {
    ui.update(prompt(Screen::Document { side: DocumentSide::Front }));
    eye.see("document-before-the-camera", |picture| picture.share([0x1A, 0x24, 0x30]) > 0.1);
    let (hint, last_error) = (Some(Hint::AvoidGlare), Some(ReasonCode::DocumentUnreadable));
    let pass_note = Some(PassNote::Seen);
    ui.update(Update::Prompt(Prompt {
        screen: Screen::Document { side: DocumentSide::Front },
        pass_note,
        ..Prompt::idle()
    }));
    eye.see("document-pass-read", |picture| picture.share([0x1A, 0x24, 0x30]) > 0.1);
    for (name, side, hint, last_error) in [
        ("document-front", DocumentSide::Front, None, None),
        ("document-back", DocumentSide::Back, Some(Hint::DocumentCloser), None),
        ("document-again", DocumentSide::Front, hint, last_error),
    ] {
        ui.update(Update::Prompt(Prompt { screen: Screen::Document { side }, hint, last_error, ..Prompt::idle() }));
        ui.update(Update::Preview(halves()));
        eye.see(name, |picture| picture.order() == Some([LEFT, RIGHT]));
    }
}

fn the_face_is_shown_as_in_a_mirror(eye: &Eye, ui: &UiHandle) {
    for (name, direction, done, hint) in [
        ("face-centre", Direction::Centre, 0, Some(Hint::FaceCloser)),
        ("face-left", Direction::Left, 1, None),
        ("face-right", Direction::Right, 3, Some(Hint::TurnFurther)),
    ] {
        let screen = Screen::Face { direction, done, steps: 5 };
        ui.update(Update::Prompt(Prompt { screen, hint, ..Prompt::idle() }));
        ui.update(Update::Preview(halves()));
        let arrow = |picture: &Shot| match direction {
            Direction::Centre => true,
            Direction::Left => picture.arrow_side() < 0.0,
            Direction::Right => picture.arrow_side() > 0.0,
        };
        eye.see(name, |picture| picture.order() == Some([RIGHT, LEFT]) && arrow(picture));
    }
}

fn nothing_of_the_preview_remains_after_the_end(eye: &Eye, ui: &UiHandle) {
    ui.update(prompt(Screen::Verified));
    let after = eye.see("after-the-end", |picture| picture.share(GREEN) > 0.6);
    assert!(!after.has_preview(), "pixels of the preview are left");
    // A screen with a preview comes up without the old picture.
    ui.update(prompt(Screen::Face { direction: Direction::Centre, done: 0, steps: 5 }));
    let next = eye.see("next-session", |picture| picture.share([0x1A, 0x24, 0x30]) > 0.1);
    assert!(!next.has_preview(), "the old picture came back");
}

/// Sends a picture of another brightness 15 times a second. However busy the machine is, no older picture is shown after a
/// newer one, and the last one arrives; how many are shown is printed, because it depends on the machine.
fn the_preview_keeps_up_with_the_camera(eye: &Eye, ui: &UiHandle) {
    const PICTURES: u32 = 30;
    const PERIOD: Duration = Duration::from_micros(66_667);
    ui.update(prompt(Screen::Document { side: DocumentSide::Front }));
    let begun = Instant::now();
    let mut sent = Vec::new();
    let mut shown = Vec::new();
    let mut delays = Vec::new();
    for k in 0..PICTURES {
        ui.update(Update::Preview(Rgb::filled(640, 480, [0, 5 * k as u8, 200])));
        sent.push(Instant::now());
        let until = begun + PERIOD * (k + 1);
        let last = k + 1 == PICTURES;
        while if last { shown.last() != Some(&(PICTURES - 1)) } else { Instant::now() < until } {
            assert!(begun.elapsed() < LIMIT, "the last picture was never shown, only {shown:?}");
            let seen = eye.shot().like_middle().map(|green| (u32::from(green) + 2) / 5);
            if let Some(seen) = seen.filter(|seen| shown.last() != Some(seen)) {
                assert!(shown.last().is_none_or(|&last| last < seen), "{seen} was shown after {shown:?}");
                shown.push(seen);
                delays.push(sent[seen as usize].elapsed());
            }
            std::thread::sleep(LOOK);
        }
    }
    let rate = shown.len() as f64 / begun.elapsed().as_secs_f64();
    delays.sort();
    let delay = delays[delays.len() / 2];
    println!(
        "preview of 640x480, {PICTURES} at 15 a second: {} shown, {rate:.1} a second, {delay:?} late",
        shown.len()
    );
}

/// A scene to look at, with one colour on the left and another on the right of the camera's picture.
fn halves() -> Rgb {
    let bytes = include_bytes!("../src/tools/specimen/assets/eileen_collins.jpg");
    let portrait =
        image::load_from_memory(bytes).unwrap().resize_to_fill(300, 380, image::imageops::FilterType::Triangle);
    let portrait = portrait.to_rgb8();
    Rgb::from_fn(640, 480, |x, y| {
        let inside = (170..470).contains(&x) && (30..410).contains(&y);
        if inside {
            portrait.get_pixel(x as u32 - 170, y as u32 - 30).0
        } else if x < 320 {
            LEFT
        } else {
            RIGHT
        }
    })
}

/// Reads what the display shows.
struct Eye {
    buffer: PathBuf,
    layout: Layout,
    folder: PathBuf,
    /// The picture that was kept last: the next screen looks different.
    kept: RefCell<Option<Shot>>,
}

impl Eye {
    fn new(buffer: PathBuf, layout: Layout) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screens");
        std::fs::create_dir_all(&folder).unwrap();
        Self { buffer, layout, folder, kept: RefCell::default() }
    }

    /// Waits until the window shows another screen that looks as it has to, keeps the picture and returns it.
    fn see(&self, name: &str, looks_right: impl Fn(&Shot) -> bool) -> Shot {
        let until = Instant::now() + LIMIT;
        let (mut before, mut right) = (self.shot(), false);
        while Instant::now() < until {
            std::thread::sleep(LOOK * 4);
            let shot = self.shot();
            right = looks_right(&shot);
            let new = self.kept.borrow().as_ref().is_none_or(|kept| shot.differing(kept) > 1e-3);
            // Twice nearly the same (something may move by itself): nothing of the screen before is left.
            if right && new && shot.differing(&before) < 1e-2 {
                self.keep(name, &shot);
                *self.kept.borrow_mut() = Some(Shot(shot.0.clone()));
                return shot;
            }
            before = shot;
        }
        self.keep(name, &before);
        panic!("{:?} {name}: not as it should look after {LIMIT:?} (right: {right})", self.layout);
    }

    fn keep(&self, name: &str, shot: &Shot) {
        let path = self.folder.join(format!("{:?}-{name}.png", self.layout).to_lowercase());
        let (width, height) = (shot.0.width() as u32, shot.0.height() as u32);
        image::save_buffer(path, shot.0.data(), width, height, image::ColorType::Rgb8).unwrap();
    }

    /// The window's part of the frame buffer, an X window dump (XWD version 7) of 32 bits a pixel.
    fn shot(&self) -> Shot {
        let dump = std::fs::read(&self.buffer).unwrap();
        let word = |k: usize| u32::from_be_bytes(dump[4 * k..4 * k + 4].try_into().unwrap()) as usize;
        let (header, line, colours) = (word(0), word(12), word(19));
        assert_eq!((word(1), word(4), word(5), word(11)), (7, DISPLAY.0, DISPLAY.1, 32), "an X window dump");
        let (width, height) = match self.layout {
            Layout::Kiosk => (1280, 720),
            Layout::Handheld => (480, 854),
        };
        let pixels = header + 12 * colours;
        Shot(Rgb::from_fn(width, height, |x, y| {
            let at = pixels + y * line + 4 * x;
            [dump[at + 2], dump[at + 1], dump[at]]
        }))
    }
}

struct Shot(Rgb);

impl Shot {
    fn share_where(&self, is: impl Fn(Pixel) -> bool) -> f32 {
        let pixels = self.0.data().chunks_exact(3);
        let count = pixels.clone().filter(|p| is([p[0], p[1], p[2]])).count();
        count as f32 / pixels.len() as f32
    }

    /// The share of pixels of a colour, within rounding.
    fn share(&self, colour: Pixel) -> f32 {
        self.share_where(|pixel| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 2))
    }

    /// Whether one pixel has a sent colour, also where it is shaded.
    fn has_preview(&self) -> bool {
        self.share_where(|pixel| like(pixel, LEFT) || like(pixel, RIGHT)) > 0.0
    }

    /// Which of the sent colours is on the left and which on the right of the screen.
    fn order(&self) -> Option<[Pixel; 2]> {
        let mean = |colour| {
            let at = self.columns(|pixel| like(pixel, colour));
            (at.len() > 8000).then(|| at.iter().sum::<usize>() / at.len())
        };
        let (left, right) = (mean(LEFT)?, mean(RIGHT)?);
        Some(if left < right { [LEFT, RIGHT] } else { [RIGHT, LEFT] })
    }

    /// Where the arrow's blue disc is, against the middle of the picture.
    fn arrow_side(&self) -> f32 {
        let preview: Vec<usize> = self.columns(|pixel| like(pixel, LEFT) || like(pixel, RIGHT));
        let (first, last) = (preview.iter().min().copied().unwrap_or(0), preview.iter().max().copied().unwrap_or(0));
        let blue: Vec<usize> =
            self.columns(|pixel| pixel == BLUE).into_iter().filter(|x| (first..last).contains(x)).collect();
        if blue.len() < 500 {
            return 0.0;
        }
        blue.iter().sum::<usize>() as f32 / blue.len() as f32 - (first + last) as f32 / 2.0
    }

    /// The columns of all pixels that are so.
    fn columns(&self, is: impl Fn(Pixel) -> bool) -> Vec<usize> {
        let places = (0..self.0.height()).flat_map(|y| (0..self.0.width()).map(move |x| (x, y)));
        places.filter(|&(x, y)| is(self.0.pixel(x, y))).map(|(x, _)| x).collect()
    }

    /// The green of the middle of the preview when it is one of the even pictures.
    fn like_middle(&self) -> Option<u8> {
        let [red, green, blue] = self.0.pixel(420, 340);
        (red <= 2 && blue.abs_diff(200) <= 2).then_some(green)
    }

    /// The share of samples that differ.
    fn differing(&self, other: &Self) -> f32 {
        let samples = self.0.data().iter().zip(other.0.data());
        samples.filter(|(a, b)| a != b).count() as f32 / self.0.data().len() as f32
    }
}

/// Whether a pixel has the hue of a sent colour, at any brightness that a shade leaves.
fn like(pixel: Pixel, colour: Pixel) -> bool {
    let scale = f32::from(*pixel.iter().max().unwrap()) / 230.0;
    scale > 0.3 && pixel.iter().zip(colour).all(|(&a, b)| (f32::from(a) - f32::from(b) * scale).abs() < 14.0)
}
