//! What is shown for what the engine says.

use super::*;
use crate::session::{DeviceFault, DocumentSide, Hint};

fn prompt(screen: Screen) -> Prompt {
    Prompt { screen, ..Prompt::idle() }
}

fn view(screen: Screen) -> View {
    View::of(&prompt(screen), &LinkState::Up, Duration::ZERO)
}

fn face(direction: Direction, done: u8, steps: u8) -> Screen {
    Screen::Face { direction, done, steps }
}

#[test]
fn without_a_connection_nothing_can_be_pressed_whatever_stood_before() {
    let down = LinkState::Down { why: "the engine does not answer".to_owned() };
    for screen in [Screen::Idle, Screen::Consent, face(Direction::Left, 1, 4), Screen::Verified] {
        let view = View::of(&prompt(screen), &down, Duration::ZERO);
        assert_eq!((view.title, view.tone), ("The device is starting", Tone::Calm));
        assert!(view.buttons.is_empty() && !view.preview() && view.staff.is_none());
    }
    let late = View::of(&Prompt::idle(), &down, PATIENCE);
    assert_eq!(late.staff.as_deref(), Some("For the staff: the engine does not answer"));
    assert_eq!(late.detail, words::STARTING_LONG);
}

#[test]
fn the_person_s_own_left_is_on_the_left_of_the_mirror() {
    let arrow = |direction| view(face(direction, 0, 4)).arrow;
    assert_eq!(arrow(Direction::Left), Some(Arrow::Left));
    assert_eq!(arrow(Direction::Right), Some(Arrow::Right));
    assert_eq!(arrow(Direction::Centre), Some(Arrow::Centre));
}

#[test]
fn a_flash_is_announced_with_a_way_out_that_stays_while_it_lasts() {
    let notice = view(Screen::FlashNotice);
    assert!(notice.points.iter().any(|point| point.contains("flashing light") && point.contains("Cancel")));
    assert_eq!((notice.light, &notice.buttons[..]), (None, &[Button::Cancel][..]));
    for colour in FlashColour::ALL {
        let lit = view(Screen::Flash { colour, step: 0 });
        assert_eq!((lit.light, &lit.buttons[..]), (Some(colour), &[Button::Cancel][..]));
        assert!(!lit.preview() && lit.points.is_empty() && !lit.title.is_empty());
    }
}

#[test]
fn whoever_is_to_be_looked_at_for_their_age_is_told_before_they_agree() {
    let consent = Prompt { estimates_age: true, ..prompt(Screen::Consent) };
    let told = View::of(&consent, &LinkState::Up, Duration::ZERO);
    assert!(told.points.iter().any(|point| point.contains("estimates your age")));
    let untold = View::of(&prompt(Screen::Consent), &LinkState::Up, Duration::ZERO);
    assert!(!untold.points.iter().any(|point| point.contains("age")));
}

#[test]
fn steps_fill_up_and_never_beyond_all_of_them() {
    let turn = view(face(Direction::Left, 1, 4));
    assert_eq!((turn.steps, turn.progress), (Some(Steps { done: 1, of: 4 }), Some(0.25)));
    assert_eq!(view(face(Direction::Left, 9, 4)).progress, Some(1.0));
    assert_eq!(view(face(Direction::Centre, 0, 0)).progress, None);
}

#[test]
fn the_reason_of_the_last_attempt_is_shown_only_while_another_is_under_way() {
    let mut again = prompt(Screen::Document { side: DocumentSide::Front });
    again.last_error = Some(ReasonCode::DocumentUnreadable);
    again.hint = Some(Hint::AvoidGlare);
    let shown = View::of(&again, &LinkState::Up, Duration::ZERO);
    assert_eq!(shown.note, Some("We could not read the code on your document"));
    assert_eq!(shown.hint, Some("Tilt it a little, away from the light"));
    again.screen = Screen::Verified;
    let ended = View::of(&again, &LinkState::Up, Duration::ZERO);
    assert_eq!((ended.note, ended.hint), (None, None));
}

#[test]
fn a_refusal_says_why_and_what_helps_and_offers_another_try_only_where_it_can_help() {
    for reason in ReasonCode::all() {
        let refused = view(Screen::NotVerified { reason });
        assert!(!refused.title.is_empty() && !refused.detail.is_empty(), "{reason}");
        assert!(refused.staff.is_none() && refused.points.is_empty(), "{reason}");
    }
    assert_eq!(
        view(Screen::NotVerified { reason: ReasonCode::DocumentExpired }).buttons,
        [Button::StartAgain],
        "another document may help"
    );
    for reason in [ReasonCode::UnderAge, ReasonCode::LivenessAttack, ReasonCode::DocumentCheckFailed] {
        assert!(view(Screen::NotVerified { reason }).buttons.is_empty(), "{reason}");
    }
}

#[test]
fn a_fault_is_calmly_told_to_the_person_and_exactly_to_the_staff() {
    let fault = view(Screen::Fault { fault: DeviceFault::CameraSilent });
    assert_eq!((fault.tone, fault.sign), (Tone::Fault, Some(Sign::Alert)));
    assert!(fault.detail.starts_with("This is not your fault"));
    assert!(fault.staff.unwrap().contains("check its cable"));
}

#[test]
fn every_screen_has_at_most_one_main_button_and_one_way_out() {
    for screen in [
        Screen::Idle,
        Screen::Consent,
        Screen::Document { side: DocumentSide::Back },
        face(Direction::Right, 0, 3),
        Screen::Review,
        Screen::Expired,
        Screen::Canceled { by: CanceledBy::Till },
    ] {
        let buttons = view(screen).buttons;
        assert!(buttons.iter().filter(|button| button.is_main()).count() <= 1, "{screen:?}");
        assert!(buttons.iter().filter(|button| button.is_way_out()).count() <= 1, "{screen:?}");
    }
}

#[test]
fn help_is_added_when_a_screen_stands_for_long() {
    let document = prompt(Screen::Document { side: DocumentSide::Front });
    let at = |elapsed| View::of(&document, &LinkState::Up, elapsed).detail;
    assert_ne!(at(Duration::ZERO), words::DOCUMENT_PATIENCE);
    assert_eq!(at(PATIENCE), words::DOCUMENT_PATIENCE);
}
