//! The publisher's tools: a key, and bundles that are signed with it. No device needs them.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::exit::{CommandError, Exit};
use super::table::read;
use crate::compliance::{MAX_BUNDLE_BYTES, PUBLISHER_KEY_BYTES, PublisherSecret, RegionText, TableTexts, seal_bundle};

/// The file of a table's places, version and terms; every other TOML file is a region.
const PLACES: &str = "places.toml";

/// What `carded rules key` takes.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Where the private key goes: 32 bytes, mode 0600. A file that is there is never overwritten.
    #[arg(long)]
    out: PathBuf,
}

/// What `carded rules bundle` takes.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// Folder with places.toml and a TOML file for each region.
    #[arg(long)]
    from: PathBuf,
    /// The publisher's private key, as `carded rules key` made it.
    #[arg(long)]
    key: PathBuf,
    /// Where the bundle goes.
    #[arg(long)]
    out: PathBuf,
}

/// Makes a key, and prints its public part.
pub fn key(out: &mut impl Write, args: &KeyArgs, json: bool) -> Result<Exit, CommandError> {
    let mut seed = Zeroizing::new([0; PUBLISHER_KEY_BYTES]);
    getrandom::fill(seed.as_mut()).map_err(|error| {
        CommandError::System(format!("the system gives no random numbers: {error}; check the kernel"))
    })?;
    let path = args.out.display();
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.out);
    let mut file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => CommandError::Usage(format!("{path} is there already; choose another path")),
        _ => CommandError::Usage(format!("{path} cannot be made: {error}; choose another path")),
    })?;
    file.write_all(seed.as_ref()).and_then(|()| file.sync_all()).map_err(CommandError::Process)?;
    let public = PublisherSecret::from_bytes(&seed).public();
    if json {
        writeln!(out, "{}", json!({ "public_key": public.to_string(), "key_id": public.id() }))?;
    } else {
        writeln!(out, "public key  {public}\nkey id      {}\n", public.id())?;
        writeln!(out, "Devices trust it by this line in their configuration:\n[rules]\ntrusted_keys = [\"{public}\"]")?;
    }
    Ok(Exit::Success)
}

/// Makes a bundle, and says what is in it.
pub fn bundle(out: &mut impl Write, args: &BundleArgs, json: bool) -> Result<Exit, CommandError> {
    let secret = secret(&args.key)?;
    let texts = texts(&args.from)?;
    let regions: Vec<String> = texts.regions.iter().map(|region| region.name.clone()).collect();
    let bundle = seal_bundle(texts, &secret).map_err(|error| CommandError::Usage(error.to_string()))?;
    let unwritable =
        |error| CommandError::Usage(format!("{} cannot be written: {error}; choose another path", args.out.display()));
    std::fs::write(&args.out, &bundle).map_err(unwritable)?;
    let (length, public) = (bundle.len(), secret.public());
    if json {
        writeln!(out, "{}", json!({ "bytes": length, "regions": regions, "key_id": public.id() }))?;
    } else {
        writeln!(out, "{length} bytes, places and {}, signed by {}", regions.join(", "), public.id())?;
    }
    Ok(Exit::Success)
}

fn secret(path: &Path) -> Result<PublisherSecret, CommandError> {
    let exposed = path.metadata().is_ok_and(|metadata| metadata.mode() & 0o077 != 0);
    if exposed {
        let advice = "replace the key if others may have read it, and give its file mode 0600";
        return Err(CommandError::Usage(format!("{} is open to others; {advice}", path.display())));
    }
    let bytes = Zeroizing::new(read(path, PUBLISHER_KEY_BYTES)?);
    let seed = <&[u8; PUBLISHER_KEY_BYTES]>::try_from(bytes.as_slice());
    let wrong = |_| CommandError::Usage(format!("{} is no key that 'carded rules key' made", path.display()));
    seed.map(PublisherSecret::from_bytes).map_err(wrong)
}

fn texts(folder: &Path) -> Result<TableTexts, CommandError> {
    let text = |path: &Path| {
        let not_text = |_| CommandError::Usage(format!("{} is not UTF-8; mend it", path.display()));
        String::from_utf8(read(path, MAX_BUNDLE_BYTES)?).map_err(not_text)
    };
    let unlisted =
        |error| CommandError::Usage(format!("{} cannot be listed: {error}; give another folder", folder.display()));
    let mut regions = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unlisted)? {
        let path = entry.map_err(unlisted)?.path();
        let is_region = path.extension().is_some_and(|end| end == "toml") && !path.ends_with(PLACES);
        if let (true, Some(name)) = (is_region, path.file_stem().and_then(|stem| stem.to_str())) {
            regions.push(RegionText { name: name.to_owned(), rules: text(&path)? });
        }
    }
    regions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(TableTexts { places: text(&folder.join(PLACES))?, regions })
}
