//! Somebody who says that they were here before: an address, then a code, as values; pure, as [`super::view`] is.
//!
//! Always holds: what was typed is wiped as soon as it was sent, or the screen ends; nothing on the screen tells whether an
//! address is known; the way back to the full check is always there. Limits: the copies that the drawing library keeps of
//! laid-out text go by themselves, after a frame or two, and are not overwritten.

use std::time::Duration;

use zeroize::Zeroize;

use super::view::{Button, Sign, Tone, View};
use super::words;
use crate::session::protocol::{PrivateText, ReturnSaid};

/// Longest address in characters (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MOST_CHARACTERS: usize = 254;
/// Digits of a code.
const DIGITS: usize = 6;
/// After so long, the staff may see to the connection.
const LONG: Duration = Duration::from_secs(8);

/// What is to be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keys {
    /// An e-mail address.
    Address,
    /// Six digits.
    Digits,
}

/// What a screen asks somebody to type.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What they have typed.
    pub text: PrivateText,
    /// By which keys.
    pub keys: Keys,
}

/// One thing typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// A character.
    Character(char),
    /// The end of many addresses.
    Ending(&'static str),
    /// Takes the last character back.
    Erase,
}

/// What is to be asked of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// To send a code to an address.
    Code(PrivateText),
    /// To compare a code.
    Compare(PrivateText),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Address,
    Sending,
    Code,
    Comparing,
    Told(words::Words),
}

/// How far somebody is who was here before.
#[derive(Debug)]
pub struct Returning {
    step: Step,
    text: String,
    note: Option<&'static str>,
}

impl Returning {
    /// Begins by asking for the address.
    #[must_use]
    pub fn begin() -> Self {
        // A buffer that grows would leave a copy behind.
        Self { step: Step::Address, text: String::with_capacity(4 * MOST_CHARACTERS), note: None }
    }

    /// Takes in what was typed.
    pub fn take(&mut self, typed: Typed) {
        let most = match self.step {
            Step::Address => MOST_CHARACTERS,
            Step::Code => DIGITS,
            Step::Sending | Step::Comparing | Step::Told(_) => return,
        };
        self.note = None;
        let fits = |c: char| match self.step {
            Step::Code => c.is_ascii_digit(),
            _ => !c.is_control() && !c.is_whitespace(),
        };
        let characters = match typed {
            Typed::Erase => {
                self.text.pop();
                return;
            }
            Typed::Character(c) => c.to_string(),
            Typed::Ending(ending) => ending.to_owned(),
        };
        for c in characters.chars().filter(|c| fits(*c)) {
            if self.text.chars().count() < most {
                self.text.push(c);
            }
        }
    }

    /// Sends what was typed, if it is whole.
    pub fn send(&mut self) -> Option<Ask> {
        match self.step {
            Step::Address if self.text.contains('@') => {
                self.step = Step::Sending;
                Some(Ask::Code(self.taken()))
            }
            Step::Address => {
                self.note = Some(words::NO_ADDRESS);
                None
            }
            Step::Code if self.text.len() == DIGITS => {
                self.step = Step::Comparing;
                Some(Ask::Compare(self.taken()))
            }
            Step::Code => {
                self.note = Some(words::SIX_DIGITS);
                None
            }
            Step::Sending | Step::Comparing | Step::Told(_) => None,
        }
    }

    /// Takes in what the engine said.
    pub fn hear(&mut self, said: ReturnSaid) {
        // An answer to what was asked before one went back says nothing here.
        let awaited = match said {
            ReturnSaid::CodeSent | ReturnSaid::NoAddress | ReturnSaid::Offline => self.step == Step::Sending,
            ReturnSaid::WrongCode { .. } | ReturnSaid::NoCode | ReturnSaid::NotEnough => self.step == Step::Comparing,
            ReturnSaid::TooOften { .. } | ReturnSaid::Unavailable => {
                matches!(self.step, Step::Sending | Step::Comparing)
            }
            ReturnSaid::Accepted => false,
        };
        if !awaited {
            return;
        }
        let (step, note) = match said {
            ReturnSaid::CodeSent => (Step::Code, None),
            ReturnSaid::NoAddress => (Step::Address, Some(words::NO_ADDRESS)),
            ReturnSaid::WrongCode { left: 0 } | ReturnSaid::TooOften { .. } => (Step::Told(words::TOO_OFTEN), None),
            ReturnSaid::WrongCode { .. } => (Step::Code, Some(words::WRONG_CODE)),
            ReturnSaid::NoCode => (Step::Address, Some(words::CODE_IS_OVER)),
            ReturnSaid::Offline => (Step::Told(words::OFFLINE), None),
            ReturnSaid::Unavailable => (Step::Told(words::UNAVAILABLE), None),
            ReturnSaid::NotEnough => (Step::Told(words::NOT_ENOUGH), None),
            // The next prompt shows it.
            ReturnSaid::Accepted => return,
        };
        self.text.zeroize();
        (self.step, self.note) = (step, note);
    }

