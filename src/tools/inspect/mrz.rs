//! `inspect mrz`.

use std::path::PathBuf;

use super::{Assets, Common};
use crate::tools::exit::{CommandError, Exit};

/// Reads machine-readable zones out of pictures.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn mrz(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let _ = (files, common, assets);
    Err(CommandError::Usage("this verb is not built yet".to_owned()))
}
