//! Draws every screen without a window, and presses its buttons.

use eframe::egui::{self, Event, Modifiers, PointerButton, Pos2, RawInput};

use super::*;
use crate::liveness::{Direction, FlashColour};
use crate::session::protocol::ReturnSaid;
use crate::session::{CanceledBy, DeviceFault, DocumentSide, Hint, Prompt, ReasonCode, Screen};
use crate::ui::design;
use crate::ui::returning::{Returning, Typed};
use crate::ui::view::LinkState;

const KIOSK: Vec2 = Vec2::new(1280.0, 720.0);
const HANDHELD: Vec2 = Vec2::new(480.0, 854.0);
const LATER: Duration = Duration::from_secs(1);

fn context() -> egui::Context {
    let context = egui::Context::default();
    design::prepare(&context);
    context
}

/// Every screen, each with its longest words.
fn views() -> Vec<View> {
    let face = |direction| Screen::Face { direction, done: 1, steps: 5 };
    let mut screens = vec![
        Screen::Idle,
        Screen::Consent,
        Screen::Document { side: DocumentSide::Front },
        Screen::Document { side: DocumentSide::Back },
        face(Direction::Centre),
        face(Direction::Left),
        face(Direction::Right),
        Screen::FlashNotice,
        Screen::Flash { colour: FlashColour::Blue, step: 3 },
        Screen::Deciding,
        Screen::Review,
        Screen::Verified,
        Screen::Expired,
    ];
    screens.extend(ReasonCode::all().map(|reason| Screen::NotVerified { reason }));
    screens.extend(
        [CanceledBy::Person, CanceledBy::Staff, CanceledBy::Till, CanceledBy::Device].map(|by| Screen::Canceled { by }),
    );
    screens.extend(
        [
            DeviceFault::CameraSilent,
            DeviceFault::CameraMissing,
            DeviceFault::CameraOther,
            DeviceFault::CameraFormat,
            DeviceFault::Decoder,
            DeviceFault::Model,
            DeviceFault::Store,
            DeviceFault::Clock,
        ]
        .map(|fault| Screen::Fault { fault }),
    );
    let mut views = vec![
        View::of(&Prompt::idle(), &LinkState::Down { why: "no answer; ".repeat(20) }, Duration::ZERO),
        View::of(&Prompt::idle(), &LinkState::Down { why: "no answer; ".repeat(20) }, Duration::from_mins(1)),
    ];
    let consent = Prompt { screen: Screen::Consent, estimates_age: true, ..Prompt::idle() };
    views.push(View::of(&consent, &LinkState::Up, Duration::ZERO));
    let known = Prompt { screen: Screen::Consent, offers_return: true, ..Prompt::idle() };
    views.push(View::of(&known, &LinkState::Up, Duration::ZERO));
    views.extend(returning_views());
    for screen in screens {
        for elapsed in [Duration::ZERO, Duration::from_mins(1)] {
            let last_error = Some(ReasonCode::DocumentFieldsDiffer);
            let prompt = Prompt { screen, hint: Some(Hint::AvoidGlare), last_error, ..Prompt::idle() };
            views.push(View::of(&prompt, &LinkState::Up, elapsed));
        }
    }
    views
}

/// The screens of somebody who was here before.
fn returning_views() -> Vec<View> {
    let said = [ReturnSaid::CodeSent, ReturnSaid::Offline, ReturnSaid::NotEnough, ReturnSaid::WrongCode { left: 2 }];
    let mut all = vec![Returning::begin().view(Duration::ZERO)];
    for said in said {
        let mut returning = Returning::begin();
        returning.take(Typed::Ending("a@b.example"));
        assert!(returning.send().is_some());
        returning.hear(said);
        if matches!(said, ReturnSaid::WrongCode { .. } | ReturnSaid::NotEnough) {
            returning.hear(ReturnSaid::CodeSent);
            "123456".chars().for_each(|digit| returning.take(Typed::Character(digit)));
            assert!(returning.send().is_some());
            returning.hear(said);
        }
        all.push(returning.view(Duration::ZERO));
    }
    let mut sending = Returning::begin();
    sending.take(Typed::Ending("a@b.example"));
    assert!(sending.send().is_some());
    all.push(sending.view(Duration::from_mins(1)));
    all
}

