//! Who carries an event to its receiver: HTTP, or in the model test a receiver in memory.

use std::sync::Arc;

use crate::session::protocol::Delivery;
use crate::sync::delivery::Deliverer;
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

    #[cfg(test)]
    pub(super) fn redelivers(&self) -> bool {
        match self {
            Self::Receivers(deliverer) => deliverer.redelivers(),
            Self::Model(_) => true,
        }
    }
}
