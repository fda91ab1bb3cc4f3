//! `[[endpoint]]`, and the files of `endpoints.d` beside the configuration: where outcomes go.
//!
//! Always holds: what is read is checked; a file is read again when it has changed, also while a role runs, and one that is
//! wrong by then changes nothing until it is mended; no secret is in any of them, only the paths of files that hold one. Does
//! not read secrets: `carded sync` does.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::privacy::Vocabulary;
use crate::session::Dialect;
use crate::sync::EndpointName;

/// Most endpoints.
pub const MAX_ENDPOINTS: usize = 16;
/// Most bytes of an endpoint's file.
const MAX_FILE_BYTES: u64 = 16 * 1024;
/// The folder beside the configuration's file.
const FOLDER: &str = "endpoints.d";

/// Where outcomes go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// Its name in the outbox, the log and the reports.
    pub name: String,
    /// Where to.
    pub url: String,
    /// Which event names and bodies it gets.
    pub dialect: Dialect,
    /// Which words it gets: Stripe's own, or those of published guides to it.
    #[serde(default)]
    pub vocabulary: Vocabulary,
    /// Files with one secret each; two during a rotation, the newer first. Only `carded sync` opens them.
    pub secret_files: Vec<PathBuf>,
    /// When the second secret is no longer used; never by itself, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<Timestamp>,
    /// Certificates (PEM) that the receiver's is checked by, instead of the system's roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Whether it gets no new events, and what waits for it is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Whether it gets signed heartbeats, so that it can tell what is kept from it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub heartbeats: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

impl EndpointConfig {
    /// The secrets' files that are in force at a moment.
    #[must_use]
    pub fn secrets_at(&self, now: Timestamp) -> &[PathBuf] {
        let only_new = self.old_secret_until.is_some_and(|until| until <= now);
        &self.secret_files[..if only_new { self.secret_files.len().min(1) } else { self.secret_files.len() }]
    }

    fn check(&self) -> Result<(), String> {
        if self.name.parse::<EndpointName>().is_err() {
            return Err("endpoint.name must have 1 to 64 letters, digits, - and _".to_owned());
        }
        if !(1..=2).contains(&self.secret_files.len()) {
            return Err(format!("endpoint {} needs one secret file, or two during a rotation", self.name));
        }
        if self.old_secret_until.is_some() && self.secret_files.len() != 2 {
            return Err(format!("endpoint {} has old_secret_until and no second secret file", self.name));
        }
        Ok(())
    }
}

/// Checks all of them together.
pub(super) fn check(endpoints: &[EndpointConfig]) -> Result<(), String> {
    if endpoints.len() > MAX_ENDPOINTS {
        return Err(format!("there may be at most {MAX_ENDPOINTS} endpoints"));
    }
    for (k, endpoint) in endpoints.iter().enumerate() {
        endpoint.check()?;
        if endpoints[..k].iter().any(|other| other.name == endpoint.name) {
            return Err(format!("two endpoints are named {}; rename one", endpoint.name));
        }
    }
    Ok(())
}

/// All endpoints, as the sections and the files have them now. Clones share what was read.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Vec<EndpointConfig>")]
pub struct Endpoints(Arc<Book>);

#[derive(Debug)]
struct Book {
    sections: Vec<EndpointConfig>,
    folder: Option<PathBuf>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    stamp: Stamp,
    /// What was told of files that cannot be used, so that it is told once.
    told: Option<String>,
    all: Arc<[EndpointConfig]>,
}

/// Names, times, lengths and numbers of the files: what changes when one of them does.
type Stamp = Vec<(OsString, Option<SystemTime>, u64, u64)>;

