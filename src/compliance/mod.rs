//! The law of the place as data: use case and jurisdiction in, rule out; and what bears on it: where the device is, and what
//! time it is.
//!
//! Always holds: a pair without a rule is an error that says so, never a guess; the rules are data with a version, and each names
//! what was read for it and when. Does not give legal advice, and does not know whether a sale needs a licence.

mod bundle;
mod calendar;
mod clock;
mod installed;
mod jurisdiction;
mod place;
mod rule;
mod rules;
mod table;
mod use_case;

pub use bundle::{
    Accepts, BundleError, MAX_BUNDLE_BYTES, PUBLISHER_KEY_BYTES, PublisherKey, PublisherKeyError, PublisherSecret,
    RegionText, TableTexts, open as open_bundle, seal as seal_bundle,
};
pub use calendar::{PlaceDays, reaches_age_on};
pub use clock::{
    ClockFault, ClockKeeper, ClockLook, ClockMark, ClockReading, ClockStep, ClockTrust, Confirmed,
    TOLERANCE as CLOCK_TOLERANCE, TRUSTED_FOR, TimeSource,
};
pub use installed::{Choice, Held, HeldBundles, InstallRefusal, PassedOver, Slot, choose, may_replace};
pub use jurisdiction::{Jurisdiction, JurisdictionError};
pub use place::{
    COARSEST_FIX_M, ClaimedPlace, FIX_COUNTS_FOR, FixAccuracy, FixAge, FixRegions, PlaceAgreement, PlaceEvidence,
    PlaceSource, Position, TunnelKind, regions_near,
};
pub use rule::{AllowedMethod, Merged, Rule, RuleError, Source, Terms};
pub use rules::{Coverage, RuleBook};
pub use table::RuleBookError;
pub use use_case::{AgeTier, UseCase, UseCaseError};
