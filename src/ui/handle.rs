//! What other threads tell the window: the newest of each wins, nothing queues up.
//!
//! Always holds: a preview picture is kept only while a screen shows one, and wiped when it is dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eframe::egui;

use super::app::Command;
use super::returning::{Returning, Typed};
use super::view::{Button, LinkState, View, guide};
use crate::imaging::Rgb;
use crate::session::protocol::ReturnSaid;
use crate::session::{Prompt, Screen, SessionId};

/// Something new for the window.
#[derive(Debug)]
pub enum Update {
    /// The engine answers.
    Connected,
    /// It does not.
    Disconnected {
        /// Why, for the staff.
        why: String,
    },
    /// What is shown now.
    Prompt(Prompt),
    /// What became of what somebody said who was here before.
    Returning(SessionId, ReturnSaid),
    /// What the camera sees, as it sees it (unmirrored).
    Preview(Rgb),
    /// Close the window.
    Quit,
}

/// The window as other threads see it.
#[derive(Clone)]
pub struct UiHandle {
    inbox: Arc<Mutex<Inbox>>,
    context: egui::Context,
}

/// What the window draws from.
pub(super) struct Inbox {
    /// Whether the engine answers.
    pub link: LinkState,
    /// What it said last.
    pub prompt: Prompt,
    /// Since when this screen stands.
    pub since: Instant,
    /// How far somebody is who says that they were here before.
    pub returning: Option<Returning>,
    /// The newest picture that was not drawn yet.
    pub preview: Option<Rgb>,
    /// Whether the window is to close.
    pub quit: bool,
    /// Whether it is there.
    pub open: bool,
}

impl UiHandle {
    pub(super) fn new(context: egui::Context) -> Self {
        let inbox = Inbox {
            link: LinkState::Down { why: String::new() },
            prompt: Prompt::idle(),
            since: Instant::now(),
            returning: None,
            preview: None,
            quit: false,
            open: true,
        };
        Self { inbox: Arc::new(Mutex::new(inbox)), context }
    }

    /// Takes over something new and wakes the window. May be called from any thread, never blocks for long; without
    /// effect once the window is closed.
    pub fn update(&self, update: Update) {
        if self.inbox().take(update) {
            self.context.request_repaint();
        }
    }

    /// Whether the window is still there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inbox().open
    }

    pub(super) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// For how long this screen has stood.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// What is shown when this screen has stood for `elapsed`.
    pub fn view(&self, elapsed: Duration) -> View {
        match &self.returning {
            Some(returning) => returning.view(elapsed),
            None => View::of(&self.prompt, &self.link, elapsed),
        }
    }

    /// Takes in what was pressed; what the engine is to be told.
    pub fn press(&mut self, button: Button) -> Option<Command> {
        match button {
            Button::Start | Button::StartAgain => Some(Command::Start),
            Button::Agree => Some(Command::Consent { given: true }),
            Button::Decline => Some(Command::Consent { given: false }),
            Button::Cancel => Some(Command::Cancel),
            Button::ComeAgain => {
                self.set_returning(Some(Returning::begin()));
                Some(Command::ComeAgain)
            }
            Button::Back | Button::FullCheck => {
                self.set_returning(None);
                None
            }
            Button::SendCode | Button::CheckCode => {
                let asked = self.returning.as_mut().and_then(Returning::send);
                if asked.is_some() {
                    self.since = Instant::now();
                }
                asked.map(Command::Return)
            }
        }
    }

    /// Takes in what was typed.
    pub fn take_typed(&mut self, typed: &[Typed]) {
        if let Some(returning) = &mut self.returning {
            for one in typed {
                returning.take(*one);
            }
        }
    }

    fn set_returning(&mut self, returning: Option<Returning>) {
        self.returning = returning;
        self.since = Instant::now();
    }

    /// Closes the inbox and drops what it holds.
    pub fn close(&mut self) {
        self.open = false;
        self.preview = None;
        self.returning = None;
        self.prompt = Prompt::idle();
    }

    fn shows_preview(&self) -> bool {
        self.link == LinkState::Up && guide(self.prompt.screen).is_some()
    }

    /// Whether there is something new to draw.
    fn take(&mut self, update: Update) -> bool {
        if !self.open {
            return false;
        }
        match update {
            Update::Connected => self.set_link(LinkState::Up),
            Update::Disconnected { why } => self.set_link(LinkState::Down { why }),
            Update::Prompt(prompt) => {
                if !same_screen(&self.prompt, &prompt) {
                    self.since = Instant::now();
                    // What was typed belongs to the screen that has gone.
                    self.returning = None;
                }
                self.prompt = prompt;
            }
            Update::Returning(session, said) => {
                // An answer may come late, to the next person's screen.
                let mine = self.prompt.session.as_ref() == Some(&session);
                if let Some(returning) = self.returning.as_mut().filter(|_| mine) {
                    returning.hear(said);
                    self.since = Instant::now();
                }
            }
            Update::Preview(picture) if self.shows_preview() => self.preview = Some(picture),
            Update::Preview(_) => return false,
            Update::Quit => self.quit = true,
        }
        if !self.shows_preview() {
            self.preview = None;
        }
        true
    }

    fn set_link(&mut self, link: LinkState) {
        let up = link == LinkState::Up;
        if up != (self.link == LinkState::Up) {
            self.since = Instant::now();
            // What stood before belongs to an engine that is gone.
            self.prompt = Prompt::idle();
            self.returning = None;
        }
        self.link = link;
    }
}

