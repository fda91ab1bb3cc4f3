//! `carded device-key`: the key that signs outcomes: which it is, sealed as a credential, and another in its place.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::exit::{CommandError, Exit};
use super::operator::OperatorArgs;
use crate::store::{
    SealOrder, Sealed, ShownKey, ShownKeys, abandon_rotation, begin_rotation, finish_rotation, seal_keys, show_keys,
};

/// What `carded device-key` takes.
#[derive(Debug, Args)]
pub struct DeviceKeyArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    verb: DeviceKeyVerb,
}

#[derive(Debug, Subcommand)]
enum DeviceKeyVerb {
    /// Shows the public key, since when it signs, where it lies, and the next one; also while the engine runs.
    Show,
    /// Seals the keys as systemd's credentials, bound to the TPM where there is one. The engine has to be stopped.
    Seal {
        /// The folder of the sealed files.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// Seal the next key instead of those in use.
        #[arg(long)]
        next: bool,
        /// Replace sealed files that are there.
        #[arg(long)]
        replace: bool,
        /// Remove the plain files when the sealed ones were opened again.
        #[arg(long)]
        remove_files: bool,
        /// What the keys are bound to, as systemd-creds has it.
        #[arg(long, default_value = "auto", value_parser = ["auto", "host", "tpm2", "host+tpm2"])]
        with_key: String,
    },
    /// Makes the key that is to sign next, for receivers to be told of beforehand; also while the engine runs.
    Rotate {
        /// Have it take over. The engine has to be stopped.
        #[arg(long, conflicts_with = "abandon")]
        finish: bool,
        /// Drop it. The engine has to be stopped.
        #[arg(long)]
        abandon: bool,
    },
}

/// Carries out an order about the device's key.
///
/// # Errors
/// [`CommandError`] when it cannot be carried out; the key that signs stays the same then.
pub fn device_key(args: &DeviceKeyArgs) -> Result<Exit, CommandError> {
    let config = args.operator.config()?;
    let places = config.device.places();
    match &args.verb {
        DeviceKeyVerb::Show => {
            let shown = show_keys(places)?;
            args.operator.tell(&shown, |out| say(out, &shown))?;
        }
        DeviceKeyVerb::Seal { into, next, replace, remove_files, with_key } => {
            let order = SealOrder { into, next: *next, replace: *replace, remove_files: *remove_files, with_key };
            let sealed = seal_keys(places, order).map_err(|error| CommandError::System(error.to_string()))?;
            args.operator.tell(&sealed, |out| say_sealed(out, &sealed))?;
        }
        DeviceKeyVerb::Rotate { finish: true, .. } => {
            let (handover, shown) = finish_rotation(places, Timestamp::now())?;
            let told = json!({ "handover": handover, "keys": shown });
            args.operator.tell(&told, |out| {
                let first = handover.first_sequence;
                writeln!(out, "The next key signs from outcome {first} on; for receivers the handover is in device.handover.")?;
                if shown.key.is_credential {
                    writeln!(out, "Seal it under its new name with 'carded device-key seal --replace', then take device.key.next out of the unit.")?;
                }
                say(out, &shown)
            })?;
        }
        DeviceKeyVerb::Rotate { abandon: true, .. } => {
            let shown = abandon_rotation(places)?;
            args.operator.tell(&shown, |out| say(out, &shown))?;
        }
        DeviceKeyVerb::Rotate { .. } => {
            let shown = begin_rotation(places)?;
            args.operator.tell(&shown, |out| {
                say(out, &shown)?;
                if shown.key.is_credential {
                    writeln!(out, "Seal it with 'carded device-key seal --next --remove-files', and add it to the unit.")?;
                }
                writeln!(
                    out,
                    "Give the next key to every receiver and to the other boxes; then stop the engine and run 'carded device-key rotate --finish'."
                )
            })?;
        }
    }
    Ok(Exit::Success)
}

fn say(out: &mut dyn Write, shown: &ShownKeys) -> std::io::Result<()> {
    writeln!(out, "device         {}", shown.device)?;
    say_key(out, "key", &shown.key)?;
    writeln!(out, "signs since    outcome {}", shown.since_sequence)?;
    shown.next.as_ref().map_or(Ok(()), |next| say_key(out, "next key", next))
}

fn say_key(out: &mut dyn Write, name: &str, key: &ShownKey) -> std::io::Result<()> {
    let kind = if key.is_credential { "credential" } else { "file" };
    writeln!(out, "{name:<14} {}", key.public_key)?;
    writeln!(out, "  key id       {}", key.key_id)?;
    writeln!(out, "  {kind:<12} {}", key.path.display())
}

fn say_sealed(out: &mut dyn Write, sealed: &[Sealed]) -> std::io::Result<()> {
    writeln!(out, "Add to [Service] of the engine's unit:")?;
    for Sealed { name, file, .. } in sealed {
        let file = std::path::absolute(file)?;
        writeln!(out, "LoadCredentialEncrypted={name}:{}", file.display())?;
    }
    for removed in sealed.iter().filter_map(|sealed| sealed.removed.as_ref()) {
        writeln!(out, "Removed {}.", removed.display())?;
    }
    Ok(())
}