fn frame<T>(context: &egui::Context, size: Vec2, events: Vec<Event>, mut draw: impl FnMut(&mut Ui) -> T) -> T {
    let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, size));
    let mut drawn = None;
    let input = RawInput { screen_rect, events, ..RawInput::default() };
    // Without a window nobody takes the textures over.
    context.run_ui(input, |ui| drawn = Some(draw(ui))).textures_delta.clear();
    drawn.unwrap()
}

fn press_at(context: &egui::Context, view: &View, size: Vec2, at: Pos2, elapsed: Duration) -> Option<Button> {
    let click = |pressed| Event::PointerButton {
        pos: at,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::default(),
    };
    let run = |events| frame(context, size, events, |ui| show(ui, view, None, elapsed));
    run(vec![Event::PointerMoved(at)]);
    run(vec![click(true)]).or_else(|| run(vec![click(false)]))
}

fn key_event(key: Key) -> Event {
    Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers: Modifiers::default() }
}

fn key_on(view: &View, key: Key, elapsed: Duration) -> Option<Button> {
    frame(&context(), KIOSK, vec![key_event(key)], |ui| show(ui, view, None, elapsed))
}

fn canvas(view: &View, area: Rect) -> Canvas<'_> {
    Canvas { view, picture: None, palette: palette(view.tone), scale: Scale::of(area), area }
}

fn places(ui: &Ui, canvas: &Canvas<'_>) -> Vec<(Button, Rect)> {
    draw(ui, canvas)
}

#[test]
fn every_screen_s_words_fit_in_both_shapes_without_becoming_small() {
    let context = context();
    for size in [KIOSK, HANDHELD, KIOSK * 1.5, Vec2::new(1080.0, 1920.0)] {
        for view in views() {
            let fit = frame(&context, size, Vec::new(), |ui| {
                let canvas = canvas(&view, ui.max_rect());
                match view {
                    _ if view.light.is_some() || view.pass.is_some() => 1.0,
                    _ if view.preview() => guided::fit(ui, &canvas),
                    _ if view.entry.is_some() => 1.0,
                    _ => message::fit(ui, &canvas),
                }
            });
            assert!(fit > 0.99, "{size:?}: {:?} {:?} only at {fit}", view.title, view.detail);
        }
    }
}

#[test]
fn every_button_is_large_within_the_window_and_clear_of_the_others() {
    let context = context();
    for size in [KIOSK, HANDHELD] {
        for view in views() {
            let window = Rect::from_min_size(Pos2::ZERO, size);
            let places = frame(&context, size, Vec::new(), |ui| places(ui, &canvas(&view, ui.max_rect())));
            assert_eq!(places.len(), view.buttons.len());
            for (k, (button, rect)) in places.iter().enumerate() {
                assert!(window.contains_rect(*rect) && rect.height() >= 64.0, "{button:?} {rect:?}");
                assert!(places[..k].iter().all(|(_, other)| !other.intersects(*rect)), "{button:?} {rect:?}");
            }
        }
    }
}

#[test]
fn a_press_is_the_button_under_the_finger() {
    for size in [KIOSK, HANDHELD] {
        for view in views() {
            let context = context();
            let places = frame(&context, size, Vec::new(), |ui| places(ui, &canvas(&view, ui.max_rect())));
            for (button, rect) in places {
                assert_eq!(press_at(&context, &view, size, rect.center(), LATER), Some(button), "{:?}", view.title);
                assert_eq!(press_at(&context, &view, size, Pos2::new(2.0, 2.0), LATER), None);
            }
        }
    }
}

#[test]
fn a_second_tap_meant_for_the_screen_before_presses_nothing() {
    let consent = View::of(&Prompt { screen: Screen::Consent, ..Prompt::idle() }, &LinkState::Up, Duration::ZERO);
    assert_eq!(key_on(&consent, Key::Enter, Duration::from_millis(100)), None);
    assert_eq!(key_on(&consent, Key::Enter, GUARD), Some(Button::Agree));
}

