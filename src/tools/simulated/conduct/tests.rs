use proptest::prelude::*;

use super::*;
use crate::session::DeviceFault;

fn session(number: u8) -> SessionId {
    SessionId::from_random(&[number; SessionId::CHARACTERS])
}

fn prompt(screen: Screen) -> Prompt {
    Prompt { session: Some(session(1)), screen, ..Prompt::idle() }
}

fn look(direction: Direction) -> Prompt {
    prompt(Screen::Face { direction, done: 0, steps: 4 })
}

fn show(side: DocumentSide) -> Prompt {
    prompt(Screen::Document { side })
}

/// Frames at 15 a second from a time on for some milliseconds; the last stance.
fn follow(conduct: &mut Conduct, prompt: &Prompt, clock: &mut u64, for_ms: u64) -> Stance {
    let until = *clock + for_ms;
    let mut last = Stance::default();
    while *clock < until {
        last = conduct.follow(prompt, Duration::from_millis(*clock));
        *clock += 67;
    }
    last
}

#[test]
fn nobody_comes_before_a_session_and_everybody_goes_after_it() {
    let (mut conduct, mut clock) = (Conduct::new(1), 0);
    assert_eq!(follow(&mut conduct, &Prompt::idle(), &mut clock, 3000), Stance::default());
    let standing = follow(&mut conduct, &prompt(Screen::Consent), &mut clock, 2000);
    assert_eq!(standing, Stance { presence: 1.0, ..Stance::default() });
    assert_eq!(follow(&mut conduct, &Prompt::idle(), &mut clock, 2000), Stance::default());
}

#[test]
fn nothing_happens_within_the_reaction_time_and_the_turn_is_complete_soon_after() {
    for seed in 0..20 {
        let (mut conduct, mut clock) = (Conduct::new(seed), 0);
        follow(&mut conduct, &look(Direction::Centre), &mut clock, 2500);
        let start = Duration::from_millis(clock);
        conduct.follow(&look(Direction::Left), start);
        let at = |conduct: &mut Conduct, ms| {
            conduct.follow(&look(Direction::Left), start + Duration::from_millis(ms)).yaw_degrees
        };
        assert!(at(&mut conduct, 240).abs() < 1e-6);
        assert!(at(&mut conduct, 900) > 5.0);
        assert!((at(&mut conduct, 1400) - TURN_DEGREES).abs() < 1e-3);
    }
}

#[test]
fn the_head_stays_turned_until_the_prompt_changes() {
    let (mut conduct, mut clock) = (Conduct::new(2), 0);
    let turned = follow(&mut conduct, &look(Direction::Right), &mut clock, 20_000);
    assert!((turned.yaw_degrees + TURN_DEGREES).abs() < 1e-3);
    assert!(follow(&mut conduct, &look(Direction::Centre), &mut clock, 2000).yaw_degrees.abs() < 1e-3);
}

#[test]
fn the_front_is_raised_the_back_is_turned_over_and_the_front_comes_again() {
    let (mut conduct, mut clock) = (Conduct::new(3), 0);
    let front = follow(&mut conduct, &show(DocumentSide::Front), &mut clock, 2500);
    assert_eq!((front.held, front.turned, front.card_is_fast), (1.0, 0.0, false));
    let turning = follow(&mut conduct, &show(DocumentSide::Back), &mut clock, 800);
    assert!(turning.turned > 0.05 && turning.turned < 0.95 && turning.card_is_fast, "{turning:?}");
    let back = follow(&mut conduct, &show(DocumentSide::Back), &mut clock, 1500);
    assert_eq!((back.held, back.turned, back.card_is_fast), (1.0, 1.0, false));
    let facing = follow(&mut conduct, &look(Direction::Centre), &mut clock, 2000);
    assert_eq!((facing.held, facing.facing), (0.0, 1.0));
    let again = follow(&mut conduct, &show(DocumentSide::Front), &mut clock, 2000);
    assert_eq!((again.held, again.turned, again.facing), (1.0, 0.0, 0.0));
}

#[test]
fn a_prompt_that_is_taken_back_within_the_reaction_time_changes_nothing() {
    let (mut conduct, mut clock) = (Conduct::new(4), 0);
    follow(&mut conduct, &look(Direction::Centre), &mut clock, 3000);
    follow(&mut conduct, &look(Direction::Left), &mut clock, 130);
    let after = follow(&mut conduct, &look(Direction::Centre), &mut clock, 3000);
    assert!(after.yaw_degrees.abs() < 1e-6);
}

#[test]
fn a_new_session_begins_with_somebody_who_is_not_there_yet() {
    let (mut conduct, mut clock) = (Conduct::new(5), 0);
    follow(&mut conduct, &show(DocumentSide::Back), &mut clock, 3000);
    let other = Prompt { session: Some(session(2)), ..show(DocumentSide::Front) };
    assert_eq!(conduct.follow(&other, Duration::from_millis(clock)), Stance::default());
    let shown = follow(&mut conduct, &other, &mut clock, 2500);
    assert_eq!((shown.presence, shown.held, shown.turned), (1.0, 1.0, 0.0));
}

fn any_prompt() -> impl Strategy<Value = Prompt> {
    prop_oneof![
        Just(Prompt::idle()),
        Just(prompt(Screen::Consent)),
        Just(prompt(Screen::Fault { fault: DeviceFault::Model })),
        Just(show(DocumentSide::Front)),
        Just(show(DocumentSide::Back)),
        Just(look(Direction::Centre)),
        Just(look(Direction::Left)),
        Just(look(Direction::Right)),
    ]
}

proptest! {
    #[test]
    fn no_order_of_prompts_makes_a_jump(
        seed: u64,
        prompts in proptest::collection::vec((any_prompt(), 1..25u64), 1..30),
    ) {
        let (mut conduct, mut clock) = (Conduct::new(seed), 0);
        let mut before: Option<Stance> = None;
        for (prompt, frames) in prompts {
            for _ in 0..frames {
                let now = conduct.follow(&prompt, Duration::from_millis(clock));
                for share in [now.presence, now.facing, now.held, now.turned] {
                    prop_assert!((-1e-4..=1.0001).contains(&share));
                }
                prop_assert!(now.yaw_degrees.abs() <= TURN_DEGREES + 0.01);
                if let Some(before) = before {
                    prop_assert!((now.yaw_degrees - before.yaw_degrees).abs() < 8.0);
                    prop_assert!((now.held - before.held).abs() < 0.3);
                    // Out of sight a card changes its side at once.
                    prop_assert!((now.turned - before.turned).abs() < 0.3 || now.held < 0.3);
                }
                before = Some(now);
                clock += 67;
            }
        }
    }
}
