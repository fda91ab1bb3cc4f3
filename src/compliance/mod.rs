//! The law of the place as data: use case and jurisdiction in, rule out.
//!
//! Always holds: a pair without a rule is an error that says so, never a guess; the rules are data with a version and
//! their citations. Does not give legal advice, and does not know whether a sale needs a licence.

mod calendar;
mod jurisdiction;
mod rules;

pub use calendar::{PlaceDays, reaches_age_on};
pub use jurisdiction::{Jurisdiction, JurisdictionError};
pub use rules::{AgeTier, Rule, RuleBook, RuleBookError, RuleError, UseCase, UseCaseError};
