//! Who carries an event to its receiver: HTTP, or in the model test a receiver in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::session::protocol::Delivery;
use crate::sync::delivery::{Deliverer, Hindrance};
use crate::sync::schedule::Answer;

/// Carries events.
#[derive(Clone)]
pub(super) enum Carrier {
    /// To real receivers.
    Receivers(Arc<Deliverer>),
    /// To those of the model test.
    #[cfg(test)]
    Model(Arc<super::model::Receivers>),
}

impl Carrier {
    /// Sends one event once, and says what came back.
    pub(super) async fn attempt(&self, delivery: &Delivery) -> Answer {
        match self {
            Self::Receivers(deliverer) => deliverer.attempt(delivery).await,
            #[cfg(test)]
            Self::Model(receivers) => receivers.attempt(delivery).await,
        }
    }

    /// Why an event cannot be sent at all, where it cannot.
    pub(super) fn hindrance(&self, delivery: &Delivery) -> Option<Hindrance> {
        match self {
            Self::Receivers(deliverer) => deliverer.hindrance(delivery),
            #[cfg(test)]
            Self::Model(_) => None,
        }
    }

    /// Endpoints of which nothing is wanted.
    pub(super) fn left_out(&self) -> &BTreeSet<String> {
        #[cfg(test)]
        static NONE: BTreeSet<String> = BTreeSet::new();
        match self {
            Self::Receivers(deliverer) => deliverer.left_out(),
            #[cfg(test)]
            Self::Model(_) => &NONE,
        }
    }

    /// Whether an endpoint that is not known is none.
    pub(super) fn knows_all(&self) -> bool {
        match self {
            Self::Receivers(deliverer) => deliverer.knows_all(),
            #[cfg(test)]
            Self::Model(_) => true,
        }
    }

    /// Where an endpoint's events go to; nothing where it is not known.
    pub(super) fn address(&self, endpoint: &str) -> Option<&str> {
        match self {
            Self::Receivers(deliverer) => deliverer.address(endpoint),
            #[cfg(test)]
            Self::Model(_) => None,
        }
    }

    #[cfg(test)]
    pub(super) fn redelivers(&self) -> bool {
        match self {
            Self::Receivers(deliverer) => deliverer.redelivers(),
            Self::Model(_) => true,
        }
    }
}
