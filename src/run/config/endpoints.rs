//! `[[endpoint]]`, and the files of `endpoints.d` beside the configuration: where outcomes go.
//!
//! Always holds: what is read is checked; a file is read again when it has changed, also while a role runs; one that is wrong
//! takes no other endpoint with it: its endpoint stays as it was, where it was good before, and is left out otherwise, until it is
//! mended; no secret is in any of them, only the paths of files that hold one. Does not read secrets: `carded sync` does.

mod memory;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use self::memory::Memory;
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
    /// The configuration's own file.
    config: Option<PathBuf>,
    folder: Option<PathBuf>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    stamp: Stamp,
    /// What cannot be used, so that it is told once.
    unusable: Arc<[UnusableFile]>,
    all: Arc<[EndpointConfig]>,
    memory: Option<Memory>,
}

/// A file of the folder that cannot be used, or the folder itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableFile {
    /// The endpoint that it is named after; none where the folder cannot be listed.
    pub name: Option<String>,
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
    /// Whether its endpoint goes on as it was before.
    pub kept: bool,
}

/// Names, times, lengths and numbers of the files: what changes when one of them does.
type Stamp = Vec<(OsString, Option<SystemTime>, u64, u64)>;

impl From<Vec<EndpointConfig>> for Endpoints {
    fn from(sections: Vec<EndpointConfig>) -> Self {
        let held = Mutex::new(Held { all: sections.clone().into(), ..Held::default() });
        Self(Arc::new(Book { sections, config: None, folder: None, held }))
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl Endpoints {
    /// With the files beside a configuration. What is wrong among them is told, and left out.
    pub(super) fn beside(self, config: &Path) -> Self {
        let folder = config.parent().unwrap_or(Path::new("")).join(FOLDER);
        // So that it can be compared with what the files say.
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let sections = self.0.sections.clone();
        let mut held = Held { all: sections.clone().into(), ..Held::default() };
        held.look(&sections, &folder);
        let (config, folder) = (Some(config.to_owned()), Some(folder));
        Self(Arc::new(Book { sections, config, folder, held: Mutex::new(held) }))
    }

    /// Keeps what is good now in a file of the engine's own, and takes an endpoint from it whose file is wrong at the next start:
    /// what ends meanwhile is told to it, too, when that is mended.
    pub fn remember_in(&self, file: PathBuf) {
        let Some(folder) = &self.0.folder else { return };
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.memory = Some(Memory::new(file));
        held.recall(&self.0.sections);
        held.look(&self.0.sections, folder);
        held.remember(&self.0.sections);
    }

    /// The configuration's own file, where there is one.
    #[must_use]
    pub fn config_file(&self) -> Option<&Path> {
        self.0.config.as_deref()
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
        Arc::clone(&self.looked_at().all)
    }

    /// Files that cannot be used now.
    #[must_use]
    pub fn unusable(&self) -> Arc<[UnusableFile]> {
        Arc::clone(&self.looked_at().unusable)
    }

    fn looked_at(&self) -> MutexGuard<'_, Held> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &self.0.folder {
            held.look(&self.0.sections, folder);
        }
        held
    }

    /// Names of those that are disabled.
    #[must_use]
    pub fn disabled(&self) -> BTreeSet<String> {
        self.current().iter().filter(|endpoint| endpoint.disabled).map(|endpoint| endpoint.name.clone()).collect()
    }
}

impl Held {
    /// Takes up what has changed. What cannot be read or is wrong is looked at again every time; no endpoint is forgotten because
    /// its file, or the whole folder, cannot be read.
    fn look(&mut self, sections: &[EndpointConfig], folder: &Path) {
        let (all, unusable) = match stamp(folder) {
            Ok(stamp) if stamp == self.stamp && self.unusable.is_empty() => return,
            Ok(stamp) => {
                self.stamp = stamp;
                self.together(sections)
            }
            Err(error) => {
                let (path, why) = (folder.to_owned(), error.to_string());
                (self.all.to_vec(), vec![UnusableFile { name: None, path, why, kept: true }])
            }
        };
        for wrong in unusable.iter().filter(|wrong| !self.unusable.contains(wrong)) {
            let UnusableFile { path, why, .. } = wrong;
            match (&wrong.name, wrong.kept) {
                (None, _) => tracing::error!("the endpoints stay as they were: {}: {why}; mend it", path.display()),
                (Some(name), true) => {
                    tracing::error!("endpoint {name} stays as it was: {}: {why}; mend it", path.display());
                }
                (Some(name), false) => tracing::error!(
                    "endpoint {name} is left out, and what waits for it goes on waiting: {}: {why}; mend it",
                    path.display()
                ),
            }
        }
        let same = *all == *self.all;
        self.unusable = unusable.into();
        if !same {
            tracing::info!("the endpoints have changed: there are {}", all.len());
            self.all = all.into();
            self.remember(sections);
        }
    }

    /// Sections and files together: what can be used, and what cannot.
    fn together(&self, sections: &[EndpointConfig]) -> (Vec<EndpointConfig>, Vec<UnusableFile>) {
        let (mut all, mut unusable) = (sections.to_vec(), Vec::new());
        for path in self.stamp.iter().map(|(path, ..)| PathBuf::from(path)) {
            let read = read(&path).and_then(|endpoint| {
                all.push(endpoint);
                check(&all).inspect_err(|_| drop(all.pop()))
            });
            let Err(why) = read else { continue };
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            let before = self.all[sections.len()..].iter().find(|endpoint| Some(&endpoint.name) == name.as_ref());
            let before = before.filter(|before| all.iter().all(|other| other.name != before.name));
            let kept = before.is_some() && all.len() < MAX_ENDPOINTS;
            all.extend(before.filter(|_| kept).cloned());
            unusable.push(UnusableFile { name, path, why, kept });
        }
        (all, unusable)
    }

