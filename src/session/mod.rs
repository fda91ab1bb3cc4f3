//! Evidence and policy in, decision and outcome out.
//!
//! Always holds: [`decide`] is total and pure; a decision is verified only when every piece of evidence that the policy
//! requires is there and right, so missing evidence never verifies; an [`Outcome`] is the only type that may reach disk
//! or network, and it has no field that could hold personal data. Device faults never come here: they are errors of the
//! shell, not failures of a person.

mod decision;
mod document_findings;
mod evidence;
mod outcome;
mod policy;
mod reason;

pub use decision::{Decision, NamedCheck, Verdict, decide};
pub use document_findings::{DocumentVerdict, document_findings, document_verdict};
pub use evidence::{CaptureEvidence, DocumentEvidence, EncodedSource, Evidence, LivenessEvidence};
pub use outcome::{Method, ModelDigests, Outcome, OutcomeResult, OutcomeSeed, Strength};
pub use policy::Policy;
pub use reason::{ReasonCode, ReasonEntry};
