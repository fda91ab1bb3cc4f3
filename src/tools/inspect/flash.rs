//! `inspect flash`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{Assets, Common, InputFault, MeasureError, run};
use crate::imaging::{Frame, Provenance};
use crate::liveness::{
    FlashChallenge, FlashFace, FlashLight, FlashObservation, FlashReport, FlashStage, FlashTracker, Pose, Template,
};
use crate::tools::exit::{CommandError, Exit};
use crate::tools::specimen::clip::{FlashScene, FlashSpecies, FlashTruth, Reader};
use crate::tools::specimen::head::Sitter;
use crate::tools::specimen::{PersonName, random::Random};
use crate::vision::{FaceObserver, ModelError, Runtime};

/// From a frame to the colour that it made the engine send.
const ENGINE: Duration = Duration::from_millis(30);
/// Time before the first colour, in which the person is known.
const BEFORE: Duration = Duration::from_millis(600);

/// Scores rendered screen flashes, each drawn from a seed: nothing was filmed, and no real screen lit a real face.
#[derive(Debug, Clone, Args)]
pub struct FlashArgs {
    /// What is before the screen [default: everything].
    #[arg(long, value_enum, value_delimiter = ',')]
    pub species: Vec<FlashSpecies>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many seeds of each.
    #[arg(long, default_value_t = 10)]
    pub count: u64,
    /// The display's light on the face, in shares of all other light [default: drawn between 0.05 and 0.4].
    #[arg(long)]
    pub strength: Option<f32>,
    /// The bundled person.
    #[arg(long, value_enum, default_value = "collins")]
    pub person: PersonName,
    /// Photos of one frontal face each, instead; seeds take them in turn.
    #[arg(long)]
    pub portrait: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct FlashLabel {
    species: FlashSpecies,
    seed: u64,
    /// Number of the portrait.
    portrait: usize,
}

/// What a flash came out as, and what is true of it.
#[derive(Debug, Serialize)]
pub struct Scored {
    /// The verdict.
    #[serde(flatten)]
    pub report: FlashReport,
    /// What was rendered.
    pub truth: FlashTruth,
}

/// Scores rendered flashes.
///
/// # Errors
/// [`CommandError`] when a photo shows no usable face, it cannot start or a model fails.
pub fn flash(args: &FlashArgs, common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    use clap::ValueEnum;
    let mut reader = Reader::new(assets);
    let mut sitters = args.portrait.iter().map(|file| reader.sitter(file)).collect::<Result<Vec<_>, _>>()?;
    if sitters.is_empty() {
        sitters.push(Sitter::bundled(args.person.portrait())?);
    }
    let species = if args.species.is_empty() { FlashSpecies::value_variants() } else { &args.species };
    let seeds = (args.seed..args.seed.saturating_add(args.count)).enumerate();
    let labels: Vec<FlashLabel> = seeds
        .flat_map(|(k, seed)| species.iter().map(move |&species| (k, seed, species)))
        .map(|(k, seed, species)| FlashLabel { species, seed, portrait: k % sitters.len() })
        .collect();
    run(
        &labels,
        common,
        |label| *label,
        |threads| FaceObserver::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        |label| Ok(*label),
        |observer, label| {
            let scene = FlashScene::drawn(label.species, &sitters[label.portrait], label.seed);
            let scene = scene.map_err(|error| MeasureError::from(InputFault(error.to_string())))?;
            let scene = match args.strength {
                Some(strength) => scene.with_strength(strength),
                None => scene,
            };
            Ok(score(observer, scene, label.seed)?)
        },
    )
}

/// Plays one flash as an engine leads it: each frame may make it send the next colour.
///
/// # Errors
/// [`ModelError`] when a model fails.
pub(in crate::tools) fn score(
    observer: &mut FaceObserver,
    mut scene: FlashScene,
    seed: u64,
) -> Result<Scored, ModelError> {
    let mut random = Random::new(seed, 91);
    let nonce = std::array::from_fn(|_| random.below(256) as u8);
    observer.reset();
    let (pace, jitter) = scene.pace_s();
    let mut clock = Clock { at: 0.0, number: 0, pace, jitter };
    let mut known: Vec<Template> = Vec::new();
    while clock.at < BEFORE.as_secs_f32() || (known.is_empty() && clock.number < 40) {
        let frame = clock.frame(&mut scene, &mut random);
        let seen = observer.observe_where(&frame, Pose::is_frontal)?;
        known.extend(seen.face.and_then(|face| face.template));
    }
    let mut tracker = FlashTracker::new(FlashChallenge::from_nonce(&nonce), &known);
    let mut sent = None;
    loop {
        let frame = clock.frame(&mut scene, &mut random);
        let seen = observer.observe_where(&frame, |pose| pose.is_frontal() && tracker.wants_template())?;
        let face = seen.face.map(|face| FlashFace {
            frontal: face.pose.is_frontal(),
            light: FlashLight::measure(&frame.image, &face.mesh),
            template: face.template,
        });
        match tracker.observe(FlashObservation { at: seen.at, face }) {
            FlashStage::Over => break,
            FlashStage::Show { step, colour } if sent != Some(step) => {
                let at = frame.captured_at + ENGINE;
                scene.send(colour, at);
                tracker.shown(step, at);
                sent = Some(step);
            }
            FlashStage::Show { .. } => {}
        }
    }
    Ok(Scored { report: tracker.finish(), truth: scene.truth().clone() })
}

/// When frames are taken.
struct Clock {
    at: f32,
    number: u64,
    pace: f32,
    jitter: f32,
}

impl Clock {
    fn frame(&mut self, scene: &mut FlashScene, random: &mut Random) -> Frame {
        self.number += 1;
        self.at = self.number as f32 * self.pace + random.between(0.0, self.jitter.max(1e-6));
        let captured_at = Duration::from_secs_f32(self.at);
        let image = scene.picture(captured_at);
        Frame { image, captured_at, sequence: self.number, provenance: Provenance::Simulated }
    }
}

#[cfg(test)]
mod tests;