    /// Has those count as known whose files were good when an engine ran last.
    fn recall(&mut self, sections: &[EndpointConfig]) {
        let Some(memory) = &self.memory else { return };
        let mut all = self.all.to_vec();
        for known in memory.recall() {
            let lost = |wrong: &UnusableFile| wrong.name.as_ref().is_none_or(|name| *name == known.name);
            if self.unusable.iter().any(lost) && all.iter().all(|other| other.name != known.name) {
                all.push(known);
            }
        }
        if check(&all).is_ok() && all.len() > sections.len() {
            self.all = all.into();
        }
    }

    fn remember(&self, sections: &[EndpointConfig]) {
        if let Some(memory) = &self.memory {
            memory.remember(self.all.get(sections.len()..).unwrap_or_default());
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
        let endpoints = Endpoints::from(vec![section]).beside(&site.path().join("config.toml"));
        assert_eq!(names(&endpoints), ["section"]);
        let folder = endpoints.folder().unwrap();
        std::fs::create_dir(folder).unwrap();
        std::fs::write(file_of(folder, "b"), text("b", "")).unwrap();
        std::fs::write(file_of(folder, "a"), text("a", "disabled = true")).unwrap();
        std::fs::write(folder.join("a.secret"), "no endpoint").unwrap();
        assert_eq!(names(&endpoints), ["section", "a", "b"]);
        assert_eq!(endpoints.disabled(), BTreeSet::from(["a".to_owned()]));
        assert!(endpoints.unusable().is_empty());
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
        // One that is wrong changes nothing of its own until it is mended, and holds up no other.
        std::fs::write(file_of(folder, "b"), "nonsense").unwrap();
        std::fs::remove_file(file_of(folder, "a")).unwrap();
        std::fs::write(file_of(folder, "d"), text("d", "")).unwrap();
        assert_eq!(names(&endpoints), ["section", "b", "d"]);
        let unusable = endpoints.unusable();
        assert!(matches!(&*unusable, [wrong] if wrong.name.as_deref() == Some("b") && wrong.kept), "{unusable:?}");
        std::fs::write(file_of(folder, "b"), text("b", "old_secret_until = \"2026-11-24T00:00:00Z\"")).unwrap();
        assert_eq!(names(&endpoints), ["section", "b", "d"]);
        // Whoever begins now has no better one, and serves the others.
        let begun = Endpoints::from(endpoints.sections().to_vec()).beside(&site.path().join("config.toml"));
        assert_eq!(names(&begun), ["section", "d"]);
        assert!(!begun.unusable()[0].kept && begun.unusable()[0].why.contains("old_secret_until"));
        std::fs::write(file_of(folder, "b"), text("b", "")).unwrap();
        for endpoints in [&endpoints, &begun] {
            assert_eq!(names(endpoints), ["section", "b", "d"]);
            assert!(endpoints.unusable().is_empty());
        }
    }

    #[test]
    fn a_file_under_another_name_and_one_name_twice_are_left_out_with_the_reason() {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(file_of(&folder, "b"), text("a", "")).unwrap();
        let config = site.path().join("config.toml");
        let endpoints = Endpoints::default().beside(&config);
        let unusable = endpoints.unusable();
        assert!(unusable[0].path.ends_with("b.toml") && unusable[0].why.contains("a.toml"), "{unusable:?}");
        std::fs::rename(file_of(&folder, "b"), file_of(&folder, "a")).unwrap();
        let section = toml::from_str(&text("a", "")).unwrap();
        let endpoints = Endpoints::from(vec![section]).beside(&config);
        assert_eq!(names(&endpoints), ["a"], "the section counts");
        assert!(endpoints.unusable()[0].why.contains("two endpoints are named a"), "{:?}", endpoints.unusable());
    }

    #[test]
    fn an_engine_that_starts_with_a_file_that_is_wrong_goes_on_with_what_was_good_when_one_ran_last() {
        let site = tempfile::tempdir().unwrap();
        let (folder, config) = (site.path().join(FOLDER), site.path().join("config.toml"));
        let memory = site.path().join("endpoints.json");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(file_of(&folder, "a"), text("a", "")).unwrap();
        let start = || {
            let endpoints = Endpoints::default().beside(&config);
            endpoints.remember_in(memory.clone());
            endpoints
        };
        let first = start();
        std::fs::write(file_of(&folder, "b"), text("b", "")).unwrap();
        assert_eq!(names(&first), ["a", "b"]);
        drop(first);
        std::fs::write(file_of(&folder, "b"), "nonsense").unwrap();
        std::fs::write(file_of(&folder, "c"), "never good").unwrap();
        let second = start();
        assert_eq!(names(&second), ["a", "b"]);
        let unusable: Vec<_> =
            second.unusable().iter().map(|wrong| (wrong.name.clone().unwrap(), wrong.kept)).collect();
        assert_eq!(unusable, [("b".to_owned(), true), ("c".to_owned(), false)]);
        // A file that is gone is no file that is wrong, and a memory that is damaged is none.
        std::fs::remove_file(file_of(&folder, "b")).unwrap();
        assert_eq!(names(&second), ["a"]);
        std::fs::write(file_of(&folder, "b"), "nonsense").unwrap();
        assert_eq!(names(&start()), ["a"]);
        std::fs::write(&memory, "nonsense").unwrap();
        assert_eq!(names(&start()), ["a"]);
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