    /// What is shown after `elapsed` in this step.
    #[must_use]
    pub fn view(&self, elapsed: Duration) -> View {
        let entry = |keys| Some(Entry { text: PrivateText(self.text.clone()), keys });
        let of = |words: words::Words, tone| View { title: words.title, detail: words.detail, ..View::blank(tone) };
        match self.step {
            Step::Address => View {
                note: self.note,
                entry: entry(Keys::Address),
                buttons: vec![Button::Back, Button::SendCode],
                ..of(words::YOUR_ADDRESS, Tone::Ask)
            },
            Step::Code => View {
                note: self.note,
                entry: entry(Keys::Digits),
                buttons: vec![Button::Back, Button::CheckCode],
                ..of(words::YOUR_CODE, Tone::Ask)
            },
            Step::Sending | Step::Comparing => View {
                detail: if elapsed >= LONG { words::DECIDING_PATIENCE } else { "" },
                sign: Some(Sign::Working),
                buttons: vec![Button::Back],
                ..of(words::SENDING, Tone::Calm)
            },
            Step::Told(said) => {
                View { sign: Some(Sign::Alert), buttons: vec![Button::FullCheck], ..of(said, Tone::Calm) }
            }
        }
    }

    /// What was typed, which is wiped here.
    fn taken(&mut self) -> PrivateText {
        let text = PrivateText(self.text.clone());
        self.text.zeroize();
        text
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(returning: &mut Returning, text: &str) {
        text.chars().for_each(|c| returning.take(Typed::Character(c)));
    }

    fn view(returning: &Returning) -> View {
        returning.view(Duration::ZERO)
    }

    #[test]
    fn an_address_and_then_a_code_are_sent_once_and_wiped() {
        let mut returning = Returning::begin();
        typed(&mut returning, "ana@shop");
        returning.take(Typed::Erase);
        returning.take(Typed::Character('p'));
        returning.take(Typed::Ending(".com"));
        assert_eq!(view(&returning).entry.unwrap().text.0, "ana@shop.com");
        assert_eq!(returning.send(), Some(Ask::Code(PrivateText("ana@shop.com".to_owned()))));
        assert_eq!((returning.send(), returning.text.as_str()), (None, ""));
        returning.hear(ReturnSaid::CodeSent);
        typed(&mut returning, "1x2 345678");
        assert_eq!(view(&returning).entry.unwrap().keys, Keys::Digits);
        assert_eq!(returning.send(), Some(Ask::Compare(PrivateText("123456".to_owned()))));
        assert!(view(&returning).entry.is_none() && returning.text.is_empty());
    }

    #[test]
    fn what_is_not_whole_is_not_sent_and_it_is_said_what_is_missing() {
        let mut returning = Returning::begin();
        typed(&mut returning, "ana");
        assert_eq!((returning.send(), view(&returning).note), (None, Some(words::NO_ADDRESS)));
        typed(&mut returning, "@");
        assert_eq!(view(&returning).note, None);
        assert!(returning.send().is_some());
        returning.hear(ReturnSaid::CodeSent);
        typed(&mut returning, "12345");
        assert_eq!((returning.send(), view(&returning).note), (None, Some(words::SIX_DIGITS)));
    }

    #[test]
    fn whatever_is_said_leaves_a_way_back_to_the_full_check() {
        let ways = [Button::Back, Button::FullCheck];
        let asked = |keys| {
            let mut returning = Returning::begin();
            typed(&mut returning, "a@b");
            assert!(returning.send().is_some());
            if keys == Keys::Digits {
                returning.hear(ReturnSaid::CodeSent);
                typed(&mut returning, "123456");
                assert!(returning.send().is_some());
            }
            returning
        };
        for said in [
            ReturnSaid::CodeSent,
            ReturnSaid::Offline,
            ReturnSaid::Unavailable,
            ReturnSaid::TooOften { again_after_s: 60 },
            ReturnSaid::NoAddress,
            ReturnSaid::WrongCode { left: 3 },
            ReturnSaid::WrongCode { left: 0 },
            ReturnSaid::NoCode,
            ReturnSaid::NotEnough,
            ReturnSaid::Accepted,
        ] {
            for keys in [Keys::Address, Keys::Digits] {
                let mut returning = asked(keys);
                returning.hear(said);
                let view = view(&returning);
                assert!(view.buttons.iter().any(|button| ways.contains(button)), "{said:?}");
                assert!(!view.title.is_empty());
            }
        }
    }

    #[test]
    fn without_a_connection_it_is_said_so() {
        let mut returning = Returning::begin();
        typed(&mut returning, "a@b");
        assert!(returning.send().is_some());
        returning.hear(ReturnSaid::Offline);
        let view = view(&returning);
        assert!(view.title.contains("no connection") && view.buttons == [Button::FullCheck], "{}", view.title);
    }

    #[test]
    fn a_text_has_its_limit_and_is_never_printed() {
        let mut returning = Returning::begin();
        typed(&mut returning, &"ü".repeat(300));
        assert_eq!(returning.text.chars().count(), MOST_CHARACTERS);
        assert!(returning.text.capacity() <= 4 * MOST_CHARACTERS);
        assert!(!format!("{:?}", view(&returning)).contains('ü'));
    }
}