impl From<Vec<EndpointConfig>> for Endpoints {
    fn from(sections: Vec<EndpointConfig>) -> Self {
        let held = Mutex::new(Held { stamp: Stamp::new(), told: None, all: sections.clone().into() });
        Self(Arc::new(Book { sections, folder: None, held }))
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl Endpoints {
    /// With the files beside a configuration.
    ///
    /// # Errors
    /// The file that is wrong, and why.
    pub(super) fn beside(self, config: &Path) -> Result<Self, (PathBuf, String)> {
        let folder = config.parent().unwrap_or(Path::new("")).join(FOLDER);
        let stamp = stamp(&folder).map_err(|error| (folder.clone(), error.to_string()))?;
        let sections = self.0.sections.clone();
        let all = together(&sections, &folder)?;
        let held = Mutex::new(Held { stamp, told: None, all });
        Ok(Self(Arc::new(Book { sections, folder: Some(folder), held })))
    }

    /// The folder of the files, where there is a configuration's file.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder.as_deref()
    }

    /// Those that stand in the configuration's own file.
    #[must_use]
    pub fn sections(&self) -> &[EndpointConfig] {
        &self.0.sections
    }

    /// All of them, as they are now.
    #[must_use]
    pub fn current(&self) -> Arc<[EndpointConfig]> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &self.0.folder {
            held.look(&self.0.sections, folder);
        }
        Arc::clone(&held.all)
    }

    /// Names of those that are disabled.
    #[must_use]
    pub fn disabled(&self) -> BTreeSet<String> {
        self.current().iter().filter(|endpoint| endpoint.disabled).map(|endpoint| endpoint.name.clone()).collect()
    }
}

impl Held {
    /// Takes up what has changed. What cannot be read or is wrong changes nothing, and is looked at again every time: no endpoint
    /// is forgotten because a folder could not be listed.
    fn look(&mut self, sections: &[EndpointConfig], folder: &Path) {
        let read = match stamp(folder) {
            Ok(stamp) if stamp == self.stamp => return,
            Ok(stamp) => together(sections, folder).map(|all| (stamp, all)),
            Err(error) => Err((folder.to_owned(), error.to_string())),
        };
        match read {
            Ok((stamp, all)) => {
                tracing::info!("the endpoints have changed: there are {}", all.len());
                *self = Self { stamp, told: None, all };
            }
            Err((path, why)) => {
                let told = format!("{}: {why}", path.display());
                if self.told.as_ref() != Some(&told) {
                    tracing::error!("the endpoints stay as they were, because of {told}; mend it");
                    self.told = Some(told);
                }
            }
        }
    }
}

/// The path of an endpoint's file.
pub(crate) fn file_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.toml"))
}

/// Files of endpoints in a folder, by name; none where there is no folder.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    Ok(files)
}

fn stamp(folder: &Path) -> std::io::Result<Stamp> {
    let of_file = |path: PathBuf| {
        let found = std::fs::metadata(&path).ok();
        let (length, inode) = found.as_ref().map_or((0, 0), |found| (found.len(), found.ino()));
        (path.into_os_string(), found.and_then(|found| found.modified().ok()), length, inode)
    };
    Ok(files(folder)?.into_iter().map(of_file).collect())
}

/// Sections and files together, checked.
fn together(sections: &[EndpointConfig], folder: &Path) -> Result<Arc<[EndpointConfig]>, (PathBuf, String)> {
    let mut all = sections.to_vec();
    for path in files(folder).map_err(|error| (folder.to_owned(), error.to_string()))? {
        let read = read(&path).and_then(|endpoint| {
            all.push(endpoint);
            check(&all)
        });
        read.map_err(|why| (path, why))?;
    }
    Ok(all.into())
}

