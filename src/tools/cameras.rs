//! The camera that the configuration names, as the engine opens it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::exit::CommandError;
use super::simulated::{Part, SimulatedPerson};
use super::today_utc;
use crate::camera::{CameraError, Capture, FrameSource, OpenSource};
use crate::imaging::Provenance;
use crate::session::{Prompt, SessionId};

/// Pictures a second of a simulated camera.
const SIMULATED_RATE: u32 = 15;

/// Makes a source that knows what the screen shows.
pub(super) type MakeSource = Box<dyn FnOnce(watch::Receiver<Prompt>) -> OpenSource + Send>;

/// A camera before which one rendered person after the other appears, one a session, over and over.
///
/// # Errors
/// [`CommandError::Usage`] for a part that nobody knows.
pub(super) fn simulated(parts: &[String]) -> Result<MakeSource, CommandError> {
    let parts: Vec<Part> = parts
        .iter()
        .map(|part| part.parse().map_err(|error| CommandError::Usage(format!("camera.parts: {part:?}: {error}"))))
        .collect::<Result<_, _>>()?;
    if parts.is_empty() {
        return Err(CommandError::Usage("camera.parts is empty; name at least one, such as genuine".to_owned()));
    }
    Ok(Box::new(move |prompts| {
        let visits = Arc::new(Mutex::new(Visits::default()));
        Arc::new(move || {
            let stage = Stage::new(parts.clone(), prompts.clone(), Arc::clone(&visits))?;
            Ok(Box::new(stage) as Box<dyn FrameSource>)
        })
    }))
}

/// Who is there: counted by sessions, also over a camera that was opened again.
#[derive(Default)]
struct Visits {
    session: Option<SessionId>,
    ended: usize,
}

impl Visits {
    /// The number of the visit that a prompt belongs to.
    fn number(&mut self, session: Option<&SessionId>) -> usize {
        if let Some(session) = session
            && self.session.as_ref() != Some(session)
        {
            self.ended += usize::from(self.session.is_some());
            self.session = Some(session.clone());
        }
        self.ended
    }
}

/// The place before a simulated camera.
struct Stage {
    parts: Vec<Part>,
    prompts: watch::Receiver<Prompt>,
    visits: Arc<Mutex<Visits>>,
    visit: usize,
    person: SimulatedPerson,
    began: Instant,
    taken: u32,
}

impl Stage {
    fn new(
        parts: Vec<Part>,
        prompts: watch::Receiver<Prompt>,
        visits: Arc<Mutex<Visits>>,
    ) -> Result<Self, CameraError> {
        let visit = number_of(&visits, &prompts);
        let person = appear(&parts, visit, &prompts)?;
        Ok(Self { parts, prompts, visits, visit, person, began: Instant::now(), taken: 0 })
    }

    /// The next person comes when a new session is on the screen.
    fn change_visitor(&mut self) -> Result<(), CameraError> {
        let visit = number_of(&self.visits, &self.prompts);
        if visit != self.visit {
            self.person = appear(&self.parts, visit, &self.prompts)?;
            self.visit = visit;
        }
        Ok(())
    }
}

fn number_of(visits: &Mutex<Visits>, prompts: &watch::Receiver<Prompt>) -> usize {
    let shown = prompts.borrow();
    visits.lock().unwrap_or_else(PoisonError::into_inner).number(shown.session.as_ref())
}

fn appear(parts: &[Part], visit: usize, prompts: &watch::Receiver<Prompt>) -> Result<SimulatedPerson, CameraError> {
    let part = parts[visit % parts.len()];
    let prompts = prompts.clone();
    let shown = Box::new(move || prompts.borrow().clone());
    let person = SimulatedPerson::new(part, shown, today_utc(), visit as u64 + 1);
    person.map_err(|error| CameraError::Missing { device: "simulated".into(), reason: error.to_string() })
}

impl FrameSource for Stage {
    fn next(&mut self) -> Result<Capture, CameraError> {
        self.change_visitor()?;
        let image = self.person.picture(self.began.elapsed());
        self.pace();
        Ok(Capture { image, provenance: Provenance::Simulated })
    }

    fn skip(&mut self) -> Result<(), CameraError> {
        self.change_visitor()?;
        self.pace();
        Ok(())
    }
}

impl Stage {
    /// Waits for the next picture's time. A renderer that is too slow drops pictures, as a camera does.
    fn pace(&mut self) {
        self.taken += 1;
        let due = Duration::from_secs(1) * self.taken / SIMULATED_RATE;
        match due.checked_sub(self.began.elapsed()) {
            Some(early) => std::thread::sleep(early),
            None => self.taken = (self.began.elapsed().as_secs_f64() * f64::from(SIMULATED_RATE)) as u32,
        }
    }
}
