//! What is shown, as values: pure, so that every screen can be tested without a window.
//!
//! Always holds: a result shows a title and what helps, never a value of a document; without a connection there is
//! nothing to press; a preview is asked for only by the screens of the document and the face.

use std::time::Duration;

use super::returning::Entry;
use super::words;
use crate::liveness::{Direction, FlashColour};
use crate::session::{CanceledBy, PassText, Phase, Prompt, ReasonCode, Screen};

/// After so long on one screen, a line of help is added.
const PATIENCE: Duration = Duration::from_secs(12);
/// After so long, a moment is no longer a moment.
const LONG: Duration = Duration::from_secs(6);
/// Most characters of a message for the staff.
const MAX_STAFF_CHARS: usize = 160;

/// Whether the engine can be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// It answers.
    Up,
    /// It does not.
    Down {
        /// Why, for the staff; empty before the first try.
        why: String,
    },
}

/// What a screen feels like. Shown by a colour and always by a shape and words too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Nothing is asked, or something takes a moment.
    Calm,
    /// The person is asked for something.
    Ask,
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// The device is at fault.
    Fault,
}

/// Where to turn, as seen on the screen. The face's preview is a mirror, so the person's own left is on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arrow {
    /// To the left of the screen.
    Left,
    /// To the right of the screen.
    Right,
    /// Into the camera.
    Centre,
}

/// The preview, and what is drawn over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guide {
    /// The frame of a card, over the picture as the camera sees it.
    Card,
    /// An oval, over a mirrored picture.
    Face,
}

/// The drawn sign of a screen without a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// A document.
    Card,
    /// A tick in a disc.
    Tick,
    /// A cross in a disc.
    Cross,
    /// An exclamation mark in a triangle.
    Alert,
    /// A person.
    Person,
    /// A clock.
    Clock,
    /// A bar in a disc: stopped.
    Stop,
    /// Three dots that move: something is going on.
    Working,
}

/// What can be pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Button {
    /// Begin.
    Start,
    /// Begin again after an end.
    StartAgain,
    /// Yes to the check.
    Agree,
    /// No to the check.
    Decline,
    /// End what is going on.
    Cancel,
    /// Show that one was here before.
    ComeAgain,
    /// Back from there.
    Back,
    /// Have a code sent.
    SendCode,
    /// Have a code compared.
    CheckCode,
    /// Go on without.
    FullCheck,
}

impl Button {
    /// What stands on it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::StartAgain => "Start again",
            Self::Agree => "I agree",
            Self::Decline => "No, thank you",
            Self::Cancel => "Cancel",
            Self::ComeAgain => "I was here before",
            Self::Back => "Back",
            Self::SendCode => "Send me a code",
            Self::CheckCode => "Check the code",
            Self::FullCheck => "Do the full check",
        }
    }

    /// Whether it leads on: the Enter key presses it, and it is drawn filled.
    #[must_use]
    pub fn is_main(self) -> bool {
        matches!(
            self,
            Self::Start | Self::StartAgain | Self::Agree | Self::SendCode | Self::CheckCode | Self::FullCheck
        )
    }

    /// Whether it leads out: the Escape key presses it.
    #[must_use]
    pub fn is_way_out(self) -> bool {
        matches!(self, Self::Decline | Self::Cancel | Self::Back)
    }
}

/// Steps that are done, of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Done; at most `of`.
    pub done: u8,
    /// In all.
    pub of: u8,
}

