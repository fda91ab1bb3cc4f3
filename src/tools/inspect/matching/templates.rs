//! Pictures to templates: as they are, and as the portrait of a document.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use sha2::{Digest as _, Sha256};

use super::{Half, MatchArgs};
use crate::imaging::Rgb;
use crate::liveness::{QualityGate, Template};
use crate::run::read_portrait;
use crate::tools::exit::CommandError;
use crate::tools::inspect::lines::load_picture;
use crate::tools::inspect::pair_list::Pair;
use crate::tools::inspect::{Assets, Common};
use crate::tools::specimen::{random::Random, small_portrait};
use crate::vision::{EmbeddingError, FaceObserver, ModelError, Runtime, Threads};

/// Pixels of plain grey around an aligned face, so that it can be found as a face in a picture.
const SURROUNDINGS: usize = 56;

/// Who is in which picture. Both have numbers, in the order of their names.
pub(super) struct People {
    names: BTreeMap<String, usize>,
    /// Person by picture.
    persons: Vec<usize>,
    count: usize,
}

/// What one picture gave.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub probe: Option<Template>,
    reference: Reference,
}

/// What probes are compared with.
#[derive(Debug, Default)]
enum Reference {
    /// The picture's own template.
    #[default]
    Picture,
    /// That of the portrait made from it, where one was found.
    Portrait(Option<Template>),
}

impl Seen {
    /// The template that probes are compared with.
    pub fn reference(&self) -> Option<&Template> {
        match &self.reference {
            Reference::Picture => self.probe.as_ref(),
            Reference::Portrait(template) => template.as_ref(),
        }
    }
}

impl People {
    /// Numbers everybody on a list.
    pub fn of(pairs: &[Pair]) -> Self {
        let pictures: BTreeSet<&String> = pairs.iter().flat_map(|pair| [&pair.first, &pair.second]).collect();
        let folders: BTreeSet<&str> = pictures.iter().map(|name| folder(name)).collect();
        let numbers: BTreeMap<&str, usize> = folders.iter().enumerate().map(|(k, name)| (*name, k)).collect();
        Self {
            persons: pictures.iter().map(|name| numbers[folder(name)]).collect(),
            names: pictures.into_iter().enumerate().map(|(k, name)| (name.clone(), k)).collect(),
            count: numbers.len(),
        }
    }

    /// How many people there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Who is in a picture.
    pub fn person(&self, picture: usize) -> usize {
        self.persons[picture]
    }

    /// The pictures of a person.
    pub fn of_person(&self, person: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.persons.len()).filter(move |&at| self.persons[at] == person)
    }

    /// The numbers of a pair's pictures; the pair has to be on the list.
    pub fn pictures(&self, pair: &Pair) -> [usize; 2] {
        [self.names[&pair.first], self.names[&pair.second]]
    }
}

impl Half {
    /// Whether the person in a picture belongs to the half.
    pub(super) fn has(self, picture: &str) -> bool {
        let odd = digest(folder(picture))[31] & 1 == 1;
        match self {
            Self::All => true,
            Self::Tune => !odd,
            Self::Report => odd,
        }
    }
}

/// The folder that a picture lies in: the person's name.
fn folder(picture: &str) -> &str {
    picture.rsplit('/').nth(1).unwrap_or_default()
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Looks at every picture.
///
/// # Errors
/// [`CommandError`] when a picture cannot be read or a model fails.
pub(super) fn look(
    args: &MatchArgs,
    people: &People,
    common: &Common,
    assets: &Assets,
) -> Result<Vec<Seen>, CommandError> {
    let names: Vec<&String> = people.names.keys().collect();
    let threads = common.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut seen: Vec<Seen> = names.iter().map(|_| Seen::default()).collect();
    let share = names.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = names
            .chunks(share)
            .zip(seen.chunks_mut(share))
            .map(|(names, seen)| {
                scope.spawn(move || -> Result<(), CommandError> {
                    let runtime = Runtime::load(&assets.models, &assets.runtime, Threads(NonZeroUsize::MIN))?;
                    let mut observer = FaceObserver::open(&runtime)?;
                    for (name, seen) in names.iter().zip(seen) {
                        let picture = load_picture(&args.root.join(name)).map_err(|fault| unusable(&fault))?;
                        *seen = look_at(&mut observer, &picture, args, name)?;
                    }
                    Ok(())
                })
            })
            .collect();
        let panicked = || Err(CommandError::System("a thread failed; run it again with --threads 1".to_owned()));
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| panicked()))
    })?;
    Ok(seen)
}