#[test]
fn enter_leads_on_and_escape_leads_out_and_a_held_key_does_nothing() {
    let view = |screen| View::of(&Prompt { screen, ..Prompt::idle() }, &LinkState::Up, LATER);
    let consent = view(Screen::Consent);
    assert_eq!(key_on(&consent, Key::Escape, LATER), Some(Button::Decline));
    let held = context();
    let hold = || frame(&held, KIOSK, vec![key_event(Key::Enter)], |ui| show(ui, &consent, None, LATER));
    assert_eq!((hold(), hold()), (Some(Button::Agree), None));
    let document = view(Screen::Document { side: DocumentSide::Front });
    assert_eq!(key_on(&document, Key::Escape, LATER), Some(Button::Cancel));
    assert_eq!(key_on(&document, Key::Enter, LATER), None);
    assert_eq!(key_on(&view(Screen::Idle), Key::Enter, LATER), Some(Button::Start));
    let down = View::of(&Prompt::idle(), &LinkState::Down { why: String::new() }, LATER);
    assert_eq!(key_on(&down, Key::Enter, LATER), None);
}

#[test]
fn enter_presses_the_button_that_has_the_focus() {
    let context = context();
    let consent = View::of(&Prompt { screen: Screen::Consent, ..Prompt::idle() }, &LinkState::Up, LATER);
    let run = |events| frame(&context, KIOSK, events, |ui| show(ui, &consent, None, LATER));
    assert_eq!(run(vec![key_event(Key::Tab)]), None);
    run(Vec::new());
    assert_eq!(run(vec![key_event(Key::Enter)]), Some(Button::Decline), "the first button, which leads out");
}

#[test]
fn what_is_typed_by_a_key_or_on_a_keyboard_is_taken() {
    for size in [KIOSK, HANDHELD] {
        let context = context();
        let view = Returning::begin().view(Duration::ZERO);
        let run = |events, stood| frame(&context, size, events, |ui| entry::keys_of(ui, &view, stood));
        assert_eq!(run(vec![Event::Text("é@".to_owned())], LATER), [Typed::Character('é'), Typed::Character('@')]);
        assert_eq!(run(vec![key_event(Key::Backspace)], LATER), [Typed::Erase]);
        assert!(run(vec![Event::Text("a".to_owned())], Duration::ZERO).is_empty(), "meant for the screen before");
        // Whatever is pressed in the middle of the keys is one of them, and only one.
        let at = Pos2::new(size.x * 0.5 + 20.0, size.y * 0.55);
        let click = |pressed| Event::PointerButton {
            pos: at,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::default(),
        };
        run(vec![Event::PointerMoved(at)], LATER);
        run(vec![click(true)], LATER);
        assert!(matches!(run(vec![click(false)], LATER)[..], [Typed::Character(_)]), "{size:?}");
    }
}

#[test]
fn a_new_pass_is_drawn_with_the_result_and_whole_inside_of_both_shapes() {
    let text = format!("{}{}", crate::session::PASS_PREFIX, "7K".repeat(79) + "0");
    let new_pass: crate::session::PassText = serde_json::from_value(text.into()).unwrap();
    assert_eq!(pass::code_of(&new_pass).unwrap().side(), 45, "version 7");
    let prompt = Prompt { screen: Screen::Verified, new_pass: Some(new_pass), ..Prompt::idle() };
    let view = View::of(&prompt, &LinkState::Up, Duration::ZERO);
    assert!(view.detail.contains("photo") && view.pass.is_some());
    let plain = View::of(&Prompt { new_pass: None, ..prompt.clone() }, &LinkState::Up, Duration::ZERO);
    assert!(plain.pass.is_none());
    let elsewhere = View::of(&Prompt { screen: Screen::Expired, ..prompt }, &LinkState::Up, Duration::ZERO);
    assert!(elsewhere.pass.is_none(), "with the result alone");
    let context = context();
    for size in [KIOSK, HANDHELD, KIOSK * 1.5, Vec2::new(1080.0, 1920.0)] {
        frame(&context, size, Vec::new(), |ui| {
            let canvas = canvas(&view, ui.max_rect());
            let code = pass::code_of(view.pass.as_ref().unwrap()).unwrap();
            let (words, place) = pass::draw(ui, &canvas, &code);
            assert!(canvas.area.contains_rect(place) && canvas.area.contains_rect(words), "{size}: {words} {place}");
            assert!(!words.intersects(place), "{size}: {words} {place}");
            assert!(place.width() > 0.55 * size.min_elem(), "{size}: {place}");
        });
    }
}
