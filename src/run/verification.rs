//! One verification, from pictures to outcome: the whole way on one page.

use jiff::Timestamp;
use jiff::civil::Date;

use super::document_reading::{DocumentPictures, DocumentReading, DocumentSides, read_document};
use super::stages::{StageReport, Stages};
use super::turn_reading::read_turn;
use super::vision::named;
use crate::camera::SequenceError;
use crate::compliance::{Jurisdiction, PlaceDays, Rule, RuleBook, RuleError, UseCase};
use crate::imaging::Frame;
use crate::liveness::{Challenge, MatchThreshold, compare_each};
use crate::session::{
    CaptureEvidence, Evidence, LivenessEvidence, ModelDigests, Outcome, OutcomeResult, OutcomeSeed, Policy,
    Surroundings, decide,
};
use crate::vision::{FaceObserver, ModelError, Runtime, TextReader};

/// Why a request cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// No rule for that use case and place.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The challenge leaves a side out.
    #[error("a verification asks for turns to both sides; list left and right among the steps")]
    OneSided,
    /// The clock stands before the rules were made, so that it is wrong: a fault of the device.
    #[error("the clock says {now}, which is before the rules were made on {made}; set the clock, or give --today")]
    Clock {
        /// What the clock says.
        now: Date,
        /// When the rules were made.
        made: Date,
    },
}

/// What is to be verified, for whom and where.
#[derive(Debug, Clone)]
pub struct Request {
    rule: Rule,
    policy: Policy,
    days: PlaceDays,
    challenge: Challenge,
}

impl Request {
    /// Finds the rule and the calendar days of the place. `today` overrides its day; `challenge` is what the person was
    /// asked to do.
    ///
    /// # Errors
    /// [`RequestError`] when no rule is known, the challenge leaves a side out or the clock is wrong.
    pub fn new(
        rules: &RuleBook,
        use_case: UseCase,
        jurisdiction: &Jurisdiction,
        today: Option<Date>,
        challenge: Challenge,
    ) -> Result<Self, RequestError> {
        if !challenge.asks_for_both_sides() {
            return Err(RequestError::OneSided);
        }
        let unresolvable = || RuleError::Unresolvable { use_case, jurisdiction: jurisdiction.clone() };
        let days = match today {
            Some(day) => PlaceDays::single(day),
            None => rules.days_at(jurisdiction, Timestamp::now()).ok_or_else(unresolvable)?,
        };
        let rule = rules.resolve(use_case, jurisdiction, days)?;
        if today.is_none() && !rules.is_plausible(days.latest) {
            return Err(RequestError::Clock { now: days.latest, made: rules.made_on() });
        }
        // From files nothing live can come, so that a specimen shows the whole way and verifies nobody.
        let policy = Policy { admit_specimens: true, ..Policy::for_tier(rule.tier) };
        Ok(Self { rule, policy, days, challenge })
    }
}

/// Why a verification came to no outcome.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The frames cannot be read: the caller can mend it.
    #[error(transparent)]
    Frames(#[from] SequenceError),
    /// A fault of the device.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}; check the kernel")]
    Random(getrandom::Error),
}

/// What came out.
#[derive(Debug)]
pub struct Verification {
    /// The outcome, as it would be signed.
    pub outcome: Outcome,
    /// Each stage's time.
    pub stages: Vec<StageReport>,
}

/// Every model that a verification needs, opened once.
pub struct Verifier {
    text: TextReader,
    faces: FaceObserver,
    models: ModelDigests,
}

impl Verifier {
    /// Opens the models.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn open(runtime: &Runtime) -> Result<Self, ModelError> {
        let text = TextReader::open(runtime)?;
        let faces = FaceObserver::open(runtime)?;
        let [text_detection, text_recognition] = text.digests();
        let read = [("text_detection", text_detection), ("text_recognition", text_recognition)];
        let models = named(faces.digests().chain(read));
        Ok(Self { text, faces, models })
    }

    /// Reads a document alone.
    ///
    /// # Errors
    /// [`ModelError`] when the device fails; a document that cannot be read is no error.
    pub fn read_document(
        &mut self,
        sides: &DocumentSides,
        today: Date,
        stages: &mut Stages<'_>,
    ) -> Result<DocumentReading, ModelError> {
        read_document(&mut self.text, &mut self.faces, sides, today, stages)
    }

    /// Reads the document, judges the head turn, compares the faces, decides. `observer` hears of each stage as it ends.
    ///
    /// # Errors
    /// [`VerifyError`] when frames cannot be read or the device fails; a person who is not verified is no error.
    pub fn verify(
        &mut self,
        pictures: &DocumentPictures,
        frames: impl Iterator<Item = Result<Frame, SequenceError>>,
        request: &Request,
        observer: &mut dyn FnMut(&StageReport),
    ) -> Result<Verification, VerifyError> {
        let mut stages = Stages::new(observer);
        let document = self.read_document(&pictures.sides, request.days.latest, &mut stages)?;
        let turn = read_turn(&mut self.faces, frames, &request.challenge, &mut stages)?;
        let face_match = stages.run("face_match", || {
            let compared = document
                .portrait
                .as_ref()
                .map(|portrait| compare_each(&turn.probes, portrait, MatchThreshold::SHIPPED));
            let seen = match compared.and_then(|compared| compared.similarity.map(|value| (compared, value))) {
                Some((c, value)) => {
                    format!("similarity {:.2} over {} frames, {:.2} asked", value.0, c.probes, c.threshold.0.0)
                }
                None => "nothing to compare".to_owned(),
            };
            Ok::<_, VerifyError>((compared, seen))
        })?;
        let evidence = Evidence {
            capture: turn
                .provenance
                .map(|frames| CaptureEvidence { provenance: pictures.provenance.least_trusted(frames) }),
            feed: None,
            document: Some(document.evidence),
            liveness: Some(LivenessEvidence { verdict: turn.report.verdict }),
            flash: None,
            face_match,
            age: None,
            surroundings: Surroundings::default(),
            review: None,
            returned: None,
            pass: None,
            models: self.models.clone(),
        };
        let outcome = stages.run("decision", || {
            let decision = decide(&evidence, &request.policy, request.days);
            let outcome = Outcome::new(seed(&request.rule)?, &decision, &evidence, &request.rule);
            let seen = match outcome.result() {
                OutcomeResult::Verified => "verified".to_owned(),
                OutcomeResult::NotVerified => "not verified".to_owned(),
            };
            Ok::<_, VerifyError>((outcome, seen))
        })?;
        Ok(Verification { outcome, stages: stages.into_reports() })
    }
}

/// Names for an outcome that no device signs: nothing is chained, and the device says so.
fn seed(rule: &Rule) -> Result<OutcomeSeed, VerifyError> {
    let decided_at = Timestamp::now().round(jiff::Unit::Second).unwrap_or_else(|_| Timestamp::now());
    Ok(OutcomeSeed {
        id: format!("out_{}", random_suffix()?),
        session: format!("vks_{}", random_suffix()?),
        device: "unprovisioned".to_owned(),
        sequence: 0,
        previous_hash: None,
        decided_at,
        expires_at: rule.outcome_expires_at(decided_at),
        consent: None,
        live_session: false,
    })
}

/// 24 characters of the system's randomness, 5 bits each.
fn random_suffix() -> Result<String, VerifyError> {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(VerifyError::Random)?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}
