//! `carded endpoints`: where outcomes go, as an operator adds, lists, rotates, tests, disables and enables it.
//!
//! The configuration stays the truth: an endpoint that is added is a file of `endpoints.d` beside it, with its secret in another
//! file that only its owner may read. Engine and sync read the folder again by themselves. Always holds: a file appears whole
//! and on disk, or not at all; of two commands at once the second begins when the first has ended; a secret's text leaves here once, in the answer that made it; what was good before a failed
//! change still is. Sections of the configuration's own file are listed and tested, and never changed.

mod reader;

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::fs::OFlags;
use serde::Serialize;
use serde_json::json;

use super::config::{Config, EndpointConfig, MAX_ENDPOINTS, file_of};
use super::ordering::{OrderError, random};
use super::outbox::OutboxDesk;
use super::sync_role;
use crate::privacy::Vocabulary;
use crate::session::Dialect;
use crate::session::protocol::{Delivery, EndpointDeed, OutboxOrder, Settlement};
use crate::store::Store;
use crate::sync::{Deliverer, DeliveryLimits, RetryBounds, Schedule, WebhookSecret, shown_address, takes_live};

/// The name of the event of a test.
pub const ENDPOINT_TEST: &str = "carded.endpoint.test";
/// Longest time for which an old secret goes on being used.
pub const MAX_SECRET_GRACE: Duration = Duration::from_hours(24 * 30);

/// An endpoint to be added.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Its name.
    pub name: String,
    /// Where to.
    pub url: String,
    /// Which event names and bodies it gets.
    pub dialect: Dialect,
    /// Which words it gets.
    pub vocabulary: Vocabulary,
    /// Certificates (PEM) that the receiver's is checked by, instead of the system's roots.
    pub ca_file: Option<PathBuf>,
    /// A file with the secret that the receiver has already; a new one is made without it.
    pub secret_file: Option<PathBuf>,
}

/// What is to be done about an endpoint.
#[derive(Debug, Clone)]
pub enum EndpointChange {
    /// Have events go to it.
    Add(NewEndpoint),
    /// Make a new secret; both are used until the grace is over.
    Rotate {
        /// Of which.
        name: String,
        /// For how long.
        grace: Duration,
    },
    /// Use the new secret alone from now on.
    FinishRotation {
        /// Of which.
        name: String,
    },
    /// Write no new events for it, and send none of those that wait; they are kept.
    Disable {
        /// Which.
        name: String,
    },
    /// The other way round.
    Enable {
        /// Which.
        name: String,
    },
}

/// What is known of an endpoint, without what is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointStanding {
    /// Its name.
    pub name: String,
    /// Scheme, host and port of its address: what follows may be a token.
    pub address: String,
    /// Which event names and bodies it gets.
    pub dialect: Dialect,
    /// In which words.
    pub vocabulary: Vocabulary,
    /// Whether it gets new events.
    pub enabled: bool,
    /// Whether it gets live events, and not only those of tests.
    pub takes_live: bool,
    /// Secrets that are in force.
    pub secrets: usize,
    /// When the older of two is used no more, in seconds since 1970.
    pub old_secret_until: Option<i64>,
    /// Certificates that the receiver's is checked by; none for the system's roots.
    pub ca_file: Option<PathBuf>,
    /// Whether it has a file of its own, so that these commands can change it.
    pub own_file: bool,
}

/// An endpoint that cannot be used, and gets nothing until it is mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnusableEndpoint {
    /// Its name; that of the folder, where that cannot be listed.
    pub name: String,
    /// Why, and what to do.
    pub why: String,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct EndpointAnswer {
    /// All endpoints, or the one that was changed.
    pub endpoints: Vec<EndpointStanding>,
    /// Those among them, and files beside them, that `carded sync` cannot use.
    pub unusable: Vec<UnusableEndpoint>,
    /// The text of a secret that was made: shown once.
    pub secret: Option<String>,
}

/// Shows no secret.
impl std::fmt::Debug for EndpointAnswer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EndpointAnswer").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// What a receiver said to a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestAnswer {
    /// The endpoint.
    pub name: String,
    /// The event's identifier, for the receiver's log.
    pub event: String,
    /// Whether the receiver acknowledged it.
    pub acknowledged: bool,
    /// What came back otherwise, and what to do.
    pub why: Option<String>,
}

/// All endpoints, by name.
#[must_use]
pub fn list_endpoints(config: &Config) -> EndpointAnswer {
    let mut endpoints: Vec<_> = config.endpoints.current().iter().map(|one| standing(config, one)).collect();
    endpoints.sort_by(|one, other| one.name.cmp(&other.name));
    let wrong = config.endpoints.unusable();
    let wrong = wrong.iter().map(|file| UnusableEndpoint {
        name: file.name.clone().unwrap_or_else(|| file.path.display().to_string()),
        why: format!("{}: {}; mend it", file.path.display(), file.why),
    });
    let all = config.endpoints.current();
    let unusable = wrong.chain(all.iter().filter_map(|one| reader::why_not(config, one))).collect();
    EndpointAnswer { endpoints, unusable, secret: None }
}

