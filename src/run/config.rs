//! The configuration file: read once in `main`, passed on as values.
//!
//! Always holds: an unknown key or a value out of range is refused with its name; secrets are never in this file, only
//! the paths of the files that hold them. Does not read the secrets: the role that needs one does.

mod endpoints;
mod mail;
mod outbox;
mod place;
mod sessions;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub(crate) use endpoints::file_of;
pub use endpoints::{EndpointConfig, Endpoints, MAX_ENDPOINTS};
pub use mail::MailConfig;
pub use outbox::OutboxConfig;
pub use place::{ClockConfig, PlaceConfig};
pub use sessions::SessionConfig;

use super::fleet::FleetConfig;
use super::rules::RulesConfig;
use crate::api::{Certificate, Listen};
use crate::camera::{CameraPin, PixelFormat};
use crate::compliance::{Jurisdiction, UseCase};
use crate::store::KeyPlaces;

/// Most bytes of a configuration file.
const MAX_BYTES: u64 = 64 * 1024;

/// Everything that is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// This box.
    pub device: DeviceConfig,
    /// The place and what is sold there.
    pub site: SiteConfig,
    /// Where the pictures come from.
    pub camera: CameraConfig,
    /// How often a person may try.
    #[serde(default)]
    pub sessions: SessionConfig,
    /// How the device finds out where it is.
    #[serde(default)]
    pub place: PlaceConfig,
    /// Who sets its clock.
    #[serde(default)]
    pub clock: ClockConfig,
    /// Where the HTTP API is served; nowhere without this section.
    #[serde(default)]
    pub api: Option<ApiConfig>,
    /// How letters are sent to people who come again; not at all without this section.
    #[serde(default)]
    pub mail: Option<MailConfig>,
    /// Whose rule tables are taken.
    #[serde(default)]
    pub rules: RulesConfig,
    /// Where outcomes go.
    #[serde(default, rename = "endpoint")]
    pub endpoints: Endpoints,
    /// From when on the outbox is an alarm.
    #[serde(default)]
    pub outbox: OutboxConfig,
    /// The fleet that this box belongs to; alone without this section.
    #[serde(default)]
    pub fleet: FleetConfig,
}

/// Where the HTTP API is served.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// The address; beyond loopback only with a certificate. An empty text listens on no address.
    #[serde(deserialize_with = "listen_address")]
    pub listen: Option<SocketAddr>,
    /// A Unix socket, for programs on this box.
    pub socket: Option<PathBuf>,
    /// The certificate's chain, as PEM; read again when it has changed.
    pub tls_certificate: Option<PathBuf>,
    /// Its private key, as PEM.
    pub tls_key: Option<PathBuf>,
    /// Whether a session waits until its display starts it, instead of being shown as soon as it is made.
    pub sessions_wait: bool,
}

impl Default for ApiConfig {
    fn default() -> Self {
        let listen = Some(SocketAddr::from(([127, 0, 0, 1], 8480)));
        Self { listen, socket: None, tls_certificate: None, tls_key: None, sessions_wait: false }
    }
}

impl ApiConfig {
    /// The places to listen on.
    #[must_use]
    pub fn places(&self) -> Vec<Listen> {
        let certificate = self.tls_certificate.clone().zip(self.tls_key.clone());
        let certificate = certificate.map(|(chain, key)| Certificate { chain, key });
        let tcp = self.listen.map(|address| Listen::Tcp { address, certificate });
        tcp.into_iter().chain(self.socket.clone().map(Listen::Unix)).collect()
    }
}

/// This box.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfig {
    /// Folder of the database and the keys; only the engine opens it.
    pub state: PathBuf,
    /// The Unix socket on which the roles meet.
    pub socket: PathBuf,
    /// Users besides the engine's own and root that may show prompts, by number.
    #[serde(default)]
    pub display_users: Vec<u32>,
    /// Users that may start sessions for a till.
    #[serde(default)]
    pub till_users: Vec<u32>,
    /// Users that may deliver events.
    #[serde(default)]
    pub sync_users: Vec<u32>,
    /// Folder of the credentials that systemd lends to this service; the environment says it, not the file.
    #[serde(skip)]
    pub credentials: Option<PathBuf>,
}

impl DeviceConfig {
    /// Where the store and its keys are.
    #[must_use]
    pub fn places(&self) -> KeyPlaces {
        KeyPlaces::new(&self.state, self.credentials.as_deref())
    }
}

/// The place and what is sold there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    /// By ISO 3166-2, such as `US-CA`.
    #[serde(deserialize_with = "jurisdiction")]
    pub jurisdiction: Jurisdiction,
    /// What a session is for when nobody says otherwise.
    pub use_case: UseCase,
    /// Where the device stands, in degrees north of the equator,
    pub latitude: Option<f64>,
    /// and in degrees east of Greenwich. Both or none.
    pub longitude: Option<f64>,
}

