//! Evidence and policy in, decision and outcome out.
//!
//! Always holds: [`decide`] is total and pure; a decision is verified only when every piece of evidence that the policy
//! requires is there and right, so missing evidence never verifies; an [`Outcome`] is the only type about a person
//! that may reach disk or network, and it has no field that could hold personal data. Device faults never come here: they are errors of the
//! shell, not failures of a person.

mod consent;
mod decision;
mod dialect;
mod document_findings;
mod evidence;
mod fault;
mod heartbeat;
mod hints;
mod id;
mod listing;
pub mod machine;
mod metadata;
mod outcome;
mod pass;
mod policy;
mod prompt;
pub mod protocol;
mod reason;
mod record;
mod request;
mod returning;
mod surroundings;

pub use consent::{Consent, ConsentText, ConsentTextError, ShownBy};
pub use decision::{Decision, NamedCheck, Verdict, decide, refuse};
pub use dialect::Dialect;
pub use document_findings::{DocumentVerdict, document_findings, document_verdict};
pub use evidence::{
    CaptureEvidence, DocumentEvidence, EncodedSource, Evidence, FeedEvidence, FlashEvidence, LivenessEvidence, Review,
};
pub use fault::DeviceFault;
pub use heartbeat::{ChainHead, HEARTBEAT_EVENT, HEARTBEAT_TYPE, Heartbeat, LeftOut, MAX_HEARTBEAT_GAPS};
pub use id::{SessionId, SessionIdError};
pub use listing::{CreatedRange, Idempotency, KeptOutcome, Page, SessionFilter, SessionStates};
pub use metadata::{Metadata, MetadataError};
pub use outcome::{Method, ModelDigests, Outcome, OutcomeResult, OutcomeSeed, Overriding, Strength};
pub use pass::{DeviceHint, NoPass, PASS_CHARACTERS, PASS_PREFIX, Pass, PassSeed, PassText, SignedPass, TrustedPass};
pub use policy::{Measure, Policy, ReviewFlag};
pub use prompt::{DocumentSide, Hint, PassNote, Prompt, Screen};
pub use reason::{Phase, ReasonCode, ReasonEntry};
pub use record::{AttemptsLeft, CanceledBy, SessionRecord, SessionState};
pub use request::{AllowedType, DetailError, DocumentOptions, SessionDetails};
pub use returning::{Credential, NoAnswer, ReturnProof, Returned, Reused, Wanted};
pub use surroundings::Surroundings;
