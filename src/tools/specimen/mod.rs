//! `carded specimen`: made-up documents, rendered head turns and the attacks that go with them.
//!
//! For the demonstration and for tests, as pictures in memory or as files. Always holds: every picture is marked as a
//! specimen or as rendered, the same seed and day give the same pixels, and nothing here shares code with the readers
//! that it is there to test. Does not imitate any issuer's design or security features, and a rate that was measured on
//! rendered turns says nothing about people.

mod assets;
pub mod barcodes;
mod case;
pub mod clip;
mod command;
pub mod document;
mod draw;
mod files;
pub mod head;
mod person;
mod photograph;
pub(in crate::tools) mod random;
pub mod recapture;
mod reflection;
mod small_portrait;

pub use assets::Portrait;
pub use case::{DemoCase, demo_case, photographed};
pub use command::{SpecimenArgs, specimen};
pub(in crate::tools) use draw::blur;
pub use draw::encode_jpeg;
pub use person::{AlteredField, PersonName, SpecimenLicence, SpecimenPassport, SpecimenPerson, plus_years};
pub use photograph::{Photograph, View, photograph};
pub use reflection::Reflection;
pub(in crate::tools) use small_portrait::small_portrait;

use super::exit::CommandError;

/// Why a specimen cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SpecimenError {
    /// A bundled file is damaged.
    #[error("the bundled file {name} cannot be used; build the program again from a clean checkout")]
    Asset {
        /// Which file.
        name: &'static str,
    },
    /// The fonts have no such character.
    #[error("the bundled fonts have no {character:?}; use Latin-1 letters")]
    Character {
        /// Which one.
        character: char,
    },
    /// The barcode cannot be made.
    #[error("the barcode cannot be made: {0}; shorten the fields")]
    Barcode(String),
    /// The document cannot be seen from there.
    #[error("the document cannot be seen in this view; use angles below 80 degrees")]
    View,
    /// A picture cannot be compressed.
    #[error("the picture cannot be encoded: {0}; use a smaller size")]
    Encode(String),
}

impl From<SpecimenError> for CommandError {
    /// What a command line asked for cannot be made: its caller can ask for something else.
    fn from(error: SpecimenError) -> Self {
        Self::Usage(error.to_string())
    }
}
