//! The pictures of a document, as command lines name them.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::camera::{ImageError, load_image};
use crate::imaging::Rgb;
use crate::run::DocumentSides;

/// Both sides of a card, the front of one that says everything there, or a passport's data page.
#[derive(Debug, Clone, Args, Serialize)]
pub struct DocumentFiles {
    /// Picture of the front of a card.
    #[arg(long, required_unless_present = "passport", conflicts_with = "passport")]
    #[serde(skip_serializing_if = "Option::is_none")]
    front: Option<PathBuf>,
    /// Picture of the back of the same card, with its barcode or machine-readable zone, if it has one.
    #[arg(long, requires = "front")]
    #[serde(skip_serializing_if = "Option::is_none")]
    back: Option<PathBuf>,
    /// Picture of a passport's data page.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    passport: Option<PathBuf>,
}

impl DocumentFiles {
    /// Reads the pictures; the error names the file and says what to do.
    pub(super) fn load(&self) -> Result<DocumentSides, String> {
        match (&self.front, &self.back, &self.passport) {
            (Some(front), Some(back), None) => Ok(DocumentSides::Card { front: picture(front)?, back: picture(back)? }),
            (Some(front), None, None) => Ok(DocumentSides::Front { front: picture(front)? }),
            (None, None, Some(page)) => Ok(DocumentSides::Passport { page: picture(page)? }),
            _ => Err("give --front and --back, --front alone, or --passport".to_owned()),
        }
    }
}

fn picture(path: &Path) -> Result<Rgb, String> {
    load_image(path).map_err(|error| match error {
        ImageError::Read { .. } => error.to_string(),
        other => format!("{}: {other}", path.display()),
    })
}