/// Whether two prompts are the same screen to the person: steps and hints of one screen are.
fn same_screen(one: &Prompt, other: &Prompt) -> bool {
    let side = |prompt: &Prompt| match prompt.screen {
        Screen::Document { side } => Some(side),
        Screen::Idle
        | Screen::Consent
        | Screen::Face { .. }
        | Screen::FlashNotice
        | Screen::Flash { .. }
        | Screen::Deciding
        | Screen::Review
        | Screen::Verified
        | Screen::NotVerified { .. }
        | Screen::Canceled { .. }
        | Screen::Expired
        | Screen::Fault { .. } => None,
    };
    one.session == other.session
        && std::mem::discriminant(&one.screen) == std::mem::discriminant(&other.screen)
        && side(one) == side(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::DocumentSide;

    fn handle() -> UiHandle {
        UiHandle::new(egui::Context::default())
    }

    fn document() -> Update {
        Update::Prompt(Prompt { screen: Screen::Document { side: DocumentSide::Front }, ..Prompt::idle() })
    }

    fn picture(value: u8) -> Update {
        Update::Preview(Rgb::filled(2, 2, [value; 3]))
    }

    #[test]
    fn of_several_pictures_the_newest_is_kept() {
        let ui = handle();
        for update in [Update::Connected, document(), picture(1), picture(2)] {
            ui.update(update);
        }
        assert_eq!(ui.inbox().preview.as_ref().unwrap().pixel(0, 0), [2; 3]);
    }

    #[test]
    fn a_picture_is_dropped_when_the_screen_ends_and_none_is_taken_where_none_is_shown() {
        let ui = handle();
        ui.update(picture(1));
        assert!(ui.inbox().preview.is_none(), "before the engine answers");
        for update in [Update::Connected, document(), picture(2), Update::Prompt(Prompt::idle())] {
            ui.update(update);
        }
        assert!(ui.inbox().preview.is_none(), "after the end");
        ui.update(picture(3));
        assert!(ui.inbox().preview.is_none(), "while idle");
    }

    #[test]
    fn a_lost_connection_takes_the_prompt_and_the_picture_with_it() {
        let ui = handle();
        for update in [Update::Connected, document(), picture(1), Update::Disconnected { why: "gone".to_owned() }] {
            ui.update(update);
        }
        assert!(ui.inbox().preview.is_none());
        ui.update(Update::Connected);
        assert_eq!(ui.inbox().prompt, Prompt::idle());
    }

    #[test]
    fn what_was_typed_goes_with_its_screen() {
        let ui = handle();
        let consent = || Update::Prompt(Prompt { screen: Screen::Consent, offers_return: true, ..Prompt::idle() });
        let ends: [fn() -> Update; 3] =
            [document, || Update::Prompt(Prompt::idle()), || Update::Disconnected { why: String::new() }];
        for end in ends {
            ui.update(Update::Connected);
            ui.update(consent());
            assert_eq!(ui.inbox().press(Button::ComeAgain), Some(Command::ComeAgain));
            ui.inbox().take_typed(&[Typed::Character('a'), Typed::Character('@')]);
            // The same screen once more changes nothing.
            ui.update(consent());
            assert_eq!(ui.inbox().view(Duration::ZERO).entry.unwrap().text.0, "a@");
            ui.update(end());
            assert!(ui.inbox().returning.is_none());
        }
    }

    #[test]
    fn an_answer_that_nobody_waits_for_any_more_is_dropped() {
        let ui = handle();
        ui.update(Update::Connected);
        let session = |number| SessionId::from_random(&[number; SessionId::CHARACTERS]);
        ui.update(Update::Returning(session(1), ReturnSaid::CodeSent));
        assert!(ui.inbox().returning.is_none());
        // Somebody else is at the screen by now, or the same person has begun anew.
        let consent = Prompt { session: Some(session(2)), screen: Screen::Consent, ..Prompt::idle() };
        ui.update(Update::Prompt(consent));
        ui.inbox().press(Button::ComeAgain);
        for (of, said) in [(1, ReturnSaid::Offline), (2, ReturnSaid::CodeSent)] {
            ui.update(Update::Returning(session(of), said));
            let view = ui.inbox().view(Duration::ZERO);
            assert_eq!(view.entry.unwrap().keys, crate::ui::returning::Keys::Address, "{said:?}");
        }
    }
}
