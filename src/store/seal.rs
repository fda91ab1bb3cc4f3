//! Seals the device's keys as systemd's credentials: bound to the machine's TPM2 where there is one, else to a key of the host.
//!
//! Always holds: a key goes to `systemd-creds` by a pipe, never on a command line or in a file; a sealed file gets its name
//! only when it was decrypted again to the same key; plain files are removed only after that, and only by order.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde::Serialize;
use zeroize::Zeroizing;

use super::error::StoreError;
use super::key_files::{KeyPlaces, draw, wipe};
use super::keys::{ANCHOR, DEVICE, DeviceKey, KEY_BYTES, KeyError, KeyNames, NEXT};
use super::{DATABASE, folder, replace, rotation, schema};
use crate::privacy::AnchorKey;

const PROGRAM: &str = "systemd-creds";
type Seed = Zeroizing<[u8; KEY_BYTES]>;
/// A key with the name of its credential, and its plain file where it lies in one.
type ToSeal = (&'static str, Seed, Option<PathBuf>);

/// What is to be sealed, and where.
#[derive(Debug, Clone, Copy)]
pub struct SealOrder<'a> {
    /// The folder of the sealed files; made if it is not there.
    pub into: &'a Path,
    /// The next key alone, instead of those in use.
    pub next: bool,
    /// Whether a sealed file that is there may be replaced.
    pub replace: bool,
    /// Whether the plain files are removed then.
    pub remove_files: bool,
    /// What `systemd-creds encrypt --with-key=` is given, such as `auto`.
    pub with_key: &'a str,
}

/// A sealed key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sealed {
    /// The credential's name.
    pub name: &'static str,
    /// The sealed file.
    pub file: PathBuf,
    /// The plain file that was removed.
    pub removed: Option<PathBuf>,
}

/// A key was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Something is wrong with the store or its keys.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such program.
    #[error("systemd-creds is not on the PATH; install systemd 250 or newer, or keep the keys as files")]
    NoProgram,
    /// It failed.
    #[error("systemd-creds could not {0}: {1}; run this as root, and see 'systemd-creds has-tpm2'")]
    Program(&'static str, String),
    /// What was sealed does not open to the same key.
    #[error("{0} does not open to the key that was sealed; the plain key stays, see to the TPM and try again")]
    Differs(PathBuf),
    /// A sealed file is there.
    #[error("{0} is there already; give --replace, or name another folder")]
    Exists(PathBuf),
    /// The folder cannot be written.
    #[error("{0} cannot be written: {1}; see to its folder's disk and owner")]
    Io(PathBuf, io::ErrorKind),
}

impl From<KeyError> for SealError {
    fn from(error: KeyError) -> Self {
        Self::Store(error.into())
    }
}

/// Seals keys, while no engine runs. Those of a device that does not exist yet are made, and written nowhere else.
///
/// # Errors
/// [`SealError`], which says what to do. Plain files stay then.
pub fn seal_keys(place: impl Into<KeyPlaces>, order: SealOrder<'_>) -> Result<Vec<Sealed>, SealError> {
    let places = place.into();
    let _lock = if places.state().exists() { Some(folder::claim(places.state())?) } else { None };
    let keys = keys_to_seal(&places, order.next)?;
    std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700)
        .create(order.into)
        .map_err(|error| SealError::Io(order.into.to_owned(), error.kind()))?;
    let taken = keys.iter().map(|(name, _, _)| order.into.join(format!("{name}.cred"))).find(|file| file.exists());
    if let Some(taken) = taken.filter(|_| !order.replace) {
        return Err(SealError::Exists(taken));
    }
    let mut sealed = Vec::new();
    for (name, key, _) in &keys {
        let file = order.into.join(format!("{name}.cred"));
        seal(name, key, &file, order.with_key)?;
        sealed.push(Sealed { name, file, removed: None });
    }
    if order.remove_files {
        for (sealed, (_, _, plain)) in sealed.iter_mut().zip(keys) {
            let Some(plain) = plain else { continue };
            wipe(&plain).map_err(|error| SealError::Io(plain.clone(), error.kind()))?;
            sealed.removed = Some(plain);
        }
        folder::sync(places.state()).map_err(|error| SealError::Io(places.state().to_owned(), error.kind()))?;
    }
    Ok(sealed)
}

