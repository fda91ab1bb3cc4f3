//! Passes at the desk: the one that a person has earned stands on their screen with the result, and is nowhere else.
//!
//! Always holds: it goes when the result goes; no till and no stream of the API gets it.

use std::time::Duration;

use super::desk::Desk;
use crate::run::capture::Look;
use crate::session::machine::Session;
use crate::session::{PassText, Prompt, Screen, SessionId};

/// How long an end stays on the screen.
const RESULT_SHOWN: Duration = Duration::from_secs(8);
/// The same with a pass, which wants to be photographed.
const PASS_SHOWN: Duration = Duration::from_secs(20);

/// Whose pass it is, and what it says.
pub(super) type NewPass = Option<(SessionId, PassText)>;

impl Desk {
    /// What the eyes have to know of the session before the camera.
    pub(super) fn look_of(&self, session: &Session) -> Look {
        // Who somebody is no pass says.
        let may = !session.policy().asks_identity;
        let accepts_passes = may && self.fleet.as_ref().is_some_and(|fleet| fleet.accepts());
        Look { policy: session.policy().clone(), days: self.days(), accepts_passes }
    }

    /// How long the end stands that is shown now.
    pub(super) fn result_stands(&self) -> Duration {
        let mine = self.new_pass.as_ref().is_some_and(|(id, _)| self.is_present(id));
        if mine { PASS_SHOWN } else { RESULT_SHOWN }
    }

    /// A session's prompt with the pass that it has earned.
    pub(super) fn prompt_of(&self, session: &Session) -> Prompt {
        let prompt = session.prompt();
        let mine = self.new_pass.as_ref().filter(|(id, _)| prompt.screen == Screen::Verified && self.is_present(id));
        Prompt { new_pass: mine.map(|(_, pass)| pass.clone()), offers_return: self.offers_return(session), ..prompt }
    }
}
