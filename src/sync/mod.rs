//! Signing and delivery of outcomes to the shop's backend, and of letters with codes to its mail server.
//!
//! Always holds: an event is acknowledged only after a receiver answered 2xx to a request that was signed when it was
//! sent; whatever else happens, the event stays with the engine and is tried again or shown among the dead letters; every
//! wait, body and queue has a limit. A letter gets one try. Knows the endpoints' secrets, the mail server's password and the
//! socket, and nothing of the camera, the models, the database or the device's key. Does not open the socket itself: [`run()`] speaks over a pair of channels.

mod delivery;
mod endpoint;
mod mail;
mod post_office;
mod run;
mod schedule;
mod signature;

pub use delivery::{Deliverer, DelivererError, DeliveryLimits, choose_cryptography, is_live};
pub use endpoint::{Endpoint, EndpointError, EndpointName, shown_address, takes_live};
pub use mail::{
    MAIL_LIMIT, MAX_LETTERS_AT_ONCE, MailError, MailLogin, MailSecurity, MailServer, MailSettings, MailSettingsError,
    Mailer, OpenMail, Sender, ShopName, check_user,
};
pub use run::{Dispatch, EngineLink, MAX_IN_HAND, MAX_OF_ENDPOINT, Roster, STOP_LIMIT, SyncError, run};
pub use schedule::{Answer, Change, CircuitBounds, Circuits, Flow, NoAnswer, RetryBounds, Schedule, retry_after};
pub use signature::{
    MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_SECRETS, SIGNATURE_HEADERS, STANDARD_HEADERS, SecretError, SignatureError,
    StandardSignature, TOLERANCE_SECONDS, WebhookSecret, sign, sign_standard, verify, verify_standard,
};
