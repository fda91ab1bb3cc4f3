//! What the operator's commands share: where the configuration is, and how an answer is printed.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::exit::CommandError;
use crate::run::Config;

/// What every command of an operator takes.
#[derive(Debug, Args)]
pub(super) struct OperatorArgs {
    /// The configuration file.
    #[arg(long, env = "CARDED_CONFIG", default_value = "/etc/carded/config.toml")]
    config: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

impl OperatorArgs {
    /// The device's configuration.
    pub(super) fn config(&self) -> Result<Config, CommandError> {
        Ok(Config::load(&self.config)?)
    }

    /// Prints an answer, as JSON where that was asked for.
    pub(super) fn tell(
        &self,
        answer: &impl Serialize,
        in_words: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), CommandError> {
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            in_words(&mut out)?;
        }
        Ok(())
    }
}

/// When things happened, in words, for those that did. Times are seconds since 1970.
pub(super) fn moments(named: &[(&str, Option<i64>)]) -> Vec<String> {
    let words = |second| Timestamp::from_second(second).map_or_else(|_| "?".to_owned(), |at| at.to_string());
    named.iter().filter_map(|(name, at)| at.map(|second| format!("{name} {}", words(second)))).collect()
}