/// Does something about an endpoint.
///
/// # Errors
/// [`OrderError`], which says what to do; nothing was changed then.
pub fn change_endpoint(config: &Config, change: &EndpointChange) -> Result<EndpointAnswer, OrderError> {
    let now = Timestamp::now();
    // Let go of when this has ended, however it does. What another command has changed meanwhile is read behind it.
    let _lock = lock(folder(config)?)?;
    let (endpoint, secret) = match change {
        EndpointChange::Add(new) => add(config, new)?,
        EndpointChange::Rotate { name, grace } => rotate(config, name, *grace, now)?,
        EndpointChange::FinishRotation { name } => {
            let endpoint = own(config, name)?;
            if endpoint.secret_files.len() < 2 {
                return Err(OrderError::Invalid(format!("the secret of {name} is not being rotated")));
            }
            (drop_old_secret(config, endpoint)?, None)
        }
        EndpointChange::Disable { name } => {
            (write(config, EndpointConfig { disabled: true, ..own(config, name)? })?, None)
        }
        EndpointChange::Enable { name } => {
            (write(config, EndpointConfig { disabled: false, ..own(config, name)? })?, None)
        }
    };
    let endpoints = vec![standing(config, &endpoint)];
    Ok(EndpointAnswer { endpoints, unusable: reader::why_not(config, &endpoint).into_iter().collect(), secret })
}

/// Waits until no other command changes a folder, and keeps all others out for as long as the handle is there.
fn lock(folder: &Path) -> Result<File, OrderError> {
    let locked = File::open(folder).and_then(|opened| opened.lock().map(|()| opened));
    locked.map_err(|error| unwritten(folder, &error))
}

/// Writes into the audit chain that an endpoint was changed. A device that has not been started yet has none.
///
/// # Errors
/// [`OrderError`] when it cannot be written; the change itself stands.
pub async fn note_change(config: &Config, change: &EndpointChange) -> Result<(), OrderError> {
    let deed = match change {
        EndpointChange::Add(_) => EndpointDeed::Added,
        EndpointChange::Rotate { .. } | EndpointChange::FinishRotation { .. } => EndpointDeed::Rotated,
        EndpointChange::Disable { .. } => EndpointDeed::Disabled,
        EndpointChange::Enable { .. } => EndpointDeed::Enabled,
    };
    if Store::is_in(&config.device.state) {
        OutboxDesk::open(config).await?.order(OutboxOrder::Note { deed }).await?;
    }
    Ok(())
}

/// Sends one signed event of a test to a receiver, also to one that is disabled; never an outcome.
///
/// # Errors
/// [`OrderError`] when the endpoint or its secrets cannot be used.
pub async fn test_endpoint(config: &Config, name: &str, limits: DeliveryLimits) -> Result<TestAnswer, OrderError> {
    let all = config.endpoints.current();
    let endpoint = all.iter().find(|endpoint| endpoint.name == name).ok_or_else(|| unknown(name))?;
    let receiver = sync_role::endpoint(endpoint, Timestamp::now()).map_err(invalid)?;
    let deliverer = Deliverer::new(vec![receiver], limits).map_err(invalid)?;
    let event = Store::event_id()?;
    let body = json!({
        "id": event,
        "object": "event",
        "api_version": null,
        "created": Timestamp::now().as_second(),
        "livemode": false,
        "data": { "object": { "id": format!("test_{name}"), "object": ENDPOINT_TEST, "status": "test" } },
        "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null },
        "type": ENDPOINT_TEST,
    });
    let delivery =
        Delivery { delivery: 0, event: event.clone(), endpoint: name.to_owned(), body: body.to_string(), attempts: 0 };
    let answer = deliverer.attempt(&delivery).await;
    let meant = Schedule::new(RetryBounds::default()).settle(0, 0, &answer, Duration::ZERO, 0.0);
    let why = match meant {
        Settlement::Acknowledged => None,
        Settlement::Retry { why, .. } | Settlement::Dead { why } => Some(why),
        Settlement::Untried => Some("it was not sent".to_owned()),
    };
    Ok(TestAnswer { name: name.to_owned(), event, acknowledged: why.is_none(), why })
}

