//! `carded specimen clip`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::files::Folder;
use super::super::head::Sitter;
use super::super::person::PersonName;
use super::{Species, clip};
use crate::camera::load_image;
use crate::tools::assets::Assets;
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{FaceReader, Runtime, Threads};

/// Clips of one species.
#[derive(Debug, Clone, Args)]
pub struct ClipArgs {
    /// What is presented.
    #[arg(long, value_enum, default_value = "honest")]
    species: Species,
    /// How many, with the seeds from --seed on.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    count: u64,
    /// Photos of one frontal face each, instead of the bundled portrait; clips take them in turn.
    #[arg(long)]
    portrait: Vec<PathBuf>,
    /// Who takes over in a swapped clip, or holds a cut-out [default: the other bundled portrait].
    #[arg(long)]
    second: Option<PathBuf>,
}

impl ClipArgs {
    /// Writes each clip to a folder of its own, the frames and the truth in clip.json.
    ///
    /// # Errors
    /// [`CommandError`] when a photo shows no usable face, the models cannot be loaded or a file cannot be written.
    pub fn write(
        &self,
        folder: &Folder,
        person: PersonName,
        first: u64,
        assets: &Assets,
    ) -> Result<Exit, CommandError> {
        let mut reader = Reader::new(assets);
        let mut sitters = Vec::new();
        for file in &self.portrait {
            sitters.push(reader.sitter(file)?);
        }
        if sitters.is_empty() {
            sitters.push(Sitter::bundled(person.portrait())?);
        }
        let second = match &self.second {
            Some(file) => reader.sitter(file)?,
            None => Sitter::bundled(person.other().portrait())?,
        };
        for (k, seed) in (first..first.saturating_add(self.count)).enumerate() {
            let made = clip(self.species, &sitters[k % sitters.len()], &second, seed)?;
            let name = serde_json::to_value(self.species).ok().and_then(|name| name.as_str().map(str::to_owned));
            let inside = folder.inside(&format!("{}-{seed:06}", name.unwrap_or_default()))?;
            for (k, frame) in made.frames.iter().enumerate() {
                inside.picture(&format!("rendered-{k:04}.jpg"), frame)?;
            }
            let truth = serde_json::to_string(&made.truth).map_err(|error| CommandError::System(error.to_string()))?;
            // It comes last, so that a clip with it is whole.
            inside.text("clip.json", &format!("{truth}\n"))?;
        }
        Ok(Exit::Success)
    }
}

/// Opens the face models only when a photo has to be measured.
pub(in crate::tools) struct Reader<'a> {
    assets: &'a Assets,
    open: Option<FaceReader>,
}

impl<'a> Reader<'a> {
    /// One that has not opened them yet.
    pub(in crate::tools) fn new(assets: &'a Assets) -> Self {
        Self { assets, open: None }
    }

    /// The face of a photo.
    ///
    /// # Errors
    /// [`CommandError`] when the photo shows no usable face or the models cannot be loaded.
    pub(in crate::tools) fn sitter(&mut self, file: &Path) -> Result<Sitter, CommandError> {
        let unusable = |why: &str| CommandError::Usage(format!("{}: {why}", file.display()));
        let photo = load_image(file).map_err(|error| unusable(&error.to_string()))?;
        let reader = match &mut self.open {
            Some(reader) => reader,
            none => {
                let failed = |error: crate::vision::ModelError| CommandError::System(error.to_string());
                let runtime =
                    Runtime::load(&self.assets.models, &self.assets.runtime, Threads::all()).map_err(failed)?;
                none.insert(FaceReader::open(&runtime).map_err(failed)?)
            }
        };
        let faces = reader.read(&photo).map_err(|error| CommandError::System(error.to_string()))?;
        let face = faces.first().ok_or_else(|| unusable("shows no face; give a photo of one face"))?;
        Sitter::fitted(&photo, &face.mesh, face.pose)
            .ok_or_else(|| unusable("does not look into the camera; give a frontal photo"))
    }
}
