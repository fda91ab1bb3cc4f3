//! Wiring of each role.
