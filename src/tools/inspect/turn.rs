//! `inspect turn`.

use std::path::PathBuf;

use clap::Args;

use super::{Assets, Common};
use crate::tools::exit::{CommandError, Exit};

/// Scores recorded head turns.
#[derive(Debug, Clone, Args)]
pub struct TurnArgs {
    /// Inputs.
    pub paths: Vec<PathBuf>,
}

/// Scores recorded head turns.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn turn(args: &TurnArgs, common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let _ = (args, common, assets);
    Err(CommandError::Usage("this verb is not built yet".to_owned()))
}
