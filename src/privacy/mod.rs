//! Personal values: they wipe themselves when dropped, print as `[redacted]` and cannot be serialised. And anchors: keyed
//! hashes that recognise a document or a person again without holding either. And the keys of the API, with the keyed hashes
//! by which it knows them, a session's secret, and what it was asked before. And the names and codes of the staff, and the
//! codes that are sent to somebody's e-mail address. And the key that the boxes of a fleet share, with the keyed hash by which a
//! pass knows its document.
//!
//! Always holds: to look at a personal value one has to write `reveal`, so that every such place can be found; without the
//! key an anchor tells nothing, also to one who tries every name and date. Does not decide what is personal: the rooms
//! that read documents and faces do.

mod anchor;
mod api_key;
mod api_secrets;
mod digits;
mod fleet;
mod one_time_code;
mod personal;
mod staff;

pub(crate) use anchor::hexadecimal;
pub use anchor::{Anchor, AnchorKey, AnchorKind, AttemptMark, anchors, attempt_mark, document_anchor, person_anchor};
pub use api_key::{ApiKeyKind, ApiKeyRecord, ApiKeyShape, ApiKeyText, Scope, Scopes, Vocabulary};
pub use api_secrets::{ApiSecrets, ContactKind, KeyHash};
pub use fleet::{FleetKey, PassAnchor};
pub use one_time_code::{EmailAddress, OneTimeCode};
pub use personal::{Personal, PersonalDate};
pub(crate) use personal::{characters_of, text_of};
pub use staff::{StaffCode, StaffId, StaffIdError, StaffRecord};
