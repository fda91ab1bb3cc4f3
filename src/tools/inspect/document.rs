//! `inspect document`.

use std::path::PathBuf;

use clap::Args;

use super::{Assets, Common};
use crate::tools::exit::{CommandError, Exit};

/// Reads and judges a whole document.
#[derive(Debug, Clone, Args)]
pub struct DocumentArgs {
    /// Inputs.
    pub paths: Vec<PathBuf>,
}

/// Reads and judges a whole document.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn document(args: &DocumentArgs, common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let _ = (args, common, assets);
    Err(CommandError::Usage("this verb is not built yet".to_owned()))
}
