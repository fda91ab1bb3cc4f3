//! `inspect pairs`: every picture is embedded once, however many pairs name it.
//!
//! `ms` of a pair therefore covers only what no earlier pair had done, and with `--repeat` only the comparison.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Args;
use serde::Serialize;

use super::lines::load_picture;
use super::pair_list::Pair;
use super::{Assets, Common, InputFault, MeasureError, run};
use crate::imaging::Rgb;
use crate::liveness::{MatchThreshold, QualityGate, Similarity, Template, compare};
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{EmbeddingError, FaceEmbedder, FaceReader, ModelError, Runtime, Threads};

/// Compares the faces of listed pairs of pictures.
#[derive(Debug, Clone, Args)]
pub struct PairsArgs {
    /// CSV with a header; the columns `first` and `second`, or else the first two, name the pictures.
    pub csv: PathBuf,
    /// Folder that the names are relative to.
    #[arg(long)]
    pub root: PathBuf,
    /// The pictures are aligned 112 by 112 pixel faces already.
    #[arg(long)]
    pub aligned: bool,
}

/// Why a picture could not be used in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Failure {
    NoFace,
    LowQuality,
}

#[derive(Debug, Serialize)]
struct Comparison {
    similarity: Option<Similarity>,
    r#match: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// What one thread needs.
struct Worker {
    reader: Option<FaceReader>,
    embedder: FaceEmbedder,
}

/// Templates by picture name, filled as they are needed.
struct Templates(HashMap<String, Mutex<Option<Result<Template, Failure>>>>);

/// Compares the faces of listed pairs of pictures.
///
/// # Errors
/// [`CommandError`] when the list cannot be read, it cannot start or a model fails.
pub fn pairs(args: &PairsArgs, common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let pairs = Pair::read_list(&args.csv)?;
    let names = pairs.iter().flat_map(|pair| [&pair.first, &pair.second]);
    let templates = Templates(names.map(|name| (name.clone(), Mutex::new(None))).collect());
    run(
        &pairs,
        common,
        Pair::clone,
        |threads| Worker::open(assets, threads, args.aligned),
        |pair| {
            let pictures = [templates.load(&pair.first, &args.root)?, templates.load(&pair.second, &args.root)?];
            Ok((pair.clone(), pictures))
        },
        |worker, (pair, pictures)| {
            let first = templates.get(&pair.first, pictures[0].as_ref(), worker)?;
            let second = templates.get(&pair.second, pictures[1].as_ref(), worker)?;
            Ok(compared(first, second))
        },
    )
}

fn compared(first: Result<Template, Failure>, second: Result<Template, Failure>) -> Comparison {
    match (first, second) {
        (Ok(first), Ok(second)) => {
            let result = compare(&[first], &second, MatchThreshold::SHIPPED);
            Comparison { similarity: result.similarity, r#match: result.is_match(), failure: None }
        }
        (Err(failure), _) | (_, Err(failure)) => {
            Comparison { similarity: None, r#match: false, failure: Some(failure) }
        }
    }
}

impl Worker {
    fn open(assets: &Assets, threads: Threads, aligned: bool) -> Result<Self, ModelError> {
        let runtime = Runtime::load(&assets.models, &assets.runtime, threads)?;
        let reader = if aligned { None } else { Some(FaceReader::open(&runtime)?) };
        Ok(Self { reader, embedder: FaceEmbedder::open(&runtime)? })
    }

    fn template(&mut self, picture: &Rgb) -> Result<Result<Template, Failure>, MeasureError> {
        let embedded = match &mut self.reader {
            None => self.embedder.embed_aligned(picture),
            Some(reader) => {
                let readings = reader.read(picture)?;
                let Some(reading) = readings.first() else { return Ok(Err(Failure::NoFace)) };
                if reading.quality.fault(&QualityGate::REFERENCE).is_some() {
                    return Ok(Err(Failure::LowQuality));
                }
                self.embedder.embed(picture, &reading.mesh)
            }
        };
        match embedded {
            Ok(template) => Ok(Ok(template)),
            Err(EmbeddingError::Model(fault)) => Err(fault.into()),
            Err(EmbeddingError::NotAlignable) if self.reader.is_none() => {
                Err(InputFault("an aligned face has 112x112 pixels; leave out --aligned".to_owned()).into())
            }
            Err(EmbeddingError::NotAlignable) => Ok(Err(Failure::LowQuality)),
        }
    }
}

impl Templates {
    /// The picture, unless its template is known.
    fn load(&self, name: &str, root: &Path) -> Result<Option<Rgb>, InputFault> {
        let known = self.0.get(name).is_some_and(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).is_some());
        if known { Ok(None) } else { load_picture(&root.join(name)).map(Some) }
    }

    fn get(
        &self,
        name: &str,
        picture: Option<&Rgb>,
        worker: &mut Worker,
    ) -> Result<Result<Template, Failure>, MeasureError> {
        let missing = || InputFault(format!("{name} was not read; check the list"));
        let mut slot = self.0.get(name).ok_or_else(missing)?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = slot.as_ref() {
            return Ok(known.clone());
        }
        let made = worker.template(picture.ok_or_else(missing)?)?;
        *slot = Some(made.clone());
        Ok(made)
    }
}
