//! `inspect pairs`.

use std::path::PathBuf;

use clap::Args;

use super::{Assets, Common};
use crate::tools::exit::{CommandError, Exit};

/// Compares the faces of listed pairs of pictures.
#[derive(Debug, Clone, Args)]
pub struct PairsArgs {
    /// Inputs.
    pub paths: Vec<PathBuf>,
}

/// Compares the faces of listed pairs of pictures.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn pairs(args: &PairsArgs, common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let _ = (args, common, assets);
    Err(CommandError::Usage("this verb is not built yet".to_owned()))
}