/// All that a window draws.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Read first.
    pub title: &'static str,
    /// Read next; may be empty.
    pub detail: &'static str,
    /// Short sentences below, one a line.
    pub points: &'static [&'static str],
    /// Why the attempt before failed, as a gentle line.
    pub note: Option<&'static str>,
    /// For the staff, small.
    pub staff: Option<String>,
    /// The one thing that would help now.
    pub hint: Option<&'static str>,
    /// How much of the head turn is done, 0 to 1.
    pub progress: Option<f32>,
    /// The same as steps.
    pub steps: Option<Steps>,
    /// Where to look.
    pub arrow: Option<Arrow>,
    /// Whether the preview is shown, and how.
    pub guide: Option<Guide>,
    /// The sign of a screen without a preview.
    pub sign: Option<Sign>,
    /// What is to be typed.
    pub entry: Option<Entry>,
    /// The colour of the whole screen, while it lights the face.
    pub light: Option<FlashColour>,
    /// What the QR code says that the person may take along.
    pub pass: Option<PassText>,
    /// What it feels like.
    pub tone: Tone,
    /// What can be pressed, the way out first.
    pub buttons: Vec<Button>,
}

impl View {
    /// What is shown for a prompt that has stood for `elapsed`.
    #[must_use]
    pub fn of(prompt: &Prompt, link: &LinkState, elapsed: Duration) -> Self {
        match link {
            LinkState::Down { why } => Self::starting(why, elapsed),
            LinkState::Up => Self::of_prompt(prompt, elapsed),
        }
    }

    /// Whether it shows the preview, and so whether a picture may be held.
    #[must_use]
    pub fn preview(&self) -> bool {
        self.guide.is_some()
    }

    /// Whether it may change without anything new, because something takes long.
    pub(super) fn changes_with_time(&self) -> bool {
        self.preview() || self.sign == Some(Sign::Working)
    }

    fn starting(why: &str, elapsed: Duration) -> Self {
        let late = elapsed >= PATIENCE;
        Self {
            title: words::STARTING.title,
            detail: if late { words::STARTING_LONG } else { words::STARTING.detail },
            staff: for_staff(why).filter(|_| late),
            sign: Some(Sign::Working),
            ..Self::blank(Tone::Calm)
        }
    }

    pub(super) fn blank(tone: Tone) -> Self {
        Self {
            title: "",
            detail: "",
            points: &[],
            note: None,
            staff: None,
            hint: None,
            progress: None,
            steps: None,
            arrow: None,
            guide: None,
            sign: None,
            entry: None,
            light: None,
            pass: None,
            tone,
            buttons: Vec::new(),
        }
    }

    fn of_prompt(prompt: &Prompt, elapsed: Duration) -> Self {
        let words = words::of_screen(&prompt.screen);
        let (sign, tone) = sign_and_tone(prompt.screen);
        let mut view = Self {
            title: words.title,
            detail: words.detail,
            sign,
            guide: guide(prompt.screen),
            buttons: buttons(prompt.screen),
            ..Self::blank(tone)
        };
        if view.guide.is_some() {
            view.hint = prompt.hint.map(words::of_hint);
            view.note = prompt.last_error.map(|reason| reason.entry().person);
        }
        match prompt.screen {
            Screen::Consent => {
                view.points = words::consent_points(prompt.estimates_age);
                if prompt.offers_return {
                    view.buttons.insert(1, Button::ComeAgain);
                }
            }
            Screen::FlashNotice => view.points = &words::FLASH_POINTS,
            Screen::Flash { colour, .. } => {
                view.light = Some(colour);
                view.hint = prompt.hint.map(words::of_hint);
            }
            Screen::Document { .. } if elapsed >= PATIENCE => view.detail = words::DOCUMENT_PATIENCE,
            Screen::Face { direction, done, steps } => view.turn(direction, done, steps, elapsed),
            Screen::Deciding if elapsed >= LONG => view.detail = words::DECIDING_PATIENCE,
            Screen::Fault { fault } => {
                view.staff = for_staff(&fault.to_string());
                // Without a session there is nothing to end.
                view.buttons.retain(|_| prompt.session.is_some());
            }
            Screen::Verified if prompt.new_pass.is_some() => {
                view.pass.clone_from(&prompt.new_pass);
                view.detail = words::NEW_PASS;
            }
            Screen::Idle
            | Screen::Document { .. }
            | Screen::Deciding
            | Screen::Review
            | Screen::Verified
            | Screen::NotVerified { .. }
            | Screen::Canceled { .. }
            | Screen::Expired => {}
        }
        if let Some(note) = prompt.pass_note.filter(|_| view.guide.is_some()) {
            view.detail = words::of_pass(note);
        }
        view
    }