fn standing(config: &Config, endpoint: &EndpointConfig) -> EndpointStanding {
    let now = Timestamp::now();
    EndpointStanding {
        name: endpoint.name.clone(),
        address: shown_address(&endpoint.url),
        dialect: endpoint.dialect,
        vocabulary: endpoint.vocabulary,
        enabled: !endpoint.disabled,
        takes_live: takes_live(&endpoint.url),
        secrets: endpoint.secrets_at(now).len(),
        old_secret_until: endpoint.old_secret_until.filter(|until| *until > now).map(Timestamp::as_second),
        ca_file: endpoint.ca_file.clone(),
        own_file: !config.endpoints.sections().iter().any(|section| section.name == endpoint.name),
    }
}

fn unknown(name: &str) -> OrderError {
    OrderError::Invalid(format!("there is no endpoint {name}; see 'carded endpoints list'"))
}

fn invalid(why: impl std::fmt::Display) -> OrderError {
    OrderError::Invalid(why.to_string())
}

/// The endpoint of a name that has a file of its own.
fn own(config: &Config, name: &str) -> Result<EndpointConfig, OrderError> {
    if config.endpoints.sections().iter().any(|section| section.name == name) {
        return Err(OrderError::Invalid(format!(
            "endpoint {name} stands in the configuration's own file, which these commands leave alone; change its \
             [[endpoint]] section there and restart"
        )));
    }
    refuse_wrong(config, name)?;
    config.endpoints.current().iter().find(|endpoint| endpoint.name == name).cloned().ok_or_else(|| unknown(name))
}

/// The folder of the endpoints' files, made where it is not there.
fn folder(config: &Config) -> Result<&Path, OrderError> {
    let folder = config.endpoints.folder().ok_or_else(|| invalid("the configuration has no file"))?;
    if !folder.exists() {
        let made = (|| {
            DirBuilder::new().mode(0o755).create(folder)?;
            let flags = (OFlags::NOFOLLOW | OFlags::DIRECTORY).bits().cast_signed();
            let opened = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(folder)?;
            // Whatever the mask of whoever calls this: the engine has to list it.
            opened.set_permissions(std::fs::Permissions::from_mode(0o755))?;
            if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                as_owned(&opened, folder, parent);
            }
            Ok(())
        })();
        made.map_err(|error| unwritten(folder, &error))?;
    }
    Ok(folder)
}

/// Refuses what a file that is wrong stands in the way of.
fn refuse_wrong(config: &Config, name: &str) -> Result<(), OrderError> {
    match config.endpoints.unusable().iter().find(|file| file.name.as_deref() == Some(name)) {
        None => Ok(()),
        Some(file) => Err(OrderError::Invalid(format!(
            "the file of endpoint {name} cannot be used ({}: {}); mend it or delete it first",
            file.path.display(),
            file.why
        ))),
    }
}

fn add(config: &Config, new: &NewEndpoint) -> Result<(EndpointConfig, Option<String>), OrderError> {
    refuse_wrong(config, &new.name)?;
    let all = config.endpoints.current();
    if all.iter().any(|endpoint| endpoint.name == new.name) {
        return Err(OrderError::Invalid(format!(
            "there is an endpoint {} already; rotate, disable or enable it, or choose another name",
            new.name
        )));
    }
    if all.len() >= MAX_ENDPOINTS {
        return Err(OrderError::Invalid(format!("there are {MAX_ENDPOINTS} endpoints already, which is the most")));
    }
    let absolute = |path: &PathBuf| std::path::absolute(path).map_err(invalid);
    let given = new.secret_file.as_ref().map(absolute).transpose()?;
    let mut endpoint = EndpointConfig {
        name: new.name.clone(),
        url: new.url.clone(),
        dialect: new.dialect,
        vocabulary: new.vocabulary,
        secret_files: given.iter().cloned().collect(),
        old_secret_until: None,
        ca_file: new.ca_file.as_ref().map(absolute).transpose()?,
        disabled: false,
        heartbeats: true,
    };
    // What sync would refuse is refused before anything is written.
    if given.is_some() {
        sync_role::endpoint(&endpoint, Timestamp::now()).map_err(invalid)?;
        return Ok((write(config, endpoint)?, None));
    }
    let text = WebhookSecret::text_from_random(&*random()?);
    let secret = WebhookSecret::new(&text).map_err(invalid)?;
    sync_role::endpoint_with(&endpoint, vec![secret]).map_err(invalid)?;
    let file = write_secret(config, &new.name, &text)?;
    endpoint.secret_files = vec![file.clone()];
    match write(config, endpoint) {
        Ok(endpoint) => Ok((endpoint, Some(text.to_string()))),
        Err(error) => {
            // Nobody refers to it.
            let _ = std::fs::remove_file(file);
            Err(error)
        }
    }
}

