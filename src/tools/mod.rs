//! What a person or a test calls by hand: `verify`, `inspect`, `specimen`, `demo`, `receiver`, the long-running roles, and
//! the operator's commands; and the simulated person, which stands before the demonstration's camera.
//!
//! Every command ends with one of the four statuses of [`Exit`]. Does not decide anything itself.

mod assets;
mod audit;
mod cameras;
mod clock;
mod demo;
mod device_key;
mod document_files;
mod endpoints;
mod exit;
pub mod inspect;
mod keys;
mod mail;
mod operator;
mod outbox;
pub mod receiver;
mod report;
pub mod roles;
mod rules;
pub mod simulated;
pub mod specimen;
mod staff;
mod store;
mod verify;
mod verify_webhook;

pub use assets::Assets;
pub use audit::{AuditArgs, audit};
pub use clock::{ClockArgs, clock};
pub use demo::{DemoArgs, demo};
pub use device_key::{DeviceKeyArgs, device_key};
pub use document_files::DocumentFiles;
pub use endpoints::{EndpointsArgs, endpoints};
pub use exit::{CommandError, Exit};
pub use keys::{KeysArgs, keys};
pub use mail::{MailArgs, mail};
pub use outbox::{OutboxArgs, outbox};
pub use roles::{EngineArgs, LayoutArg, RoleArgs, ScreenArgs, UiArgs};
pub use rules::{RulesArgs, rules};
pub use staff::{StaffArgs, staff};
pub use store::{StoreArgs, store};
pub use verify::{VerifyArgs, verify};
pub use verify_webhook::{VerifyWebhookArgs, verify_webhook};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::liveness::{Challenge, ChallengeError, Side};

/// Frames a second on a command line.
pub(crate) fn frames_a_second(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.1..=1000.0).contains(rate));
    rate.ok_or_else(|| "give frames a second between 0.1 and 1000".to_owned())
}

/// Today, the same on every machine.
pub(crate) fn today_utc() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// The challenge that recorded frames are scored against: the listed turns, or both sides in either order.
pub(crate) fn asked_challenge(steps: Option<&[Side]>) -> Result<Challenge, ChallengeError> {
    steps.map_or_else(|| Ok(Challenge::both_sides()), Challenge::fixed)
}