    fn turn(&mut self, direction: Direction, done: u8, steps: u8, elapsed: Duration) {
        let done = done.min(steps);
        self.arrow = Some(match direction {
            Direction::Centre => Arrow::Centre,
            Direction::Left => Arrow::Left,
            Direction::Right => Arrow::Right,
        });
        self.steps = (steps > 0).then_some(Steps { done, of: steps });
        self.progress = (steps > 0).then(|| f32::from(done) / f32::from(steps));
        if elapsed >= PATIENCE {
            self.detail = words::FACE_PATIENCE;
        }
    }
}

fn for_staff(what: &str) -> Option<String> {
    let what: String = what.chars().take(MAX_STAFF_CHARS).collect();
    (!what.is_empty()).then(|| format!("{} {what}", words::FOR_STAFF))
}

/// Whether and how a screen shows the preview.
pub(super) fn guide(screen: Screen) -> Option<Guide> {
    match screen {
        Screen::Document { .. } => Some(Guide::Card),
        Screen::Face { .. } => Some(Guide::Face),
        Screen::Idle
        | Screen::Consent
        | Screen::FlashNotice
        | Screen::Flash { .. }
        | Screen::Deciding
        | Screen::Review
        | Screen::Verified
        | Screen::NotVerified { .. }
        | Screen::Canceled { .. }
        | Screen::Expired
        | Screen::Fault { .. } => None,
    }
}

fn sign_and_tone(screen: Screen) -> (Option<Sign>, Tone) {
    match screen {
        Screen::Idle => (Some(Sign::Card), Tone::Calm),
        Screen::Consent | Screen::Document { .. } | Screen::Face { .. } | Screen::Flash { .. } => (None, Tone::Ask),
        Screen::FlashNotice => (Some(Sign::Alert), Tone::Ask),
        Screen::Deciding => (Some(Sign::Working), Tone::Calm),
        Screen::Review => (Some(Sign::Person), Tone::Ask),
        Screen::Verified => (Some(Sign::Tick), Tone::Good),
        Screen::NotVerified { reason: ReasonCode::ConsentDeclined } => (Some(Sign::Stop), Tone::Calm),
        Screen::NotVerified { .. } => (Some(Sign::Cross), Tone::Bad),
        Screen::Canceled { by: CanceledBy::Person | CanceledBy::Staff | CanceledBy::Till } => {
            (Some(Sign::Stop), Tone::Calm)
        }
        Screen::Expired => (Some(Sign::Clock), Tone::Calm),
        Screen::Canceled { by: CanceledBy::Device } | Screen::Fault { .. } => (Some(Sign::Alert), Tone::Fault),
    }
}

fn buttons(screen: Screen) -> Vec<Button> {
    match screen {
        Screen::Idle => vec![Button::Start],
        Screen::Consent => vec![Button::Decline, Button::Agree],
        Screen::Document { .. }
        | Screen::Face { .. }
        | Screen::FlashNotice
        | Screen::Flash { .. }
        | Screen::Review
        | Screen::Fault { .. } => vec![Button::Cancel],
        Screen::NotVerified { reason } if may_start_again(reason) => vec![Button::StartAgain],
        Screen::Canceled { .. } | Screen::Expired => vec![Button::StartAgain],
        Screen::Deciding | Screen::Verified | Screen::NotVerified { .. } => Vec::new(),
    }
}

/// Whether beginning anew is offered: where it can help, and where the person may change their mind.
fn may_start_again(reason: ReasonCode) -> bool {
    reason.entry().recoverable || (reason == ReasonCode::ConsentDeclined && reason.phase() == Phase::None)
}

#[cfg(test)]
mod tests;
