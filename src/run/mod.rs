//! Wiring: the only room besides `tools` that puts several shells together.
//!
//! Always holds: a fault of the device is an error here and never evidence against a person. Does not judge: it collects
//! evidence and hands it to `session`.

mod capture;
mod clock;
mod config;
mod document_reading;
mod endpoints;
mod engine;
mod finishing;
mod fleet;
mod heartbeats;
mod keys;
mod ordering;
mod outbox;
mod place;
mod portrait;
mod process;
mod rules;
mod socket;
mod staff;
mod stages;
mod supervisor;
mod sync_role;
#[cfg(test)]
pub(crate) mod test_support;
mod timekeeper;
mod turn_reading;
mod ui_role;
mod verification;
mod vision;
pub mod worker;

pub use clock::{Clock, SystemClock};
pub use config::{
    ApiConfig, CameraConfig, ClockConfig, Config, ConfigError, DeviceConfig, EndpointConfig, Endpoints, MailConfig,
    OutboxConfig, PlaceConfig, SessionConfig, SiteConfig,
};
pub use document_reading::{DocumentPictures, DocumentReading, DocumentSides};
pub use endpoints::{
    ENDPOINT_TEST, EndpointAnswer, EndpointChange, EndpointStanding, MAX_SECRET_GRACE, NewEndpoint, TestAnswer,
    UnusableEndpoint, change_endpoint, list_endpoints, note_change, test_endpoint,
};
pub use engine::{Decoder, EngineError, EngineParts, run as run_engine};
pub use fleet::FleetConfig;
pub use keys::{MAX_GRACE, order_keys};
pub use ordering::OrderError;
pub use outbox::OutboxDesk;
pub use place::{Borders, BordersError};
pub(crate) use portrait::read_portrait;
pub use process::{end_with_parent, leave_no_core_dump, run_role, tell_ready};
pub use rules::{RulesConfig, accepts, order_rules, table_of_device};
pub use socket::{Connection, EngineReader, EngineWriter, SocketError};
pub use staff::order_staff;
pub use stages::{StageReport, Stages};
pub use supervisor::{ChildSpec, SupervisorError, ask_to_stop, supervise};
pub use sync_role::{SyncRoleError, mailer, sync as run_sync};
pub use timekeeper::order_clock;
pub use turn_reading::TurnReading;
pub use ui_role::run_ui;
pub use verification::{Request, RequestError, Verification, Verifier, VerifyError};
