//! The local HTTP API: one session service, two dialects.
//!
//! Here so far: how a session looks in each dialect, and the bodies of the events that tell of its end. Always holds: what
//! is rendered comes from a [`SessionRecord`](crate::session::SessionRecord) and an [`Outcome`](crate::session::Outcome),
//! neither of which has a field for personal data. Rendering reads no clock and opens nothing.

mod events;
mod view;

pub use events::{FinishedSession, event_body, event_name};
pub use view::{STRIPE_API_VERSION, session_view};
