//! `carded demo`: one verification of a bundled specimen, with nothing but the program.

use std::io::Write;

use super::assets::Assets;
use super::exit::{CommandError, Exit};
use super::report::{self, Format};
use super::specimen::head::TurnSide;
use super::specimen::{PersonName, SpecimenError, demo_case};
use crate::compliance::{RuleBook, UseCase};
use crate::imaging::{Frame, Provenance};
use crate::liveness::{Challenge, Direction};
use crate::run::{DocumentPictures, DocumentSides, Request, Verifier};
use crate::session::OutcomeResult;
use crate::vision::{Runtime, Threads};

/// Gives the table, the light, the sway and the noise of the demonstration.
const SEED: u64 = 1;

/// Makes a licence, photographs it, lets its holder do a random challenge, and verifies all of it.
///
/// # Errors
/// [`CommandError`] when a model fails or a bundled file is damaged.
pub fn demo(assets: &Assets) -> Result<Exit, CommandError> {
    let rules = RuleBook::built_in()?;
    let place = "US-CA".parse().map_err(|error| CommandError::System(format!("{error}")))?;
    let challenge = random_challenge()?;
    let request = Request::new(&rules, UseCase::AlcoholInPerson, &place, None, challenge.clone())?;
    introduce(&challenge)?;
    let (pictures, frames) = make_case(&challenge)?;
    let runtime = Runtime::load(&assets.models, &assets.runtime, Threads::all())?;
    let mut verifier = Verifier::open(&runtime)?;
    let mut observer = |stage: &_| report::stage(Format::Table, stage);
    let verified = verifier.verify(&pictures, frames.into_iter().map(Ok), &request, &mut observer)?;
    report::finish(Format::Table, &verified)?;
    Ok(match verified.outcome.result() {
        OutcomeResult::Verified => Exit::Success,
        OutcomeResult::NotVerified => Exit::Negative,
    })
}

fn introduce(challenge: &Challenge) -> std::io::Result<()> {
    let asked: Vec<&str> = turns(challenge).map(|(name, _)| name).collect();
    let mut output = std::io::stdout().lock();
    writeln!(output, "\n  alcohol over the counter in California: a specimen licence, and its holder, rendered")?;
    writeln!(output, "  the holder is asked to turn the head: {}", asked.join(", "))?;
    writeln!(output, "  drawing the licence and rendering the turn, which takes some seconds ...\n")
}

/// A fresh challenge from the system's randomness, as a person would get.
fn random_challenge() -> Result<Challenge, CommandError> {
    let mut nonce = [0; Challenge::NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|error| {
        CommandError::System(format!("the system gives no random numbers: {error}; check the kernel"))
    })?;
    Ok(Challenge::from_nonce(&nonce))
}

/// The turns of a challenge, by name and as the renderer takes them.
fn turns(challenge: &Challenge) -> impl Iterator<Item = (&'static str, TurnSide)> + '_ {
    challenge.steps().iter().filter_map(|step| match step.direction {
        Direction::Centre => None,
        Direction::Left => Some(("left", TurnSide::Left)),
        Direction::Right => Some(("right", TurnSide::Right)),
    })
}

/// The pictures of the licence and the frames of the turn.
fn make_case(challenge: &Challenge) -> Result<(DocumentPictures, Vec<Frame>), SpecimenError> {
    let today = super::today_utc();
    let steps = turns(challenge).map(|(_, side)| side).collect();
    let case = demo_case(PersonName::Collins, steps, today, SEED)?;
    let frames = (0..).zip(case.frames).map(|(sequence, frame)| Frame {
        image: frame.image,
        captured_at: frame.time,
        sequence,
        provenance: Provenance::Simulated,
    });
    let sides = DocumentSides::Card { front: case.front, back: case.back };
    Ok((DocumentPictures { sides, provenance: Provenance::Simulated }, frames.collect()))
}
