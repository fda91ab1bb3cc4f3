//! `inspect aamva`.

use std::path::PathBuf;

use super::{Assets, Common};
use crate::tools::exit::{CommandError, Exit};

/// Parses AAMVA payloads (`-` reads standard input).
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn aamva(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let _ = (files, common, assets);
    Err(CommandError::Usage("this verb is not built yet".to_owned()))
}