/// Each key with the name that its credential gets, and its plain file where it lies in one.
fn keys_to_seal(places: &KeyPlaces, next: bool) -> Result<Vec<ToSeal>, SealError> {
    let database = places.state().join(DATABASE);
    if !database.exists() {
        if next {
            return Err(StoreError::NoStore(places.state().to_owned()).into());
        }
        if replace::is_occupied(places.state()) {
            return Err(StoreError::DatabaseMissing(places.state().to_owned()).into());
        }
        let new =
            |name: &'static str| Ok((name, draw().map_err(|error| KeyError::Io(name.into(), error.kind()))?, None));
        return [DEVICE, ANCHOR].into_iter().map(new).collect();
    }
    let connection: Connection = schema::open_to_read(&database)?;
    let (_, KeyNames { device, anchor }) = rotation::named(&connection)?;
    let is_device = |key: &Seed| DeviceKey::from_bytes(key).public().key_id() == device;
    let is_anchor = |key: &Seed| AnchorKey::from_bytes(key).check_value() == anchor;
    let pick = |name: &'static str, files: &[&str], is_right: &dyn Fn(&Seed) -> bool| {
        let (mut found, mut plain) = (None, None);
        for file in places.candidates(files) {
            match file.load_to_seal() {
                Ok(key) if is_right(&key) => {
                    // A plain file beside the credential is to go as well.
                    plain = plain.or_else(|| (!file.is_credential).then_some(file.path));
                    found = found.or(Some(key));
                }
                Ok(_) | Err(KeyError::Missing(_)) => {}
                Err(error) => return Err(SealError::from(error)),
            }
        }
        let missing = if next { KeyError::NoNext } else { KeyError::Missing(places.state().join(name)) };
        Ok((name, found.ok_or(missing)?, plain))
    };
    if next {
        return Ok(vec![pick(NEXT, &[NEXT], &|key| !is_device(key))?]);
    }
    Ok(vec![pick(DEVICE, &[DEVICE, NEXT], &is_device)?, pick(ANCHOR, &[ANCHOR], &is_anchor)?])
}

fn seal(name: &str, key: &Seed, file: &Path, with_key: &str) -> Result<(), SealError> {
    let io_failed = |error: io::Error| SealError::Io(file.to_owned(), error.kind());
    let (with_key, named) = (format!("--with-key={with_key}"), format!("--name={name}"));
    let blob = run("seal the key", Command::new(PROGRAM).args(["encrypt", &with_key, &named, "-", "-"]), key.as_ref())?;
    let draft = file.with_extension("cred.new");
    let _ = std::fs::remove_file(&draft);
    folder::write_private(&draft, &blob).map_err(io_failed)?;
    let opened = run("open what it sealed", Command::new(PROGRAM).args(["decrypt", &named]).arg(&draft).arg("-"), &[]);
    if opened.as_ref().is_ok_and(|opened| opened.as_slice() != key.as_ref()) {
        return Err(SealError::Differs(draft));
    }
    opened?;
    std::fs::rename(&draft, file).map_err(io_failed)?;
    file.parent().map_or(Ok(()), folder::sync).map_err(io_failed)
}

/// What the program writes to its standard output.
fn run(what: &'static str, command: &mut Command, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => SealError::NoProgram,
        kind => SealError::Program(what, kind.to_string()),
    };
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(failed)?;
    // 32 bytes fit into the pipe; that nobody reads them shows in the status.
    let _ = child.stdin.take().map(|mut pipe| pipe.write_all(input));
    let output = child.wait_with_output().map_err(failed)?;
    let told = Zeroizing::new(output.stdout);
    if output.status.success() {
        return Ok(told);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(SealError::Program(what, words.lines().last().unwrap_or("it did not say why").trim_end_matches('.').to_owned()))
}