/// Where the pictures come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, tag = "source", rename_all = "snake_case")]
pub enum CameraConfig {
    /// A camera of the kernel's.
    V4l2 {
        /// Its path, such as `/dev/v4l/by-id/usb-…-video-index0`.
        device: PathBuf,
        /// Which camera it has to be.
        #[serde(default)]
        pin: Option<CameraPin>,
        /// Width in pixels.
        #[serde(default = "default_width")]
        width: u32,
        /// Height in pixels.
        #[serde(default = "default_height")]
        height: u32,
        /// Frames a second.
        #[serde(default = "default_rate")]
        fps: u32,
        /// How it codes its pictures.
        #[serde(default = "default_pixels", deserialize_with = "pixel_format")]
        pixels: PixelFormat,
    },
    /// Frames from a folder or a video: never live.
    Replay {
        /// The folder or file.
        path: PathBuf,
        /// Frames a second of a folder.
        #[serde(default = "default_replay_rate")]
        fps: f64,
    },
    /// Rendered people, one a session, over and over: never live.
    Simulated {
        /// Which parts they play.
        parts: Vec<String>,
    },
}

impl CameraConfig {
    /// Whether what is decided on its pictures can be live.
    #[must_use]
    pub fn may_be_live(&self) -> bool {
        match self {
            Self::V4l2 { .. } => true,
            Self::Replay { .. } | Self::Simulated { .. } => false,
        }
    }

    /// Frames a second that the camera gives at most, where it has to keep to a rate.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        match self {
            Self::V4l2 { fps, .. } => Some(f64::from(*fps)),
            Self::Replay { .. } | Self::Simulated { .. } => None,
        }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not readable.
    #[error("the configuration {path} cannot be read: {source}; give its path with --config", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not of the expected form.
    #[error("the configuration {path} is wrong: {message}", path = path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
}

impl Config {
    /// Reads a file, and those of the endpoints beside it.
    ///
    /// # Errors
    /// [`ConfigError`] with what is wrong in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
            let message = format!("it is longer than {MAX_BYTES} bytes");
            return Err(ConfigError::Form { path: path.to_owned(), message });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let mut config = Self::parse(&text).map_err(|message| ConfigError::Form { path: path.to_owned(), message })?;
        config.endpoints = config.endpoints.beside(path);
        // systemd.exec(5); the only place that asks.
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        config.device.credentials = credentials.filter(|folder| folder.is_absolute());
        Ok(config)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong in it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        self.check_place()?;
        let attempts = [self.sessions.document_attempts, self.sessions.face_attempts];
        if !attempts.iter().all(|count| (1..=10).contains(count)) {
            return Err("sessions.document_attempts and sessions.face_attempts must be 1 to 10".to_owned());
        }
        if !(1..=10_000).contains(&self.sessions.failed_attempts_per_hour) {
            return Err("sessions.failed_attempts_per_hour must be 1 to 10000: there is no unlimited".to_owned());
        }
        if !(1..=100).contains(&self.sessions.failed_faces_per_document) {
            return Err("sessions.failed_faces_per_document must be 1 to 100: there is no unlimited".to_owned());
        }
        if !(1..=1000).contains(&self.sessions.document_uses_per_day) {
            return Err("sessions.document_uses_per_day must be 1 to 1000".to_owned());
        }
        if let Some(triage) = &self.sessions.age_triage {
            if triage.jurisdictions.is_empty() || triage.use_cases.is_empty() {
                return Err(
                    "sessions.age_triage needs the jurisdictions and use_cases that it is allowed for".to_owned()
                );
            }
            if let Some(case) = triage.use_cases.iter().find(|case| case.asks_identity()) {
                return Err(format!("sessions.age_triage cannot be used for {case}: that asks who the person is"));
            }
        }
        if let Some(api) = &self.api {
            if api.tls_certificate.is_some() != api.tls_key.is_some() {
                return Err("api.tls_certificate and api.tls_key belong together; set both or none".to_owned());
            }
            if api.places().is_empty() {
                return Err("api.listen and api.socket are both empty; set one, or leave the section out".to_owned());
            }
        }
        self.fleet.check()?;
        self.outbox.check()?;
        endpoints::check(self.endpoints.sections())
    }
}

fn listen_address<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let invalid = |_| {
        let message = format!("{text:?} is no address with a port; write one such as 127.0.0.1:8480");
        serde::de::Error::custom(message)
    };
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(invalid) }
}

fn default_width() -> u32 {
    1920
}

fn default_height() -> u32 {
    1080
}

fn default_rate() -> u32 {
    30
}

fn default_pixels() -> PixelFormat {
    PixelFormat::Mjpeg
}

fn pixel_format<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<PixelFormat, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "mjpeg" => Ok(PixelFormat::Mjpeg),
        "yuyv" => Ok(PixelFormat::Yuyv),
        other => Err(serde::de::Error::custom(format!("{other:?} is no pixel format; use mjpeg or yuyv"))),
    }
}

fn default_replay_rate() -> f64 {
    30.0
}

fn jurisdiction<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<Jurisdiction, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
