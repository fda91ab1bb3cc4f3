//! Whatever happens, in whatever order.

use proptest::prelude::*;

use super::age::of_triage;
use super::flash::flash;
use super::*;
use crate::liveness::{AgeBuffer, AgeTriage, DocumentNeed, FlashReason, FlashVerdict};
use crate::session::FlashEvidence;

/// One thing that may happen, without the numbers that only a run knows.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Opened,
    Consent(bool),
    Side(DocumentSide),
    Document(Card),
    Face(TurnVerdict, MatchDecision, Option<Provenance>, Option<FlashEvidence>, Option<AgeTriage>),
    FlashGoesOn,
    Hint,
    Pass(Option<bool>),
    Cancel,
    Review(bool),
    Fault(DeviceFault),
    Spent,
    Recovered,
    Written(bool),
    Wait(u64),
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    let card = prop_oneof![
        4 => Just(Card::Good),
        1 => Just(Card::Expired),
        1 => Just(Card::UnderAge),
        1 => Just(Card::Altered),
        1 => Just(Card::Unread),
    ];
    let verdict = prop_oneof![
        4 => Just(TurnVerdict::Live),
        1 => Just(TurnVerdict::Attack),
        1 => Just(TurnVerdict::Incomplete),
    ];
    let matched = prop_oneof![
        4 => Just(MatchDecision::Match),
        1 => Just(MatchDecision::NonMatch),
        1 => Just(MatchDecision::NoProbe),
    ];
    let lit = prop_oneof![
        4 => Just(Some(flash(None))),
        2 => Just(None),
        1 => Just(Some(flash(Some(FlashReason::NoResponse)))),
        1 => Just(Some(flash(Some(FlashReason::TooBright)))),
    ];
    let aged = prop_oneof![
        2 => Just(None),
        2 => Just(Some(AgeTriage::ClearlyAbove)),
        1 => Just(Some(AgeTriage::DocumentNeeded(DocumentNeed::NotClearlyAbove))),
    ];
    let source = prop_oneof![4 => Just(Some(Provenance::PinnedCamera)), 1 => Just(None)];
    prop_oneof![
        3 => Just(Happening::Opened),
        4 => prop_oneof![9 => Just(true), 1 => Just(false)].prop_map(Happening::Consent),
        1 => prop_oneof![Just(DocumentSide::Front), Just(DocumentSide::Back)].prop_map(Happening::Side),
        5 => card.prop_map(Happening::Document),
        5 => (verdict, matched, source, lit, aged).prop_map(|(v, m, s, l, a)| Happening::Face(v, m, s, l, a)),
        1 => Just(Happening::FlashGoesOn),
        1 => Just(Happening::Hint),
        2 => prop_oneof![2 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)].prop_map(Happening::Pass),
        1 => Just(Happening::Cancel),
        1 => any::<bool>().prop_map(Happening::Review),
        1 => Just(Happening::Spent),
        1 => prop_oneof![Just(DeviceFault::CameraSilent), Just(DeviceFault::CameraOther)].prop_map(Happening::Fault),
        2 => Just(Happening::Recovered),
        5 => prop_oneof![3 => Just(true), 1 => Just(false)].prop_map(Happening::Written),
        3 => (1_u64..200).prop_map(Happening::Wait),
        1 => Just(Happening::Restart),
    ]
}

/// Plays the shell: keeps what is on disk, and answers with the numbers of the present capture or of an old one.
struct Shell {
    session: Session,
    policy: Policy,
    disk: SessionRecord,
    clock: u64,
    captures: Vec<CaptureId>,
    committing: Option<Ending>,
}

impl Shell {
    fn new(policy: Policy) -> Self {
        let session = Session::new(record(), policy.clone(), CaptureId(7), at(0));
        Self { session, policy, disk: record(), clock: 0, captures: vec![], committing: None }
    }

    fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Save => self.disk = self.session.record().clone(),
                Effect::Capture { capture, .. } => {
                    assert_eq!(self.disk.attempts, self.session.record().attempts, "charged before it begins");
                    self.captures.push(capture);
                }
                Effect::Rest => {}
                Effect::Commit { ending, .. } => self.committing = Some(*ending),
            }
        }
    }

    fn event(&mut self, happening: Happening, stale: bool) -> Option<Event> {
        let skip = usize::from(stale);
        let capture = self.captures.iter().rev().nth(skip).copied().unwrap_or_default();
        Some(match happening {
            Happening::Opened => Event::Opened,
            Happening::Consent(given) => answered(given),
            Happening::Side(side) => Event::SideRead { capture, side },
            Happening::Document(card) => Event::DocumentRead { capture, seen: document(card) },
            Happening::Face(verdict, decision, source, lit, aged) => {
                let age = aged.and_then(|triage| of_triage(triage).age);
                let seen = FaceSeen { flash: lit, age, ..face(verdict, decision, source) };
                Event::FaceRead { capture, seen }
            }
            Happening::FlashGoesOn => Event::FlashProgress { capture, asked: FlashAsked::Notice },
            Happening::Hint => Event::Hinted { capture, hint: Some(Hint::AvoidGlare) },
            Happening::Pass(of_document) => {
                let anchor = |mine| if mine { passes::ANCHOR } else { passes::OTHER };
                let pass = of_document.map(|mine| Box::new(passes::pass_of(anchor(mine))));
                Event::PassShown { capture, pass }
            }
            Happening::Cancel => Event::Cancel { by: CanceledBy::Person },
            Happening::Review(accepted) => Event::ReviewAnswered { accepted, staff: StaffId::from_random(&[4; 24]) },
            Happening::Spent => Event::AttemptsSpent { capture },
            Happening::Fault(fault) => Event::Faulted { fault },
            Happening::Recovered => Event::Recovered,
            Happening::Written(true) => {
                let ending = self.committing.take()?;
                self.disk = SessionRecord { state: ending.state(), ..self.session.record().clone() };
                Event::Committed
            }
            Happening::Written(false) => self.committing.take().map(|_| Event::CommitFailed)?,
            Happening::Wait(seconds) => {
                self.clock += seconds;
                Event::TimePassed
            }
            Happening::Restart => return None,
        })
    }

    fn happen(&mut self, happening: Happening, stale: bool) {
        if matches!(happening, Happening::Restart) {
            self.committing = None;
            if let Some((session, effects)) =
                Session::resume(self.disk.clone(), self.policy.clone(), CaptureId(7), at(self.clock))
            {
                self.session = session;
                self.captures.clear();
                self.apply(effects);
            }
        } else if let Some(event) = self.event(happening, stale) {
            let effects = self.session.step(event, at(self.clock));
            self.apply(effects);
        }
    }
}

/// Whether the evidence is complete for the shipped policy, with or without a flash and age triage: written down
/// independently of the decision's own code.
fn is_complete(evidence: &Evidence, flashes: bool, triages: bool) -> bool {
    let followed = evidence.flash.map(|flash| flash.verdict);
    let matched = evidence.face_match.map(|compared| compared.decision);
    if evidence.pass.is_some() {
        let document = evidence.document.as_ref();
        let read = document.is_some_and(|document| document.encoded.is_some() && document.portrait_found);
        return read && evidence.capture.is_some() && evidence.liveness.is_none() && matched.is_none();
    }
    let answered = match &evidence.document {
        Some(document) => {
            document.encoded.is_some() && document.portrait_found && matched == Some(MatchDecision::Match)
        }
        None => triages && evidence.age == Some(AgeTriage::ClearlyAbove) && matched != Some(MatchDecision::NonMatch),
    };
    evidence.capture.is_some()
        && answered
        && evidence.liveness.is_some_and(|liveness| liveness.verdict == TurnVerdict::Live)
        && followed != Some(FlashVerdict::NotFollowed)
        && (!flashes || followed == Some(FlashVerdict::Followed))
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_verified_without_all_evidence_and_ends_stay(
        happenings in prop::collection::vec((happening(), prop::bool::weighted(0.1)), 1..60),
        flashes: bool,
        triages: bool,
    ) {
        let age_triage = AgeBuffer::from_years(5).filter(|_| triages);
        let policy = Policy { require_flash: flashes, age_triage, ..Policy::for_tier(AgeTier::Over21) };
        let mut shell = Shell::new(policy.clone());
        for (happening, stale) in happenings {
            let before = shell.session.record().clone();
            let on_disk = shell.disk.state;
            shell.happen(happening, stale);
            let after = shell.session.record();
            if before.state.is_terminal() {
                prop_assert_eq!(&before, after);
            }
            if on_disk.is_terminal() {
                prop_assert_eq!(on_disk, shell.disk.state);
            }
            if let Some(Ending::Decided { decision, evidence }) = &shell.committing
                && decision.verdict == Verdict::Verified
            {
                prop_assert!(is_complete(evidence, flashes, triages));
                prop_assert_eq!(decide(evidence, &policy, at(0).days).verdict, Verdict::Verified);
            }
            if after.state.is_terminal() {
                prop_assert_eq!(after.state, shell.disk.state, "shown only when written");
            }
            prop_assert!(after.attempts.document <= BUDGET.document && after.attempts.face <= BUDGET.face);
            prop_assert_eq!(shell.session.deadline().is_none(), after.state.is_terminal());
        }
    }

    #[test]
    fn every_state_ends_when_only_time_goes_by(
        happenings in prop::collection::vec((happening(), Just(false)), 0..40),
        triages: bool,
    ) {
        let age_triage = AgeBuffer::from_years(5).filter(|_| triages);
        let mut shell = Shell::new(Policy { age_triage, ..Policy::for_tier(AgeTier::Over21) });
        for (happening, stale) in happenings {
            shell.happen(happening, stale);
        }
        let mut waits = 0;
        while let Some(due) = shell.session.deadline() {
            shell.clock = shell.clock.max(due.as_secs() + 1);
            shell.happen(Happening::Wait(1), false);
            shell.happen(Happening::Written(true), false);
            waits += 1;
            prop_assert!(waits < 20, "{:?}", shell.session.record());
        }
    }
}
