//! Passes in a session: which one counts, and when.
//!
//! Always holds: a pass counts only once the document has passed every check of this session, when it was made with that
//! document, when nothing about the pictures was odd, and while no face was found wanting; a pass that does not count costs
//! nothing, and the full check goes on. Does not check signatures.

use super::{Effect, Now, Session};
use crate::document::RECAPTURE;
use crate::session::decision::{Decision, INJECTION_SUSPECTED, Verdict, decide};
use crate::session::pass::TrustedPass;
use crate::session::prompt::PassNote;
use crate::session::record::SessionState;

/// Passes that are kept at once; the newest count.
const MOST_PASSES: usize = 4;

impl Session {
    /// Somebody has shown a pass.
    pub(super) fn take_pass(&mut self, pass: Option<TrustedPass>, now: Now) -> Vec<Effect> {
        let Some(pass) = pass.filter(|pass| pass.may_answer(&self.policy, now.expiry).is_ok()) else {
            // One that may still answer is not forgotten because of one that does not.
            self.pass_note.get_or_insert(PassNote::NotUsed);
            return Vec::new();
        };
        if self.passes.len() >= MOST_PASSES {
            self.passes.remove(0);
        }
        self.passes.push(pass);
        self.pass_note = Some(PassNote::Seen);
        // The document was there first.
        if self.record.state == SessionState::AwaitingFace
            && self.document.is_some()
            && let Some(decision) = self.decide_by_pass(now)
        {
            return self.conclude(decision, None, now);
        }
        Vec::new()
    }

    /// The decision by a pass that was made with the document, which has passed every check; `None` where the person has to be
    /// looked at.
    pub(super) fn decide_by_pass(&mut self, now: Now) -> Option<Decision> {
        let shown = !self.passes.is_empty();
        let decision = self.answering(now);
        if shown && decision.is_none() {
            self.pass_note = Some(PassNote::NotUsed);
        }
        decision
    }

    fn answering(&mut self, now: Now) -> Option<Decision> {
        let document = self.document.as_ref().filter(|_| !self.face_failed)?;
        let answers = |pass: &&TrustedPass| {
            pass.answers(document.pass_anchor, document.provenance, &self.policy, now.expiry).is_ok()
        };
        self.pass = self.passes.iter().rev().find(answers).cloned();
        self.pass.as_ref()?;
        let decision = decide(&self.evidence(None, now), &self.policy, now.days);
        // What only flags elsewhere is held against by a live face. Here nothing is.
        let odd = decision.flags.iter().any(|flag| [RECAPTURE, INJECTION_SUSPECTED].contains(&flag.as_ref()));
        if odd || decision.verdict != Verdict::Verified {
            self.pass = None;
            return None;
        }
        Some(decision)
    }

    /// What was shown to another camera, or for a session that is over, counts for nothing.
    pub(super) fn forget_passes(&mut self) {
        self.passes.clear();
        (self.pass, self.pass_note) = (None, None);
    }
}
