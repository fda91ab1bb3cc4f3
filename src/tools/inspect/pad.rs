//! `inspect pad`.

use std::path::PathBuf;

use super::{Assets, Common};
use crate::tools::exit::{CommandError, Exit};

/// Scores single pictures for signs of a presentation attack.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn pad(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let _ = (files, common, assets);
    Err(CommandError::Usage("this verb is not built yet".to_owned()))
}
