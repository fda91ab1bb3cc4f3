//! Signing and delivery of outcomes to the shop's backend.
