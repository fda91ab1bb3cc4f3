//! Specimens as files. What is there already stays, unless it was asked for otherwise.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use super::draw::encode_jpeg;
use super::head::TurnFrames;
use crate::imaging::Rgb;
use crate::tools::exit::CommandError;

/// JPEG quality of what is written: high, because the pictures were compressed once already where a camera would have.
const QUALITY: u8 = 94;
/// What the text file beside the pictures says.
const LABEL: &str = "These pictures are specimens made by `carded specimen`. The people are shown as an example of a face, every name, \
date and number is invented, and the head turns are rendered: a rate measured on them says nothing about people.\n";

/// A folder that specimens go to.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    overwrite: bool,
}

impl Folder {
    /// Makes the folder if it is not there, and puts the label into it.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when it cannot be written to.
    pub fn open(path: PathBuf, overwrite: bool) -> Result<Self, CommandError> {
        let folder = Self { path, overwrite };
        fs::create_dir_all(&folder.path).map_err(|error| folder.refused("", &error))?;
        if overwrite || !folder.path.join("README.txt").exists() {
            folder.write("README.txt", LABEL.as_bytes())?;
        }
        Ok(folder)
    }

    /// A folder inside this one.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when it cannot be written to.
    pub fn inside(&self, name: &str) -> Result<Self, CommandError> {
        Self::open(self.path.join(name), self.overwrite)
    }

    /// Writes a picture as JPEG.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when the file is there already or cannot be written.
    pub fn picture(&self, name: &str, image: &Rgb) -> Result<(), CommandError> {
        self.write(name, &encode_jpeg(image, QUALITY)?)
    }

    /// Writes a text.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when the file is there already or cannot be written.
    pub fn text(&self, name: &str, text: &str) -> Result<(), CommandError> {
        self.write(name, text.as_bytes())
    }

    /// Writes a picture that is a JPEG already.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when the file is there already or cannot be written.
    pub fn jpeg(&self, name: &str, bytes: &[u8]) -> Result<(), CommandError> {
        self.write(name, bytes)
    }

    /// Writes every frame of a turn, named in order of time.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when a file is there already or cannot be written.
    pub fn frames(&self, frames: TurnFrames) -> Result<(), CommandError> {
        for (k, frame) in frames.enumerate() {
            self.picture(&format!("rendered-{k:04}.jpg"), &frame.image)?;
        }
        Ok(())
    }

    /// Writes a file that is encoded already.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when the file is there already or cannot be written.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Result<(), CommandError> {
        self.write(name, bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CommandError> {
        let mut options = OpenOptions::new();
        options.write(true);
        if self.overwrite {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let written = options.open(self.path.join(name)).and_then(|mut file| file.write_all(bytes));
        written.map_err(|error| self.refused(name, &error))
    }

    fn refused(&self, name: &str, error: &std::io::Error) -> CommandError {
        let path = self.path.join(name);
        let advice = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "give another folder, or --force to overwrite",
            _ => "give a folder that you can write to",
        };
        CommandError::Usage(format!("cannot write {}: {error}; {advice}", path.display()))
    }
}
