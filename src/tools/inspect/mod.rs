//! `carded inspect`: the measuring verbs. One JSON object a line, in the order of the inputs.
//!
//! These verbs print personal data by design, so they refuse to run under a production unit.

mod aamva;
mod age;
mod barcode;
mod camera;
mod document;
mod faces;
pub(in crate::tools) mod flash;
mod lines;
mod matching;
mod mrz;
mod pad;
mod pair_list;
mod pairs;
mod place;
mod runner;
mod text;
mod turn;

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub use runner::{InputFault, Line, MeasureError, run};

use super::Assets;
use super::exit::{CommandError, Exit};

/// Options of every verb.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Threads in all [default: all cores].
    #[arg(long, global = true)]
    pub threads: Option<std::num::NonZeroUsize>,
    /// How often each input is measured; the time of the last run is printed.
    #[arg(long, global = true, default_value = "1")]
    pub repeat: std::num::NonZeroUsize,
}

/// The measuring verbs.
#[derive(Debug, Clone, Subcommand)]
pub enum Verb {
    /// Reads barcodes out of pictures.
    Barcode(barcode::BarcodeArgs),
    /// Parses AAMVA payloads (`-` reads standard input).
    Aamva(aamva::AamvaArgs),
    /// Reads machine-readable zones out of pictures.
    Mrz {
        /// Files to read.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Reads printed text and named fields out of pictures.
    Text {
        /// Files to read.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Reads and judges a whole document.
    Document(document::DocumentArgs),
    /// Finds faces and their pose.
    Faces {
        /// Files to read.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Estimates the age of the largest face, with the optional model.
    Age {
        /// Files to read.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Compares the faces of listed pairs of pictures.
    Pairs(pairs::PairsArgs),
    /// Measures how often strangers match and how often the same person does not.
    Match(matching::MatchArgs),
    /// Scores single pictures for signs of a presentation attack.
    Pad {
        /// Files to read.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Scores recorded head turns.
    Turn(turn::TurnArgs),
    /// Scores rendered screen flashes and attacks on them.
    Flash(flash::FlashArgs),
    /// Watches a camera: whether it keeps to its format, how fast it is, how it fails and comes back.
    Camera(camera::CameraArgs),
    /// Looks known points up in the borders.
    Place(place::PlaceArgs),
}

/// Runs one verb.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn dispatch(verb: &Verb, common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    // A control group that cannot be read is none of systemd's, and so no unit.
    if in_production_unit(&std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default()) {
        let message = "inspect prints personal data and does not run in a unit of the appliance; run it from a shell";
        return Err(CommandError::Usage(message.to_owned()));
    }
    match verb {
        Verb::Barcode(args) => barcode::barcode(args, common),
        Verb::Aamva(args) => aamva::aamva(args, common),
        Verb::Mrz { files } => mrz::mrz(files, common, assets),
        Verb::Text { files } => text::text(files, common, assets),
        Verb::Faces { files } => faces::faces(files, common, assets),
        Verb::Age { files } => age::age(files, common, assets),
        Verb::Pad { files } => pad::pad(files, common, assets),
        Verb::Document(args) => document::document(args, common, assets),
        Verb::Pairs(args) => pairs::pairs(args, common, assets),
        Verb::Match(args) => matching::matching(args, common, assets),
        Verb::Turn(args) => turn::turn(args, common, assets),
        Verb::Flash(args) => flash::flash(args, common, assets),
        Verb::Camera(args) => camera::camera(args),
        Verb::Place(args) => place::place(args),
    }
}

/// Whether a control group belongs to one of the appliance's own systemd units, by the form of `/proc/self/cgroup`.
fn in_production_unit(control_groups: &str) -> bool {
    control_groups.lines().flat_map(|line| line.split('/')).any(|part| {
        let unit = part.strip_suffix(".service").unwrap_or_default();
        unit == "carded" || unit.starts_with("carded-") || unit.starts_with("carded@")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_appliance_s_own_units_are_told_from_a_desktop_s() {
        assert!(in_production_unit("0::/system.slice/carded-engine.service\n"));
        assert!(in_production_unit("0::/system.slice/carded.service/inner\n"));
        for other in ["", "0::/\n", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.service\n"] {
            assert!(!in_production_unit(other), "{other}");
        }
    }
}