fn read(path: &Path) -> Result<EndpointConfig, String> {
    let text = |error: std::io::Error| error.to_string();
    // A pipe in a file's place keeps nobody waiting.
    let mut options = std::fs::OpenOptions::new();
    let file = options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path).map_err(text)?;
    if !file.metadata().map_err(text)?.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut written = String::new();
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut written).map_err(text)?;
    if written.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it is longer than {MAX_FILE_BYTES} bytes"));
    }
    // The line itself is not told: there may be a token in an address.
    let endpoint: EndpointConfig = toml::from_str(&written).map_err(|error| {
        let line =
            error.span().and_then(|span| written.get(..span.start)).map_or(0, |before| before.matches('\n').count());
        format!("line {}: {}", line + 1, error.message())
    })?;
    if path.file_stem().is_none_or(|stem| stem != endpoint.name.as_str()) {
        return Err(format!("it has to be named as its endpoint: {}.toml", endpoint.name));
    }
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, more: &str) -> String {
        format!(
            "name = \"{name}\"\nurl = \"https://shop.example\"\ndialect = \"stile\"\nsecret_files = [\"s\"]\n{more}"
        )
    }

    fn names(endpoints: &Endpoints) -> Vec<String> {
        endpoints.current().iter().map(|endpoint| endpoint.name.clone()).collect()
    }

    #[test]
    fn a_file_counts_as_a_section_does_and_is_read_again_when_it_has_changed() {
        let site = tempfile::tempdir().unwrap();
        let section: EndpointConfig = toml::from_str(&text("section", "")).unwrap();
        let endpoints = Endpoints::from(vec![section]).beside(&site.path().join("config.toml")).unwrap();
        assert_eq!(names(&endpoints), ["section"]);
        let folder = endpoints.folder().unwrap();
        std::fs::create_dir(folder).unwrap();
        std::fs::write(file_of(folder, "b"), text("b", "")).unwrap();
        std::fs::write(file_of(folder, "a"), text("a", "disabled = true")).unwrap();
        std::fs::write(folder.join("a.secret"), "no endpoint").unwrap();
        assert_eq!(names(&endpoints), ["section", "a", "b"]);
        assert_eq!(endpoints.disabled(), BTreeSet::from(["a".to_owned()]));
        // A folder that cannot be listed is no folder without endpoints; once it can, nothing else need have changed.
        let elsewhere = site.path().join("elsewhere");
        std::fs::rename(folder, &elsewhere).unwrap();
        std::fs::write(folder, "no folder").unwrap();
        assert_eq!(names(&endpoints), ["section", "a", "b"]);
        std::fs::remove_file(folder).unwrap();
        std::fs::rename(&elsewhere, folder).unwrap();
        // A pipe is no file, and keeps nobody waiting.
        rustix::fs::mknodat(
            rustix::fs::CWD,
            file_of(folder, "c"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        assert_eq!(names(&endpoints), ["section", "a", "b"]);
        std::fs::remove_file(file_of(folder, "c")).unwrap();
        // One that is wrong changes nothing until it is mended.
        std::fs::write(file_of(folder, "b"), "nonsense").unwrap();
        std::fs::remove_file(file_of(folder, "a")).unwrap();
        assert_eq!(names(&endpoints), ["section", "a", "b"]);
        std::fs::write(file_of(folder, "b"), text("b", "old_secret_until = \"2026-11-24T00:00:00Z\"")).unwrap();
        assert_eq!(names(&endpoints), ["section", "a", "b"]);
        std::fs::write(file_of(folder, "b"), text("b", "")).unwrap();
        assert_eq!(names(&endpoints), ["section", "b"]);
    }

    #[test]
    fn a_file_under_another_name_and_one_name_twice_are_refused_with_the_file() {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(file_of(&folder, "b"), text("a", "")).unwrap();
        let config = site.path().join("config.toml");
        let (path, why) = Endpoints::default().beside(&config).unwrap_err();
        assert!(path.ends_with("b.toml") && why.contains("a.toml"), "{why}");
        std::fs::rename(file_of(&folder, "b"), file_of(&folder, "a")).unwrap();
        let section = toml::from_str(&text("a", "")).unwrap();
        let (_, why) = Endpoints::from(vec![section]).beside(&config).unwrap_err();
        assert!(why.contains("two endpoints are named a"), "{why}");
    }

    #[test]
    fn the_old_secret_counts_until_its_time_is_over() {
        let until = "old_secret_until = \"2026-11-24T00:00:00Z\"";
        let rotating = text("a", until).replace("[\"s\"]", "[\"new\", \"old\"]");
        let endpoint: EndpointConfig = toml::from_str(&rotating).unwrap();
        endpoint.check().unwrap();
        let at = |time: &str| endpoint.secrets_at(time.parse().unwrap()).len();
        assert_eq!((at("2026-11-23T23:59:59Z"), at("2026-11-24T00:00:00Z")), (2, 1));
        assert_eq!(toml::from_str::<EndpointConfig>(&toml::to_string(&endpoint).unwrap()).unwrap(), endpoint);
    }
}