fn rotate(
    config: &Config,
    name: &str,
    grace: Duration,
    now: Timestamp,
) -> Result<(EndpointConfig, Option<String>), OrderError> {
    let mut endpoint = own(config, name)?;
    if grace > MAX_SECRET_GRACE {
        return Err(OrderError::Invalid("both secrets are used for 30 days at most; shorten --grace".to_owned()));
    }
    if endpoint.secrets_at(now).len() > 1 {
        return Err(OrderError::Invalid(format!(
            "the secret of {name} is being rotated already; give the receiver the new one, and run 'carded endpoints rotate \
             {name} --finish'"
        )));
    }
    if endpoint.secret_files.len() > 1 {
        endpoint = drop_old_secret(config, endpoint)?;
    }
    let text = WebhookSecret::text_from_random(&*random()?);
    let new = write_secret(config, name, &text)?;
    let old = endpoint.secret_files.swap_remove(0);
    endpoint.secret_files = vec![new.clone(), old];
    let grace = SignedDuration::try_from(grace).unwrap_or_default();
    endpoint.old_secret_until = Some(now.saturating_add(grace).unwrap_or(now));
    match write(config, endpoint) {
        Ok(endpoint) => Ok((endpoint, Some(text.to_string()))),
        Err(error) => {
            let _ = std::fs::remove_file(new);
            Err(error)
        }
    }
}

/// Leaves the newer of two secrets, and deletes the file of the older, where it is one that was made here.
fn drop_old_secret(config: &Config, endpoint: EndpointConfig) -> Result<EndpointConfig, OrderError> {
    let old = endpoint.secret_files.get(1).cloned();
    let secret_files = endpoint.secret_files.iter().take(1).cloned().collect();
    let endpoint = write(config, EndpointConfig { secret_files, old_secret_until: None, ..endpoint })?;
    let made_here = |path: &PathBuf| path.parent().is_some_and(|parent| Some(parent) == config.endpoints.folder());
    if let Some(old) = old.filter(made_here)
        && let Err(error) = std::fs::remove_file(&old)
    {
        tracing::warn!("the old secret {} is no longer used and cannot be deleted: {error}; delete it", old.display());
    }
    Ok(endpoint)
}

/// Writes an endpoint's file, in the place of the one that is there.
fn write(config: &Config, endpoint: EndpointConfig) -> Result<EndpointConfig, OrderError> {
    let folder = folder(config)?;
    let text = toml::to_string(&endpoint).map_err(invalid)?;
    let path = file_of(folder, &endpoint.name);
    write_whole(&path, text.as_bytes(), mode_for(config, &path, folder), folder)?;
    Ok(endpoint)
}

/// An endpoint's file keeps the mode that it has. A new one may be read by whoever may read the configuration, because engine and
/// sync read both: by the group alone where that is so there and the group is the same, and by everybody otherwise.
fn mode_for(config: &Config, path: &Path, folder: &Path) -> u32 {
    if let Ok(found) = path.metadata() {
        return found.permissions().mode() & 0o666;
    }
    let (of_config, folder) = (config.endpoints.config_file().and_then(|file| file.metadata().ok()), folder.metadata());
    match (of_config, folder) {
        (Some(file), Ok(folder)) if file.mode() & 0o004 == 0 && file.gid() == folder.gid() => 0o640,
        _ => 0o644,
    }
}

/// Writes a new secret under a name of its own; only its owner may read it.
fn write_secret(config: &Config, name: &str, text: &str) -> Result<PathBuf, OrderError> {
    let folder = folder(config)?;
    let folder = std::path::absolute(folder).map_err(invalid)?;
    let number = u32::from_be_bytes(*random()?);
    let path = folder.join(format!("{name}.{number:08x}.secret"));
    write_whole(&path, text.as_bytes(), 0o600, &folder)?;
    Ok(path)
}

/// Whole and on disk, or not at all; owned as the folder is.
fn write_whole(path: &Path, bytes: &[u8], mode: u32, folder: &Path) -> Result<(), OrderError> {
    let written = (|| {
        let mut draft = tempfile::Builder::new().prefix(".draft").tempfile_in(folder)?;
        draft.write_all(bytes)?;
        draft.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
        as_owned(draft.as_file(), path, folder);
        draft.as_file().sync_all()?;
        draft.persist(path)?;
        File::open(folder)?.sync_all()
    })();
    written.map_err(|error| unwritten(path, &error))
}

/// What root writes belongs to whoever the folder belongs to: `carded sync` has to read it.
/// By its handle: in a folder that is somebody else's, a name may mean another file by now.
fn as_owned(file: &File, path: &Path, folder: &Path) {
    if rustix::process::geteuid().is_root()
        && let Ok(found) = folder.metadata()
        && let Err(error) = fchown(file, Some(found.uid()), Some(found.gid()))
    {
        tracing::warn!("{} stays root's: {error}; give it to the user of 'carded sync'", path.display());
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> OrderError {
    OrderError::Invalid(format!(
        "{} cannot be written: {error}; run this as root or as the owner of the folder",
        path.display()
    ))
}