fn look_at(observer: &mut FaceObserver, picture: &Rgb, args: &MatchArgs, name: &str) -> Result<Seen, CommandError> {
    let probe = probe(observer, picture, args.aligned)?;
    let Some(pixels) = args.portrait else { return Ok(Seen { probe, reference: Reference::Picture }) };
    let photo = if args.aligned { &surrounded(picture) } else { picture };
    let found = observer.parts().0.read(photo)?;
    let Some(face) = found.first() else { return Ok(Seen { probe, reference: Reference::Portrait(None) }) };
    let scale = pixels / face.detection.bounds.width.max(face.detection.bounds.height);
    let bytes = digest(name);
    let seed = u64::from_le_bytes(std::array::from_fn(|k| bytes[k])) ^ u64::from(pixels.to_bits());
    let portrait = small_portrait(photo, scale, &mut Random::new(seed, 0))?;
    let template = read_portrait(observer, &portrait)?.0.map(|found| found.template);
    Ok(Seen { probe, reference: Reference::Portrait(template) })
}

fn probe(observer: &mut FaceObserver, picture: &Rgb, aligned: bool) -> Result<Option<Template>, CommandError> {
    let (reader, embedder) = observer.parts();
    let embedded = if aligned {
        embedder.embed_aligned_probe(picture)
    } else {
        let found = reader.read(picture)?;
        let Some(face) = found.first().filter(|face| face.quality.fault(&QualityGate::REFERENCE).is_none()) else {
            return Ok(None);
        };
        embedder.embed_probe(picture, &face.mesh)
    };
    match embedded {
        Ok(template) => Ok(Some(template)),
        Err(EmbeddingError::NotAlignable) if aligned => Err(unusable(&EmbeddingError::NotAlignable)),
        Err(EmbeddingError::NotAlignable) => Ok(None),
        Err(EmbeddingError::Model(fault)) => Err(ModelError::into(fault)),
    }
}

fn unusable(fault: &impl ToString) -> CommandError {
    CommandError::Usage(fault.to_string())
}

/// An aligned face in the middle of a plain picture.
fn surrounded(face: &Rgb) -> Rgb {
    let (width, height) = (face.width(), face.height());
    Rgb::from_fn(width + 2 * SURROUNDINGS, height + 2 * SURROUNDINGS, |x, y| {
        let inside =
            (SURROUNDINGS..SURROUNDINGS + width).contains(&x) && (SURROUNDINGS..SURROUNDINGS + height).contains(&y);
        if inside { face.pixel(x - SURROUNDINGS, y - SURROUNDINGS) } else { [128; 3] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(first: &str, second: &str) -> Pair {
        Pair { first: first.to_owned(), second: second.to_owned(), same: None }
    }

    #[test]
    fn a_person_is_a_folder() {
        let pairs = [pair("data/b/1.jpg", "data/a/1.jpg"), pair("data/b/2.jpg", "data/b/1.jpg")];
        let people = People::of(&pairs);
        assert_eq!(people.count(), 2);
        let [b1, a1] = people.pictures(&pairs[0]);
        assert_ne!(people.person(b1), people.person(a1));
        assert_eq!(people.of_person(people.person(b1)).count(), 2);
    }

    #[test]
    fn a_small_grey_portrait_is_like_its_person_and_a_tiny_one_is_none() {
        use crate::tools::specimen::Portrait;
        let Some(runtime) = crate::run::test_support::runtime() else { return };
        let mut observer = FaceObserver::open(&runtime).unwrap();
        let mut seen = |photo: Portrait, pixels: f32| {
            let args = MatchArgs {
                csv: "list.csv".into(),
                root: ".".into(),
                aligned: false,
                portrait: Some(pixels),
                half: Half::All,
            };
            look_at(&mut observer, &photo.picture().unwrap(), &args, "x/ann/1.jpg").unwrap()
        };
        let (holder, other) = (seen(Portrait::EileenCollins, 70.0), seen(Portrait::GraceHopper, 70.0));
        let alike = |probe: &Seen, portrait: &Seen| {
            probe.probe.as_ref().unwrap().similarity(portrait.reference().expect("a portrait is found")).0
        };
        assert!(alike(&holder, &holder) > 0.55 && alike(&other, &other) > 0.55);
        assert!(alike(&holder, &other) < 0.4 && alike(&other, &holder) < 0.4);
        assert!(seen(Portrait::EileenCollins, 22.0).reference().is_none());
    }

    #[test]
    fn nobody_is_in_both_halves() {
        let names = ["x/ann/1.jpg", "x/bob/1.jpg", "x/eve/1.jpg", "x/joe/1.jpg", "x/sue/1.jpg", "x/tim/1.jpg"];
        assert!(names.iter().all(|name| Half::All.has(name) && Half::Tune.has(name) != Half::Report.has(name)));
        assert!(names.iter().any(|name| Half::Tune.has(name)) && names.iter().any(|name| Half::Report.has(name)));
        assert_eq!(Half::Tune.has("x/ann/1.jpg"), Half::Tune.has("y/ann/7.jpg"));
    }
}
